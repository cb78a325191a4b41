"""Resuming a training run: what is kept after every epoch, and what must agree."""

from __future__ import annotations

import copy
import functools
import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from npstack.core.errors import ArgumentError, DataError, NpstackError, fail
from npstack.core.params import Params
from npstack.files.container import CRAFTED
from npstack.files.paths import check_target
from npstack.files.random_state import restore_generator
from npstack.files.strict_json import brief
from npstack.layers.twins import READABLE, Engine
from npstack.losses.samples import Samples
from npstack.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from npstack.training.epoch import Kept, Learner
from npstack.training.history import History
from npstack.training.optim import Optimiser
from npstack.training.plan import WHERE, Plan


def name_of(function: Any) -> Any:
    """The name of a function, with the arguments of a partial one.

    Examples
    --------
    >>> name_of(functools.partial(round, ndigits=2))
    'round(ndigits=2)'
    """
    if isinstance(function, functools.partial):
        given = [*map(repr, function.args)]
        given += [f"{name}={value!r}" for name, value in sorted(function.keywords.items())]
        return f"{name_of(function.func)}({', '.join(given)})"
    return getattr(function, "__qualname__", type(function).__name__)


def digest(samples: Samples | None) -> str | None:
    """A short fingerprint of all numbers, shapes and types, which differs for other samples.

    Examples
    --------
    >>> x = np.zeros((2, 3, 1))
    >>> [digest(Samples(x, x)) == digest(Samples(x, y)) for y in (x.copy(), x + 1)]
    [True, False]
    """
    if samples is None:
        return None
    found = hashlib.sha256()
    parts: list[Any] = list(samples)
    while parts:
        part = parts.pop(0)
        if isinstance(part, tuple):
            parts[:0] = part
        elif part is None:
            found.update(b"none")
        else:
            array = np.ascontiguousarray(part)
            found.update(f"{array.dtype} {array.shape}".encode())
            found.update(array.tobytes())
    return found.hexdigest()[:16]


OTHER_ENGINE = "other engine"


class RunFile(NamedTuple):
    """The file of a run, and the settings that it must be resumed with."""

    path: Path
    settings: dict[str, Any]
    engine: dict[str, Any]  # empty if any will do


def run_file(
    plan: Plan, checkpoint: str | Path | None, resume: bool | str, engine: Engine
) -> RunFile | None:
    """Check now that the file can be written, not after the first epoch; None without one."""
    if checkpoint is None:
        if resume:
            expected, advice = "resume needs a checkpoint", "Pass checkpoint='run.npz', too."
            fail(ArgumentError, WHERE, expected, "checkpoint=None", advice)
        return None
    path = check_target(WHERE, checkpoint, "checkpoint")
    return RunFile(path, settings(plan), {} if resume == OTHER_ENGINE else engine.record())


def settings(plan: Plan) -> dict[str, Any]:
    """The plan as plain values for a file."""
    return plan._asdict() | {
        "loss": name_of(plan.loss),
        "batches": None if plan.batches is None else name_of(plan.batches),
        "truncate": None if plan.truncate is None else list(map(int, plan.truncate)),
        "samples": digest(plan.samples),
        "validation": digest(plan.validation),
    }


def save(file: RunFile, learner: Learner, history: History, best: Params | None) -> None:
    """Everything that the next epoch depends on."""
    optimiser = learner.optimiser
    now = Checkpoint(
        params=learner.model.params,
        optimiser=optimiser.config(),
        steps=optimiser.steps,
        state=optimiser.state(),
        random=dict(learner.rng.bit_generator.state),
        history=history,
        best=best,
        config={"fit": file.settings},
    )
    save_checkpoint(file.path, now)


def begin(file: RunFile | None, learner: Learner, epochs: int) -> tuple[History, Params | None]:
    """Continue from the file, if there is one; an error changes nothing.

    Returns
    -------
    history : History
        Of the epochs so far.
    best : dict or None
        The parameters of the best epoch, if they are kept.
    """
    if file is None or not file.path.exists():
        return History(), None
    found = load_checkpoint(file.path, learner.model.params)
    _check_agrees(file, found, learner.optimiser, epochs)
    restore_generator(learner.rng, found.random)
    learner.go_on_from(Kept(found.params, found.steps, found.state))
    wanted = file.settings["keep_best"] and found.history.best_epoch is not None
    return found.history, (found.best or {}) if wanted else None


def _check_agrees(file: RunFile, found: Checkpoint, optimiser: Optimiser, epochs: int) -> None:
    """Check that the run in the file has the settings of this call."""
    where = f"{WHERE}, resuming from {str(file.path)!r}"
    wanted = {"optimiser": optimiser.config(), **file.settings}
    kept = found.config.get("fit")
    theirs = {"optimiser": found.optimiser, **(kept if isinstance(kept, dict) else {})}
    odd = [name for name in wanted if wanted[name] != theirs.get(name)]
    advice = (
        "Resume with the settings of the run, or take another file; to go on in another way, "
        "begin with its parameters: model.params = load_checkpoint(path).params."
    )
    if odd:
        both = (
            f"{name}: {brief(theirs.get(name))} in the file, {wanted[name]!r} now" for name in odd
        )
        got = "; ".join(both)
        fail(DataError, where, "the run must have the settings of this call", got, advice)
    if file.engine:
        _check_engine(where, file.engine, {**READABLE.record(), **found.history.engine})
    done = len(found.history.epochs)
    if done > epochs:
        expected = f"the run must have at most epochs={epochs} completed epochs"
        fail(DataError, where, expected, done, advice)
    _check_usable(where, found, optimiser)


def _check_engine(where: str, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Check that the same bits would follow."""
    odd = [name for name in ("kind", "threads") if ours[name] != theirs[name]]
    if odd:
        names = {"kind": "engine", "threads": "threads of the engine"}
        both = (f"{names[n]}: {theirs[n]!r} in the file, {ours[n]!r} now" for n in odd)
        expected = "the run must go on with the engine that it began with"
        kind, threads = repr(theirs["kind"]), theirs["threads"]
        engine = kind if threads is None else f"Engine({kind}, threads={threads})"
        advice = f"Pass engine={engine}, or resume={OTHER_ENGINE!r}: the last digits of its "
        advice += "numbers will then differ from those of a run without a stop."
        fail(DataError, where, expected, "; ".join(both), advice)


def _check_usable(where: str, found: Checkpoint, optimiser: Optimiser) -> None:
    """Check that the history has a number for every epoch, and the optimiser can continue."""
    columns = [column for column in asdict(found.history).values() if isinstance(column, list)]
    if len({len(column) for column in columns}) > 1:
        expected, got = "the history must have a number for every epoch", "empty columns"
        fail(DataError, where, expected, got, CRAFTED)
    trial = copy.copy(optimiser)
    try:
        with np.errstate(all="ignore"):
            trial.load(found.steps, found.state)
            trial.update(found.params, {n: np.zeros_like(v) for n, v in found.params.items()})
    except NpstackError as error:
        fail(DataError, where, "the optimiser must be able to go on", brief(error), CRAFTED)
