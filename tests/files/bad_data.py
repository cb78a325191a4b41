"""Ways to spoil files of data: tables, texts and sequences.

A kind is a function ``kind(rng) -> Bad``. Every file is broken: a table in which a number has
become another number would be a table, and is not made here.
"""

from __future__ import annotations

import gzip
import io
import pickle
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tests.files.forged import Rng, Trap, npy_bytes, pick

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


KINDS: tuple[Callable[[Rng], Bad], ...] = (
    csv_field,
    csv_record,
    no_text,
    endless_line,
    sequence_table,
    ts_file,
)
