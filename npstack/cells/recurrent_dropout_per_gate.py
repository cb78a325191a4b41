"""Recurrent dropout with draws for each gate, as Keras has it (§10.3).

As `RecurrentDropout` (cells/recurrent_dropout.py), except that a unit may be dropped for one gate
and kept for another. Each gate ``k`` has its own block of columns ``U_k`` in ``U``. Where ``U_k``
multiplies ``h'``, it multiplies ``read_k`` instead::

    (1)  read_k = h' / (1 - rate) where kept_k, else 0     for each gate k
    (2)  h, … = the cell's step, whose matrices read them

A cell reads one hidden state. Here it is that of the candidate, which a GRU also multiplies by its
reset gate (§3.8). The other gates find theirs beside the input, and their blocks below ``W``, since
the pre-activation of such a gate is ``x W + h' U + b`` in all of these cells::

    (3)  [x, read_i, read_f, read_o] instead of x
    (4)  W, and below it U with zeros outside of U_i, of U_f, of U_o
    (5)  U with zeros outside of U_g

Backward, the gradients are taken apart in the same way, and those of all ``read_k`` are added.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npstack.cells.base import Cell
from npstack.cells.biases import NoBias, TwoBiases
from npstack.cells.gru import GRUCell
from npstack.cells.gru_reset_before import GRUResetBeforeCell
from npstack.cells.lstm import LSTMCell
from npstack.cells.recurrent_dropout import RecurrentDropout
from npstack.cells.rnn import RNNCell
from npstack.cells.variant import LSTMVariantCell
from npstack.cells.zoneout import Zoneout
from npstack.core.errors import ArgumentError, fail
from npstack.core.numerics import Array
from npstack.core.params import Params

# Subclasses may use x and h' in other ways: layer normalisation takes the two products apart.
KINDS = (LSTMCell, LSTMVariantCell, GRUCell, GRUResetBeforeCell, RNNCell)


class RecurrentDropoutPerGate(RecurrentDropout):
    """A cell each of whose gates reads a hidden state with its own dropout.

    Parameters
    ----------
    cell : Cell
        An `LSTMCell`, `LSTMVariantCell`, `GRUCell`, `GRUResetBeforeCell` or `RNNCell`, or one of
        these in `TwoBiases`, `NoBias` or `Zoneout`. Its parameters keep their names.
    rate, each_step
        As in `RecurrentDropout`. The draws are a tuple with one array for each gate that is packed
        in ``U``, in this order.

    Raises
    ------
    ArgumentError
        Another cell; or a rate that is not one.

    Examples
    --------
    >>> from npstack import GRUCell, Recurrent
    >>> rng = np.random.default_rng(3)
    >>> layer = Recurrent(RecurrentDropoutPerGate(GRUCell(3, 4, rng=rng), rate=0.5))
    >>> tape = layer.forward(np.ones((1, 5, 3)), rng=rng)
    >>> for kept in tape.noise[0]:  # of the gates r, z, n
    ...     print(kept)
    [[False  True  True False]]
    [[ True False  True  True]]
    [[ True  True  True False]]
    """

    def __init__(self, cell: Cell, rate: float, *, each_step: bool = False) -> None:
        super().__init__(cell, rate, each_step=each_step)
        inside = cell
        while isinstance(inside, Zoneout | TwoBiases | NoBias):
            inside = inside.cell
        if type(inside) not in KINDS:
            names = ", ".join(kind.__name__ for kind in KINDS)
            expected = f"cell must be one of {names}, or one of these in TwoBiases, NoBias, Zoneout"
            advice = "RecurrentDropout, one draw for all gates, takes any cell."
            fail(ArgumentError, type(self).__name__, expected, repr(cell), advice)
        self.blocks = self.gate_blocks("U")
        self.others = [gate for gate in self.blocks if gate not in ("candidate", "hidden")]
        (self.candidate,) = self.blocks.keys() - self.others  # or the only gate of an RNN
        self.noise_axes = ("h",) * len(self.blocks), cell.noise_axes

    def own_shapes(self, batch: int, steps: int) -> Any:
        """For each gate ``(B, P)``, or ``(B, T, P)``."""
        shape = super().own_shapes(batch, steps)
        return tuple([*shape] for _ in self.blocks)

    def draw_own(self, rng: np.random.Generator, batch: int, steps: int) -> Any:
        """For each gate: True where it reads ``h'``."""
        return tuple(rng.random(shape) >= self.rate for shape in self.own_shapes(batch, steps))

    def by_gate(self, others: list[Array], candidate: Array) -> dict[str, Array]:
        """Values of the other gates and of the candidate, by gate as they are packed."""
        found = {**dict(zip(self.others, others, strict=True)), self.candidate: candidate}
        return {gate: found[gate] for gate in self.blocks}

    def reads(self, kept: Any, h: Array) -> dict[str, Array]:
        """(1), by gate."""
        return {gate: self.kept_part(own, h) for gate, own in zip(self.blocks, kept, strict=True)}

    def beside(self, x: Array, reads: dict[str, Array]) -> Array:
        """(3): what the other gates read, beside the input."""
        return np.concatenate([x, *(reads[gate] for gate in self.others)], axis=1)

    def below(self, params: Params) -> dict[str, Array]:
        """(4) and (5): the other blocks of ``U`` below ``W``, and ``U`` without them."""
        alone = {gate: np.zeros_like(params["U"]) for gate in self.blocks}
        for gate, block in self.blocks.items():
            alone[gate][block] = params["U"][block]
        W = np.concatenate([params["W"], *(alone[gate] for gate in self.others)])
        return {**params, "W": W, "U": alone[self.candidate]}

    def step_reading(
        self, params: Params, x: Array, state: Any, read: Array, noise: Any = None
    ) -> tuple[Any, Any]:
        """One step forward; see `Cell.step_reading`."""
        kept, inner = noise or (None, None)
        if kept is None:
            return self.cell.step_reading(params, x, state, read, inner)
        reads = self.reads(kept, read)  # (1)
        wide, below = self.beside(x, reads), self.below(params)  # (3) to (5)
        return self.cell.step_reading(below, wide, state, reads[self.candidate], inner)  # (2)

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
        if kept is None:
            return self.cell.step_reading_backward(
                params, x, state, read, record, new_state, dnew_state, inner
            )
        reads = self.reads(kept, read)
        dbelow, dwide, dstate, dread = self.cell.step_reading_backward(  # (2)
            self.below(params),
            self.beside(x, reads),
            state,
            reads[self.candidate],
            record,
            new_state,
            dnew_state,
            inner,
        )
        D, P = self.input_size, self.output_size
        ends = [D + k * P for k, _ in enumerate(self.others)]
        dW, *dU_others = np.split(dbelow["W"], ends)  # (4)
        dx, *dreads = np.split(dwide, ends, axis=1)  # (3)
        dU = self.by_gate(dU_others, dbelow["U"])  # (4), (5) with more columns than a gate has
        dU_blocks = [dU[gate][block] for gate, block in self.blocks.items()]
        by_gate = self.by_gate(dreads, dread).values()
        dread = np.sum([*map(self.kept_part, kept, by_gate)], axis=0)  # (1)
        return {**dbelow, "W": dW, "U": np.concatenate(dU_blocks, axis=1)}, dx, dstate, dread
