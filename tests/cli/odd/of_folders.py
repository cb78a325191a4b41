"""Odd places to write to: what is there already, what is no folder, what leads elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tests.cli.odd.case import BAD_DATA, OK, USAGE, Case
from tests.cli.odd.of_files import NO_FILES, NOBODY, at, holding
from tests.cli.odd.of_words import FORECAST, TEXT

LONG = "x" * 300


def link(name: str, target: str) -> Callable[[Path], None]:
    """A symbolic link."""

    def prepare(work: Path) -> None:
        path = work / name
        if path.exists() and not path.is_symlink():
            path.unlink()
        path.symlink_to(target)

    prepare.says = f"{name} leads to {target}"  # type: ignore[attr-defined]
    return prepare


def hard_link(work: Path) -> None:
    """A picture of the run is also somebody else's file, by a hard link."""
    os.link(work.parent / "outside" / "secret.txt", work / "f" / "training.png")


def folder(name: str, *inside: str) -> Callable[[Path], None]:
    """A folder with some files, each with a word in it."""

    def prepare(work: Path) -> None:
        (work / name).mkdir(parents=True)
        for file in inside:
            (work / name / file).write_text("somebody's")

    prepare.says = f"{name} holds {', '.join(inside) or 'nothing'}"  # type: ignore[attr-defined]
    return prepare


def read_only(work: Path) -> None:
    """A folder in which nothing may be made."""
    (work / "o").mkdir()
    (work / "o").chmod(0o555)


def empty_of_others(work: Path) -> None:
    """An empty folder of somebody else."""
    (work / "o").mkdir()
    (work / "o").chmod(0o755)


def data_inside(name: str) -> Callable[[Path], None]:
    """A new folder that holds the data alone, under a name."""

    def prepare(work: Path) -> None:
        (work / "o").mkdir()
        (work / "o" / name).write_bytes((work / "rhyme.txt").read_bytes())

    prepare.says = f"the data are o/{name}"  # type: ignore[attr-defined]
    return prepare


def _own(name: str) -> Case:
    line = TEXT.replace("rhyme.txt", f"o/{name}") + " --out o"
    return Case(line, USAGE, prepare=data_inside(name))


FAST = "demo --fast --quiet --out "
PARTS = ("config.json.0123abcd.part", "README.txt.0123abcd.part")
TRAINING = [
    *(Case(FORECAST + " --out o", USAGE, prepare=at("o", k)) for k in NO_FILES if k != "folder"),
    Case(FORECAST + " --out o", USAGE, prepare=at("o", "link")),
    Case(FORECAST + " --out o", OK, prepare=folder("o"), makes=("o",)),
    Case(FORECAST + " --out o", OK, prepare=folder("o", *PARTS), makes=("o",)),
    Case(FORECAST + " --out o", USAGE, "new or empty", prepare=folder("o", "mine.txt")),
    Case(FORECAST + " --out o", USAGE, "new or empty", prepare=folder("o", "README.txt")),
    Case(FORECAST + " --out o", USAGE, "new or empty", prepare=folder("o", ".hidden")),
    Case(FORECAST + " --out o", USAGE, prepare=folder("o", "config.json")),
    Case(FORECAST + " --out o", USAGE, prepare=folder("o", "config.json.mine.part")),
    Case(FORECAST + " --out o", USAGE, "new or empty", prepare=link("o", "../outside")),
    Case(FORECAST + " --out o/config.json", USAGE, prepare=folder("o", "config.json")),
    Case(FORECAST + " --out f", USAGE, "npstack train --resume --out f"),
    Case(FORECAST + " --out f/checkpoint.npz", USAGE),
    Case(FORECAST + " --out f/checkpoint.npz/x", BAD_DATA),
    Case(FORECAST + " --out sales.csv", USAGE),
    Case(FORECAST + " --out sales.csv/x", BAD_DATA),
    Case(FORECAST + " --out .", USAGE, "new or empty"),
    Case(FORECAST + " --out ..", USAGE, "new or empty"),
    Case(FORECAST + " --out /", USAGE, "new or empty"),
    Case(FORECAST + " --out /dev/null", USAGE),
    Case(FORECAST + " --out /dev/null/x", BAD_DATA),
    Case(FORECAST + " --out /proc/x", BAD_DATA),
    Case(FORECAST + " --out=~/x", USAGE, "spelt out"),
    Case(FORECAST + " --out -x", USAGE),
    Case(FORECAST + " --out=-x", OK, makes=("-x",)),
    Case(FORECAST + " --out a/b/c", OK, makes=("a",)),
    Case([*FORECAST.split(), "--out", "a\nb"], OK, makes=("a\nb",)),
    Case([*FORECAST.split(), "--out", "\udcff"], OK, makes=("\udcff",)),
    Case([*FORECAST.split(), "--out", "größe Ω"], OK, makes=("größe Ω",)),
    Case([*FORECAST.split(), "--out", ""], USAGE),
    Case([*FORECAST.split(), "--out", "a\0"], USAGE),
    Case([*FORECAST.split(), "--out", LONG], BAD_DATA),
    Case([*FORECAST.split(), "--out", "x/" * 3000], BAD_DATA),
    Case(FORECAST + " --out o", BAD_DATA, prepare=read_only, how=NOBODY),
    Case(FORECAST + " --out o/x", BAD_DATA, prepare=read_only, how=NOBODY),
    Case(FORECAST + " --out o", BAD_DATA, prepare=empty_of_others, how=NOBODY),
    Case(FORECAST, BAD_DATA, how=NOBODY),
    Case(
        TEXT.replace("rhyme", "o/rhyme") + " --out o",
        OK,
        prepare=data_inside("rhyme.txt"),
        makes=("o",),
    ),
    *map(_own, ("config.json", "README.txt", "metrics.json", "checkpoint.npz", "x.png")),
]
PREDICTING = [
    *(Case("predict f sales.csv --out o", USAGE, prepare=at("o", kind)) for kind in NO_FILES),
    Case("predict f sales.csv --out o", USAGE, prepare=at("o", "link")),
    Case("predict f sales.csv --out o", USAGE, prepare=link("o", "../outside/new")),
    Case("predict f sales.csv --out sales.csv", USAGE, "which exists"),
    Case("predict f sales.csv --out f", USAGE),
    Case("predict f sales.csv --out f/config.json", USAGE),
    Case("predict f sales.csv --out nowhere/o.csv", BAD_DATA),
    Case("predict f sales.csv --out sales.csv/o", BAD_DATA),
    Case("predict f sales.csv --out /dev/stdout", USAGE),
    Case(["predict", "f", "sales.csv", "--out", ""], USAGE),
    Case(["predict", "f", "sales.csv", "--out", LONG], BAD_DATA),
    Case("predict f sales.csv --out o/x", BAD_DATA, prepare=read_only, how=NOBODY),
    Case("predict f sales.csv --out o", OK, makes=("o",)),
]
DRAWING = [
    Case("plot f", OK, "activations.png", makes=("f",)),
    Case("plot f", USAGE, "--overwrite", prepare=holding("f/training.png", "somebody's")),
    Case(
        "plot f", USAGE, "--overwrite", prepare=link("f/training.png", "../../outside/secret.txt")
    ),
    Case("plot f", USAGE, "--overwrite", prepare=link("f/training.png", "../../outside/new.png")),
    Case(
        "plot f --overwrite",
        OK,
        prepare=link("f/training.png", "../../outside/new.png"),
        makes=("f",),
    ),
    Case(
        "plot f --overwrite",
        OK,
        prepare=link("f/training.png", "../../outside/secret.txt"),
        makes=("f",),
    ),
    Case("plot f --overwrite", OK, prepare=hard_link, makes=("f",)),
    Case("plot f --overwrite", BAD_DATA, prepare=folder("f/training.png")),
    Case("plot f --out o", OK, makes=("o",)),
    Case("plot f --out o", USAGE, "--overwrite", prepare=folder("o", "forecasts.png")),
    Case("plot f --out sales.csv", BAD_DATA),
    Case("plot f --out o", BAD_DATA, prepare=read_only, how=NOBODY),
    Case(
        "train --resume --out f",
        OK,
        prepare=link("f/training.png", "../../outside/secret.txt"),
        makes=("f",),
    ),
    Case(
        "train --resume --out f",
        OK,
        prepare=link("f/activations.png", "../../outside/new"),
        makes=("f",),
    ),
    Case("train --resume --out f", OK, prepare=hard_link, makes=("f",)),
]
DEMOS = [
    Case(FAST + "o", USAGE, "--overwrite", prepare=folder("o", "mine.txt")),
    Case(FAST + "f", USAGE, "--overwrite"),
    Case(FAST + "sales.csv", USAGE),
    Case(FAST + "sales.csv --overwrite", USAGE),
    Case(FAST + "sales.csv/x", BAD_DATA),
    Case(FAST + "o", USAGE, prepare=at("o", "pipe")),
    Case(FAST + "o", USAGE, prepare=at("o", "dangling")),
    Case(FAST + "o", BAD_DATA, prepare=empty_of_others, how=NOBODY),
    Case("demo text --out f", USAGE, "train --resume"),
    Case("demo text --out o", USAGE, prepare=folder("o", "mine.txt")),
    Case("demo text --out o", USAGE, "pydoc.txt", prepare=folder("o", "pydoc.txt")),
]
CASES = [*TRAINING, *PREDICTING, *DRAWING, *DEMOS]
