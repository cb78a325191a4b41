"""``python -m tests.mutation``: count the mutants, let them meet the tests, look at what is left.

::

    report            what is judged, what awaits judgement and in which functions, what survived;
                      --overwrite: writes this into the table, where functions have changed since
    run --overwrite [--new] [--room ROOM] [--draw SEED COUNT] [--journal FILE]
                      every mutant meets the core tests (of the engine: all default tests of the
                      engine); survivors are compared with the original on
                      1,000 random inputs; those that differ meet the other default tests; writes
                      the table. --new: only the mutants of functions that changed since they were
                      judged, or whose noticing tests are gone, and what survived. --room: only
                      those of files in this folder of the package. --draw: of these, so many
                      mutants at least, of functions that are drawn by a seed.
                      --journal: verdicts are kept there as they come; an interrupted run goes on
                      from them (delete the file when tests have changed)
    confirm SEED COUNT --overwrite [--journal FILE]
                      a seeded sample of the verdicts that were carried over from an older table is
                      judged again; the table records whether they agree, and forgets the verdicts
                      on functions where one does not
    slice SEED COUNT  a seeded sample of the verdicts meets the core tests again; it must agree
    list [WORD …]     how many mutants there are of each operator; those whose key holds the words
    try WORD …        judges those whose key holds the words; writes nothing

The table is tests/evidence/mutation.json.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import hypothesis.extra.numpy  # noqa: F401  imported once, here, for all the forked children
import mpmath  # noqa: F401

from tests.mutation import census, report, verdicts
from tests.mutation.census import Mutant
from tests.mutation.judging import JOURNAL, fate, judge, meet_first, outside
from tests.mutation.report import operator_of
from tests.tools.full_run import add_overwrite, check_free


def drawn(mutants: list[Mutant], seed: int, count: int) -> list[Mutant]:
    """All mutants of some functions: so many at least."""
    of: dict[str, list[Mutant]] = {}
    for mutant in mutants:
        of.setdefault(mutant.unit, []).append(mutant)
    found: list[Mutant] = []
    for unit in random.Random(seed).sample(sorted(of), len(of)):
        if len(found) >= count:
            break
        found += of[unit]
    return found


def run(new: bool, room: str, draw: list[int] | None) -> int:
    """Judge all, or what has no verdict; write the table."""
    now = census.take(anew=not new)
    chosen = [mutant for mutant in now.to_judge() if mutant.file.startswith(room)]
    found = judge(drawn(chosen, *draw) if draw else chosen)
    why = verdicts.reasons()
    fates = {key: fate(key, verdict, why) for key, verdict in found.items()}
    now.add(fates, {key: verdict["by"] for key, verdict in found.items()})
    table = report.write(now, "run --new" if new else "run", verdicts.read() if new else {})
    print(report.shown(now))
    return 1 if table["fates"]["survived"] or table["await judgement"] else 0


def confirm(seed: int, count: int) -> int:
    """Judge some carried verdicts again; record whether they agree."""
    now = census.take()
    carried = [m for m in now.mutants if now.is_carried(m)]
    sample = random.Random(seed).sample(carried, min(count, len(carried)))
    found, why = judge(sample), verdicts.reasons()
    said = {m.key: now.fate(m) for m in sample}
    fates = {key: fate(key, verdict, why) for key, verdict in found.items()}
    wrong = {key: f"{said[key]}, now {fates[key]}" for key in said if fates[key] != said[key]}
    for mutant in sample:
        if mutant.key in wrong:
            now.forget(mutant)
    record: dict[str, Any] = {"seed": seed, "drawn": len(sample), "of": len(carried)}
    record |= {"agree": len(sample) - len(wrong), "disagree": wrong}
    table = verdicts.read()
    made = verdicts.provenance(f"confirm {seed} {count}")
    table.setdefault("confirmed", []).append({**record, **made})
    report.write(now, None, table)
    print(f"{len(sample)} of {len(carried)} carried verdicts: {len(wrong)} disagree")
    print(*(f"{key}: {what}" for key, what in wrong.items()), sep="\n")
    return 1 if wrong or len(sample) < count else 0


def check_slice(seed: int, count: int) -> int:
    """A seeded sample meets its first tests again, and must have the fate that the table says."""
    now = census.take()
    judged = [m for m in now.mutants if not outside(m) and now.fate(m)]
    sample = random.Random(seed).sample(judged, count)
    found = meet_first(sample, traced=False)
    core = {m.key: now.fate(m) == "core" for m in sample}
    wrong = [key for key, verdict in found.items() if bool(verdict["by"]) != core[key]]
    print(f"{count} of {len(judged)} mutants met their first tests again, {len(wrong)} disagree")
    print(*wrong, sep="\n")
    return 1 if wrong or len(found) != count else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(dest="command", required=True)
    reporting = commands.add_parser("report")
    for name in ("list", "try"):
        commands.add_parser(name).add_argument("words", nargs="+" if name == "try" else "*")
    running = commands.add_parser("run")
    running.add_argument("--new", action="store_true")
    running.add_argument("--room", default="")
    running.add_argument("--draw", type=int, nargs=2, metavar=("SEED", "COUNT"))
    confirming = commands.add_parser("confirm")
    for command in (confirming, commands.add_parser("slice")):
        command.add_argument("seed", type=int)
        command.add_argument("count", type=int)
    for command in (running, confirming):
        command.add_argument("--journal", type=Path)
    for command in (reporting, running, confirming):
        add_overwrite(command)
    given = parser.parse_args()
    if given.command in ("run", "confirm"):
        check_free(parser, [verdicts.TABLE], given.overwrite)
    JOURNAL.path = getattr(given, "journal", None)
    if given.command == "run":
        return run(given.new, given.room, given.draw)
    if given.command == "confirm":
        return confirm(given.seed, given.count)
    if given.command == "slice":
        return check_slice(given.seed, given.count)
    now = census.take()
    if given.command == "report":
        if given.overwrite:
            report.write(now, "report --overwrite", verdicts.read())
        print(report.shown(now))
        return 1 if now.to_judge() or now.cannot_happen else 0
    chosen = [mutant for mutant in now.mutants if all(word in mutant.key for word in given.words)]
    if given.command == "list":
        print(*(mutant.key for mutant in chosen) if given.words else (), sep="\n")
        print(*Counter(map(operator_of, chosen)).most_common(), len(chosen), sep="\n")
        return 0
    for key, verdict in judge(chosen).items():
        print(fate(key, verdict, verdicts.reasons()), key, verdict, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
