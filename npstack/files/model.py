"""Models that rebuild themselves: from a configuration, or from one file with their weights.

A configuration names the kinds of layers, cells and parts. They are looked up in a closed table,
and in one that the caller gives; nothing is imported, so a file from a stranger runs no code.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from npstack import cells, layers
from npstack.cells.base import Cell, check_cell_params
from npstack.core.activations import Activation
from npstack.core.config import TYPE, Configured
from npstack.core.errors import ArgumentError, DataError, DtypeError, NpstackError, describe, fail
from npstack.core.params import Params, count
from npstack.core.undrawn import Undrawn
from npstack.files import archive
from npstack.files.archive import Kind, check_path
from npstack.files.strict_json import brief
from npstack.layers.base import Layer
from npstack.layers.gru import StackedGRU
from npstack.layers.rnn import StackedRNN
from npstack.layers.stacked import Stacked, StackedLSTM
from npstack.layers.stacked_bidirectional import BidirectionalStacked, StackedBidirectional
from npstack.seq2seq.encoder_decoder import EncoderDecoder

MODEL = Kind("npstack-model", 1, {"config": dict})
STACKS = (Stacked, StackedLSTM, StackedGRU, StackedRNN, StackedBidirectional, BidirectionalStacked)
OFFERED = (getattr(room, name) for room in (cells, layers) for name in room.__all__)
KINDS: dict[str, type[Configured]] = {
    kind.__name__: kind
    for kind in (*OFFERED, *STACKS, Activation, EncoderDecoder)
    if isinstance(kind, type) and issubclass(kind, Configured)
}
MOST_DEEP, MOST_LAYERS, LARGEST = 60, 10_000, 10**7  # what a configuration may ask for
MOST_NUMBERS = 10**9  # parameters, where nobody says how many there are


def build(
    config: Mapping[str, Any],
    params: Params | None = None,
    *,
    known: Mapping[str, type[Configured]] | None = None,
) -> Any:
    """Build what a configuration describes: a layer, a model, a cell or a part.

    Parameters
    ----------
    config : dict
        What ``layer.config()`` gave, or the same read from JSON.
    params : dict, optional
        Its parameters; without them they are zeros, or what they begin with whatever is drawn.
    known : dict, optional
        Classes of your own by the names under which the configuration has them:
        ``{"Affine": Affine}``.

    Raises
    ------
    ArgumentError, DtypeError, ShapeError
        A kind that is not known, or arguments that do not make one; the message says where in the
        configuration.

    Examples
    --------
    >>> import numpy as np
    >>> from npstack import Dense, Sequential, StackedLSTM
    >>> rng = np.random.default_rng(0)
    >>> model = Sequential(StackedLSTM(1, [8, 4], rng=rng), Dense(4, 1, rng=rng))
    >>> again = build(model.config(), model.params)
    >>> x = np.ones((2, 5, 1))
    >>> bool((again.forward(x).outputs == model.forward(x).outputs).all())
    True
    """
    if not isinstance(config, Mapping):
        advice = "Pass layer.config(), or json.load(file)."
        fail(DtypeError, "build", "config must be a dictionary", describe(config), advice)
    table = {**KINDS, **(known or {})}
    for name, kind in table.items():
        if not (isinstance(kind, type) and issubclass(kind, Configured)):
            expected = f"known[{name!r}] must be a class of layers, cells or parts"
            advice = "Pass the class itself: {'Affine': Affine}."
            fail(DtypeError, "build", expected, describe(kind), advice)
    numbers = MOST_NUMBERS if params is None else count(params)
    made = _made(config, table, Undrawn(numbers), "config", 0)
    if not isinstance(made, Configured):
        expected = f"config must say what it is of, under {TYPE!r}"
        fail(ArgumentError, "build", expected, brief(dict(config)), "Pass layer.config().")
    if params is not None:
        if isinstance(made, Cell):
            params = check_cell_params("build", params, made.param_shapes)
        elif not isinstance(made, Layer):
            got = f"a {type(made).__name__}"
            expected = "params belong to a layer or a cell"
            fail(ArgumentError, "build", expected, got, "Leave them out.")
        made.params = params
    return made


def _made(value: Any, table: Mapping[str, Any], rng: Undrawn, path: str, depth: int) -> Any:
    """A value of a configuration, with everything in it that has a type built."""
    if depth > MOST_DEEP:
        fail(ArgumentError, "build", f"{path} must not be nested so deeply", f"depth {depth}")
    if isinstance(value, list | tuple):
        return [_made(own, table, rng, f"{path}[{k}]", depth + 1) for k, own in enumerate(value)]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > LARGEST:
        fail(ArgumentError, "build", f"{path} must be at most {LARGEST:,}", brief(value))
    if not isinstance(value, Mapping):
        return value
    given = {
        str(name): _made(own, table, rng, f"{path}.{name}", depth + 1)
        for name, own in value.items()
        if name != TYPE
    }
    if TYPE not in value:
        return given
    kind = table.get(value[TYPE]) if isinstance(value[TYPE], str) else None
    if kind is None:
        expected = f"{path}.{TYPE} must be one of the layers, cells and parts of npstack"
        advice = "A class of your own? Give it: build(config, known={'Affine': Affine})."
        fail(ArgumentError, "build", expected, brief(value[TYPE]), advice)
    if isinstance(given.get("num_layers"), int) and given["num_layers"] > MOST_LAYERS:
        got = given["num_layers"]
        fail(ArgumentError, "build", f"{path}.num_layers must be at most {MOST_LAYERS:,}", got)
    if "rng" in given:
        given["rng"] = rng
    try:
        made: Any = kind.from_config(given)
    except NpstackError as error:
        error.where = f"build, {path}: {error.where}"
        raise
    except Exception as error:  # whatever a constructor says to arguments that are not its own
        expected = f"{path} must hold the arguments of {value[TYPE]}"
        advice = f"What went wrong with them: {error}."
        raise ArgumentError("build", expected, brief(sorted(given)), advice) from None
    return made


def save_model(path: str | Path, model: Layer) -> None:
    """Write a model, configuration and weights, into one file.

    Parameters
    ----------
    path : str or Path
        The file appears there when it is complete; a file that was there stays until then.
    model : Layer

    Raises
    ------
    ArgumentError, DtypeError
        The model cannot be written down; nothing is written.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from npstack import GRU
    >>> model = GRU(1, 2, rng=np.random.default_rng(0))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(f"{folder}/model.npz", model)
    ...     load_model(f"{folder}/model.npz")
    GRU(1 -> 2, 26 parameters)
    """
    where = "save_model"
    file = check_path(where, path)
    if not isinstance(model, Layer):
        fail(
            DtypeError,
            where,
            "model must be a layer",
            describe(model),
            "Its weights alone? Use save_weights.",
        )
    archive.write(file, where, MODEL, {"config": model.config()}, model.params)


def load_model(path: str | Path, known: Mapping[str, type[Configured]] | None = None) -> Any:
    """Build a model again from what `save_model` wrote. Nothing in the file is executed.

    Parameters
    ----------
    path : str or Path
    known : dict, optional
        As for `build`.

    Raises
    ------
    DataError
        The file is damaged, foreign, or of kinds that are not known.
    OSError
        There is no such file, or it may not be read.
    """
    where = f"load_model({str(path)!r})"
    fields, params = archive.read(check_path("load_model", path), where, MODEL)
    try:
        return build(fields["config"], params, known=known)
    except NpstackError as error:
        raise DataError(
            f"{where}, {error.where}", error.expected, error.got, error.advice
        ) from None
