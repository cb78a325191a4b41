"""Growth: how the time of training grows with T and with the number of layers."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

import numpy as np

from benchmarks.engines.bars import EXACT, Bar, table, table_of_bars
from benchmarks.engines.cases import Case
from benchmarks.engines.figures import median, slope
from benchmarks.engines.processes import References
from benchmarks.engines.race import SIDE, Children, Order, Say, race
from benchmarks.engines.sides.base import SPECS

ROUNDS = 9
STEPS = {f"T={T}": Case(T, 16, 64, 64, 2) for T in (50, 100, 200, 400, 800, 1600)}
LAYERS = {f"L={L}": Case(100, 16, 64, 64, L) for L in (1, 16)}
SIDES = ("auto", "readable")


def measure(given: Namespace, references: References, say: Say) -> dict[str, Any]:
    """All sizes in the same rounds, each in its own process."""
    rounds = given.rounds or ROUNDS
    found: dict[str, dict[str, list[float]]] = {}
    wrong: dict[str, str] = {}
    for side in [name for name in SIDES if name in given.sides]:
        for dtype in given.dtypes:
            for sizes in (STEPS, LAYERS):
                with Children(say) as children:
                    for name in sizes:
                        children.start(name, SIDE, 1, spec=SPECS[side]._asdict())
                    orders = {name: Order(sizes[name], dtype) for name in children.running}
                    cell = race(children, references, orders, rounds)
                for name, what in {**children.wrong, **cell["wrong"]}.items():
                    wrong[f"{side} {dtype}, {name}"] = what
                for name, seconds in cell["seconds"].items():
                    found.setdefault(f"{side} {dtype}", {})[name] = seconds
                    say(f"{side}, {dtype}, {name}: {1e3 * np.median(seconds):.3g} ms")
    return {"rounds": rounds, "seconds": found, "wrong": wrong}


def bars(figures: dict[str, Any]) -> list[Bar]:
    """The slope has no allowance; the time of 16 layers, as a time, has."""
    found = []
    for dtype in ("float32", "float64"):
        timed = figures["seconds"].get(f"auto {dtype}", {})
        grows = layers = None
        if timed.keys() >= STEPS.keys():
            rounds = np.transpose([timed[name] for name in STEPS])
            grows = slope([case.T for case in STEPS.values()], rounds)
        if timed.keys() >= LAYERS.keys():
            layers = median(np.divide(timed["L=16"], timed["L=1"]) / 16)
        what = f"{dtype} training: log–log slope of time in T, over a factor of 32"
        found.append(Bar(what, 1.10, grows, EXACT))
        what = f"{dtype} training: time of 16 layers over 16 times that of one, D = H"
        found.append(Bar(what, 1.25, layers))
    return found


def tables(figures: dict[str, Any]) -> str:
    """Markdown: the bars, and the times."""
    rows = [["side", *(f"{name}, ms" for name in (*STEPS, *LAYERS))]]
    for side, timed in figures["seconds"].items():
        times = (timed.get(name) for name in (*STEPS, *LAYERS))
        rows.append([side, *("" if t is None else f"{1e3 * np.median(t):.3g}" for t in times)])
    note = "T: B=16, D=64, H=64, L=2. L: T=100, B=16, D=64, H=64."
    return f"#### Bars\n\n{table_of_bars(bars(figures))}\n\n#### Times\n\n{note}\n\n{table(rows)}"
