"""The file format of weights and checkpoints: JSON and arrays in one ``.npz``, nothing executed.

An archive is an uncompressed zip file, which `np.load` and ``unzip`` read::

    npstack.json    what the file is: format, version, a list of the arrays, plain values
    NAME.npy        an array, as NumPy writes it; and so on
    directory       the headers of all members again
    end             its comment is the SHA-256 of every byte before the comment

There is only one way to write it, and `read` accepts no other: see `container` for the container
and `strict_json` for the text. Every size is compared with the size of the file before memory is
allocated, and arrays of objects are refused because of their header.
"""

from __future__ import annotations

import io
import math
import re
import zlib
from collections.abc import Iterator, Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.lib import format as npy

from npstack.core.arrays import as_array
from npstack.core.errors import ArgumentError, DataError, DtypeError, describe, fail, kind_of
from npstack.core.numerics import Array
from npstack.files import container, strict_json
from npstack.files.atomic import replacing
from npstack.files.container import CRAFTED, DIGEST, FOREIGN, Member
from npstack.files.paths import check_target, open_file
from npstack.files.strict_json import brief
from npstack.version import __version__

JSON = "npstack.json"
READERS = {
    "npstack-weights": "load_weights",
    "npstack-checkpoint": "load_checkpoint",
    "npstack-model": "load_model",
    "npstack-recorded": "Recorded.load",
}
MOST_BYTES, MOST_ARRAYS = 4 * 10**9, 60_000  # the limit of zip files without 64-bit extensions
NAME = re.compile(r"([a-z]+/)?\w[\w.+-]{0,199}")
NPY = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '[<|][iufc]\d{1,2}', 'fortran_order': (True|False), "
    rb"'shape': \(((0|[1-9]\d{0,17}), ?)*(0|[1-9]\d{0,17})?\), \} *\n",
    re.DOTALL,
)


class Kind(NamedTuple):
    """A format, its version, and the type of every field of its JSON."""

    format: str
    version: int
    fields: dict[str, type]


# ---- writing -----------------------------------------------------------------------------------


def write(
    path: Path,
    where: str,
    kind: Kind,
    fields: Mapping[str, Any],
    arrays: Mapping[str, Array],
    keep_previous: bool = False,
) -> None:
    """Write an archive, completely or not at all.

    Parameters
    ----------
    path : Path
    where : str
        The function that the user called, for errors.
    kind : Kind
    fields : dict
        Plain values for JSON.
    arrays : dict
        Numbers, under names.
    keep_previous : bool
        Keep the file that is replaced, next to the new one (`atomic.previous_of`).

    Raises
    ------
    ArgumentError, DtypeError
        A value that the file cannot contain; nothing is written.
    """
    target = check_target(where, path)
    for name, value in fields.items():
        if not isinstance(value, kind.fields[name]):
            expected = f"{name} must be of type {kind.fields[name].__name__}"
            got = f"{brief(value)} ({type(value).__name__})"
            fail(DtypeError, where, expected, got, "It is written as JSON.")
    arrays = {name: _checked(where, name, value) for name, value in arrays.items()}
    total = sum(value.nbytes for value in arrays.values())
    if total > MOST_BYTES or len(arrays) > MOST_ARRAYS:
        expected = f"arrays must be at most {MOST_ARRAYS:,}, of {MOST_BYTES:,} bytes together"
        got = f"{len(arrays):,} of {total:,} bytes"
        fail(ArgumentError, where, expected, got, "Save parts of it in files of their own.")
    about = {"format": kind.format, "version": kind.version, "npstack": __version__}
    listed = {name: _description(value) for name, value in arrays.items()}
    text = strict_json.dump(where, {**about, "arrays": listed, **fields})
    with replacing(target, keep_previous) as file:
        container.write(file, _contents(text, arrays))


def _checked(where: str, name: object, value: object) -> Array:
    """A plain array under a name that a file can have."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        expected = "names of arrays must be words with dots between, like '0.layers.1.U'"
        fail(ArgumentError, where, expected, repr(name), "Rename the layer or the parameter.")
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "iufc":
        got = describe(value) if isinstance(value, np.ndarray) else kind_of(value)
        advice = "Cast it with astype(np.float64); objects would have to be pickled."
        fail(DtypeError, where, f"{name!r} must be an array of numbers", got, advice)
    return as_array(where, repr(name), value)


def _description(value: Array) -> list[Any]:
    return [value.dtype.name, *value.shape]


def _contents(text: bytes, arrays: Mapping[str, Array]) -> Iterator[tuple[str, list[Any]]]:
    """Name and bytes of every member; the bytes of arrays are views if possible."""
    yield JSON, [text]
    for name, value in arrays.items():
        # The order in memory is kept: a BLAS may round differently for a matrix that is stored as
        # its transpose, and training resumed from a file must have the same bits.
        order: Any = "F" if npy.header_data_from_array_1_0(value)["fortran_order"] else "C"
        plain = value.astype(value.dtype.newbyteorder("<"), order, copy=False)
        header = io.BytesIO()
        npy.write_array_header_1_0(header, npy.header_data_from_array_1_0(plain))
        yield f"{name}.npy", [header.getvalue(), _bytes_of(plain, order)]


def _bytes_of(value: Array, order: str) -> memoryview:
    """The memory of a contiguous array, byte by byte."""
    return (value.T if order == "F" else value).reshape(-1).view(np.uint8).data


# ---- reading -----------------------------------------------------------------------------------


def read(path: Path, where: str, kind: Kind) -> tuple[dict[str, Any], dict[str, Array]]:
    """Read a file written by `write`.

    Parameters
    ----------
    path : Path
    where : str
        The function that the user called, and the file, for errors.
    kind : Kind

    Returns
    -------
    fields, arrays : dict

    Raises
    ------
    DataError
        The file is damaged, foreign or malicious. Memory use is at most the size of the file + 16
        times the size of its JSON (at most 16 MiB) + 50 MB.
    OSError
        There is no such file, or it cannot be read.
    """
    with open_file(where, path) as file:
        size = file.seek(0, io.SEEK_END)
        container.check_digest(file, size, where, kind.format)
        members = container.members_of(file, size - DIGEST, where)
        if not members or members[0].name != JSON.encode():
            got = brief(members[0].name) if members else "none"
            fail(DataError, where, f"the first member must be {JSON}", got, CRAFTED)
        fields = strict_json.load(where, _text(file, members[0], where), CRAFTED)
        listed = _check_fields(where, fields, kind)
        if [f"{name}.npy".encode() for name in listed] != [member.name for member in members[1:]]:
            got = f"{len(listed)} in the list, {len(members) - 1} in the file, or other names"
            fail(DataError, where, f"{JSON} must list the arrays of the file", got, CRAFTED)
        arrays = {
            name: _array(file, member, f"{where}, array {name!r}", description)
            for (name, description), member in zip(listed.items(), members[1:], strict=True)
        }
    return {name: fields[name] for name in kind.fields}, arrays


def _text(file: BufferedReader, member: Member, where: str) -> bytes:
    """The JSON; if it is too long, one byte more than the limit."""
    file.seek(member.data)
    text = container.exactly(file, min(member.size, strict_json.MOST_BYTES + 1), where)
    if len(text) == member.size:
        container.check_crc(zlib.crc32(text), member, where)
    return text


def _check_fields(where: str, fields: object, kind: Kind) -> dict[str, Any]:
    """Check format, version, and every field with its type; return the list of arrays."""
    fields = fields if isinstance(fields, dict) else {}
    found = (fields.get("format"), fields.get("version"))
    if found != kind[:2]:
        expected = f"the file must be {kind.format}, version {kind.version}"
        got = f"{brief(found[0])}, version {brief(found[1])}"
        advice = f"It names npstack {brief(fields.get('npstack'))} as its writer: use that."
        if found[0] != kind.format:
            reader = READERS.get(str(found[0]))
            advice = f"Use {reader}." if reader else FOREIGN
        fail(DataError, where, expected, got, advice)
    wanted = {"format": str, "version": int, "npstack": str, "arrays": dict, **kind.fields}
    if fields.keys() != wanted.keys():
        expected = f"{JSON} must hold {', '.join(wanted)}"
        fail(DataError, where, expected, brief(list(fields)), CRAFTED)
    for name, value in fields.items():
        if type(value) is not wanted[name]:
            expected = f"{name!r} in {JSON} must be of type {wanted[name].__name__}"
            fail(DataError, where, expected, brief(value), CRAFTED)
    listed: dict[str, Any] = fields["arrays"]
    for name in listed:
        if not NAME.fullmatch(name):
            expected = "names of arrays must be words with dots between"
            fail(DataError, where, expected, brief(name), CRAFTED)
    return listed


def _array(file: BufferedReader, member: Member, where: str, description: object) -> Array:
    """One array, after its header has been compared with its size in the file."""
    file.seek(member.data)
    head = NPY.match(file.read(min(member.size, 1024)))
    if head is None or int.from_bytes(head[0][8:10], "little") != len(head[0]) - 10:
        expected = "its header must be that of an array of numbers"
        fail(DataError, where, expected, "objects, text, or no header of NumPy's", CRAFTED)
    stream = io.BytesIO(head[0])
    room = member.size - len(head[0])
    expected = f"shape and dtype must fill its {room:,} bytes"
    try:
        npy.read_magic(stream)
        shape, fortran, dtype = npy.read_array_header_1_0(stream, max_header_size=1024)
        fits = math.prod(shape) * dtype.itemsize == room
        got = f"{dtype.name} of shape {shape}"
        order: Any = "F" if fortran else "C"
        value = np.empty(shape if fits else (), dtype, order)
    except (ValueError, TypeError) as error:
        fits, got = False, brief(error)
    if not fits:
        fail(DataError, where, expected, got, CRAFTED)
    if _description(value) != description:
        expected = f"it must be as {JSON} lists it, {brief(description)}"
        fail(DataError, where, expected, f"{_description(value)}", CRAFTED)
    memory = _bytes_of(value, order)
    file.seek(member.data + len(head[0]))
    container.check_count(file.readinto(memory), room, where)
    container.check_crc(zlib.crc32(memory, zlib.crc32(head[0])), member, where)
    return value.astype(dtype.newbyteorder("="), copy=False)
