"""One pass: npstack beside PyTorch, JAX, onnxruntime, neuralnetworknumpy and the bare products."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

import numpy as np

from benchmarks.engines.bars import Bar, table, table_of_bars
from benchmarks.engines.cases import CASES
from benchmarks.engines.figures import Figure, Values, fastest, geometric_mean, median, ratios
from benchmarks.engines.processes import References
from benchmarks.engines.race import Cell, Children, Order, Say, race
from benchmarks.engines.sides.base import OURS, SPECS

LARGE, SINGLE, ALL = "ACE", "DF", "ACEDF"
ROUNDS = 15
# (other side, dtype, mode, geometric mean over these cases, at most)
MEANS = [
    ("torch", "float64", "train", ALL, 0.28),
    ("torch", "float32", "train", LARGE, 1.15),
    ("torch", "float32", "train", SINGLE, 1.10),
    ("torch", "float64", "forward", LARGE, 0.72),
    ("torch", "float64", "forward", SINGLE, 0.30),
    ("torch", "float32", "forward", LARGE, 1.40),
    ("torch", "float32", "forward", SINGLE, 1.45),
    ("jax", "float64", "train", LARGE, 0.80),
    ("jax", "float32", "train", LARGE, 0.80),
    ("jax", "float64", "train", SINGLE, 1.5),
    ("jax", "float32", "train", SINGLE, 1.5),
]
# the same, but none of the cases above
LARGEST = [
    ("torch", "float64", "train", ALL, 1.0),
    ("torch", "float32", "train", LARGE, 1.45),
    ("torch", "float32", "train", SINGLE, 1.35),
    ("torch", "float64", "forward", ALL, 0.98),
    ("torch", "float32", "forward", ALL, 1.75),
]
PEER = [("A", 1.15), ("C", 1.8), ("D", 5.0)]  # its time over ours, float64 training, at least


def measure(given: Namespace, references: References, say: Say) -> dict[str, Any]:
    """Every case that is chosen, by every side that is chosen."""
    rounds, cells = given.rounds or ROUNDS, {}
    with Children(say) as children:
        children.start_sides({name: SPECS[name] for name in given.sides})
        for dtype in given.dtypes:
            for mode in given.modes:
                for case in given.cases:
                    order = Order(CASES[case], dtype, mode)
                    orders = dict.fromkeys(children.running, order)
                    key = f"{case} {dtype} {mode}"
                    cells[key] = race(children, references, orders, rounds)
                    say(f"{key}: {_medians(cells[key])}")
        return {
            "versions": children.versions,
            "rounds": rounds,
            "left_out": children.left_out,
            "wrong": children.wrong,
            "cells": cells,
        }


def _medians(cell: Cell) -> str:
    """Times in milliseconds on one line."""
    times = (f"{name} {1e3 * np.median(s):.3g}" for name, s in cell["seconds"].items())
    return ", ".join(times) + " ms"


def ours(figures: dict[str, Any]) -> str:
    """The side that stands for npstack: what it chooses itself, if it has engines."""
    timed = {name.split("/")[0] for cell in figures["cells"].values() for name in cell["seconds"]}
    return "auto" if "auto" in timed else "readable"


def compared(figures: dict[str, Any], key: str, other: str) -> Values | None:
    """npstack's time over another side's, in every round of a cell."""
    if key not in figures["cells"]:
        return None
    return ratios(figures["cells"][key]["seconds"], ours(figures), other)


def _groups(
    figures: dict[str, Any], other: str, dtype: str, mode: str, cases: str
) -> dict[str, Values] | None:
    """The ratios of several cases; None if one of them was not measured."""
    found = {case: compared(figures, f"{case} {dtype} {mode}", other) for case in cases}
    timed = {case: values for case, values in found.items() if values is not None}
    return timed if len(timed) == len(found) else None


def bars(figures: dict[str, Any]) -> list[Bar]:
    """What must be shown about single passes."""
    found = []
    for other, dtype, mode, cases, limit in MEANS:
        groups = _groups(figures, other, dtype, mode, cases)
        mean = None if groups is None else geometric_mean(list(groups.values()))
        what = f"{dtype} {mode}, time over {SPECS[other].title}'s: geometric mean of "
        found.append(Bar(what + ", ".join(cases), limit, mean))
    for other, dtype, mode, cases, limit in LARGEST:
        groups = _groups(figures, other, dtype, mode, cases)
        what = f"{dtype} {mode}, time over {SPECS[other].title}'s: largest of {', '.join(cases)}"
        if groups is None:
            found.append(Bar(what, limit, None))
            continue
        each = {case: median(values) for case, values in groups.items()}
        case = max(each, key=lambda name: each[name].high)
        found.append(Bar(what, limit, each[case], note=f"({case})"))
    for case, limit in PEER:
        values = compared(figures, f"{case} float64 train", "peer")
        figure = None if values is None else median(1 / values)
        what = f"float64 train, {SPECS['peer'].title}'s time over npstack's: {case}"
        found.append(Bar(what, limit, figure, at_least=True))
    return found


def tables(figures: dict[str, Any]) -> str:
    """Markdown: the bars; then, by dtype and mode, ratios and times; then what was left out."""
    parts = ["#### Bars", table_of_bars(bars(figures))]
    for dtype, mode in dict.fromkeys(tuple(key.split()[1:]) for key in figures["cells"]):
        cells = {
            key.split()[0]: cell
            for key, cell in figures["cells"].items()
            if key.split()[1:] == [dtype, mode]
        }
        timed = {name.split("/")[0] for cell in cells.values() for name in cell["seconds"]}
        sides = [name for name in SPECS if name in timed]
        own = ours(figures)
        others = [name for name in sides if name != own]
        if own in sides and others:
            parts.append(f"#### {dtype}, {mode}: time of `{own}` over that of the others")
            rows = [["case", *(SPECS[name].title for name in others)]]
            for case in cells:
                row = [compared(figures, f"{case} {dtype} {mode}", name) for name in others]
                rows.append([case, *("" if r is None else str(median(r)) for r in row)])
            parts.append(table(rows))
        parts.append(f"#### {dtype}, {mode}: milliseconds (threads)")
        rows = [["case", *(SPECS[name].title for name in sides)]]
        rows += [[case, *(_time(cell, name) for name in sides)] for case, cell in cells.items()]
        parts.append(table(rows))
    parts.append(faster(figures))
    parts.append(omitted(figures))
    return "\n\n".join(part for part in parts if part)


def _time(cell: Cell, side: str) -> str:
    name = fastest(cell["seconds"], side)
    if name is None:
        return ""
    ran, threads = cell["ran"][name] or side, name.split("/")[1]
    said = threads if ran == side else f"{threads}, {ran}"
    return f"{1e3 * np.median(cell['seconds'][name]):.3g} ({said})"


def faster(figures: dict[str, Any]) -> str:
    """Where another program is faster than npstack, beyond the interval."""
    lines = []
    for name, spec in SPECS.items():
        if name in (*OURS, "floor"):
            continue
        found: dict[str, list[str]] = {}
        for key in figures["cells"]:
            values = compared(figures, key, name)
            figure: Figure | None = None if values is None else median(values)
            if figure is not None and figure.low > 1:
                case, dtype, mode = key.split()
                found.setdefault(f"{dtype} {mode}", []).append(f"{case} ({figure.value:.1f})")
        where = "; ".join(f"{kind}: {', '.join(cases)}" for kind, cases in found.items())
        lines.append(f"- **{spec.title}** is faster in {where}." if where else "")
    said = "\n".join(filter(None, lines))
    return f"#### Faster than npstack, by which factor\n\n{said}" if said else ""


def omitted(figures: dict[str, Any]) -> str:
    """What was not timed, and why, each reason once."""
    reasons: dict[str, set[str]] = {}
    for part, begin in (("left_out", ""), ("wrong", "WRONG: ")):
        for where in (figures, *figures["cells"].values()):
            for name, why in where[part].items():
                reasons.setdefault(begin + why, set()).add(name.split("/")[0])
    lines = [f"- {', '.join(sorted(names))}: {why}" for why, names in reasons.items()]
    return "#### Not timed\n\n" + "\n".join(lines) if lines else ""
