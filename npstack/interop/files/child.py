"""A process of its own, with limits, for what other people's C, C++ and Rust read.

The parent gives the file, open, as standard input, and a temporary file without a name as standard
output. That holds what is asked for, as JSON, which has no limit of length there, and then the
answer, in the form of safetensors; no path and no pickle is sent. Before the child reads, it gets
limits of memory, of time and of what it writes, and may no longer start programs, open files for
writing, or speak to a network.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from npstack.core import errors
from npstack.core.errors import (
    DataError,
    MissingPackageError,
    NpstackError,
    fail,
    optional_package,
)
from npstack.core.numerics import Array
from npstack.interop.files import safetensors_files
from npstack.interop.files.stored import SPOILT, most_bytes, words_of

SECONDS, RATE, WAIT = 6, 20_000_000, 120  # of the processor, bytes per second more; of the clock
ROOM, SPACE = 2**28, 2**25  # bytes beyond the arrays: memory, and the answer's list
BEGIN = "import sys, json; asked = json.load(open(1, 'rb', closefd=False)); "
BEGIN += "sys.path[:] = asked['path']; "
BEGIN += "from npstack.interop.files.child import serve; serve(asked)"
PACKAGE = Path(__file__).parents[3]
QUIET = {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore", "HDF5_PLUGIN_PRELOAD": "::"}
STOPPED = "Is it a file that you trust? Read it with its own program, and pass the arrays."
FORBIDDEN = (
    *("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.startfile"),
    *("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate"),
    *("os.putenv", "subprocess.", "socket.", "shutil.", "ctypes.dlopen", "pty.", "ftplib."),
    *("urllib.", "smtplib.", "webbrowser."),
)


def in_child(
    function: str, source: BinaryIO | bytes, *args: Any, where: str, package: str | None = None
) -> tuple[Any, dict[str, Array]]:
    """Call a function of npstack with a file, in a process with limits.

    Parameters
    ----------
    function : str
        ``"module:name"``. It is called with a binary stream at its beginning and with ``args``, and
        returns a plain value, as JSON has them, and a dictionary of arrays.
    source : open file or bytes
        What it reads.
    *args
        Plain values.
    where : str
        The function that the user called, and the file, for errors.
    package : str, optional
        What it imports; loaded before the limits are set.

    Returns
    -------
    value, arrays

    Raises
    ------
    NpstackError
        What the function raised.
    DataError
        It raised something else, exceeded a limit, or the process crashed.
    MissingPackageError
        There is no such package.
    """
    size = len(source) if isinstance(source, bytes) else source.seek(0, io.SEEK_END)
    seconds = SECONDS + size // RATE
    path = [os.path.abspath(part) for part in sys.path if part] + [str(PACKAGE)]
    request: dict[str, Any] = {"path": path, "function": function, "args": args, "where": where}
    request |= {"package": package, "seconds": seconds, "most": most_bytes(size)}
    command = [sys.executable, "-P", "-B", "-c", BEGIN]
    given: Any = {"input": source} if isinstance(source, bytes) else {"stdin": source}
    with tempfile.TemporaryFile() as answer:
        answer.write(json.dumps(request).encode("ascii"))
        answer.seek(0)  # where the child begins, too
        try:
            code = subprocess.run(
                command,
                stdout=answer,
                stderr=subprocess.DEVNULL,
                cwd=os.path.abspath(os.sep),
                env={**os.environ, **QUIET},
                timeout=WAIT + 2 * seconds,
                check=False,
                **given,
            ).returncode
        except subprocess.TimeoutExpired:
            _stopped(where, f"{WAIT + 2 * seconds} seconds without an end")
        if code:
            _stopped(where, _name_of(code))
        arrays, attributes, _ = safetensors_files.read(where, answer)
    reply = attributes["reply"][0]
    if "error" in reply:
        name, *told = reply["error"]
        fail(getattr(errors, name), *told)
    return reply["value"], arrays


def _stopped(where: str, got: str) -> NoReturn:
    expected = "a process with limits of time and memory must be able to read it"
    fail(DataError, where, expected, got, f"{SPOILT} {STOPPED}")


def _name_of(code: int) -> str:
    """What ended a process, in words."""
    if code == -getattr(signal, "SIGXCPU", 0):
        return "too much time"
    with contextlib.suppress(ValueError):
        return f"a crash ({signal.Signals(-code).name})"
    return f"a crash (code {code})"


# ---- in the child ------------------------------------------------------------------------------


def serve(request: dict[str, Any]) -> NoReturn:
    """Do what was asked for, and end."""
    target = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    where: str = request["where"]
    with os.fdopen(target, "w+b") as file:
        _emptied(file)
        try:
            value, arrays = _called(request)
            reply: dict[str, Any] = {"value": value}
            safetensors_files.write(file, where, arrays, {"reply": [reply]})
        except BaseException as error:  # of any library
            _emptied(file)
            safetensors_files.write(file, where, {}, {"reply": [{"error": _told(where, error)}]})
    os._exit(0)  # nothing of the libraries runs any more


def _emptied(file: BinaryIO) -> None:
    """Leave nothing in a file, and begin at its beginning."""
    file.seek(0)
    file.truncate()


def _called(request: dict[str, Any]) -> tuple[Any, dict[str, Array]]:
    """Import, set the limits, read."""
    if request["package"]:
        needs_package(request["where"], request["package"])
    module, name = request["function"].split(":")
    function = getattr(import_module(module), name)
    stream: BinaryIO = os.fdopen(0, "rb", closefd=False)
    if stream.seekable():
        stream.seek(0)
    else:
        stream = io.BytesIO(stream.read())
    _limit(request["seconds"], request["most"])
    found: tuple[Any, dict[str, Array]] = function(stream, *request["args"])
    return found


def _told(where: str, error: BaseException) -> list[str]:
    """An error as the parent raises it."""
    if isinstance(error, NpstackError):
        kind = type(error) if isinstance(error, MissingPackageError) else DataError
        return [kind.__name__, error.where, error.expected, error.got, error.advice]
    expected, got = "its library must be able to read it", words_of(error)
    if isinstance(error, MemoryError):
        expected, got = "it must fit into the memory for a file of its size", "more"
    return ["DataError", where, expected, got, f"{SPOILT} {STOPPED}"]


def needs_package(where: str, name: str) -> Any:
    """Import what a kind of file needs.

    Raises
    ------
    MissingPackageError
    """
    extra = "frameworks" if name in ("torch", "onnx") else "interop"
    advice = f"Install it: pip install 'npstack[{extra}]'."
    return optional_package(where, name, f"a file of this kind needs {name}", advice)


def _limit(seconds: int, most: int) -> None:
    """Limits of time, memory and output, where the system has them; no programs, no writing."""
    with contextlib.suppress(ImportError):  # Windows
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        until = int(used.ru_utime + used.ru_stime) + seconds
        limits = {"RLIMIT_CPU": until, "RLIMIT_CORE": 0, "RLIMIT_FSIZE": most + SPACE}
        with contextlib.suppress(OSError):  # where /proc tells what the libraries have taken
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            limits["RLIMIT_AS"] = pages * resource.getpagesize() + 2 * most + ROOM
        for name, value in limits.items():
            with contextlib.suppress(AttributeError, OSError, ValueError):
                which = getattr(resource, name)
                resource.setrlimit(which, (value, resource.getrlimit(which)[1]))
    sys.addaudithook(_watch)


def _watch(event: str, args: tuple[Any, ...]) -> None:
    """Refuse what reading never needs."""
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT
    opens = event == "open" and isinstance(args[0], str | bytes) and (args[2] or 0) & writing
    if opens or event.startswith(FORBIDDEN):
        raise PermissionError(f"{event} while a file is read")
