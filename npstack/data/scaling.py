"""Scaling by column, fitted on rows that the scaler remembers.

A scaler knows the rows that it was fitted on. Where samples are divided into a training, a
validation and a test part (`npstack.data.TimeSplit.divide`), these rows are held against the
training part, and the numbers against the data: what was fitted elsewhere is found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from npstack.core.arguments import check_number, check_option
from npstack.core.arrays import check_float
from npstack.core.errors import ArgumentError, DataError, NonFiniteError, ShapeError, describe, fail
from npstack.core.masks import check_bool_mask, check_finite
from npstack.core.numerics import Array


@dataclass(frozen=True, eq=False)
class Scaler:
    """``(value - shift) / scale``, column by column: what all scalers have in common.

    Attributes
    ----------
    shift, scale : float array (D,)
    rows : int array (n,)
        The rows (time steps of a series, or sequences of a batch) that it was fitted on, in order.
    """

    shift: Array
    scale: Array
    rows: NDArray[np.int64]

    def apply(self, values: Array) -> Array:
        """From the data's units to scaled ones; what is masked may hold anything.

        Parameters
        ----------
        values : float array (…, D), or (N,) if D = 1

        Returns
        -------
        array, of the same shape and dtype
        """
        values, shift, scale = self._columns("apply", values, None)
        return np.asarray((values - shift) / scale)

    def invert(self, scaled: Array, columns: Any = None) -> Array:
        """Back to the data's units.

        Parameters
        ----------
        scaled : float array (…, K)
        columns : sequence of int (K,), optional
            Which columns of the data stand along the last axis; all by default.
        """
        scaled, shift, scale = self._columns("invert", scaled, columns)
        return np.asarray(scaled * scale + shift)

    def reproduces(self, values: Array, mask: Any = None) -> bool:
        """Whether fitting its rows of these values gives the same numbers."""
        values = np.asarray(values)
        columns = 1 if values.ndim == 1 else values.shape[-1]
        if self.rows[-1] >= len(values) or columns != len(self.shift):
            return False
        # Sums of the same numbers may round differently in another memory layout.
        again = self._again(values, mask)
        near = 1e-9 * np.abs(self.scale)
        moved = np.maximum(np.abs(again.shift - self.shift), np.abs(again.scale - self.scale))
        return bool((moved <= near).all())

    def config(self) -> dict[str, Any]:
        """Plain values for JSON; `scaler_from` makes the scaler again."""
        return {
            "name": type(self).__name__,
            "shift": self.shift.tolist(),
            "scale": self.scale.tolist(),
            "rows": [[start, stop] for start, stop in runs(self.rows)],
        }

    def _again(self, values: Array, mask: Any) -> Scaler:
        """Fitted once more, on the same rows of other values."""
        raise NotImplementedError

    def _columns(self, name: str, values: object, columns: Any) -> tuple[Array, Array, Array]:
        where = f"{type(self).__name__}.{name}"
        values = check_float(where, "values", values, None, "")
        shift, scale = self.shift, self.scale
        if columns is not None:
            shift, scale = shift[list(columns)], scale[list(columns)]
        D = len(shift)
        if (values.shape[-1] if values.ndim > 1 else 1) != D:
            expected, advice = f"values must be (…, D={D})", "The last axis holds the columns."
            fail(ShapeError, where, expected, values.shape, advice)
        return values, shift.astype(values.dtype), scale.astype(values.dtype)


@dataclass(frozen=True, eq=False)
class Standardiser(Scaler):
    """Standard units: ``(value - mean) / deviation``, column by column.

    Attributes
    ----------
    shift, scale : float array (D,)
        Mean and standard deviation (divided by n) over the valid steps of ``rows``.
    rows : int array (n,)

    Examples
    --------
    >>> scaler = Standardiser.fit(np.array([0.0, 2.0, 50.0]), rows=range(2))
    >>> scaler.apply(np.array([0.0, 2.0, 50.0]))
    array([-1.,  1., 49.])
    >>> scaler.invert(np.array([49.0])).tolist(), scaler.rows.tolist()
    ([50.0], [0, 1])
    """

    @classmethod
    def fit(
        cls, values: Array, *, rows: Any = None, mask: Any = None, constant: str = "refuse"
    ) -> Self:
        """Measure mean and deviation of every column.

        Parameters
        ----------
        values : float array (N,), (N, D) or (B, T, D)
            A series, or sequences.
        rows : range, slice or sequence of int, optional
            Which rows along the first axis; ``split.train``, say. All by default.
        mask : bool array (N,) or (B, T), optional
            True at valid steps. What stands elsewhere does not matter.
        constant : {"refuse", "centre"}
            A column of one value has no deviation. Refuse it, or give it the deviation 1, so that
            it becomes zero.

        Raises
        ------
        DataError
            A column is constant.
        NonFiniteError
            NaN or infinity at a valid step; or numbers too large to square.
        """
        where = f"{cls.__name__}.fit"
        valid, chosen = valid_rows(where, values, rows, mask, constant)
        with np.errstate(over="ignore", invalid="ignore"):
            mean, deviation = valid.mean(0, np.float64), valid.std(0, np.float64)
        return cls(mean, _widths(where, valid, deviation, constant), chosen)

    def _again(self, values: Array, mask: Any) -> Scaler:
        return self.fit(values, rows=self.rows, mask=mask, constant="centre")


@dataclass(frozen=True, eq=False)
class MinMax(Scaler):
    """Least value to ``low``, largest to ``high``, column by column.

    Values outside the range of the rows that it was fitted on leave ``[low, high]``: test data may.

    Attributes
    ----------
    shift, scale : float array (D,)
    rows : int array (n,)
    low, high : float

    Examples
    --------
    >>> MinMax.fit(np.array([2.0, 4.0, 9.0]), rows=range(2)).apply(np.array([2.0, 3.0, 9.0]))
    array([0. , 0.5, 3.5])
    """

    low: float = 0.0
    high: float = 1.0

    @classmethod
    def fit(
        cls,
        values: Array,
        *,
        rows: Any = None,
        mask: Any = None,
        low: float = 0.0,
        high: float = 1.0,
        constant: str = "refuse",
    ) -> Self:
        """Find the least and the largest value of every column.

        Parameters
        ----------
        values, rows, mask
            As for `Standardiser.fit`.
        low, high : float
            Where these values go.
        constant : {"refuse", "centre"}
            Refuse a column of one value, or send it to ``low``.

        Raises
        ------
        DataError, NonFiniteError
            As for `Standardiser.fit`.
        ArgumentError
            ``low`` is not below ``high``.
        """
        where = f"{cls.__name__}.fit"
        advice = "Use low=0, high=1."
        check_number(where, "low", low, advice)
        if check_number(where, "high", high, advice) <= low:
            fail(ArgumentError, where, "low must be below high", f"{low} and {high}", advice)
        valid, chosen = valid_rows(where, values, rows, mask, constant)
        least, largest = valid.min(0).astype(np.float64), valid.max(0).astype(np.float64)
        with np.errstate(over="ignore"):
            scale = _widths(where, valid, (largest - least) / (high - low), constant)
        return cls(least - low * scale, scale, chosen, float(low), float(high))

    def config(self) -> dict[str, Any]:
        """Plain values for JSON; `scaler_from` makes the scaler again."""
        return {**super().config(), "low": self.low, "high": self.high}

    def _again(self, values: Array, mask: Any) -> Scaler:
        low, high, rows = self.low, self.high, self.rows
        return self.fit(values, rows=rows, mask=mask, low=low, high=high, constant="centre")


def scaler_from(config: Mapping[str, Any]) -> Scaler:
    """The scaler that ``config()`` describes.

    Examples
    --------
    >>> scaler = MinMax.fit(np.array([[0.0], [5.0]]), low=-1)
    >>> scaler_from(scaler.config()).apply(np.array([[5.0]]))
    array([[1.]])
    """
    where = "scaler_from"
    kinds: dict[str, type[Scaler]] = {kind.__name__: kind for kind in (Standardiser, MinMax)}
    options = dict(config)
    kind = kinds[check_option(where, "name", options.pop("name", None), kinds)]
    rows = np.concatenate([np.arange(start, stop) for start, stop in options.pop("rows")])
    shift, scale = np.array(options.pop("shift")), np.array(options.pop("scale"))
    return kind(shift, scale, rows, **options)


def valid_rows(
    where: str, values: object, rows: Any, mask: Any, constant: str
) -> tuple[Array, NDArray[np.int64]]:
    """All valid steps of the chosen rows ``(n, D)``, and the rows' numbers."""
    check_option(where, "constant", constant, ["refuse", "centre"])
    values = check_float(where, "values", values, None, "")
    if values.ndim not in (1, 2, 3) or 0 in values.shape:
        advice = "The first axis holds the rows, the last the columns."
        expected = "values must be (N,), (N, D) or (B, T, D), of at least one entry"
        fail(ShapeError, where, expected, values.shape, advice)
    values = values[:, np.newaxis] if values.ndim == 1 else values
    chosen = choose(where, rows, len(values))
    mask = np.ones(values.shape[:-1], dtype=bool) if mask is None else mask
    mask = check_bool_mask(where, mask, values.shape[:-1])[chosen]
    if not mask.any():
        advice = "Scale by rows in which something was observed."
        fail(DataError, where, "rows must hold at least one valid step", "none", advice)
    check_finite(where, "values", values[chosen], mask)
    return values[chosen][mask], chosen


def choose(where: str, rows: Any, count: int) -> NDArray[np.int64]:
    """Numbers of rows, in order and each once, from a slice, a range, numbers or booleans."""
    if rows is None or isinstance(rows, slice):
        rows = range(count)[rows or slice(None)]
    chosen = np.asarray(rows)
    if chosen.dtype == bool:
        chosen = np.flatnonzero(check_bool_mask(where, chosen, (count,)))
    wrong = chosen.ndim != 1 or chosen.size == 0 or chosen.dtype.kind not in "iu"
    if wrong or chosen.min() < 0 or chosen.max() >= count:
        expected = f"rows must be a range or numbers between 0 and {count - 1}, at least one"
        advice = "For the first hundred, use rows=range(100)."
        got = describe(chosen) if wrong else f"{chosen.min()} to {chosen.max()}"
        fail(ArgumentError, where, expected, got, advice)
    return np.unique(chosen).astype(np.int64)


def runs(rows: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Unbroken runs of sorted numbers, as pairs of start and stop.

    Examples
    --------
    >>> runs(np.array([0, 1, 2, 7]))
    [(0, 3), (7, 8)]
    """
    parts = np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1)
    return [(int(part[0]), int(part[-1]) + 1) for part in parts if len(part)]


def in_words(rows: NDArray[np.int64]) -> str:
    """Rows for a message, at most three runs of them.

    Examples
    --------
    >>> in_words(np.array([0, 1, 2, 7]))
    'rows 0 to 2, 7'
    """
    found = [f"{a}" if b == a + 1 else f"{a} to {b - 1}" for a, b in runs(rows)]
    more = f" and {len(found) - 3} more runs" if len(found) > 3 else ""
    return f"rows {', '.join(found[:3])}{more}" if found else "no rows"


def _widths(where: str, valid: Array, widths: Array, constant: str) -> Array:
    """Deviations or ranges, none of them zero or beyond floating point."""
    if not np.isfinite(widths).all():
        column = int(np.argmax(~np.isfinite(widths)))
        advice = "Divide the data by a large number first."
        expected = "the spread of every column must be finite"
        fail(NonFiniteError, where, expected, f"infinity in column {column}", advice)
    flat = (valid == valid[0]).all(0) | (widths == 0)  # a mean may round: its deviation is not 0
    if flat.any() and constant == "refuse":
        columns = ", ".join(map(str, np.flatnonzero(flat)))
        value = valid[0, np.argmax(flat)]
        advice = "Leave it out, or send it to zero: constant='centre'."
        expected = "columns must vary over the rows to be scaled by"
        fail(DataError, where, expected, f"column {columns} with {value:g} only", advice)
    return np.where(flat, 1.0, widths)
