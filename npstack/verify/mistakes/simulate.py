"""The package's own cells over time, right or with mistakes of the catalogue."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MethodType
from typing import Any

import numpy as np

from npstack.cells import GRUCell, GRUResetBeforeCell, LSTMCell, LSTMVariantCell, RNNCell
from npstack.cells.base import Cell
from npstack.cells.parts import Peepholes
from npstack.core.arguments import check_option
from npstack.core.errors import ArgumentError, DtypeError, describe, fail
from npstack.core.undrawn import Undrawn
from npstack.layers.base import Layer
from npstack.layers.boundary import check_built
from npstack.layers.recurrent import Recurrent
from npstack.verify.mistakes.entry import CELLS, Mistake, edited, place_of
from npstack.verify.other_code.base import OtherPair

KINDS: dict[str, type[Cell]] = {
    "lstm": LSTMCell,
    "peephole": LSTMVariantCell,
    "gru": GRUCell,
    "gru_reset_before": GRUResetBeforeCell,
    "rnn": RNNCell,
}

WHERE = "explain"


@dataclass(frozen=True, eq=False)
class Program:
    """How to build the right program for a user's layer.

    Attributes
    ----------
    kind : str
        The name of the cell, as in `Mistake`.
    sizes : tuple of int
        D and H.
    dtype : dtype
    options : dict
        Activations of the cell.
    over_time : dict
        Options of `Recurrent`.
    order : tuple of int
        The order of the gates in the user's own packing, by their places in the package's.
    """

    kind: str
    sizes: tuple[int, int]
    dtype: Any
    options: dict[str, Any]
    over_time: dict[str, bool]
    order: tuple[int, ...] = ()

    @cached_property
    def right(self) -> Recurrent:
        """The package's own cell over time."""
        parts = (Peepholes(),) if self.kind == "peephole" else ()
        build: Any = KINDS[self.kind]
        cell = build(*self.sizes, *parts, rng=Undrawn(), dtype=self.dtype, **self.options)
        return Recurrent(cell, **self.over_time)

    @property
    def cell(self) -> Cell:
        """The package's own cell."""
        return self.right.cell

    def built(self, mistakes: Sequence[Mistake]) -> Recurrent:
        """The cell over time with mistakes."""
        layer = copy.copy(self.right)
        cell: Any = copy.copy(self.cell)
        layer.cell = cell
        owners: dict[str, Any] = {"Recurrent": layer}
        if self.kind == "peephole":
            owners["Peepholes"] = copy.copy(cell.parts[0])
            cell.parts = (owners["Peepholes"],)
        edits: dict[str, tuple[tuple[str, str], ...]] = {}
        for mistake in mistakes:
            edit = mistake.old, mistake.new
            edits[mistake.place] = (*edits.get(mistake.place, ()), edit)
        for name, changes in edits.items():
            place, function = place_of(name), edited(name, changes, self.order)
            owner = owners.get(name.partition(".")[0], cell)
            bound = function if place.is_static else MethodType(function, owner)
            setattr(owner, place.function, bound)
        return layer


def program_for(layer: Layer, cell: str | None) -> Program:
    """The right program for a layer, found by its cell or by its parameters.

    Examples
    --------
    >>> from npstack import GRU
    >>> program_for(GRU(2, 3, rng=np.random.default_rng(0)), None).kind
    'gru'
    """
    check_built(WHERE, "code", layer)
    own = layer.cell
    if own is None:
        expected = "code must be one recurrent layer, or a cell"
        fail(ArgumentError, WHERE, expected, describe(layer), "Explain its layers one by one.")
    kind = (
        getattr(layer, "kind", None) if cell is None else check_option(WHERE, "cell", cell, KINDS)
    )
    kind = kind or getattr(own, "kind", None) or _kind_of(own, layer)
    U = layer.params.get("U", np.zeros((0, 0)))
    sizes = int(layer.input_size or 0), int(U.shape[0])
    keeps = layer.interface.keeps_time
    learned = any(name.startswith("initial.") for name in layer.params)
    over_time = {"return_sequences": keeps, "learn_initial": learned}
    options = _activations(own, kind)
    program = Program(kind, sizes, layer.dtype, options, over_time)
    _check_params(program, layer)
    known = program.cell
    letters = [known.letters[gate] for gate in known.gate_blocks("b")]
    packed = getattr(layer, "gate_order", "".join(letters)).lower()
    return replace(program, order=tuple(letters.index(letter) for letter in packed))


def _kind_of(own: Cell | None, layer: Layer) -> str:
    """The kind of a cell, by its class, else by the names and shapes of its parameters."""
    if isinstance(own, LSTMVariantCell) and not own.parts:
        return "lstm"
    for kind, known in KINDS.items():
        if isinstance(own, known):
            return kind
    names = {name for name in layer.params if not name.startswith("initial.")}
    U = layer.params.get("U", np.zeros((1, 0)))
    gates = U.shape[-1] / max(U.shape[0], 1)
    known_by = {
        ("W", "U", "b"): {4: "lstm", 3: "gru_reset_before", 1: "rnn"},
        ("W", "U", "b", "b_recurrent"): {3: "gru"},
        ("W", "U", "b", "P"): {4: "peephole"},
    }
    for own_names, kinds in known_by.items():
        if names == set(own_names) and gates in kinds:
            return kinds[int(gates)]
    expected = f"the parameters must be those of a cell that it knows, {', '.join(CELLS)}"
    shapes = {name: value.shape for name, value in layer.params.items()}
    return fail(ArgumentError, WHERE, expected, shapes, "check_gradients takes every layer.")


def _activations(own: Cell | None, kind: str) -> dict[str, Any]:
    """The activations of a GRU or a plain network; an LSTM has the usual ones."""
    names = {"rnn": ("activation",), "lstm": (), "peephole": ()}.get(kind, ("gate", "candidate"))
    if not isinstance(own, KINDS[kind]):
        return {}
    unusual: tuple[Any, ...] = getattr(own, "parts", ())
    if unusual and [type(part) for part in unusual] != [Peepholes]:
        expected = "an LSTM must be plain, or have peepholes and no other part"
        got = ", ".join(type(part).__name__ for part in unusual)
        fail(ArgumentError, WHERE, expected, got, "check_gradients takes every layer.")
    return {name: getattr(own, name) for name in names}


def _check_params(program: Program, layer: Layer) -> None:
    """Check the parameters: the names and shapes of the right program."""
    shapes = {name: value.shape for name, value in layer.params.items()}
    if layer.dtype is None or layer.dtype.kind != "f":
        expected, got = "the parameters must be floating point", str(layer.dtype)
        fail(DtypeError, WHERE, expected, got, "Build the layer with dtype=np.float64.")
    right = {name: value.shape for name, value in program.right.params.items()}
    if program.kind == "gru" and isinstance(layer, OtherPair) and "b_recurrent" not in shapes:
        right.pop("b_recurrent")  # it is zero in a GRU with one bias
    if shapes != right:
        expected = f"the parameters of {CELLS[program.kind]} must be {right}"
        fail(ArgumentError, WHERE, expected, shapes, "Is it another cell? Name it by cell=.")
