"""Samples of an encoder–decoder: a source, and the target shifted right by one step."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from npstack.core.arguments import check_number
from npstack.core.arrays import as_array
from npstack.core.errors import ArgumentError, DtypeError, ShapeError, describe, fail, kind_of
from npstack.core.numerics import Array


class SourceTarget(NamedTuple):
    """The input of an encoder–decoder.

    If used as ``Samples.x``, a batch takes the same rows from every field.

    Attributes
    ----------
    source : array (B, S, D), or integers (B, S) for an embedding
        What the encoder reads.
    target_in : array (B, T, D), or integers (B, T) for an embedding
        What the decoder reads: the target shifted right by one step, see `shift_right`.
    source_mask : bool array (B, S), optional
        True at valid steps of the source. To mask the target, pass ``mask`` to ``forward``; it
        marks which outputs count in the loss.
    """

    source: Any
    target_in: Any
    source_mask: NDArray[np.bool_] | None = None


def shift_right(target: Array, start: float) -> Array:
    """The target shifted right by one step: the decoder's input in teacher forcing.

    Parameters
    ----------
    target : array (B, T) or (B, T, D)
        The correct outputs of the decoder.
    start : int or float
        The first input of the decoder, before the target begins.

    Examples
    --------
    >>> shift_right(np.array([[7, 8, 9]]), start=0)
    array([[0, 7, 8]])
    """
    target = as_array("shift_right", "target", target)
    if target.ndim < 2:
        expected = "target must be symbols (B, T) or vectors (B, T, D)"
        advice = "For a single row, use target[np.newaxis]."
        fail(ShapeError, "shift_right", expected, target.shape, advice)
    advice = (
        "For symbol targets, start is a symbol id; for vector targets, one number that fills the "
        "first vector."
    )
    start = check_number("shift_right", "start", start, advice)
    with np.errstate(all="ignore"):
        first = np.full_like(target[:, :1], start)
    if target.dtype.kind in "iub" and (first != start).any():
        expected = f"start must be a number that {target.dtype}, the dtype of target, can hold"
        fail(ArgumentError, "shift_right", expected, f"{start:g}", advice)
    return np.concatenate([first, target[:, :-1]], axis=1)


def reverse_valid(x: Array, mask: NDArray[np.bool_]) -> Array:
    """Each row's valid steps in reverse order; masked steps stay where they are.

    The backward pass is the same function, applied to the gradient.

    Examples
    --------
    >>> valid = np.array([[True, True, True, False]])
    >>> reverse_valid(np.array([[1, 2, 3, 0]]), valid)
    array([[3, 2, 1, 0]])
    """
    reversed_x = x.copy()
    for row, valid in enumerate(mask):
        reversed_x[row, valid] = x[row, valid][::-1]
    return reversed_x


def check_pair(where: str, x: Any) -> SourceTarget:
    """Check a SourceTarget: the same number of rows. Encoder and decoder check their own arrays."""
    if not isinstance(x, SourceTarget):
        got = describe(x) if isinstance(x, np.ndarray) else kind_of(x)
        advice = "Use SourceTarget(source, shift_right(target, start))."
        fail(DtypeError, where, "x must be a SourceTarget", got, advice)
    source = as_array(where, "source", x.source)
    target_in = as_array(where, "target_in", x.target_in)
    for name, array in {"source": source, "target_in": target_in}.items():
        if array.ndim not in (2, 3):
            expected = f"{name} must be symbols (B, T) or vectors (B, T, D)"
            advice = f"For a single row, use {name}[np.newaxis]."
            fail(ShapeError, where, expected, array.shape, advice)
    if len(source) != len(target_in):
        expected = "source and target_in must have the same number of rows"
        got = f"{len(source)} and {len(target_in)}"
        fail(ShapeError, where, expected, got, "A row is one source with its target.")
    return SourceTarget(source, target_in, x.source_mask)
