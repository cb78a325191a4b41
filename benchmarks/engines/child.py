"""A process that reads orders from its input, and answers each with one line of JSON.

An order names a function of a worker and its arguments. The answer is ``{"value": …}``, what the
function returns, or ``{"not_offered": why}``, ``{"wrong": what}`` or ``{"failed": what}``. The
process works only while an order is being carried out. What libraries print goes to standard error.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import re
import statistics
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.engines.cases import LIMITS, Case, draw, worst
from benchmarks.engines.reference import read
from benchmarks.engines.sides.base import NotOffered, Spec, make

LONGEST = 0.5  # seconds after which a turn ends


class Wrong(Exception):
    """The results are not right; they will not be timed."""


class Worker:
    """Carries out orders with one side."""

    def __init__(self, threads: int, spec: dict[str, Any]) -> None:
        self.spec = Spec(**spec)
        self.side = make(self.spec, threads)
        self.ready = False

    def versions(self) -> dict[str, str]:
        """Of the packages that compute."""
        return self.side.versions()

    def prepare(
        self, case: list[int], dtype: str, mode: str, reference: str, last: bool = False
    ) -> dict[str, Any]:
        """Take a problem, run it twice, and compare with what is right."""
        self.ready = False
        if dtype not in self.spec.dtypes or mode not in self.spec.modes:
            raise NotOffered(f"does not offer {dtype} {mode}")
        self.side.prepare(draw(Case(*case), dtype, last=last), mode)
        began = perf_counter()
        self.side.run()  # what is left of this run must not change the next one
        seconds, ran = perf_counter() - began, self.side.ran()
        off, name = 0.0, ""
        if self.side.has_results:
            off, name = worst(self.side.answer(), read(reference, mode))
            if not off <= LIMITS[dtype]:
                raise Wrong(f"{name} is off by {off:.1e} (allowed: {LIMITS[dtype]:.0e})")
        self.ready = True
        return {"error": off, "ran": ran, "seconds": seconds}

    def time(self, repeats: int) -> float:
        """Median seconds of some runs, after one that is not counted; of fewer if it gets slow."""
        if not self.ready:
            raise Wrong("nothing has been prepared and found right")
        gc.collect()
        self.side.run()
        seconds: list[float] = []
        while len(seconds) < repeats and sum(seconds) < LONGEST:
            began = perf_counter()
            self.side.run()
            seconds.append(perf_counter() - began)
        return statistics.median(seconds)

    def peak(self, case: list[int], dtype: str, mode: str, last: bool) -> dict[str, Any]:
        """Most bytes of memory during two runs, beyond what the process held before them.

        It held the data, the parameters, and all that stays from a run of two steps: libraries,
        compiled code, thread pools. The outputs and gradients of a run count as its memory; those
        of the first are given up before the second.
        """
        whole = Case(*case)
        self.side.prepare(draw(whole._replace(T=2), dtype, last=last), mode)
        self.side.run()
        self.side.prepare(draw(whole, dtype, last=last), mode)
        before = settle()
        held = None
        for _ in range(2):
            held = None
            began = perf_counter()
            held = self.side.run()
            seconds = perf_counter() - began
        most = resident("VmHWM") - before
        del held
        return {"bytes": most, "seconds": seconds, "ran": self.side.ran()}


def settle() -> int:
    """Give free memory back, forget the peak so far, and say what is held now. Linux only."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    return resident("VmRSS")


def resident(field: str) -> int:
    """A number of bytes that the system knows of this process."""
    status = Path("/proc/self/status").read_text()
    found = re.search(rf"^{field}:\s+(\d+) kB", status, re.MULTILINE)
    assert found is not None, status
    return 1024 * int(found[1])


def answer(order: dict[str, Any], carry_out: Callable[..., Any]) -> dict[str, Any]:
    """What one order gives."""
    try:
        return {"value": carry_out(**order)}
    except NotOffered as why:
        return {"not_offered": str(why)}
    except Wrong as what:
        return {"wrong": str(what)}
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {error}"}


def main() -> None:
    """Make the worker, then answer until the input ends."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    given = json.loads(sys.argv[1])
    worker: list[Any] = []

    def start() -> dict[str, str]:
        module, _, name = given["worker"].partition(":")
        worker.append(getattr(import_module(module), name)(**given["arguments"]))
        found: dict[str, str] = worker[0].versions()
        return found

    def say(found: dict[str, Any]) -> None:
        print(json.dumps(found), file=out, flush=True)

    say(answer({}, start))
    for line in sys.stdin:
        order = json.loads(line)
        say(answer(order, getattr(worker[0], order.pop("do"))))


if __name__ == "__main__":
    sys.modules["benchmarks.engines.child"] = sys.modules["__main__"]  # one `Wrong`, not two
    main()
