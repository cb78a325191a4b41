"""Dropout: in training, each number is kept with probability 1 - rate and scaled up, else zero."""

from __future__ import annotations

from typing import Any

import numpy as np

from npstack.core.arguments import check_flag, check_fraction
from npstack.core.arrays import check_noise
from npstack.core.numerics import Array, dropped
from npstack.core.params import Params
from npstack.core.tape import Tape
from npstack.layers.base import Layer
from npstack.layers.interface import Context, Interface, States


class Dropout(Layer):
    """Inverted dropout (Srivastava et al. 2014), element by element.

    Parameters
    ----------
    rate : float
        Fraction that is dropped, 0 ≤ rate < 1. The rest is divided by ``1 - rate``, so that the
        expectation does not change. Without ``rng`` the layer is the identity.
    each_step : bool
        True: new draws ``(B, T, D)`` for every time step. False: one draw ``(B, D)`` for all steps
        of a row, variational dropout (Gal & Ghahramani 2016).

    Examples
    --------
    >>> tape = Dropout(0.5).forward(np.ones((1, 4)), rng=np.random.default_rng(0))
    >>> tape.noise, tape.outputs
    (array([[ True, False, False, False]]), array([[2., 0., 0., 0.]]))
    """

    def __init__(self, rate: float, *, each_step: bool = True) -> None:
        self.rate = check_fraction("Dropout", "rate", rate, "It is dropped.")
        self.each_step = check_flag("Dropout", "each_step", each_step)
        super().__init__({}, Interface())

    def _forward(self, params: Params, x: Array, context: Context) -> Tape:
        kept = self.draw(x.shape, context)
        return Tape(params, x, context.mask, self._apply(kept, x), kept)

    def draw(self, shape: tuple[int, ...], context: Context) -> Array | None:
        """Which numbers of an input are kept: as before, drawn, or None outside of training."""
        if context.noise is not None:
            kept: Array = check_noise("Dropout.forward", context.noise, self._shape(shape))
            return kept
        if context.rng is not None:
            return context.rng.random(self._shape(shape)) >= self.rate
        return None

    def _backward(
        self, tape: Tape, doutputs: Array, dfinal: States
    ) -> tuple[dict[str, Array], Array, States]:
        return {}, self._apply(tape.noise, doutputs), ()

    def check_tape(self, where: str, tape: Any) -> None:
        super().check_tape(where, tape)
        if tape.noise is not None and tape.run is None:
            check_noise(f"{where}, tape.noise", tape.noise, self._shape(tape.x.shape))

    def _shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the draws for an input of a shape."""
        return shape if self.each_step else (shape[0], shape[-1])

    def _apply(self, kept: Array | None, values: Array) -> Array:
        """The layer is linear and symmetric: its backward is its forward."""
        if kept is None:
            return values
        if kept.ndim < values.ndim:
            kept = kept[:, np.newaxis]  # the same for all steps
        return dropped(values, kept, self.rate)
