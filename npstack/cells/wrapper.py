"""Cells around a cell: with random draws, they change the input or the result of its step.

A wrapper has the parameters, the state and the record of the cell inside, so that tapes, files and
tables are the same with and without it. Its ``noise`` is a pair: its own draws, and those of the
cell inside, which may be a wrapper, too.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np

from npstack.cells.base import Cell
from npstack.core.params import Params


class CellWrapper(Cell, ABC):
    """Base of wrappers, which define the abstract methods and the mirror image of `step_reading`.

    Parameters
    ----------
    cell : Cell
    own_axes : tree
        What `draw_own` draws, as in `Cell.noise_axes`.
    """

    def __init__(self, cell: Cell, own_axes: Any) -> None:
        self.cell = cell
        self.input_size, self.hidden_size = cell.input_size, cell.hidden_size
        self.axes, self.letters, self.ranges = cell.axes, cell.letters, cell.ranges
        self.state_sizes, self.record_sizes = cell.state_sizes, cell.record_sizes
        self.noise_axes = own_axes, cell.noise_axes

    @property
    def params(self) -> Params:
        """Those of the cell inside."""
        return self.cell.params

    @params.setter
    def params(self, params: Params) -> None:
        self.cell.params = params

    @property
    def param_shapes(self) -> dict[str, tuple[int, ...]]:
        """Those of the cell inside."""
        return self.cell.param_shapes

    def without_params(self) -> Self:
        """A copy for a layer: the cell inside loses its parameters as well."""
        twin = copy.copy(self)
        twin.cell = self.cell.without_params()
        return twin

    @property
    def formula(self) -> str:
        """That of the cell inside."""
        return self.cell.formula

    def noise_shapes(self, batch: int, steps: int) -> tuple[Any, Any]:
        """The shapes of the wrapper's own draws, and of those of the cell inside."""
        return self.own_shapes(batch, steps), self.cell.noise_shapes(batch, steps)

    def draw_noise(self, rng: np.random.Generator, batch: int, steps: int) -> tuple[Any, Any]:
        """The wrapper's own draws, and those of the cell inside."""
        return self.draw_own(rng, batch, steps), self.cell.draw_noise(rng, batch, steps)

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """The arguments of the wrapper, by name."""

    def __repr__(self) -> str:
        settings = "".join(f", {name}={value!r}" for name, value in self.settings.items())
        return f"{type(self).__name__}({self.cell!r}{settings})"

    @abstractmethod
    def own_shapes(self, batch: int, steps: int) -> Any:
        """What `draw_own` draws, as in `Cell.noise_shapes`."""

    @abstractmethod
    def draw_own(self, rng: np.random.Generator, batch: int, steps: int) -> Any:
        """Booleans, in the structure of ``own_axes``."""
