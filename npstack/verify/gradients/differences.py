"""Derivatives by central differences, each with the error that it may have.

The error of ``(f(x + h) - f(x - h)) / 2h`` falls with the step ``h`` until rounding dominates. From
three steps, each half of the one before, the first two terms of the error are eliminated (Romberg).
What the elimination still changes, and the rounding of the outputs that change at all, say how far
the result may be off: for each number of the gradient alone. An output that does not depend on an
entry is exactly the same on both sides, and its rounding does not disturb.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from npstack.core.numerics import Array
from npstack.verify.gradients.derivatives import (
    Direction,
    Entry,
    Inputs,
    Probe,
    Scalar,
    cast,
    eps_of,
    outputs_or_none,
    relative,
)

FINEST = 40  # steps from 1 down to 2**-40
# Lines on which float32 and float16 are uneven: the length of a step, and what is rounding there.
LINES = ((2.0**-22, 2.0**-32), (2.0**-13, 2.0**-16))
UNEVEN = np.array([1, -6, 15, -20, 15, -6, 1]) / np.sqrt(924)  # sixth differences, noise kept
FINE_ENOUGH = 1e-8  # of the block
# Steps for an entry that those of its input resolve badly; relative ones are far too short for an
# entry that is next to zero.
OTHER_LEVELS = (4, -3, 8, -6, 12, -9, -12)
LEAPS = (1e-3, 1e8, 1e30, 1e100, 1e200, 1e300)


class Quotients(NamedTuple):
    """Central differences along one direction: error against step.

    ``scatter`` is the distance of each quotient from those at the neighbouring steps; ``errors``
    are distances to the complex step if there is one, else the scatter. ``best`` is the index of
    the step with the smallest scatter.
    """

    steps: Array
    quotients: Array
    scatter: Array
    errors: Array
    best: int

    @property
    def step(self) -> float:
        """The best step."""
        return float(self.steps[self.best])

    @property
    def resolution(self) -> float:
        """The smallest difference that the best step can detect."""
        return float(self.scatter[self.best])


def error_curve(s: Scalar, inputs: Inputs, direction: Inputs, reference: float | None) -> Quotients:
    """Quotients ``(s(x + h d) - s(x - h d)) / 2h`` for steps from 1e-1 down to 1e-10.

    A step that leaves the domain of the function is discarded: its scatter is infinite.
    """
    steps = 10.0 ** -np.arange(1, 10.5, 0.5)
    found = [quotient(s, inputs, Direction(direction), h)[0] for h in steps]
    quotients = np.array(found, float)
    with np.errstate(invalid="ignore"):
        change = np.abs(np.diff(quotients, append=quotients[-2:-1]))
    change[~np.isfinite(change)] = np.inf
    scatter = np.maximum(change, np.roll(change, 1))  # one small value by chance is not enough
    if quotients.any():  # steps too small to change a rounded function all give exactly zero
        scatter[quotients == 0] = np.inf
    best = int(np.argmin(scatter[1:-1])) + 1
    errors = scatter if reference is None else np.abs(quotients - reference)
    return Quotients(steps, quotients, scatter, errors, best)


def quotient(
    s: Scalar,
    inputs: Inputs,
    probe: Probe,
    h: float,
    depends: Sequence[Array] | None = None,
    inside: Sequence[float] | None = None,
) -> tuple[float, float]:
    """A central difference and the rounding in it; NaN outside of the domain.

    The rounding is that of the outputs that change, and of those that are said to depend on what
    is shifted: a change may be too small to be seen in them. ``inside`` is what `rounds_inside`
    has found.
    """
    up = outputs_or_none(s, probe.shifted(inputs, h))
    down = outputs_or_none(s, probe.shifted(inputs, -h))
    if up is None or down is None:
        return np.nan, np.inf
    value, noise = 0.0, 0.0
    for k, (v, right, left) in enumerate(zip(s.cotangents, up, down, strict=True)):
        change = right - left
        larger = np.maximum(np.abs(right), np.abs(left))
        moves = change != 0 if depends is None else (change != 0) | depends[k]
        value += float((v * change).sum())
        eps = max(eps_of(change.dtype), 0.0 if inside is None else inside[k])
        noise += eps * float(np.abs(v * np.where(moves, larger, 0)).sum())
    return value / (2 * h), noise / (2 * h)


class Estimate(NamedTuple):
    """A derivative, and how far it may be off."""

    value: float
    resolution: float


class Differences:
    """Derivatives by single entries around one point.

    Parameters
    ----------
    s : Scalar
    exact : dict of arrays
        The point, in float64.
    ways : dict of arrays
        By the name of each input: a direction through all its entries. Along it the step of the
        input is chosen, and it is measured how much noisier the function is than the rounding of
        its outputs.

    Attributes
    ----------
    inside : list of float
        The eps to which the function rounds inside, for each output; 0 if that is not seen.
    """

    def __init__(self, s: Scalar, exact: Inputs, ways: Inputs) -> None:
        self.s, self.exact = s, exact
        self.widest = np.dtype(np.longdouble if _stays_wide(s, exact) else np.float64)
        self.inside = rounds_inside(s, exact, ways)
        self.depends = {name: dependent(s, exact, name, way) for name, way in ways.items()}
        self.chosen = {name: self._choose(name, way) for name, way in ways.items()}

    def of(self, name: str, indices: Sequence[tuple[int, ...]]) -> list[Estimate]:
        """The derivatives by some entries.

        An entry that the step of its input resolves badly gets steps of its own.
        """
        unit, level, _ = self.chosen[name]
        enough = max(FINE_ENOUGH, min(1e4 * max(self.inside), 1e-2))
        found = [self._at(name, index, level) for index in indices]
        size = max((abs(one.value) for one in found if np.isfinite(one.value)), default=0.0)
        for k, index in enumerate(indices):
            for other in (level + change for change in OTHER_LEVELS):
                if found[k].resolution <= enough * size:
                    break
                if other <= FINEST - 2 and 2.0**-other <= max(1, 1 / unit[index]):
                    one = self._at(name, index, other)
                    found[k] = min(found[k], one, key=lambda estimate: estimate.resolution)
        return found

    def confirmed(self, name: str, index: tuple[int, ...]) -> Estimate:
        """The derivative by one entry, measured at several steps: as far off as these differ."""
        level = self.chosen[name][1]
        near = [k for k in range(level - 2, level + 5, 2) if 0 <= k <= FINEST - 2]
        found = sorted((self._at(name, index, k) for k in near), key=lambda one: one.resolution)
        best, others = found[0], found[1:3]
        off = max(best.resolution, *(_distance(best, one) for one in others))
        return best._replace(resolution=off)

    def at(self, s: Scalar, point: Inputs) -> Differences:
        """The same at another point, with other cotangents, in the widest type."""
        other = copy.copy(self)
        other.s, other.exact = s, cast(point, self.widest)
        return other

    def _at(self, name: str, index: tuple[int, ...], level: int) -> Estimate:
        unit, _, noisier = self.chosen[name]
        steps = [float(2.0 ** -(level + k) * unit[index]) for k in range(3)]
        probe, depends = Entry(name, index), self.depends[name]
        pairs = [quotient(self.s, self.exact, probe, h, depends, self.inside) for h in steps]
        return _extrapolated(pairs, noisier)

    def along(self, probe: Direction) -> Estimate:
        """The derivative along a direction, with the best step for it."""
        depends = [np.logical_or.reduce(one) for one in zip(*self.depends.values(), strict=True)]
        _, estimate, _ = self._best(probe, depends)
        return estimate

    def _choose(self, name: str, way: Array) -> tuple[Array, int, float]:
        """The unit of the steps of an input, the power of two of the best, and the noise."""
        ones, found = {name: np.ones_like(way)}, []
        for units in (ones, relative(ones, self.exact)):
            probe = Direction({name: way * units[name]})
            level, (value, off), noisier = self._best(probe, self.depends[name])
            relative_error = off / abs(value) if abs(value) > 0 else np.inf
            found.append((relative_error, units[name], level, noisier))
            if relative_error <= FINE_ENOUGH:
                break
        _, unit, level, noisier = min(found, key=lambda kind: kind[0])
        return unit, level, noisier

    def _best(self, probe: Direction, depends: Sequence[Array]) -> tuple[int, Estimate, float]:
        """The power of two of the best step, the derivative with it, and the noise."""
        levels = [
            quotient(self.s, self.exact, probe, 2.0**-k, depends, self.inside)
            for k in range(FINEST + 1)
        ]
        found = [_extrapolated(levels[k : k + 3], 1.0) for k in range(FINEST - 1)]
        apart = [_distance(a, b) for a, b in zip(found, [*found[1:], found[-2]], strict=True)]
        off = [one.resolution + far for one, far in zip(found, apart, strict=True)]
        best = int(np.argmin(off))
        finer = range(best + 2, len(found) - 1)  # rounding dominates in them
        scatter = [apart[k] / levels[k + 2][1] for k in finer if levels[k + 2][1] > 0]
        noisier = max(1.0, float(np.median(scatter))) if scatter else 1.0
        return best, Estimate(found[best].value, off[best]), noisier


def dependent(s: Scalar, exact: Inputs, name: str, way: Array) -> list[Array]:
    """Which outputs depend on an input: those that a step of some size changes."""
    here = s.outputs(exact)
    found = [np.zeros(y.shape, bool) for y in here]
    for h in (1.0, *LEAPS):
        there = outputs_or_none(s, Direction({name: way}).shifted(exact, h), True)
        for moves, y, other in zip(found, here, there or here, strict=True):
            moves |= ~(y == other)
    return found


def rounds_inside(s: Scalar, exact: Inputs, ways: Inputs) -> list[float]:
    """The eps of the numbers that the function computes with, if it is larger than it should be.

    For each output; 0 where nothing is seen. On a short line a smooth function is even: its sixth
    differences are the rounding in it. A kink is uneven only on lines that meet it, and few do.

    Examples
    --------
    >>> x = {"x": np.array([0.3, 0.7])}
    >>> def f(x):
    ...     return np.sin(x).astype(np.float32).astype(float)
    >>> (found,) = rounds_inside(Scalar(f, [np.ones(2)]), x, x)
    >>> 1e-8 < found < 1e-6, rounds_inside(Scalar(lambda x: x**3, [np.ones(2)]), x, x)
    (True, [0.0])
    """
    rng = np.random.default_rng(0)
    found = [0.0] * len(s.cotangents)
    for step, least in LINES:
        seen = []
        for _ in range(3):
            drawn = {name: rng.uniform(-1, 1, way.shape) for name, way in ways.items()}
            line = Direction(relative(drawn, exact))
            begin = line.shifted(exact, 2.0**-8)
            points = [outputs_or_none(s, line.shifted(begin, k * step)) for k in range(7)]
            outputs = [point for point in points if point is not None]
            if len(outputs) == len(points):
                seen.append([_unevenness(*own) for own in zip(s.cotangents, *outputs, strict=True)])
        for k, own in enumerate(zip(*seen, strict=True)):
            median = float(np.median(own))
            found[k] = max(found[k], 2 * median if median > least else 0.0)
    return found


def _unevenness(weights: Array, *line: Array) -> float:
    """The sixth difference of an output, divided by its size."""
    size = float(np.abs(weights * line[0]).sum())
    uneven = sum(c * y for c, y in zip(UNEVEN, line, strict=True))
    return float(np.abs(weights * uneven).sum()) / size if size else 0.0


def _stays_wide(s: Scalar, exact: Inputs) -> bool:
    """Whether the function computes in extended precision if it is given such numbers."""
    try:
        outputs = outputs_or_none(s, cast(exact, np.longdouble))
    except TypeError:  # NumPy's linear algebra, for example
        return False
    return outputs is not None and all(y.dtype == np.longdouble for y in outputs)


def _extrapolated(pairs: Sequence[tuple[float, float]], noisier: float) -> Estimate:
    """Romberg's value from quotients at ``h``, ``h / 2`` and ``h / 4``."""
    (q0, _), (q1, _), (q2, noise) = pairs
    first, second = (4 * q1 - q0) / 3, (4 * q2 - q1) / 3
    value = (16 * second - first) / 15
    resolution = abs(value - second) + 2 * noisier * noise
    return Estimate(value, resolution) if np.isfinite(value) else Estimate(np.nan, np.inf)


def _distance(a: Estimate, b: Estimate) -> float:
    return abs(a.value - b.value) if np.isfinite(a.value + b.value) else np.inf
