"""What mistaken lines call, besides the names in the file that they change."""

from __future__ import annotations

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
