"""Cells: one time step of one layer, one file each."""

from npstack.cells.cell import Cell
from npstack.cells.lstm import LSTMCell

__all__ = ["Cell", "LSTMCell"]
