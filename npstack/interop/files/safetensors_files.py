"""The safetensors format: a length, JSON, and the bytes of arrays, one behind the other.

It is simple enough to be read here without the package of that name. The child process sends what
it has read in this form, too (`child`).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from npstack.core.errors import DataError, DtypeError, describe, fail
from npstack.core.numerics import Array
from npstack.files import strict_json
from npstack.files.container import check_count, exactly
from npstack.files.strict_json import brief
from npstack.interop.files.stored import (
    MOST_AXES,
    SPOILT,
    Stored,
    check_few,
    empty,
    memory_of,
    native,
)

METADATA = "__metadata__"
LENGTH = struct.Struct("<Q")
DTYPES = {
    "BOOL": "|b1",
    **{f"{kind}{8 * size}": f"<{kind.lower()}{size}" for kind in "IU" for size in (1, 2, 4, 8)},
    **{f"F{8 * size}": f"<f{size}" for size in (2, 4, 8)},
    "C64": "<c8",
}
NAMES = {np.dtype(text): name for name, text in DTYPES.items()}
BFLOAT16 = "BF16"
FACTS = {"dtype", "shape", "data_offsets"}


def read(where: str, file: BinaryIO) -> Stored:
    """Read a safetensors file: every number in its head is compared with the size of the file.

    Raises
    ------
    DataError
        It is damaged, or no such file.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    length = LENGTH.unpack(exactly(file, 8, where))[0] if size >= 8 else 2**64
    if length > size - 8:
        expected = "it must begin with the length of its head"
        got = f"{size:,} bytes" + (f" and a head of {length:,}" if size >= 8 else "")
        fail(DataError, where, expected, got, SPOILT)
    # If the head is too long, one byte more than the limit: then it is refused.
    text = exactly(file, min(length, strict_json.MOST_BYTES + 1), where)
    head = strict_json.load(where, text, SPOILT)
    if not isinstance(head, dict):
        fail(DataError, where, "its head must be a dictionary", brief(head), SPOILT)
    metadata = head.pop(METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        fail(DataError, where, f"{METADATA} must hold texts", brief(metadata), SPOILT)
    check_few(where, len(head))
    at, arrays = 0, {}
    places = {name: _facts(f"{where}, array {brief(name)}", own) for name, own in head.items()}
    for name, (dtype, shape, begin, end) in sorted(places.items(), key=lambda p: p[1][2:]):
        if begin != at or end > size - 8 - length:
            expected = "its arrays must stand one behind the other, within the file"
            got = f"{brief(name)} at {brief([begin, end])} where {at:,} is free"
            fail(DataError, where, expected, got, SPOILT)
        arrays[name] = _array(f"{where}, array {brief(name)}", file, dtype, shape, end - begin)
        at = end
    if at != size - 8 - length:
        got = f"{size - 8 - length - at:,} bytes behind the last one"
        fail(DataError, where, "its arrays must fill the file", got, SPOILT)
    return Stored({name: arrays[name] for name in head}, from_texts(metadata), "safetensors")


def _facts(where: str, own: object) -> tuple[str, tuple[int, ...], int, int]:
    """Dtype, shape, begin and end of one array."""
    if not isinstance(own, dict) or own.keys() != FACTS:
        fail(DataError, where, f"it must have {', '.join(sorted(FACTS))}", brief(own), SPOILT)
    dtype, shape, offsets = own["dtype"], own["shape"], own["data_offsets"]
    if not isinstance(dtype, str) or dtype not in (*DTYPES, BFLOAT16):
        expected = f"dtype must be one of {', '.join([*DTYPES, BFLOAT16])}"
        advice = "Cast it before saving, or give the other arrays alone."
        fail(DataError, where, expected, brief(dtype), advice)
    for numbers, least in ((shape, 0), (offsets, 2)):
        whole = isinstance(numbers, list) and least <= len(numbers) <= (least or MOST_AXES)
        if not whole or not all(type(n) is int and 0 <= n < 2**63 for n in numbers):
            expected = f"shape and offsets must be whole numbers, at most {MOST_AXES} of them"
            fail(DataError, where, expected, brief(numbers), SPOILT)
    return dtype, tuple(shape), *offsets


def _array(where: str, file: BinaryIO, dtype: str, shape: tuple[int, ...], room: int) -> Array:
    stored = np.dtype(DTYPES.get(dtype, "<u2"))
    value = empty(where, shape, stored, room, "C")
    memory: Any = memory_of(value)
    check_count(file.readinto(memory) if room else 0, room, where)  # type: ignore[attr-defined]
    if dtype == BFLOAT16:  # the upper half of a float32
        return (native(where, value).astype(np.uint32) << 16).view(np.float32)
    return native(where, value)


def write(file: BinaryIO, where: str, arrays: Mapping[str, Array], attributes: Any) -> None:
    """Write a safetensors file.

    Raises
    ------
    DtypeError, ArgumentError
        An array of a dtype, or attributes, that it cannot hold; nothing is written.
    """
    head: dict[str, Any] = {METADATA: to_texts(where, attributes)} if attributes else {}
    at = 0
    for name, value in arrays.items():
        dtype = NAMES.get(value.dtype.newbyteorder("<"))
        if dtype is None:
            expected = f"{name!r} must be of a dtype that safetensors has"
            fail(DtypeError, where, expected, describe(value), "Cast it: astype(np.float64).")
        facts = [dtype, list(value.shape), [at, at + value.nbytes]]
        head[name] = dict(zip(("dtype", "shape", "data_offsets"), facts, strict=True))
        at += value.nbytes
    text = strict_json.dump(where, head)
    text += b" " * (-len(text) % 8)
    file.write(LENGTH.pack(len(text)) + text)
    for value in arrays.values():
        plain = np.ascontiguousarray(value, value.dtype.newbyteorder("<"))
        file.write(memory_of(plain))


# ---- attributes where a file has texts only ----------------------------------------------------


def to_texts(where: str, attributes: Mapping[str, Any]) -> dict[str, str]:
    """Texts stay; dictionaries and lists become JSON.

    Raises
    ------
    DtypeError
        Another value, or one that JSON does not have.
    """
    for name, value in attributes.items():
        if not isinstance(value, str | dict | list):
            expected = f"attribute {name!r} must be a text, a dictionary or a list"
            fail(DtypeError, where, expected, describe(value), f"Put it in one: {{{name!r}: …}}.")
    return {
        name: v if isinstance(v, str) else strict_json.dump(where, v).decode()
        for name, v in attributes.items()
    }


def from_texts(texts: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse: a text that is JSON of a dictionary or a list becomes that."""
    return {name: decoded(value) for name, value in texts.items()}


def decoded(value: Any) -> Any:
    """A text that is JSON of a dictionary or a list, as that; any other value as it is.

    Examples
    --------
    >>> decoded('{"units": 3}'), decoded("3"), decoded("{")
    ({'units': 3}, '3', '{')
    """
    if not isinstance(value, str) or value.strip()[:1] not in ("{", "["):
        return value
    try:
        return strict_json.load("", value.encode(), "")
    except (DataError, UnicodeError):
        return value
