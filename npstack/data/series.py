"""Series by month, and scaling that is fitted on the training part only."""

from __future__ import annotations

import csv
from importlib import resources
from typing import NamedTuple

import numpy as np

from npstack.core.errors import DataError, fail
from npstack.core.numerics import Array


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
    """Square root, then standard units of the part that it was fitted on.

    The square root evens out the noise of counts, which grows with their size.
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
        roots = np.sqrt(values)
        return cls(float(roots.mean()), float(roots.std()))

    def apply(self, values: Array) -> Array:
        """From numbers to standard units."""
        return np.asarray((np.sqrt(values) - self.mean) / self.deviation)

    def invert(self, scaled: Array) -> Array:
        """Back to numbers; the root cannot be negative.

        Examples
        --------
        >>> Scale(1.0, 1.0).invert(np.array([-3.0, 1.0]))
        array([0., 4.])
        """
        return np.square(np.maximum(scaled * self.deviation + self.mean, 0.0))
