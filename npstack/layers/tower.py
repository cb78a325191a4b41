"""How a stack is built: layers of given sizes, with dropout between them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from npstack.cells.base import Cell
from npstack.core.arguments import check_flag, check_fraction, check_size
from npstack.core.errors import ArgumentError, describe, fail
from npstack.layers.base import Layer
from npstack.layers.dropout import Dropout
from npstack.layers.recurrent import Recurrent

Builder = Callable[[int, int, bool], Layer]  # of one layer: D, H, whether it keeps the sequence


def layer_builder(
    where: str, cell_type: Any, learn_initial: bool, options: dict[str, Any]
) -> Builder:
    """A function that builds a layer of a stack, from a cell type or from a layer type."""
    if not callable(cell_type):
        advice = "Give a class, such as LSTMCell, or a function that returns what it builds."
        fail(ArgumentError, where, "cell_type must build a cell", describe(cell_type), advice)
    learn_initial = check_flag(where, "learn_initial", learn_initial)
    builds_layers = "return_sequences" in inspect.signature(cell_type).parameters

    def build(input_size: int, size: int, full: bool) -> Layer:
        how = {"return_sequences": full, "learn_initial": learn_initial}
        given = {**options, **how} if builds_layers else options
        made: Any = cell_type(input_size, size, **given)
        if builds_layers and isinstance(made, Layer):
            return made
        if builds_layers or not isinstance(made, Cell):
            advice = "Give a class, such as LSTMCell, or a function that returns what it builds."
            fail(ArgumentError, where, "cell_type must build a cell", describe(made), advice)
        return Recurrent(made, **how)

    return build


def tower(
    where: str,
    build: Builder,
    input_size: int,
    sizes: Sequence[int],
    return_sequences: bool,
    dropout: float,
) -> dict[str, Layer]:
    """The children of a stack, by name: layers with dropout between them.

    Only the last may return less than its whole sequence.
    """
    dropout = check_fraction(where, "dropout", dropout, "It is dropped between layers.")
    return_sequences = check_flag(where, "return_sequences", return_sequences)
    children: dict[str, Layer] = {}
    below = input_size
    for k, size in enumerate(sizes):
        if k > 0 and dropout > 0:
            children[f"dropouts.{k - 1}"] = Dropout(dropout)
        last = k == len(sizes) - 1
        children[f"layers.{k}"] = made = build(below, size, return_sequences or not last)
        below = made.output_size or size
    return children


def stack_sizes(
    where: str, hidden_sizes: int | Sequence[int], num_layers: int | None
) -> tuple[int, ...]:
    """One size per layer, from a list of sizes or from one size and a count."""
    several = isinstance(hidden_sizes, list | tuple | range | np.ndarray)
    if several and np.ndim(hidden_sizes):
        assert not isinstance(hidden_sizes, int)
        if len(hidden_sizes) == 0 or num_layers not in (None, len(hidden_sizes)):
            fail(
                ArgumentError,
                where,
                "hidden_sizes must list one size per layer",
                f"{np.asarray(hidden_sizes).tolist()} with num_layers={num_layers}",
                "Leave num_layers out, or give one size and a count.",
            )
        return tuple(check_size(where, f"hidden_sizes[{k}]", n) for k, n in enumerate(hidden_sizes))
    advice = "Give one size for all layers, or a list of one size per layer."
    size = check_size(where, "hidden_sizes", hidden_sizes, advice)
    count = 1 if num_layers is None else check_size(where, "num_layers", num_layers)
    return (size,) * count
