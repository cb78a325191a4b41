"""``python -m tests.mutation``: count the mutants, let them meet the tests, look at what is left.

::

    list [WORD …]     how many mutants there are of each operator; those whose key holds the words
    run [--new] [--journal FILE]
                      every mutant meets the core tests; survivors are compared with the original on
                      1,000 random inputs; those that differ meet the other default tests; writes
                      the table. --new: only mutants that are not in the table, or survived in it.
                      --journal: verdicts are kept there as they come; an interrupted run goes on
                      from them (delete the file when tests have changed)
    try WORD …        the same for those whose key holds the words; writes nothing
    report            the table, and what survived without a reason
    slice SEED COUNT  a seeded sample of the table meets the core tests again; it must agree
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis.extra.numpy  # noqa: F401  imported once, here, for all the forked children
import mpmath  # noqa: F401

from tests.mutation import verdicts as table
from tests.mutation.accidents import ACCIDENTS, Accident
from tests.mutation.install import into_next_import
from tests.mutation.mistakes import all_edits
from tests.mutation.operators import CELLULAR, FILES, LEARNING, PACKAGE, Edit
from tests.mutation.runner import collect, in_child, in_session, with_fresh_import
from tests.mutation.verdicts import Mutant, Verdicts

TESTS = PACKAGE.parent / "tests"
SEEDS = 1000
CORE = ["-m", "core", str(TESTS)]
# What notices most, of the layers and of learning: it comes first where every test would be run.
LAYERS = ("layers/test_layers", "verify/test_oracle", "layers/test_errors", "verify/test_laws")
TEACHERS = (
    *("training/test_schedules", "training/test_optim", "training/test_optim_refused"),
    *("training/test_bptt", "data/test_windowing", "training/test_errors_learning"),
)
CELLS = (
    *("core/test_activations", "cells/test_variants", "cells/test_cells", "verify/test_laws"),
    *("layers/test_nested_gradients", "layers/test_stacks", "layers/test_errors"),
)
STRONG = [str(TESTS / f"{name}.py") for name in LAYERS]
STRONG_CELLS = [str(TESTS / f"{name}.py") for name in CELLS]
STRONG_LEARNING = [str(TESTS / f"{name}.py") for name in TEACHERS]
REST = ["-m", "not core and not frameworks and not notebooks and not slow", str(TESTS)]


def all_mutants(files: tuple[str, ...] = FILES) -> list[Mutant]:
    """Every edit of some files, then every accident.

    Names are traced in a child: nothing is imported here.
    """

    def trace() -> Any:
        from tests.mutation.traces import names_alike

        return names_alike()

    return [*all_edits(in_child(trace), files), *ACCIDENTS]


def outside(mutant: Mutant) -> bool:
    """Whether a mutant is decided at import, so that the package has to be imported anew."""
    return isinstance(mutant, Accident) or not mutant.site.function


class Journal:
    """Verdicts as they come, a line each: an interrupted run goes on where it stopped."""

    def __init__(self) -> None:
        self.path: Path | None = None

    def read(self, stage: str) -> Verdicts:
        if self.path is None or not self.path.exists():
            return {}
        with self.path.open(encoding="utf-8") as lines:
            entries = [json.loads(line) for line in lines if line.endswith("\n")]
        return {key: verdict for when, key, verdict in entries if when == stage}

    def add(self, stage: str, key: str, verdict: Any) -> None:
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps([stage, key, verdict]) + "\n")


JOURNAL = Journal()


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def apart(work: Callable[[], None]) -> None:
    """Work in a forked process, silently: what it imports stays there."""
    pid = os.fork()
    if pid == 0:
        failed = 1
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            work()
            failed = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(failed)
    if os.waitpid(pid, 0)[1]:
        raise SystemExit("a session of tests failed")


Half = Callable[[list[Mutant], Callable[[str, Any], None]], None]


def in_two_processes(stage: str, mutants: list[Mutant], work: Half) -> Verdicts:
    """Share the mutants between two processes, ``work(half, report)``; gather the reports.

    Each goes into the journal as it comes; what stands there already is not done again.
    """
    keys = {mutant.key for mutant in mutants}
    found = {key: verdict for key, verdict in JOURNAL.read(stage).items() if key in keys}
    mutants = [mutant for mutant in mutants if mutant.key not in found]
    read, write = os.pipe()
    pids = []
    for k in range(2):
        pid = os.fork()
        if pid == 0:
            os.close(read)

            def report(key: str, verdict: Any) -> None:
                os.write(write, (json.dumps([key, verdict]) + "\n").encode())

            failed = 1
            try:
                work(mutants[k::2], report)
                failed = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(failed)
        pids.append(pid)
    os.close(write)
    with os.fdopen(read, encoding="utf-8") as lines:
        for line in lines:
            key, verdict = json.loads(line)
            found[key] = verdict
            JOURNAL.add(stage, key, verdict)
            if verdict.get("by", "") is None:
                say(f"  not noticed: {key}")
            if len(found) % 100 == 0:
                say(f"  {len(found)} done")
    if any(os.waitpid(pid, 0)[1] for pid in pids):
        raise SystemExit("a worker failed")
    return found


def meet(mutants: list[Mutant], selection: list[str], traced: bool = True) -> Verdicts:
    """Every mutant meets the selected tests."""
    mutants = random.Random(0).sample(mutants, len(mutants))  # both processes have as much to do

    def work(half: list[Mutant], report: Callable[[str, Any], None]) -> None:
        fresh = [m for m in half if outside(m)]
        inside = [m for m in half if isinstance(m, Edit) and not outside(m)]
        if inside:

            def note(edit: Edit, verdict: Any) -> None:
                report(edit.key, verdict)

            apart(lambda: collect(selection, in_session(inside, note, traced)))
        if fresh and with_fresh_import(None, selection)["by"]:
            raise SystemExit("the unchanged package fails")
        for mutant in fresh:
            strong = {"learning": STRONG_LEARNING, "cells": STRONG_CELLS}
            first = strong.get(area(mutant), STRONG)
            found = with_fresh_import(mutant, [*selection[:2], *first])
            report(mutant.key, found if found["by"] else with_fresh_import(mutant, selection))

    return in_two_processes(" ".join(selection[:2]), mutants, work)


def area(mutant: Mutant) -> str:
    """On what inputs a mutant is compared with the original."""
    if mutant.file in LEARNING:
        return "learning"
    return "cells" if mutant.file.startswith(CELLULAR) else "layers"


def compare(mutants: list[Mutant]) -> Verdicts:
    """The first seed for which a mutant gives other bits than the original, or None."""

    def prints(mutant: Mutant | None, where: str, known: list[str] | None) -> dict[str, Any]:
        def work() -> dict[str, Any]:
            if mutant is not None:
                into_next_import(mutant)
            from tests.mutation.behaviour import behaviour, layers
            from tests.mutation.cellular import cells
            from tests.mutation.learning import learning

            results = {"layers": layers, "cells": cells, "learning": learning}[where]
            found = []
            for seed in range(SEEDS):
                try:
                    found.append(behaviour(seed, results))
                except Exception:  # the original raises none: what is refused is recorded
                    if known is None:
                        raise
                    return {"differs": seed}
                if known and found[-1] != known[seed]:
                    return {"differs": seed}
            return {"prints": found} if known is None else {"differs": None}

        return in_child(work)

    originals = {}
    for where in {area(mutant) for mutant in mutants}:
        originals[where] = prints(None, where, None)["prints"]
        if prints(None, where, originals[where]) != {"differs": None}:
            raise SystemExit("the original does not repeat its own bits")

    def work(half: list[Mutant], report: Callable[[str, Any], None]) -> None:
        for mutant in half:
            where = area(mutant)
            report(mutant.key, prints(mutant, where, originals[where]))

    return in_two_processes("compare", mutants, work)


def judge(mutants: list[Mutant]) -> Verdicts:
    """Core tests, then comparison of bits, then the other default tests."""
    say(f"{len(mutants)} mutants meet the core tests")
    verdicts = {
        k: {"killed": "core" if v["by"] else None, **v} for k, v in meet(mutants, CORE).items()
    }
    why = table.reasons()
    left = [m for m in mutants if not verdicts[m.key]["killed"] and m.key not in why]
    say(f"{len(left)} survivors are compared with the original on {SEEDS} random inputs")
    for key, found in compare(left).items():
        verdicts[key]["identical"] = found.get("differs", 0) is None
    left = [m for m in left if not verdicts[m.key]["identical"]]
    say(f"{len(left)} that differ meet the other default tests")
    for key, found in meet(left, REST).items() if left else ():
        verdicts[key] |= {"killed": "rest" if found["by"] else None, "by": found["by"]}
    return verdicts


def run(mutants: list[Mutant], new: bool) -> int:
    """The full run, or what is new in it; write the table."""
    known = table.known_fates(table.read()) if new else {}
    done = {m.key: known[table.short(m.key)] for m in mutants if table.short(m.key) in known}
    done = {key: end for key, end in done.items() if end != "survived"}
    verdicts = judge([mutant for mutant in mutants if mutant.key not in done])
    why = table.reasons()
    fates = done | {key: table.fate(key, verdict, why) for key, verdict in verdicts.items()}
    first = Counter(table.read().get("noticed first by", {}) if done else {})
    first.update(str(v["by"]).split("::")[0] for v in verdicts.values() if v["killed"])
    made = table.write(mutants, fates, first, len(done))
    print(table.shown(made))
    return 1 if made["survived"] else 0


def check_slice(mutants: list[Mutant], seed: int, count: int) -> int:
    """A seeded sample meets the core tests again, and must have the fate that the table says."""
    known = table.known_fates(table.read())
    unknown = [m.key for m in mutants if table.short(m.key) not in known]
    if unknown or len(mutants) != table.read()["mutants"]:
        print(f"the table is of another state of the code ({len(unknown)} mutants are new):")
        print("run python -m tests.mutation run --new", *unknown[:5], sep="\n")
        return 1
    inside = [mutant for mutant in mutants if not outside(mutant)]
    sample = random.Random(seed).sample(inside, count)
    found = meet(sample, [*CORE[:2], *STRONG, *STRONG_LEARNING, *CORE[2:]], traced=False)
    wrong = [k for k, v in found.items() if bool(v["by"]) != (known[table.short(k)] == "core")]
    print(f"{count} of {len(mutants)} mutants met the core tests again, {len(wrong)} disagree")
    print(*wrong, sep="\n")
    return 1 if wrong or len(found) != count else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("list", "run", "try"):
        command = commands.add_parser(name)
        command.add_argument("words", nargs="*")
        command.add_argument("--new", action="store_true")
        command.add_argument("--journal", type=Path)
    commands.add_parser("report")
    command = commands.add_parser("slice")
    command.add_argument("seed", type=int)
    command.add_argument("count", type=int)
    given = parser.parse_args()
    if given.command == "report":
        print(table.shown(table.read()))
        return 0
    JOURNAL.path = getattr(given, "journal", None)
    mutants = all_mutants()
    if given.command == "slice":
        return check_slice(mutants, given.seed, given.count)
    chosen = [m for m in mutants if all(word in m.key for word in given.words)]
    if given.command == "list":
        print(*(mutant.key for mutant in chosen) if given.words else (), sep="\n")
        print(*Counter(map(table.operator_of, chosen)).most_common(), len(chosen), sep="\n")
        return 0
    if given.command == "run" and not given.words:
        return run(mutants, given.new)
    for key, verdict in judge(chosen).items():
        print(table.fate(key, verdict, table.reasons()), key, verdict, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
