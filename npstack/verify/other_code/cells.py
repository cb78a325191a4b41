"""A cell of a user's file, which inherits from `npstack.Cell`, as a layer of this process."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

from npstack.cells.base import Cell
from npstack.verify.other_code.agreement import sample
from npstack.verify.other_code.calls import Function
from npstack.verify.other_code.program import Program
from npstack.verify.other_code.steps import StepCell, StepPair

BASES = {
    "LSTMCell": "lstm",
    "GRUCell": "gru",
    "GRUResetBeforeCell": "gru_reset_before",
    "RNNCell": "rnn",
}
OWN = "own"  # the kind of a cell that is none of npstack's


class DeclaredCell(Cell):
    """What a cell in another process declares: its parameters, their axes, its state."""

    def __init__(self, declared: dict[str, Any], input_size: int, hidden_size: int) -> None:
        self.input_size, self.hidden_size = input_size, hidden_size
        self.params, self.letters = declared["params"], declared["letters"]
        state = declared["state"]
        self.state_sizes = namedtuple("State", state)(**state)
        self.axes = {name: tuple(axes) for name, axes in declared["axes"].items()}


def layer_of_cell(
    program: Program, name: str, input_size: int, hidden_size: int, dtype: Any, rng: Any
) -> StepPair:
    """Build a cell of a file, and run it over time, each step in the other process."""
    seed = int(rng.integers(2**32))
    declared, forward, backward = program.build(name, input_size, hidden_size, dtype, seed)
    model = DeclaredCell(declared, input_size, hidden_size)
    kinds = (BASES[base] for base in declared["bases"] if base in BASES)
    steps = Function(forward, f"{name}.step"), Function(backward, f"{name}.step_backward")
    layer = StepPair(StepCell(model, *steps, ""), next(kinds, OWN))
    x, state = sample(layer.cell, 3, layer.dtype, rng)
    tape = layer.forward(x, state)
    layer.backward(tape, tape.outputs)
    return layer
