"""Operations on a run: train, resume, measure, draw, use its model."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from npstack.cli import folders
from npstack.cli.runs import (
    CHECKPOINT,
    METRICS,
    README,
    Run,
    afford_model,
    afford_use,
    as_json,
    open_run,
)
from npstack.cli.tasks import Problem, Scores
from npstack.core import params
from npstack.core.errors import ArgumentError, DataError, fail
from npstack.files.strict_json import brief
from npstack.layers import Layer
from npstack.training.checkpoint import Checkpoint, load_checkpoint
from npstack.training.fit import fit
from npstack.training.history import History
from npstack.training.optim import Adam
from npstack.training.resume import name_of
from npstack.training.schedules import Constant, Cosine, Schedule, WarmUp
from npstack.version import __version__


def trained(run: Run) -> tuple[Layer, History]:
    """The model with the best parameters so far, and the history of training."""
    if not run.checkpoint.is_file():
        advice = f"Train it: npstack train --resume --out {run.folder}."
        fail(DataError, str(run.folder), f"a trained run holds {CHECKPOINT}", "none", advice)
    afford_use(run)
    model = build(run)
    found = load_checkpoint(run.checkpoint, model.params)
    _check_task(run, found)
    model.params = found.params if found.best is None else found.best
    return model, found.history


def _check_task(run: Run, found: Checkpoint) -> None:
    """Check the task of a checkpoint, which may have the same shapes as another one."""
    settings = found.config.get("fit")
    loss = settings.get("loss") if isinstance(settings, dict) else None
    own = name_of(run.task.LOSS)
    if loss != own:
        expected = f"{CHECKPOINT} must have been trained with {own}, as the task {run.name} is"
        advice = "Put the run's own in its place."
        fail(DataError, f"the run {str(run.folder)!r}", expected, brief(loss), advice)


def build(run: Run) -> Layer:
    """The model before the first step."""
    return run.task.build(run.facts, run.options, np.random.default_rng(run.options["seed"]))


def train(
    run: Run, problem: Problem, *, resume: bool = False, progress: bool = False
) -> tuple[Layer, History]:
    """Train until the last epoch, until patience runs out, or until Ctrl-C.

    Every epoch ends with a checkpoint; ``resume`` continues from it, with the same bits as without
    a stop. The returned model is that of the best epoch.
    """
    afford_model(run.name, run.facts, run.options)
    options, model = run.options, build(run)
    extra = run.task.fitting(options)
    history = fit(
        model,
        problem.train,
        epochs=options["epochs"],
        batch_size=options["batch_size"],
        rng=np.random.default_rng([options["seed"], 1]),  # independent of the draws of the weights
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


def go_on(run: Run, problem: Problem) -> None:
    """Save the options of a resumed run, once it is certain that it can be resumed."""
    old = open_run(run.folder)
    if run.options != old.options:
        if run.checkpoint.is_file():
            done = len(load_checkpoint(run.checkpoint).history.epochs)
            until_now = run.options | {"epochs": min(done, run.options["epochs"])}
            train(replace(run, options=until_now), problem, resume=True)  # nothing is left to do
        run.save()
    elif not (run.folder / README).is_file():  # killed when the run was new
        run.explain()


def _updates(problem: Problem, options: Mapping[str, Any], extra: Mapping[str, Any]) -> int:
    """The number of optimiser steps in an epoch."""
    targets = problem.train.y
    batches = -(-len(targets) // options["batch_size"])
    if "truncate" not in extra:
        return int(batches)
    return int(batches * -(-targets.shape[1] // extra["truncate"][0]))


def _rate(options: Mapping[str, Any], updates: int) -> Schedule:
    """The learning rate; if it falls later, it rises over the first updates."""
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
    folders.write(run.folder / METRICS, as_json(metrics))
    return metrics


def draw(
    run: Run, model: Layer, problem: Problem, history: History, folder: Path, *, replace: bool
) -> list[Path]:
    """Draw every picture; existing files are an error unless they may be replaced."""
    from npstack import plots

    pictures = []
    if history.epochs:
        curves = plots.training_curves(history, loss_label=run.task.LOSS_LABEL)
        pictures = [("training", curves)]
    found = chain(pictures, run.task.pictures(model, problem, run.options))
    drawn = {}
    for name, picture in found:  # each is drawn when it is its turn, and written after the last
        path = folder / f"{name}.png"
        if not replace and os.path.lexists(path):
            got = f"{str(path)!r}, which exists"
            advice = f"{folders.OVERWRITE}; --out FOLDER puts them elsewhere."
            fail(ArgumentError, "npstack plot", "the pictures must be new", got, advice)
        drawn[path] = picture
    for path, picture in drawn.items():
        folders.write_picture(path, picture)
    return list(drawn)
