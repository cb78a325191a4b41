"""Residual: what goes in is added to what comes out."""

from __future__ import annotations

from collections.abc import Iterator

from npstack.core.errors import ShapeError, fail
from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.core.tape import Tape
from npstack.layers.base import Context, Layer, States
from npstack.layers.wrapper import Wrapper, WrapperTape


class Residual(Wrapper):
    """A layer whose input is added to its output (He et al. 2016): ``y = x + layer(x)``.

    Parameters
    ----------
    layer : Layer
        It keeps the time axis, and hands on as many features as it takes.

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
        changed = not layer.keeps_time or layer.turned or layer.extra_axis
        if changed or layer.takes_symbols or layer.input_size != layer.output_size:
            expected = "layer must keep the time axis and hand on what it takes, D features"
            advice = "Its input is added to its output, step by step."
            fail(ShapeError, type(self).__name__, expected, layer, advice)

    def _forward(self, params: Params, x: Array, context: Context) -> WrapperTape:
        part = self.layer._forward(params, x, context)
        return WrapperTape(params, x, context.mask, x + part.outputs, part.noise, (part,))

    def _non_finite(self, path: str, tape: Tape) -> Iterator[tuple[str, int, str]]:
        yield from super()._non_finite(path, tape)
        yield from Layer._non_finite(self, path, tape)  # finite numbers, whose sum is not

    def _backward(
        self, tape: WrapperTape, doutputs: Array, dfinal: States
    ) -> tuple[dict[str, Array], Array, States]:
        dparams, dx, dinitial = self.layer._backward(tape.parts[0], doutputs, dfinal)
        assert dx is not None
        return dparams, doutputs + dx, dinitial
