"""The time steps of a series that are inputs and targets of windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from npstack.core.arguments import check_flag, check_size
from npstack.core.errors import ArgumentError, DataError, describe, fail
from npstack.data.amounts import check_room, whole_numbers

Integers = NDArray[np.int64]
MOST_BYTES = 2**32  # allowed for windows by default
MOST_HORIZONS = 10**6


class Positions(NamedTuple):
    """The time steps of a series that are inputs and targets of each row.

    Attributes
    ----------
    inputs : int array (B, T)
    targets : int array (B, A), or (B, T, A) at every step
    """

    inputs: Integers
    targets: Integers


def window_positions(
    count: int,
    length: int,
    *,
    ahead: int | Sequence[int] = 1,
    stride: int = 1,
    every_step: bool = False,
    most_bytes: int = MOST_BYTES,
) -> Positions:
    """The positions of the inputs and targets of windows.

    Row b reads the steps ``b stride + t`` for ``t = 0 … length - 1``. Its target for horizon a is

    - step ``b stride + length - 1 + ahead[a]``: a single target, after the last input; or
    - at every step t, step ``b stride + t + ahead[a]``.

    Every row has all its targets inside the series, so the number of rows is
    ``B = (count - length - max(ahead)) // stride + 1``.

    Parameters
    ----------
    count : int
        Steps of the series, N.
    length : int
        Steps of a window, T.
    ahead : int or sequence of int
        A horizons, in steps after the step of the output, increasing.
    stride : int
        Steps between the beginnings of windows.
    every_step : bool
        Targets at every step (for a model with ``return_sequences=True``), or at the last.
    most_bytes : int
        The memory limit; windows overlap, and need ``length`` times the memory of the series.

    Raises
    ------
    DataError
        The series is too short for one window.
    ArgumentError
        The positions would need more than ``most_bytes``.

    Examples
    --------
    >>> inputs, targets = window_positions(9, 3, ahead=[1, 3], stride=2)
    >>> inputs.tolist(), targets.tolist()
    ([[0, 1, 2], [2, 3, 4]], [[3, 5], [5, 7]])
    >>> window_positions(5, 3, every_step=True).targets[..., 0].tolist()
    [[1, 2, 3], [2, 3, 4]]
    """
    where = "window_positions"
    every_step = check_flag(where, "every_step", every_step)
    count = check_size(where, "count", count, "Use len(series).")
    horizons = check_horizons(where, ahead)
    return place(where, count, length, horizons, stride, every_step, (0, 0), most_bytes)


def place(
    where: str,
    count: int,
    length: object,
    horizons: Integers,
    stride: object,
    every_step: bool,
    step_bytes: tuple[int, int],
    most_bytes: object,
) -> Positions:
    """Positions, after a check of the memory for them and for windows (bytes per step)."""
    length, stride = check_size(where, "length", length), check_size(where, "stride", stride)
    rows = (count - length - int(horizons[-1])) // stride + 1
    if rows < 1:
        expected = f"the series must have at least length + max(ahead) = {length + horizons[-1]}"
        advice = "Take shorter windows, or a nearer horizon."
        fail(DataError, where, f"{expected} steps", count, advice)
    told = (length if every_step else 1) * len(horizons)
    row_bytes = length * (8 + step_bytes[0]) + told * (8 + step_bytes[1])
    advice = "Take shorter windows, or fewer of them, by a larger stride."
    check_room(ArgumentError, where, "windows", (rows, length), row_bytes, most_bytes, advice)
    inputs = stride * np.arange(rows)[:, np.newaxis] + np.arange(length)
    telling = inputs if every_step else inputs[:, -1]
    return Positions(inputs, telling[..., np.newaxis] + horizons)


def check_horizons(where: str, ahead: object) -> Integers:
    """Increasing whole numbers, from one or several."""
    expected = "ahead must be a whole number of steps, or increasing ones"
    advice = "Use ahead=12, or ahead=[1, 6, 12], or ahead=range(1, 13)."
    horizons = whole_numbers(where, "ahead", ahead, MOST_HORIZONS, expected, advice)
    if horizons[0] < 0 or (np.diff(horizons) <= 0).any():
        fail(ArgumentError, where, expected, describe(ahead), advice)
    return horizons
