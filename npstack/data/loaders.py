"""Texts, and arrays in ``.npz`` files of other programs."""

from __future__ import annotations

import io
import math
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from npstack.core.arguments import check_size
from npstack.core.errors import DataError, fail
from npstack.core.numerics import Array
from npstack.data.lines import check_start, decode
from npstack.files.paths import of_file, open_file
from npstack.files.strict_json import brief

MOST_ARRAYS = 1000
MOST_LISTED = 2**20  # bytes of the list of members: a thousand of them with long names
COUNT = f"the file must hold 1 to {MOST_ARRAYS:,} arrays"
TOGETHER = "Put what belongs together into one array, with an axis more."
DEFLATE = 1032  # bytes that one compressed byte can stand for, at most
UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    TypeError,
    IndexError,
    OverflowError,
    RuntimeError,
    OSError,
    SyntaxError,
    tokenize.TokenError,  # of an array's header that is cut short
)


def load_text(path: str | Path, most_bytes: int = 2**28) -> str:
    """Read a text file in UTF-8; all line ends become line feeds.

    Parameters
    ----------
    path : str or Path
    most_bytes : int
        A larger file is refused before it is read.

    Raises
    ------
    DataError
        Not a file, empty, too large, binary, or not UTF-8, with line and character of the first
        wrong byte.
    OSError
        There is no such file, or it cannot be read.
    """
    where = of_file("load_text", path)
    with open_file(where, path, check_size(where, "most_bytes", most_bytes)) as file:
        data = file.read()
    check_start(data[:8], where)
    text = decode(data.removeprefix(b"\xef\xbb\xbf"), where)
    if "\0" in text:
        before = text[: text.index("\0")]
        at = f"{where}, line {before.count(chr(10)) + 1}"
        at += f", character {len(before) - before.rfind(chr(10))}"
        fail(DataError, at, "the file must be text", "a zero byte", "Is it a binary file?")
    if not text:
        fail(DataError, where, "the file must hold text", "an empty file", "Is it complete?")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def load_npz(path: str | Path, most_bytes: int = 2**30) -> dict[str, Array]:
    """Read the arrays of an ``.npz`` file of any program: nothing is executed.

    Parameters
    ----------
    path : str or Path
    most_bytes : int
        The largest total size of all arrays.

    Returns
    -------
    dict of arrays
        Numbers, booleans and texts, in the byte order of this machine.

    Raises
    ------
    DataError
        Not an ``.npz`` file; damaged (checksums are compared); objects, which would have to be
        unpickled; arrays that contradict their headers, or are too large.
    OSError
        There is no such file, or it cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez_compressed(f"{folder}/a.npz", x=np.arange(3.0), y=np.array(["u", "v"]))
    ...     load_npz(f"{folder}/a.npz")
    {'x': array([0., 1., 2.]), 'y': array(['u', 'v'], dtype='<U1')}
    """
    where = of_file("load_npz", path)
    most_bytes = check_size(where, "most_bytes", most_bytes)
    with open_file(where, path) as file:
        size = file.seek(0, io.SEEK_END)
        try:
            with zipfile.ZipFile(_Opening(file, where)) as archive:
                archive.fp = file
                return _arrays(where, archive, size, most_bytes)
        except DataError:
            raise
        except UNREADABLE as error:
            advice = "np.savez writes such files. If it did, this one is damaged."
            fail(DataError, where, "the file must be a whole .npz file", brief(error), advice)


class _Opening:
    """A file whose list of members is read at once and has a limited size."""

    def __init__(self, file: IO[bytes], where: str) -> None:
        self.file, self.seek, self.tell, self.where = file, file.seek, file.tell, where

    def read(self, size: int = -1) -> bytes:
        """At most `MOST_LISTED` bytes, or up to the end, if little is left."""
        if size > MOST_LISTED:  # as objects, it needs much more memory
            fail(DataError, self.where, COUNT, f"a list of them of {size:,} bytes", TOGETHER)
        return self.file.read(size)


def _arrays(where: str, archive: zipfile.ZipFile, size: int, most_bytes: int) -> dict[str, Array]:
    members = archive.infolist()
    names = Counter(member.filename for member in members)
    if "npstack.json" in names:
        advice = "Use load_weights, load_model or load_checkpoint."
        fail(DataError, where, "the file must hold arrays only", "a file of npstack's", advice)
    if not 1 <= len(members) <= MOST_ARRAYS:
        fail(DataError, where, COUNT, f"{len(members):,}", TOGETHER)
    wrong = [name for name, times in names.items() if not name.endswith(".npy") or times > 1]
    if wrong:
        expected = "every array must be in the file once, under a name that ends in .npy"
        fail(DataError, where, expected, brief(wrong[0]), "np.savez writes such files.")
    total = sum(member.file_size for member in members)
    if total > most_bytes:
        expected = f"all arrays must need at most {most_bytes:,} bytes"
        advice = f"If you trust the file, allow more: most_bytes={total}."
        fail(DataError, where, expected, f"{total:,}", advice, typed="Make it smaller.")
    arrays = {}
    for member in members:
        name = member.filename.removesuffix(".npy")
        at = f"{where}, array {brief(name)}"
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            expected, advice = "it must be stored or deflated", "Use np.savez_compressed."
            fail(DataError, at, expected, f"method {member.compress_type}", advice)
        if member.compress_size > size or member.file_size > DEFLATE * (member.compress_size + 1):
            expected = f"its size must be possible in a file of {size:,} bytes"
            got = f"{member.file_size:,} bytes from {member.compress_size:,}"
            fail(DataError, at, expected, got, "Do not trust this file.")
        with archive.open(member) as stream:
            arrays[name] = _array(at, stream, member.file_size)
    return arrays


def _array(at: str, stream: IO[bytes], size: int) -> Array:
    """One array; memory is allocated after its header has been compared with its size."""
    version = npy.read_magic(stream)
    read: Any = {
        (1, 0): npy.read_array_header_1_0,
        (2, 0): npy.read_array_header_2_0,
    }.get(version)
    if read is None:
        expected, advice = "its format must be version 1.0 or 2.0", "np.savez writes these."
        fail(DataError, at, expected, f"version {version}", advice)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of headers in the style of Python 2
        shape, fortran, dtype = read(stream)
    if dtype.kind not in "biufcSU" or dtype.hasobject or dtype.shape or not dtype.itemsize:
        advice = "Objects would have to be unpickled, which runs code: save numbers or texts."
        fail(DataError, at, "it must hold numbers, booleans or text", brief(str(dtype)), advice)
    count, room = math.prod(shape), size - stream.tell()
    if min(shape, default=0) < 0 or count * dtype.itemsize != room:
        expected, got = f"shape and dtype must fill its {room:,} bytes", f"{dtype} {shape}"
        fail(DataError, at, expected, brief(got), "The file is damaged, or made to do harm.")
    data = stream.read(room)  # compares the checksum at the end
    if len(data) != room:
        expected, advice = f"there must be {room:,} bytes", "The file is damaged."
        fail(DataError, at, expected, f"{len(data):,}", advice)
    value: Array = np.frombuffer(data, dtype, count) if room else np.zeros(count, dtype)
    value = value.reshape(shape[::-1]).T if fortran else value.reshape(shape)
    return value.astype(dtype.newbyteorder("="))
