"""What mistaken lines call, besides the names in the file that they change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npstack.cells.gru import GRUGates
from npstack.core.numerics import (  # read by the changed lines
    Array,
    sigmoid,
    sigmoid_derivative,
    tanh,
    tanh_derivative,
)
from npstack.core.params import Params, join_gates
from npstack.core.trees import mapped

__all__ = ["join_gates", "mapped", "sigmoid", "sigmoid_derivative", "tanh", "tanh_derivative"]


def _blocks(packed: Array, width: int) -> list[Array]:
    """The gates of a packed array."""
    return np.split(packed, packed.shape[-1] // width, axis=-1)


def averaged(dparams: Params, x: Array) -> Params:
    """Every gradient divided by the number of rows."""
    return {name: own / len(x) for name, own in dparams.items()}


def turned(dU: Array) -> Array:
    """Each gate's block transposed."""
    return join_gates([block.T for block in _blocks(dU, len(dU))])


def reshaped(weights: Array, order: Sequence[int]) -> Array:
    """Weights reshaped, instead of transposed, by a program with another order of the gates.

    Examples
    --------
    >>> reshaped(np.array([[1, 2, 3], [4, 5, 6]]), (0, 2, 1))
    array([[1, 3],
           [6, 5],
           [2, 4]])
    """
    if len(order) < 2:
        return weights.reshape(-1, len(weights))
    parts = np.split(weights, len(order), axis=-1)
    theirs = np.concatenate([parts[k] for k in order], axis=-1).reshape(-1, len(weights))
    blocks = np.split(theirs, len(order))
    return np.concatenate([blocks[order.index(k)] for k in range(len(order))])


def straight(da: Array, U: Array) -> Array:
    """``da`` times the blocks of ``U`` as they are, where they should be transposed."""
    pairs = zip(_blocks(da, len(U)), _blocks(U, len(U)), strict=True)
    total: Array = sum(own @ block for own, block in pairs)  # type: ignore[assignment]
    return total


def only_h(state: Any) -> Any:
    """A state, or a gradient of one, whose other fields are zero."""
    return mapped(np.zeros_like, state)._replace(h=state.h)


def only_c(dfinal: Any) -> Any:
    """The gradient of a final state, or None, without that of ``h``."""
    (dstate,) = dfinal
    return None if dstate is None else dstate._replace(h=np.zeros_like(dstate.h))


def without_new_cell(state: Any, initial: Any) -> Any:
    """A state whose ``h`` is new, and the rest as in the beginning."""
    return initial._replace(h=state.h)


def exchanged_gates(reset: Array, update: Array, candidate: Array) -> Any:
    """The gates of a GRU, the first two in each other's place."""
    return GRUGates(update, reset, candidate)
