"""Dropout: in training, each number is kept with probability 1 - rate and scaled up, else zero."""

from __future__ import annotations

from typing import Any

import numpy as np

from npstack import shapes
from npstack.layers.base import Layer, Mask, States
from npstack.numerics import Array
from npstack.params import Params
from npstack.tape import Tape


class Dropout(Layer):
    """Inverted dropout (Srivastava et al. 2014), element by element, step by step.

    Parameters
    ----------
    rate : float
        Fraction that is dropped, 0 ≤ rate < 1. What is kept is divided by ``1 - rate``, so that
        the expectation stays. Without ``rng`` the layer is the identity.

    Examples
    --------
    >>> tape = Dropout(0.5).forward(np.ones((1, 4)), rng=np.random.default_rng(0))
    >>> tape.noise, tape.outputs
    (array([[ True, False, False, False]]), array([[2., 0., 0., 0.]]))
    """

    def __init__(self, rate: float) -> None:
        self.rate = shapes.check_fraction("Dropout", "rate", rate, "It is dropped.")
        super().__init__({})

    def _forward(
        self,
        params: Params,
        x: Array,
        states: States,
        mask: Mask,
        rng: np.random.Generator | None,
        noise: Any,
    ) -> Tape:
        kept = None
        if noise is not None:
            kept = shapes.check_noise("Dropout.forward", noise, x.shape)
        elif rng is not None:
            kept = rng.random(x.shape) >= self.rate
        return Tape(params, x, mask, self._apply(kept, x), kept)

    def _backward(
        self, tape: Tape, doutputs: Array, dfinal: States
    ) -> tuple[dict[str, Array], Array, States]:
        return {}, self._apply(tape.noise, doutputs), ()

    def _check_tape(self, where: str, tape: Any) -> None:
        super()._check_tape(where, tape)
        if tape.noise is not None:
            shapes.check_noise(f"{where}, tape.noise", tape.noise, tape.x.shape)

    def _apply(self, kept: Array | None, values: Array) -> Array:
        """The layer is linear and symmetric: its backward is its forward."""
        if kept is None:
            return values
        return np.where(kept, values / (1 - self.rate), np.zeros_like(values))
