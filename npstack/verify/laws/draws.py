"""Which draws of a model belong to which time steps of its input."""

from __future__ import annotations

from typing import Any

from npstack.core.numerics import Array
from npstack.core.trees import mapped
from npstack.layers.base import Layer
from npstack.layers.composite import Chain, Composite
from npstack.layers.reversed import Reversed
from npstack.layers.time_distributed import TimeDistributed
from npstack.layers.wrapper import Wrapper


def draws_of_steps(layer: Layer, noise: Any, steps: Array, T: int) -> Any:
    """The noise of a pass over some time steps of a sequence of ``T``.

    A layer that reads time from its end has its draws in the order in which it reads, and so have
    the layers above one that leaves its outputs in that order. Draws ``(B, H)`` are for all steps;
    those of layers that have another time axis than the input's stay as they are.

    Examples
    --------
    >>> import numpy as np
    >>> from npstack import Dropout
    >>> draws = np.zeros((2, 5, 3), bool)
    >>> draws_of_steps(Dropout(0.1), draws, np.array([0, 4]), 5).shape
    (2, 2, 3)
    """
    if isinstance(layer, Reversed):
        return draws_of_steps(layer.layer, noise, _mirrored(steps, T), T)
    if isinstance(layer, Wrapper) and not isinstance(layer, TimeDistributed):
        return draws_of_steps(layer.layer, noise, steps, T)
    if not isinstance(layer, Composite):
        return mapped(lambda a: a[:, steps] if a.ndim == 3 and a.shape[1] == T else a, noise)
    found, same_axis = [], True
    for child, own in zip(layer.children.values(), noise, strict=True):
        found.append(draws_of_steps(child, own, steps, T) if same_axis else own)
        if isinstance(layer, Chain):
            same_axis &= child.keeps_time
            steps = _mirrored(steps, T) if child.turned else steps
    return tuple(found)


def _mirrored(steps: Array, T: int) -> Array:
    """The same steps where time is read from its end."""
    return T - 1 - steps[::-1]
