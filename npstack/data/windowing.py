"""Windows: rows for training, cut out of one long series.

::

    series            v0  v1  v2  v3  v4  v5  v6  v7  v8     length=3, ahead=[1, 3], stride=2

    row 0   inputs     0   1   2
            targets                3       5                 one and three steps after step 2
    row 1   inputs             2   3   4
            targets                        5       7
    row 2   inputs                     4   5   6
            targets                                7   (9)   beyond the end: there is no row 2

Direct forecasts: every horizon has separate outputs, and nothing is fed back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npstack.core.arguments import check_flag, check_whole
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
from npstack.core.masks import check_bool_mask, check_finite, zero_where_masked
from npstack.core.numerics import Array
from npstack.data.amounts import whole_numbers
from npstack.data.positions import MOST_BYTES, Positions, check_horizons, place
from npstack.data.scaling import Scaler
from npstack.data.series import Scale
from npstack.losses.samples import Samples


@dataclass(frozen=True, eq=False)
class Windows:
    """Rows of a series with their targets, and their positions in the series.

    Attributes
    ----------
    samples : Samples
        For `fit`: ``x (B, T, D)``; ``y (B, A K)``, or ``(B, T, A K)`` at every step, for A
        horizons and K target columns. Output ``a K + k`` is column k at horizon a. ``mask`` and
        ``counts`` are None unless values are missing, or a warm-up is left out.
    positions : Positions
        ``x[b, t]`` is step ``positions.inputs[b, t]`` of the series.
    values : float array (N, D)
        The original series, not scaled: a write-protected copy.
    observed : bool array (N,)
        Where the series has values; write-protected.
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
        shape = self.positions.targets.shape[:-1]
        return np.ones(shape, bool) if counts is None else counts

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
        else:
            split = split.copy() if self.scaler is None else self.scaler.invert(split)
        return split.reshape(predictions.shape)


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
    most_bytes: int = MOST_BYTES,
) -> Windows:
    """Cut a series into windows with targets one or many steps ahead.

    `window_positions` defines exactly which steps are inputs and targets of a row.

    Parameters
    ----------
    values : float array (N,) or (N, D)
        The series, in its own units.
    length : int
        Steps of a window, T.
    ahead : int or sequence of int
        Distance of the targets from the step of the output, in steps; A horizons, increasing. 0
        is allowed for target columns that are not inputs.
    stride : int
        Steps between the beginnings of windows.
    inputs, targets : int or sequence of int, optional
        Columns of the inputs and of the targets; all by default.
    every_step : bool
        Targets at every step, ``y (B, T, A K)``, for a model that returns sequences; or at the
        last step, ``y (B, A K)``.
    warm_up : int
        With ``every_step``: first steps of each window that do not count in the loss, while the
        state fills.
    mask : bool array (N,), optional
        True where the series was observed. Windows contain it; targets that were not observed
        do not count, and rows in which nothing counts are left out.
    scaler : Standardiser, MinMax, Scale, optional
        Applied to the series. Fit it on the training part: ``rows=split.train``.
    most_bytes : int
        The memory limit. Windows overlap, and need ``length`` times the memory of the series.

    Returns
    -------
    Windows

    Raises
    ------
    DataError
        The series is too short, or no target was observed.
    LeakageError
        ``ahead=0`` for a column that is also an input.
    ArgumentError
        The windows would need more than ``most_bytes``.

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
    values = check_float(where, "values", values, None, "").copy()
    values = values[:, np.newaxis] if values.ndim == 1 else values
    if values.ndim != 2 or 0 in values.shape:
        advice = "One series at a time: time steps, then columns."
        fail(ShapeError, where, "values must be (N,) or (N, D)", values.shape, advice)
    read = _check_columns(where, "inputs", inputs, values.shape[1])
    told = _check_columns(where, "targets", targets, values.shape[1])
    every_step = check_flag(where, "every_step", every_step)
    horizons = check_horizons(where, ahead)
    both = set(read) & set(told)
    if horizons[0] == 0 and both:
        expected = "a target column at ahead=0 must not be an input"
        advice = "Leave it out of inputs=, or use ahead of at least 1."
        fail(LeakageError, where, expected, f"column {min(both)} in both", advice)
    if not isinstance(scaler, Scaler | Scale | None):
        expected = "scaler must be a Standardiser, a MinMax or a Scale, fitted"
        advice = "Use scaler=Standardiser.fit(values, rows=split.train)."
        fail(DtypeError, where, expected, describe(scaler), advice)
    observed = np.ones(len(values), bool)
    if mask is not None:
        observed = check_bool_mask(where, mask, values.shape[:1]).copy()
    check_finite(where, "values", values, observed)
    step_bytes = len(read) * values.itemsize, len(told) * values.itemsize
    positions = place(
        where, len(values), length, horizons, stride, every_step, step_bytes, most_bytes
    )
    counts = _counts(where, positions, observed, every_step, warm_up)
    scaled = values
    if scaler is not None:  # a value that was not observed may be NaN
        scaled = scaler.apply(zero_where_masked(values, observed))
    y = scaled[:, told][positions.targets]
    samples = Samples(
        scaled[:, read][positions.inputs],
        y.reshape(*y.shape[:-2], -1),
        None if mask is None else observed[positions.inputs],
        None if counts.all() else counts,
    )
    for own in (values, observed):  # a copy of the original
        own.flags.writeable = False
    found = Windows(samples, positions, values, observed, scaler, told)
    some = counts.reshape(len(found), -1).any(1)
    return found if some.all() else found.rows(some)


def _check_columns(where: str, name: str, columns: object, count: int) -> tuple[int, ...]:
    """Numbers of columns, each once; all of them by default."""
    if columns is None:
        return tuple(range(count))
    expected = f"{name} must be numbers of columns from 0 to {count - 1}, each once"
    advice = f"For the first, use {name}=[0]."
    chosen = whole_numbers(where, name, columns, count, expected, advice).tolist()
    if min(chosen) < 0 or max(chosen) >= count or len(set(chosen)) < len(chosen):
        fail(ArgumentError, where, expected, describe(columns), advice)
    return tuple(chosen)


def _counts(
    where: str,
    positions: Positions,
    observed: NDArray[np.bool_],
    every_step: bool,
    warm_up: int,
) -> NDArray[np.bool_]:
    """The predictions that count: their targets were observed, and the warm-up is over."""
    length = positions.inputs.shape[1]
    advice = "It is a number of steps, and the last step of a window must count."
    warm_up = check_whole(where, "warm_up", warm_up, advice, most=length - 1)
    if warm_up and not every_step:
        advice = "Targets only at the last step? All steps before it are a warm-up already."
        expected = "warm_up must be 0 without every_step=True"
        fail(ArgumentError, where, expected, warm_up, advice)
    counts = np.asarray(observed[positions.targets].all(-1))
    if every_step:
        counts = counts & observed[positions.inputs]  # a masked step has no output
        counts[:, :warm_up] = False
    if not counts.any():
        advice = "Is the mask True where the series was observed?"
        fail(DataError, where, "at least one target must be observed", "none", advice)
    return counts
