"""Zoneout: in training, some numbers of the state stay as they were (Krueger et al. 2017; §10.5).

For any cell, with a rate for each field ``s`` of its state::

    (1)  proposed = the cell's step
    (2)  s = s' where it stays, else that of proposed

Dropout sets a number to zero; zoneout keeps its old value. Nothing is rescaled, and backward, a
number that stayed passes its whole gradient to the step before.

In evaluation this is exactly the cell inside. The paper evaluates with the expected state instead,
``rate * s' + (1 - rate) * s``; here evaluation never depends on a rate.

Backward, each gradient goes to the state from which its number came, the old or the proposed one.
The cell's backward pass needs the proposed state, which is not on the tape where old numbers
stayed, so the step is computed again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npstack.cells.base import Cell, check_cell
from npstack.cells.wrapper import CellWrapper
from npstack.core.arguments import check_fraction
from npstack.core.errors import ArgumentError, fail
from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.core.trees import mapped


class Zoneout(CellWrapper):
    """A cell in which random numbers of the state stay as they were, drawn anew for each step.

    Parameters
    ----------
    cell : Cell
        With its parameters, which keep their names.
    **rates : float
        By field of the state: the fraction that stays, 0 ≤ rate < 1. A field that is not named
        never stays.

    Examples
    --------
    >>> from npstack import LSTMCell, Recurrent
    >>> rng = np.random.default_rng(0)
    >>> layer = Recurrent(Zoneout(LSTMCell(3, 4, rng=rng), h=0.1, c=0.5))
    >>> tape = layer.forward(np.ones((2, 5, 3)), rng=rng)
    >>> stays, inner = tape.noise
    >>> stays.c.shape
    (2, 5, 4)
    """

    def __init__(self, cell: Cell, **rates: float) -> None:
        where = "Zoneout"
        checked: dict[str, float] = {}
        fields = check_cell(where, cell).state_sizes._fields
        for name, rate in rates.items():
            if name not in fields:
                expected = f"rates must be of {' or '.join(fields)}, the fields of the state"
                fail(ArgumentError, where, expected, f"{name}={rate!r}", "Leave it out.")
            checked[name] = check_fraction(
                where, name, rate, "The paper has 0.5 for c, 0.05 for h."
            )
        axes = {field: "h" if field == "h" else "units" for field in fields}
        super().__init__(cell, cell.state_type(**axes))
        self.rates = checked

    @property
    def settings(self) -> dict[str, Any]:
        """The rates."""
        return self.rates

    def own_shapes(self, batch: int, steps: int) -> Any:
        """By field of the state: ``(B, T, …)``, or None where no value ever stays."""
        sizes = self.state_sizes._asdict().items()
        return self.state_type(
            *([batch, steps, size] if field in self.rates else None for field, size in sizes)
        )

    def draw_own(self, rng: np.random.Generator, batch: int, steps: int) -> Any:
        """By field of the state: True where the old value stays."""
        shapes = self.own_shapes(batch, steps)._asdict().items()
        return self.state_type(
            *(shape and rng.random(shape) < self.rates[field] for field, shape in shapes)
        )

    @staticmethod
    def zoned(stays: Any, old: Any, new: Any) -> Any:
        """(2): field by field the old values where they stay, else the new ones."""
        return type(new)(
            *(
                after if own is None else np.where(own, before, after)
                for own, before, after in zip(stays, old, new, strict=True)
            )
        )

    def step_reading(
        self, params: Params, x: Array, state: Any, read: Array, noise: Any = None
    ) -> tuple[Any, Any]:
        """One step forward; see `Cell.step_reading`."""
        stays, inner = noise or (None, None)
        proposed, record = self.cell.step_reading(params, x, state, read, inner)  # (1)
        if stays is None:
            return proposed, record
        return self.zoned(stays, state, proposed), record  # (2)

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
        stays, inner = noise or (None, None)
        if stays is None:
            return self.cell.step_reading_backward(
                params, x, state, read, record, new_state, dnew_state, inner
            )
        zeros = mapped(np.zeros_like, dnew_state)
        dproposed = self.zoned(stays, zeros, dnew_state)  # (2)
        dold = self.zoned(stays, dnew_state, zeros)  # (2)
        proposed, _ = self.cell.step_reading(params, x, state, read, inner)
        dparams, dx, dstate, dread = self.cell.step_reading_backward(  # (1)
            params, x, state, read, record, proposed, dproposed, inner
        )
        return dparams, dx, mapped(np.add, dstate, dold), dread
