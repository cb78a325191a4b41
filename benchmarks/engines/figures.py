"""Medians, same-round ratios, slopes, and how certain they are.

Each round measures every side once; a ratio is taken within a round, so that a slow minute of the
machine is in both of its numbers. How certain a figure is: the middle 90 % of what it becomes when
rounds are drawn again with replacement (bootstrap).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

DRAWS, LEVEL = 2000, 0.9
Values = NDArray[np.float64]


class Figure(NamedTuple):
    """A figure with the ends of its interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f}–{self.high:.2f})"


def bootstrap(
    groups: Sequence[ArrayLike], statistic: Callable[..., Values], *, seed: int = 0
) -> Figure:
    """A statistic of one or more groups of rounds, each drawn again independently.

    Parameters
    ----------
    groups : list of array (rounds, ...)
    statistic : callable
        From arrays (N, rounds, ...), as many as groups, to an array (N,).
    """
    arrays = [np.asarray(group, float) for group in groups]
    rng = np.random.default_rng(seed)
    drawn = statistic(*(a[rng.integers(0, len(a), (DRAWS, len(a)))] for a in arrays))
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    (value,) = statistic(*(a[np.newaxis] for a in arrays))
    return Figure(float(value), float(low), float(high))


def _medians(rounds: Values) -> Values:
    found: Values = np.median(rounds, axis=1)
    return found


def median(values: ArrayLike) -> Figure:
    """The median of rounds."""
    return bootstrap([values], _medians)


def geometric_mean(groups: Sequence[ArrayLike]) -> Figure:
    """The geometric mean of the groups' medians."""
    return bootstrap(groups, lambda *g: np.exp(np.mean([np.log(_medians(a)) for a in g], axis=0)))


def log_slope(sizes: ArrayLike, seconds: ArrayLike) -> Values:
    """By which power of the size the time grows: the slope of a line through the logarithms.

    ``seconds`` is (..., sizes).
    """
    x, y = np.log(np.asarray(sizes, float)), np.log(np.asarray(seconds, float))
    x = x - x.mean()
    found: Values = y @ x / (x @ x)
    return found


def slope(sizes: ArrayLike, seconds: ArrayLike) -> Figure:
    """The slope of the median times; ``seconds`` is (rounds, sizes)."""
    return bootstrap([seconds], lambda rounds: log_slope(sizes, _medians(rounds)))


def fastest(seconds: Mapping[str, Sequence[float]], side: str) -> str | None:
    """The name ``side/threads`` of a side with its better number of threads, if it was timed."""
    medians = {
        name: np.median(rounds) for name, rounds in seconds.items() if name.split("/")[0] == side
    }
    return min(medians, key=lambda name: medians[name]) if medians else None


def ratios(seconds: Mapping[str, Sequence[float]], side: str, other: str) -> Values | None:
    """Times of a side over those of another in the same rounds, each with its better threads."""
    names = fastest(seconds, side), fastest(seconds, other)
    if names[0] is None or names[1] is None:
        return None
    found: Values = np.divide(seconds[names[0]], seconds[names[1]])
    return found
