"""An encoder–decoder as a layer that reads sources, so that the laws of layers can be tested on it.

The target is one row for all sources. The input is the source, with its mask and its states; the
outputs have the time axis of the target.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.core.tape import Tape
from npstack.layers.base import Layer
from npstack.layers.interface import Context, Interface, States
from npstack.layers.wrapper import WrapperTape
from npstack.seq2seq.encoder_decoder import EncoderDecoder
from npstack.seq2seq.pairs import SourceTarget


class SourceSide(Layer):
    """An encoder–decoder that reads sources, with a fixed target.

    Parameters
    ----------
    model : EncoderDecoder
        With ``handover="all"``: both sides have states of the same form.
    target : array (1, T, D), or integers (1, T)
        The input of the decoder, for all sources.
    """

    tape_type = WrapperTape

    def __init__(self, model: EncoderDecoder, target: Array) -> None:
        self.model, self.target = model, target
        read, written = model.encoder.interface, model.decoder.interface
        interface = Interface(
            input_size=read.input_size,
            output_size=written.output_size,
            needs_time=True,
            keeps_time=False,
            makes_time=True,
            takes_symbols=read.takes_symbols,
            causal=False,
        )
        super().__init__({}, interface, model.children, model.ways)

    @property
    def recurrent(self) -> tuple[Layer, ...]:
        """Those of the encoder, whose initial states are those of the model."""
        return self.model.encoder.recurrent

    def _forward(self, params: Params, x: Array, context: Context) -> Tape:
        target = np.repeat(self.target, len(x), axis=0)
        tape = self.model.forward(
            SourceTarget(x, target, context.mask),
            self.model.pack_states(context.states),
            rng=context.rng,
            params=params,
            noise=context.noise,
        )
        return WrapperTape(params, x, context.mask, tape.outputs, tape.noise, (tape,))

    def _backward(
        self, tape: WrapperTape, doutputs: Array, dfinal: States
    ) -> tuple[dict[str, Array], Array | None, States]:
        grads = self.model.backward(tape.parts[0], doutputs, self.model.decoder.pack_states(dfinal))
        assert isinstance(grads.x, SourceTarget)
        return grads.params, grads.x.source, self.model.unpack_states(grads.initial_states)

    def pack_states(self, states: States) -> Any:
        """As for the encoder."""
        return self.model.pack_states(states)

    def check_tape(self, where: str, tape: Any) -> None:
        """The tape of the whole model."""
        self.model.check_tape(where, tape.parts[0])

    def first_non_finite(self, tape: Tape, turned: bool = False) -> tuple[str, int, str] | None:
        """None: the model has checked already."""
        return None

    def _after(self, context: Context, tape: Tape) -> Context:
        return Context(mask=np.ones(tape.outputs.shape[:2], bool))

    def _outputs_shape(self, tape: Tape) -> tuple[int, ...]:
        return tape.parts[0].outputs.shape
