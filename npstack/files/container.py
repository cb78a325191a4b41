"""The zip files that npstack writes and reads: plain, in order, with a digest.

Members follow one another, uncompressed; then comes the directory, which repeats their headers;
then the end record, whose comment is the SHA-256 of every byte before the comment. The reader
computes every header and compares. So the variants that zip files allow (compression, encryption,
gaps, members that overlap, two lists that contradict each other) cannot be used for an attack.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterable
from typing import Any, BinaryIO, NamedTuple

from npstack.core.errors import DataError, fail

LOCAL, CENTRAL = struct.Struct("<4s5H3I2H"), struct.Struct("<4s6H3I5H2I")
END = struct.Struct("<4s4H2IH")
DIGEST = 64  # hexadecimal digits of a SHA-256
MOST_NAME, MOST_BYTES = 1000, 2**32  # bytes of a name, and of a file without 64-bit extensions
DAMAGED = "The file is damaged, or was changed after it was written: use a copy, or make it anew."
FOREIGN = "Give a file that npstack wrote; np.load reads other .npz files."
CRAFTED = "npstack did not write this file: do not trust what is in it."


class Member(NamedTuple):
    """One file in the archive: its name, checksum, size, and where its header begins."""

    name: bytes
    crc: int
    size: int
    offset: int

    def local(self) -> bytes:
        """The header in front of the data."""
        return LOCAL.pack(b"PK\3\4", *self._facts(), 0) + self.name

    def central(self) -> bytes:
        """The header in the directory."""
        return CENTRAL.pack(b"PK\1\2", 20, *self._facts(), 0, 0, 0, 0, 0, self.offset) + self.name

    def _facts(self) -> tuple[int, ...]:
        # Version 2.0; name in UTF-8; not compressed; 1 January 1980, so that the same content
        # gives the same bytes.
        return (20, 0x800, 0, 0, 0x21, self.crc, self.size, self.size, len(self.name))

    @property
    def data(self) -> int:
        """The position of its data."""
        return self.offset + LOCAL.size + len(self.name)


def _closing(members: list[Member], at: int) -> bytes:
    """Directory and end record, up to the comment."""
    directory = b"".join(member.central() for member in members)
    count = len(members)
    return directory + END.pack(b"PK\5\6", 0, 0, count, count, len(directory), at, DIGEST)


def write(file: BinaryIO, contents: Iterable[tuple[str, list[Any]]]) -> None:
    """Write members, each a name and pieces of bytes, then the directory and the digest."""
    digest, at, members = hashlib.sha256(), 0, []

    def put(chunk: Any) -> None:
        file.write(chunk)
        digest.update(chunk)

    for name, chunks in contents:
        crc = 0
        for chunk in chunks:
            crc = zlib.crc32(chunk, crc)
        member = Member(name.encode(), crc, sum(map(len, chunks)), at)
        for chunk in (member.local(), *chunks):
            put(chunk)
        members.append(member)
        at = member.data + member.size
    put(_closing(members, at))
    file.write(digest.hexdigest().encode())


# ---- reading -----------------------------------------------------------------------------------


def check_digest(file: BinaryIO, size: int, where: str, kind: str) -> None:
    """Check that the comment is the SHA-256 of all bytes before it."""
    tail = END.size + DIGEST
    file.seek(0)
    start = file.read(4)
    file.seek(max(size - tail, 0))
    end = file.read(tail)
    expected = f"the file must be a whole {kind} file"
    if not start:
        fail(DataError, where, expected, "an empty one", DAMAGED)
    if start != b"PK\3\4":
        fail(DataError, where, expected, f"one that begins with {start!r}", FOREIGN)
    if size > MOST_BYTES:
        got = f"{size:,} bytes, more than it can have"
        fail(DataError, where, expected, got, FOREIGN)
    if len(end) < tail or end[:4] != b"PK\5\6" or end[20:22] != DIGEST.to_bytes(2, "little"):
        got = f"{size:,} bytes without the end that npstack writes"
        advice = "It was cut short (use a copy, or make it anew), or another program wrote it."
        fail(DataError, where, expected, got, advice)
    digest, left = hashlib.sha256(), size - DIGEST
    file.seek(0)
    while left:
        chunk = exactly(file, min(left, 2**20), where)
        digest.update(chunk)
        left -= len(chunk)
    if digest.hexdigest().encode() != end[END.size :]:
        got = f"{size:,} bytes with another one"
        fail(DataError, where, f"{expected}, by its SHA-256", got, DAMAGED)


def exactly(file: BinaryIO, count: int, where: str) -> bytes:
    """Read as many bytes as there were when the file was opened."""
    found = file.read(count)
    check_count(len(found), count, where)
    return found


def check_count(found: int, wanted: int, where: str) -> None:
    """Notice if another program shortens the file meanwhile."""
    if found != wanted:
        got = f"{found:,} bytes where {wanted:,} were"
        fail(DataError, where, "the file must stay as it is while it is read", got, DAMAGED)


def members_of(file: BinaryIO, size: int, where: str) -> list[Member]:
    """Check all members, one after another, and that the directory lists the same."""
    file.seek(size - END.size)
    _, _, _, count, _, _, directory, _ = END.unpack(exactly(file, END.size, where))
    expected = "members must stand one behind the other, each once, with plain headers"
    members: list[Member] = []
    at = 0
    while at < directory and len(members) < count:
        file.seek(at)
        header = file.read(LOCAL.size)
        facts = LOCAL.unpack(header.ljust(LOCAL.size))
        member = Member(file.read(min(facts[9], MOST_NAME)), facts[6], facts[8], at)
        if member.local() != header + member.name or member.data + member.size > directory:
            fail(DataError, where, expected, f"another header at byte {at:,}", CRAFTED)
        members.append(member)
        at = member.data + member.size
    if len({member.name for member in members}) < len(members):
        fail(DataError, where, expected, "one name twice", CRAFTED)
    closing = _closing(members, at)
    file.seek(at)
    if at + len(closing) != size or exactly(file, len(closing), where) != closing:
        expected = "the directory of the archive must list its members as they are"
        fail(DataError, where, expected, "another list", CRAFTED)
    return members


def check_crc(crc: int, member: Member, where: str) -> None:
    """Check the checksum, which other readers of zip files use."""
    if crc != member.crc:
        expected = f"{member.name.decode()} must have the checksum {member.crc:08x}"
        fail(DataError, where, expected, f"{crc:08x}", CRAFTED)
