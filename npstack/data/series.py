"""Series by month, and scaling that is fitted on the training part only."""

from __future__ import annotations

import csv
from importlib import resources
from typing import NamedTuple

import numpy as np

from npstack.core.arrays import as_array
from npstack.core.errors import DataError, DtypeError, NonFiniteError, describe, fail
from npstack.core.numerics import Array
from npstack.core.wide import deviation, mean


class Series(NamedTuple):
    """A series of numbers by month.

    Attributes
    ----------
    years : float array (N,)
        The calendar year of each value; January is .0, July .5.
    values : float array (N,)
    """

    years: Array
    values: Array


def load_sunspots() -> Series:
    """Monthly mean sunspot numbers, January 1749 to June 2009 (3,126 months).

    International sunspot number, version 1, from NOAA's National Geophysical Data Center; public
    domain. February 1824 was not observed and is interpolated; values after December 2008 are
    preliminary.

    Examples
    --------
    >>> series = load_sunspots()
    >>> float(series.years[0]), float(series.values[0]), len(series.values)
    (1749.0, 58.0, 3126)
    """
    name = "sunspots_monthly.csv"
    text = resources.files("npstack.data").joinpath(name).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    if lines[0] != "month,sunspots":
        fail(DataError, name, "the first row must be month,sunspots", repr(lines[0]))
    years, values = [], []
    for month, value in csv.reader(lines[1:]):
        year, number = month.split("-")
        years.append(int(year) + (int(number) - 1) / 12)
        values.append(float(value))
    return Series(np.array(years), np.array(values))


class Scale(NamedTuple):
    """Square root, then standard units of the fitted part.

    The square root makes the noise of counts independent of their size.
    """

    mean: float
    deviation: float

    @classmethod
    def fit(cls, values: Array) -> Scale:
        """Measure mean and standard deviation of the roots.

        Examples
        --------
        >>> Scale.fit(np.array([0.0, 4.0]))
        Scale(mean=1.0, deviation=1.0)
        """
        where = "Scale.fit"
        roots = _roots(where, values)
        if roots.size == 0 or not np.isfinite(roots).all():
            got, advice = describe(roots), "Leave out or fill what is missing."
            fail(NonFiniteError, where, "values must be finite, one at least", got, advice)
        scale = cls(*(float(measure(roots.ravel("K"))) for measure in (mean, deviation)))
        if scale.deviation == 0:
            got = f"{float(roots.flat[0]) ** 2:g} only"
            fail(DataError, where, "values must vary to be scaled by", got, "Leave them out.")
        return scale

    def apply(self, values: Array) -> Array:
        """From numbers to standard units."""
        return np.asarray((_roots("Scale.apply", values) - self.mean) / self.deviation)

    def invert(self, scaled: Array) -> Array:
        """Back to numbers; the root cannot be negative.

        Examples
        --------
        >>> Scale(1.0, 1.0).invert(np.array([-3.0, 1.0]))
        array([0., 4.])
        """
        scaled = _real("Scale.invert", "scaled", scaled)
        return np.square(np.maximum(scaled * self.deviation + self.mean, 0.0))


def _real(where: str, name: str, values: object) -> Array:
    """Check for real numbers, also whole ones."""
    numbers = as_array(where, name, values)
    if numbers.dtype.kind not in "iuf":
        expected, advice = f"{name} must be real numbers", f"Use {name}.astype(np.float64)."
        fail(DtypeError, where, expected, describe(numbers), advice)
    return numbers


def _roots(where: str, values: object) -> Array:
    """Square roots of numbers that have one; NaN stays NaN."""
    numbers = _real(where, "values", values)
    if (numbers < 0).any():
        got, advice = f"{numbers.min():g}", "Without roots: npstack.data.Standardiser.fit(values)."
        fail(DataError, where, "values must be at least 0 to have a root", got, advice)
    return np.asarray(np.sqrt(numbers))
