"""Curves: time of training against T, B, H and L, and memory against T; and their pictures."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.engines import memory
from benchmarks.engines.bars import table
from benchmarks.engines.cases import Case
from benchmarks.engines.figures import fastest
from benchmarks.engines.processes import References
from benchmarks.engines.race import Cell, Children, Order, Say, race
from benchmarks.engines.sides.base import SPECS

ROUNDS = 5
BASE = {"T": 100, "B": 16, "H": 64, "L": 2}
SIZES = {
    "T": (25, 50, 100, 200, 400, 800),
    "B": (1, 2, 4, 8, 16, 32, 64),
    "H": (16, 32, 64, 128, 256),
    "L": (1, 2, 4, 8, 16),
}
WORDS = {"T": "time steps T", "B": "batch B", "H": "hidden size H", "L": "layers L"}
PICTURES = ("curves_float32.png", "curves_float64.png", "curves_memory.png")
STEPS = (250, 500, 1000, 2000, 4000)  # of the curve of memory
# Colours that people with any kind of colour vision can tell apart (Okabe and Ito); marks, too.
LOOKS = {
    "auto": ("#0072B2", "o", "-"),
    "readable": ("#000000", "s", "--"),
    "torch": ("#D55E00", "^", "-"),
    "jax": ("#009E73", "v", "-"),
    "floor": ("#999999", "x", ":"),
    "fused": ("#56B4E9", "P", "-."),
    "wavefront": ("#CC79A7", "X", "-."),
    "checkpointed": ("#56B4E9", "D", "-"),
}


def case_of(letter: str, size: int) -> Case:
    """The base with one size changed; D = H."""
    sizes = {**BASE, letter: size}
    return Case(D=sizes["H"], **sizes)


def measure(given: Namespace, references: References, say: Say) -> dict[str, Any]:
    """All points, by the sides that are chosen and have a curve."""
    rounds, cells = given.rounds or ROUNDS, {}
    specs = {name: SPECS[name] for name in given.sides if name in LOOKS}
    with Children(say) as children:
        children.start_sides(specs)
        for dtype in given.dtypes:
            for letter, sizes in SIZES.items():
                for size in sizes:
                    order = Order(case_of(letter, size), dtype)
                    orders = dict.fromkeys(children.running, order)
                    cells[f"{dtype} {letter}={size}"] = race(children, references, orders, rounds)
                    say(f"{dtype} {letter}={size}")
        found = {"left_out": children.left_out, "wrong": children.wrong, "rounds": rounds}
    sides = {n: s for n, s in memory.specs(given).items() if n in LOOKS and n != "floor"}
    peaks = {}
    for T in STEPS:
        order = memory.MANY._replace(case=memory.MANY.case._replace(T=T))
        peaks[f"T={T}"] = memory.peaks(sides, order, 1, references, say)
    return found | {"cells": cells, "memory": peaks}


def points(cells: dict[str, Cell], dtype: str, letter: str, side: str) -> list[tuple[int, float]]:
    """Sizes and milliseconds of one curve."""
    found = []
    for size in SIZES[letter]:
        seconds = cells.get(f"{dtype} {letter}={size}", {"seconds": {}})["seconds"]
        name = fastest(seconds, side)
        if name is not None:
            found.append((size, 1e3 * float(np.median(seconds[name]))))
    return found


def drawn(figures: dict[str, Any]) -> list[str]:
    """The sides that have a curve."""
    timed = {n.split("/")[0] for cell in figures["cells"].values() for n in cell["seconds"]}
    held = {name for cell in figures["memory"].values() for name in cell["bytes"]}
    return [name for name in LOOKS if name in timed | held]


def title(side: str) -> str:
    """The name of a side in pictures."""
    return memory.CHECKPOINTED.title if side == "checkpointed" else SPECS[side].title


def draw(figures: dict[str, Any], folder: Path) -> list[Path]:
    """A picture of times for each dtype, and one of memory."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    written = []
    for dtype in dict.fromkeys(key.split()[0] for key in figures["cells"]):
        figure, axes = plt.subplots(2, 2, figsize=(9, 7), layout="constrained")
        for axis, letter in zip(axes.flat, SIZES, strict=True):
            for side in drawn(figures):
                line(axis, side, points(figures["cells"], dtype, letter, side))
            fixed = ", ".join(f"{name}={size}" for name, size in BASE.items() if name != letter)
            ticks(axis, SIZES[letter], f"{WORDS[letter]}   ({fixed})", "training, ms per batch")
        handles, labels = axes.flat[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
        figure.suptitle(f"One forward and backward pass, {dtype}, D = H", fontsize=11)
        written.append(folder / f"curves_{dtype}.png")
        figure.savefig(written[-1], dpi=110)
        plt.close(figure)
    figure, axis = plt.subplots(figsize=(6, 4.5), layout="constrained")
    for side in drawn(figures):
        held = [
            (T, cell["bytes"][side][0] / memory.MIB)
            for T in STEPS
            if side in (cell := figures["memory"].get(f"T={T}", {"bytes": {}}))["bytes"]
        ]
        line(axis, side, held)
    sizes = ", ".join(f"{k}={v}" for k, v in memory.MANY.case._asdict().items() if k != "T")
    ticks(axis, STEPS, f"time steps T   ({sizes})", "training, peak MiB beyond what is given")
    axis.legend()
    axis.set_title("Memory of one forward and backward pass, float32", fontsize=11)
    written.append(folder / "curves_memory.png")
    figure.savefig(written[-1], dpi=110)
    plt.close(figure)
    return written


def line(axis: Any, side: str, found: list[tuple[int, float]]) -> None:
    """One curve; none without points."""
    if found:
        colour, mark, stroke = LOOKS[side]
        axis.plot(*zip(*found, strict=True), mark + stroke, color=colour, label=title(side), ms=5)


def ticks(axis: Any, sizes: tuple[int, ...], across: str, up: str) -> None:
    """Logarithmic axes; the sizes that were measured are named."""
    from matplotlib.ticker import FuncFormatter, NullLocator

    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xticks(sizes, [str(size) for size in sizes])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_xlabel(across)
    axis.set_ylabel(up)
    axis.grid(alpha=0.3)


def tables(figures: dict[str, Any]) -> str:
    """Markdown: the points of all curves."""
    parts = []
    sides = drawn(figures)
    for dtype in dict.fromkeys(key.split()[0] for key in figures["cells"]):
        rows = [["", *(f"{title(side)}, ms" for side in sides if side != "checkpointed")]]
        for letter, sizes in SIZES.items():
            for size in sizes:
                row = [f"{letter}={size}"]
                for side in sides:
                    if side != "checkpointed":
                        found = dict(points(figures["cells"], dtype, letter, side))
                        row.append(f"{found[size]:.3g}" if size in found else "")
                rows.append(row)
        base = ", ".join(f"{name}={size}" for name, size in BASE.items())
        parts.append(f"#### {dtype}, training; elsewhere {base}, and D = H\n\n{table(rows)}")
    held = [side for side in sides if side != "floor"]
    rows = [["", *(f"{title(side)}, MiB" for side in held)]]
    for name, cell in figures["memory"].items():
        bytes_of = (cell["bytes"].get(side) for side in held)
        rows.append([name, *("" if b is None else f"{b[0] / memory.MIB:.1f}" for b in bytes_of)])
    fixed = ", ".join(f"{k}={v}" for k, v in memory.MANY.case._asdict().items() if k != "T")
    parts.append(f"#### Peak memory of training, float32, {fixed}\n\n{table(rows)}")
    return "\n\n".join(parts)
