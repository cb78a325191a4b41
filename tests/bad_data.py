"""Ways to spoil files of data: tables, texts, sequences, and arrays that other programs wrote.

A kind is a function ``kind(rng) -> Bad``. Every file is broken: a table in which a number has
become another number would be a table, and is not made here.
"""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import zipfile
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tests.bad_zips import BOMB, bomb
from tests.forged import CANARY, Rng, Trap, npy_bytes, pick, pickled_array

NO_NUMBERS = ("rain", "1.2.3", "--1", "0x1F", "1e", "e5", "nan", "inf", "-Infinity", "1e999", "1 2")
NO_NUMBERS += ("١٢", "½", "∞", "3%", "=cmd()", "True", "None", "", " ", ".", "+", "x" * 100_000)
NO_NUMBERS += ("1_000", "é\u202e1", "\ufffd", "12:30", "1/2", "(1)", "1,5e", '"a""b"', "'", "$3")
NO_NUMBERS += ("\x07", "\x1b[31m1")


class Bad(NamedTuple):
    """A file: what it holds, who is to read it, and how its name ends."""

    content: bytes
    loader: str
    suffix: str = ".csv"
    options: dict[str, Any] = {}  # noqa: RUF012 (never changed)


# ---- tables ------------------------------------------------------------------------------------


def rows_of(rng: Rng) -> list[list[str]]:
    """A table of numbers under names."""
    width, height = int(rng.integers(2, 6)), int(rng.integers(3, 30))
    values = rng.standard_normal((height, width)).round(3)
    return [[f"c{j}" for j in range(width)], *([str(float(v)) for v in row] for row in values)]


def joined(rows: list[list[str]], delimiter: str = ";") -> bytes:
    return "".join(delimiter.join(row) + "\n" for row in rows).encode()


def csv_field(rng: Rng) -> Bad:
    rows = rows_of(rng)
    i, j = int(rng.integers(1, len(rows))), int(rng.integers(len(rows[0])))
    rows[i][j] = pick(rng, NO_NUMBERS)
    return Bad(joined(rows), "load_csv", ".csv", {"header": True, "delimiter": ";"})


def csv_record(rng: Rng) -> Bad:
    rows = rows_of(rng)
    i = int(rng.integers(1, len(rows)))
    style = pick(
        rng, ["more", "fewer", "one", "cut", "quote", "twice", "names", "empty", "comment"]
    )
    if style in ("more", "fewer", "one"):
        rows[i] = {"more": [*rows[i], "1"], "fewer": rows[i][:-1], "one": ["1"]}[style]
        if style == "fewer" and len(rows[0]) == 2:
            rows[i] = [*rows[i], "1", "2"]
    if style == "cut":  # the end of the file is lost, within a record
        rows = [*rows[:i], rows[i][: int(rng.integers(1, len(rows[0])))]]
    if style == "quote":
        rows[i][0] = '"' + rows[i][0]
    if style == "twice":
        rows[0][-1] = rows[0][0]
    if style in ("names", "empty"):
        rows = rows[:1] if style == "names" else []
    content = joined(rows) if style != "comment" else b"# nothing\n" * i
    return Bad(content, "load_csv", ".csv", {"header": True, "delimiter": ";"})


def no_text(rng: Rng) -> Bad:
    """Bytes that are no text, for every loader that reads text."""
    good = joined(rows_of(rng))
    at = int(rng.integers(1, len(good)))
    npz = io.BytesIO()
    np.savez(npz, a=np.ones(3))
    content = pick(
        rng,
        [
            good[:at] + b"\0" + good[at:],
            good[:at] + pick(rng, [b"\xff", b"\x80", b"\xc3(", b"\xed\xa0\x80"]) + good[at:],
            good.decode().encode("utf-16"),
            good.decode().encode("utf-16-be"),
            gzip.compress(good),
            npz.getvalue(),
            npy_bytes("<f8", (3,), bytes(24)),
            pickle.dumps(Trap()),
            b"%PDF-1.7\n" + rng.bytes(300),
            b"\x89PNG\r\n\x1a\n" + rng.bytes(300),
            b"",
        ],
    )
    loader = pick(rng, ["load_csv", "load_text", "load_labelled_csv", "load_ts"])
    return Bad(content, loader, ".txt")


def endless_line(rng: Rng) -> Bad:
    """A line that would fill the memory, or fields without end."""
    good = joined(rows_of(rng))
    size = int(rng.integers(2**21, 2**22))
    row = pick(rng, [b"1" * size, b"1;" * size, b'"' * size, b"\r" * size, b" " * size + b"x"])
    return Bad(good + row, pick(rng, ["load_csv", "load_labelled_csv"]))


def sequence_table(rng: Rng) -> Bad:
    """The long format: a sequence, a step, a label, and numbers."""
    rows = [["sequence", "step", "label", "a", "b"]]
    for s in range(4):
        for t in range(int(rng.integers(2, 5))):
            rows.append([f"s{s}", str(t), f"k{s % 2}", *map(str, rng.standard_normal(2).round(3))])
    i = int(rng.integers(2, len(rows)))
    options: dict[str, Any] = {}
    style = pick(rng, ["number", "label", "class", "step", "order", "again", "column", "record"])
    if style == "number":
        rows[i][3] = pick(rng, NO_NUMBERS)
    elif style == "label":
        rows.insert(i, [*rows[i - 1][:2], "other", *rows[i - 1][3:]])
        rows[i][1] = "99"
    elif style == "class":
        options = {"classes": ["k0", "z"]}
    elif style == "step":
        rows[i][1] = pick(rng, ["x", "", "nan", "1.5.2"])
    elif style == "order":
        rows.insert(i, rows[i - 1])
    elif style == "again":
        rows.append(rows[1])
    elif style == "column":
        rows = [row[:2] + row[3:] for row in rows] if rng.random() < 0.5 else [r[1:] for r in rows]
    else:
        rows[i].append("1")
    return Bad(joined(rows), "load_labelled_csv", ".csv", {"delimiter": ";", **options})


def ts_file(rng: Rng) -> Bad:
    head = ["@problemName p", "@dimensions 2", "@classLabel true a b", "@data"]
    series = [
        ":".join(",".join(map(str, rng.standard_normal(n).round(2))) for _ in "01") + f":{k}"
        for n, k in zip(rng.integers(2, 6, 5), "ababa", strict=True)
    ]
    i = int(rng.integers(len(series)))
    style = pick(rng, ["number", "class", "part", "step", "head", "none", "dimensions", "stamps"])
    if style == "number":
        words = [word for word in NO_NUMBERS if ":" not in word and "," not in word]
        series[i] = pick(rng, words) + "," + series[i].split(",", 1)[1]
    elif style == "class":
        series[i] = series[i][:-1] + pick(rng, ["c", "", "A", "a b"])
    elif style == "part":
        series[i] = "1.0:" + series[i]
    elif style == "step":
        series[i] = "1.0," + series[i]
    elif style == "head":
        head = pick(rng, [head[:2], ["x", *head], [*head[:2], "@classLabel false", "@data"], []])
    elif style == "none":
        series = []
    elif style == "dimensions":
        head[1] = "@dimensions 3"
    else:
        head[1] = "@timeStamps true"
    return Bad("\n".join([*head, *series]).encode(), "load_ts", ".ts")


# ---- arrays of other programs --------------------------------------------------------------------


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
    csv_field,
    csv_record,
    no_text,
    endless_line,
    sequence_table,
    ts_file,
    npz_damaged,
    npz_of_objects,
    npz_header,
    npz_tricks,
    npz_contents,
)
