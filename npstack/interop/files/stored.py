"""What a file of another framework holds, and the limits for reading one without trust."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

from npstack.core.errors import DataError, fail, in_words
from npstack.core.numerics import Array

FEW, TIMES = 2**26, 8  # bytes that any file may become, and how many more for each of its own
MOST_ARRAYS, MOST_AXES, MOST_LEVELS = 60_000, 32, 64
SPOILT = "It is damaged, or was made to do harm: use a copy, or make it anew."


class Stored(NamedTuple):
    """What a file holds.

    Attributes
    ----------
    arrays : dict of str to array
        As they are in the file, in the byte order of this machine; bfloat16 as float32.
    attributes : dict
        Plain values, as JSON has them: metadata, the configuration of a model.
    format : str
        ``"safetensors"``, ``"pytorch"``, ``"npz"``, ``"hdf5"`` or ``"keras"``.
    """

    arrays: dict[str, Array]
    attributes: dict[str, Any]
    format: str


def most_bytes(size: int) -> int:
    """The most bytes that the arrays of a file of so many bytes may have together.

    Examples
    --------
    >>> most_bytes(0), most_bytes(1000) - most_bytes(0)
    (67108864, 8000)
    """
    return FEW + TIMES * size


def check_total(where: str, total: int, size: int) -> None:
    """Check what a file says it holds, before memory is taken."""
    if total > most_bytes(size):
        expected = f"a file of {size:,} bytes must hold at most {most_bytes(size):,}"
        fail(DataError, where, expected, f"{_count(total)} in its lists", SPOILT)


def check_few(where: str, count: int, what: str = "arrays") -> None:
    """Check the number of things in a file."""
    if count > MOST_ARRAYS:
        fail(DataError, where, f"it must hold at most {MOST_ARRAYS:,} {what}", f"{count:,}", SPOILT)


def empty(where: str, shape: tuple[int, ...], dtype: np.dtype[Any], room: int, order: str) -> Array:
    """Memory for an array, after its shape has been compared with its bytes in the file."""
    value: Array | None = None
    if len(shape) <= MOST_AXES and math.prod(shape) * dtype.itemsize == room:
        with suppress(ValueError):  # (0, 2**63)
            value = np.empty(shape, dtype, order)  # type: ignore[call-overload]
    if value is None:
        sizes = ", ".join(map(_count, shape[:4])) + (", …" if len(shape) > 4 else "")
        expected = f"shape and dtype must fill its {room:,} bytes"
        fail(DataError, where, expected, f"{dtype.name} of shape ({sizes})", SPOILT)
    return value


def native(where: str, value: Array) -> Array:
    """The array in the byte order of this machine; truth values are 0 or 1."""
    if value.dtype.kind == "b" and value.size and int(value.view(np.uint8).max()) > 1:
        fail(DataError, where, "truth values must be 0 or 1", "other bytes", SPOILT)
    return value.astype(value.dtype.newbyteorder("="), copy=False)


def memory_of(value: Array) -> memoryview:
    """The bytes of an array that is contiguous in either order."""
    flat = value.T if value.flags.f_contiguous and not value.flags.c_contiguous else value
    return flat.reshape(-1).view(np.uint8).data


def words_of(error: BaseException) -> str:
    """The words of a library's error, on one line, for ours.

    Examples
    --------
    >>> words_of(ValueError("no\\n end"))
    'ValueError: no end'
    """
    words = "".join(sign if sign.isprintable() else "?" for sign in in_words(error))
    return words if len(words) <= 160 else f"{words[:160]}…"


def _count(number: int) -> str:
    return f"{number:,}" if number < 10**18 else "more than 10**18"
