"""Cells around a cell: they change what goes into its step or what comes out, by random draws.

A wrapper has the parameters, the state and the record of the cell inside, so that a tape, a file
and a table look the same with it and without. Its ``noise`` is a pair: its own draws, and those of
the cell inside, which may be a wrapper too.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from npstack.cells.base import Cell, ReadingCell
from npstack.core.errors import DtypeError, describe, fail


class CellWrapper(ReadingCell):
    """Base of wrappers, which write `settings`, `draw_own`, `step_reading` and its mirror image.

    Parameters
    ----------
    cell : Cell
    own_axes : tree
        What `draw_own` draws, as in `Cell.noise_axes`.
    """

    def __init__(self, cell: Cell, own_axes: Any) -> None:
        self.cell = cell
        self.input_size, self.hidden_size = cell.input_size, cell.hidden_size
        self.params, self.axes, self.letters = cell.params, cell.axes, cell.letters
        self.state_sizes, self.record_sizes = cell.state_sizes, cell.record_sizes
        self.noise_axes = own_axes, cell.noise_axes

    @property
    def formula(self) -> str:
        """That of the cell inside."""
        return self.cell.formula

    def draw_noise(self, rng: np.random.Generator, batch: int, steps: int) -> tuple[Any, Any]:
        """The wrapper's own draws, and those of the cell inside."""
        return self.draw_own(rng, batch, steps), self.cell.draw_noise(rng, batch, steps)

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What the wrapper was built with, by name."""

    def __repr__(self) -> str:
        settings = "".join(f", {name}={value!r}" for name, value in self.settings.items())
        return f"{type(self).__name__}({self.cell!r}{settings})"

    @abstractmethod
    def draw_own(self, rng: np.random.Generator, batch: int, steps: int) -> Any:
        """Booleans, in the form that ``own_axes`` has."""


def check_cell(where: str, cell: Cell) -> Cell:
    """A cell that is built already.

    Examples
    --------
    >>> check_cell("Zoneout", 3)
    Traceback (most recent call last):
    npstack.core.errors.DtypeError: Zoneout: cell must be a cell, got 3 (int). Build it first, for
    example LSTMCell(3, 8, rng=rng).
    """
    if not isinstance(cell, Cell):
        advice = "Build it first, for example LSTMCell(3, 8, rng=rng)."
        fail(DtypeError, where, "cell must be a cell", describe(cell), advice)
    return cell
