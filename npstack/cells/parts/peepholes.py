"""Peepholes: gates that read the cell state (Gers, Schraudolph & Schmidhuber 2002; §3.3).

::

    a_i = x W_i + h' U_i + b_i + P_i * c'
    a_f = x W_f + h' U_f + b_f + P_f * c'         the cell before the step
    a_o = x W_o + h' U_o + b_o + P_o * c          the cell after it

Each unit reads its own cell only: ``P`` is a vector per gate. The candidate has no peephole.
"""

from __future__ import annotations

import numpy as np

from npstack.cells.parts.base import Axes, Grads, Part
from npstack.core.numerics import Array
from npstack.core.params import Params


class Peepholes(Part):
    """The gates read the cell: parameter ``P (3H,)``, packed input, forget, output.

    Without a separate forget gate (`Coupled`) it is ``P (2H,)``, input, output.

    Examples
    --------
    >>> from npstack import LSTMVariantCell
    >>> cell = LSTMVariantCell(2, 4, Peepholes(), rng=np.random.default_rng(0))
    >>> cell.params["P"].shape
    (12,)
    """

    def params(
        self, gates: tuple[str, ...], hidden_size: int, rng: np.random.Generator
    ) -> tuple[dict[str, Array], dict[str, Axes]]:
        """``P``, uniform on ±1/√H, and its gates."""
        looking = tuple(gate for gate in gates if gate != "candidate")
        bound = 1 / np.sqrt(hidden_size)
        P = rng.uniform(-bound, bound, len(looking) * hidden_size)
        return {"P": P}, {"P": (looking,)}

    @staticmethod
    def _place(params: Params, name: str, c: Array) -> slice | None:
        """The position of a gate in ``P``; None for one without a peephole."""
        H = c.shape[-1]
        looking = (
            ["input", "forget", "output"] if len(params["P"]) == 3 * H else ["input", "output"]
        )
        if name not in looking:
            return None
        k = looking.index(name)
        return slice(k * H, (k + 1) * H)

    def gate(self, params: Params, name: str, a: Array, c: Array) -> Array:
        """``a + P_k * c``."""
        place = self._place(params, name, c)
        return a if place is None else a + params["P"][place] * c

    def gate_backward(
        self, params: Params, name: str, a: Array, c: Array, da: Array
    ) -> tuple[Array, Array | None, Grads]:
        """The gradient of a gate also reaches the cell, through ``P_k``."""
        place = self._place(params, name, c)
        if place is None:
            return da, None, {}
        dP = np.zeros_like(params["P"])
        dP[place] = (da * c).sum(axis=0)
        return da, da * params["P"][place], {"P": dP}
