"""Weights and checkpoints on disk: one ``.npz`` each, without pickle, written completely or not.

*Weights* are the parameters of a trained model. A *checkpoint* is all that training needs to
continue as if it had never stopped: parameters, the best ones so far, the optimiser, the history,
and the state of the random generator. `archive` defines the format of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import NoneType
from typing import Any

from npstack.core.errors import (
    ArgumentError,
    DataError,
    DtypeError,
    NpstackError,
    describe,
    fail,
    kind_of,
)
from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.files import archive
from npstack.files.archive import Kind
from npstack.files.atomic import previous_of
from npstack.files.container import CRAFTED
from npstack.files.paths import check_path, of_file
from npstack.files.random_state import check_state, plain
from npstack.files.strict_json import brief
from npstack.training.history import History

WEIGHTS = Kind("npstack-weights", 2, {"config": dict})
CHECKPOINT = Kind(
    "npstack-checkpoint",
    1,
    {"config": dict, "optimiser": dict, "steps": int, "random": dict, "history": dict},
)
PARTS = ("params", "best", "state")
TOGETHER = "A checkpoint is of one model at one moment: take all its parts there."


@dataclass(frozen=True)
class Checkpoint:
    """A training run between two epochs.

    Attributes
    ----------
    params : dict
        ``model.params``.
    optimiser : dict
        Plain values: ``optimiser.config()``, with its schedule.
    steps : int
        Updates that the optimiser has made.
    state : dict
        The optimiser's arrays, ``optimiser.state()``; after the first dot of a name comes the name
        of a parameter.
    random : dict
        ``rng.bit_generator.state``; `random_state.restore_generator` takes it.
    history : History
        The epochs so far.
    best : dict, optional
        The parameters of the best epoch so far.
    config : dict
        Any JSON values that help to build the model again.
    """

    params: Params
    optimiser: dict[str, Any]
    steps: int
    state: Params
    random: dict[str, Any]
    history: History
    best: Params | None = None
    config: dict[str, Any] = field(default_factory=dict)


def save_checkpoint(path: str | Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint. The previous one is kept as ``path`` with ``.previous`` appended.

    If the process is killed or power fails, ``path`` is a complete checkpoint: the old one or the
    new one.

    Parameters
    ----------
    path : str or Path
        For example ``run/checkpoint.npz``; the folder must exist.
    checkpoint : Checkpoint

    Raises
    ------
    ArgumentError, DtypeError
        A value that the file cannot contain; nothing is written.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> params = {"b": np.ones(2)}
    >>> now = Checkpoint(params, {}, 0, {}, rng.bit_generator.state, History())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_checkpoint(f"{folder}/c.npz", now)
    ...     there = load_checkpoint(f"{folder}/c.npz", model_params=params)
    >>> there.params, there.random == rng.bit_generator.state
    ({'b': array([1., 1.])}, True)
    """
    where = "save_checkpoint"
    file = check_path(where, path)
    if not isinstance(checkpoint, Checkpoint):
        got = kind_of(checkpoint)
        fail(DtypeError, where, "checkpoint must be a Checkpoint", got, "Build one, or use fit.")
    if not isinstance(checkpoint.history, History):
        got = kind_of(checkpoint.history)
        fail(DtypeError, where, "history must be a History", got, "Pass what fit returned.")
    columns = asdict(checkpoint.history)
    _check_named(where, checkpoint.params)
    _check_history(where, columns, ArgumentError, TOGETHER)
    _check(where, checkpoint, ArgumentError, TOGETHER)
    fields = {name: getattr(checkpoint, name) for name in CHECKPOINT.fields}
    fields |= {"random": plain(checkpoint.random), "history": columns}
    arrays = {
        f"{part}/{name}": value
        for part in PARTS
        for name, value in (getattr(checkpoint, part) or {}).items()
    }
    archive.write(file, where, CHECKPOINT, fields, arrays, keep_previous=True)


def load_checkpoint(path: str | Path, model_params: Params | None = None) -> Checkpoint:
    """Read a file written by `save_checkpoint`. Nothing in the file is executed.

    Parameters
    ----------
    path : str or Path
    model_params : dict, optional
        ``model.params``: the file must hold parameters of these names, shapes and dtypes.

    Raises
    ------
    DataError
        The file is damaged, foreign, or of another model. The message says whether the checkpoint
        before it is intact.
    OSError
        There is no such file, or it cannot be read.
    """
    file = check_path("load_checkpoint", path)
    try:
        return _load_checkpoint(file, model_params)
    except DataError as error:
        error.advice = f"{error.advice}{_beside(file, model_params)}".strip()
        raise


def _load_checkpoint(path: Path, model_params: Params | None) -> Checkpoint:
    where = of_file("load_checkpoint", path)
    fields, arrays = archive.read(path, where, CHECKPOINT)
    parts: dict[str, Any] = {part: {} for part in PARTS}
    for name, value in arrays.items():
        part, _, rest = name.partition("/")
        if part not in parts:
            expected = f"arrays must be named {', '.join(f'{p}/…' for p in PARTS)}"
            fail(DataError, where, expected, repr(name), CRAFTED)
        parts[part][rest] = value
    columns = fields.pop("history")
    columns.setdefault("engine", {})  # a file of before there were any
    _check_history(where, columns, DataError, CRAFTED)
    history, best = History(**columns), parts.pop("best") or None
    checkpoint = Checkpoint(best=best, history=history, **parts, **fields)
    _check(where, checkpoint, DataError, CRAFTED)
    if model_params is not None:
        _check_model(where, checkpoint.params, model_params)
    return checkpoint


def _beside(path: Path, model_params: Params | None) -> str:
    """The advice about the previous checkpoint if this one cannot be used."""
    try:
        previous = previous_of(path)
    except RuntimeError:  # a link that leads back to itself
        return ""
    if not previous.is_file():
        return ""
    try:
        steps = _load_checkpoint(previous, model_params).steps
    except (DataError, OSError):
        return f" The one before it, {str(previous)!r}, cannot be used either."
    return (
        f" The one before it, after {steps:,} steps, is whole: to go on from there, rename "
        f"{str(previous)!r} to {path.name!r}."
    )


# ---- weights -----------------------------------------------------------------------------------


def save_weights(path: str | Path, params: Params, config: dict[str, Any] | None = None) -> None:
    """Write parameters under their names.

    Parameters
    ----------
    path : str or Path
        The file appears there when it is complete; an old file is kept until then.
    params : dict
        ``model.params``.
    config : dict, optional
        Any JSON values that help to build the model again.

    Raises
    ------
    ArgumentError, DtypeError
        A value that the file cannot contain; nothing is written.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_weights(f"{folder}/w.npz", {"b": np.ones(2)}, {"sizes": [2]})
    ...     load_weights(f"{folder}/w.npz")
    ({'b': array([1., 1.])}, {'sizes': [2]})
    """
    file = check_path("save_weights", path)
    _check_named("save_weights", params)
    archive.write(file, "save_weights", WEIGHTS, {"config": config or {}}, params)


def load_weights(
    path: str | Path, model_params: Params | None = None
) -> tuple[dict[str, Array], dict[str, Any]]:
    """Read a file written by `save_weights`: parameters and configuration.

    Parameters
    ----------
    path : str or Path
    model_params : dict, optional
        ``model.params``: the file must hold parameters of these names, shapes and dtypes.

    Raises
    ------
    DataError
        The file is damaged, foreign, or of another model.
    OSError
        There is no such file, or it cannot be read.
    """
    where = of_file("load_weights", path)
    fields, params = archive.read(check_path("load_weights", path), where, WEIGHTS)
    if model_params is not None:
        _check_model(where, params, model_params)
    return params, fields["config"]


# ---- checks ------------------------------------------------------------------------------------


def _check_named(where: str, params: object) -> None:
    if not isinstance(params, Mapping):
        got, advice = kind_of(params), "Pass model.params."
        fail(DtypeError, where, "params must be a dictionary of arrays", got, advice)


def _check_model(where: str, params: Params, model_params: Params) -> None:
    """Check that the parameters of a file fit a model, by name, shape and dtype."""
    wrong = _difference(params, model_params)
    if wrong:
        advice = "Build the model as it was when the file was written (see its config)."
        fail(DataError, where, f"the model has {wrong[0]}", wrong[1], advice)


def _difference(found: Params, wanted: Params) -> tuple[str, str] | None:
    """The first array that differs: what it should be, and what it is."""
    for name in sorted(found.keys() | wanted.keys()):
        theirs, ours = (describe(a[name]) if name in a else "none" for a in (wanted, found))
        if theirs != ours:
            return f"{name!r}: {theirs}", ours
    return None


def _check(where: str, checkpoint: Checkpoint, kind: type[NpstackError], advice: str) -> None:
    """Check that the parts of a checkpoint belong together."""
    params = checkpoint.params
    wrong = None if checkpoint.best is None else _difference(checkpoint.best, params)
    if wrong:
        fail(kind, where, f"the best parameters must have {wrong[0]}", wrong[1], advice)
    for name, value in checkpoint.state.items():
        mine = name.partition(".")[2]
        if mine not in params:
            expected = "the optimiser's arrays must be named after parameters, like 'm.0.b'"
            fail(kind, where, expected, brief(name), advice)
        wrong = _difference({name: value}, {name: params[mine]})
        if wrong:
            fail(kind, where, f"the optimiser must have {wrong[0]}", wrong[1], advice)
    if type(checkpoint.steps) is not int or checkpoint.steps < 0:
        expected = "steps must be a whole number of at least 0"
        fail(kind, where, expected, describe(checkpoint.steps), advice)
    check_state(where, checkpoint.random, kind, advice)


def _check_history(
    where: str, columns: dict[str, Any], kind: type[NpstackError], advice: str
) -> None:
    """Check that a history has every column, with one number per epoch or none."""
    wanted = asdict(History())
    epochs = columns.get("epochs")
    count = len(epochs) if isinstance(epochs, list) else 0
    right = columns.keys() == wanted.keys() and epochs == list(range(1, count + 1))
    for name, value in columns.items():
        if isinstance(wanted.get(name), list):
            listed = isinstance(value, list) and len(value) in (0, count)
            right = right and listed and all(map(_is_number, value))
    best, stopped = columns.get("best_epoch"), columns.get("stopped")
    if best is not None:  # the epoch of an existing validation loss
        right = right and type(best) is int and 1 <= best <= len(columns["validation_loss"])
        right = right and columns["validation_loss"][best - 1] is not None
    plain = isinstance(stopped, str) and isinstance(columns.get("engine"), dict)
    if not right or not plain:
        expected = f"the history must have {', '.join(wanted)}, a number for each of its epochs"
        fail(kind, where, expected, brief(columns), advice)


def _is_number(value: object) -> bool:
    return isinstance(value, float | int | NoneType) and not isinstance(value, bool)
