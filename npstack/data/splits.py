"""Training, validation and test of a series, by time.

::

    series   |––––––––– train –––––––––|– validation –|––– test –––|

    x x x x x x … y                              a training row: no target beyond the boundary
                   x x x x x x … y               crosses the boundary: in no part; the gap
                        x x x x x x … y          a validation row: it may read past steps
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from npstack.core.arguments import check_flag, check_size, check_whole
from npstack.core.errors import (
    ArgumentError,
    DataError,
    DtypeError,
    LeakageError,
    ShapeError,
    describe,
    fail,
)
from npstack.core.numerics import Array
from npstack.data.amounts import sizes_of
from npstack.data.rows import in_words
from npstack.data.scaling import Scaler
from npstack.data.series import Scale
from npstack.data.windowing import Windows


class Parts(NamedTuple):
    """Windows of the three parts; a part without time steps has no rows."""

    train: Windows
    validation: Windows
    test: Windows


class TimeSplit(NamedTuple):
    """The time steps of a series for training, validation and test.

    Attributes
    ----------
    train, validation, test : range
        In this order. Steps between them belong to no part.
    """

    train: range
    validation: range
    test: range

    def divide(self, windows: Windows, reach_back: bool = True) -> Parts:
        """Divide rows: each belongs to the part that contains all its targets.

        A row whose targets cross a boundary belongs to no part: this is the gap that the horizon
        requires. With targets at every step, a row belongs to the part of its last targets. In a
        later part, earlier targets do not count; a training row is entirely in the training part.

        Parameters
        ----------
        windows : Windows
        reach_back : bool
            Whether rows of the validation and test parts may read steps that lie before their part,
            as they may in use, because these steps are past. Without it, fewer rows remain.

        Returns
        -------
        Parts

        Raises
        ------
        LeakageError
            The scaler was fitted on rows beyond the training part, or on other values; or there is
            no scaler, and the values are already standardised over rows beyond the training part.
        DataError
            No row lies in a part.

        Examples
        --------
        >>> from npstack.data import Standardiser, windows
        >>> series = np.arange(20.0)
        >>> split = split_by_time(20, train=12, validation=4)
        >>> scaler = Standardiser.fit(series, rows=split.train)
        >>> parts = split.divide(windows(series, 3, ahead=2, scaler=scaler))
        >>> [part.positions.targets.ravel().tolist() for part in parts]
        [[4, 5, 6, 7, 8, 9, 10, 11], [12, 13, 14, 15], [16, 17, 18, 19]]
        """
        where = "TimeSplit.divide"
        reach_back = check_flag(where, "reach_back", reach_back)
        _check_windows(where, "windows", windows)
        _check_parts(where, self)
        count = len(windows.values)
        if max(self.train.stop, self.validation.stop, self.test.stop) > count:
            last = max(self.train.stop, self.validation.stop, self.test.stop)
            expected, advice = f"the series must have {last} steps", "Split the series that is cut."
            fail(ShapeError, where, expected, count, advice)
        _check_scaler(where, windows, self.train)
        parts = (self._part(where, name, windows, reach_back) for name in self._fields)
        return Parts(*parts)

    def _part(self, where: str, name: str, windows: Windows, reach_back: bool) -> Windows:
        part: range = getattr(self, name)
        inputs, targets = windows.positions
        inside = (targets >= part.start).all(-1)
        chosen = targets.reshape(len(windows), -1).max(1, initial=0) < part.stop
        if name == "train" or not reach_back:
            chosen &= inputs[:, 0] >= part.start
        counts = inside & windows.counted()
        chosen &= counts.reshape(len(windows), -1).any(1)
        if len(part) and not chosen.any():
            width = int((targets.max(-1) - targets.min(-1)).max()) + 1
            expected = f"rows with all their targets in the {name} part, steps {part.start} to "
            expected += f"{part.stop - 1}, must be left"
            got = f"none of {len(windows)} (targets of a row span {width})"
            fail(DataError, where, expected, got, "Take a larger part or shorter windows.")
        counts = counts[chosen]
        found = windows.rows(chosen)
        if windows.samples.counts is None and counts.all():
            return found
        return replace(found, samples=found.samples._replace(counts=counts))


def split_by_time(
    count: int, *, train: float = 0.7, validation: float = 0.15, gap: int = 0
) -> TimeSplit:
    """Divide a series into a first, a middle and a last part.

    Parameters
    ----------
    count : int
        Steps of the series, N.
    train, validation : int or float
        Number of steps; a float is a fraction of the series. The rest is for the test.
    gap : int
        Steps between two parts that belong to neither, in addition to the gap for the horizon.

    Examples
    --------
    >>> split_by_time(3126, train=1920, validation=480)
    TimeSplit(train=range(0, 1920), validation=range(1920, 2400), test=range(2400, 3126))
    """
    where = "split_by_time"
    count = check_size(where, "count", count, "Use len(series).")
    first, second, _ = sizes_of(where, count, train, validation)
    gap = check_whole(where, "gap", gap, "Use gap=0.")
    middle = first + gap if second else first
    last = middle + second + gap
    if last > count:
        expected, got = f"parts and gaps must fit into {count} steps", f"{last}"
        fail(ArgumentError, where, expected, got, "Make train, validation or gap smaller.")
    return TimeSplit(range(first), range(middle, middle + second), range(last, count))


def check_leakage(train: Windows, held_out: Windows) -> None:
    """Raise if training rows contain targets of held-out rows; for your own splits.

    A training row contains its inputs and its targets. Held-out targets that do not count in the
    loss are ignored.

    Raises
    ------
    LeakageError
        The message names the training rows that leak, and a step.

    Examples
    --------
    >>> from npstack.data import windows
    >>> rows = windows(np.arange(10.0), 3)
    >>> check_leakage(rows.rows(slice(0, 3)), rows.rows(slice(3, None)))
    >>> check_leakage(rows.rows([0, 2, 4]), rows.rows([1, 3, 5]))
    Traceback (most recent call last):
        ...
    npstack.core.errors.LeakageError: check_leakage: training rows must not see held-out \
targets, got step 4 (an input) in row 1: rows 1 to 2 of 3. Divide windows by time: split_by_time.
    """
    where = "check_leakage"
    _check_windows(where, "train", train)
    _check_windows(where, "held_out", held_out)
    inputs, targets = train.positions
    last = max(int(part.max(initial=0)) for part in (inputs, targets, held_out.positions.targets))
    told = np.zeros(last + 1, dtype=bool)
    told[held_out.positions.targets[held_out.counted()]] = True
    first = inputs[:, 0].reshape(-1, *[1] * (targets.ndim - 1))
    targets = np.where(train.counted()[..., np.newaxis], targets, first)  # else: seen anyway
    seen = np.concatenate([inputs, targets.reshape(len(train), -1)], axis=1)
    leaks = told[seen]
    if leaks.any():
        row, place = np.argwhere(leaks)[0]
        kind = "an input" if place < train.positions.inputs.shape[1] else "a target"
        got = f"step {seen[row, place]} ({kind}) in row {row}: "
        got += f"{in_words(np.flatnonzero(leaks.any(1)))} of {len(train)}"
        expected = "training rows must not see held-out targets"
        fail(LeakageError, where, expected, got, "Divide windows by time: split_by_time.")


def _check_windows(where: str, name: str, windows: object) -> None:
    if not isinstance(windows, Windows):
        expected, advice = f"{name} must be Windows", "Use windows(values, length, …)."
        fail(DtypeError, where, expected, describe(windows), advice)


def _check_parts(where: str, split: TimeSplit) -> None:
    """Check three ranges in the order of time that do not overlap."""
    last = 0
    for name, part in zip(split._fields, split, strict=True):
        if not isinstance(part, range) or (part and (part.start < last or part.step != 1)):
            expected = f"{name} must be a range of steps, from {last} on"
            fail(ArgumentError, where, expected, describe(part), "Use split_by_time.")
        last = max(last, part.stop) if part else last


def _check_scaler(where: str, windows: Windows, train: range) -> None:
    """Check that the scaler was fitted on the training part of this series, or on some of it."""
    scaler, values, observed = windows.scaler, windows.values, windows.observed
    bounds = f"the training part, steps {train.start} to {train.stop - 1}"
    advice = "Fit it on the training part: Standardiser.fit(values, rows=split.train)."
    if scaler is None:
        seen = _standardised_over(values, observed, train)
        if seen is not None:
            expected = f"values that come without scaler= must not be scaled beyond {bounds}"
            got = f"standard units of steps 0 to {seen - 1}"
            fail(LeakageError, where, expected, got, f"{advice} It undoes this, too.")
        return
    expected = f"the scaler must be fitted within {bounds}"
    if isinstance(scaler, Scaler):
        leaked = scaler.rows[(scaler.rows < train.start) | (scaler.rows >= train.stop)]
        if len(leaked):
            got = f"one that has seen {in_words(leaked)} as well"
            fail(LeakageError, where, expected, got, advice)
        same = scaler.reproduces(values, observed)
        rows = in_words(scaler.rows)
    else:  # a Scale does not know its rows
        again = Scale.fit(values[train.start : train.stop][observed[train.start : train.stop]])
        same, rows = np.allclose(scaler, again, rtol=1e-6), "the training part"
    if not same:
        got = f"one that differs from a fit on {rows} of these values"
        fail(LeakageError, where, expected, got, advice)


def _standardised_over(values: Array, observed: NDArray[np.bool_], train: range) -> int | None:
    """The n > train.stop for which a column has mean 0 and deviation 1 over its first n steps.

    This does not happen by chance to eight digits (five in float32). A series that has this
    property by itself, such as a wave, also has it over shorter parts.
    """
    valid = np.where(observed[:, np.newaxis], values, 0.0).astype(np.float64)
    close = max(1e-8, 100 * float(np.finfo(values.dtype).eps))
    steps = np.maximum(np.cumsum(observed), 1)[:, np.newaxis]
    with np.errstate(all="ignore"):
        mean, square = np.cumsum(valid, 0) / steps, np.cumsum(valid * valid, 0) / steps
        near = (np.abs(mean) < close) & (np.abs(square - 1) < close)
    near[:, near[: train.stop].any(0)] = False
    found = np.flatnonzero(near.any(1))
    return int(found[0]) + 1 if len(found) else None
