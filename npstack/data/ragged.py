"""Sequences of different lengths: in one array with a mask, and in batches of similar lengths."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from npstack.core.arguments import check_option, check_size
from npstack.core.arrays import as_array
from npstack.core.errors import ArgumentError, DtypeError, ShapeError, describe, fail
from npstack.core.masks import check_bool_mask
from npstack.core.numerics import Array
from npstack.losses.samples import Samples

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


def pad(sequences: Sequence[Array], length: int | None = None, side: str = "right") -> Padded:
    """Put sequences into one array, padded to the same length.

    Parameters
    ----------
    sequences : sequence of arrays (T_i, …)
        Steps first: ``(T_i, D)`` for features, ``(T_i,)`` for symbols. Of one dtype.
    length : int, optional
        T; by default that of the longest sequence. Nothing is cut: a longer one is an error.
    side : {"right", "left"}
        Where the padding goes. To a model with the mask both are the same sequence.

    Returns
    -------
    Padded

    Raises
    ------
    ShapeError, DtypeError
        The sequences do not fit together.
    ArgumentError
        A sequence is longer than ``length``, or there is no step at all.

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
    check_option(where, "side", side, ["right", "left"])
    arrays = [as_array(where, f"sequence {i}", s) for i, s in enumerate(sequences)]
    if not arrays:
        advice = "Is the list of files or rows empty?"
        fail(ArgumentError, where, "sequences must hold at least one", "none", advice)
    first = arrays[0]
    for i, array in enumerate(arrays):
        if array.ndim < 1 or array.shape[1:] != first.shape[1:]:
            expected = f"sequence {i} must be (T, …) = (T, {', '.join(map(str, first.shape[1:]))})"
            advice = "Steps first; all else must be as in sequence 0."
            fail(ShapeError, where, expected, array.shape, advice)
        if array.dtype != first.dtype:
            expected, advice = f"sequence {i} must be {first.dtype} like sequence 0", "Use astype."
            fail(DtypeError, where, expected, str(array.dtype), advice)
    lengths = np.array([len(array) for array in arrays])
    longest = int(np.argmax(lengths))
    T = int(lengths[longest]) if length is None else check_size(where, "length", length)
    if lengths[longest] > T or T == 0:
        expected = f"sequences must have at most length={T} steps, and one of them at least 1"
        got, advice = f"{lengths[longest]} in sequence {longest}", "Cut it yourself: sequence[:T]."
        fail(ArgumentError, where, expected, got, advice)
    mask = np.arange(T) < lengths[:, np.newaxis]
    if side == "left":
        mask = np.ascontiguousarray(mask[:, ::-1])
    x = np.zeros((len(arrays), T, *first.shape[1:]), first.dtype)
    x[mask] = np.concatenate(arrays)
    return Padded(x, mask)


def unpad(x: Array, mask: NDArray[np.bool_]) -> list[Array]:
    """The sequences again: the valid steps of every row.

    Examples
    --------
    >>> unpad(np.array([[1, 2], [0, 3]]), np.array([[True, True], [False, True]]))
    [array([1, 2]), array([3])]
    """
    x = as_array("unpad", "x", x)
    mask = check_bool_mask("unpad", mask, x.shape[:2])
    return [row[valid] for row, valid in zip(x, mask, strict=True)]


def trim(samples: Samples, keeps_time: bool) -> Samples:
    """Leave out the steps at either end that are padding in every row.

    A batch of short sequences then costs what short sequences cost: `fit` does this to batches that
    ``batches=`` puts together. Samples with two inputs stay as they are.

    Parameters
    ----------
    samples : Samples
    keeps_time : bool
        Whether targets, counts and weights have a time axis to be cut alike (``model.keeps_time``).

    Examples
    --------
    >>> x, mask = pad([np.ones((2, 1)), np.ones((5, 1))])
    >>> trim(Samples(x, np.zeros(2, int), mask).rows([0]), False).x.shape
    (1, 2, 1)
    """
    if samples.mask is None or not samples.mask.any() or isinstance(samples.x, tuple):
        return samples
    used = np.flatnonzero(samples.mask.any(0))
    span = slice(int(used[0]), int(used[-1]) + 1)
    told = {"y", "counts", "weights"} if keeps_time else set()
    parts = {name: part for name, part in samples._asdict().items() if part is not None}
    return samples._replace(
        **{name: part[:, span] for name, part in parts.items() if name in {"x", "mask"} | told}
    )


def by_length(mask_or_lengths: Array, batch_size: int) -> Batches:
    """Batches of rows of similar lengths, for ``fit(batches=…)``.

    Every epoch sorts the rows by length (equal lengths in an order that is drawn), cuts the sorted
    list into batches, and draws the order of the batches. Every row comes exactly once; one batch,
    drawn too, may be smaller.

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
    check_size(where, "batch_size", batch_size)
    given = as_array(where, "mask_or_lengths", mask_or_lengths)
    if not ((given.dtype == bool and given.ndim == 2) or given.dtype.kind in "iu"):
        expected = "mask_or_lengths must be a boolean mask (B, T) or integer lengths (B,)"
        fail(DtypeError, where, expected, describe(given), "Pass samples.mask.")
    lengths = given.sum(1) if given.dtype == bool else given
    if lengths.ndim != 1 or len(lengths) == 0:
        expected, advice = "lengths must be (B,), one per row", "Pass samples.mask."
        fail(ShapeError, where, expected, lengths.shape, advice)

    def batches(rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
        order = rng.permutation(len(lengths))
        order = order[np.argsort(lengths[order], kind="stable")]
        cuts = np.arange(batch_size, len(order), batch_size)
        if short := -len(order) % batch_size:  # the smaller batch: any of them
            cuts[rng.integers(len(cuts) + 1) :] -= short
        pieces = np.split(order, cuts)
        for piece in rng.permutation(len(pieces)):
            yield pieces[piece]

    return batches
