"""Notebook 5: stacking, and return_sequences."""

from __future__ import annotations

from typing import Any

import numpy as np

from npstack.cells.lstm import LSTMCell
from npstack.core.errors import ShapeError
from npstack.core.numerics import Array
from npstack.core.params import count
from npstack.layers.base import Layer
from npstack.layers.dense import Dense
from npstack.layers.lstm import LSTM
from npstack.layers.recurrent import Recurrent
from npstack.layers.sequential import Sequential
from npstack.layers.stacked import StackedLSTM
from npstack.lessons.checking import Task
from npstack.lessons.tasks.course import tape_of

Weights = tuple[Array, Array, Array]


def parameters(inputs: int, sizes: tuple[int, ...]) -> int:
    """How many parameters npstack's stack has."""
    return count(StackedLSTM(inputs, list(sizes), rng=np.random.default_rng(0)).params)


def read_by_the_last() -> tuple[int, ...]:
    """The shape of what the last LSTM of the model in the exercise reads."""
    rng = np.random.default_rng(0)
    last = LSTM(16, 4, return_sequences=False, rng=rng)
    model = Sequential(LSTM(5, 32, rng=rng), LSTM(32, 16, rng=rng), last, Dense(4, 1, rng=rng))
    return model.forward(np.zeros((8, 20, 5))).layers[-1].x.shape


# ---- which of them are refused -----------------------------------------------------------------

# Each layer: its kind, its size, and whether it returns sequences.
PROGRAMS = {
    "a": (("LSTM", 3, True), ("LSTM", 2, False)),
    "b": (("LSTM", 3, False), ("Dense", 4, True), ("LSTM", 2, True)),
    "c": (("LSTM", 3, True), ("Dense", 4, True), ("LSTM", 2, False)),
    "d": (("LSTM", 3, False), ("LSTM", 2, True)),
    "e": (("LSTM", 3, True), ("LSTM", 2, True), ("Dense", 1, True)),
}


def refused() -> str:
    """The letters of the programs that cannot be built."""
    return "".join(name for name, layers in PROGRAMS.items() if not _builds(layers))


def _builds(described: tuple[tuple[str, int, bool], ...]) -> bool:
    rng, below, layers = np.random.default_rng(0), 1, list[Layer]()
    for kind, size, full in described:
        recurrent = kind == "LSTM"
        layers.append(
            LSTM(below, size, return_sequences=full, rng=rng)
            if recurrent
            else Dense(below, size, rng=rng)
        )
        below = size
    try:
        Sequential(*layers)
    except ShapeError:
        return False
    return True


def ways(layers: int, steps: int) -> int:
    """How many ways lead from x(0) to the top layer, some steps later: ahead, or up."""
    found = np.ones(layers, int)  # to each layer at step 0
    for _ in range(steps):
        found = np.cumsum(found)  # from the step before, or from the layer below
    return int(found[-1])


# ---- functions ---------------------------------------------------------------------------------


def draw_sizes(rng: np.random.Generator) -> tuple[int, tuple[int, ...]]:
    """D, and H of each layer."""
    sizes = rng.choice(np.arange(2, 40), int(rng.integers(2, 5)), replace=False)
    return int(rng.integers(41, 50)), tuple(map(int, sizes))


def counted(inputs: int, sizes: tuple[int, ...], **changed: Any) -> int:
    """A count with a mistake."""
    total, below = 0, inputs
    for size in sizes:
        read = size if changed.get("early") else below
        total += 4 * size * (read + size + changed.get("bias", 1))
        below = below + size if changed.get("all_below") else size
        below = inputs if changed.get("same_input") else below
        below *= changed.get("times", 1)
    return total


def draw(rng: np.random.Generator) -> tuple[Array, tuple[Weights, ...]]:
    """x, and W, U, b of each layer."""
    B, T, D = (int(n) for n in rng.integers(3, 6, 3))
    layers, below, normal = list[Weights](), D, rng.standard_normal
    for H in map(int, rng.permutation([2, 3, 4])):
        layers.append((normal((below, 4 * H)), normal((H, 4 * H)), normal(4 * H)))
        below = H
    return normal((B, T, D)), tuple(layers)


def stack(x: Array, layers: tuple[Weights, ...]) -> Array:
    """The hidden states of the top layer."""
    model = Sequential(*(Recurrent(LSTMCell.from_params(*own)) for own in layers))
    return model.forward(x).outputs


def passing(on: Any) -> Any:
    """A stack in which each layer passes on something else than its outputs."""

    def made(x: Array, layers: tuple[Weights, ...]) -> Array:
        for own in layers[:-1]:
            x = on(tape_of(x, *own))
        return tape_of(x, *layers[-1]).outputs

    return made


TASKS = (
    Task(
        "5.1",
        "how many parameters the two LSTM layers have together",
        lambda: parameters(1, (3, 2)),
        {
            "This is the first layer alone.": lambda: parameters(1, (3,)),
            "This is the second layer alone.": lambda: parameters(3, (2,)),
            "The second layer reads the hidden states of the first, not the series: D = 3.": (
                lambda: parameters(1, (3,)) + parameters(1, (2,))
            ),
            "The biases are missing.": lambda: counted(1, (3, 2), bias=0),
            "This is one of the four gates.": lambda: parameters(1, (3, 2)) // 4,
            "The second layer reads h of the first alone, not h and c: D = 3.": (
                lambda: counted(1, (3, 2), times=2)
            ),
        },
        "4H(D + H + 1) for each layer; D of the second is H of the first.",
    ),
    Task(
        "5.2",
        "the shape of what the last LSTM reads: a tuple",
        read_by_the_last,
        {
            "The layer below returns sequences: the steps are missing.": lambda: (8, 16),
            "This is a sequence of its own outputs; asked is its input.": lambda: (8, 20, 4),
            "This is what the LSTM below reads.": lambda: (8, 20, 32),
            "This is what the last LSTM returns.": lambda: (8, 4),
            "This is what the first LSTM reads.": lambda: (8, 20, 5),
        },
        "It is what the layer directly below passes on.",
    ),
    Task(
        "5.3",
        "the letters of the programs that are refused",
        refused,
        {
            "c is built: a Dense on a sequence acts on every step and gives a sequence.": (
                lambda: "bcd"
            ),
            "a is built: nothing reads a sequence above its last layer.": lambda: "abd",
            "e is built: a Dense reads sequences, too.": lambda: "bde",
            "These are the programs that can be built.": lambda: "ace",
        },
        "Go upwards: is it a sequence or one vector? Only an LSTM insists on a sequence.",
        letters=True,
    ),
    Task(
        "5.4",
        "how many ways lead from x(0) to the output at step 4 through three layers",
        lambda: ways(3, 4),
        {
            "This is the output at step 3.": lambda: ways(3, 3),
            "This is the output at step 5.": lambda: ways(3, 5),
            "This is for two layers.": lambda: ways(2, 4),
            "This is for four layers.": lambda: ways(4, 4),
            "Layers cannot be chosen freely at each step: a way never goes down.": lambda: 3**4,
            "A way may go ahead in several layers, not only in one.": lambda: 3,
        },
        "Write the number of ways to each box, step by step: from the left, plus from below.",
    ),
    Task(
        "5.5",
        "a function parameters(D, sizes) that returns the number of parameters of a stack",
        parameters,
        {
            "Only the first layer reads D numbers; the others read the H of the layer below.": (
                lambda D, sizes: counted(D, sizes, same_input=True)
            ),
            "The biases are missing.": lambda D, sizes: counted(D, sizes, bias=0),
            "There are two biases for each gate, as in PyTorch; npstack has one.": (
                lambda D, sizes: counted(D, sizes, bias=2)
            ),
            "This is one of the four gates.": lambda D, sizes: counted(D, sizes) // 4,
            "A layer reads h of the layer below, not h and c.": (
                lambda D, sizes: counted(D, sizes, times=2)
            ),
            "This is the first layer alone.": lambda D, sizes: counted(D, sizes[:1]),
            "D becomes H too early: each layer counts as if it read its own size.": (
                lambda D, sizes: counted(D, sizes, early=True)
            ),
            "A layer reads the layer directly below, not everything that is below it.": (
                lambda D, sizes: counted(D, sizes, all_below=True)
            ),
        },
        "Go through the sizes, and remember the size of the layer below.",
        draw_sizes,
    ),
    Task(
        "5.6",
        "a function stack(x, layers) that returns the hidden states of the top layer, (B, T, H)",
        stack,
        {
            "Each layer above reads the last hidden state at every step; it needs all of them.": (
                passing(lambda tape: np.repeat(tape.final.h[:, None], tape.x.shape[1], axis=1))
            ),
            "The layers above read c; the cell state is private, h is passed on.": (
                passing(lambda tape: tape.states.c)
            ),
            "The layers above read a sequence that is reversed.": (
                passing(lambda tape: tape.outputs[:, ::-1])
            ),
            "This is the last step of the top layer; return every step.": (
                lambda x, layers: stack(x, layers)[:, -1]
            ),
            "This is the bottom layer alone.": lambda x, layers: tape_of(x, *layers[0]).outputs,
            "The top layer is missing.": lambda x, layers: stack(x, layers[:-1]),
        },
        "The outputs of a layer are the x of the next one.",
        draw,
        simpler=("With one layer alone", lambda x, layers: (x, layers[:1])),
    ),
)
