"""Odd data: what is no file, what is none of the kind that it seems, what is huge."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.cli.odd.case import BAD_DATA, OK, USAGE, Case
from tests.cli.odd.of_words import CLASSIFY, FORECAST, MADE, TEXT
from tests.cli.odd.place import put

TRAIN = {"forecast": FORECAST, "classify": CLASSIFY, "text": TEXT}
DATA = {"forecast": "sales.csv", "classify": "signs.csv", "text": "rhyme.txt"}
NO_FILES = ("pipe", "folder", "socket", "loop", "dangling", "device")
NO_TABLES = ("empty", "zeros", "random bytes", "UTF-16", "gzip", "zip", "picture", "sparse")
CSV_ONLY = ("one byte", "one long line", "headings alone", "Latin-1")
NOBODY = {"user": "nobody"}


def at(name: str, kind: str) -> Callable[[Path], None]:
    """Put something odd under a name."""

    def prepare(work: Path) -> None:
        put(work / name, kind)

    prepare.says = f"{name}: {kind}"  # type: ignore[attr-defined]
    return prepare


def holding(name: str, content: str | bytes) -> Callable[[Path], None]:
    """A file with a content."""

    def prepare(work: Path) -> None:
        data = content.encode() if isinstance(content, str) else content
        (work / name).write_bytes(data)

    prepare.says = f"{name}: {content[:40]!r}"  # type: ignore[attr-defined]
    return prepare


def arrays(name: str, **found: object) -> Callable[[Path], None]:
    """An NPZ file of arrays."""

    def prepare(work: Path) -> None:
        np.savez(work / name, **{key: np.asarray(value) for key, value in found.items()})

    prepare.says = f"{name}: {', '.join(found)}"  # type: ignore[attr-defined]
    return prepare


def _training() -> list[Case]:
    found = []
    for task, line in TRAIN.items():
        kinds = [*NO_FILES, *NO_TABLES, *(CSV_ONLY if task != "text" else ("Latin-1", "one byte"))]
        found += [Case(line, BAD_DATA, prepare=at(DATA[task], kind)) for kind in kinds]
        found.append(Case(line, BAD_DATA, prepare=at(DATA[task], "unreadable"), how=NOBODY))
    return found


def _others() -> list[Case]:
    """Uses of a run on the same, and NPZ files that are none."""
    lines = {"sales.csv": "predict f sales.csv", "signs.csv": "predict c signs.csv"}
    lines |= {"rhyme.txt": "predict t rhyme.txt"}
    found = [
        Case(line, BAD_DATA, prepare=at(name, kind))
        for name, line in lines.items()
        for kind in (*NO_FILES, "empty", "random bytes", "sparse")
    ]
    for name, line in lines.items():
        resumed = line.replace("predict", "train --resume --out").rsplit(" ", 1)[0]
        drawn = line.replace("predict", "plot").rsplit(" ", 1)[0]
        for kind in ("pipe", "loop", "device", "sparse", "folder", "dangling"):
            changed = resumed if kind in ("pipe", "device", "folder") else drawn
            found.append(Case(changed, BAD_DATA, prepare=at(name, kind)))
    for name, line in (("sales.npz", FORECAST), ("signs.npz", CLASSIFY)):
        changed = line.replace(".csv", ".npz")
        for kind in ("pipe", "loop", "empty", "random bytes", "zip", "sparse", "folder"):
            found.append(Case(changed, BAD_DATA, prepare=at(name, kind)))
    return found


def rows(count: int, line: str) -> str:
    return "".join(line.format(k=k) for k in range(count))


SOLD = "train x.csv --task forecast --target sold --window 5 --layers 3 --epochs 2 --no-pictures"
SIGN = "train x.csv --task classify --layers 3 --epochs 2 --no-pictures"
NPZ = SOLD.replace("x.csv", "x.npz")
TABLES = [
    Case(SOLD, BAD_DATA, prepare=holding("x.csv", "sold\n" + "nan\n" * 80)),
    Case(SOLD, BAD_DATA, prepare=holding("x.csv", "sold\n" + "inf\n" * 80)),
    Case(SOLD, BAD_DATA, prepare=holding("x.csv", "sold\n" + "1e999\n" * 80)),
    Case(SOLD, BAD_DATA, prepare=holding("x.csv", "sold,sold\n" + "1,2\n" * 80)),
    Case(SOLD, BAD_DATA, prepare=holding("x.csv", "sold,b\n" + "1,2\n" * 40 + "1\n" * 40)),
    Case(SOLD, BAD_DATA, prepare=holding("x.csv", 'sold\n"1\n' + "2\n" * 80)),
    Case(SOLD, BAD_DATA, prepare=holding("x.csv", "sold\n1\0\n" + "2\n" * 80)),
    Case(SOLD, BAD_DATA, prepare=holding("x.csv", "sold\n1\n")),
    Case(SOLD, BAD_DATA, prepare=holding("x.csv", "# sold\n# 1\n")),
    Case(SOLD, BAD_DATA, prepare=holding("x.csv", "\n" * 1000)),
    Case(SOLD, OK, prepare=holding("x.csv", "sold\n" + "7\n" * 80), makes=("x-forecast",)),
    Case(
        SOLD, OK, prepare=holding("x.csv", "sold\r\n" + rows(80, "{k}\r\n")), makes=("x-forecast",)
    ),
    Case(
        SOLD,
        OK,
        prepare=holding("x.csv", "sold\n" + rows(80, "1e-300{k:02}\n")[:-1]),
        makes=("x-forecast",),
    ),
    Case(SIGN, BAD_DATA, prepare=holding("x.csv", "sequence,u,label\n" + rows(30, "{k},1,a\n"))),
    Case(SIGN, BAD_DATA, prepare=holding("x.csv", "sequence,u,label\n" + rows(30, "1,{k},a\n"))),
    Case(SIGN, BAD_DATA, prepare=holding("x.csv", "sequence,u,label\n" + rows(30, "{k},1,{k}\n"))),
    Case(SIGN, BAD_DATA, prepare=holding("x.csv", "sequence,label\n" + rows(30, "{k},a\n"))),
    Case(SIGN, BAD_DATA, prepare=holding("x.csv", "u,label\n" + rows(30, "{k},a\n"))),
    Case(NPZ, BAD_DATA, prepare=arrays("x.npz")),
    Case(NPZ, BAD_DATA, prepare=arrays("x.npz", sold=np.zeros((2, 80)))),
    Case(NPZ, BAD_DATA, prepare=arrays("x.npz", sold=["a"] * 80)),
    Case(NPZ, BAD_DATA, prepare=arrays("x.npz", sold=np.array([None] * 80))),
    Case(NPZ, BAD_DATA, prepare=arrays("x.npz", sold=np.full(80, np.nan))),
    Case(NPZ, BAD_DATA, prepare=arrays("x.npz", sold=np.arange(80) * 1j)),
    Case(NPZ, BAD_DATA, prepare=arrays("x.npz", sold=np.zeros(80), rain=np.zeros(79))),
    Case(NPZ, BAD_DATA, prepare=arrays("x.npz", rain=np.zeros(80))),
    Case("train x.ts --task classify", BAD_DATA, prepare=holding("x.ts", "@data\n1,2:a\n")),
    Case("train x.ts --task classify", BAD_DATA, prepare=holding("x.ts", "nothing")),
    Case(TEXT, BAD_DATA, prepare=holding("rhyme.txt", "the cat sat on the mat")),
    Case(TEXT, OK, prepare=holding("rhyme.txt", "a" * 600), makes=("rhyme-text",)),
    Case(TEXT, OK, prepare=holding("rhyme.txt", "\x1b[2J\u202e" * 99), makes=("rhyme-text",)),
    Case(TEXT, OK, prepare=holding("rhyme.txt", "日本語の文" * 99), makes=("rhyme-text",)),
    Case("predict t x.txt", BAD_DATA, prepare=holding("x.txt", "t")),
    Case("predict f x.csv", BAD_DATA, prepare=holding("x.csv", "sold,rain\n1,2\n")),
    Case("predict f signs.csv", BAD_DATA, "'sold'"),
    Case("predict c sales.csv", BAD_DATA),
    Case("predict f f/config.json", BAD_DATA),
    Case("predict f f/checkpoint.npz", BAD_DATA),
    Case("predict c f/checkpoint.npz", BAD_DATA),
    Case("train f/checkpoint.npz --task classify", BAD_DATA),
    Case("train f/checkpoint.npz --resume --out f", BAD_DATA, "other bytes"),
    Case("train f/config.json --task text --out f", USAGE),
    Case("train . --task text", BAD_DATA),
    Case(["train", "\0", "--task", "text"], USAGE),
    Case(["train", "", "--task", "text"], USAGE),
    Case(["predict", ""], USAGE),
    Case(["predict", "f", "\0"], USAGE),
    Case(["train", "x" * 300, "--task", "text"], BAD_DATA),
    Case(["train", "a/" * 3000, "--task", "text"], BAD_DATA),
    Case(["train", "\x1b[2J", "--task", "text"], BAD_DATA),
    Case(["train", "\udcff", "--task", "text"], BAD_DATA),
]


def called(name: str) -> Callable[[Path], None]:
    """The column ``sold`` and the class ``b`` have another name."""

    def prepare(work: Path) -> None:
        sold, signs = (work / file for file in ("sales.csv", "signs.csv"))
        text = sold.read_text(encoding="utf-8").replace("sold", name)
        (work / "x.csv").write_text(text, encoding="utf-8")
        text = signs.read_text(encoding="utf-8").replace(",b\n", f",{name}\n")
        (work / "y.csv").write_text(text, encoding="utf-8")

    prepare.says = f"called {name[:20]!r}"  # type: ignore[attr-defined]
    return prepare


SHORT = " --layers 4,3 --epochs 1"
NAMES = ("$x^{$", "$\\frac$", "_b", "a" * 3000, "日本語😀", "\x1b[31mred", "{0}%s", "\u202eb")
NAMED = [
    case
    for name in NAMES
    for case in (
        Case(
            ["train", "x.csv", "--task", "forecast", "--target", name, *SHORT.split()],
            OK,
            "Root mean squared error",
            prepare=called(name),
            makes=("x-forecast",),
        ),
        Case(
            "train y.csv --task classify" + SHORT,
            OK,
            prepare=called(name),
            makes=("y-classify",),
        ),
    )
]
CASES = [*_training(), *_others(), *TABLES, *NAMED]
assert set(MADE) == set(TRAIN.values())
