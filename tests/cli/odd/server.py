"""Runs cases, each in a forked process with little memory and little time: ``… server FOLDER``.

It reads a line of JSON for each case, and answers with one. The program is loaded once; what the
forked process takes is counted from there.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.cli.odd.case import MEMORY, SECONDS, Case, Met
from tests.cli.odd.place import changed, made_anew, move_data, snapshot, template

ROOT = Path(__file__).parents[3]
NOBODY = 65534


class Server:
    """The process that forks; started once for many cases."""

    def __enter__(self) -> Server:
        self._folder = tempfile.TemporaryDirectory(prefix="odd")
        command = [sys.executable, "-m", "tests.cli.odd.server"]
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        environment = os.environ | threads | {"PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._template = template(Path(self._folder.name) / "template")
        move_data(self._template / "work", Path(self._folder.name) / "tree" / "work")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()
        self._folder.cleanup()

    def meet(self, case: Case) -> Met:
        """Prepare the folder, run the command, look at what it left."""
        tree = Path(self._folder.name) / "tree"
        work = made_anew(self._template, tree)
        Path(self._folder.name).chmod(0o755)
        try:
            case.prepare(work)
            before = snapshot(tree)
            words = shlex.split(case.line) if isinstance(case.line, str) else case.line
            asked = {"words": words, "work": str(work), "how": case.how}
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
            code, seconds, memory = json.loads(self._process.stdout.readline())
            out, err = (
                (tree.parent / name).read_text(encoding="utf-8", errors="backslashreplace")
                for name in ("stdout", "stderr")
            )
            others = changed(before, snapshot(tree), case.makes)
            if case.how.get("gone"):
                others = [name for name in others if not name.startswith("work")]
            return Met(code, out, err, seconds, memory, others)
        finally:
            _remove(tree)


def _remove(tree: Path) -> None:
    subprocess.run(["chmod", "-R", "u+rwX", str(tree)], check=True, stderr=subprocess.DEVNULL)
    subprocess.run(["rm", "-rf", str(tree)], check=True)


# ---- the process that forks ----------------------------------------------------------------------


def serve() -> None:
    """Load all that commands load, then answer until nobody asks."""
    import npstack.cli.demo
    import npstack.cli.main
    from npstack import plots, verify

    _ = plots.diagram, verify.check_laws, npstack.cli.main, npstack.cli.demo
    import matplotlib.backends.backend_agg  # noqa: F401

    for line in sys.stdin:
        asked = json.loads(line)
        began = time.monotonic()
        reader, writer = os.pipe()  # for messages: it takes them, whatever the limit of files
        child = os.fork()
        if child == 0:
            _run(asked, writer)
        os.close(writer)
        code = _wait(child, began)
        with open(reader, "rb") as said:
            (Path(asked["work"]).parents[1] / "stderr").write_bytes(said.read())
        seconds = time.monotonic() - began
        peak = Path(asked["work"]).parents[1] / "peak"
        grown = int(peak.read_text() or 0)
        peak.unlink(missing_ok=True)
        print(json.dumps([code, seconds, grown]), flush=True)


def _wait(child: int, began: float) -> int | None:
    """The exit code; None for a process that had to be stopped."""
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() - began > SECONDS:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None
        time.sleep(0.002)


def _size(field: str) -> int:
    """Address space now, or at its largest, in bytes."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise AssertionError(field)


def _run(asked: dict[str, Any], writer: int) -> None:
    """In the forked process: set it up as a shell would, and be the program."""
    how, work = asked["how"], Path(asked["work"])
    beside = work.parents[1]
    status = 99
    try:
        before = _size("VmSize")
        peak = open(beside / "peak", "w")  # noqa: SIM115 (while it may still be written)
        os.chdir(work)
        if how.get("gone"):
            subprocess.run(["rm", "-rf", str(work)], check=True)
        os.environ.pop("COLUMNS", None)
        if "home" in how:
            os.environ["HOME"] = how["home"]
        streams = {1: "stdout", 2: "stderr"}
        _lead(
            1, os.open(beside / "stdout", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), how.get("stdout")
        )
        _lead(2, writer, how.get("stderr"))
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, name in streams.items():
            closed = how.get(name) == "closed"
            encoding = how.get("encoding", "utf-8")
            errors = "strict" if number == 1 else "backslashreplace"
            stream = None if closed else open(number, "w", encoding=encoding, errors=errors)  # noqa: SIM115
            setattr(sys, name, stream)
        limit = before + how.get("memory", MEMORY)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        if "files" in how:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (how["files"], how["files"]))
        if how.get("user") and os.geteuid() == 0:
            os.setegid(NOBODY)
            os.seteuid(NOBODY)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.argv = ["npstack", *asked["words"]]
        from npstack.cli import program

        status = program.run()
    except BaseException as error:
        with contextlib.suppress(Exception):
            os.write(2, f"Traceback: {error!r}".encode())
    finally:
        with contextlib.suppress(Exception):
            if "files" not in how:
                peak.write(str(max(0, _size("VmPeak") - before)))
                peak.flush()
        os._exit(status)


def _lead(number: int, target: int, how: str | None) -> None:
    """Let a stream lead to a target, to a full disk, to nobody, or nowhere."""
    if how == "closed":
        os.close(number)
        return
    if how == "gone":
        reader, target = os.pipe()
        os.close(reader)
    elif how == "full":
        target = os.open("/dev/full", os.O_WRONLY)
    os.dup2(target, number)


if __name__ == "__main__":
    serve()
