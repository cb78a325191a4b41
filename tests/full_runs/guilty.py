"""One entry off in a right backward, which must be found: ``python -m tests.full_runs.guilty``.

Every seventh problem of `tests.full_runs.innocent`. One entry is off in every block (in half of the
problems in a single one): by 1e-9 of the block's largest number in float64 and by 1,000 eps in
float32 where complex steps are the reference; by 1,000 times what the report resolves where
differences are. Each must be found, unless the block is undecidable.

Left out, and counted, are blocks in which rounding or underflow does as much to the right backward,
as in those that are zero by invariance ("below rounding"), and those of which the report says that
it resolves less, or that rounding may hide a tenth ("not resolved"). Directions weigh all entries
at once and cannot say where an error is; they are left out. All wrong backwards of
`tests.verify.wrong_backwards` must be found by complex steps, too.

Next to saturated gates a right backward may lose a number completely, in every type that the
machine has. What the check grants for that hides a slip there now and then, and at a kink every
number between both slopes is right; such slips are listed. None may be at standard scale, and at
most one in a hundred elsewhere.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from npstack import ArgumentError
from npstack.verify.gradients.report import PASSED, Report, Row
from tests.full_runs.checker_power import Problem as WrongProblem
from tests.full_runs.innocent import PROBLEMS, UNDECIDED, add_options, named
from tests.tools.full_run import begin
from tests.tools.processes import shared
from tests.verify.right_backwards.catalogue import draw_problem
from tests.verify.right_backwards.problem import Problem
from tests.verify.right_backwards.spoilt import Slip, slips, spoil
from tests.verify.wrong_backwards import WRONG

EVERY = 7
BELOW, UNRESOLVED = HIDDEN = "below rounding", "not resolved"
COARSE = 1e-7  # of the block: what differences resolve of float64 at standard scale


class Outcome(NamedTuple):
    """One problem: how often each verdict met a slip, and the slips that passed."""

    number: int
    problem: str
    standard: bool
    route: str
    verdicts: dict[str, int]
    missed: list[dict[str, Any]]
    coarse: list[dict[str, Any]]
    seconds: float


def check(number: int) -> Outcome:
    """Spoil a problem and check it."""
    problem, began = draw_problem(number), time.process_time()
    route, verdicts, missed, coarse = "left out", Counter[str](), [], []
    if problem.options.get("route") != "direction":
        try:
            report = problem.check()
        except ArgumentError:
            route = "refused"
        else:
            route = report.route
            for slip, said in found(problem, report, number):
                verdicts[said] += 1
                if said in PASSED and said not in UNDECIDED:
                    missed.append({**slip._asdict(), "verdict": said})
                exact = problem.standard and problem.labels["dtype"] == "float64"
                sizeable = said not in HIDDEN and slip.own < COARSE
                if exact and sizeable and slip.resolution > COARSE and route == "difference":
                    coarse.append(slip._asdict())
    seconds = time.process_time() - began
    about = number, str(problem), problem.standard, route
    return Outcome(*about, dict(verdicts), missed, coarse, seconds)


def say(outcome: Outcome) -> str:
    """What was missed, as it comes."""
    found = outcome.missed or outcome.coarse
    return f"{outcome.number}: {outcome.problem} {outcome.route} {found}" if found else ""


def found(problem: Problem, report: Report, number: int) -> list[tuple[Slip, str]]:
    """The verdict on every block with a slip, but for those that were undecidable before."""
    rng = np.random.default_rng([number, 17])
    before = {(row.parameter, row.block): row.verdict for row in report.rows}
    drawn = [s for s in slips(problem, report, rng) if before[s[:2]] not in UNDECIDED]
    point = problem.by_name()
    wrong, hidden = [], []
    for slip in drawn:
        if not slip.visible(point[slip.parameter].dtype):
            hidden.append((slip, BELOW))
        elif slip.share <= slip.resolution:
            hidden.append((slip, UNRESOLVED))
        else:
            wrong.append(slip)
    if wrong and number % 2:
        wrong = [wrong[int(rng.integers(len(wrong)))]]
    after = {(row.parameter, row.block): row for row in spoil(problem, wrong).check().rows}
    return hidden + [(slip, verdict(after[slip[:2]], slip)) for slip in wrong]


def verdict(row: Row, slip: Slip) -> str:
    """The report's; where it grants rounding a tenth of the block or more, that."""
    granted = row.resolution > slip.size / 10
    return UNRESOLVED if row.verdict == "rounding" and granted else row.verdict


def figures(outcomes: list[Outcome], wrong: dict[str, bool]) -> dict[str, Any]:
    """Counts by route, and what was missed."""
    by_route = {
        route: dict(sum((Counter(o.verdicts) for o in outcomes if o.route == route), Counter()))
        for route in sorted({outcome.route for outcome in outcomes})
    }
    return {
        "problems": len(outcomes),
        "slips": sum(sum(outcome.verdicts.values()) for outcome in outcomes),
        "by route": by_route,
        "missed": named(outcomes, lambda outcome: outcome.missed),
        "missed at standard scale": sum(len(o.missed) for o in outcomes if o.standard),
        "too coarse at standard scale": named(outcomes, lambda outcome: outcome.coarse),
        "wrong backwards": len(wrong),
        "not found": [name for name, noticed in wrong.items() if not noticed],
        "seconds": round(sum(outcome.seconds for outcome in outcomes)),
    }


def require(figures: dict[str, Any]) -> None:
    """The bar."""
    missed = [slip for slips in figures["missed"].values() for slip in slips]
    assert not figures["missed at standard scale"], figures["missed"]
    assert {slip["verdict"] for slip in missed} <= {"rounding", "kink"}, missed
    assert len(missed) <= figures["slips"] / 100, missed
    assert not figures["too coarse at standard scale"], figures["too coarse at standard scale"]
    assert figures["wrong backwards"] == len(WRONG)
    assert not figures["not found"], figures["not found"]


def main() -> None:
    """Check all, print a summary."""
    full = begin(__doc__, "tests.full_runs.guilty", "guilty", add=add_options)
    wrong = {each.name: not WrongProblem(each).check("complex") for each in WRONG}
    outcomes = shared(check, range(0, full.given.problems, EVERY), full.given.processes, say)
    numbers = figures(outcomes, wrong)
    for key, value in numbers.items():
        if isinstance(value, dict):
            print(f"{key}:")
            for name, row in value.items():
                print(f"  {name}: {row}")
        else:
            print(f"{key}: {value}")
    if full.given.problems == PROBLEMS:
        full.keep(numbers)
    require(numbers)


if __name__ == "__main__":
    main()
