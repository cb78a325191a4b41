"""Judge mutants: they meet the tests; survivors are compared with the original, bit by bit."""

from __future__ import annotations

import json
import os
import random
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.mutation.accidents import Accident
from tests.mutation.census import Mutant
from tests.mutation.install import into_next_import
from tests.mutation.operators import CELLULAR, LEARNING, Edit
from tests.mutation.runner import collect, in_child, in_session, with_fresh_import
from tests.mutation.verdicts import TESTS, reasons

Verdicts = dict[str, dict[str, Any]]
SEEDS = 1000
CORE = ["-m", "core", str(TESTS)]


def standing(*names: str) -> list[str]:
    """Test files by their names, wherever they stand now."""
    return [str(path) for name in names for path in sorted(TESTS.rglob(f"test_{name}.py"))]


# What notices most, of the layers, the cells and of learning: it comes first where every test
# would be run.
STRONG = standing("layers", "oracle", "errors", "laws")
STRONG_CELLS = standing(
    *("activations", "variants", "cells", "laws", "nested_gradients", "stacks", "errors")
)
STRONG_LEARNING = standing(
    *("schedules", "optim", "optim_refused", "bptt", "windowing", "errors_learning")
)
STRONG_ENGINES = standing(*("engines", "wavefront", "engine_memory", "engine_counts", "streaming"))
ENGINES = ["-m", "not slow", *STRONG_ENGINES]  # quick enough for each mutant
REST = ["-m", "not core and not frameworks and not notebooks and not slow", str(TESTS)]


def outside(mutant: Mutant) -> bool:
    """Whether a mutant is decided at import, so that the package has to be imported again."""
    return isinstance(mutant, Accident) or not mutant.site.function


class Journal:
    """Verdicts as they come, a line each: an interrupted run continues where it stopped.

    Each has the digest of its function: if that has changed, it is judged again.
    """

    def __init__(self) -> None:
        self.path: Path | None = None

    def read(self, stage: str, digests: dict[str, str]) -> Verdicts:
        """What is known of these mutants, by key."""
        if self.path is None or not self.path.exists():
            return {}
        with self.path.open(encoding="utf-8") as lines:
            entries = [json.loads(line) for line in lines if line.endswith("\n")]
        same = ((k, v) for when, d, k, v in entries if when == stage and digests.get(k) == d)
        return dict(same)

    def add(self, stage: str, digest: str, key: str, verdict: Any) -> None:
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps([stage, digest, key, verdict]) + "\n")


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
    digests = {mutant.key: mutant.digest for mutant in mutants}
    found = JOURNAL.read(stage, digests)
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
            JOURNAL.add(stage, digests[key], key, verdict)
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
            strong = {
                "learning": STRONG_LEARNING,
                "cells": STRONG_CELLS,
                "engines": STRONG_ENGINES,
            }
            first = strong.get(area(mutant), STRONG)
            found = with_fresh_import(mutant, [*selection[:2], *first])
            report(mutant.key, found if found["by"] else with_fresh_import(mutant, selection))

    return in_two_processes(" ".join(selection[:2]), mutants, work)


def area(mutant: Mutant) -> str:
    """On what inputs a mutant is compared with the original."""
    if mutant.file in LEARNING:
        return "learning"
    if mutant.file.startswith("engine/"):
        return "engines"
    return "cells" if mutant.file.startswith(CELLULAR) else "layers"


def compare(mutants: list[Mutant]) -> Verdicts:
    """The first seed for which a mutant gives other bits than the original, or None."""

    def prints(mutant: Mutant | None, where: str, known: list[str] | None) -> dict[str, Any]:
        def work() -> dict[str, Any]:
            if mutant is not None:
                into_next_import(mutant)
            from tests.mutation.behaviour import behaviour, layers
            from tests.mutation.cellular import cells
            from tests.mutation.engines import engines
            from tests.mutation.learning import learning

            results = {
                "layers": layers,
                "cells": cells,
                "learning": learning,
                "engines": engines,
            }[where]
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


def meet_first(mutants: list[Mutant], traced: bool = True) -> Verdicts:
    """Mutants of the engine meet the engine's tests, the others the core tests."""
    found: Verdicts = {}
    core = CORE if traced else [*CORE[:2], *STRONG, *STRONG_LEARNING, *CORE[2:]]
    for selection, of_engine in ((ENGINES, True), (core, False)):
        chosen = [mutant for mutant in mutants if (area(mutant) == "engines") == of_engine]
        found |= meet(chosen, selection, traced) if chosen else {}
    return found


def judge(mutants: list[Mutant]) -> Verdicts:
    """Core tests, then comparison of bits, then the other default tests."""
    say(f"{len(mutants)} mutants meet the core tests")
    verdicts = {
        k: {"killed": "core" if v["by"] else None, **v} for k, v in meet_first(mutants).items()
    }
    why = reasons()
    left = [m for m in mutants if not verdicts[m.key]["killed"] and m.key not in why]
    say(f"{len(left)} survivors are compared with the original on {SEEDS} random inputs")
    for key, found in compare(left).items():
        verdicts[key]["identical"] = found.get("differs", 0) is None
    left = [m for m in left if not verdicts[m.key]["identical"]]
    say(f"{len(left)} that differ meet the other default tests")
    for key, found in meet(left, REST).items() if left else ():
        verdicts[key] |= {"killed": "rest" if found["by"] else None, "by": found["by"]}
    return verdicts


def fate(key: str, verdict: dict[str, Any], why: dict[str, str]) -> str:
    """Killed by core or by the rest; equivalent by identity or by identical bits; or survived."""
    if verdict["killed"]:
        return str(verdict["killed"])
    if key in why:
        return "identity"
    return "identical bits" if verdict.get("identical") else "survived"
