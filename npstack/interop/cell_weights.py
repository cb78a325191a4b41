"""A cell of npstack taken apart: the mirror image of `Weights.cell`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from npstack.cells import LSTMCell, LSTMVariantCell, RNNCell
from npstack.cells.base import Cell
from npstack.cells.biases import NoBias, TwoBiases
from npstack.cells.gru import GRUCell
from npstack.cells.gru_reset_before import GRUResetBeforeCell
from npstack.cells.parts import (
    CellClip,
    Coupled,
    ForgetBias,
    Peepholes,
    PreactivationClip,
    Projection,
)
from npstack.core.activations import Activation
from npstack.core.clipped import Clipped
from npstack.core.params import Params
from npstack.interop.layout import Blocks
from npstack.interop.weights import Weights

KINDS: dict[type[Cell], str] = {
    LSTMCell: "lstm",
    LSTMVariantCell: "lstm",
    GRUCell: "gru",
    GRUResetBeforeCell: "gru",
    RNNCell: "rnn",
}


def kind_of_cell(cell: Cell) -> str | None:
    """lstm, gru or rnn; None of a cell that no framework has."""
    inside = cell.cell if isinstance(cell, NoBias | TwoBiases) else cell
    return KINDS.get(type(inside))


def weights_of(cell: Cell, params: Params) -> Weights:
    """The blocks and facts of a cell whose kind is known."""
    if isinstance(cell, TwoBiases):
        own = weights_of(cell.cell, cell.inside(params))
        blocks = {k: v for k, v in own.blocks.items() if k[0] not in ("b", "b_recurrent")}
        for role in ("b", "b_recurrent"):
            blocks |= _vectors(role, params[role], own.gates)
        return replace(own, blocks=blocks, two_biases=True)
    if isinstance(cell, NoBias):
        own = weights_of(cell.cell, cell.inside(params))
        return replace(own.without("b", "b_recurrent"), two_biases=True)
    kind = KINDS[type(cell)]
    gates: tuple[str, ...] = cell.gates  # type: ignore[attr-defined]
    blocks = {}
    for role in ("W", "U"):
        pieces = np.split(np.asarray(params[role]), len(gates), axis=-1)
        blocks |= {(role, gate): piece for gate, piece in zip(gates, pieces, strict=True)}
    blocks |= _vectors("b", params["b"], gates)
    if "b_recurrent" in params:
        blocks["b_recurrent", "candidate"] = np.asarray(params["b_recurrent"])
    facts: dict[str, Any] = {"activations": _activations(cell)}
    clipped = [own for own in facts["activations"].values() if isinstance(own, Clipped)]
    limits = {own.limit for own in clipped}
    # An LSTM has PreactivationClip for this: its cell activation is no gate's.
    if kind != "lstm" and len(limits) == 1 and len(clipped) == len(facts["activations"]):
        facts["clip"] = clipped[0].limit
        inner = [own.activation for own in clipped]
        facts["activations"] = dict(zip(facts["activations"], inner, strict=True))
    if isinstance(cell, GRUResetBeforeCell):
        facts["reset"] = "before"
    for part in getattr(cell, "parts", ()):
        if isinstance(part, ForgetBias):
            facts["forget_bias"] = part.bias
        elif isinstance(part, Peepholes):
            looking = tuple(gate for gate in gates if gate != "candidate")
            blocks |= _vectors("P", params["P"], looking)
        elif isinstance(part, PreactivationClip):
            facts["clip"] = part.limit
        elif isinstance(part, Coupled):
            facts["coupled"] = True
        elif isinstance(part, CellClip):
            facts["cell_clip"] = part.limit
        elif isinstance(part, Projection):
            blocks["R", ""] = np.asarray(params["R"])
            facts["projection_clip"] = part.clip
    return Weights(kind, blocks, **facts)


def _vectors(role: str, value: Any, gates: tuple[str, ...]) -> Blocks:
    pieces = np.split(np.asarray(value), len(gates))
    return {(role, gate): piece for gate, piece in zip(gates, pieces, strict=True)}


def _activations(cell: Any) -> dict[str, Activation]:
    """The activation of every gate."""
    if isinstance(cell, LSTMVariantCell):
        return dict(cell.activations)
    if isinstance(cell, LSTMCell):
        return {}
    if isinstance(cell, RNNCell):
        return {"hidden": cell.activation}
    return {"reset": cell.gate, "update": cell.gate, "candidate": cell.candidate}
