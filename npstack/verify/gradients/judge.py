"""One block of a gradient against its reference: right, wrong, rounding, or undecidable."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

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
    slopes,
)
from npstack.verify.gradients.differences import Differences, Estimate, dependent, quotient
from npstack.verify.gradients.problem import Problem
from npstack.verify.gradients.report import Row
from npstack.verify.gradients.rounding import UNDECIDED, Block, Rounding, widest

NEGLIGIBLE = 1e-6  # of the outputs: what an unresolved gradient may change
UNSEEN = 1e-32  # of the outputs: what a gradient may change that the backward says is zero
# A step is not small beside smaller inputs, and leaves the range of float64 on its way to smaller
# gradients: these need a wider type.
TINY, SMALL = 1e-20, 1e-200
CHAOS = 1e-2  # more than float16 rounds: a function so uneven has no slope that differences see


class MisledByComplexNumbers(Exception):
    """The function is not complex-safe after all; the message is the reason."""


class Judge:
    """Compares the blocks of one check.

    Parameters
    ----------
    problem : Problem
    by_differences : bool
        Else by complex step.
    ways : dict of arrays
        Directions in which steps of differences are chosen.
    step : float
        Of differences, small enough to see a kink.
    tolerance : float
        In eps.
    rng : numpy.random.Generator
        Draws samples and directions.

    Attributes
    ----------
    references : dict of arrays
        What has been computed so far, NaN elsewhere.
    """

    def __init__(
        self,
        problem: Problem,
        by_differences: bool,
        ways: Inputs,
        step: float,
        tolerance: float,
        rng: np.random.Generator,
    ) -> None:
        self.problem, self.ways, self.step = problem, ways, step
        self.tolerance, self.rng = tolerance, rng
        self.exact = cast(problem.point, np.float64)
        sizes = np.concatenate([np.abs(self.exact[name]).ravel() for name in problem.names])
        self.tiny = sizes[sizes > 0].min(initial=1.0) < TINY
        self.differences = None
        if by_differences:
            self.differences = Differences(problem.s, self.exact, ways)
        self.confirming: dict[str, Differences] = {}  # by the input
        self.rounding = Rounding(problem, self._finer, tolerance, rng)
        self.references = {
            name: np.full(problem.point[name].shape, np.nan) for name in problem.names
        }

    def block(self, name: str, part: str, index: Any, entries: int | None) -> Row:
        """Compute the reference of one block, entry by entry, and compare."""
        value, given = self.problem.point[name], self.problem.analytic.get(name)
        shape = value[index].shape
        if given is None or given.shape != value.shape:
            return _absent(name, part, shape, given)
        numbers = np.arange(value.size).reshape(value.shape)[index].ravel()
        if entries is not None and entries < len(numbers):
            numbers = np.sort(self.rng.choice(numbers, entries, replace=False))
        places = [tuple(map(int, np.unravel_index(n, value.shape))) for n in numbers]
        block = Block([Entry(name, place) for place in places], (name,), index)
        row, reference = self._judged(block, name, part, shape, places)
        for place, number in zip(places, reference, strict=True):
            self.references[name][place] = number
        return row

    def direction(self) -> Row:
        """One random direction through all inputs: ``<gradient, d>`` against the slope along d."""
        names = self.problem.names
        direction = {n: self.rng.standard_normal(self.problem.point[n].shape) for n in names}
        for name, d in direction.items():
            given = self.problem.analytic.get(name)
            if given is None or given.shape != d.shape:
                return _absent(name, "", d.shape, given)
        size = sum(d.size for d in direction.values())
        block = Block([Direction(direction)], tuple(names), None)
        return self._judged(block, "all", "", (size,), [()])[0]

    # ---- reference and verdict ---------------------------------------------------------------

    def _judged(
        self, block: Block, name: str, part: str, shape: tuple[int, ...], places: list[Any]
    ) -> tuple[Row, Array]:
        """The row, and the reference of every number."""
        analytic = self.problem.analytic
        dtype = max((self.problem.point[name].dtype for name in block.names), key=eps_of)
        ours = np.array([probe.of(analytic) for probe in block.probes])
        reference, slack = self._reference(block)
        size = max(float(np.nanmax(np.abs(reference), initial=0.0)), block.weight(analytic))
        info = np.finfo(dtype)
        with np.errstate(invalid="ignore"):
            apart = np.abs(ours - reference)
        apart[(ours == np.copysign(np.inf, reference)) & (np.abs(reference) > info.max)] = 0
        apart[np.isinf(slack)] = 0  # no step of differences stays within the domain
        least = self.tolerance * float(info.smallest_subnormal) if size else 0.0
        allowed = self.tolerance * float(info.eps) * size + least + slack
        wrong = ~(apart <= allowed)
        verdict, resolution = "ok", float(allowed.max())
        if wrong.any():
            verdict, found = self._explained(block, ours, reference, wrong, size)
            resolution = max(resolution, found)
        elif float(slack.max()) > UNDECIDED * size:
            verdict = "zero" if self._negligible(block, slack, NEGLIGIBLE) else "undecidable"
        if self.differences is not None and size <= (zero := self._rounded(block)):
            resolution = max(resolution, zero)  # so much would still be taken for zero
        k = int(np.argmax(np.where(np.isnan(apart), np.inf, apart)))
        row = Row(
            name,
            part,
            shape,
            places[k],
            float(ours[k]),
            float(reference[k]),
            _ratio(apart[k], size),
            max(map(_ratio, apart, np.abs(reference))),
            float(allowed[k]) / size if size else 0.0,
            verdict,
            resolution,
        )
        return row, reference

    def _explained(
        self, block: Block, ours: Array, reference: Array, wrong: Array, size: float
    ) -> tuple[str, float]:
        """The verdict on a block with errors above the bound, and what it resolves."""
        kinks = [self._kink(block.probes[int(k)], float(ours[k])) for k in np.flatnonzero(wrong)]
        if all(kinks):
            return "kink", 0.0
        if not ours.any() and self._negligible(block, np.abs(reference), UNSEEN):
            return "zero", size
        unseen = self.differences is not None and not reference.any()
        if unseen and self._negligible(block, np.abs(ours), eps_of(np.float64)):
            return "zero", float(np.abs(ours).max())
        if np.isfinite(ours).all() and self._rounded_zero(block, ours):
            return "zero", float(np.abs(ours).max())
        if False in kinks or not np.isfinite(ours).all():
            return "WRONG", 0.0
        verdict, resolution = self.rounding.explains(block, ours, reference, size)
        if verdict == "WRONG" and self.differences is None:
            self._confirm(block, ours, reference)
        return verdict, resolution

    def _confirm(self, block: Block, ours: Array, reference: Array) -> None:
        """Where differences side with the backward, complex numbers have misled."""
        k = int(np.argmax(np.abs(ours - reference)))
        probe = block.probes[k]
        if isinstance(probe, Entry):
            name, s = probe.name, self.problem.s
            if name not in self.confirming:
                found = Differences(s, self.exact, {name: self.ways[name]})
                self.confirming[name] = found.at(s, self.problem.point)
            if max(self.confirming[name].inside, default=0.0) > CHAOS:
                return
            value, off = self.confirming[name].confirmed(name, probe.place)
            if abs(value - ours[k]) <= off < abs(value - reference[k]) / 10:
                both = f"{reference[k]:.6g}, differences {value:.6g}"
                raise MisledByComplexNumbers(f"for {name!r} the complex step gives {both}")

    def _reference(self, block: Block) -> tuple[Array, Array]:
        """The derivative by each probe, and how far it may be off."""
        if self.differences is not None:
            (first, *_) = block.probes
            if isinstance(first, Direction):
                value, off = _arrays([self.differences.along(first)])
            else:
                places = [probe.place for probe in block.probes if isinstance(probe, Entry)]
                value, off = _arrays(self.differences.of(block.names[0], places))
            if max(self.differences.inside, default=0.0) > CHAOS:
                off[...] = np.inf
            return value, off
        wide = np.result_type(np.complex128, *(self.problem.point[n].dtype for n in block.names))
        found = slopes(self.problem.s, cast(self.problem.point, wide), block.probes)
        if self.tiny or np.abs(found).max() < SMALL:
            found = self._finer(self.problem.s, self.problem.point, block.probes)[0]
        return found, np.zeros(len(found))

    def _finer(self, s: Scalar, point: Inputs, probes: Sequence[Probe]) -> tuple[Array, Array]:
        """The derivatives at some point, in the widest type in which the function runs."""
        if self.differences is not None:
            there = self.differences.at(s, point)
            return _arrays(
                there.along(probe)
                if isinstance(probe, Direction)
                else there.confirmed(probe.name, probe.place)
                for probe in probes
                if isinstance(probe, Direction | Entry)
            )
        slope = widest(s, point, probes)
        return slope, np.zeros(len(slope))

    def _negligible(self, block: Block, gradient: Array, part: float) -> bool:
        """Whether an entry times its gradient is less than a part of the outputs."""
        return bool(gradient.max() <= self._changes(block, part))

    def _rounded(self, block: Block) -> float:
        """What rounding of the outputs may leave of a gradient that is zero by invariance."""
        eps = eps_of(self.problem.point[block.names[0]].dtype)
        return self._changes(block, 1e-2 * eps)

    def _changes(self, block: Block, part: float) -> float:
        """The gradient with which an entry changes this part of the outputs."""
        inputs = max(float(np.abs(self.exact[name]).max()) for name in block.names)
        return part * self._size_of_outputs / max(inputs, 1.0)

    @cached_property
    def _size_of_outputs(self) -> float:
        """The outputs, weighed by the cotangents."""
        s = self.problem.s
        pairs = zip(s.cotangents, s.outputs(self.exact), strict=True)
        size = float(sum(np.abs(v * y).sum() for v, y in pairs))
        return size or float(sum(np.abs(v).sum() for v in s.cotangents))  # all of them are zero

    def _rounded_zero(self, block: Block, ours: Array) -> bool:
        """Whether a gradient is zero by invariance, and ours no more than rounding of the outputs.

        Where the outputs do not depend on an input at all, it has to be exactly zero.
        """
        name = block.names[0]
        if len(block.names) > 1 or np.abs(ours).max() > self._rounded(block):
            return False
        worst = int(np.argmax(np.abs(ours)))
        one, number = Block([block.probes[worst]], block.names, block.index), ours[[worst]]
        truth, off = self._finer(self.problem.s, self.problem.point, one.probes)
        if abs(truth[0]) > 1e-3 * abs(number[0]):
            return False
        if abs(truth[0]) > off[0] and not self.rounding.vanishes(one, number, truth):
            return False
        depends = dependent(self.problem.s, self.exact, name, self.ways[name])
        return any(moves.any() for moves in depends)

    def _kink(self, probe: Probe, analytic: float) -> bool | None:
        """At a kink: is the gradient between the slopes left and right? None if it is no kink."""
        s, gaps = self.problem.s, []
        here = outputs_or_none(s, self.exact)
        for h in (100 * self.step, self.step):
            sides = [outputs_or_none(s, probe.shifted(self.exact, by)) for by in (-h, h)]
            if here is None or sides[0] is None or sides[1] is None:
                return None
            left = float(s.weigh(y - below for y, below in zip(here, sides[0], strict=True))) / h
            right = float(s.weigh(above - y for y, above in zip(here, sides[1], strict=True))) / h
            noise = quotient(s, self.exact, probe, h)[1]
            low, high = sorted((left, right))
            margin = 1e-4 * max(abs(low), abs(high)) + 10 * noise
            if not high - low > 10 * margin:
                return None
            gaps.append(high - low)
        # The gap of a bend shrinks with the step, and that of rounding grows; that of a kink stays.
        if not gaps[0] / 2 < gaps[1] < gaps[0] * 2:
            return None
        return low - margin <= analytic <= high + margin


def _arrays(estimates: Iterable[Estimate]) -> tuple[Array, Array]:
    """Derivatives, and four times what they may be off."""
    values, off = np.array(list(estimates)).T
    return values, 4 * off


def _absent(name: str, part: str, shape: tuple[int, ...], given: Array | None) -> Row:
    """A gradient that the backward left out, or gave in another shape."""
    verdict = "MISSING" if given is None else "SHAPE"
    got = () if given is None else given.shape
    return Row(name, part, shape, (), np.nan, np.nan, np.inf, np.inf, 0.0, verdict, 0.0, got)


def _ratio(error: float, size: float) -> float:
    """``error / size``; 0 / 0 is 0, and an error of a block of zeros is infinite."""
    if size == 0:
        return 0.0 if error == 0 else np.inf
    return float(error / size)
