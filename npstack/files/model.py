"""Models built from a configuration, or from one file with their weights.

A configuration names the types of layers, cells and parts. They are looked up in a fixed table, and
in a table that the caller passes; no code is imported, so a file from somebody else runs no code.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from npstack import cells, layers
from npstack.cells.base import Cell, check_cell_params
from npstack.cells.parts import Part
from npstack.core.activations import Activation
from npstack.core.clipped import Clipped
from npstack.core.config import TYPE, Configured, arguments_of
from npstack.core.errors import (
    ArgumentError,
    DataError,
    DtypeError,
    NpstackError,
    describe,
    fail,
    kind_of,
)
from npstack.core.params import Params, count
from npstack.core.undrawn import Undrawn
from npstack.files import archive
from npstack.files.archive import Kind
from npstack.files.paths import check_path, of_file
from npstack.files.strict_json import brief
from npstack.layers.base import Layer
from npstack.layers.chain import Chain
from npstack.layers.gru import StackedGRU
from npstack.layers.rnn import StackedRNN
from npstack.layers.stacked import Stacked, StackedLSTM
from npstack.layers.stacked_bidirectional import BidirectionalStacked, StackedBidirectional
from npstack.layers.wrapper import Wrapper
from npstack.seq2seq.encoder_decoder import EncoderDecoder

MODEL = Kind("npstack-model", 1, {"config": dict})
STACKS = (Stacked, StackedLSTM, StackedGRU, StackedRNN, StackedBidirectional, BidirectionalStacked)
BASES = (Layer, Cell, Chain, Wrapper, Part)  # they compute nothing by themselves
KINDS: dict[str, type[Configured]] = {
    kind.__name__: kind
    for kind in (
        *(getattr(room, name) for room in (cells, layers) for name in room.__all__),
        *(*STACKS, Activation, Clipped, EncoderDecoder),
    )
    if isinstance(kind, type) and issubclass(kind, Configured) and kind not in BASES
}
MOST_DEEP, MOST_KINDS = 64, 10_000  # limits of depth and number of parts
LARGEST = 10**7  # of a size
SPARE = 4  # numbers asked for, per parameter: some are drawn twice
MOST_NUMBERS = 10**9  # parameters, if their number is not known
SIZES = ("size", "sizes", "num_symbols", "num_layers", "steps")  # how names of sizes end


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
        Its parameters. Without them, weights that are normally random are zero; fixed initial
        values, such as a forget bias of 1, are kept.
    known : dict, optional
        Your own classes by their names in the configuration:
        ``{"Affine": Affine}``.

    Raises
    ------
    ArgumentError, DtypeError, ShapeError
        An unknown type, or wrong arguments; the message gives the place in the configuration.

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
    if params is not None and not isinstance(params, Mapping):
        fail(DtypeError, "build", "params must be a dictionary", describe(params), "layer.params.")
    for name, value in (params or {}).items():
        if not isinstance(value, np.ndarray):
            expected, advice = f"params[{name!r}] must be an array", "Classes go into known={…}."
            fail(DtypeError, "build", expected, describe(value), advice)
    numbers = MOST_NUMBERS if params is None else SPARE * count(params)
    builder = _Builder({**KINDS, **_check_known("build", known)}, Undrawn(numbers))
    _check_depth(config)
    made = builder.made(config, "config")
    if not isinstance(made, Configured):
        expected = f"config must have the name of its type under {TYPE!r}"
        fail(ArgumentError, "build", expected, brief(dict(config)), "Pass layer.config().")
    if params is not None:
        if isinstance(made, Cell):
            params = check_cell_params("build", params, made.param_shapes)
        elif not isinstance(made, Layer):
            expected, got = "params belong to a layer or a cell", kind_of(made)
            fail(ArgumentError, "build", expected, got, "Leave them out.")
        made.params = params
    return made


class _Builder:
    """Builds the parts of one configuration, with a limit on their number."""

    def __init__(self, table: Mapping[str, type[Configured]], rng: Undrawn) -> None:
        self.table, self.rng, self.built = table, rng, 0

    def made(self, value: Any, path: str) -> Any:
        """A value of a configuration; everything in it that has a type is built."""
        if isinstance(value, list | tuple):
            return [self.made(own, f"{path}[{k}]") for k, own in enumerate(value)]
        if not isinstance(value, Mapping):
            is_size = path.rstrip("[]0123456789").endswith(SIZES)
            if is_size and isinstance(value, int) and value > LARGEST:
                fail(ArgumentError, "build", f"{path} must be at most {LARGEST:,}", brief(value))
            return value
        given = {
            str(name): self.made(own, f"{path}.{name}")
            for name, own in value.items()
            if name != TYPE
        }
        return self.thing(value[TYPE], given, path) if TYPE in value else given

    def thing(self, name: object, given: dict[str, Any], path: str) -> Any:
        """One layer, cell or part, from its arguments."""
        kind = self.table.get(name) if isinstance(name, str) else None
        if kind is None:
            expected = f"{path}.{TYPE} must be one of the layers, cells and parts of npstack"
            word = name if isinstance(name, str) and name.isidentifier() else "Affine"
            advice = f"A class of your own? Give it by this name: known={{{word!r}: {word}}}."
            fail(ArgumentError, "build", expected, brief(name), advice)
        layers = given.get("num_layers")
        self.built += layers if isinstance(layers, int) else 1
        if self.built > MOST_KINDS:
            got = f"more at {path}"
            fail(ArgumentError, "build", f"config must hold at most {MOST_KINDS:,} things", got)
        given = {name: own for name, own in given.items() if name not in kind.of_drawing}
        _check_arguments(kind, given, path)
        if "rng" in given:
            given["rng"] = self.rng
        try:
            return kind.from_config(given)
        except NpstackError as error:
            if "rng" not in given and error.expected.startswith("rng "):
                _fail_missing(["rng"], kind, given, path)  # a caller has to give one, not a file
            error.where = f"build, {path}: {error.where}"
            raise
        except Exception as error:  # any error of a constructor with wrong arguments
            expected = f"{path} must hold the arguments of {name}"
            advice = "They must be as its config() writes them."
            if KINDS.get(str(name)) is not kind:
                advice += f" Its constructor says: {brief(error)}."
            raise ArgumentError("build", expected, brief(sorted(given)), advice) from None


def _check_arguments(kind: type[Configured], given: dict[str, Any], path: str) -> None:
    """Check that all that a constructor needs is there."""
    needed, many = arguments_of(kind)
    missing = [name for name in needed if name not in given]
    if missing:
        _fail_missing(missing, kind, given, path)
    if many and not isinstance(given.get(many, []), list):
        expected = f"{path}.{many} must be a list"
        advice = "Its config() writes one, even if it holds one thing."
        fail(ArgumentError, "build", expected, describe(given[many]), advice)


def _fail_missing(
    missing: list[str], kind: type[Configured], given: dict[str, Any], path: str
) -> NoReturn:
    expected = f"{path} must hold {', '.join(map(repr, missing))} of {kind.__name__}"
    advice = "Add what is missing: its config() writes all of it."
    if missing == ["rng"]:
        advice = "Add 'rng': None (null in JSON): nothing is drawn."
    fail(ArgumentError, "build", expected, brief(sorted(given)), advice)


def _check_known(where: str, known: object) -> Mapping[str, type[Configured]]:
    """The user's own classes, by name."""
    advice = "Pass the class itself by its name: known={'Affine': Affine}."
    if known is not None and not isinstance(known, Mapping):
        fail(DtypeError, where, "known must be a dictionary", describe(known), advice)
    for name, kind in (known or {}).items():
        if not (isinstance(kind, type) and issubclass(kind, Configured)):
            expected = f"known[{name!r}] must be a class of layers, cells or parts"
            fail(DtypeError, where, expected, describe(kind), advice)
    return known or {}


def _check_depth(config: object) -> None:
    """Check that a configuration is not nested too deeply."""
    depth = 0
    level: list[Any] = [config]
    while level:
        depth += 1
        if depth > MOST_DEEP:
            expected = f"the configuration must be at most {MOST_DEEP} levels deep"
            fail(ArgumentError, "build", expected, "more", "Nest fewer layers.")
        lists = (v.values() if isinstance(v, Mapping) else v for v in level)
        level = [own for v in lists for own in v if isinstance(own, Mapping | list | tuple)]


def save_model(path: str | Path, model: Layer) -> None:
    """Write a model, configuration and weights, into one file.

    Parameters
    ----------
    path : str or Path
        The file appears there when it is complete; an old file is kept until then.
    model : Layer

    Raises
    ------
    ArgumentError, DtypeError
        The model cannot be written; nothing is written.

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
    config = model.config()
    for layer in (model, *model.inside()):
        if KINDS.get(type(layer).__name__, type(layer)) is not type(layer):
            expected = "a class of your own must have a new name"
            got, advice = (
                f"another {type(layer).__name__}",
                "npstack has one of that name: rename it.",
            )
            fail(ArgumentError, where, expected, got, advice)
    archive.write(file, where, MODEL, {"config": config}, model.params)


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
        The file is damaged, foreign, or contains unknown types.
    OSError
        There is no such file, or it cannot be read.
    """
    where = of_file("load_model", path)
    known = _check_known("load_model", known)
    fields, params = archive.read(check_path("load_model", path), where, MODEL)
    try:
        return build(fields["config"], params, known=known)
    except NpstackError as error:
        raise DataError(
            f"{where}, {error.where}", error.expected, error.got, error.advice
        ) from None
