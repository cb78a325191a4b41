"""A block that no route could decide: is its backward right in a wider type, how conditioned is it?

The reference is a complex step in extended precision through the program's complex-safe form
(`Problem.safe`), with a step that no number of the working type is as small as.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from npstack.verify.gradients.derivatives import (
    Direction,
    Entry,
    Scalar,
    cast,
    leaves,
    like,
    slopes,
)
from npstack.verify.gradients.problem import complete
from npstack.verify.gradients.report import Row
from tests.verify.right_backwards.problem import Arrays, Problem

STEP = np.longdouble("1e-1500") if np.finfo(np.longdouble).maxexp > 5000 else None
ENTRIES = 8  # of a block: the worst of the report, and where both types are farthest apart
DRAWS = 24  # that move every input and cotangent by half an ulp
LOST = 1000  # eps of the wider type beside the other numbers: 1 - y² has no digits there either


class Confirmed(NamedTuple):
    """What a wider type says of a block.

    Attributes
    ----------
    right : bool or None
        There, the same backward is off by a hundredth of what it is here, or by its rounding; None
        if the block is so small beside the other numbers that the wider type has lost its digits.
    conditioning : float
        Largest change over the draws, relative to the largest number of the block.
    """

    right: bool | None
    conditioning: float


def confirm(problem: Problem, row: Row) -> Confirmed | None:
    """Judge one block of a problem; None where there is no wider type."""
    if STEP is None:
        return None
    with np.errstate(all="ignore"):
        return _confirm(problem, row)


def _confirm(problem: Problem, row: Row) -> Confirmed:
    point = problem.by_name()
    f, backward = problem.safe
    outputs = f(**point)
    rng = np.random.default_rng(0)
    cotangents = [rng.standard_normal(y.shape).astype(y.dtype) for _, y in leaves(outputs)]

    def every(inputs: Arrays, dtype: Any) -> Any:
        given = like(outputs, iter([v if dtype is None else v.astype(dtype) for v in cotangents]))
        return backward(given, **inputs)

    def back(inputs: Arrays, dtype: Any) -> Any:
        return np.asarray(every(inputs, dtype)[row.parameter])

    if row.parameter == "all":
        return _along(f, cotangents, point, every)
    value = point[row.parameter]
    parts = complete(value, (problem.blocks or {}).get(row.parameter, {"": ...}))
    places = np.arange(value.size).reshape(value.shape)[parts[row.block]].ravel()
    wide = cast(point, np.longdouble)
    here = back(point, value.dtype).ravel()[places]
    there = back(wide, np.longdouble).ravel()[places]
    far = np.argsort(-np.abs(here - there))[:ENTRIES]
    if row.entry:
        worst = np.ravel_multi_index(row.entry, value.shape)
        far = np.union1d(far, np.flatnonzero(places == worst))
    indices = [tuple(map(int, np.unravel_index(n, value.shape))) for n in places[far]]
    reference = gradient(f, cotangents, wide, row.parameter, indices)
    size = float(np.abs(there).max())
    working, widest = (np.abs(v[far] - reference).max() for v in (here, there))
    eps = np.finfo(np.longdouble).eps
    changes = [
        np.abs(
            gradient(f, *half_ulps(cotangents, point, seed), row.parameter, indices) - reference
        ).max()
        for seed in range(DRAWS)
    ]
    right = bool(widest <= max(working / 100, 64 * eps * size))
    others = (*point.values(), *every(wide, np.longdouble).values(), np.ones(1))
    largest = max(float(np.abs(v).max()) for v in others)
    lost = not right and float(np.abs(reference).max()) < LOST * eps * largest
    return Confirmed(None if lost else right, float(max(changes) / size) if size else np.inf)


def _along(f: Any, cotangents: Any, point: Arrays, back: Any) -> Confirmed:
    """The same of a number along a direction through all inputs."""
    wide = cast(point, np.longdouble)
    rng = np.random.default_rng(1)
    way = {n: rng.standard_normal(v.shape) for n, v in point.items() if v.dtype.kind == "f"}
    probe = Direction(way)

    def slope(cotangents: Any, point: Arrays) -> Any:
        return slopes(Scalar(f, cotangents), cast(point, np.clongdouble), [probe], STEP)[0]

    here, there = back(point, None), back(wide, np.longdouble)
    reference = slope([v.astype(np.longdouble) for v in cotangents], wide)
    size = float(np.linalg.norm(probe.terms(there)))
    working, widest = (abs(probe.of(v) - reference) for v in (here, there))
    changes = [abs(slope(*half_ulps(cotangents, point, k)) - reference) for k in range(DRAWS)]
    eps = np.finfo(np.longdouble).eps
    return Confirmed(
        bool(widest <= max(working / 100, 64 * eps * size)), float(max(changes) / size)
    )


def gradient(f: Any, cotangents: Any, point: Arrays, name: str, indices: Any) -> Any:
    """The gradient at these places by complex step."""
    probes = [Entry(name, index) for index in indices]
    return slopes(Scalar(f, cotangents), cast(point, np.clongdouble), probes, STEP)


def half_ulps(cotangents: Any, point: Arrays, seed: int) -> tuple[Any, Arrays]:
    """Cotangents and inputs, each number half an ulp of its own dtype up or down."""
    rng = np.random.default_rng([seed, 1])

    def move(value: Any) -> Any:
        if value.dtype.kind != "f":
            return value
        half = np.spacing(np.abs(value)).astype(np.longdouble) / 2
        return value.astype(np.longdouble) + half * rng.choice([-1, 1], value.shape)

    return [move(v) for v in cotangents], {name: move(value) for name, value in point.items()}
