"""Residual: the input is added to the output."""

from __future__ import annotations

from npstack.core.errors import ShapeError, fail
from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.layers.base import Layer
from npstack.layers.boundary import tape_of
from npstack.layers.interface import Context, States
from npstack.layers.wrapper import Wrapper, WrapperTape


class Residual(Wrapper):
    """A layer whose input is added to its output (He et al. 2016): ``y = x + layer(x)``.

    Parameters
    ----------
    layer : Layer
        It keeps the time axis, and its output has as many features as its input.

    Examples
    --------
    >>> import numpy as np
    >>> from npstack import LSTM
    >>> layer = Residual(LSTM(3, 3, rng=np.random.default_rng(0)))
    >>> layer.forward(np.ones((2, 5, 3))).outputs.shape
    (2, 5, 3)
    """

    def __init__(self, layer: Layer) -> None:
        super().__init__(layer)
        own = layer.interface
        changed = not own.keeps_time or own.turned or own.extra_axis
        if changed or own.takes_symbols or own.input_size != own.output_size:
            expected = "layer must keep the time axis and output as many features as it reads, D"
            advice = "Its input is added to its output, step by step."
            fail(ShapeError, type(self).__name__, expected, layer, advice)

    def _forward(self, params: Params, x: Array, context: Context) -> WrapperTape:
        part = tape_of(self.layer, self.layer.pass_on(params, x, context))
        tape: WrapperTape = self.composed(params, x, context, x + part.outputs, [part])
        return tape

    def _backward(
        self, tape: WrapperTape, doutputs: Array, dfinal: States
    ) -> tuple[dict[str, Array], Array, States]:
        dparams, dx, dinitial = self.layer.pass_back(tape.parts[0], doutputs, dfinal)
        assert dx is not None
        return dparams, doutputs + dx, dinitial
