"""Odd surroundings: streams that are full, closed or lack letters; no room, no memory, no home."""

from __future__ import annotations

from pathlib import Path

from tests.cli.odd.case import BAD_DATA, OK, Case, nothing
from tests.cli.odd.of_files import holding
from tests.cli.odd.of_words import CLASSIFY, FORECAST, TEXT

CHECK = "check --hidden-sizes 2 --steps 2"
PREDICT = "predict f sales.csv"
WRITE = "predict t --length 5"
LOUD = FORECAST.replace(" --quiet", "")


def greek(work: Path) -> None:
    """Names of columns in Greek."""
    text = (work / "sales.csv").read_text(encoding="utf-8").replace("sold", "πωλήσεις")
    (work / "greek.csv").write_text(text, encoding="utf-8")


GREEK = LOUD.replace("sales.csv", "greek.csv").replace("sold", "πωλήσεις") + " --out o"
CONSOLES = [
    Case(line, OK, prepare=prepare, how={"encoding": encoding}, makes=("o",))
    for encoding in ("ascii", "cp1252", "latin-1", "cp437")
    for line, prepare in ((CHECK, nothing), (GREEK, greek), ("train --help", nothing))
]
CONSOLES += [
    Case("predict x x.csv", BAD_DATA, how={"encoding": "ascii"}),
    Case(["train", "größe.csv", "--task", "text"], BAD_DATA, how={"encoding": "ascii"}),
    Case(WRITE + " --prompt ß", BAD_DATA, "U+00DF", how={"encoding": "ascii"}),
]
FULL = {"stdout": "full"}
STREAMS = [
    *(Case(line, BAD_DATA, "space left", how=FULL) for line in (CHECK, PREDICT, WRITE)),
    Case(LOUD + " --out o", BAD_DATA, "space left", how=FULL, makes=("o",)),
    *(Case(line, OK, how={"stdout": "closed"}) for line in (CHECK, PREDICT, WRITE)),
    *(Case(line, OK, how={"stdout": "gone"}) for line in (CHECK, PREDICT, WRITE, "--help")),
    *(
        Case(LOUD + " --out o", OK, how={name: kind}, makes=("o",))
        for name in ("stdout", "stderr")
        for kind in ("closed", "gone")
    ),
    Case(LOUD + " --out o", OK, how={"stderr": "full"}, makes=("o",)),
    Case(LOUD + " --out o", OK, how={"stdout": "gone", "stderr": "gone"}, makes=("o",)),
    Case("plot f", OK, how={"stdout": "gone"}, makes=("f",)),
    *(
        Case("train none.csv --task text", BAD_DATA, how={"stderr": kind})
        for kind in ("full", "closed", "gone")
    ),
    Case("fly", 2, how={"stderr": "full"}),
    Case("fly", 2, how={"stderr": "closed"}),
]
NO_ROOM = [
    *(
        Case(line + " --out o", BAD_DATA, how={"files": size}, makes=("o",))
        for size in (0, 100)
        for line in (FORECAST, CLASSIFY, TEXT)
    ),
    Case(FORECAST + " --out o", BAD_DATA, how={"files": 3000}, makes=("o",)),
    Case(PREDICT + " --out o", BAD_DATA, how={"files": 0}),
    Case("train --resume --out f", BAD_DATA, how={"files": 0}),
    Case("plot f", BAD_DATA, how={"files": 1000}),
    Case("demo --fast --quiet --out o", BAD_DATA, how={"files": 0}, makes=("o",)),
]
LITTLE_MEMORY = [
    Case(FORECAST + " --layers 3000 --out o", 2, "memory", how={"memory": 10**8}),
    Case("check --batch 100000 --steps 1000", 2, "memory"),
    Case("check --input-size 2000000 --hidden-sizes 1 --steps 1", 2),
    Case(
        TEXT + " --embedding 3000000 --out o", 2, "memory", prepare=holding("rhyme.txt", "ab" * 400)
    ),
]
ELSEWHERE = [
    Case(CHECK, OK, how={"home": "/nowhere"}),
    Case(CHECK, OK, how={"home": ""}),
    Case("plot f", OK, how={"home": "/dev/null"}, makes=("f",)),
    Case(CHECK, OK, how={"gone": True}),
    Case("train sales.csv --task forecast", BAD_DATA, how={"gone": True}),
    Case("demo --fast --quiet", BAD_DATA, how={"gone": True}),
    Case("predict f sales.csv", BAD_DATA, how={"gone": True}),
    Case("plot f", BAD_DATA, how={"gone": True}),
]
CASES = [*CONSOLES, *STREAMS, *NO_ROOM, *LITTLE_MEMORY, *ELSEWHERE]
