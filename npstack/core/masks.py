"""Masks: valid steps, selecting them, and checking that values there are finite."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from npstack.core.arrays import as_array
from npstack.core.errors import (
    ArgumentError,
    DtypeError,
    NonFiniteError,
    ShapeError,
    describe,
    fail,
)
from npstack.core.numerics import Array, is_finite


def batch_first(values: Array, x: Array) -> Array:
    """View a mask ``(B, T)`` so that it selects along the first axes of ``x``."""
    return values.reshape(values.shape + (1,) * (x.ndim - values.ndim))


def zero_where_masked(x: Array, mask: NDArray[np.bool_] | None) -> Array:
    """Copy ``x`` with zeros at masked steps: selected, never multiplied, so NaN cannot leak."""
    if mask is None or mask.all():
        return x.copy()
    return np.where(batch_first(mask, x), x, np.zeros_like(x))


def check_mask(
    where: str, mask: object, lengths: object, shape: tuple[int, ...]
) -> NDArray[np.bool_]:
    """A boolean ``(B, T)`` from a mask, from lengths, or all True from neither."""
    B, T = shape
    if mask is not None and lengths is not None:
        fail(
            ArgumentError, where, "give mask or lengths", "both", "lengths=n means t < n is valid."
        )
    if lengths is not None:
        lengths = as_array(where, "lengths", lengths)
        if lengths.dtype.kind not in "iu":
            expected = "lengths must be integers (B,)"
            fail(DtypeError, where, expected, describe(lengths), "Use lengths.astype(int).")
        if lengths.shape != (B,):
            expected = f"lengths must be (B={B},), one per row of x"
            fail(ShapeError, where, expected, lengths.shape, f"x has B={B} rows of T={T} steps.")
        if (lengths < 0).any() or (lengths > T).any():
            row = int(np.argmax((lengths < 0) | (lengths > T)))
            fail(
                ArgumentError,
                where,
                f"lengths must lie between 0 and T={T}",
                f"{lengths[row]} at row {row}",
                "x must be padded to the longest sequence.",
            )
        return np.arange(T) < lengths[:, np.newaxis]
    if mask is None:
        return np.ones((B, T), dtype=bool)
    return check_bool_mask(where, mask, shape).copy()  # the caller may change it later


def check_bool_mask(
    where: str,
    mask: object,
    shape: tuple[int, ...],
    name: str = "mask",
    meaning: str = "at valid steps",
) -> NDArray[np.bool_]:
    """Check a boolean mask of a given shape; 0/1 numbers are refused."""
    mask = as_array(where, name, mask)
    if mask.dtype != bool:
        fail(
            DtypeError,
            where,
            f"{name} must be boolean, True {meaning}",
            describe(mask),
            f"0/1 numbers? Use {name}.astype(bool).",
        )
    if mask.shape != shape:
        letters = "B, T"[: 3 * len(shape) - 2]
        advice = "It has one entry per row" + (" and time step." if len(shape) == 2 else ".")
        fail(ShapeError, where, f"{name} must be ({letters}) = {shape}", mask.shape, advice)
    return mask


def check_resets(where: str, resets: object, mask: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """Resets ``(B, T)``, True at valid steps only; None if there are none."""
    if resets is None:
        return None
    return check_bool_mask(where, resets, mask.shape, "resets", "where something new begins") & mask


def check_no_mask(where: str, mask: object, lengths: object, resets: object) -> None:
    """Check that there are no mask, lengths or resets without a time axis."""
    if mask is not None or lengths is not None or resets is not None:
        fail(
            ArgumentError,
            where,
            "mask, lengths and resets need an input with a time axis (B, T, D)",
            "one for x of shape (B, D)",
            "Leave them out.",
        )


def check_finite(where: str, name: str, values: Array, mask: NDArray[np.bool_] | None) -> None:
    """Check for NaN and infinity at valid positions; the error names the first time step."""
    finite = is_finite(values)
    if finite.all():
        return
    wrong = ~finite
    if mask is not None:
        wrong &= batch_first(mask, values)
    if wrong.any():
        positions, first = np.argwhere(wrong), None
        if mask is None or mask.ndim < 2:
            place = f"index {tuple(map(int, positions[0]))}"
        else:
            row, first, *_ = map(int, positions[np.argmin(positions[:, 1])])
            place = f"time step {{step}} (row {row})"
        advice = (
            "Padding? Mark it by mask= or lengths=. Missing values? Fill them or mask the step."
        )
        fail(
            NonFiniteError,
            where,
            f"{name} must be finite at valid positions",
            f"NaN or infinity first at {place}",
            advice,
            step=first,
        )
