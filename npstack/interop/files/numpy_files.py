"""``.npz`` files: arrays of numbers and texts; objects are refused because of their header."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from npstack.core.errors import DataError, DtypeError, fail
from npstack.core.numerics import Array
from npstack.files import strict_json
from npstack.files.archive import JSON, READERS
from npstack.files.container import check_count
from npstack.files.strict_json import brief
from npstack.interop.files.stored import SPOILT, Stored, empty, memory_of, native
from npstack.interop.files.zipped import Zipped, fill, is_plain, zipped

ATTRIBUTES = "attributes.json"  # np.load gives its bytes
LONGEST = 10_000  # bytes of a header
HEADER = re.compile(
    r"\s*\{\s*'descr':\s*'([<>|=]?[biufcSU][1-9]\d{0,5})',\s*'fortran_order':\s*(True|False),"
    r"\s*'shape':\s*\(((?:\d{1,20}\s*,\s*)*(?:\d{1,20}\s*)?)\),?\s*\}\s*"
)
OBJECTS = re.compile(r"'descr':\s*'[<>|=]?O")


def read(where: str, file: BinaryIO) -> Stored:
    """Read an ``.npz`` file; arrays of texts are among the attributes, as lists.

    Raises
    ------
    DataError
        It is damaged, or holds objects.
    """
    arrays: dict[str, Array] = {}
    attributes: dict[str, Any] = {}
    with zipped(where, file) as members:
        if JSON in members.sizes:
            advice = f"Use npstack.{', '.join(READERS.values())}."
            fail(DataError, where, "the file must be another program's", "npstack's own", advice)
        for name in members.sizes:
            place = f"{where}, member {brief(name)}"
            if name == ATTRIBUTES:
                text = members.text(name, strict_json.MOST_BYTES)
                found = strict_json.load(place, text, SPOILT)
                if not isinstance(found, dict):
                    fail(DataError, place, "it must hold a dictionary", brief(found), SPOILT)
                attributes.update(found)
            elif name.endswith(".npy"):
                value = _array(place, members, name)
                if value.dtype.kind in "SU":
                    attributes[name.removesuffix(".npy")] = _texts(place, value)
                else:
                    arrays[name.removesuffix(".npy")] = value
            else:
                fail(DataError, where, "its members must be .npy files", brief(name), SPOILT)
    return Stored(arrays, attributes, "npz")


def _array(where: str, members: Zipped, name: str) -> Array:
    with members.opened(name) as stream:
        begin = stream.read(12)
        wide = begin[6:8] == b"\2\0"
        length = int.from_bytes(begin[8 : 12 if wide else 10], "little")
        start = 12 if wide else 10
        if begin[:6] != npy.MAGIC_PREFIX or begin[6:8] not in (b"\1\0", b"\2\0"):
            length = 0
        if not 12 <= length <= min(LONGEST, members.sizes[name] - start):
            got = "another beginning, or a header that is too long"
            fail(DataError, where, "it must be an array as NumPy writes it", got, SPOILT)
        text = (begin[start:] + stream.read(length - (12 - start))).decode("latin1")
        head = HEADER.fullmatch(text)
        if head is None:
            expected, got = "its header must be that of an array of numbers or texts", brief(text)
            advice = SPOILT
            if OBJECTS.search(text):
                got = "objects, whose loading would run code"
                advice = "If you trust it: np.load(path, allow_pickle=True), and pass the arrays."
            fail(DataError, where, expected, got, advice)
        try:
            dtype = np.dtype(head[1])
        except (TypeError, ValueError):  # '<f3'
            fail(DataError, where, "its dtype must be one of NumPy's", brief(head[1]), SPOILT)
        shape = tuple(int(n) for n in head[3].split(",") if n.strip())
        room = members.sizes[name] - start - length
        order = "F" if head[2] == "True" else "C"
        value = empty(where, shape, dtype, room, order)
        check_count(fill(stream, memory_of(value)) if room else 0, room, where)
        return native(where, value)


def _texts(where: str, value: Array) -> Any:
    """An array of texts as a list, or one text."""
    try:
        return (np.char.decode(value, "utf-8") if value.dtype.kind == "S" else value).tolist()
    except ValueError as error:  # no UTF-8, or no character
        fail(DataError, where, "texts must be made of characters", brief(error), SPOILT)


def write(file: BinaryIO, where: str, arrays: Mapping[str, Array], attributes: Any) -> None:
    """Write an ``.npz`` file that `np.load` reads."""
    text = {ATTRIBUTES: strict_json.dump(where, attributes)} if attributes else {}
    for name in arrays:
        if not is_plain(f"{name}.npy"):
            expected = "names must be those of files below one folder"
            fail(DtypeError, where, expected, repr(name), "Rename it.")
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in text.items():
            archive.writestr(zipfile.ZipInfo(name), content)
        for name, value in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as stream:
                npy.write_array(stream, value, allow_pickle=False)
