"""RepeatVector: one vector, repeated at every step of a new time axis."""

from __future__ import annotations

import numpy as np

from npstack.core.arguments import check_size
from npstack.core.arrays import check_noise
from npstack.core.errors import ShapeError, fail
from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.core.tape import Tape
from npstack.layers.base import Layer
from npstack.layers.interface import Context, Interface, States


class RepeatVector(Layer):
    """The same vector at each of ``steps`` time steps: ``(B, D) -> (B, T, D)``.

    For use between an encoder that returns its last state and a decoder that needs a sequence. The
    new time axis is unrelated to that of the encoder, so no mask is passed on.

    Parameters
    ----------
    steps : int
        T of the new time axis.

    Examples
    --------
    >>> RepeatVector(3).forward(np.ones((2, 4))).outputs.shape
    (2, 3, 4)
    """

    def __init__(self, steps: int) -> None:
        self.steps = check_size("RepeatVector", "steps", steps)
        super().__init__(
            {},
            Interface(
                keeps_time=False,
                makes_time=True,
                takes_vector=True,
                causal=False,  # its first step has read everything
            ),
        )

    def _forward(self, params: Params, x: Array, context: Context) -> Tape:
        check_noise("RepeatVector.forward", context.noise, None)
        if x.ndim != 2:
            fail(
                ShapeError,
                "RepeatVector.forward",
                "x must be (B, D), one vector for each row",
                x.shape,
                "From an LSTM below? Build that one with return_sequences=False.",
            )
        return Tape(params, x, None, np.repeat(x[:, np.newaxis], self.steps, axis=1), None)

    def _backward(
        self, tape: Tape, doutputs: Array, dfinal: States
    ) -> tuple[dict[str, Array], Array, States]:
        return {}, doutputs.sum(axis=1), ()

    def _after(self, context: Context, tape: Tape) -> Context:
        return context.beyond_time(np.ones(tape.outputs.shape[:2], bool))

    def _outputs_shape(self, tape: Tape) -> tuple[int, ...]:
        return (len(tape.x), self.steps, tape.x.shape[-1])
