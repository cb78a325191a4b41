"""The cells that people write, and the order in which they pack the gates.

A layer made of a user's functions has npstack's parameters: its names, its shapes, its order of
the gates. Here they are turned into what the functions take, and gradients are turned back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np

from npstack.cells.base import Cell
from npstack.cells.catalogue import CELLS
from npstack.cells.gru import GRUCell
from npstack.core.arguments import check_option
from npstack.core.errors import ArgumentError, describe, fail
from npstack.core.numerics import Array
from npstack.core.params import Params

KINDS = {
    "lstm": "lstm",
    "gru": "gru",
    "gru_reset_before": "gru, reset before",
    "rnn": "rnn",
    "peephole": "lstm, peepholes",
}
ONE_BIAS = "gru with one bias"
OTHER_LETTERS = {"c": "g", "h": "n"}  # of the candidate, in other books: an LSTM's, a GRU's
KEEPS_NEW = "Z"  # z of h = (1 - z) * h' + z * n, which is 1 - z of npstack


class OneBiasGRUCell(GRUCell):
    """The GRU that resets after the product, without its second bias, as many people write it.

    Examples
    --------
    >>> list(OneBiasGRUCell(2, 3, rng=np.random.default_rng(0)).params)
    ['W', 'U', 'b']
    """

    def __init__(self, *sizes: Any, **options: Any) -> None:
        super().__init__(*sizes, **options)
        self.params = {name: self.params[name] for name in "WUb"}
        self.axes = {name: self.axes[name] for name in "WUb"}

    @staticmethod
    def sums(params: Params, x: Array, read: Array) -> tuple[Array, Array, Array, Array]:
        """As in `GRUCell`, with a second bias of zero."""
        zero = np.zeros_like(params["b"][: read.shape[-1]])
        return GRUCell.sums({**params, "b_recurrent": zero}, x, read)

    def step_backward(self, *given: Any) -> Any:
        """As in `GRUCell`, without the gradient of the second bias."""
        dparams, dx, dstate = super().step_backward(*given)
        return {name: value for name, value in dparams.items() if name in self.params}, dx, dstate


def drawn_cell(kind: str, input_size: int, hidden_size: int, rng: Any, dtype: Any) -> Cell:
    """npstack's own cell of a kind, with random biases."""
    if kind == ONE_BIAS:
        options: dict[str, Any] = {"rng": rng, "dtype": dtype, "bias_init": "uniform"}
        return OneBiasGRUCell(input_size, hidden_size, **options)
    return CELLS[KINDS[kind]](input_size, hidden_size, rng, dtype)


@dataclass(frozen=True)
class Packing:
    """The order of the gates in a user's parameters.

    Attributes
    ----------
    cell : Cell
        npstack's, whose ``axes`` and ``letters`` say how its own parameters are packed.
    order : str
        One letter for each gate, ``"ifog"``; ``Z`` is an update gate that keeps the new state.

    Examples
    --------
    >>> from npstack import LSTMCell
    >>> packing = Packing(LSTMCell(1, 1, rng=np.random.default_rng(0)), "ifog")
    >>> packing.theirs("b", np.array([1.0, 2.0, 3.0, 4.0]))
    array([1., 2., 4., 3.])
    >>> packing.ours("b", np.array([1.0, 2.0, 4.0, 3.0]))
    array([1., 2., 3., 4.])
    """

    cell: Cell
    order: str

    def _blocks(self, name: str) -> list[tuple[Any, slice, float]]:
        """For each gate in their order: its place in ours, its place in theirs, and its sign."""
        ours = {self.cell.letters[g]: at for g, at in self.cell.gate_blocks(name).items()}
        packed = [letter for letter in self.order if letter.lower() in ours]
        H = self.cell.hidden_size
        return [
            (ours[letter.lower()], slice(k * H, (k + 1) * H), -1.0 if letter == KEEPS_NEW else 1.0)
            for k, letter in enumerate(packed)
        ]

    def theirs(self, name: str, value: Array) -> Array:
        """A parameter of npstack in their order."""
        made = np.array(value)
        for ours, theirs, sign in self._blocks(name):
            made[..., theirs] = value[ours] if sign > 0 else -value[ours]
        return made

    def ours(self, name: str, value: Array) -> Array:
        """A parameter of theirs, or its gradient, in npstack's order."""
        made = np.array(value)
        for ours, theirs, sign in self._blocks(name):
            made[ours] = value[..., theirs] if sign > 0 else -value[..., theirs]
        return made


def check_order(where: str, cell: Cell, gates: object) -> str:
    """Check the order of the gates that a user named: each letter once.

    Examples
    --------
    >>> from npstack import LSTMCell
    >>> check_order("foreign", LSTMCell(1, 1, rng=np.random.default_rng(0)), "ifoc")
    'ifog'
    """
    letters = usual_order(cell)
    order = gates if isinstance(gates, str) else ""
    if set(letters) != set(order.lower()):
        order = "".join(OTHER_LETTERS.get(letter, letter) for letter in order)
    right = sorted(order.replace(KEEPS_NEW, "z")) == sorted(letters)
    if not right or (KEEPS_NEW in order and "z" not in letters):
        expected = f"gates must name each of {', '.join(letters)} once, in the order of the packing"
        advice = f"If Wx is [W_{' W_'.join(letters)}] side by side, it is gates={letters!r}."
        fail(ArgumentError, where, expected, describe(gates), advice)
    return order


def usual_order(cell: Cell) -> str:
    """npstack's own order."""
    return "".join(cell.letters[gate] for gate in cell.gate_blocks("b"))


def usual_order_of(kind: str) -> str:
    """npstack's own order for a kind of cell.

    Examples
    --------
    >>> usual_order_of("gru")
    'rzn'
    """
    return usual_order(drawn_cell(kind, 1, 1, np.random.default_rng(0), float))


def orders(cell: Cell) -> Iterator[str]:
    """Every order of the gates, npstack's first; for a GRU, with both meanings of z."""
    usual = usual_order(cell)
    for letters in (usual, usual.replace("z", KEEPS_NEW)) if "z" in usual else (usual,):
        yield from map("".join, permutations(letters))


def check_kind(where: str, kind: object) -> str:
    """Check the name of a cell."""
    return check_option(where, "cell", kind, KINDS)
