"""Memory: the most that one pass takes, beyond a process that holds what it is given.

Each figure comes from a new process (`child.Worker.peak`). It includes outputs and gradients. A
side must have given right results for the same problem, in another process, before it counts.
"""

from __future__ import annotations

import statistics
from argparse import Namespace
from typing import Any

from benchmarks.engines.bars import EXACT, Bar, table, table_of_bars
from benchmarks.engines.cases import Case
from benchmarks.engines.figures import Figure, median, ratios
from benchmarks.engines.processes import Child, References, WrongResult
from benchmarks.engines.race import SIDE, Cell, Children, Order, Say, race
from benchmarks.engines.sides.base import HERE, SPECS, NotOffered, Spec

ROUNDS, MIB = 3, 2**20
MANY = Order(Case(2000, 16, 32, 64, 4), "float32")
LONG = Order(Case(100_000, 4, 8, 32, 3), "float32", last=True)
SHORT, LONGER = (Order(Case(T, 16, 32, 64, 4), "float32", "forward", True) for T in (1000, 16_000))
CHECKPOINTED = Spec(
    "npstack, checkpointed", f"{HERE}.own:Own", (1,), {"kind": "auto", "budget": 8 * MIB}
)
TIGHT = Spec("npstack, checkpointed", f"{HERE}.own:Own", (1,), {"kind": "auto", "budget": 48 * MIB})


def specs(given: Namespace) -> dict[str, Spec]:
    """The sides that are chosen, each with one thread; the first two stand for npstack."""
    single = {name: SPECS[name]._replace(threads=(1,)) for name in given.sides}
    return {name: s for name, s in single.items() if name not in ("peer", "floor")} | {
        "checkpointed": CHECKPOINTED
    }


def peak(spec: Spec, order: Order, right: str | None) -> dict[str, Any]:
    """Bytes and seconds of one run in a new process, checked before in another one."""
    given = order._asdict()
    for do, more in (("prepare", {"reference": right}), ("peak", {})):
        if do == "prepare" and right is None:
            continue
        child = Child(SIDE, 1, spec=spec._asdict())
        try:
            found: dict[str, Any] = child.ask(do, **given, **more)
        finally:
            child.close()
    return found


def peaks(
    sides: dict[str, Spec], order: Order, times: int, references: References, say: Say
) -> Cell:
    """The peaks of several sides, each several times."""
    cell: Cell = {"bytes": {}, "seconds": {}, "left_out": {}, "wrong": {}, "order": list(order)}
    right = references.file(order.case, order.dtype, order.last)
    for name, spec in sides.items():
        try:
            found = [peak(spec, order, None if k else right) for k in range(times)]
        except NotOffered as why:
            cell["left_out"][name] = str(why)
        except WrongResult as what:
            cell["wrong"][name] = str(what)
            say(f"{name} is WRONG and is not measured: {what}")
        else:
            for part in ("bytes", "seconds"):
                cell[part][name] = [run[part] for run in found]
            say(f"{name}, {order.case}, {order.mode}: {max(cell['bytes'][name]) / MIB:.1f} MiB")
    return cell


def measure(given: Namespace, references: References, say: Say) -> dict[str, Any]:
    """All that the bars name."""
    rounds = given.rounds or ROUNDS
    chosen = specs(given)
    own = {name: spec for name, spec in chosen.items() if name in ("auto", "readable")}
    found: dict[str, Any] = {"rounds": rounds, "wrong": {}}
    found["many"] = peaks(chosen, MANY, rounds, references, say)
    with Children(say) as children:
        pair = {name: s for name, s in chosen.items() if name in ("auto", "checkpointed")}
        children.start_sides(pair)
        found["times"] = race(
            children, references, dict.fromkeys(children.running, MANY), max(rounds, 5)
        )
        found["wrong"] |= children.wrong
    found["long"] = peaks({"checkpointed": TIGHT}, LONG, 1, references, say)
    for name, order in (("short", SHORT), ("longer", LONGER)):
        found[name] = peaks(own, order, rounds, references, say)
    return found


def mib(cell: Cell, side: str) -> Figure | None:
    """Median, least and most MiB; None if it was not measured."""
    if side not in cell["bytes"]:
        return None
    values = [number / MIB for number in cell["bytes"][side]]
    return Figure(statistics.median(values), min(values), max(values))


def bars(figures: dict[str, Any]) -> list[Bar]:
    """What must be shown about memory; in MiB, without any allowance."""
    many = figures["many"]
    slower = ratios(figures["times"]["seconds"], "checkpointed", "auto")
    ends = [mib(figures[name], "auto") for name in ("short", "longer")]
    grown = None
    if ends[0] is not None and ends[1] is not None:
        grown = Figure(*(b - a for a, b in zip(ends[0], ends[1], strict=True)))
    return [
        Bar(f"train, {MANY.case}, float32, MiB", 210, mib(many, "auto"), EXACT),
        Bar("the same, checkpointed", 30, mib(many, "checkpointed"), EXACT),
        Bar(
            "the same, checkpointed: time over that without",
            1.6,
            None if slower is None else median(slower),
        ),
        Bar(
            f"train, {LONG.case}, float32, last step only, MiB",
            100,
            mib(figures["long"], "checkpointed"),
            EXACT,
        ),
        Bar("forward, last step only: MiB more for T=16000 than for T=1000", 1, grown, EXACT),
    ]


def tables(figures: dict[str, Any]) -> str:
    """Markdown: the bars, and the peaks of all sides."""
    rows = [["side", f"train, {MANY.case}, float32: MiB (least–most)"]]
    for name in figures["many"]["bytes"]:
        title = CHECKPOINTED.title if name == "checkpointed" else SPECS[name].title
        rows.append([title, str(mib(figures["many"], name))])
    return f"#### Bars\n\n{table_of_bars(bars(figures))}\n\n#### Peaks\n\n{table(rows)}"
