"""Windows: rows that a model learns from, cut out of one long series.

::

    series            v0  v1  v2  v3  v4  v5  v6  v7  v8     length=3, ahead=[1, 3], stride=2

    row 0   inputs     0   1   2
            targets                3       5                 one and three steps after step 2
    row 1   inputs             2   3   4
            targets                        5       7
    row 2   inputs                     4   5   6
            targets                                7   (9)   beyond the end: there is no row 2

Direct forecasts: every horizon has outputs of its own, and nothing is fed back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from npstack.core.arguments import check_size
from npstack.core.arrays import check_float
from npstack.core.errors import (
    ArgumentError,
    DataError,
    DtypeError,
    LeakageError,
    ShapeError,
    describe,
    fail,
)
from npstack.core.masks import check_bool_mask, check_finite
from npstack.core.numerics import Array
from npstack.data.scaling import Scaler
from npstack.data.series import Scale
from npstack.losses.samples import Samples

Integers = NDArray[np.int64]


class Positions(NamedTuple):
    """Which time steps of a series the rows read, and which they are to tell.

    Attributes
    ----------
    inputs : int array (B, T)
    targets : int array (B, A), or (B, T, A) at every step
    """

    inputs: Integers
    targets: Integers


@dataclass(frozen=True, eq=False)
class Windows:
    """Rows of a series with their targets, and where in the series they come from.

    Attributes
    ----------
    samples : Samples
        For `fit`: ``x (B, T, D)``; ``y (B, A K)``, or ``(B, T, A K)`` at every step, for A
        horizons and K target columns. Output ``a K + k`` is column k at horizon a. ``mask`` and
        ``counts`` are None unless values are missing, or a warm-up is left out.
    positions : Positions
        ``x[b, t]`` is step ``positions.inputs[b, t]`` of the series.
    values : float array (N, D)
        The series as it was given, not scaled.
    observed : bool array (N,)
        Where the series has values.
    scaler : Standardiser, MinMax, Scale or None
    target_columns : tuple of int (K,)
    """

    samples: Samples
    positions: Positions
    values: Array = field(repr=False)
    observed: NDArray[np.bool_] = field(repr=False)
    scaler: Scaler | Scale | None
    target_columns: tuple[int, ...]

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.positions.inputs)

    def rows(self, chosen: Any) -> Windows:
        """Some of the rows."""
        positions = Positions(*(part[chosen] for part in self.positions))
        return replace(self, samples=self.samples.rows(chosen), positions=positions)

    def counted(self) -> NDArray[np.bool_]:
        """True where a prediction counts: ``(B,)``, or ``(B, T)`` at every step."""
        counts = self.samples.counts
        return np.ones(self.positions.targets.shape[:-1], bool) if counts is None else counts

    def unscale(self, predictions: Array) -> Array:
        """Predictions, or ``samples.y``, in the units of the data.

        Parameters
        ----------
        predictions : float array (…, A K)

        Returns
        -------
        array (…, A K)
        """
        where = "Windows.unscale"
        predictions = check_float(where, "predictions", predictions, None, "")
        K, outputs = len(self.target_columns), self.samples.y.shape[-1]
        if predictions.ndim == 0 or predictions.shape[-1] != outputs:
            expected, advice = f"predictions must be (…, {outputs})", "Pass tape.outputs."
            fail(ShapeError, where, expected, predictions.shape, advice)
        split = predictions.reshape(*predictions.shape[:-1], outputs // K, K)
        if isinstance(self.scaler, Scaler):
            split = self.scaler.invert(split, self.target_columns)
        elif self.scaler is not None:
            split = self.scaler.invert(split)
        return split.reshape(predictions.shape)


def window_positions(
    count: int,
    length: int,
    *,
    ahead: int | Sequence[int] = 1,
    stride: int = 1,
    every_step: bool = False,
) -> Positions:
    """Where windows begin and what they are to tell.

    Row b reads the steps ``b stride + t`` for ``t = 0 … length - 1``. Its target for horizon a is

    - step ``b stride + length - 1 + ahead[a]``: told once, after the last input; or
    - at every step t, step ``b stride + t + ahead[a]``.

    There are as many rows as have all their targets inside the series:
    ``B = (count - length - max(ahead)) // stride + 1``.

    Parameters
    ----------
    count : int
        Steps of the series, N.
    length : int
        Steps of a window, T.
    ahead : int or sequence of int
        Horizons, in steps after the step that tells, A of them, rising.
    stride : int
        Steps between the beginnings of windows.
    every_step : bool
        Targets at every step (for a model with ``return_sequences=True``), or at the last.

    Raises
    ------
    DataError
        The series is too short for one window.

    Examples
    --------
    >>> inputs, targets = window_positions(9, 3, ahead=[1, 3], stride=2)
    >>> inputs.tolist(), targets.tolist()
    ([[0, 1, 2], [2, 3, 4]], [[3, 5], [5, 7]])
    >>> window_positions(5, 3, every_step=True).targets[..., 0].tolist()
    [[1, 2, 3], [2, 3, 4]]
    """
    where = "windows"
    length = check_size(where, "length", length)
    stride = check_size(where, "stride", stride)
    horizons = check_horizons(where, ahead)
    rows = (count - length - int(horizons[-1])) // stride + 1
    if rows < 1:
        expected = f"the series must have at least length + max(ahead) = {length + horizons[-1]}"
        advice = "Take shorter windows, or a nearer horizon."
        fail(DataError, where, f"{expected} steps", count, advice)
    inputs = stride * np.arange(rows)[:, np.newaxis] + np.arange(length)
    telling = inputs if every_step else inputs[:, -1]
    return Positions(inputs, telling[..., np.newaxis] + horizons)


def check_horizons(where: str, ahead: object) -> Integers:
    """Rising whole numbers, from one or several."""
    horizons = np.atleast_1d(np.asarray(ahead))
    whole = horizons.dtype.kind in "iu" and horizons.ndim == 1 and horizons.size > 0
    if not whole or horizons[0] < 0 or (horizons[1:] <= horizons[:-1]).any():
        expected = "ahead must be a whole number of steps, or rising ones"
        advice = "Use ahead=12, or ahead=[1, 6, 12], or ahead=range(1, 13)."
        fail(ArgumentError, where, expected, repr(ahead), advice)
    return horizons.astype(np.int64)


def windows(
    values: Array,
    length: int,
    *,
    ahead: int | Sequence[int] = 1,
    stride: int = 1,
    inputs: int | Sequence[int] | None = None,
    targets: int | Sequence[int] | None = None,
    every_step: bool = False,
    warm_up: int = 0,
    mask: Any = None,
    scaler: Scaler | Scale | None = None,
) -> Windows:
    """Cut a series into windows with targets one or many steps ahead.

    `window_positions` says exactly which steps a row reads and tells.

    Parameters
    ----------
    values : float array (N,) or (N, D)
        The series, in its own units.
    length : int
        Steps of a window, T.
    ahead : int or sequence of int
        How many steps after the step that tells the targets lie; A horizons, rising. 0 is
        allowed for target columns that are no inputs.
    stride : int
        Steps between the beginnings of windows.
    inputs, targets : int or sequence of int, optional
        Columns that the model reads, and tells; all by default.
    every_step : bool
        Targets at every step, ``y (B, T, A K)``, for a model that returns sequences; or at the
        last step, ``y (B, A K)``.
    warm_up : int
        With ``every_step``: first steps of each window that do not count in the loss, while the
        state fills.
    mask : bool array (N,), optional
        True where the series was observed. Windows carry it along; targets that were not observed
        do not count, and rows in which nothing counts are left out.
    scaler : Standardiser, MinMax, Scale, optional
        Applied to the series. Fit it on the training part: ``rows=split.train``.

    Returns
    -------
    Windows

    Raises
    ------
    DataError
        The series is too short; nothing was observed that could be told.
    LeakageError
        ``ahead=0`` for a column that is also an input.

    Examples
    --------
    >>> found = windows(np.arange(9.0), 3, ahead=[1, 3], stride=2)
    >>> found.samples.x[..., 0]
    array([[0., 1., 2.],
           [2., 3., 4.]])
    >>> found.samples.y
    array([[3., 5.],
           [5., 7.]])
    """
    where = "windows"
    values = check_float(where, "values", values, None, "")
    values = values[:, np.newaxis] if values.ndim == 1 else values
    if values.ndim != 2 or 0 in values.shape:
        advice = "One series at a time: time steps, then columns."
        fail(ShapeError, where, "values must be (N,) or (N, D)", values.shape, advice)
    read = _check_columns(where, "inputs", inputs, values.shape[1])
    told = _check_columns(where, "targets", targets, values.shape[1])
    if check_horizons(where, ahead)[0] == 0 and set(read) & set(told):
        expected = "a column that is told at ahead=0 must not be read"
        advice = "Leave it out of inputs=, or tell it at least one step ahead."
        fail(LeakageError, where, expected, f"column {min(set(read) & set(told))} in both", advice)
    if not isinstance(scaler, Scaler | Scale | None):
        expected = "scaler must be a Standardiser, a MinMax or a Scale, fitted"
        advice = "Use scaler=Standardiser.fit(values, rows=split.train)."
        fail(DtypeError, where, expected, describe(scaler), advice)
    observed = np.ones(len(values), bool) if mask is None else mask
    observed = check_bool_mask(where, observed, values.shape[:1])
    check_finite(where, "values", values, observed)
    positions = window_positions(
        len(values), length, ahead=ahead, stride=stride, every_step=every_step
    )
    counts = _counts(where, positions, observed, every_step, warm_up)
    scaled = values if scaler is None else scaler.apply(values)
    y = scaled[:, told][positions.targets]
    samples = Samples(
        scaled[:, read][positions.inputs],
        y.reshape(*y.shape[:-2], -1),
        None if mask is None else observed[positions.inputs],
        None if counts.all() else counts,
    )
    found = Windows(samples, positions, values, observed, scaler, told)
    some = counts.reshape(len(found), -1).any(1)
    return found if some.all() else found.rows(some)


def _check_columns(where: str, name: str, columns: object, count: int) -> tuple[int, ...]:
    """Numbers of columns, each once; all of them by default."""
    chosen = np.arange(count) if columns is None else np.atleast_1d(np.asarray(columns))
    whole = chosen.dtype.kind in "iu" and chosen.ndim == 1 and chosen.size > 0
    if not whole or chosen.min() < 0 or chosen.max() >= count or len(set(chosen)) < len(chosen):
        expected = f"{name} must be numbers of columns from 0 to {count - 1}, each once"
        fail(ArgumentError, where, expected, repr(columns), f"For the first, use {name}=[0].")
    return tuple(chosen.tolist())


def _counts(
    where: str,
    positions: Positions,
    observed: NDArray[np.bool_],
    every_step: bool,
    warm_up: int,
) -> NDArray[np.bool_]:
    """Where a prediction counts: its targets were observed, and the warm-up is over."""
    length = positions.inputs.shape[1]
    whole = isinstance(warm_up, int | np.integer) and not isinstance(warm_up, bool)
    if not whole or not 0 <= warm_up < length or (warm_up and not every_step):
        expected = f"warm_up must be a whole number from 0 to {length - 1}, with every_step=True"
        advice = "Told only at the last step? Everything before it is a warm-up already."
        fail(ArgumentError, where, expected, repr(warm_up), advice)
    counts = np.asarray(observed[positions.targets].all(-1))
    if every_step:
        counts = counts & observed[positions.inputs]  # a masked step has no output
        counts[:, :warm_up] = False
    if not counts.any():
        advice = "Is the mask True where the series was observed?"
        fail(DataError, where, "at least one target must be observed", "none", advice)
    return counts
