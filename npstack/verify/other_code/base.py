"""What step functions and functions for whole sequences have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from npstack.cells.base import Cell
from npstack.core.errors import CodeError, fail
from npstack.core.numerics import Array, is_finite
from npstack.core.params import Params
from npstack.layers.recurrent import Recurrent
from npstack.verify.other_code.calls import (
    EMPTY,
    USUAL,
    Function,
    Wanted,
    array_of,
    gradient_of,
    keys_of,
    listed,
    picked,
    placed,
    unchanged,
)
from npstack.verify.other_code.packing import KEEPS_NEW, Packing, usual_order

# The names that people give to gradients and states, without ``d``, ``prev``, ``next``, ``_``, 0.
ALIASES = {
    "x": ("x", "xt", "input", "inputs"),
    "h": ("h", "a", "hidden", "state"),
    "c": ("c", "cell"),
    "W": ("w", "wx", "wxh", "wih", "kernel"),
    "U": ("u", "wh", "whh", "recurrentkernel"),
    "b": ("b", "bias"),
    "b_recurrent": ("brecurrent", "bh", "bhh", "bhn", "br"),
    "P": ("p", "wp", "peephole", "peepholes"),
}


class NoRecord(NamedTuple):
    """What other code leaves on the tape besides the state: nothing."""


class OtherCell(Cell):
    """A user's two functions, with the parameters of a cell of npstack.

    A cache may be anything, and none is used twice: before each ``backward``, ``forward`` is called
    once more. So code that keeps its cache on an object, or changes it, is right.

    Parameters
    ----------
    model : Cell
        npstack's own cell of the kind: sizes, parameters, axes.
    forward, backward : Function
    order : str
        The order of the gates in the parameters of the functions.

    Attributes
    ----------
    places : list of (str or None), or None
        The name of each result of backward, if it returns a tuple; None until it was called once.
    changes, seen, unread : dict
        The names of the arguments that backward changes in place; of the gradients it returned; the
        keys of its dictionary that are no gradients.
    longer : dict
        The shapes of gradients with an axis of length 1 too many, by their own names.
    """

    def __init__(self, model: Cell, forward: Function, backward: Function, order: str) -> None:
        self.input_size, self.hidden_size = model.input_size, model.hidden_size
        self.params, self.state_sizes = model.params, model.state_sizes
        self.names = tuple(model.params)
        self.record_sizes: Any = NoRecord()
        self.axes, self.letters = model.axes, model.letters
        self.parameter_formula = model.parameter_formula
        self.forward, self.backward = forward, backward
        self.packing = Packing(model, order)
        self.places: list[str | None] | None = None
        self.changes: dict[str, None] = {}
        self.seen: dict[str, None] = {}
        self.unread: dict[str, None] = {}
        self.longer: dict[str, tuple[int, ...]] = {}

    def called(
        self, params: Params, x: Array, states: Mapping[str, Array]
    ) -> tuple[dict[str, Array], Any]:
        """What forward is given, by its usual names, and what it returns."""
        given = {"x": np.array(x), **{name: np.array(value) for name, value in states.items()}}
        given |= {USUAL.get(n, n): self.packing.theirs(n, params[n]) for n in self.names}
        before = {name: value.copy() for name, value in given.items()}
        found = self.forward(**given)
        unchanged(self.forward, given, before)
        return given, found

    def returned(
        self, given: Mapping[str, Array], cotangents: Mapping[str, Array], cache: Any
    ) -> Any:
        """What backward returns; it may change its own arguments, and no other array."""
        before = {name: value.copy() for name, value in given.items()}
        handed = {name: np.array(value) for name, value in cotangents.items()}
        found = self.backward(**handed, cache=cache)
        unchanged(self.backward, given, before)
        for name, value in cotangents.items():
            if not np.array_equal(handed[name], value, equal_nan=True):
                self.changes[name] = None
        return found

    def named(self, found: Any, wanted: Mapping[str, Wanted], dtype: Any) -> dict[str, Array]:
        """The gradients that backward returned, by npstack's names and in npstack's packing."""
        if found is None:
            expected = f"it must return {', '.join(gradient_of(name) for name in wanted)}"
            advice = "Is it not written yet, or without a return?"
            fail(CodeError, self.backward.name, expected, "None", advice, raised=EMPTY)
        if isinstance(found, Mapping):
            known = keys_of(found, wanted).values()
            self.unread |= dict.fromkeys(key for key in map(str, found) if key not in known)
        elif self.places is None:
            self.places = placed(self.backward, listed(found), wanted)
        named = {}
        for name, shown, value in picked(self.backward, found, wanted, self.places or []):
            named[name] = array_of(self.backward, shown, value, wanted[name], dtype)
            if np.ndim(value) > named[name].ndim:
                self.longer[shown] = value.shape
        self.seen |= dict.fromkeys(named)
        for name, value in named.items():
            if not is_finite(value).all():
                expected = f"{gradient_of(name)} must be finite, as all that it is given"
                advice = "Does it divide by zero, or take a root or a logarithm?"
                fail(CodeError, self.backward.name, expected, "NaN or infinity", advice)
        return {name: self.packing.ours(name, value) for name, value in named.items()}

    def wanted(
        self, x: Array, states: Mapping[str, tuple[int, ...]], letters: str
    ) -> dict[str, Wanted]:
        """The gradients that backward should return, in the usual order."""
        wanted = {"x": Wanted(letters, x.shape, ALIASES["x"])}
        wanted |= {name: Wanted("B, H", shape, ALIASES[name]) for name, shape in states.items()}
        for name in self.names:
            shape = self.packing.cell.param_shapes[name]
            aliases = ALIASES.get(name, (name.lower(),))
            wanted[name] = Wanted(self.letters_of(name, shape), shape, aliases)
        return wanted

    def letters_of(self, name: str, shape: tuple[int, ...]) -> str:
        """The axes of a parameter in letters, ``D, 4H``; empty if they are not known."""
        if name not in ALIASES:
            return ""
        count = shape[-1] // self.hidden_size
        packed = f"{count}H" if count > 1 else "H"
        first = {"W": "D, ", "U": "H, "}.get(name, "")
        return f"{first}{packed}" if first else f"{packed},"


class OtherPair(Recurrent):
    """A layer of a user's two functions; made by `foreign`.

    Attributes
    ----------
    kind : str
        The name of the cell, ``"lstm"`` …
    missing : tuple of str
        The gradients that backward does not return, by npstack's names.
    single : str
        The function that keeps the digits of float32 only, ``"forward"`` or ``"backward"``, if one
        does.
    """

    cell: Any

    def __init__(self, cell: OtherCell, kind: str) -> None:
        super().__init__(cell)
        self.kind = kind
        self.missing: tuple[str, ...] = ()
        self.single = ""

    @property
    def gate_order(self) -> str:
        """How the functions pack the gates, as letters."""
        return str(self.cell.packing.order)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found out about the functions, in sentences."""
        order, notes = self.gate_order, []
        if len(order) > 1:
            own = " (npstack's order)" if order == usual_order(self.cell.packing.cell) else ""
            notes.append(f"the gates are packed {', '.join(order)}{own}")
        if KEEPS_NEW in order:
            notes.append("Z is 1 - z of npstack: h = (1 - z) * h' + z * n")
        if self.missing:
            names = ", ".join(map(gradient_of, self.missing))
            notes.append(f"backward does not return {names}")
            unread = ", ".join(self.cell.unread)
            notes += [f"its keys {unread} are names of no gradient"] if unread else []
        if self.single:
            notes.append(f"{self.single} computes in float32, also when it is given float64")
        for name, shape in self.cell.longer.items():
            notes.append(f"{name} has shape {shape}, with one axis more than its parameter")
        if self.cell.changes:
            notes.append(f"backward changes {', '.join(self.cell.changes)} in place")
        return tuple(notes)

    def without_missing(
        self, dparams: dict[str, Array], dx: Array
    ) -> tuple[dict[str, Array], Array | None]:
        """The gradients without those that backward does not return."""
        kept = {name: value for name, value in dparams.items() if name not in self.missing}
        return kept, None if "x" in self.missing else dx
