"""Odd and hostile command lines, files and run folders: ``python -m tests.full_runs.odd_commands``.

Every case of `tests.cli.odd` runs in a process of its own with 1 GB of memory and 20 seconds. Its
exit code stands beside it, as ``docs/commands.md`` promises. It must say what is wrong in one
message, show nothing of the inside, and change nothing beyond what it is to make. ``--only WORDS``
runs the cases whose names hold the words, and keeps nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from tests.cli.odd import of_files, of_folders, of_runs, of_systems, of_words
from tests.cli.odd.case import MEMORY, SECONDS, Case, Met, faults
from tests.cli.odd.server import Server
from tests.tools.full_run import begin

ROOMS = {
    "words": of_words.CASES,
    "files": of_files.CASES,
    "folders": of_folders.CASES,
    "runs": of_runs.CASES,
    "surroundings": of_systems.CASES,
}
CASES: list[tuple[str, Case]] = [
    (room, case)
    for room, cases in ROOMS.items()
    for case in cases
    if "user" not in case.how or os.geteuid() == 0  # who alone can be another user
]
LEAST = 300


def run(cases: Iterable[tuple[str, Case]]) -> list[tuple[str, Case, Met]]:
    """Each case in turn."""
    with Server() as server:
        return [(room, case, server.meet(case)) for room, case in cases]


def figures(met: list[tuple[str, Case, Met]]) -> dict[str, Any]:
    """How many cases there are of each kind, how many are right, and the worst."""
    table = {}
    for name in ROOMS:
        rows = [(case, found) for room, case, found in met if room == name]
        codes = sorted({case.code for case, _ in rows})
        table[name] = {
            "cases": len(rows),
            "right": sum(not faults(case, found) for case, found in rows),
            "by exit code": {str(c): sum(case.code == c for case, _ in rows) for c in codes},
            "slowest_seconds": round(max((found.seconds for _, found in rows), default=0), 1),
            "most_memory": max((found.memory for _, found in rows), default=0),
        }
    return {
        "cases": len(met),
        "right": sum(not faults(case, found) for _, case, found in met),
        "bars": {"seconds": SECONDS, "bytes of memory": MEMORY},
        "rooms": table,
        "messages": len({found.err for _, case, found in met if case.code in (2, 3)}),
        "faults": {
            f"{room}: {case.name}": wrong
            for room, case, found in met
            if (wrong := faults(case, found))
        },
    }


def require(found: dict[str, Any]) -> None:
    """The bar."""
    assert found["right"] == found["cases"] >= LEAST, found["faults"]


def main() -> None:
    """Run all, print what is not right."""
    full = begin(
        __doc__,
        "tests.full_runs.odd_commands",
        "odd_commands",
        add=lambda parser: parser.add_argument("--only", metavar="WORDS"),
    )
    only = full.given.only
    found = figures(run(c for c in CASES if only is None or only in f"{c[0]}: {c[1].name}"))
    for name, wrong in found["faults"].items():
        print(name, *wrong, sep="\n    ")
    for name, row in found["rooms"].items():
        print(name, row)
    print(f"{found['right']} of {found['cases']} are right")
    if only is None:
        full.keep(found)
        require(found)


if __name__ == "__main__":
    main()
