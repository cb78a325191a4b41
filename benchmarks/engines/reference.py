"""What is right: the same problem in float64, by PyTorch if it is installed, else by npstack.

    python -m benchmarks.engines.reference FILE CASE DTYPE LAST

writes the results to a file, so that no other process has to load PyTorch.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from benchmarks.engines.cases import LIMITS, Answer, Case, Problem, draw, worst
from benchmarks.engines.sides.base import SPECS, NotOffered, make

LONG = 5000  # steps from which one program must do


def right(problem: Problem) -> Answer:
    """Outputs and gradients. PyTorch and the readable path must agree, or there is no answer."""
    answers: list[Answer] = []
    for name in ("torch", "readable"):
        if answers and problem.case.T > LONG:
            break
        try:
            side = make(SPECS[name], 1)
        except NotOffered:
            continue
        side.prepare(problem.astype("float64"), "train")
        answers.append(side.answer())
    if len(answers) == 2:
        off, name = worst(*answers)
        if off > LIMITS["float64"]:
            raise ArithmeticError(f"PyTorch and the readable path differ by {off:.1e} in {name}")
    return answers[0]


def write(path: Path, case: Case, dtype: str, last: bool) -> None:
    """Compute and store what is right."""
    np.savez(path, **right(draw(case, dtype, last=last)))  # type: ignore[arg-type]


def read(path: str, mode: str) -> Answer:
    """What is right for a mode."""
    with np.load(path) as stored:
        return {name: stored[name] for name in stored if mode == "train" or name == "outputs"}


if __name__ == "__main__":
    write(Path(sys.argv[1]), Case(*json.loads(sys.argv[2])), sys.argv[3], bool(int(sys.argv[4])))
