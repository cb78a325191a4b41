"""A right backward with one entry off in one block, or in every block."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from npstack.verify import Report
from npstack.verify.gradients.derivatives import leaves, like
from npstack.verify.gradients.problem import complete
from tests.verify.right_backwards.problem import Arrays, Problem, Rng

OFF = 1e-9  # of the largest number of the block, in float64
OFF_IN_EPS = 1000  # in float32
OFF_IN_RESOLUTION = 1000  # by differences, in what the report says that they resolve


class Slip(NamedTuple):
    """One entry that is off.

    Attributes
    ----------
    parameter, block : str
    entry : tuple
        Index within the input.
    amount : float
        By how much.
    share : float
        The same, of the block's largest number.
    own : float
        Error of the right backward in this block, of the same.
    resolution : float
        The smallest error that the report says it would have noticed, of the same.
    """

    parameter: str
    block: str
    entry: tuple[int, ...]
    amount: float
    share: float
    own: float
    resolution: float

    @property
    def size(self) -> float:
        """The largest number of the block."""
        return self.amount / self.share

    def visible(self, dtype: Any) -> bool:
        """Whether it is more than what rounding and underflow do to the right backward."""
        least = OFF_IN_EPS * float(np.finfo(dtype).smallest_subnormal)
        return self.share > 4 * self.own and self.amount > least


def slips(problem: Problem, report: Report, rng: Rng) -> list[Slip]:
    """One for every block whose gradient is not zero, from the report of the right backward."""
    point, gradients = problem.by_name(), gradient_of(problem)
    found = []
    for row in report.rows:
        value = point[row.parameter]
        parts = complete(value, (problem.blocks or {}).get(row.parameter, {"": ...}))
        places = np.arange(value.size).reshape(value.shape)[parts[row.block]].ravel()
        size = float(np.abs(gradients[row.parameter].ravel()[places]).max())
        entry = row.entry
        if "entries" not in problem.options:
            entry = tuple(map(int, np.unravel_index(rng.choice(places), value.shape)))
        if report.route == "difference":
            amount = OFF_IN_RESOLUTION * row.resolution
        elif value.dtype == np.float32:
            amount = OFF_IN_EPS * float(np.finfo(np.float32).eps) * size
        else:
            amount = OFF * size
        if size and np.isfinite(amount):
            shares = (amount, abs(row.analytic - row.reference), row.resolution)
            shares = tuple(float(number / size) for number in shares)
            found.append(Slip(row.parameter, row.block, entry, amount, *shares))
    return found


def spoil(problem: Problem, wrong: list[Slip]) -> Problem:
    """The problem with these entries off, in every number type alike."""
    names = list(problem.by_name())

    def add(gradients: Arrays) -> Arrays:
        gradients = {name: np.array(value) for name, value in gradients.items()}
        for slip in wrong:
            gradients[slip.parameter][slip.entry] += slip.amount
        return gradients

    def backward(d: Any, *inputs: Any, **named: Any) -> Any:
        right = problem.backward(d, *inputs, **named)
        if isinstance(right, dict):
            return add({name: value for name, value in right.items() if value is not None})
        return tuple(add(dict(zip(names, right, strict=True))).values())

    return replace(problem, backward=backward)


def gradient_of(problem: Problem) -> Arrays:
    """What the backward returns for cotangents like those that a check draws first."""
    rng = np.random.default_rng(0)
    by_position = not isinstance(problem.inputs, dict)
    given, named = (problem.inputs, {}) if by_position else ((), problem.inputs)
    with np.errstate(all="ignore"):
        outputs = problem.f(*given, **named)
        drawn = (rng.standard_normal(y.shape).astype(y.dtype) for _, y in leaves(outputs))
        found = problem.backward(like(outputs, drawn), *given, **named)
    if by_position:
        found = {str(k): value for k, value in enumerate(found)}
    return {name: np.asarray(value) for name, value in found.items() if value is not None}
