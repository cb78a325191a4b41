"""Recurrent dropout: in training, dropout of the hidden state in the matrix products (§10.3).

For any cell. Where ``U`` multiplies ``h'``, it multiplies ``read`` instead::

    (1)  read = h' / (1 - rate) where kept, else 0
    (2)  h, … = the cell's step, whose matrices read `read`

``kept`` is drawn once per sequence and used for all its steps (Gal & Ghahramani 2016): a unit that
is dropped is dropped for the whole sequence, so memory is not lost step by step. Or it is drawn
anew for each step. Values outside of matrix products are not dropped: ``c'``, ``z * h'`` of a GRU.

Backward, the gradient by ``read`` passes where ``h'`` was kept, with the same scale, and is added
to the gradient of ``h'`` by direct paths. Both directions select and never multiply by a mask.

All gates use the same draws. Keras has draws for each gate: `RecurrentDropoutPerGate`
(cells/recurrent_dropout_per_gate.py).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npstack.cells.base import Cell, check_cell
from npstack.cells.wrapper import CellWrapper
from npstack.core.arguments import check_flag, check_fraction
from npstack.core.numerics import Array, dropped
from npstack.core.params import Params


class RecurrentDropout(CellWrapper):
    """A cell whose matrices read a hidden state with dropout.

    Parameters
    ----------
    cell : Cell
        With its parameters, which keep their names.
    rate : float
        Fraction that is dropped, 0 ≤ rate < 1. In evaluation this is the cell inside.
    each_step : bool
        False: one draw ``(B, P)`` for all steps of a row. True: new draws ``(B, T, P)``.

    Examples
    --------
    >>> from npstack import GRUCell, Recurrent
    >>> rng = np.random.default_rng(0)
    >>> layer = Recurrent(RecurrentDropout(GRUCell(3, 4, rng=rng), rate=0.5))
    >>> tape = layer.forward(np.ones((1, 5, 3)), rng=rng)
    >>> tape.noise
    (array([[ True,  True, False,  True]]), None)
    """

    def __init__(self, cell: Cell, rate: float, *, each_step: bool = False) -> None:
        where = type(self).__name__
        super().__init__(check_cell(where, cell), "h")
        self.rate = check_fraction(where, "rate", rate, "0.25 drops a quarter.")
        self.each_step = check_flag(where, "each_step", each_step)

    @property
    def settings(self) -> dict[str, Any]:
        """The rate, and options that are not the default."""
        return {"rate": self.rate, **({"each_step": True} if self.each_step else {})}

    def own_shapes(self, batch: int, steps: int) -> list[int]:
        """``(B, P)``, or ``(B, T, P)``."""
        return [batch, *([steps] if self.each_step else []), self.output_size]

    def draw_own(self, rng: np.random.Generator, batch: int, steps: int) -> Any:
        """True where ``h'`` is kept."""
        return rng.random(self.own_shapes(batch, steps)) >= self.rate

    def kept_part(self, kept: Array | None, h: Array) -> Array:
        """(1), which is linear and its own mirror image."""
        return h if kept is None else dropped(h, kept, self.rate)

    def step_reading(
        self, params: Params, x: Array, state: Any, read: Array, noise: Any = None
    ) -> tuple[Any, Any]:
        """One step forward; see `Cell.step_reading`."""
        kept, inner = noise or (None, None)
        read = self.kept_part(kept, read)  # (1)
        return self.cell.step_reading(params, x, state, read, inner)  # (2)

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
        """One step backward: `step_reading` from its last line to its first."""
        kept, inner = noise or (None, None)
        read = self.kept_part(kept, read)
        dparams, dx, dstate, dread = self.cell.step_reading_backward(  # (2)
            params, x, state, read, record, new_state, dnew_state, inner
        )
        return dparams, dx, dstate, self.kept_part(kept, dread)  # (1)
