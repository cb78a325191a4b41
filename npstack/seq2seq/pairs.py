"""Samples of an encoder–decoder: a source, and the target one step late."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from npstack.core.arguments import check_number
from npstack.core.arrays import as_array
from npstack.core.errors import ArgumentError, DtypeError, ShapeError, describe, fail, kind_of
from npstack.core.numerics import Array


class SourceTarget(NamedTuple):
    """The input of an encoder–decoder; as ``Samples.x``, rows of all parts are chosen together.

    Attributes
    ----------
    source : array (B, S, D), or integers (B, S) for an embedding
        What the encoder reads.
    target_in : array (B, T, D), or integers (B, T) for an embedding
        What the decoder reads: the target one step late, see `shift_right`.
    source_mask : bool array (B, S), optional
        True at valid steps of the source. The target's mask is the ``mask`` of ``forward``, since
        it says which outputs count.
    """

    source: Any
    target_in: Any
    source_mask: NDArray[np.bool_] | None = None


def shift_right(target: Array, start: float) -> Array:
    """The target one step late, after a start symbol: the decoder's input in teacher forcing.

    Parameters
    ----------
    target : array (B, T) or (B, T, D)
        The correct outputs of the decoder.
    start : int or float
        The first input of the decoder.

    Examples
    --------
    >>> shift_right(np.array([[7, 8, 9]]), start=0)
    array([[0, 7, 8]])
    """
    target = as_array("shift_right", "target", target)
    if target.ndim < 2:
        expected = "target must be symbols (B, T) or vectors (B, T, D)"
        fail(ShapeError, "shift_right", expected, target.shape, "One row? Use target[np.newaxis].")
    advice = "Symbols begin with a symbol, vectors with a number."
    start = check_number("shift_right", "start", start, advice)
    with np.errstate(all="ignore"):
        first = np.full_like(target[:, :1], start)
    if target.dtype.kind in "iub" and (first != start).any():
        expected = f"start must be a number that {target.dtype}, the dtype of target, can hold"
        fail(ArgumentError, "shift_right", expected, f"{start:g}", advice)
    return np.concatenate([first, target[:, :-1]], axis=1)


def reverse_valid(x: Array, mask: NDArray[np.bool_]) -> Array:
    """Each row's valid steps in reverse order; masked steps stay where they are.

    It is its own inverse, and therefore its own backward.

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
    """Check a SourceTarget: as many rows on both sides. Each side checks its own arrays."""
    if not isinstance(x, SourceTarget):
        got = describe(x) if isinstance(x, np.ndarray) else kind_of(x)
        advice = "Use SourceTarget(source, shift_right(target, start))."
        fail(DtypeError, where, "x must be a SourceTarget", got, advice)
    source = as_array(where, "source", x.source)
    target_in = as_array(where, "target_in", x.target_in)
    for name, array in {"source": source, "target_in": target_in}.items():
        if array.ndim not in (2, 3):
            expected = f"{name} must be symbols (B, T) or vectors (B, T, D)"
            fail(ShapeError, where, expected, array.shape, f"One row? Use {name}[np.newaxis].")
    if len(source) != len(target_in):
        got = f"{len(source)} and {len(target_in)}"
        advice = "A row is one source with its target."
        fail(ShapeError, where, "source and target_in must have as many rows", got, advice)
    return SourceTarget(source, target_in, x.source_mask)
