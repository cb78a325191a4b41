"""Training, validation and test of independent rows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from npstack.core.arguments import check_generator, check_size
from npstack.core.arrays import as_array
from npstack.core.errors import DataError, DtypeError, NonFiniteError, ShapeError, describe, fail
from npstack.core.numerics import Array
from npstack.data.amounts import sizes_of


class RowSplit(NamedTuple):
    """The rows for training, validation and test.

    Attributes
    ----------
    train, validation, test : int array
        Row numbers, increasing: ``samples.rows(split.train)``.
    """

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


def split_by_row(
    count: int,
    *,
    rng: np.random.Generator,
    train: float = 0.7,
    validation: float = 0.15,
    labels: Any = None,
) -> RowSplit:
    """Divide rows at random, each label in the same proportions if labels are given.

    For independent rows, such as labelled sequences. Windows of one
    series overlap: divide them by time.

    Parameters
    ----------
    count : int
        Number of rows.
    rng : numpy.random.Generator
    train, validation : int or float
        Number of rows; a float is a fraction. The rest is for the test.
    labels : array (count,), optional
        The rows of each label are divided in the same proportions, to within one row, and every
        part has rows of each label.

    Raises
    ------
    DataError
        A label has fewer rows than there are parts.

    Examples
    --------
    >>> labels = np.array(["a", "b"] * 10)
    >>> split = split_by_row(20, rng=np.random.default_rng(0), train=0.6, validation=0.2,
    ...                      labels=labels)
    >>> [sorted(labels[part].tolist()).count("a") for part in split]
    [6, 2, 2]
    """
    where = "split_by_row"
    count = check_size(where, "count", count, "Use len(samples.x).")
    rng = check_generator(where, rng)
    sizes = sizes_of(where, count, train, validation)
    labels = np.zeros(count, np.int64) if labels is None else _labels(where, labels)
    if labels.shape != (count,):
        expected, advice = f"labels must be ({count},), one per row", "Use samples.y."
        fail(ShapeError, where, expected, labels.shape, advice)
    _, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    fewest, parts_wanted = int(counts.min()), int((np.array(sizes) > 0).sum())
    if len(counts) > 1 and fewest < parts_wanted:
        expected = f"every label must have at least {parts_wanted} rows, one for each part"
        got = f"{fewest} of label {labels[np.argmax(codes == counts.argmin())].item()!r}"
        fail(DataError, where, expected, got, "Collect more, merge labels, or make fewer parts.")
    groups = np.split(np.argsort(codes, kind="stable"), np.cumsum(counts)[:-1])
    parts: list[list[Array]] = [[], [], []]
    for group in groups:
        shares = sizes if len(groups) == 1 else _shares(len(group), sizes, rng)
        for part, rows in zip(
            parts, np.split(rng.permutation(group), np.cumsum(shares)[:-1]), strict=True
        ):
            part.append(rows)
    return RowSplit(*(np.sort(np.concatenate(part)) for part in parts))


def _labels(where: str, labels: Any) -> Array:
    """Check numbers or texts without NaN, which is not equal to itself."""
    several = isinstance(labels, list | tuple) or getattr(labels, "ndim", 0) == 1
    if several and not isinstance(labels, np.ma.MaskedArray):
        listed = list(labels)
        if listed and all(isinstance(own, str) for own in listed):  # of objects, too, as in pandas
            return np.array(listed)
    found = as_array(where, "labels", labels)
    expected = "labels must be whole numbers or texts"
    if found.dtype.kind == "f" and np.isnan(found).any():
        got, advice = f"NaN in row {np.argmax(np.isnan(found))}", "Leave such rows out first."
        fail(NonFiniteError, where, expected, got, advice)
    if found.dtype.kind not in "biuf":
        fail(DtypeError, where, expected, describe(found), "Number the classes 0, 1, 2, …")
    return found


def _shares(count: int, sizes: list[int], rng: np.random.Generator) -> list[int]:
    """The number of rows of one label in each part: in proportion, and at least one."""
    exact = count * np.array(sizes) / sum(sizes)
    wanted = np.array(sizes) > 0
    shares = np.maximum(np.floor(exact), wanted).astype(np.int64)
    ties = 1e-9 * rng.random(3)  # ties are broken at random, or one part would get all
    while shares.sum() < count:
        shares[np.argmax(np.where(wanted, exact - shares + ties, -np.inf))] += 1
    while shares.sum() > count:
        shares[np.argmax(np.where(shares > 1, shares - exact + ties, -np.inf))] -= 1
    return [int(share) for share in shares]
