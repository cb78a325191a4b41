"""Checks of whole numbers, and of memory before it is allocated."""

from __future__ import annotations

from numbers import Real

import numpy as np
from numpy.typing import NDArray

from npstack.core.arguments import check_size, is_whole
from npstack.core.arrays import as_array
from npstack.core.errors import ArgumentError, NpstackError, describe, fail


def whole_numbers(
    where: str, name: str, value: object, most: int, expected: str, advice: str
) -> NDArray[np.int64]:
    """One whole number or several, as a new array; flags, texts and bytes are refused.

    Parameters
    ----------
    where, name : str
    value : object
        A number, an array, or a list, tuple or range of numbers.
    most : int
        The largest count of numbers.
    expected, advice : str
        For the error.

    Examples
    --------
    >>> whole_numbers("windows", "ahead", (1, np.int8(6)), 9, "", "")
    array([1, 6])
    """
    if hasattr(value, "__array__"):
        found = np.atleast_1d(as_array(where, name, value))
        right = found.dtype.kind in "iu" and found.ndim == 1
        given = found.tolist() if right and found.size <= most else []
    else:
        several = isinstance(value, list | tuple | range)
        given = list(value[: most + 1]) if several else [value]  # type: ignore[index]
    whole = all(map(is_whole, given))
    if not whole or not 1 <= len(given) <= most or max(map(abs, map(int, given))) >= 2**62:
        fail(ArgumentError, where, expected, describe(value), advice)
    return np.array([int(own) for own in given], np.int64)


def check_room(
    kind: type[NpstackError],
    where: str,
    what: str,
    shape: tuple[int, int],
    row_bytes: int,
    most_bytes: object,
    advice: str,
) -> None:
    """Refuse rows that would need more memory than is allowed, at a number of bytes per row."""
    most = check_size(where, "most_bytes", most_bytes, "It is a number of bytes.")
    needed = shape[0] * row_bytes
    if needed > most:
        expected, got = f"{what} must need at most {most:,} bytes", f"{needed:,} bytes"
        got += f" for {shape[0]:,} rows of {shape[1]:,} steps"
        more = f"{advice} If there is that much memory, allow it: most_bytes={needed}."
        fail(kind, where, expected, got, more, typed=advice)


def sizes_of(where: str, count: int, train: float, validation: float) -> list[int]:
    """Three whole numbers with the sum ``count``."""
    wanted = []
    for name, size in (("train", train), ("validation", validation)):
        whole = isinstance(size, int | np.integer)
        number = isinstance(size, Real) and not isinstance(size, bool)
        if not number or not 0 <= size <= (count if whole else 1):
            expected = f"{name} must be a fraction, or a whole number of the {count}"
            got = describe(size)
            fail(ArgumentError, where, expected, got, "Use train=0.7, validation=0.15.")
        wanted.append(float(size) if whole else float(size) * count)
    first, both = round(wanted[0]), round(sum(wanted))
    if first < 1 or both > count:
        expected = f"train and validation must fit into {count}, and train hold at least one"
        got = f"{first} and {both - first}"
        fail(ArgumentError, where, expected, got, "Use train=0.7, validation=0.15.")
    return [first, both - first, count - both]
