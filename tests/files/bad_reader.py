"""A separate process, with little memory, that reads bad files and reports the results."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import time
import tracemalloc
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import npstack
from npstack import data
from npstack.core.errors import DataError

ROOM = 2**29  # bytes beyond what the process has when it begins


def job(sizes: list[int], seed: int) -> tuple[npstack.Layer, dict[str, Any]]:
    """A small model, and the arguments of fit that train it."""
    rng = np.random.default_rng(seed)
    stack = npstack.StackedLSTM(2, sizes, return_sequences=False, rng=rng)
    model = npstack.Sequential(stack, npstack.Dense(sizes[-1], 1, rng=rng))
    x = rng.standard_normal((6, 4, 2))
    samples = npstack.Samples(x, x[:, -1, :1])
    options = {"batch_size": 3, "rng": rng, "optimiser": npstack.Adam(0.01), "keep_best": True}
    return model, {"samples": samples, "validation": samples, **options}


def resume(path: str, sizes: list[int], seed: int) -> None:
    """Let fit go on from a file; where it refuses, nothing may have changed."""
    model, options = job(sizes, seed)
    rng, optimiser = options["rng"], options["optimiser"]
    before = dict(model.params), rng.bit_generator.state
    try:
        npstack.fit(model, epochs=4, checkpoint=path, resume=True, **options)
    finally:
        assert all(model.params[name] is value for name, value in before[0].items())
        assert rng.bit_generator.state == before[1]
        assert (optimiser.steps, optimiser.state()) == (0, {})


LOADERS = {
    "fit": resume,
    "load_checkpoint": npstack.load_checkpoint,
    "load_weights": npstack.load_weights,
    "load_csv": data.load_csv,
    "load_labelled_csv": data.load_labelled_csv,
    "load_labelled_npz": data.load_labelled_npz,
    "load_npz": data.load_npz,
    "load_text": data.load_text,
    "load_ts": data.load_ts,
}


class Met(NamedTuple):
    """What a loader did with a file."""

    error: str  # the name of the exception's class, empty if there was none
    message: str
    ours: bool  # a DataError of the package
    peak: int  # bytes of Python's and NumPy's memory, beyond what stood before
    seconds: float


def read(loader: str, path: str, options: dict[str, Any]) -> Met:
    """Load a file, from within its folder; runs in the process with little memory."""
    os.chdir(Path(path).parent)
    error, message, ours = "", "", False
    tracemalloc.start()
    began = time.perf_counter()
    try:
        LOADERS[loader](path, **options)
    except BaseException as raised:
        error, message = type(raised).__name__, str(raised)
        ours = isinstance(raised, DataError)
    seconds = time.perf_counter() - began
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return Met(error, message, ours, peak, seconds)


def _little_memory(room: int) -> None:
    have = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (have + room, have + room))


class Reader:
    """The process; a new one is begun where a file has killed it."""

    def __init__(self, room: int = ROOM) -> None:
        self.room = room

    def __enter__(self) -> Reader:
        context = multiprocessing.get_context("spawn")
        self.pool = ProcessPoolExecutor(1, context, _little_memory, (self.room,))
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.shutdown()

    def read(self, loader: str, path: Path, **options: Any) -> Met:
        """What the loader did; a process that ended is an error like any other."""
        try:
            return self.pool.submit(read, loader, str(path), options).result()
        except BrokenProcessPool as gone:
            self.pool.shutdown()
            self.__enter__()
            return Met("the process ended", str(gone), False, 0, 0.0)


def snapshot(folder: Path) -> str:
    """Everything in a folder: names, sizes, times of change, bytes."""
    found = {}
    for path in sorted(folder.rglob("*")):
        state = path.stat()
        content = path.read_bytes().hex() if path.is_file() else ""
        found[str(path.relative_to(folder))] = (state.st_size, state.st_mtime_ns, content)
    return json.dumps(found)
