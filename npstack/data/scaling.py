"""Scaling by column; a scaler records the rows on which it was fitted.

When samples are divided into a training, a validation and a test part
(`npstack.data.TimeSplit.divide`), these rows are compared with the training part, and the numbers
with the data, so that a scaler that was fitted on other rows is detected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from npstack.core.arguments import check_number, check_option
from npstack.core.arrays import as_array, check_float
from npstack.core.errors import (
    ArgumentError,
    DataError,
    DtypeError,
    NonFiniteError,
    ShapeError,
    describe,
    fail,
)
from npstack.core.numerics import Array, is_finite
from npstack.core.wide import Wide, careful, deviation, mean
from npstack.data.rows import rows_of_runs, runs, valid_rows

CONSTANT = ("refuse", "centre")  # for a column that never changes


@dataclass(frozen=True, eq=False)
class Scaler:
    """``(value - shift) / scale``, column by column: the base of all scalers.

    Attributes
    ----------
    shift, scale : float array (D,)
    rows : int array (n,)
        The rows (time steps of a series, or sequences of a batch) used for fitting, in order.
    """

    shift: Array
    scale: Array
    rows: NDArray[np.int64]

    def apply(self, values: Array) -> Array:
        """From the units of the data to scaled ones; masked values may be anything.

        Parameters
        ----------
        values : float array (…, D), or (N,) if D = 1

        Returns
        -------
        array, of the same shape and dtype
        """
        values, shift, scale = self._columns("apply", values, None)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            near, width = shift.astype(values.dtype), scale.astype(values.dtype)
            plain = np.asarray((values - near) / width)
        sound = _as_finite(plain, values) & _has_its_digits(width)
        return careful(plain, sound, lambda: (Wide(values) - shift) / scale)

    def invert(self, scaled: Array, columns: Any = None) -> Array:
        """Back to the units of the data.

        Parameters
        ----------
        scaled : float array (…, K)
        columns : sequence of int (K,), optional
            The columns of the data along the last axis; all by default.
        """
        scaled, shift, scale = self._columns("invert", scaled, columns)
        with np.errstate(over="ignore", invalid="ignore"):
            near, width = shift.astype(scaled.dtype), scale.astype(scaled.dtype)
            plain = np.asarray(scaled * width + near)
        sound = _as_finite(plain, scaled) & _has_its_digits(width)
        return careful(plain, sound, lambda: Wide(scaled) * scale + shift)

    def reproduces(self, values: Array, mask: Any = None) -> bool:
        """Whether a fit on the same rows of these values gives the same numbers."""
        values = as_array(f"{type(self).__name__}.reproduces", "values", values)
        columns = values.shape[-1] if values.ndim > 1 else values.ndim
        if columns == 0 or self.rows[-1] >= len(values) or columns != len(self.shift):
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
        """A new scaler, fitted on the same rows of other values."""
        raise NotImplementedError

    def _columns(self, name: str, values: object, columns: Any) -> tuple[Array, Array, Array]:
        where = f"{type(self).__name__}.{name}"
        values = check_float(where, "values", values, None, "")
        shift, scale = self.shift, self.scale
        if columns is not None:
            chosen = _chosen_columns(where, columns, len(shift))
            shift, scale = shift[chosen], scale[chosen]
        D = len(shift)
        if (values.shape[-1] if values.ndim > 1 else 1) != D:
            expected, advice = f"values must be (…, D={D})", "The last axis holds the columns."
            fail(ShapeError, where, expected, values.shape, advice)
        return values, shift, scale


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
            The rows along the first axis, such as ``split.train``; all by default.
        mask : bool array (N,) or (B, T), optional
            True at valid steps. Other values do not matter.
        constant : {"refuse", "centre"}
            A column of one value has no deviation. Refuse it, or use a deviation of 1, so that it
            becomes zero.

        Raises
        ------
        DataError
            A column is constant.
        NonFiniteError
            NaN or infinity at a valid step.
        """
        where = f"{cls.__name__}.fit"
        constant = check_option(where, "constant", constant, CONSTANT)
        valid, chosen = valid_rows(where, values, rows, mask)
        with np.errstate(over="ignore"):  # of longdouble; reported as an error below
            middle, spread = mean(valid, np.float64), deviation(valid, np.float64)
        return cls(middle, _widths(where, valid, spread, constant), chosen)

    def _again(self, values: Array, mask: Any) -> Scaler:
        return self.fit(values, rows=self.rows, mask=mask, constant="centre")


@dataclass(frozen=True, eq=False)
class MinMax(Scaler):
    """Scale the smallest value to ``low``, the largest to ``high``, column by column.

    Values outside the range of the fitted rows, as in test data, are outside ``[low, high]``.

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
        """Find the smallest and the largest value of every column.

        Parameters
        ----------
        values, rows, mask
            As for `Standardiser.fit`.
        low, high : float
            The scaled values of the smallest and the largest value.
        constant : {"refuse", "centre"}
            Refuse a column of one value, or scale it to ``low``.

        Raises
        ------
        DataError, NonFiniteError
            As for `Standardiser.fit`.
        ArgumentError
            ``low`` is not below ``high``.
        """
        where = f"{cls.__name__}.fit"
        advice = "Use low=0, high=1."
        low = check_number(where, "low", low, advice)
        high = check_number(where, "high", high, advice)
        if high <= low:
            fail(ArgumentError, where, "low must be below high", f"{low} and {high}", advice)
        constant = check_option(where, "constant", constant, CONSTANT)
        valid, chosen = valid_rows(where, values, rows, mask)
        least, largest = valid.min(0).astype(np.float64), valid.max(0).astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):  # reported as an error below
            scale = np.asarray((largest - least) / (high - low))
            sound = np.isfinite(scale) & _has_its_digits(scale)
            scale = careful(scale, sound, lambda: (Wide(largest) - least) / (Wide(high) - low))
            scale = _widths(where, valid, scale, constant)
            shift = np.asarray(least - low * scale)
            shift = careful(shift, np.isfinite(shift), lambda: Wide(least) - Wide(low) * scale)
        if not np.isfinite(shift).all():
            expected, got = "the value that becomes 0 must be finite", "infinity"
            fail(NonFiniteError, where, expected, got, "Use low=0, high=1.")
        return cls(shift, scale, chosen, low, high)

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
    where, advice = "scaler_from", "Pass what config() returned."
    if not isinstance(config, Mapping):
        fail(DtypeError, where, "config must be a dictionary", describe(config), advice)
    kinds: dict[str, type[Scaler]] = {kind.__name__: kind for kind in (Standardiser, MinMax)}
    options = dict(config)
    kind = kinds[check_option(where, "name", options.pop("name", None), kinds)]
    names = [field.name for field in fields(kind)]
    if options.keys() != set(names):
        expected = f"a {kind.__name__} must have {', '.join(names)}"
        fail(ArgumentError, where, expected, ", ".join(map(str, options)) or "nothing", advice)
    for name in ("shift", "scale"):
        numbers = as_array(where, name, options[name])
        least = np.nextafter(0, 1) if name == "scale" else -np.inf
        usable = numbers.ndim == 1 and numbers.size and numbers.dtype.kind in "iuf"
        if not usable or not (np.isfinite(numbers) & (numbers >= least)).all():
            expected = f"{name} must be a list of finite numbers"
            expected += " above 0" if name == "scale" else ""
            fail(ArgumentError, where, expected, describe(options[name]), advice)
        options[name] = numbers.astype(np.float64)
    if len(options["shift"]) != len(options["scale"]):
        expected, got = "shift and scale must be of one length", describe(options["scale"])
        fail(ShapeError, where, expected, got, advice)
    for name in names[3:]:
        options[name] = check_number(where, name, options[name], advice)
    if options.get("low", 0.0) >= options.get("high", 1.0):
        got = f"{options['low']} and {options['high']}"
        fail(ArgumentError, where, "low must be below high", got, advice)
    options["rows"] = rows_of_runs(where, options["rows"], advice)
    return kind(**options)


def _widths(where: str, valid: Array, widths: Array, constant: str) -> Array:
    """Check deviations or ranges: none is zero or beyond the range of floats."""
    if not np.isfinite(widths).all():
        column = int(np.argmax(~np.isfinite(widths)))
        advice = "Divide the data by a large number first."
        expected = "the spread of every column must be finite"
        fail(NonFiniteError, where, expected, f"infinity in column {column}", advice)
    flat = (valid == valid[0]).all(0)  # a mean may round: its deviation is not 0
    lost = (widths == 0) & ~flat
    if lost.any():
        advice = "Multiply the data by a large number first."
        expected = "the spread of every column must be a number"
        got = f"less than the smallest one in column {int(np.argmax(lost))}"
        fail(DataError, where, expected, got, advice)
    if flat.any() and constant == "refuse":
        columns = ", ".join(map(str, np.flatnonzero(flat)))
        value = valid[0, np.argmax(flat)]
        advice = "Leave it out, or send it to zero: constant='centre'."
        expected = "columns must vary over the rows to be scaled by"
        fail(DataError, where, expected, f"column {columns} with {value:g} only", advice)
    return np.where(flat, 1.0, widths)


def _chosen_columns(where: str, columns: object, count: int) -> NDArray[np.int64]:
    """Numbers of columns; negative ones count from the end."""
    chosen = as_array(where, "columns", columns)
    whole = chosen.ndim == 1 and chosen.dtype.kind in "iu"
    if not whole or not ((chosen >= -count) & (chosen < count)).all():
        expected = f"columns must be a list of numbers from 0 to {count - 1}"
        fail(ArgumentError, where, expected, describe(columns), "Use columns=[0].")
    return chosen.astype(np.int64)


def _as_finite(found: Array, given: Array) -> NDArray[np.bool_]:
    """Where the result is finite, or the argument is not."""
    return is_finite(found) | ~is_finite(given)


def _has_its_digits(widths: Array) -> NDArray[np.bool_]:
    """Where widths are neither infinite nor so small that they lose digits."""
    if widths.dtype == object:
        return np.ones(widths.shape, bool)
    return np.asarray(is_finite(widths) & (abs(widths) >= np.finfo(widths.dtype).tiny))
