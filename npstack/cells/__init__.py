"""Cells: one time step of one layer, one file each."""

from npstack.cells.base import Cell
from npstack.cells.biases import NoBias, TwoBiases
from npstack.cells.catalogue import CELLS
from npstack.cells.gru import GRUCell, GRUGates, GRUState
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
from npstack.cells.rnn import RNNCell, RNNState
from npstack.cells.variant import LSTMVariantCell
from npstack.cells.zoneout import Zoneout

__all__ = [
    "CELLS",
    "Activations",
    "Cell",
    "CellClip",
    "Coupled",
    "ForgetBias",
    "GRUCell",
    "GRUGates",
    "GRUResetBeforeCell",
    "GRUState",
    "LSTMCell",
    "LSTMVariantCell",
    "LayerNormLSTMCell",
    "NoBias",
    "Part",
    "Peepholes",
    "PreactivationClip",
    "Projection",
    "RNNCell",
    "RNNState",
    "RecurrentDropout",
    "RecurrentDropoutPerGate",
    "TwoBiases",
    "Zoneout",
]
