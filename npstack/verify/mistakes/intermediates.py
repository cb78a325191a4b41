"""The values inside a step's backward, one by one, where a user's code returns them.

The rule: a step's backward that returns a dictionary may have more in it than gradients, and so
may the ``dparams`` of a cell. What is named like a variable of the cell file (do, dc, df, di, dg,
da_o … of an LSTM) is compared with this variable.
"""

from __future__ import annotations

import ast
import copy
from functools import cache
from types import MethodType
from typing import Any

import numpy as np

from npstack.core.numerics import Array
from npstack.core.trees import at_step, mapped
from npstack.layers.base import Layer
from npstack.layers.recurrent import Recurrent
from npstack.verify.mistakes import written
from npstack.verify.mistakes.cases import Point, forward_of, state_of
from npstack.verify.mistakes.comparing import UNITS
from npstack.verify.mistakes.entry import place_of
from npstack.verify.mistakes.simulate import Program
from npstack.verify.other_code.sequences import SequencePair

# In the order in which the backward computes them.
ORDER = {
    "lstm": ("do", "dc", "df", "di", "dg", "da_o", "da_g", "da_f", "da_i"),
    "gru": ("dz", "dn", "da_n", "dr", "dq", "da_z", "da_r"),
    "gru_reset_before": ("dz", "dn", "da_n", "ds", "dr", "da_z", "da_r"),
    "rnn": ("da",),
}
ORDER["peephole"] = ORDER["lstm"]

PLACES = {
    "lstm": "LSTMCell.step_backward",
    "peephole": "LSTMVariantCell.step_backward",
    "gru": "GRUCell.step_reading_backward",
    "gru_reset_before": "GRUResetBeforeCell.step_reading_backward",
    "rnn": "RNNCell.step_backward",
}


@cache
def _opened(name: str) -> Any:
    """The step's backward, which returns all of its variables."""
    place = place_of(name)
    tree = ast.parse(place.text.removeprefix("@staticmethod\n"))
    last = ast.parse("return locals()").body[0]
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    function.body[-1] = last
    space = {**vars(written), **vars(place.module)}
    exec(compile(ast.fix_missing_locations(tree), f"<{name}, opened>", "exec"), space)
    return space[place.function]


def _arguments(layer: Any, point: Point) -> tuple[Any, ...]:
    """What the backward of the only step of a point is given."""
    tape = forward_of(layer, point)
    gates, states = at_step(tape.gates, 0), at_step(tape.states, 0)
    initial, dnew = state_of(layer, point.states), _dnew_state(layer, point)
    return tape.params, tape.x[:, 0], initial, gates, states, dnew


def _dnew_state(layer: Any, point: Point) -> Any:
    """The gradient of the state after the only step of a point."""
    dfinal = mapped(np.copy, state_of(layer, point.dfinal))
    return dfinal._replace(h=dfinal.h + point.doutputs.reshape(dfinal.h.shape))


def right_values(program: Program, point: Point) -> dict[str, Array]:
    """The variables of the package's own backward at a point of one step."""
    layer, name = program.right, PLACES[program.kind]
    params, x, initial, record, new, dnew = _arguments(layer, point)
    function: Any = _opened(name)
    if not place_of(name).is_static:
        function = MethodType(function, layer.cell)
    read = (initial.h,) if "reading" in name else ()
    found = dict(function(params, x, initial, *read, record, new, dnew))
    packed = found.get("packed", found.get("da"))
    if program.kind in ("lstm", "peephole") and isinstance(packed, np.ndarray):
        letters = layer.cell.letters
        found |= {f"da_{letters[g]}": packed[at] for g, at in layer.cell.gate_blocks("b").items()}
    return {key: found[key] for key in ORDER[program.kind]}


def their_values(layer: Any, point: Point) -> dict[str, Any]:
    """What a user's backward returns besides gradients, by name."""
    if not layer.recurrent:
        return {}
    if hasattr(layer.cell, "results"):  # two step functions
        initial, dnew = state_of(layer, point.states), _dnew_state(layer, point)
        found: dict[str, Any] = layer.cell.results(point.params, point.x[:, 0], initial, dnew)
        return found
    if not hasattr(layer.cell, "extras"):
        return {}
    layer.cell.extras.clear()
    layer.cell.step_backward(*_arguments(layer, point))
    return dict(layer.cell.extras)


def keeping_extras(layer: Layer) -> Layer:
    """The same layer; what its cell's backward returns besides gradients is put aside."""
    in_one_step = isinstance(layer, Recurrent) and not isinstance(layer, SequencePair)
    if not in_one_step or hasattr(layer.cell, "results"):
        return layer
    twin = copy.copy(layer)
    cell: Any = copy.copy(layer.cell)
    cell.extras = {}
    inner, names = cell.step_backward, frozenset(layer.params)

    def step_backward(*given: Any) -> Any:
        found = inner(*given)
        if isinstance(found, tuple) and found and isinstance(found[0], dict):
            cell.extras |= {key: own for key, own in found[0].items() if key not in names}
            kept = {key: own for key, own in found[0].items() if key in names}
            return (kept, *found[1:])
        return found

    cell.step_backward = step_backward
    twin.cell = cell
    return twin


def first_wrong(program: Program, layer: Layer, point: Point) -> tuple[str, ...]:
    """The first wrong value and those before it, which are right; empty if none is wrong."""
    theirs = {name: np.asarray(value) for name, value in their_values(layer, point).items()}
    right = right_values(program, point)
    eps = UNITS * float(np.finfo(program.dtype).eps)
    before: list[str] = []
    for name, value in right.items():
        own = theirs.get(name, theirs.get(name.replace("_", "")))
        if own is None or own.shape != value.shape:
            continue
        if not np.abs(own - value).max() <= eps * max(np.abs(value).max(), np.abs(own).max()):
            return (name, *before)
        before.append(name)
    return ()
