"""Sides for the tests of the benchmarks: right ones with a fault, one that takes memory."""

from typing import Any

import numpy as np

from benchmarks.engines.cases import Answer, Problem
from benchmarks.engines.sides.base import Side
from benchmarks.engines.sides.own import Own


class Faulty(Own):
    """The readable path, whose results are then changed."""

    def __init__(self, threads: int = 1, fault: str = "") -> None:
        super().__init__(threads)
        self.fault, self.runs = fault, 0

    def run(self) -> Any:
        self.runs += 1
        if self.fault == "dies":
            raise SystemExit(3)
        return super().run()

    def answer(self) -> Answer:
        found = dict(super().answer())
        if self.fault == "dead gradient":
            found["dU0"] = np.zeros_like(found["dU0"])
        elif self.fault == "shifted":
            found["outputs"] = np.roll(found["outputs"], 1, axis=1)
        elif self.fault == "NaN":
            found["db1"] = np.full_like(found["db1"], np.nan)
        elif self.fault == "no dx":
            del found["dx"]
        elif self.fault == "another shape":
            found["dW0"] = found["dW0"].T
        elif self.fault == "remembers" and self.runs:  # wrong only after a first run
            found["dx"] = 2 * found["dx"]
        elif self.fault == "slightly":
            found["outputs"] = found["outputs"] * (1 + 1e-4)
        return found


class Hoarder(Side):
    """Takes memory in its runs: 24 MiB that it returns, and 24 MiB on the way."""

    has_results = False

    def prepare(self, problem: Problem, mode: str) -> None:
        self.amount = 3 * 2**20 if problem.case.T > 2 else 1

    def run(self) -> Any:
        kept = np.ones(self.amount)
        return kept + float(np.ones(self.amount)[0])

    def answer(self) -> Answer:
        return {}
