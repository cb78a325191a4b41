"""Does `explain` name the mistake? ``python -m tests.full_runs.naming`` tries every one of them.

Every mistake of the catalogue, in three styles: an edit of the package's own cell or loop; two step
functions; functions for whole sequences. The functions are the programs of ``tests/verify/courses``
with the mistake written into them by hand. T is 1 to 20 and B is 1 to 5, drawn. Then come mistakes
that are not in the catalogue: none of these may be named. Seconds are those of the processor.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from npstack.verify import CATALOGUE, Explanation, Mistake, explain, foreign
from npstack.verify.mistakes.cases import Case, drawn, run
from npstack.verify.mistakes.catalogue import catalogue_of
from npstack.verify.mistakes.simulate import Program
from tests.tools.full_run import begin
from tests.verify.courses.outside import outside
from tests.verify.courses.slips import GATES, functions, slips

CELLS = tuple(GATES)
STYLES = ("cell", "step", "sequence")


class Trial(NamedTuple):
    """One mistake in one style, at one size."""

    cell: str
    name: str
    style: str
    steps: int
    batch: int


def trials() -> list[Trial]:
    """Every mistake in every style in which it can be made; sizes in turn."""
    found = []
    for cell in CELLS:
        for style in STYLES:
            for mistake in catalogue_of(cell):
                loop = mistake.is_in_loop
                known = slips(cell, loop) if style != "cell" else {mistake.name: ()}
                if (loop and style == "step") or mistake.name not in known:
                    continue
                rng = np.random.default_rng(len(found))
                size = int(rng.integers(1, 21)), int(rng.integers(1, 6))
                found.append(Trial(cell, mistake.name, style, *size))
    return found


def mistake_of(trial: Trial) -> Mistake:
    """The entry of the catalogue."""
    return next(own for own in catalogue_of(trial.cell) if own.name == trial.name)


def layers(trial: Trial) -> tuple[Any, Any]:
    """The right layer and the one with the mistake."""
    sizes = {"input_size": 3, "hidden_size": 4}
    if trial.style == "cell":
        program = Program(trial.cell, (3, 4), np.dtype(float), {}, {})
        both = program.built([]), program.built([mistake_of(trial)])
        rng = np.random.default_rng(1)
        for layer in both:
            shapes = {name: value.shape for name, value in layer.params.items()}
            layer.params = {n: rng.uniform(-0.5, 0.5, shape) for n, shape in shapes.items()}
        return both
    edits = slips(trial.cell, mistake_of(trial).is_in_loop)[trial.name]
    options: dict[str, Any] = {"style": trial.style, "cell": trial.cell, "gates": GATES[trial.cell]}
    right = foreign(*functions(trial.cell, trial.style), **options, **sizes)
    return right, foreign(*functions(trial.cell, trial.style, edits), **options, **sizes)


def changes(trial: Trial, right: Any, wrong: Any) -> bool:
    """Whether the mistake changes any number by more than rounding."""
    program = Program(trial.cell, (3, 4), np.dtype(float), {}, {"return_sequences": True})
    fields = program.cell.state_sizes._fields
    masked = trial.style == "cell" and trial.steps > 1 and mistake_of(trial).is_in_loop
    for mask in (False, True) if masked else (False,):
        case = Case(trial.steps, trial.batch, masked=mask)
        params = program.right.params
        point = drawn(case, program, fields, params, None, np.random.default_rng(2))
        one, other = run(right, point), run(wrong, point)
        for before, after in zip(one[:2], other[:2], strict=True):
            for name, value in before.items():
                if not np.abs(value - after[name]).max() <= 1e-9 * np.abs(value).max():
                    return True
    return False


def explained(trial: Trial, wrong: Any) -> Explanation:
    """What is said about it."""
    return explain(wrong, steps=trial.steps, batch=trial.batch)


def judged(trial: Trial) -> dict[str, Any]:
    """One trial: whether it was named."""
    began = time.process_time()
    right, wrong = layers(trial)
    found = explained(trial, wrong)
    named = [own.name for own in found.named]
    group = {*named, *(own.name for own in found.forward)}
    if trial.name in group:
        verdict = "named"
    elif found.right:
        verdict = "missed" if changes(trial, right, wrong) else "no change"
    else:
        verdict = "wrong with confidence" if found.confident else "not named"
    seconds = round(time.process_time() - began, 2)
    return {**trial._asdict(), "verdict": verdict, "named": named, "seconds": seconds}


def strangers() -> Iterator[dict[str, Any]]:
    """The mutants from outside: none of them may be named."""
    for cell, old, new in outside():
        pair = functions(cell, "sequence", [(old, new)])
        found = explain(*pair, style="sequence", cell=cell, gates=GATES[cell])
        named = [own.name for own in (*found.named, *found.forward)]
        yield {"cell": cell, "written": new, "right": found.right, "named": named}


def seconds_at_usual_size() -> list[float]:
    """How long it takes at H = 8, T = 10, B = 4, for mistakes of every kind of cell."""
    found = []
    for mistake in [own for own in CATALOGUE if not own.is_in_loop][::20]:
        wrong = Program(mistake.cell, (8, 8), np.dtype(float), {}, {}).built([mistake])
        began = time.process_time()
        explain(wrong, steps=10, batch=4)
        found.append(round(time.process_time() - began, 2))
    return found


def figures(rows: Sequence[dict[str, Any]], others: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Counts, and every trial that was not named."""
    verdicts = Counter(row["verdict"] for row in rows)
    changed = sum(verdicts.values()) - verdicts["no change"]
    return {
        "mistakes": len(CATALOGUE),
        "trials": len(rows),
        "verdicts": dict(verdicts),
        "by style": {
            s: dict(Counter(r["verdict"] for r in rows if r["style"] == s)) for s in STYLES
        },
        "named_share": verdicts["named"] / changed,
        "alone": sum(row["verdict"] == "named" and len(row["named"]) == 1 for row in rows),
        "largest_group": max((len(row["named"]) for row in rows), default=0),
        "slowest_seconds": max(row["seconds"] for row in rows),
        "seconds at H = 8, T = 10": seconds_at_usual_size(),
        "not named": [row for row in rows if row["verdict"] not in ("named", "no change")],
        "from outside": len(others),
        "from outside, right or named": [row for row in others if row["right"] or row["named"]],
    }


def require(found: dict[str, Any]) -> None:
    """The bars."""
    assert found["named_share"] >= 0.98, found["not named"]
    assert not found["verdicts"].get("wrong with confidence"), found["not named"]
    assert found["from outside"] >= 60
    assert not found["from outside, right or named"], found["from outside, right or named"]
    assert max(found["slowest_seconds"], *found["seconds at H = 8, T = 10"]) < 20


def main() -> None:
    """Try all, print a summary."""
    full = begin(__doc__, "tests.full_runs.naming", "naming")
    rows = []
    for k, trial in enumerate(trials()):
        rows.append(judged(trial))
        if rows[-1]["verdict"] not in ("named", "no change"):
            print(rows[-1], flush=True)
        if (k + 1) % 100 == 0:
            print(f"{k + 1} trials, {sum(row['seconds'] for row in rows):.0f} s", flush=True)
    found = figures(rows, list(strangers()))
    print({key: value for key, value in found.items() if key != "not named"})
    full.keep(found)
    require(found)


if __name__ == "__main__":
    main()
