"""Sequences of different lengths: in one array with a mask, and in batches of similar lengths."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from npstack.core.arguments import check_flag, check_generator, check_option, check_size
from npstack.core.arrays import as_array
from npstack.core.errors import (
    ArgumentError,
    DtypeError,
    NpstackError,
    ShapeError,
    describe,
    fail,
)
from npstack.core.masks import check_bool_mask
from npstack.core.numerics import Array
from npstack.data.amounts import check_room
from npstack.losses.samples import Samples

MOST_BYTES = 2**30  # allowed for padded sequences by default
Batches = Callable[[np.random.Generator], Iterator[NDArray[np.int64]]]


class Padded(NamedTuple):
    """Sequences of different lengths in one array.

    Attributes
    ----------
    x : array (B, T, …)
        Zero in the padding.
    mask : bool array (B, T)
        True at the steps of the sequences.
    """

    x: Array
    mask: NDArray[np.bool_]


def pad(
    sequences: Sequence[Array],
    length: int | None = None,
    side: str = "right",
    most_bytes: int = MOST_BYTES,
) -> Padded:
    """Put sequences into one array, padded to the same length.

    Parameters
    ----------
    sequences : sequence of arrays (T_i, …)
        Steps first: ``(T_i, D)`` for features, ``(T_i,)`` for symbols. Of one dtype.
    length : int, optional
        T; by default the length of the longest sequence. A longer sequence is an error.
    side : {"right", "left"}
        The side of the padding. With the mask, a model reads the same sequence in both cases.
    most_bytes : int
        The memory limit of array and mask. One long sequence makes every row that long.

    Returns
    -------
    Padded

    Raises
    ------
    ShapeError, DtypeError
        The sequences do not fit together.
    ArgumentError
        A sequence is longer than ``length``, there is no step at all, or ``most_bytes`` is too
        small.

    Examples
    --------
    >>> x, mask = pad([np.array([1, 2, 3]), np.array([4])])
    >>> x
    array([[1, 2, 3],
           [4, 0, 0]])
    >>> mask.sum(1)
    array([3, 1])
    """
    where = "pad"
    side = check_option(where, "side", side, ["right", "left"])
    arrays = _sequences(where, sequences)
    first = arrays[0]
    lengths = np.array([len(array) for array in arrays])
    longest = int(np.argmax(lengths))
    T = int(lengths[longest]) if length is None else check_size(where, "length", length)
    if lengths[longest] > T or T == 0:
        expected = f"sequences must have at most length={T} steps, and one of them at least 1"
        got, advice = f"{lengths[longest]} in sequence {longest}", "Cut it yourself: sequence[:T]."
        fail(ArgumentError, where, expected, got, advice)
    check_padding(ArgumentError, where, arrays, T, most_bytes)
    mask = np.arange(T) < lengths[:, np.newaxis]
    if side == "left":
        mask = np.ascontiguousarray(mask[:, ::-1])
    x = np.zeros((len(arrays), T, *first.shape[1:]), first.dtype)
    x[mask] = np.concatenate(arrays)
    return Padded(x, mask)


def _sequences(where: str, sequences: object) -> list[Array]:
    """Check arrays of numbers, steps first, that fit together."""
    if hasattr(sequences, "__array__"):
        sequences = as_array(where, "sequences", sequences)
    one = isinstance(sequences, str | bytes | Mapping | Samples)
    one = one or (isinstance(sequences, np.ndarray) and sequences.ndim == 0)
    if one or not isinstance(sequences, Iterable):
        expected = "sequences must be a list of arrays"
        advice = "For a single sequence, use [sequence]."
        fail(DtypeError, where, expected, describe(sequences), advice)
    arrays = [as_array(where, f"sequence {i}", own) for i, own in enumerate(sequences)]
    if not arrays:
        advice = "Is the list of files or rows empty?"
        fail(ArgumentError, where, "sequences must hold at least one", "none", advice)
    rest = ", ".join(map(str, arrays[0].shape[1:]))
    for i, array in enumerate(arrays):
        if array.ndim < 1 or array.shape[1:] != arrays[0].shape[1:]:
            expected = f"sequence {i} must be (T{f', {rest}' if rest else ''}), steps first"
            fail(ShapeError, where, expected, array.shape, "All but T must be as in sequence 0.")
        if array.dtype != arrays[0].dtype:
            expected = f"sequence {i} must be {arrays[0].dtype} like sequence 0"
            fail(DtypeError, where, expected, str(array.dtype), "Use astype.")
    return arrays


def check_padding(
    kind: type[NpstackError],
    where: str,
    arrays: Sequence[Array],
    steps: int,
    most_bytes: object,
) -> None:
    """Refuse sequences that would need too much memory after padding."""
    first = arrays[0]
    row_bytes = steps * (first.itemsize * math.prod(first.shape[1:]) + 1)  # and the mask
    advice = "Cut the longest sequences, or pad long and short ones separately."
    shape = len(arrays), steps
    check_room(kind, where, "padded sequences", shape, row_bytes, most_bytes, advice)


def unpad(x: Array, mask: NDArray[np.bool_]) -> list[Array]:
    """The original sequences: the valid steps of every row.

    Examples
    --------
    >>> unpad(np.array([[1, 2], [0, 3]]), np.array([[True, True], [False, True]]))
    [array([1, 2]), array([3])]
    """
    x = as_array("unpad", "x", x)
    if x.ndim < 2:
        advice = "Pass what pad returned: unpad(*padded)."
        fail(ShapeError, "unpad", "x must be (B, T, …)", x.shape, advice)
    mask = check_bool_mask("unpad", mask, x.shape[:2])
    return [row[valid] for row, valid in zip(x, mask, strict=True)]


def trim(samples: Samples, keeps_time: bool) -> Samples:
    """Leave out the steps at either end that are padding in every row.

    A batch of short sequences then takes less time; `fit` does this for batches from ``batches=``.
    Samples with two inputs do not change. The result shares its memory with the argument and is
    write-protected.

    Parameters
    ----------
    samples : Samples
    keeps_time : bool
        Whether targets, counts and weights also have a time axis (``model.keeps_time``).

    Examples
    --------
    >>> x, mask = pad([np.ones((2, 1)), np.ones((5, 1))])
    >>> trim(Samples(x, np.zeros(2, int), mask).rows([0]), False).x.shape
    (1, 2, 1)
    """
    keeps_time = check_flag("trim", "keeps_time", keeps_time)
    if not isinstance(samples, Samples):
        advice = "Use Samples(x, y, mask)."
        fail(DtypeError, "trim", "samples must be Samples", describe(samples), advice)
    if samples.mask is None or not samples.mask.any() or isinstance(samples.x, tuple):
        return samples
    used = np.flatnonzero(samples.mask.any(0))
    span = slice(int(used[0]), int(used[-1]) + 1)
    told = {"y", "counts", "weights"} if keeps_time else set()
    parts = {name: part for name, part in samples._asdict().items() if part is not None}
    return samples._replace(
        **{
            name: _protected(part[:, span])
            for name, part in parts.items()
            if name in {"x", "mask"} | told
        }
    )


def _protected(part: Array) -> Array:
    """A view that cannot be written to."""
    part.flags.writeable = False
    return part


def by_length(mask_or_lengths: Array, batch_size: int) -> Batches:
    """Batches of rows of similar lengths, for ``fit(batches=…)``.

    Every epoch sorts the rows by length (equal lengths in random order), divides the sorted list
    into batches, and shuffles the batches. Every row occurs exactly once; one random batch may be
    smaller.

    Parameters
    ----------
    mask_or_lengths : bool array (B, T) or int array (B,)
    batch_size : int
        Largest number of rows in a batch.

    Returns
    -------
    callable
        ``batches(rng)``, an iterator over arrays of row numbers: one epoch.

    Examples
    --------
    >>> batches = by_length(np.array([9, 2, 9, 3, 2, 3]), 2)
    >>> sorted(sorted(batch.tolist()) for batch in batches(np.random.default_rng(0)))
    [[0, 2], [1, 4], [3, 5]]
    """
    where = "by_length"
    batch_size = check_size(where, "batch_size", batch_size)
    given = as_array(where, "mask_or_lengths", mask_or_lengths)
    if not ((given.dtype == bool and given.ndim == 2) or given.dtype.kind in "iu"):
        expected = "mask_or_lengths must be a boolean mask (B, T) or integer lengths (B,)"
        fail(DtypeError, where, expected, describe(given), "Pass samples.mask.")
    lengths = given.sum(1) if given.dtype == bool else given.copy()
    if lengths.ndim != 1 or len(lengths) == 0:
        expected, advice = "lengths must be (B,), one per row", "Pass samples.mask."
        fail(ShapeError, where, expected, lengths.shape, advice)
    if lengths.min() < 0:
        expected, got = "lengths must be at least 0", f"{lengths.min()} in row {lengths.argmin()}"
        fail(ArgumentError, where, expected, got, "They are numbers of steps.")

    def batches(rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
        order = check_generator(where, rng).permutation(len(lengths))
        order = order[np.argsort(lengths[order], kind="stable")]
        cuts = np.arange(batch_size, len(order), batch_size)
        if short := -len(order) % batch_size:  # the smaller batch is random
            cuts[rng.integers(len(cuts) + 1) :] -= short
        pieces = np.split(order, cuts)
        for piece in rng.permutation(len(pieces)):
            yield pieces[piece]

    return batches
