"""What runs in the child process of a `Program`; the standard library and NumPy only.

The parent runs this file by its path, so nothing of npstack is loaded here: a file that imports
npstack is noticed. Messages are a head in JSON and the bytes of arrays. Nothing is ever unpickled.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import linecache
import os
import struct
import sys
import threading
import time
import traceback
import types
import warnings

import numpy as np

TYPE_CHECKING = False  # as in typing, which costs time to load
if TYPE_CHECKING:
    from typing import Any

HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LENGTHS = struct.Struct(">QQ")
MOST = 1 << 28  # bytes of an array
CELL = "npstack.cells.base.Cell"
STEPS = {"step": ["params", "x", "state"]}
STEPS["step_backward"] = [*STEPS["step"], "record", "new_state", "dnew_state"]
KINDS = "biufc"  # of arrays that are sent: numbers
# Kept here, because a file may put other functions into their places.
_dumps, _loads, _read, _write = json.dumps, json.loads, os.read, os.write
_frombuffer, _ascontiguous, _dtype = np.frombuffer, np.ascontiguousarray, np.dtype
_Array, _Number, _Masked = np.ndarray, np.generic, np.ma.MaskedArray


class Kept:
    """A value that stays in the process that made it, such as a cache."""

    def __init__(self, number: int, kind: str) -> None:
        self.number, self.kind = number, kind

    def __repr__(self) -> str:
        return self.kind


# ---- messages --------------------------------------------------------------------------------


def encode(value: Any, buffers: list[Any], keep: Any, deep: bool = True) -> Any:
    """A value as JSON, with its arrays in ``buffers``; ``keep`` makes a number of any other value.

    Without ``deep``, a container within a container is such a value, too.
    """
    if isinstance(value, _Array | _Number) and not isinstance(value, _Masked):
        array = _ascontiguous(value)
        if array.nbytes > MOST:
            raise OverflowError(f"an array of {array.nbytes:,} bytes is too large to be returned")
        if array.dtype.kind in KINDS:
            buffers.append(array.tobytes())
            return {"array": [array.dtype.str, list(value.shape)]}
    if value is None or type(value) in (bool, int, float, str):
        return {"value": value}
    if type(value) in (tuple, list) and deep:
        parts = [encode(part, buffers, keep, keep is None) for part in value]
        return {type(value).__name__: parts}
    if type(value) is dict and deep and all(type(key) is str for key in value):
        return {"dict": {k: encode(v, buffers, keep, keep is None) for k, v in value.items()}}
    if isinstance(value, Kept):
        return {"kept": [value.number, value.kind]}
    if keep is None:
        raise TypeError(f"a value of type {type(value).__name__} cannot be sent")
    return {"kept": [keep(value), type(value).__name__]}


def decode(head: Any, body: memoryview, at: list[int], kept: Any) -> Any:
    """The inverse of `encode`; ``kept`` makes a value of a number."""
    (key, value), *_ = head.items()
    if key == "array":
        dtype, shape = _dtype(value[0]), tuple(value[1])
        if dtype.kind not in KINDS:
            raise ValueError("only numbers are sent")
        size = dtype.itemsize
        for length in shape:
            size *= length
        array = _frombuffer(body[at[0] : at[0] + size], dtype).reshape(shape).copy()
        at[0] += size
        return array
    if key in ("tuple", "list"):
        parts = [decode(part, body, at, kept) for part in value]
        return tuple(parts) if key == "tuple" else parts
    if key == "dict":
        return {name: decode(part, body, at, kept) for name, part in value.items()}
    return kept(*value) if key == "kept" else value


def send(channel: int, head: dict[str, Any], buffers: list[Any]) -> None:
    """Write one message."""
    text = _dumps(head).encode()
    data = b"".join([text, *buffers])
    data = LENGTHS.pack(len(text), len(data) - len(text)) + data
    view = memoryview(data)
    while view:
        view = view[_write(channel, view) :]


def receive(channel: int, most: int | None = None) -> tuple[dict[str, Any], memoryview] | None:
    """Read one message; None at the end of the channel."""
    lengths = _exactly(channel, LENGTHS.size)
    if lengths is None:
        return None
    head, body = LENGTHS.unpack(lengths)
    if most is not None and head + body > most:
        raise OverflowError(head + body)
    data = _exactly(channel, head + body)
    if data is None:
        return None
    text = _loads(bytes(data[:head]))
    if not isinstance(text, dict):
        raise ValueError("a message is a dictionary")
    return text, memoryview(data)[head:]


def _exactly(channel: int, count: int) -> bytearray | None:
    data = bytearray()
    while len(data) < count:
        part = _read(channel, min(count - len(data), 1 << 20))
        if not part:
            return None
        data += part
    return data


# ---- what an exception says ------------------------------------------------------------------


def account(error: BaseException, file: str | None) -> dict[str, Any]:
    """What an exception in a user's code says: kind, words, their own last line, and all calls."""
    steps = [
        step
        for step in traceback.extract_tb(error.__traceback__)
        if not os.path.abspath(step.filename).startswith(HERE + os.sep)
    ]
    at = next((step for step in reversed(steps) if step.filename == file), None)
    at = steps[-1] if at is None and steps else at
    kind = "MemoryError" if isinstance(error, MemoryError) else type(error).__name__
    told: dict[str, Any] = {"raised": kind, "message": " ".join(str(error).split())[:300]}
    calls = dict.fromkeys((step.filename, step.lineno) for step in steps)
    told |= {"line": None, "file": "", "text": "", "calls": list(calls)}
    if isinstance(error, SystemExit):
        told["message"] = "it ends the program"
    if isinstance(error, SyntaxError):
        told |= {"message": error.msg, "line": error.lineno, "file": error.filename or ""}
        told["text"] = (error.text or "").strip()
    elif at is not None:
        told |= {"line": at.lineno, "file": at.filename}
        told["text"] = linecache.getline(at.filename, at.lineno or 0).strip()
    return told


def file_of(function: Any) -> str | None:
    """The file in which a function is written."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return getattr(code, "co_filename", None)


def parameters_of(function: Any) -> list[str] | None:
    """The names of a function's positional arguments; None if they cannot be told or counted."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    kind = inspect.Parameter
    placed = (kind.POSITIONAL_ONLY, kind.POSITIONAL_OR_KEYWORD)
    return [p.name for p in parameters if p.kind in placed and p.default is p.empty]


# ---- the process -----------------------------------------------------------------------------


class Served:
    """A user's file, loaded, and what its functions keep."""

    def __init__(self) -> None:
        self.functions: dict[str, Any] = {}
        self.kept: dict[int, Any] = {}
        self.count = 0
        self.file = ""
        self.usual = dict(vars(np))
        self.cells: dict[str, Any] = {}
        self.classes: list[str] = []

    def keep(self, value: Any) -> int:
        """Keep a value, and give its number."""
        self.count += 1
        self.kept[self.count] = value
        return self.count

    def found(self, number: int, kind: str) -> Any:
        """A value that was kept."""
        if number not in self.kept:
            raise LookupError("the cache belongs to a process that has ended")
        return self.kept[number]

    def load(self, path: str, source: bytes) -> dict[str, Any]:
        """Run the file; give its own functions by name, with the names of their arguments."""
        self.file = path
        module = types.ModuleType(os.path.splitext(os.path.basename(path))[0])
        module.__file__ = path
        sys.path.insert(0, os.path.dirname(path))
        sys.modules.setdefault(module.__name__, module)
        exec(compile(source, path, "exec"), module.__dict__)
        for name, value in vars(module).items():
            if isinstance(value, types.FunctionType) and file_of(value) == path:
                self.functions[name] = value
            elif isinstance(value, type) and value.__module__ == module.__name__:
                self.classes.append(name)
                bases = (f"{base.__module__}.{base.__name__}" for base in value.__mro__)
                self.cells |= {name: value} if CELL in bases else {}
        return {
            "functions": {name: parameters_of(own) for name, own in self.functions.items()},
            "cells": list(self.cells),
            "classes": self.classes,
        }

    def build(self, name: str, sizes: list[int], seed: int, dtype: str) -> dict[str, Any]:
        """Build a cell of the file, and make two functions of its steps."""
        cell = self.cells[name](*sizes, rng=np.random.default_rng(seed), dtype=dtype)
        params, state, count = list(cell.params), cell.state_type, len(cell.state_sizes)
        for step, takes in STEPS.items():
            own = inspect.signature(getattr(cell, step))
            try:
                own.bind(*takes)
            except TypeError:
                return {"unfit": [step, takes, list(own.parameters)]}

        def forward(x: Any, *given: Any) -> Any:
            named = dict(zip(params, given[count:], strict=True))
            before = state(*given[:count])
            after, record = cell.step(named, x, before)
            return (*after, (named, x, before, record, after))

        def backward(*given: Any) -> Any:
            *after, cache = given
            dparams, dx, dbefore = cell.step_backward(*cache, state(*after))
            return (dx, *dbefore, *map(dparams.get, params))

        self.functions |= {f"{name}.step": forward, f"{name}.step_backward": backward}
        return {
            "params": cell.params,
            "axes": {key: list(axes) for key, axes in cell.axes.items()},
            "letters": dict(cell.letters),
            "state": cell.state_sizes._asdict(),
            "bases": [base.__name__ for base in type(cell).__mro__],
        }

    def answer(self, head: dict[str, Any], body: memoryview, buffers: list[Any]) -> dict[str, Any]:
        """Do what a message asks for, and report."""
        for number in head.get("forget", ()):
            self.kept.pop(number, None)
        try:
            if head["do"] == "load":
                self.count = head["first"]
                return self.load(head["path"], bytes(body))
            if head["do"] == "build":
                made = self.build(head["name"], head["sizes"], head["seed"], head["dtype"])
                return made if "unfit" in made else {"cell": encode(made, buffers, None)}
            given = decode(head["given"], body, [0], self.found)
            before = [value.tobytes() if isinstance(value, _Array) else None for value in given]
            found = self.functions[head["name"]](*given)
            now = {str(k): value for k, value in enumerate(given) if before[k] is not None}
            changed = {k: value for k, value in now.items() if value.tobytes() != before[int(k)]}
            return {
                "found": encode(found, buffers, self.keep),
                "changed": encode(changed, buffers, self.keep),
            }
        except BaseException as error:  # SystemExit, too
            return {"error": account(error, self.file)}

    @property
    def replaced(self) -> list[str]:
        """The functions of NumPy in whose places the file has put others."""
        now = vars(np)
        return [name for name, own in self.usual.items() if now.get(name, own) is not own]


def limit(memory: int | None, seconds: float | None) -> None:
    """Limits of the system, where there are any: address space, and time of the processor."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for kind, value in (("RLIMIT_AS", memory), ("RLIMIT_CORE", 0)):
        if value is not None:
            _set(resource, kind, value)
    if seconds is not None:  # for a process whose parent was killed and cannot end it
        used = resource.getrusage(resource.RUSAGE_SELF)
        _set(resource, "RLIMIT_CPU", int(used.ru_utime + used.ru_stime + seconds) + 10)


def _set(resource: Any, kind: str, value: int) -> None:
    with contextlib.suppress(AttributeError, OSError, ValueError):  # not on this system
        which = getattr(resource, kind)
        resource.setrlimit(which, (value, resource.getrlimit(which)[1]))


def end_with(parent: int, sleep: Any = time.sleep, of_now: Any = os.getppid) -> None:
    """End this process when its parent has been killed, whatever it is doing."""
    while of_now() == parent:
        sleep(1)
    os._exit(1)


def serve() -> None:
    """Answer messages until the channel ends; what is printed goes to standard error."""
    source, target = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.dup2(2, 1)
    warnings.filterwarnings("error", message="Casting complex values to real")
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    served = Served()
    flush = sys.stdout.flush
    modules = sys.modules
    while True:
        message = receive(source)
        if message is None:
            break
        head, body = message
        limit(head.get("memory"), head.get("seconds"))
        buffers: list[Any] = []
        reply = served.answer(head, body, buffers)
        with contextlib.suppress(OSError, ValueError):  # the file may have closed it
            flush()
        reply |= {"number": head["number"], "npstack": "npstack" in modules}
        reply["replaced"] = served.replaced
        send(target, reply, buffers)
    os._exit(0)


if __name__ == "__main__":
    serve()
