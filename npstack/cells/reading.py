"""Cells in which ``h'`` has two roads: through matrices, which *read* it, and a direct one.

Without recurrent dropout there is one ``h'``, and both roads begin at it. With it the matrices read
what dropout has left, and the direct road is not dropped (§10.3). So such a cell writes its step
for two arrays, ``state.h`` and ``read``; here they are made one again.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from npstack.cells.cell import Cell
from npstack.numerics import Array
from npstack.params import Params


class ReadingCell(Cell):
    """A cell that writes `step_reading` and its mirror image; its `step` reads ``h'`` itself."""

    def step(self, params: Params, x: Array, state: Any, noise: Any = None) -> tuple[Any, Any]:
        """One step forward: `step_reading` of the hidden state as it is."""
        return self.step_reading(params, x, state, state.h, noise)

    def step_backward(
        self,
        params: Params,
        x: Array,
        state: Any,
        record: Any,
        new_state: Any,
        dnew_state: Any,
        noise: Any = None,
    ) -> tuple[dict[str, Array], Array, Any]:
        """One step backward: both roads of ``h'`` are added."""
        dparams, dx, dstate, dread = self.step_reading_backward(
            params, x, state, state.h, record, new_state, dnew_state, noise
        )
        return dparams, dx, dstate._replace(h=dstate.h + dread)

    @abstractmethod
    def step_reading(
        self, params: Params, x: Array, state: Any, read: Array, noise: Any = None
    ) -> tuple[Any, Any]:
        """One step forward; ``read`` is what every matrix sees in the place of ``h'``."""

    @abstractmethod
    def step_reading_backward(
        self,
        params: Params,
        x: Array,
        state: Any,
        read: Array,
        record: Any,
        new_state: Any,
        dnew_state: Any,
        noise: Any = None,
    ) -> tuple[dict[str, Array], Array, Any, Array]:
        """One step backward: ``dparams``, ``dx``, ``dstate`` by the direct roads, ``dread``."""
