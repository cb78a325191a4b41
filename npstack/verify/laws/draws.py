"""The draws of a model that belong to given time steps of its input."""

from __future__ import annotations

from typing import Any

from npstack.core.numerics import Array
from npstack.core.trees import mapped
from npstack.layers.base import Layer
from npstack.layers.walk import Visit, map_noise


def draws_of_steps(layer: Layer, noise: Any, steps: Array, T: int) -> Any:
    """The noise of a pass over some time steps of a sequence of ``T``.

    A layer that reads backwards has its draws in the order of reading, and so have the layers
    above it if its outputs stay in that order. Draws ``(B, H)`` are for all steps; draws of layers
    with another time axis than that of the input do not change.

    Examples
    --------
    >>> import numpy as np
    >>> from npstack import Dropout
    >>> draws = np.zeros((2, 5, 3), bool)
    >>> draws_of_steps(Dropout(0.1), draws, np.array([0, 4]), 5).shape
    (2, 2, 3)
    """

    def own(visit: Visit) -> Any:
        read = _mirrored(steps, T) if visit.turned else steps
        if not visit.same_time:
            return visit.noise
        return mapped(lambda a: a[:, read] if a.ndim == 3 and a.shape[1] == T else a, visit.noise)

    return map_noise(layer, noise, own)


def _mirrored(steps: Array, T: int) -> Array:
    """The same steps where time is read from its end."""
    return T - 1 - steps[::-1]
