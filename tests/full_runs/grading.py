"""The grader on submissions of every kind: ``python -m tests.full_runs.grading``.

Right answers, answers with a mistake in each stage, files that never end, end their process, fill
memory or output, replace functions of NumPy, import npstack, or return something else. Each must
get the grade that stands beside it, in one batch, and no process may be left.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Set
from pathlib import Path
from typing import Any

from npstack.lessons import Grade
from tests.lessons.judged import ALL, SECONDS, judged
from tests.lessons.misbehaving import ENDING, FORBIDDEN, ODD
from tests.lessons.submissions import ANSWERS, Submission
from tests.tools.full_run import begin

GROUPS = {
    "answers": ANSWERS,
    "without an end, or with a sudden one": ENDING,
    "with npstack": FORBIDDEN,
    "odd": ODD,
}
LEAST = 60
Judged = list[tuple[Submission, Grade, list[str], float]]


def run() -> Judged:
    """Grade all in one batch, with the seconds that each took."""
    found: Judged = []
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        for one, grade, wrong in judged(Path(folder), ALL):
            now = time.perf_counter()
            found.append((one, grade, wrong, now - began))
            began = now
    return found


def left_over() -> set[str]:
    """The processes that this one has begun and that are still there, where Linux tells."""
    lists = Path("/proc/self/task").glob("*/children")
    return {number for children in lists for number in children.read_text().split()}


def figures(found: Judged, before: Set[str] = frozenset()) -> dict[str, Any]:
    """How many grades are as deserved, by group, and where an equation is named.

    ``before`` are the processes that were there before.
    """
    names = {one.name: group for group, submissions in GROUPS.items() for one in submissions}
    groups = {}
    for group in GROUPS:
        rows = [row for row in found if names[row[0].name] == group]
        right = sum(not wrong for _, _, wrong, _ in rows)
        groups[group] = {"submissions": len(rows), "graded as deserved": right}
    marks = [mark for _, grade, _, _ in found for mark in grade.marks]
    compared = [
        mark
        for mark in marks
        if mark.stage in ("forward", "backward", "time") and (mark.equation or mark.hint)
    ]
    return {
        "submissions": len(found),
        "graded as deserved": sum(not wrong for _, _, wrong, _ in found),
        "groups": groups,
        "stages of a step or a sequence with wrong numbers": len(compared),
        "of these with an equation named": sum(bool(mark.equation) for mark in compared),
        "processes left": len(left_over() - before),
        "seconds of a call": SECONDS,
        "seconds": round(sum(seconds for *_, seconds in found)),
        "slowest_seconds": round(max(seconds for *_, seconds in found), 1),
        "faults": {one.name: wrong for one, _, wrong, _ in found if wrong},
    }


def require(kept: dict[str, Any]) -> None:
    """The bar."""
    assert kept["graded as deserved"] == kept["submissions"] >= LEAST, kept["faults"]
    assert kept["processes left"] == 0


def main() -> None:
    """Grade all, print what is not right."""
    full = begin(__doc__, "tests.full_runs.grading", "grading")
    found = run()
    kept = figures(found)
    for name, wrong in kept["faults"].items():
        print(f"{name}: {'; '.join(wrong)}")
    print(f"{kept['graded as deserved']} of {kept['submissions']} graded as deserved")
    require(kept)
    full.keep(kept)


if __name__ == "__main__":
    main()
