"""Cells: one time step of one layer, one file each."""

from npstack.cells.cell import Cell
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
from npstack.cells.variant import LSTMVariantCell

__all__ = [
    "Activations",
    "Cell",
    "CellClip",
    "Coupled",
    "ForgetBias",
    "LSTMCell",
    "LSTMVariantCell",
    "LayerNormLSTMCell",
    "Part",
    "Peepholes",
    "PreactivationClip",
    "Projection",
]
