"""Zip files of other programs: members are read into memory, never unpacked to a folder."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from npstack.core.errors import DataError, fail
from npstack.files.strict_json import brief
from npstack.interop.files.stored import SPOILT, check_few, check_total, words_of

PLAIN, ENCRYPTED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED), 1
BROKEN = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError),
    *(ValueError, OverflowError, IndexError, OSError),
)


class Zipped:
    """The members of a zip file, by name, after a check of names, methods and sizes."""

    def __init__(self, where: str, archive: zipfile.ZipFile, size: int) -> None:
        self.where, self.archive, self.size = where, archive, size
        self.sizes: dict[str, int] = {}
        infos = archive.infolist()
        check_few(where, len(infos), "members")
        for info in infos:
            name = info.orig_filename
            if name in self.sizes or not is_plain(name):
                expected = "names must be those of files below one folder, each once"
                fail(DataError, where, expected, brief(name), SPOILT)
            if info.compress_type not in PLAIN or info.flag_bits & ENCRYPTED:
                expected = "its members must be stored, or compressed by deflate"
                got = f"{brief(name)}, encrypted or compressed in another way"
                fail(DataError, where, expected, got, "Pack it anew.")
            self.sizes[name] = info.file_size
        check_total(where, sum(self.sizes.values()), size)

    def text(self, name: str, most: int) -> bytes:
        """The bytes of a small member; one more than ``most`` if it is larger."""
        with self.opened(name) as stream:
            return stream.read(most + 1)

    @contextmanager
    def opened(self, name: str) -> Iterator[BinaryIO]:
        """A member as a stream; an error of the zip file or of the block is a DataError."""
        where = f"{self.where}, member {brief(name)}"
        with _translated(where), self.archive.open(name) as stream:
            yield stream  # type: ignore[misc]


@contextmanager
def zipped(where: str, file: BinaryIO) -> Iterator[Zipped]:
    """Open a zip file.

    Raises
    ------
    DataError
        It is damaged, or its members would not fit the limits.
    """
    size = file.seek(0, io.SEEK_END)
    with _translated(where):
        archive = zipfile.ZipFile(file)
    with archive:
        yield Zipped(where, archive, size)


def is_plain(name: str) -> bool:
    """Whether a name is that of a file below one folder.

    Examples
    --------
    >>> is_plain("a/b.npy"), is_plain("a/../b.npy"), is_plain("/b.npy"), is_plain("C:b.npy")
    (True, False, False, False)
    """
    parts = name.split("/")
    return not ({"", ".."} & {*parts} or {"\\", "\0"} & {*name} or name[1:2] == ":")


def fill(stream: Any, memory: memoryview) -> int:
    """Read into memory by pieces, and how many bytes came; the checksum is compared at the end."""
    at = 0
    while at < len(memory):
        piece = stream.read(min(len(memory) - at, 2**20))
        if not piece:
            break
        memory[at : at + len(piece)] = piece
        at += len(piece)
    return at + len(stream.read(1))


@contextmanager
def _translated(where: str) -> Iterator[None]:
    try:
        yield
    except DataError:  # a ValueError, too
        raise
    except BROKEN as error:
        fail(DataError, where, "it must be a whole zip file", words_of(error), SPOILT)
