"""Run folders: what ``npstack train`` leaves behind, and what the other commands read.

::

    RUN/
      README.txt       what this is, and the commands that use it
      config.json      task, options, the file that was learned from, and what is known of it
      checkpoint.npz   after every epoch: parameters, the best, optimiser, random state, history
      metrics.json     figures on the test part, beside baselines
      *.png            pictures

``config.json`` and ``checkpoint.npz`` are enough to predict and to go on training.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from npstack.cli.tasks import TASKS, Problem, Scores, Task
from npstack.core import params
from npstack.core.errors import ArgumentError, DataError, fail
from npstack.files import strict_json
from npstack.files.atomic import replacing
from npstack.layers import Layer
from npstack.training.checkpoint import Checkpoint, load_checkpoint
from npstack.training.fit import fit
from npstack.training.history import History
from npstack.training.optim import Adam
from npstack.training.schedules import Constant, Cosine, Schedule, WarmUp
from npstack.version import __version__

CONFIG, CHECKPOINT, METRICS, README = "config.json", "checkpoint.npz", "metrics.json", "README.txt"
FORMAT = {"format": "npstack-run", "version": 1}


@dataclass(frozen=True)
class Run:
    """A run folder and what its ``config.json`` says.

    Attributes
    ----------
    folder : Path
    name : str
        Of the task.
    options : dict
        By name, all of the task's.
    data : Path
        The file that was learned from.
    digest : str
        SHA-256 of its bytes.
    facts : dict
        What the task has to know of the data: see `npstack.cli.tasks.Problem`.
    """

    folder: Path
    name: str
    options: dict[str, Any]
    data: Path
    digest: str
    facts: dict[str, Any]

    @property
    def task(self) -> Task:
        """The module of the task."""
        return TASKS[self.name]

    @property
    def checkpoint(self) -> Path:
        """Where the checkpoint is."""
        return self.folder / CHECKPOINT

    def save(self) -> None:
        """Write ``config.json`` and ``README.txt``."""
        config = {
            **FORMAT,
            "npstack": __version__,
            "task": self.name,
            "data": {"path": str(self.data), "sha256": self.digest},
            "options": self.options,
            "facts": self.facts,
            "facts_sha256": _digest(self.facts),
        }
        write_json(self.folder / CONFIG, config)
        with replacing(self.folder / README) as file:
            file.write(_readme(self).encode())


def _readme(run: Run) -> str:
    sizes = "-".join(map(str, run.options["layers"]))
    return (
        f"A stacked LSTM ({sizes}) that npstack {__version__} trained: {run.task.SUMMARY}.\n"
        f"{CONFIG}: options and data ({run.data.name}). {METRICS}: figures beside baselines.\n"
        f"{CHECKPOINT}: the model, and all that training needs to go on. *.png: pictures.\n"
        f"Use it:   npstack predict {run.folder} …      Draw it: npstack plot {run.folder}\n"
        f"Go on:    npstack train --resume --out {run.folder}\n"
    )


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON file, whole or not at all."""
    with replacing(path) as file:
        file.write(json.dumps(value, indent=1, ensure_ascii=False).encode() + b"\n")


def _digest(facts: Mapping[str, Any]) -> str:
    """Of plain values, whatever the order of the keys."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def digest_of(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# ---- making and opening ------------------------------------------------------------------------


def new_run(folder: Path, name: str, data: Path, options: dict[str, Any]) -> tuple[Run, Problem]:
    """Read the data, then make the folder; one that holds anything but the data is refused."""
    check_free(folder, data)
    if options["validation"] + options["test"] >= 1:
        expected = "--validation and --test must leave something to train on"
        got = f"{options['validation']} and {options['test']}"
        fail(ArgumentError, "npstack train", expected, got, "The default is 0.15 each.")
    digest = digest_of(data)
    problem = TASKS[name].prepare(data, options)
    run = Run(folder, name, options, data.resolve(), digest, problem.facts)
    folder.mkdir(parents=True, exist_ok=True)
    run.save()
    return run, problem


def check_free(folder: Path, data: Path | None = None) -> None:
    """Nothing is ever overwritten."""
    if folder.is_dir() and any(path != data for path in folder.iterdir()):
        run = (folder / CONFIG).exists()
        advice = f"To go on with it: npstack train --resume --out {folder}." if run else ""
        expected = f"the run folder {str(folder)!r} must be new or empty"
        got = "a run that is there already" if run else "one that holds other files"
        fail(ArgumentError, "npstack train", expected, got, f"{advice} Or choose another --out.")


def open_run(folder: Path) -> Run:
    """Read ``config.json``; everything in it is checked as if it had been typed."""
    path = folder / CONFIG
    where = f"the run {str(folder)!r}"
    if not path.is_file():
        there = "no such folder" if not folder.exists() else f"no {CONFIG} in it"
        advice = "npstack train makes one."
        fail(DataError, where, f"a run folder holds {CONFIG}", there, advice)
    found = strict_json.load(str(path), path.read_bytes(), "Was it edited by hand?")
    try:
        about = {key: found[key] for key in FORMAT}
        name, options, facts = found["task"], dict(found["options"]), dict(found["facts"])
        whole = found["facts_sha256"] == _digest(facts)
        data, digest = Path(found["data"]["path"]), str(found["data"]["sha256"])
    except (TypeError, KeyError, ValueError) as error:
        fail(DataError, str(path), "the file must be as npstack wrote it", f"{error!r}")
    if about != FORMAT or name not in TASKS:
        expected = f"the file must be {FORMAT}, of a task among {', '.join(TASKS)}"
        fail(DataError, str(path), expected, f"{about}, task {name!r}", "Use this version's runs.")
    if not whole:
        advice = "They belong to the data that were learned from; options may be edited."
        fail(DataError, str(path), "facts must be as npstack wrote them", "others", advice)
    checked = {}
    for option in TASKS[name].OPTIONS:
        try:
            checked[option.name] = option.check(options.get(option.name))
        except argparse.ArgumentTypeError as error:
            fail(DataError, str(path), f"{option.name} must be {error}", "another value")
    return Run(folder, name, checked, data, digest, facts)


def trained(run: Run) -> tuple[Layer, History]:
    """The model with the best parameters so far, and how training went."""
    model = build(run)
    if not run.checkpoint.is_file():
        advice = f"Train it: npstack train --resume --out {run.folder}."
        fail(DataError, str(run.folder), f"a trained run holds {CHECKPOINT}", "none", advice)
    found: Checkpoint = load_checkpoint(run.checkpoint, model.params)
    model.params = found.params if found.best is None else found.best
    return model, found.history


def build(run: Run) -> Layer:
    """The model as it is before the first step."""
    return run.task.build(run.facts, run.options, np.random.default_rng(run.options["seed"]))


def same_data(run: Run, path: Path | None) -> Path:
    """The file that the run has learned from, where it is now; another file is refused."""
    path = run.data if path is None else path
    where = f"the run {str(run.folder)!r}"
    if not path.is_file():
        advice = "Has it been moved? Then name it behind the command."
        fail(DataError, where, f"its data {str(path)!r} must be there", "no such file", advice)
    if digest_of(path) != run.digest:
        expected = f"the data must be those that it began with ({run.data.name})"
        advice = "Train a new run on new data; npstack predict takes any."
        fail(DataError, where, expected, f"{path.name} with other bytes", advice)
    return path


# ---- training ----------------------------------------------------------------------------------


def train(
    run: Run, problem: Problem, *, resume: bool = False, progress: bool = False
) -> tuple[Layer, History]:
    """Train until the last epoch, until patience runs out, or until Ctrl-C.

    Every epoch ends with a checkpoint; ``resume`` goes on from it, with the same bits as if it
    had never stopped. The model that comes back is the one of the best epoch.
    """
    options, model = run.options, build(run)
    extra = run.task.fitting(options)
    history = fit(
        model,
        problem.train,
        epochs=options["epochs"],
        batch_size=options["batch_size"],
        rng=np.random.default_rng([options["seed"], 1]),  # apart from the draws of the weights
        optimiser=Adam(_rate(options, _updates(problem, options, extra))),
        loss=run.task.LOSS,
        clip_norm=options["clip_norm"],
        validation=problem.validation,
        patience=options["patience"],
        progress=progress,
        checkpoint=run.checkpoint,
        resume=resume,
        **extra,
    )
    return model, history


def _updates(problem: Problem, options: Mapping[str, Any], extra: Mapping[str, Any]) -> int:
    """How many steps of the optimiser make an epoch."""
    targets = problem.train.y
    batches = -(-len(targets) // options["batch_size"])
    if "truncate" not in extra:
        return int(batches)
    return int(batches * -(-targets.shape[1] // extra["truncate"][0]))


def _rate(options: Mapping[str, Any], updates: int) -> Schedule:
    """The learning rate, which rises over the first updates where it is to fall later."""
    rate = Constant(options["learning_rate"])
    if options["schedule"] == "constant":
        return rate
    total = options["epochs"] * updates
    rise = min(100, total // 10 + 1)
    return WarmUp(Cosine(options["learning_rate"], max(1, total - rise)), rise)


def write_metrics(run: Run, scores: Scores, model: Layer, history: History) -> dict[str, Any]:
    """Write ``metrics.json`` and return what is in it."""
    metrics = {
        "npstack": __version__,
        "task": run.name,
        "measure": scores.measure,
        "scores": scores.scores,
        "details": scores.details,
        "parameters": params.count(model.params),
        "history": asdict(history),
    }
    write_json(run.folder / METRICS, metrics)
    return metrics


def draw(
    run: Run, model: Layer, problem: Problem, history: History, folder: Path
) -> Iterator[Path]:
    """Draw every picture; yields the file of each."""
    from npstack import plots

    pictures = [("training", plots.training_curves(history))] if history.epochs else []
    for name, picture in chain(pictures, run.task.pictures(model, problem, run.options)):
        path = folder / f"{name}.png"
        picture.savefig(path, dpi=110)
        yield path
