"""Every cell by name, ready to be built: the tests of cells run over this table.

A new cell needs a file and a line here. Laws, gradients and number types are then tested. Whether
it computes the right function is tested against its equations in the scalar oracle.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike

from npstack.cells.base import Cell
from npstack.cells.biases import NoBias, TwoBiases
from npstack.cells.gru import GRUCell
from npstack.cells.gru_reset_before import GRUResetBeforeCell
from npstack.cells.layer_norm import LayerNormLSTMCell
from npstack.cells.lstm import LSTMCell
from npstack.cells.parts import (
    Activations,
    CellClip,
    Coupled,
    ForgetBias,
    Part,
    Peepholes,
    PreactivationClip,
    Projection,
)
from npstack.cells.recurrent_dropout import RecurrentDropout
from npstack.cells.recurrent_dropout_per_gate import RecurrentDropoutPerGate
from npstack.cells.rnn import RNNCell
from npstack.cells.variant import LSTMVariantCell
from npstack.cells.zoneout import Zoneout
from npstack.core.clipped import Clipped


class Builder(Protocol):
    """The type of an entry: a function that builds a cell."""

    def __call__(
        self,
        input_size: int,
        hidden_size: int,
        rng: np.random.Generator,
        dtype: DTypeLike = np.float64,
    ) -> Cell:
        """A cell with random biases, so that none is zero."""


def plain(kind: Any, *parts: Part, **own: Any) -> Builder:
    """A cell with the given parts and options."""

    def build(
        input_size: int, hidden_size: int, rng: np.random.Generator, dtype: DTypeLike = np.float64
    ) -> Cell:
        options = {"bias_init": "uniform", "rng": rng, "dtype": dtype, **own}
        cell: Cell = kind(input_size, hidden_size, *parts, **options)
        return cell

    return build


def variant(*parts: Part) -> Builder:
    """An LSTM with parts."""
    return plain(LSTMVariantCell, *parts)


def around(inside: str, wrap: Callable[[Cell], Cell]) -> Builder:
    """A wrapper around a cell of the table."""

    def build(
        input_size: int, hidden_size: int, rng: np.random.Generator, dtype: DTypeLike = np.float64
    ) -> Cell:
        return wrap(CELLS[inside](input_size, hidden_size, rng, dtype))

    return build


CELLS: dict[str, Builder] = {
    "lstm": plain(LSTMCell),
    "lstm, peepholes": variant(Peepholes()),
    "lstm, coupled": variant(Coupled()),
    "lstm, coupled peepholes": variant(Coupled(), Peepholes()),
    "lstm, run-time forget bias": variant(ForgetBias(1.0)),
    "lstm, pre-activation clip": variant(PreactivationClip(0.8)),
    "lstm, cell clip": variant(CellClip(0.3)),
    "lstm, projection": variant(Projection(2)),
    "lstm, clipped projection": variant(Projection(2, clip=0.1)),
    "lstm, activations": variant(Activations(input="hard_sigmoid_sixth", cell="softsign")),
    "layer-norm lstm": plain(LayerNormLSTMCell),
    "gru": plain(GRUCell),
    "gru, activations": plain(GRUCell, gate="softsign", candidate="elu"),
    "gru, reset before": plain(GRUResetBeforeCell),
    "gru, reset before, activations": plain(GRUResetBeforeCell, gate="softsign", candidate="elu"),
    "rnn": plain(RNNCell),
    "rnn, relu": plain(RNNCell, activation="relu"),
    "rnn, softplus": plain(RNNCell, activation="softplus"),
    "lstm, recurrent dropout": around("lstm", lambda cell: RecurrentDropout(cell, 0.4)),
    "projection, recurrent dropout": around(
        "lstm, projection", lambda cell: RecurrentDropout(cell, 0.4, each_step=True)
    ),
    "gru, recurrent dropout": around("gru", lambda cell: RecurrentDropout(cell, 0.4)),
    "gru, reset before, recurrent dropout": around(
        "gru, reset before", lambda cell: RecurrentDropout(cell, 0.4, each_step=True)
    ),
    "rnn, recurrent dropout": around("rnn", lambda cell: RecurrentDropout(cell, 0.4)),
    "lstm, zoneout": around("lstm", lambda cell: Zoneout(cell, h=0.3, c=0.5)),
    "lstm, zoneout of c": around("lstm", lambda cell: Zoneout(cell, c=0.5)),
    "projection, zoneout": around("lstm, projection", lambda cell: Zoneout(cell, h=0.3, c=0.5)),
    "gru, zoneout": around("gru", lambda cell: Zoneout(cell, h=0.3)),
    "lstm, recurrent dropout around zoneout": around(
        "lstm, zoneout", lambda cell: RecurrentDropout(cell, 0.4)
    ),
    "gru, recurrent dropout around zoneout": around(
        "gru, zoneout", lambda cell: RecurrentDropout(cell, 0.4)
    ),
    "lstm, zoneout around recurrent dropout": around(
        "lstm, recurrent dropout", lambda cell: Zoneout(cell, h=0.3, c=0.5)
    ),
    "gru, clipped": plain(GRUCell, gate=Clipped("sigmoid", 0.8), candidate=Clipped("tanh", 0.8)),
    "gru, reset before, clipped": plain(
        GRUResetBeforeCell, gate=Clipped("sigmoid", 0.8), candidate=Clipped("elu", 0.8)
    ),
    "rnn, clipped": plain(RNNCell, activation=Clipped("tanh", 0.8)),
    "lstm, two biases": around("lstm", TwoBiases),
    "lstm, coupled, two biases": around("lstm, coupled peepholes", TwoBiases),
    "gru, two biases": around("gru", TwoBiases),
    "gru, reset before, two biases": around("gru, reset before", TwoBiases),
    "lstm, no bias": around("lstm", NoBias),
    "gru, no bias": around("gru", NoBias),
    "gru, two biases, recurrent dropout": around(
        "gru, two biases", lambda cell: RecurrentDropout(cell, 0.4)
    ),
    "lstm, recurrent dropout per gate": around(
        "lstm", lambda cell: RecurrentDropoutPerGate(cell, 0.4)
    ),
    "projection, recurrent dropout per gate": around(
        "lstm, projection", lambda cell: RecurrentDropoutPerGate(cell, 0.4, each_step=True)
    ),
    "lstm, coupled peepholes, recurrent dropout per gate": around(
        "lstm, coupled peepholes", lambda cell: RecurrentDropoutPerGate(cell, 0.4)
    ),
    "gru, recurrent dropout per gate": around(
        "gru", lambda cell: RecurrentDropoutPerGate(cell, 0.4, each_step=True)
    ),
    "gru, reset before, recurrent dropout per gate": around(
        "gru, reset before", lambda cell: RecurrentDropoutPerGate(cell, 0.4)
    ),
    "rnn, recurrent dropout per gate": around(
        "rnn", lambda cell: RecurrentDropoutPerGate(cell, 0.4)
    ),
    "lstm, recurrent dropout per gate around zoneout": around(
        "lstm, zoneout", lambda cell: RecurrentDropoutPerGate(cell, 0.4)
    ),
    "gru, two biases, recurrent dropout per gate": around(
        "gru, two biases", lambda cell: RecurrentDropoutPerGate(cell, 0.4)
    ),
    "lstm, no bias, zoneout around recurrent dropout per gate": around(
        "lstm, no bias",
        lambda cell: Zoneout(RecurrentDropoutPerGate(cell, 0.4, each_step=True), h=0.3, c=0.5),
    ),
}
