"""Ways to spoil an archive of npstack as a file: accidents, and tricks with the zip format.

A kind is a function ``kind(rng, whole) -> bytes``, where ``whole`` is what npstack wrote. What is
done with intent is sealed with the right SHA-256.
"""

from __future__ import annotations

import functools
import gzip
import io
import lzma
import pickle
import struct
import zlib
from typing import Any

import numpy as np

from tests.files.forged import (
    Entry,
    Kind,
    Rng,
    Trap,
    archive_bytes,
    entries_of,
    pick,
    resealed,
    sealed,
    with_json,
)

BOMB = 200_000_000  # bytes that a few kilobytes unpack to
NAMES = ("/etc/passwd", "../../out", "..\\out", "C:\\out", "dir/", "params/", "params/../b", "-rf")
NAMES += (
    "params//b",
    ".hidden",
    "params/é/b",
    "best/../../b",
    "npstack.json",
    "a\0b",
    "",
    "a" * 5000,
)


# ---- accidents ---------------------------------------------------------------------------------


def truncated(rng: Rng, whole: bytes) -> bytes:
    return whole[: int(rng.integers(len(whole)))]


def bit_flipped(rng: Rng, whole: bytes) -> bytes:
    at, spoilt = int(rng.integers(len(whole))), bytearray(whole)
    spoilt[at] ^= 1 << int(rng.integers(8))
    return bytes(spoilt)


def stretch_overwritten(rng: Rng, whole: bytes) -> bytes:
    length = int(rng.integers(1, 600))
    at = int(rng.integers(len(whole) - length))
    old = np.frombuffer(whole[at : at + length], np.uint8)
    new = old ^ rng.integers(1, 256, length, np.uint8) if rng.random() < 0.5 else 0 * old
    return whole[:at] + new.tobytes() + whole[at + length :]


def bytes_lost(rng: Rng, whole: bytes) -> bytes:
    at, length = int(rng.integers(len(whole) - 1)), int(rng.integers(1, 600))
    return whole[:at] + whole[at + length :]


def bytes_added(rng: Rng, whole: bytes) -> bytes:
    at = pick(rng, [0, len(whole), int(rng.integers(len(whole)))])
    return whole[:at] + rng.bytes(int(rng.integers(1, 600))) + whole[at:]


def another_file(rng: Rng, whole: bytes) -> bytes:
    stream = io.BytesIO()
    save = pick(rng, [np.savez, np.savez_compressed])
    save(stream, W=rng.standard_normal((3, 4)))
    npy = io.BytesIO()
    np.save(npy, rng.standard_normal(5))
    return pick(
        rng,
        [
            b"",
            b"PK\x05\x06" + bytes(18),  # the zip file without members
            rng.bytes(int(rng.integers(1, 5000))),
            b"PK\x03\x04" + rng.bytes(int(rng.integers(1, 5000))),
            stream.getvalue(),
            npy.getvalue(),
            gzip.compress(whole),
            pickle.dumps(Trap()),
            pickle.dumps({"W": np.ones(3)}),
            b"year,spots\n1749,58\n" * int(rng.integers(1, 50)),
        ],
    )


# ---- zip tricks --------------------------------------------------------------------------------


def member_name(rng: Rng, whole: bytes) -> bytes:
    entries = entries_of(whole)
    k = int(rng.integers(1, len(entries)))
    name = pick(rng, NAMES)
    entries[k].name = name.encode() + b".npy"
    if rng.random() < 0.5:

        def rename(values: Any) -> None:
            items = list(values["arrays"].items())
            items[k - 1] = (name, items[k - 1][1])
            values["arrays"] = dict(items)

        entries = with_json(entries, rename)
    return archive_bytes(entries)


def member_twice(rng: Rng, whole: bytes) -> bytes:
    entries = entries_of(whole)
    k = int(rng.integers(len(entries)))
    twin = Entry(entries[k].name, pick(rng, [entries[k].data, rng.bytes(50), entries[-1].data]))
    at = pick(rng, [k, k + 1, len(entries)])
    return archive_bytes([*entries[:at], twin, *entries[at:]])


def members_changed(rng: Rng, whole: bytes) -> bytes:
    entries = entries_of(whole)
    k = int(rng.integers(len(entries) - 1))
    extra = Entry(pick(rng, [b"setup.py", b"params/more.npy", b"x"]), entries[-1].data)
    return archive_bytes(
        pick(
            rng,
            [
                [*entries[:k], *entries[k + 1 :]],  # one is missing
                [*entries, extra],
                [extra, *entries],
                [*entries[:k], entries[k + 1], entries[k], *entries[k + 2 :]],  # another order
                [],
                entries[:1],
                entries[1:],
            ],
        )
    )


def headers_disagree(rng: Rng, whole: bytes) -> bytes:
    entries = entries_of(whole)
    entry = pick(rng, entries)
    lies = getattr(entry, pick(rng, ["local", "central"]))
    size = len(entry.data)
    what = pick(rng, ["name", "crc", "stored", "size", "method", "flags", "time", "need", "extra"])
    lies[what] = {
        "name": pick(rng, [b"../out.npy", b"", entry.name + b"x", entry.name[:-1]]),
        "crc": int(rng.integers(2**32)),
        "stored": pick(rng, [0, size - 1, size + 1, 2**32 - 1]),
        "size": pick(rng, [0, size - 1, size + 1, 2**32 - 1]),
        "method": pick(rng, [1, 8, 9, 12, 14, 93, 99]),
        "flags": pick(rng, [0, 1, 8, 0x40, 0x801, 0x808, 0x2000, 0xFFFF]),
        "time": int(rng.integers(1, 2**16)),
        "need": pick(rng, [0, 10, 45, 255]),
        "extra": pick(rng, [b"\0", struct.pack("<HHQQ", 1, 16, size, size), rng.bytes(40)]),
    }[what]
    return archive_bytes(entries)


def members_overlap(rng: Rng, whole: bytes) -> bytes:
    entries = entries_of(whole)
    j, k = sorted(map(int, rng.choice(len(entries), 2, replace=False)))
    style = int(rng.integers(3))
    if style == 0:  # one kernel, many members: the flat bomb of 2019
        inside = archive_bytes(entries[k:])[:-64]
        entries[j].data = inside[: int(rng.integers(60, len(inside)))]
    elif style == 1:
        entries[k].central["offset"] = int(rng.integers(200))
    else:
        size = sum(len(entry.data) for entry in entries[j:])
        for lies in (entries[j].local, entries[j].central):
            lies.update(stored=size, size=size)
    return archive_bytes(entries)


def gaps(rng: Rng, whole: bytes) -> bytes:
    between = pick(rng, [b"\0", b"#!/bin/sh\n", rng.bytes(30), b"PK\3\4"])
    return archive_bytes(entries_of(whole), between=between)


def compressed(rng: Rng, whole: bytes) -> bytes:
    """Well compressed, as other programs do, or a bomb: a member of zeros without end."""
    entries = entries_of(whole)
    entry = pick(rng, entries)
    data = entry.data
    if rng.random() < 0.4:
        entry.data, data = bomb(), bytes(0)
        facts = {"method": 8, "size": pick(rng, [BOMB, len(entry.data)]), "crc": 0}
    elif rng.random() < 0.5:
        packer = zlib.compressobj(wbits=-15)
        entry.data = packer.compress(data) + packer.flush()
        facts = {"method": 8, "size": len(data), "crc": zlib.crc32(data)}
    else:
        entry.data = lzma.compress(data)
        facts = {"method": 14, "size": len(data), "crc": zlib.crc32(data)}
    entry.local, entry.central = dict(facts), dict(facts)
    return archive_bytes(entries)


@functools.cache
def bomb() -> bytes:
    packer = zlib.compressobj(9, wbits=-15)
    zeros = bytes(10**6)
    return b"".join(packer.compress(zeros) for _ in range(BOMB // 10**6)) + packer.flush()


def headers_lie(rng: Rng, whole: bytes) -> bytes:
    """Both headers say the same, and both say too much: sizes, encryption, zip64, sums."""
    entries = entries_of(whole)
    entry = pick(rng, entries)
    size = len(entry.data)
    lies = pick(
        rng,
        [
            {"stored": size + 1, "size": size + 1},
            {"stored": 2**32 - 2, "size": 2**32 - 2},
            {"stored": 0, "size": 0},
            {"stored": size, "size": BOMB},
            {"flags": 0x801},
            {"flags": 0x841},
            {"flags": 0x808, "stored": 0, "size": 0, "crc": 0},
            {"flags": 0},
            {"crc": 0},
            {"crc": int(rng.integers(2**32))},
            {"method": 8},
            {"need": 45, "stored": 2**32 - 1, "size": 2**32 - 1, "extra": zip64(size, size)},
            {"need": 45, "stored": 2**32 - 1, "size": 2**32 - 1, "extra": zip64(2**62, 2**62)},
            {"extra": struct.pack("<HH", 0x7875, 4) + b"abcd"},
        ],
    )
    entry.local, entry.central = dict(lies), dict(lies)
    return archive_bytes(entries)


def zip64(size: int, stored: int) -> bytes:
    return struct.pack("<HHQQ", 1, 16, size, stored)


def end_record(rng: Rng, whole: bytes) -> bytes:
    entries = entries_of(whole)
    count, size = len(entries), len(whole)
    if rng.random() < 0.3:  # a zip64 end record and its locator in front of the plain one
        body = archive_bytes(entries)[: -64 - 22]
        record = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, 2**40, 2**40, 99, 2**60)
        locator = struct.pack("<4sIQI", b"PK\6\7", 0, len(body), 1)
        last = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 2**32 - 1, 2**32 - 1, 64)
        return sealed(body + record + locator + last)
    lies = {
        "disk": {"disk": 1},
        "count": {"count": pick(rng, [0, count - 1, count + 1, 65535])},
        "size": {"size": pick(rng, [0, size, 2**32 - 1])},
        "at": {"at": pick(rng, [0, 1, size, 2**32 - 1])},
        "all": {"count": 65535, "at": 2**32 - 1, "size": 2**32 - 1},
    }[pick(rng, ["disk", "count", "size", "at", "all"])]
    return archive_bytes(entries, **lies)


def bit_flipped_and_sealed(rng: Rng, whole: bytes) -> bytes:
    at, spoilt = int(rng.integers(len(whole) - 64)), bytearray(whole)
    spoilt[at] ^= 1 << int(rng.integers(8))
    return resealed(bytes(spoilt))


ACCIDENTS: tuple[Kind, ...] = (
    truncated,
    bit_flipped,
    stretch_overwritten,
    bytes_lost,
    bytes_added,
    another_file,
)
TRICKS: tuple[Kind, ...] = (
    bit_flipped_and_sealed,
    member_name,
    member_twice,
    members_changed,
    headers_disagree,
    members_overlap,
    gaps,
    compressed,
    headers_lie,
    end_record,
)
