"""To go on where a training run stopped: what is kept after every epoch, and what must agree."""

from __future__ import annotations

import copy
import functools
import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from npstack.core.errors import ArgumentError, DataError, NpstackError, fail
from npstack.core.params import Params
from npstack.files.container import CRAFTED
from npstack.files.random_state import restore_generator
from npstack.files.strict_json import brief
from npstack.layers import Layer
from npstack.losses.samples import Samples
from npstack.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from npstack.training.epoch import Plan
from npstack.training.history import History
from npstack.training.optim import Optimiser


def name_of(function: Any) -> Any:
    """What a function is called, with the arguments that a partial one has.

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
    """A short fingerprint of all numbers, shapes and types: other samples have another one.

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


def settings(
    plan: Plan, validation: Samples | None, patience: int | None, keep_best: bool
) -> dict[str, Any]:
    """What must be the same when the run is resumed, in plain values."""
    return {
        "batch_size": plan.batch_size,
        "loss": name_of(plan.loss),
        "clip_norm": plan.clip_norm,
        "clip_value": plan.clip_value,
        "shuffle": plan.shuffle,
        "batches": None if plan.batches is None else name_of(plan.batches),
        "truncate": None if plan.truncate is None else list(map(int, plan.truncate)),
        "stateful": plan.stateful,
        "patience": patience,
        "keep_best": keep_best,
        "samples": digest(plan.samples),
        "validation": digest(validation),
    }


def check_path(where: str, checkpoint: str | Path | None, resume: bool) -> Path | None:
    """A file that can be written, told now and not after the first epoch."""
    if checkpoint is None:
        if resume:
            expected, advice = "resume needs a checkpoint", "Pass checkpoint='run.npz', too."
            fail(ArgumentError, where, expected, "checkpoint=None", advice)
        return None
    path = Path(checkpoint)
    if not path.parent.is_dir() or path.is_dir():
        expected = "checkpoint must be a file in a folder that exists"
        fail(ArgumentError, where, expected, repr(str(path)), "Make the folder first.")
    return path


def save(
    path: Path,
    model: Layer,
    optimiser: Optimiser,
    rng: np.random.Generator,
    history: History,
    best: Params | None,
    settings: dict[str, Any],
) -> None:
    """All that the next epoch depends on."""
    now = Checkpoint(
        params=model.params,
        optimiser=optimiser.config(),
        steps=optimiser.steps,
        state=optimiser.state(),
        random=dict(rng.bit_generator.state),
        history=history,
        best=best,
        config={"fit": settings},
    )
    save_checkpoint(path, now)


def restore(
    path: Path,
    model: Layer,
    optimiser: Optimiser,
    rng: np.random.Generator,
    epochs: int,
    settings: dict[str, Any],
) -> tuple[History, Params | None]:
    """Put model, optimiser and random generator where they were; nothing is changed by an error.

    Returns
    -------
    history : History
    best : dict or None
        The best parameters so far.
    """
    where = f"fit, resuming from {str(path)!r}"
    found = load_checkpoint(path, model.params)
    wanted = {"optimiser": optimiser.config(), **settings}
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
    done = len(found.history.epochs)
    if done > epochs:
        expected = f"the run must have at most epochs={epochs} epochs behind it"
        fail(DataError, where, expected, done, advice)
    _check_usable(where, found, optimiser)
    restore_generator(rng, found.random)
    optimiser.load(found.steps, found.state)
    model.params = found.params
    return found.history, found.best


def _check_usable(where: str, found: Checkpoint, optimiser: Optimiser) -> None:
    """The history has a number for every epoch, and the optimiser can make its next step."""
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
