"""What wrong numbers look like: a common factor, a transpose, exchanged gates, another step.

Only relations that hold for every entry are named, to rounding or to what differences resolve.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from npstack.core.numerics import Array
from npstack.verify.gradients.problem import Problem
from npstack.verify.gradients.report import Report

Parts = Sequence[tuple[str, str, Any]]
CLOSE = 1e-6  # of the largest number
SHORTER = (
    "Begin with sequences of length 1, then 2: a mistake in one step then affects few gradients."
)


def hints(
    report: Report, problem: Problem, references: dict[str, Array], parts: Parts
) -> tuple[str, ...]:
    """Sentences for the end of a report; none if it passed."""
    if report.passed:
        return ()
    whole = {
        name: (given, reference)
        for name, reference in references.items()
        if (given := problem.analytic.get(name)) is not None
        and given.shape == reference.shape
        and np.isfinite(given).all()
        and np.isfinite(reference).all()
    }
    failed = {(row.parameter, row.block) for row in report.failures}
    wrong = [part for part in parts if part[:2] in failed]
    found = [*_factors(whole, wrong, problem), *_relations(whole, wrong, parts)]
    shared = [name for name, y in problem.outputs.items() if _is_input(y, problem)]
    if len(problem.outputs) > 1 and shared:
        found.append(
            f"f returns inputs again ({', '.join(shared)}). If it returns a cache, name the "
            "outputs: outputs=0 for the first, outputs=(0, 1) for the first two."
        )
    lengths = {a.shape[1] for a in problem.point.values() if a.ndim == 3}
    if len(failed) > 1 and max(lengths, default=1) > 1:
        found.append(SHORTER)
    return tuple(found)


def _factors(
    whole: dict[str, tuple[Array, Array]], wrong: Parts, problem: Problem
) -> Iterator[str]:
    """Gradients that are the reference times one number."""
    factors: dict[tuple[str, str], float | None] = {}
    for name, part, index in wrong:
        if name in whole:
            given, reference = (np.asarray(side[index]) for side in whole[name])
            factors[name, part] = _factor(given, reference)
    known = [k for k in factors.values() if k is not None]
    if len(known) == len(wrong) > 1 and np.ptp(known) <= CLOSE * abs(known[0]):
        k = known[0]
        yield f"Every wrong gradient is {_times(k)}.{_reason(k, problem)}"
        return
    for (name, part), factor in factors.items():
        if factor is not None and abs(factor) <= CLOSE:
            yield f"All numbers of {_place(name, part)} are zero, and the reference is not."
        elif factor is not None:
            yield _sentence(f"{_place(name, part)} is {_times(factor)}.{_reason(factor, problem)}")


def _factor(given: Array, reference: Array) -> float | None:
    size = np.abs(reference).max(initial=0)
    if not size or given.size < 2:
        return None
    scaled = reference / size
    k = float((given / size * scaled).sum() / (scaled * scaled).sum())
    near = np.abs(given - k * reference).max() <= CLOSE * max(abs(k), CLOSE) * size
    return k if near and abs(k - 1) > CLOSE else None


def _times(k: float) -> str:
    if abs(k) <= CLOSE:
        return "zero"
    return (
        "the reference with the wrong sign"
        if abs(k + 1) <= CLOSE
        else f"{k:.6g} times the reference"
    )


def _reason(k: float, problem: Problem) -> str:
    """A size of the inputs that is the factor."""
    for name, value in problem.point.items():
        for axis, length in enumerate(value.shape):
            if length > 1 and abs(k * length - 1) <= CLOSE * length:
                return f" Axis {axis} of {name} has length {length}: a mean instead of a sum?"
            if length > 1 and abs(k / length - 1) <= CLOSE:
                return f" Axis {axis} of {name} has length {length}: a sum instead of a mean?"
    return ""


def _relations(whole: dict[str, tuple[Array, Array]], wrong: Parts, parts: Parts) -> Iterator[str]:
    """Gradients that are the reference in another order."""
    for name in dict.fromkeys(name for name, _, _ in wrong if name in whole):
        given, reference = whole[name]
        if given.ndim == 2 and given.shape[0] == given.shape[1] > 1 and _same(given, reference.T):
            yield f"{name} is the reference transposed."
        for by in (1, -1) if given.ndim == 3 and given.shape[1] > 2 else ():
            inner = np.s_[:, max(by, 0) : given.shape[1] + min(by, 0)]
            if _same(given[inner], np.roll(reference, by, axis=1)[inner]):
                yield f"{name} is the reference, one time step too {'late' if by > 0 else 'early'}."
    for name, part, index in wrong:
        for other, beside, place in parts:
            if name == other in whole and part != beside:
                given, reference = whole[name][0][index], whole[name][1][place]
                if given.size > 1 and given.shape == reference.shape and _same(given, reference):
                    yield _sentence(f"{_place(name, part)} holds that of {_place(name, beside)}.")


def _same(given: Array, reference: Array) -> bool:
    size = np.abs(reference).max(initial=0)
    return bool(size and np.abs(given - reference).max() <= CLOSE * size)


def _is_input(y: Array, problem: Problem) -> bool:
    return any(y.shape == a.shape and np.array_equal(y, a) for a in problem.point.values())


def _sentence(text: str) -> str:
    """With a capital, unless it begins with a name."""
    return f"P{text[1:]}" if text.startswith("part ") else text


def _place(name: str, part: str) -> str:
    return f"part {part} of {name}" if part else name
