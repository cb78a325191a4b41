"""Run folders: written by ``npstack train``, read by the other commands.

::

    RUN/
      README.txt       what this is, and the commands that use it
      config.json      task, options, the data file, and facts about it
      checkpoint.npz   after every epoch: parameters, the best, optimiser, random state, history
      metrics.json     figures on the test part, with baselines
      *.png            pictures

``config.json`` and ``checkpoint.npz`` are enough to predict and to continue training.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from npstack.cli import folders
from npstack.cli.memory import afford
from npstack.cli.tasks import TASKS, Problem, Task
from npstack.core.errors import ArgumentError, DataError, fail
from npstack.files import strict_json
from npstack.files.atomic import PREVIOUS
from npstack.files.paths import open_file
from npstack.version import __version__

CONFIG, CHECKPOINT, METRICS, README = "config.json", "checkpoint.npz", "metrics.json", "README.txt"
OWN = (CONFIG, CHECKPOINT, CHECKPOINT + PREVIOUS, METRICS, README)
FORMAT = {"format": "npstack-run", "version": 1}
WHERE = "npstack train"
MOST_DATA = 2**32  # bytes of a file; larger ones cannot be used for training
TRAINING = 5  # arrays for each parameter: itself, its gradient, two of Adam's, the best so far


@dataclass(frozen=True)
class Run:
    """A run folder and the contents of its ``config.json``.

    Attributes
    ----------
    folder : Path
    name : str
        Of the task.
    options : dict
        By name, all of the task's.
    data : Path
        The data file of the training.
    digest : str
        SHA-256 of its bytes.
    facts : dict
        What the task needs to know about the data: see `npstack.cli.tasks.Problem`.
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
        """The path of the checkpoint."""
        return self.folder / CHECKPOINT

    def save(self, *, new: bool = False) -> None:
        """Write ``config.json`` and ``README.txt``; the first one claims the folder."""
        config = {
            **FORMAT,
            "npstack": __version__,
            "task": self.name,
            "data": {"path": str(self.data), "sha256": self.digest},
            "options": self.options,
            "facts": self.facts,
            "facts_sha256": _digest(self.facts),
        }
        folders.write(self.folder / CONFIG, as_json(config), new=new)
        self.explain()

    def explain(self) -> None:
        """Write ``README.txt``."""
        folders.write(self.folder / README, _readme(self).encode(errors="backslashreplace"))


def _readme(run: Run) -> str:
    sizes = "-".join(map(str, run.options["layers"]))
    return (
        f"A stacked LSTM ({sizes}) that npstack {__version__} trained: {run.task.SUMMARY}.\n"
        f"{CONFIG}: options and data ({run.data.name}). {METRICS}: figures and baselines.\n"
        f"{CHECKPOINT}: the model, and all that training needs to continue. *.png: pictures.\n"
        f"Use it:   npstack predict {run.folder} …      Draw it: npstack plot {run.folder}\n"
        f"Continue: npstack train --resume --out {run.folder}\n"
    )


def as_json(value: Mapping[str, Any]) -> bytes:
    """The bytes of a JSON file; file names may contain bytes that are not UTF-8."""
    try:
        return json.dumps(value, indent=1, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(value, indent=1).encode() + b"\n"


def _digest(facts: Mapping[str, Any]) -> str:
    """A digest of plain values, independent of the order of keys."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def digest_of(path: Path) -> str:
    """SHA-256 of the bytes of a file; only regular files of limited size are read."""
    with open_file(f"the data {str(path)!r}", path, MOST_DATA) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# ---- making and opening ------------------------------------------------------------------------


def prepare(name: str, data: Path, options: dict[str, Any]) -> tuple[Problem, str]:
    """The problem that a task makes from a file, and the digest of the file; nothing is written."""
    if options["validation"] + options["test"] >= 1:
        expected = "--validation and --test must leave something to train on"
        got = f"{options['validation']} and {options['test']}"
        fail(ArgumentError, WHERE, expected, got, "The default is 0.15 each.")
    problem = TASKS[name].prepare(data, options)
    afford_model(name, problem.facts, options)
    return problem, digest_of(data)


def new_run(
    folder: Path, name: str, data: Path, options: dict[str, Any], read: tuple[Problem, str]
) -> Run:
    """Make a run from the result of `prepare`, in a claimed folder."""
    check_free(folder, data)
    problem, digest = read
    run = Run(folder, name, options, Path(os.path.abspath(data)), digest, problem.facts)
    try:
        run.save(new=True)
    except FileExistsError:  # another process was faster
        check_free(folder, data)
        raise
    return run


def check_free(folder: Path, data: Path) -> None:
    """Check that nothing is overwritten: a run folder is new, or has only its data."""
    inside = Path(os.path.realpath(data)).parent == Path(os.path.realpath(folder))
    if inside and (data.name in OWN or data.suffix == ".png"):
        expected = f"{', '.join(OWN)} and pictures in a run folder must be its own"
        fail(ArgumentError, WHERE, expected, f"{data.name!r} as data", "Choose another --out.")
    if os.path.lexists(folder / CONFIG):
        expected = f"the run folder {str(folder)!r} must be new or empty"
        advice = f"To go on with it: npstack train --resume --out {folder}."
        advice = f"{advice} Or choose another --out."
        fail(ArgumentError, WHERE, expected, "a run that is there already", advice)
    folders.check_empty(WHERE, folder, [data.name] if inside else [])


def open_run(folder: Path) -> Run:
    """Read ``config.json``; everything in it is checked like options on the command line."""
    path = folder / CONFIG
    where = f"the run {str(folder)!r}"
    folders.check_own(where, folder, OWN)
    if not path.is_file():
        there = f"no {CONFIG} in it" if folder.is_dir() else "no such folder"
        advice = "npstack train DATA --task … --out RUN begins a run there."
        fail(DataError, where, f"a run folder holds {CONFIG}", there, advice)
    found = strict_json.read(str(path), path, "Was it edited by hand?")
    try:
        about = {key: found[key] for key in FORMAT}
        name, (options, facts) = str(found["task"]), (found["options"], found["facts"])
        options, facts = {**options}, {**facts}
        whole = found["facts_sha256"] == _digest(facts)
        data, digest = Path(found["data"]["path"]), str(found["data"]["sha256"])
    except (TypeError, KeyError, ValueError) as error:
        fail(DataError, str(path), "the file must be as npstack wrote it", f"{error!r}")
    if about != FORMAT or name not in TASKS:
        expected = f"the file must be {FORMAT}, of a task among {', '.join(TASKS)}"
        fail(DataError, str(path), expected, f"{about}, task {name!r}", "Use this version's runs.")
    if not whole:
        advice = "They describe the training data. Only options may be edited."
        fail(DataError, str(path), "facts must be as npstack wrote them", "other facts", advice)
    checked = {}
    for option in TASKS[name].OPTIONS:
        try:
            checked[option.name] = option.check(options.get(option.name))
        except argparse.ArgumentTypeError as error:
            fail(DataError, str(path), f"{option.name} must be {error}", "another value")
    TASKS[name].check_facts(str(path), facts, checked)
    return Run(folder, name, checked, data, digest, facts)


def afford_model(name: str, facts: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Refuse a model that cannot be trained here, before any of its parameters is drawn."""
    count = TASKS[name].numbers(facts, options)
    need = TRAINING * count * np.dtype(options["dtype"]).itemsize
    what = f"a model of {count:,} parameters, with gradients and optimiser,"
    afford(WHERE, what, need, "Make --layers smaller.")


def afford_use(run: Run) -> None:
    """Refuse a trained model that does not fit into memory here."""
    count = run.task.numbers(run.facts, run.options)
    need = count * np.dtype(run.options["dtype"]).itemsize
    what, advice = f"its model of {count:,} parameters", "Use it on a machine with more memory."
    afford(f"the run {str(run.folder)!r}", what, need, advice)


def same_problem(run: Run, path: Path | None) -> Problem:
    """The data of the run, at its current place; another file, or other facts, are refused."""
    path = run.data if path is None else path
    where = f"the run {str(run.folder)!r}"
    if not path.exists():
        advice = "Has it been moved? Then give its new path after the command."
        fail(DataError, where, f"its data {str(path)!r} must be there", "no such file", advice)
    if digest_of(path) != run.digest:
        expected = f"the data must be those that it began with ({run.data.name})"
        advice = "Train a new run on new data; npstack predict takes any."
        fail(DataError, where, expected, f"{path.name} with other bytes", advice)
    problem = run.task.prepare(path, run.options)
    if _digest(problem.facts) != _digest(run.facts):
        advice = f"Was {CONFIG} edited? Take the one that training wrote."
        fail(DataError, where, "its facts must be those of its data", "other facts", advice)
    return problem
