"""Cells put together to a layer, in one or two directions, and a layer taken apart into cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from npstack.cells.base import Cell
from npstack.cells.gru import GRUCell
from npstack.cells.lstm import LSTMCell
from npstack.cells.rnn import RNNCell
from npstack.core.errors import ArgumentError, fail
from npstack.layers import GRU, LSTM, RNN, Bidirectional, Layer, Recurrent, Reversed
from npstack.layers.chain import Chain
from npstack.layers.dropout import Dropout
from npstack.layers.gru import StackedGRU
from npstack.layers.rnn import StackedRNN
from npstack.layers.stacked import Stacked, StackedLSTM
from npstack.layers.stacked_bidirectional import StackedBidirectional

STACKS: dict[type[Cell], type[Stacked]] = {
    LSTMCell: StackedLSTM,
    GRUCell: StackedGRU,
    RNNCell: StackedRNN,
}
PLAIN: dict[type[Cell], type[Recurrent]] = {LSTMCell: LSTM, GRUCell: GRU, RNNCell: RNN}


def layer_of(
    cells: Sequence[Sequence[Cell]], *, backwards: bool, merge: str, return_sequences: bool
) -> Layer:
    """The layer with these cells: for each layer, one cell or one for each direction."""
    made: list[Layer] = []
    for k, own in enumerate(cells):
        full = return_sequences or k < len(cells) - 1
        ways = [_recurrent(cell, full) for cell in own]
        if len(ways) == 2:
            made.append(Bidirectional(*ways, merge=merge))
        else:
            made.append(Reversed(ways[0]) if backwards else ways[0])
    if len(made) == 1:
        return made[0]
    kinds = {type(cell) for own in cells for cell in own}
    one_way = STACKS.get(kinds.pop(), Stacked) if len(kinds) == 1 and not backwards else Stacked
    kind: type[Stacked] = StackedBidirectional if len(cells[0]) == 2 else one_way
    stack: Stacked = kind.__new__(kind)
    Chain.__init__(stack, {f"layers.{k}": layer for k, layer in enumerate(made)})
    return stack


def _recurrent(cell: Cell, full: bool) -> Recurrent:
    """The layer of one cell: of the class, and with the configuration, that it would have here."""
    kind = PLAIN.get(type(cell))
    if kind is None:
        return Recurrent(cell, return_sequences=full)
    options: dict[str, Any] = {"rng": None, "dtype": cell.params["W"].dtype.name}
    if isinstance(cell, GRUCell):
        options |= {"gate": cell.gate, "candidate": cell.candidate}
    elif isinstance(cell, RNNCell):
        options["activation"] = cell.activation
    sizes = cell.input_size, cell.hidden_size
    # Arguments of __new__ are the configuration; the constructor would draw parameters.
    layer: Recurrent = kind.__new__(kind, *sizes, return_sequences=full, **options)
    Recurrent.__init__(layer, cell, return_sequences=full)
    return layer


def cells_of(where: str, layer: Layer) -> tuple[list[list[Recurrent]], dict[str, bool | str]]:
    """The recurrent layers of a stack, by layer and direction, and how they are joined."""
    hows: list[dict[str, bool | str]] = []
    stack: list[Any] = list(layer.children.values()) if isinstance(layer, Chain) else [layer]
    found: list[list[Recurrent]] = []
    for own in stack:
        if isinstance(own, Dropout):
            continue
        how: dict[str, bool | str] = {"backwards": False, "merge": "concat"}
        if isinstance(own, Bidirectional):
            how["merge"] = own.merge
            reversed_way = own.children["backward"]
            ways = [own.children["forward"], *reversed_way.children.values()]
        elif isinstance(own, Reversed):
            how["backwards"] = True
            ways = list(own.children.values())
        else:
            ways = [own]
        if not all(isinstance(way, Recurrent) for way in ways):
            expected = "layer must be a recurrent layer, or a stack of them"
            advice = "Give its recurrent layers one by one: model.children holds them."
            fail(ArgumentError, where, expected, layer, advice)
        if own.interface.turned:
            expected = "outputs must be in the order of time (§8.2)"
            fail(ArgumentError, where, expected, "order='as_read'", "Use Reversed(layer).")
        found.append([way for way in ways if isinstance(way, Recurrent)])
        hows.append(how)
    if not found:
        advice = "For example LSTM(3, 8)."
        fail(ArgumentError, where, "layer must have a recurrent layer", layer, advice)
    if any(how != hows[0] for how in hows) or len({len(ways) for ways in found}) > 1:
        expected = "all layers of a stack must read in the same direction or directions"
        advice = "Give its layers one by one: model.children holds them."
        fail(ArgumentError, where, expected, layer, advice)
    return found, hows[0]
