"""Whether rounding explains what a gradient is off.

A right formula may lose digits that a bound in eps does not allow for: ``1 - y²`` next to a
``y`` of 1, sums that cancel, numbers below the smallest of their type. It is told from a wrong
formula by what only rounding does.

- It **shrinks with the eps**: the same backward in a wider type is off by so much less. A wrong
  formula is as wrong as before.
- It is **small beside what was summed**: where the inputs are smaller and nothing saturates, the
  block is right and large; the error is an eps of that size.
- It **changes without order** when the inputs move a little; the error of a wrong formula stays.
  Numbers that are rounded to a narrower type on their way change so, too, but lose as much at
  smaller inputs.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from npstack.core.numerics import Array
from npstack.verify.gradients.derivatives import (
    Direction,
    Given,
    Inputs,
    Probe,
    Scalar,
    cast,
    eps_of,
    slopes,
    wider,
)
from npstack.verify.gradients.problem import Problem

Reference = Callable[[Scalar, Inputs, Sequence[Probe]], tuple[Array, Array]]
Finding = tuple[str, float]  # the verdict, and what is resolved
UNDECIDED = 0.1  # of the block: what is resolved no better is not called right
WORST = 4  # entries of a block that are looked at
SHRUNKEN = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 1e-3)
SHRINKS = 16  # times the ratio of both eps: the error in a wider type
FLOOR = 16  # eps of the size elsewhere
DRAWS, ENOUGH = 24, 8  # nearby points, and how many of them must be within the domain
QUICK = 3  # nearby points that show an error that stays
SURE = 6.0  # standard errors
SCATTER = 4.0  # standard deviations: rounding along a direction may have a mean of its own
WIDENS = eps_of(np.longdouble) / eps_of(np.float64)
FINE_STEP = np.longdouble(2.0) ** (np.finfo(np.longdouble).minexp // 4)  # far below tiny inputs


@dataclass(frozen=True)
class Block:
    """Numbers of a gradient that are judged together.

    Attributes
    ----------
    probes : list of Probe
    names : tuple of str
        The inputs that they belong to.
    index : index
        Of the block within its input.
    """

    probes: Sequence[Probe]
    names: tuple[str, ...]
    index: Any

    def weight(self, gradients: Given) -> float:
        """The size of what is summed to the number along a direction; 0 for entries."""
        directions = [probe for probe in self.probes if isinstance(probe, Direction)]
        return max((float(np.linalg.norm(d.terms(gradients))) for d in directions), default=0.0)

    def size(self, gradients: Given) -> float:
        """The largest number of the block."""
        if self.index is None:
            return self.weight(gradients)
        gradient = gradients[self.names[0]]
        return 0.0 if gradient is None else float(np.abs(gradient[self.index]).max())


class Elsewhere(NamedTuple):
    """Another point: the function with its cotangents, the inputs, the backward's results."""

    s: Scalar
    point: Inputs
    gradients: dict[str, Array | None]


class Rounding:
    """Looks for the reasons above, for one backward at one point.

    Parameters
    ----------
    problem : Problem
    reference : callable
        ``reference(s, point, probes)``: derivatives, and how far they may be off.
    tolerance : float
        In eps.
    rng : numpy.random.Generator
    """

    def __init__(
        self, problem: Problem, reference: Reference, tolerance: float, rng: np.random.Generator
    ) -> None:
        self.problem, self.reference, self.tolerance = problem, reference, tolerance
        self.seed = int(rng.integers(2**32))
        self.kept: dict[Any, Elsewhere | None] = {}

    def explains(self, block: Block, ours: Array, reference: Array, size: float) -> Finding:
        """Whether rounding explains the error of a block, and how large an error it may hide."""
        worst = np.argsort(-np.abs(ours - reference))[:WORST]
        block = Block([block.probes[k] for k in worst], block.names, block.index)
        truth, off = self.reference(self.problem.s, self.problem.point, block.probes)
        error, slack = float(np.abs(ours[worst] - truth).max()), float(off.max())
        # The reference and the truth differ by the rounding of the first.
        slack = max(slack, self.tolerance * WIDENS * float(np.abs(reference[worst] - truth).max()))
        eps = self._eps(block)
        least = self.tolerance * eps * float(np.abs(truth).max()) + slack
        if error <= least:
            return "rounding", least
        left, narrow = self._in_wider(block, truth)
        bound = SHRINKS * narrow / eps * error + self.tolerance * narrow * size + slack
        if left <= bound:
            return "rounding", bound
        # Smaller inputs are tried only where their size would be enough to explain the error.
        wide_floor = self._size_elsewhere(block, (left - bound) / (self.tolerance * narrow))
        if left <= (most := bound + self.tolerance * narrow * wide_floor):
            return "rounding", most
        if left <= error / SHRINKS:
            return "rounding", error
        if np.isfinite(left) and error < UNDECIDED * size:  # not all of it is lost
            return self._without_order(block, ours[worst] - truth, size)
        floor = self._size_elsewhere(block, (error - slack) / (FLOOR * eps))
        if error <= (most := FLOOR * eps * floor + slack):
            return "rounding", most
        return self._without_order(block, ours[worst] - truth, size)

    def vanishes(self, block: Block, ours: Array, truth: Array) -> bool:
        """Whether a number that should be zero is smaller in a wider type, or scatters."""
        error = float(np.abs(ours - truth).max())
        left, _ = self._in_wider(block, truth)
        if not np.isfinite(left) or left <= error / SHRINKS:
            return True
        return self._without_order(block, ours - truth, 0.0)[0] != "WRONG"

    def _in_wider(self, block: Block, truth: Array) -> tuple[float, float]:
        """The error of the same backward in a wider type and its eps; infinite without one."""
        eps = self._eps(block)
        if self._wide is None:
            return np.inf, eps
        again = np.array([probe.of(self._wide) for probe in block.probes])
        narrow = max(eps_of(np.asarray(self._wide[name]).dtype) for name in block.names)
        return (float(np.abs(again - truth).max()), narrow) if narrow < eps else (np.inf, eps)

    def _eps(self, block: Block) -> float:
        return max(eps_of(self.problem.point[name].dtype) for name in block.names)

    @cached_property
    def _wide(self) -> dict[str, Array | None] | None:
        """The backward once more, in the next wider type."""
        dtype = wider(max((self.problem.point[n].dtype for n in self.problem.names), key=eps_of))
        if dtype is None:
            return None
        cotangents = [v.astype(dtype) for v in self.problem.cotangents]
        return self._gradients(cast(self.problem.point, dtype), cotangents)

    def _size_elsewhere(self, block: Block, least: float) -> float:
        """The largest size of the block at smaller inputs, where it is right; 0 if below least."""
        sizes = [one for one in self._smaller(block, SHRUNKEN) if one[0] >= least]
        sizes.sort(key=lambda one: -one[0])
        return next((size for size, there in sizes if self._right(block, there, size)), 0.0)

    def _right(self, block: Block, there: Elsewhere, size: float) -> bool:
        errors, off, _ = self._errors(block, there)
        return bool((np.abs(errors) <= self.tolerance * self._eps(block) * size + off).all())

    def _without_order(self, block: Block, errors: Array, size: float) -> Finding:
        """Whether the error scatters over nearby points, and how far; or stays as it is.

        One number along a direction is a sum of many and scatters whatever is wrong, unless the
        points are as near as can be.
        """
        if block.index is None:
            return self._nearest(block, size)
        scale = block.size(self.problem.analytic) or size or 1.0
        begin = errors / scale
        worst = int(np.argmax(np.abs(begin)))
        one = Block([block.probes[worst]], block.names, block.index)
        first = [found[0, 0] for found in self._errors_around(one, scale, range(QUICK))]
        if len(first) == QUICK and all(0.8 <= now / begin[worst] <= 1.25 for now in first):
            return "WRONG", 0.0
        large = np.abs(errors) > self.tolerance * self._eps(block) * size
        probes = [probe for probe, counts in zip(block.probes, large, strict=True) if counts]
        block = Block(probes or block.probes, block.names, block.index)
        both = np.array(self._errors_around(block, scale, range(DRAWS)))
        if len(both) < ENOUGH:
            return "WRONG", 0.0
        far = SURE * both.std(axis=0, ddof=1) / np.sqrt(len(both))
        if not np.isfinite(far).all() or (np.abs(both.mean(axis=0)) > far).any():
            return "WRONG", 0.0
        scatter, zero = float(far[0].max()), size <= np.abs(errors).max()
        spread = float(both[:, 0].std(axis=0).max())
        beyond = spread > self.tolerance**2 * self._eps(block)
        if beyond and not zero and not self._shrinks(block, spread):
            return "WRONG", 0.0
        return "undecidable" if scatter > UNDECIDED else "rounding", scatter * scale

    def _nearest(self, block: Block, size: float) -> Finding:
        """Whether the error along a direction scatters over points an ulp away."""
        scale = size or 1.0
        around = [self._at(("ulp", draw), an_ulp_off([self.seed, draw])) for draw in range(DRAWS)]
        found = [self._errors(block, there)[0][0] / scale for there in around if there]
        with np.errstate(all="ignore"):
            far = SCATTER * np.std(found, ddof=1) if len(found) > 1 else 0.0
            stays = not np.isfinite(far) or far < abs(np.mean(found))
        if len(found) < ENOUGH or stays:
            return "WRONG", 0.0
        return "undecidable" if far > UNDECIDED else "rounding", far * scale

    def _shrinks(self, block: Block, error: float) -> bool:
        """Whether the error is a smaller part of the block at smaller inputs, where less is lost.

        Numbers that are rounded to a narrower type on their way lose as much everywhere.
        """
        part = max(self.tolerance * self._eps(block), error / 10)
        less = [
            np.abs(self._errors(block, there)[0]).max() <= part * size
            for size, there in self._smaller(block, SHRUNKEN[2:])
        ]
        return bool(2 * sum(less) > len(less))

    def _errors_around(self, block: Block, scale: float, draws: range) -> list[Array]:
        """Errors at nearby points, as parts of a scale and of each number itself."""
        found = []
        for draw in draws:
            there = self._at(("moved", draw), jittered([self.seed, draw]), both=True)
            if there is not None:
                apart, _, truth = self._errors(block, there)
                with np.errstate(all="ignore"):
                    own = np.where(truth != 0, apart / truth, 0)
                    both = np.array([apart / scale, own], float)
                if np.isfinite(both).all():
                    found.append(both)
        return found

    def _smaller(self, block: Block, factors: Sequence[float]) -> Iterator[tuple[float, Elsewhere]]:
        """Smaller inputs, and the size of the block there, where it has one."""
        for factor in factors:
            there = self._at(("shrunken", factor), scaled(factor))
            size = block.size(there.gradients) if there else 0.0
            if there and 0 < size < np.inf:
                yield size, there

    # ---- other points ------------------------------------------------------------------------

    def _errors(self, block: Block, there: Elsewhere) -> tuple[Array, Array, Array]:
        """Errors, how far the reference may be off, and the reference."""
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            truth, off = self.reference(there.s, there.point, block.probes)
        return np.array([probe.of(there.gradients) for probe in block.probes]) - truth, off, truth

    def _at(
        self, key: Any, change: Callable[[Array], Array], both: bool = False
    ) -> Elsewhere | None:
        """Another point, with ``both`` also other cotangents; None where the code does not run."""
        if key not in self.kept:
            problem = self.problem
            point = {
                name: change(value).astype(value.dtype) if value.dtype.kind == "f" else value
                for name, value in problem.point.items()
            }
            cotangents = problem.cotangents
            if both:
                cotangents = [change(v).astype(v.dtype) for v in cotangents]
            given = self._gradients(point, cotangents)
            s = Scalar(problem.f, cotangents)
            self.kept[key] = None if given is None else Elsewhere(s, point, given)
        return self.kept[key]

    def _gradients(
        self, point: Inputs, cotangents: Sequence[Array]
    ) -> dict[str, Array | None] | None:
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                found = self.problem.gradients(point, cotangents)
        except Exception:  # code that does not run there cannot be excused by it
            return None
        shapes = {n: np.asarray(a).shape for n, a in self.problem.analytic.items()}
        same = all(np.asarray(a).shape == shapes[n] for n, a in found.items())
        return found if same else None


def scaled(factor: float) -> Callable[[Array], Array]:
    """Every number times a factor."""
    return lambda value: value * factor


def jittered(seed: Sequence[int]) -> Callable[[Array], Array]:
    """Every number changed by up to a part of itself: enough to round a saturated unit anew."""
    rng = np.random.default_rng(seed)
    reach = 10 ** rng.uniform(-3, -1.5)
    return lambda value: value * (1 + reach * rng.uniform(-1, 1, value.shape))


def an_ulp_off(seed: Sequence[int]) -> Callable[[Array], Array]:
    """Every number replaced by one of its two neighbours."""
    rng = np.random.default_rng(seed)
    return lambda value: np.nextafter(
        value, rng.choice([-np.inf, np.inf], value.shape).astype(value.dtype)
    )


def widest(s: Scalar, point: Inputs, probes: Sequence[Probe]) -> Array:
    """Derivatives by complex step in the widest complex type in which the function runs."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            found = slopes(s, cast(point, np.clongdouble), probes, FINE_STEP)
        if np.isfinite(found).all():
            return found
    except Exception:  # NumPy's linear algebra and some users' code stop at complex128
        pass
    return slopes(s, cast(point, np.complex128), probes)
