"""TimeDistributed: a layer without time, applied at every step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from npstack.core import params as names
from npstack.core.arrays import check_input, check_noise
from npstack.core.errors import ArgumentError, fail
from npstack.core.masks import zero_where_masked
from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.core.tape import Tape
from npstack.core.trees import at_step, mapped, named
from npstack.layers.base import Layer
from npstack.layers.boundary import check_kind, check_tape, tape_of
from npstack.layers.interface import Context, States
from npstack.layers.wrapper import Wrapper, WrapperTape


class TimeDistributed(Wrapper):
    """A layer without time, applied at each step separately: ``(B, T, D) -> (B, T, K)``.

    `Dense` and `Dropout` do this by themselves. Your own layer for ``(B, D)``, or a `Sequential` of
    such layers, needs this wrapper.

    Parameters
    ----------
    layer : Layer
        Feed-forward: it has no state.

    Examples
    --------
    >>> from npstack import Dense, Sequential
    >>> rng = np.random.default_rng(0)
    >>> head = Sequential(Dense(4, 8, activation="tanh", rng=rng), Dense(8, 1, rng=rng))
    >>> TimeDistributed(head).forward(np.ones((2, 5, 4))).outputs.shape
    (2, 5, 1)
    """

    by_step = True

    def __init__(self, layer: Layer) -> None:
        super().__init__(layer)
        own = layer.interface
        if layer.recurrent or own.needs_time or own.makes_time or own.takes_symbols:
            expected = "layer must be feed-forward, from (B, D) to (B, K)"
            advice = "It is applied to each step separately, so it can have no state."
            fail(ArgumentError, type(self).__name__, expected, layer, advice)
        self.interface = replace(own, needs_time=True, keeps_time=True)

    def _forward(self, params: Params, x: Array, context: Context) -> WrapperTape:
        assert context.mask is not None
        for draws in named("noise", context.noise).values():
            check_noise("TimeDistributed.forward", draws, (*x.shape[:2], *draws.shape[2:]))
        parts = tuple(
            self.layer.pass_on(
                params, x[:, t], Context(rng=context.rng, noise=at_step(context.noise, t))
            )
            for t in range(x.shape[1])
        )
        tape_of(self.layer, parts[0])
        outputs = np.stack([part.outputs for part in parts], axis=1)
        outputs = zero_where_masked(outputs, context.mask)
        drawn = mapped(lambda *steps: np.stack(steps, axis=1), *(part.noise for part in parts))
        ways = self.ways * len(parts)
        return WrapperTape(params, x, context.mask, outputs, drawn, parts, ways=ways)

    def _backward(
        self, tape: WrapperTape, doutputs: Array, dfinal: States
    ) -> tuple[dict[str, Array], Array, States]:
        dparams = {name: np.zeros_like(value) for name, value in tape.params.items()}
        dx = np.zeros_like(tape.x)
        for t, part in enumerate(tape.parts):
            dstep, dx[:, t], _ = self.layer.pass_back(part, doutputs[:, t], ())
            for name, value in dstep.items():
                dparams[name] += value
        return dparams, dx, ()

    def check_tape(self, where: str, tape: object) -> None:
        check_kind(self, where, tape)
        assert isinstance(tape, WrapperTape)
        dtype = names.dtype_of(tape.params)
        check_input(f"{where}, tape.x", tape.x, self.input_size, dtype, True)
        check_tape(self, where, tape, tape.x.shape[1])  # one part per time step
        for t, part in enumerate(tape.parts):
            self.layer.check_tape(f"{where}, time step {t}", part)

    def _outputs_shape(self, tape: Tape) -> tuple[int, ...]:
        batch, *features = self.layer._outputs_shape(tape.parts[0])
        return (batch, tape.x.shape[1], *features)

    def first_non_finite(self, tape: Tape, turned: bool = False) -> tuple[str, int, str] | None:
        """The first step with NaN or infinity, and the layer in which it appeared."""
        for t, part in enumerate(tape.parts):
            found = self.layer.first_non_finite(part)
            if found is not None:
                step = len(tape.parts) - 1 - t if turned else t
                return found[0], step, found[2]
        return None
