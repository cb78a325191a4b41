"""One block of a gradient against its reference: right, wrong, rounding, or a kink."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from npstack.core.numerics import Array
from npstack.verify.gradients import derivatives
from npstack.verify.gradients.derivatives import Inputs, Quotients, Scalar, cast
from npstack.verify.gradients.report import Row


@dataclass(frozen=True)
class Judge:
    """The data that all blocks of one check share.

    Attributes
    ----------
    s : Scalar
        The function whose gradient is checked.
    point : dict
        The inputs.
    analytic : dict
        The results of the backward; None if there is none.
    route : str
        ``complex``, ``difference`` or ``direction``.
    curve : Quotients
        The resolution of differences, and their step.
    tolerance : float
        In eps.
    rng : numpy.random.Generator
        Draws samples, directions and half ulps.
    """

    s: Scalar
    point: Inputs
    analytic: dict[str, Array | None]
    route: str
    curve: Quotients
    tolerance: float
    rng: np.random.Generator

    def block(self, name: str, block: str, index: Any, entries: int | None) -> Row:
        """Compute the reference of one block, entry by entry, and compare."""
        value, given = self.point[name], self.analytic.get(name)
        shape = value[index].shape
        if given is None or given.shape != value.shape:
            return _absent(name, block, shape, given)
        numbers = np.arange(value.size).reshape(value.shape)[index].ravel()
        if entries is not None and entries < len(numbers):
            numbers = np.sort(self.rng.choice(numbers, entries, replace=False))
        indices = [tuple(map(int, np.unravel_index(n, value.shape))) for n in numbers]
        ours = np.array([given[i] for i in indices])
        reference, slack = self._reference(name, indices)
        size = float(np.abs(reference).max())
        apart = np.abs(ours - reference)
        eps = float(np.finfo(value.dtype).eps)
        allowed = self.tolerance * eps * size + slack
        wrong = ~(apart <= allowed)
        verdict = "ok"
        if wrong.any():
            kinks = [self._kink(name, indices[k], float(ours[k])) for k in np.flatnonzero(wrong)]
            if all(kinks):
                verdict = "kink"
            elif False not in kinks and self._rounding(name, indices, ours, eps):
                verdict = "rounding"
            else:
                verdict = "WRONG"
        k = int(np.argmax(np.where(np.isnan(apart), np.inf, apart)))
        return Row(
            name,
            block,
            shape,
            indices[k],
            float(ours[k]),
            float(reference[k]),
            _ratio(apart[k], size),
            max(map(_ratio, apart, np.abs(reference))),
            allowed / size if size else 0.0,
            verdict,
        )

    def direction(self, names: list[str]) -> Row:
        """One random direction through all inputs: ``<gradient, d>`` against the slope along d."""
        direction = {name: self.rng.standard_normal(self.point[name].shape) for name in names}
        products = []
        for name, d in direction.items():
            given = self.analytic.get(name)
            if given is None or given.shape != d.shape:
                return _absent(name, "", d.shape, given)
            products.append((given * d).ravel())
        terms = np.concatenate(products)
        slope, _ = derivatives.complex_slope(self.s, cast(self.point, np.float64), direction)
        reference = np.nan if slope is None else slope
        ours = float(terms.sum())
        scale = max(float(np.linalg.norm(terms)), abs(reference), np.finfo(float).tiny)
        eps = max(float(np.finfo(self.point[name].dtype).eps) for name in names)
        error, bound = abs(ours - reference) / scale, self.tolerance * eps
        verdict = "ok" if error <= bound else "WRONG"
        return Row("all", "", (len(terms),), (), ours, reference, error, error, bound, verdict)

    def _reference(self, name: str, indices: list[Any]) -> tuple[Array, float]:
        """The derivative by each entry, and the resolution of its route."""
        if self.route == "complex":
            wide = np.result_type(np.complex128, self.point[name].dtype)
            return derivatives.complex_step(self.s, cast(self.point, wide), name, indices), 0.0
        exact, h = cast(self.point, np.float64), self.curve.step
        sides = ((derivatives.moved(exact, name, i, d) for d in (h, -h)) for i in indices)
        values = ([derivatives.beyond(self.s, side) for side in pair] for pair in sides)
        quotients = np.array([(up - down) / (2 * h) for up, down in values])
        return quotients, 10 * self.curve.resolution

    def _kink(self, name: str, index: Any, analytic: float) -> bool | None:
        """At a kink: is the gradient between the slopes left and right? None if it is no kink."""
        exact, step = cast(self.point, np.float64), self.curve.step
        noise = 10 * self.curve.resolution * step
        entry = {name: np.zeros(exact[name].shape)}
        entry[name][index] = 1
        here, gaps = self.s(exact), []
        for h in (100 * step, step):
            low, high = sorted(derivatives.slopes(self.s, exact, entry, here, h))
            margin = 1e-4 * max(abs(low), abs(high)) + noise / h
            if high - low <= 10 * margin:
                return None
            gaps.append(high - low)
        if gaps[1] <= gaps[0] / 2:  # the gap of a bend shrinks with the step; that of a kink stays
            return None
        return low - margin <= analytic <= high + margin

    def _rounding(self, name: str, indices: list[Any], ours: Array, eps: float) -> bool:
        """Whether half an ulp in the inputs explains the error: at most 8 of it plus 16 eps.

        An error above 1e-3 is never explained by rounding, even for a badly conditioned function.
        """
        if self.route != "complex":
            return False
        try:
            answer = derivatives.half_ulp_changes(self.s, self.point, name, indices, self.rng)
        except Exception:  # code that cannot run in extended precision is not explained by rounding
            return False
        if answer is None:
            return False
        truth, change = answer
        size, error = np.abs(truth).max(), np.abs(ours - truth).max()
        return bool(error <= min(8 * change.max() + 16 * eps * size, 1e-3 * size))


def _absent(name: str, block: str, shape: tuple[int, ...], given: Array | None) -> Row:
    """A gradient that the backward left out, or gave in another shape."""
    verdict = "MISSING" if given is None else "SHAPE"
    return Row(name, block, shape, (), np.nan, np.nan, np.inf, np.inf, 0.0, verdict)


def _ratio(error: float, size: float) -> float:
    """``error / size``; 0 / 0 is 0, and an error of a block of zeros is infinite."""
    if size == 0:
        return 0.0 if error == 0 else np.inf
    return float(error / size)
