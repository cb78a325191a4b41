"""End to end: the same training by the readable path and by the engine, `fit` and all.

The jobs are those of the examples and of ``npstack demo``, shortened; only the engine that `fit` is
given differs. The losses of all epochs must agree, or the times do not count.
"""

from __future__ import annotations

import importlib
import statistics
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.engines.bars import Bar, table, table_of_bars
from benchmarks.engines.child import Wrong
from benchmarks.engines.figures import Figure, median, ratios
from benchmarks.engines.processes import ROOT, References, environment
from benchmarks.engines.race import Cell, Children, Say, prepared, turns
from benchmarks.engines.sides.base import OURS

ROUNDS, AT_MOST = 7, 0.45
DEMO_SECONDS = 13.5  # half of what the demo took by the readable path on the machine of the bar
WORKER = "benchmarks.engines.fits:Fitter"
AGREE = {"demo": 1e-6, "characters": 1e-3, "japanese_vowels": 1e-6}  # relative, of every loss


def demo(run: Callable[..., Any]) -> None:
    """The demo's stack of three layers, for three epochs."""
    from npstack.cli import demo as module
    from npstack.data import Scale, load_sunspots

    series, settings = load_sunspots(), module.Settings(epochs=3)
    z = Scale.fit(series.values[: module.SPLIT.train]).apply(series.values)
    vars(module)["fit"] = run
    module.train(z, settings.sizes, 0, settings, lambda line: None)


def characters(run: Callable[..., Any]) -> None:
    """Three layers of the character model, for one epoch of 40,000 characters, in float32."""
    module = importlib.import_module("characters")
    module.SETTINGS.update(characters=45_000, epochs=1, warm_up=5)
    _, text, vocabulary, (first, _) = module.parts()
    vars(module)["fit"] = run
    module.train([module.UNITS] * 3, vocabulary.encode(text)[:first], vocabulary, 0)


def japanese_vowels(run: Callable[..., Any]) -> None:
    """Two layers of the classifier of speakers, for five epochs."""
    module = importlib.import_module("classification")
    vars(module)["fit"] = run
    samples = vowels()
    module.train(module.TASKS[0]._replace(epochs=5), samples, 9, 2, 0)


def vowels() -> Any:
    """The training rows of JapaneseVowels; noise of the same sizes if they are not installed."""
    from npstack.core.errors import MissingPackageError
    from npstack.data import load, pad
    from npstack.losses.samples import Samples

    try:
        return load("japanese_vowels").train
    except MissingPackageError:
        rng = np.random.default_rng(0)
        lengths = np.concatenate([rng.integers(7, 27, 268), [7, 26]])
        padded = pad([rng.standard_normal((n, 12)) for n in lengths])
        return Samples(padded.x, np.repeat(np.arange(9), 30), padded.mask)


JOBS = {"demo": demo, "characters": characters, "japanese_vowels": japanese_vowels}


class Fitter:
    """Runs jobs with one engine; the process of `Children`."""

    def __init__(self, threads: int, kind: str) -> None:
        from benchmarks.engines.sides.own import engine_option
        from npstack import fit

        sys.path.insert(0, str(ROOT / "examples"))
        self.fit: Callable[..., Any] = fit
        self.engine = engine_option(fit, kind)

    def versions(self) -> dict[str, str]:
        """NumPy's."""
        return {"numpy": np.__version__}

    def prepare(self, job: str, losses: list[float] | None) -> dict[str, Any]:
        """Run a job once; its losses must be the given ones."""
        self.job, self.seconds = JOBS[job], 0.0
        self.run()
        found = self.history.train_loss
        if losses is not None:
            off = float(np.max(np.abs(np.divide(found, losses) - 1)))
            if not off <= AGREE[job]:
                raise Wrong(f"a loss is off by {off:.1e} (allowed: {AGREE[job]:.0e})")
        return {"losses": found}

    def run(self) -> None:
        """Train once; only what `fit` takes is counted."""

        def timed(*arguments: Any, **named: Any) -> Any:
            began = perf_counter()
            self.history = self.fit(*arguments, **named, **self.engine)
            self.seconds = perf_counter() - began
            return self.history

        self.job(timed)

    def time(self, repeats: int) -> float:
        """Median seconds of `fit`."""
        seconds = []
        for _ in range(repeats):
            self.run()
            seconds.append(self.seconds)
        return statistics.median(seconds)


def measure(given: Namespace, references: References, say: Say) -> dict[str, Any]:
    """Every job by every engine that is chosen, and the whole demo as it is installed."""
    rounds = given.rounds or ROUNDS
    kinds = ["readable", *(kind for kind in given.sides if kind in OURS and kind != "readable")]
    jobs: dict[str, Cell] = {}
    with Children(say) as children:
        for kind in kinds:
            children.start(kind, WORKER, 1, kind=kind)
        for job in JOBS:
            cell: Cell = {"left_out": {}, "wrong": {}, "losses": {}}
            ready = []
            for kind in children.running:
                losses = cell["losses"].get("readable")
                if prepared(children, kind, cell, job=job, losses=losses):
                    ready.append(kind)
            turns(children, ready, rounds, cell)
            jobs[job] = cell
            say(
                f"{job}: "
                + ", ".join(f"{k} {np.median(s):.3g} s" for k, s in cell["seconds"].items())
            )
        found = {"left_out": children.left_out, "wrong": children.wrong, "rounds": rounds}
    return found | {"jobs": jobs, "demo_seconds": [whole_demo() for _ in range(min(rounds, 3))]}


def whole_demo() -> float:
    """Seconds of ``npstack demo``, from start to end."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "npstack", "demo", "--out", str(Path(folder) / "demo")]
        began = perf_counter()
        subprocess.run(command, env=environment(1), check=True, capture_output=True)
        return perf_counter() - began


def bars(figures: dict[str, Any]) -> list[Bar]:
    """What must be shown about training."""
    found = []
    for job, cell in figures["jobs"].items():
        values = ratios(cell["seconds"], "auto", "readable")
        figure = None if values is None else median(values)
        found.append(Bar(f"`fit`, {job}: time over the readable path's", AT_MOST, figure))
    seconds = figures["demo_seconds"]
    whole = Figure(statistics.median(seconds), min(seconds), max(seconds)) if seconds else None
    return [*found, Bar("`npstack demo`, seconds (least and most)", DEMO_SECONDS, whole)]


def tables(figures: dict[str, Any]) -> str:
    """Markdown: the bars, and the times of `fit`."""
    kinds = list(dict.fromkeys(k for cell in figures["jobs"].values() for k in cell["seconds"]))
    rows = [["job", *(f"{kind}, s" for kind in kinds)]]
    for job, cell in figures["jobs"].items():
        times = [cell["seconds"].get(kind) for kind in kinds]
        rows.append([job, *("" if t is None else f"{np.median(t):.3g}" for t in times)])
    return f"#### Bars\n\n{table_of_bars(bars(figures))}\n\n#### Seconds of `fit`\n\n{table(rows)}"
