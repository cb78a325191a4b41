"""Workers measured in turns: in each round, every one once, in an order that is drawn anew.

Before each turn is a pause in which the thread pools of the worker before go to sleep; the turn
begins with a run that is not counted.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import numpy as np

from benchmarks.engines.cases import Case
from benchmarks.engines.processes import Child, References, WrongResult
from benchmarks.engines.sides.base import NotOffered, Spec

SIDE = "benchmarks.engines.child:Worker"
PAUSE, TURN, MOST = 0.05, 0.1, 50  # seconds, seconds, runs
HOPELESS = 5
Say = Callable[[str], None]
Cell = dict[str, Any]


class Order(NamedTuple):
    """What a side is to compute."""

    case: Case
    dtype: str
    mode: str = "train"
    last: bool = False


class Children(AbstractContextManager["Children"]):
    """Processes by name, and what became of those that could not be started."""

    def __init__(self, say: Say) -> None:
        self.running: dict[str, Child] = {}
        self.versions: dict[str, str] = {}
        self.left_out: dict[str, str] = {}
        self.wrong: dict[str, str] = {}
        self.say = say

    def start(self, name: str, worker: str, threads: int, **arguments: Any) -> None:
        """Start a worker under a name."""
        try:
            child = Child(worker, threads, **arguments)
        except NotOffered as why:
            self.leave_out(name, why)
        except WrongResult as what:
            self.refuse(name, what)
        else:
            self.running[name] = child
            self.versions |= child.versions

    def start_sides(self, specs: Mapping[str, Spec]) -> None:
        """Start sides as ``name/threads``, for each number of threads."""
        for name, spec in specs.items():
            for threads in spec.threads:
                self.start(f"{name}/{threads}", SIDE, threads, spec=spec._asdict())

    def leave_out(self, name: str, why: object) -> None:
        """Note what is not measured."""
        self.left_out[name] = str(why)
        self.say(f"{name} is left out: {why}")

    def refuse(self, name: str, what: object) -> None:
        """Note what is not measured because it is wrong."""
        self.wrong[name] = str(what)
        self.say(f"{name} is WRONG and is not timed: {what}")

    def __exit__(self, *_: object) -> None:
        for child in self.running.values():
            child.close()


def prepared(children: Children, name: str, cell: Cell, **order: Any) -> bool:
    """Whether a worker is ready for an order; the cell says why not."""
    try:
        ready = children.running[name].ask("prepare", **order)
    except NotOffered as why:
        cell["left_out"][name] = str(why)
        return False
    except WrongResult as what:
        cell["wrong"][name] = str(what)
        children.say(f"{name} is WRONG and is not timed: {what}")
        return False
    for part, value in ready.items():
        cell.setdefault(part, {})[name] = value
    return True


def turns(
    children: Children, names: Iterable[str], rounds: int, cell: Cell, turn: float = TURN
) -> None:
    """Time workers that are ready; ``cell["seconds"]`` has one number per round for each.

    Of one side with several numbers of threads, those that are hopeless are left out.
    """
    once = {name: children.running[name].ask("time", repeats=1) for name in names}
    repeats = {}
    for name, seconds in once.items():
        least = min(once[other] for other in once if other.split("/")[0] == name.split("/")[0])
        if seconds > HOPELESS * least:
            cell["left_out"][name] = f"more than {HOPELESS} times slower than with other threads"
        else:
            repeats[name] = min(MOST, max(1, math.ceil(turn / seconds)))
    cell["seconds"] = {name: [] for name in repeats}
    rng = np.random.default_rng(0)
    for _ in range(rounds):
        for k in rng.permutation(len(repeats)):
            name = list(repeats)[k]
            time.sleep(PAUSE)
            seconds = children.running[name].ask("time", repeats=repeats[name])
            cell["seconds"][name].append(seconds)


def race(
    children: Children, references: References, orders: Mapping[str, Order], rounds: int
) -> Cell:
    """Check every worker, then time those that are right.

    Parameters
    ----------
    orders : dict
        What each of the children is to do, by its name.

    Returns
    -------
    dict
        ``seconds``, one number per round; ``errors``, ``ran``; ``left_out`` and ``wrong`` with
        reasons; each by the child's name.
    """
    cell: Cell = {"left_out": {}, "wrong": {}, "errors": {}, "ran": {}}
    ready = [
        name
        for name, order in orders.items()
        if prepared(
            children,
            name,
            cell,
            reference=references.file(order.case, order.dtype, order.last),
            **order._asdict(),
        )
    ]
    turns(children, ready, rounds, cell)
    return cell
