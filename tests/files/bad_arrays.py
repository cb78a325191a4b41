"""Ways to spoil arrays that other programs wrote, as ``.npz``; kinds as in `bad_data`."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.files.bad_data import Bad
from tests.files.bad_zips import BOMB, bomb
from tests.files.forged import CANARY, Rng, Trap, npy_bytes, pick, pickled_array


def npz_of(rng: Rng, save: Callable[..., None] | None = None) -> bytes:
    stream = io.BytesIO()
    save = save or pick(rng, [np.savez, np.savez_compressed])
    x = rng.standard_normal((4, 5, 2))
    save(stream, x=x, y=np.array([0, 1, 1, 0]), lengths=np.array([5, 3, 1, 2]))
    return stream.getvalue()


def reader_of_npz(rng: Rng, content: bytes) -> Bad:
    return Bad(content, pick(rng, ["load_npz", "load_labelled_npz"]), ".npz")


def zipped(members: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in members:
            if name not in archive.NameToInfo:  # zipfile warns of a name that stands twice
                archive.writestr(name, data)
    return stream.getvalue()


def npz_damaged(rng: Rng) -> Bad:
    whole = npz_of(rng)
    if rng.random() < 0.4:
        return reader_of_npz(rng, whole[: int(rng.integers(len(whole)))])
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:  # within the data, where it must be noticed
        info = archive.infolist()[0]
    start = info.header_offset + 30 + len(info.filename) + 20
    at, spoilt = start + int(rng.integers(info.compress_size - 1)), bytearray(whole)
    spoilt[at] ^= 1 << int(rng.integers(8))
    return reader_of_npz(rng, bytes(spoilt))


def npz_of_objects(rng: Rng) -> Bad:
    trap = pick(
        rng,
        [
            pickled_array(Trap()),
            npy_bytes("|O", (1,), pickle.dumps(np.array([Trap()], object))),
            npy_bytes([("a", "|O")], (1,), pickle.dumps([Trap()])),
            npy_bytes("|O", (), pickle.dumps(Trap())),
            pickle.dumps(Trap()),
        ],
    )
    members = [("x.npy", npy_bytes("<f8", (3, 1, 1), bytes(24))), ("y.npy", trap)]
    method = pick(rng, [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    return reader_of_npz(rng, zipped(members[:: pick(rng, [1, -1])], method))


def npz_header(rng: Rng) -> Bad:
    """Huge shapes, and headers that are no headers."""
    large = int(10 ** rng.uniform(9, 17))
    data = bytes(48)
    code = b"__import__('builtins').open('" + CANARY.encode() + b"', 'w')"
    plain = b"{'descr': '<f8', 'fortran_order': False, 'shape': %s, }\n"
    shapes = [(large,), (large, large), (10**30,), (2**61, 8), (-6,), (-2, -3), (7,), (1,) * 70, ()]
    headers = [
        code,
        plain % code,
        plain % b"(3.0,)",
        plain % (b"(" * 3000),
        b"{[]: 1}\n",
        b"\xff",
        b"",
    ]
    headers += [
        plain % (b"-" * 5000 + b"6"),
        b"{'descr': %s}\n" % code,
        plain % b"6" + b"\0" * 20_000,
    ]
    right = npy_bytes("<f8", (6,), data)
    wholes = [
        b"\x93NUMPY\2\0" + struct.pack("<I", 2**32 - 1) + right[10:],
        b"\x93NUMPY\3\0" + right[8:],
        b"\x93NUMPY\1\0" + struct.pack("<H", 65535) + right[10:],
        right[: int(rng.integers(len(right)))],
        right + b"\0",
        npy_bytes(
            pick(rng, ["<M8[s]", "|V8", "<f8,<f8", "<f0", 8, None, ("<f8", (2,))]), (6,), data
        ),
    ]
    options = [npy_bytes("<f8", shape, data) for shape in shapes]
    options += [npy_bytes(None, None, data, header=header) for header in headers]
    content = pick(rng, pick(rng, [options, wholes]))
    method = pick(rng, [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    return reader_of_npz(rng, zipped([("x.npy", content)], method))


def npz_tricks(rng: Rng) -> Bad:
    """A name twice, other names, bombs, encryption, methods and sizes that lie."""
    x = npy_bytes("<f8", (2, 1, 1), bytes(16))
    whole = bytearray(zipped([("x.npy", x), ("y.npy", npy_bytes("<i8", (2,), bytes(16)))]))
    local, central = whole.index(b"PK\3\4"), whole.index(b"PK\1\2")
    style = pick(rng, ["name", "twice", "bomb", "bits", "method", "size", "crc", "head", "end"])
    if style == "name":
        name = pick(rng, ["x", "../x", "setup.py", "x.npy.txt", "npstack.json", "x/"])
        return reader_of_npz(rng, zipped([("x.npy", x), (name, x)]))
    if style == "twice":
        whole = bytearray(bytes(whole).replace(b"y.npy", b"x.npy"))
    elif style == "bomb":
        return reader_of_npz(rng, forged_bomb(rng))
    elif style == "bits":  # encrypted
        for at in (local + 6, central + 8):
            whole[at] |= 1
    elif style == "method":
        for at in (local + 8, central + 10):
            whole[at] = pick(rng, [1, 9, 12, 14, 93, 99])
    elif style == "size":
        for at in (local + 18, central + 20):
            size = pick(rng, [0, 1, 2**20, 2**32 - 2])
            whole[at : at + 8] = struct.pack("<II", size, size)
    elif style == "crc":
        for at in (local + 14, central + 16):
            whole[at : at + 4] = b"\1\2\3\4"
    elif style == "head":
        whole[local : local + 4] = rng.bytes(4)
    else:
        end = whole.index(b"PK\5\6")
        field = pick(rng, [slice(end + 12, end + 16), slice(end + 16, end + 20)])
        whole[field] = struct.pack("<I", pick(rng, [1, len(whole), 2**31]))
    return reader_of_npz(rng, bytes(whole))


def forged_bomb(rng: Rng) -> bytes:
    """A few kilobytes that unpack to very many, told or untold."""
    data = bomb()
    told = pick(rng, [BOMB, 2**31, 16])
    name = b"x.npy"
    facts = (20, 0, 8, 0, 0x21, 0, len(data), told, len(name))
    body = struct.pack("<4s5H3I2H", b"PK\3\4", *facts, 0) + name + data
    central = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, *facts, 0, 0, 0, 0, 0, 0) + name
    return (
        body + central + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, len(central), len(body), 0)
    )


def npz_contents(rng: Rng) -> Bad:
    """Arrays that are whole, and no sequences with labels."""
    x = rng.standard_normal((4, 5, 2))
    arrays: dict[str, Any] = {
        "x": x,
        "y": np.array([0, 1, 1, 0]),
        "lengths": np.array([5, 3, 1, 2]),
    }
    wrong: dict[str, Any] = pick(
        rng,
        [
            {"x": x[0]},
            {"x": x[:0]},
            {"x": x.astype(complex)},
            {"x": np.full((4, 5, 2), "a")},
            {"x": x.astype(bool)},
            {"y": np.zeros(3, int)},
            {"y": np.zeros(4)},
            {"y": np.zeros((4, 4), int)},
            {"lengths": np.array([5, 6, 1, 2])},
            {"lengths": np.array([5, 0, 1, 2])},
            {"lengths": np.array([5.0, 1.0, 1.0, 2.0])},
            {"lengths": np.array([5, 1])},
            {"features": np.array(["a", "b", "c"])},
            {"more": x},
        ],
    )
    stream = io.BytesIO()
    np.savez(stream, **{**arrays, **wrong})
    return Bad(stream.getvalue(), "load_labelled_npz", ".npz")


KINDS: tuple[Callable[[Rng], Bad], ...] = (
    npz_damaged,
    npz_of_objects,
    npz_header,
    npz_tricks,
    npz_contents,
)
