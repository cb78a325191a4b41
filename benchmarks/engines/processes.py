"""The processes of the sides, each with its own number of threads; one works at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from benchmarks.engines.cases import Case
from benchmarks.engines.sides.base import NotOffered

ROOT = Path(__file__).parents[2]
LIMITED = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class WrongResult(Exception):
    """A side's results are not right, or it failed."""


def environment(threads: int) -> dict[str, str]:
    """That of a process whose thread pools have so many threads."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, **dict.fromkeys(LIMITED, str(threads)), "PYTHONPATH": path}


class Child:
    """A worker in a process of its own, which waits for orders.

    Parameters
    ----------
    worker : str
        ``module:class``, made in the process.
    threads : int
        The size of its thread pools, and the first argument of the class.
    arguments
        Of the class; plain JSON.

    Raises
    ------
    NotOffered
        A package is missing.
    """

    def __init__(self, worker: str, threads: int, **arguments: Any) -> None:
        given = json.dumps({"worker": worker, "arguments": {"threads": threads, **arguments}})
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.engines.child", given],
            env=environment(threads),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            self.versions: dict[str, str] = self._answer()
        except BaseException:
            self.close()
            raise

    def ask(self, do: str, **arguments: Any) -> Any:
        """What the worker answers to an order, the name of a function of its class."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            print(json.dumps({"do": do, **arguments}), file=self.process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise WrongResult(f"its process ended with {self.process.wait()}")
        found = json.loads(line)
        if "not_offered" in found:
            raise NotOffered(found["not_offered"])
        if "value" not in found:
            raise WrongResult(found.get("wrong") or found["failed"])
        return found["value"]

    def close(self) -> None:
        """End the process."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def references() -> Iterator[References]:
    """A folder with what is right; it is removed at the end."""
    with tempfile.TemporaryDirectory() as folder:
        yield References(Path(folder))


class References:
    """What is right for each problem, computed once in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def file(self, case: Case, dtype: str, last: bool = False) -> str:
        """The file with outputs and gradients."""
        path = self.folder / ("_".join(map(str, [*case, dtype, int(last)])) + ".npz")
        if not path.exists():
            words = [str(path), json.dumps(case), dtype, str(int(last))]
            command = [sys.executable, "-m", "benchmarks.engines.reference", *words]
            subprocess.run(command, env=environment(1), check=True)
        return str(path)
