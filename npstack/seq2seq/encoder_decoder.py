"""Encoder and decoder: one deep stack reads a sequence, another writes one (Sutskever et al. 2014).

::

    source (B, S) -> encoder -> final state of every layer
                                   |  layer k to layer k
                                   v
    target_in (B, T) -> decoder, which begins with these states -> outputs (B, T, K)

In training, the decoder reads the true target, shifted right by one step (teacher forcing): at step
``t`` it reads the correct output of step ``t - 1``. In use, it reads its own outputs
(`greedy_decode`).

Backward, the decoder's gradient by its initial states *is* the encoder's gradient by its final
states. Nothing else connects the two sides, and the encoder's outputs are not used.

A deep encoder has one final state *per layer*. If only the last layer's state is passed on, as in
programs for a single layer, the other layers of the decoder begin at zero; ``handover="top"`` does
this on purpose, to measure the effect.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from npstack.core import params as names
from npstack.core.arguments import check_flag, check_option
from npstack.core.errors import (
    ArgumentError,
    NpstackError,
    fail,
)
from npstack.core.masks import check_mask
from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.core.tape import CompositeTape, Gradients, Tape, Way
from npstack.layers.base import Layer
from npstack.layers.boundary import check_kind, check_layer, check_own_params, check_parts
from npstack.layers.interface import Context, Mask, States
from npstack.layers.twins import Engine, check_engine
from npstack.seq2seq.pairs import SourceTarget, check_pair, reverse_valid
from npstack.seq2seq.sides import check_ends, check_sizes

HANDOVERS = ("all", "top")


@dataclass(frozen=True, eq=False, repr=False)
class EncoderDecoderTape(CompositeTape):
    """One forward pass of both sides; ``parts`` are the encoder's tape and the decoder's."""

    @property
    def initial(self) -> Any:
        """The initial states of the encoder."""
        return self.parts[0].initial

    @property
    def final(self) -> Any:
        """The final states of the decoder."""
        return self.parts[1].final


class EncoderDecoder(Layer):
    """Two deep stacks; the final states of the first are the initial states of the second.

    Parameters
    ----------
    encoder : Layer
        A stack, or ``Sequential(Embedding(…), StackedLSTM(…))``; it ends in a recurrent layer.
    decoder : Layer
        The same with a head, ``Sequential(Embedding(…), StackedLSTM(…), Dense(…))``; it keeps the
        time axis.
    handover : {"all", "top"}
        ``all``: every layer's final state goes to the same layer of the decoder, which must have
        the same number of layers, of the same sizes. ``top``: only the state of the encoder's last
        layer is passed, to the decoder's first layer; the others begin at zero.
    reverse_source : bool
        The encoder reads the valid part of each row backwards, so that the words for the beginning
        of the target are read last (Sutskever et al. 2014, section 3.3).

    Notes
    -----
    Parameters are named ``encoder.0.W``, ``decoder.1.layers.0.U``. ``tape.parts`` are the encoder's
    tape and the decoder's; ``tape.layers`` are the recurrent layers of both, encoder first.

    Raises
    ------
    ShapeError, ArgumentError
        The sides do not fit each other; the message names the layers.

    Examples
    --------
    >>> from npstack import Dense, Embedding, Sequential, StackedLSTM, shift_right
    >>> rng = np.random.default_rng(0)
    >>> encoder = Sequential(Embedding(10, 4, rng=rng), StackedLSTM(4, [8, 6], rng=rng))
    >>> decoder = Sequential(
    ...     Embedding(5, 3, rng=rng), StackedLSTM(3, [8, 6], rng=rng), Dense(6, 5, rng=rng)
    ... )
    >>> model = EncoderDecoder(encoder, decoder, reverse_source=True)
    >>> source, target = np.array([[7, 1, 3, 0]]), np.array([[2, 4, 1]])
    >>> tape = model.forward(SourceTarget(source, shift_right(target, start=0)))
    >>> tape.outputs.shape
    (1, 3, 5)
    >>> model.backward(tape, np.ones((1, 3, 5))).params["encoder.1.layers.0.U"].shape
    (8, 32)
    """

    tape_type = EncoderDecoderTape

    def __init__(
        self,
        encoder: Layer,
        decoder: Layer,
        *,
        handover: str = "all",
        reverse_source: bool = False,
    ) -> None:
        where = type(self).__name__
        self.handover = check_option(where, "handover", handover, HANDOVERS)
        self.reverse_source = check_flag(where, "reverse_source", reverse_source)
        for side, layer in {"encoder": encoder, "decoder": decoder}.items():
            check_layer(where, side, layer)
            if not layer.recurrent:
                advice = "The two sides are joined by the states of their recurrent layers."
                fail(ArgumentError, where, f"{side} must hold a recurrent layer", layer, advice)
        check_ends(where, encoder, decoder)
        check_sizes(where, encoder, decoder, handover)
        sides = {"encoder": encoder, "decoder": decoder}
        ways = [Way("encoder"), Way("decoder", same_time=False)]
        interface = replace(
            decoder.interface,
            takes_pair=True,
            causal=encoder.interface.causal and decoder.interface.causal,
        )
        super().__init__({}, interface, sides, ways)

    @property
    def encoder(self) -> Layer:
        """The encoder."""
        return self.children["encoder"]

    @property
    def decoder(self) -> Layer:
        """The decoder."""
        return self.children["decoder"]

    # ---- forward and backward ------------------------------------------------------------------

    def forward(
        self,
        x: Any,
        states: Any = None,
        *,
        mask: Mask = None,
        lengths: Sequence[int] | Array | None = None,
        resets: Mask = None,
        rng: np.random.Generator | None = None,
        params: Params | None = None,
        noise: Any = None,
        engine: Engine | str | None = None,
    ) -> CompositeTape:
        """Run the encoder, then the decoder on the given target, from the encoder's final states.

        Parameters
        ----------
        x : SourceTarget
            ``(source, target_in)``, and the source's mask.
        states : tuple of one state per recurrent layer of the encoder, optional
            Initial states of the encoder; zeros by default.
        mask, lengths, resets : arrays (B, T), (B,), (B, T), optional
            Of the target.
        rng, params, noise, engine
            As for every layer.

        Returns
        -------
        CompositeTape
            ``tape.outputs`` are those of the decoder.
        """
        where = f"{type(self).__name__}.forward"
        x = check_pair(where, x)
        params = check_own_params(self, where, params)
        noise = self.noise_shares(noise)
        chosen = self.engine if engine is None else check_engine(where, engine)
        read = self._encode(x, states, params, rng=rng, noise=noise[0], engine=chosen)
        with _in_the("decoder"):
            written = self.decoder.forward(
                x.target_in,
                self._handed_over(read),
                mask=mask,
                lengths=lengths,
                resets=resets,
                rng=rng,
                params=names.without_prefix("decoder", params),
                noise=noise[1],
                engine=chosen,
            )
        used: Any = SourceTarget(self._in_order(read.x, read), written.x, read.mask)
        context = Context(mask=written.mask)
        tape: CompositeTape = self.composed(params, used, context, written.outputs, [read, written])
        return tape.protected()

    def backward(
        self,
        tape: Tape,
        doutputs: Array | None = None,
        dfinal_states: Any = None,
        *,
        need_x: bool = True,
    ) -> Gradients:
        """Read the decoder's tape, then the encoder's.

        Parameters
        ----------
        tape : CompositeTape
            From `forward`.
        doutputs : array (B, T, K), optional
            Derivative of the loss by the outputs.
        dfinal_states : tuple of one state per recurrent layer of the decoder, optional
            Derivative of the loss by the final states of the decoder.
        need_x : bool
            False: the derivatives by source and target are left out.

        Returns
        -------
        Gradients
            ``x`` is a SourceTarget (None for symbols); ``initial_states`` are the encoder's.
        """
        where = f"{type(self).__name__}.backward"
        self.check_tape(where, tape)
        read, written = tape.parts
        with _in_the("decoder"):
            after = self.decoder.backward(written, doutputs, dfinal_states, need_x=need_x)
        with _in_the("encoder"):
            handed = self._handed_back(after.initial_states)
            before = self.encoder.backward(read, None, handed, need_x=need_x)
        grads = names.with_prefix("encoder", before.params)
        grads |= names.with_prefix("decoder", after.params)
        dsource = None if before.x is None else self._in_order(before.x, read)
        dx: Any = SourceTarget(dsource, after.x)
        return Gradients(grads, dx, before.initial_states)

    def encode(self, source: Array, source_mask: Mask = None) -> Any:
        """Run the encoder on a source; return the initial states of the decoder.

        Parameters
        ----------
        source : array (B, S, D), or integers (B, S)
        source_mask : bool array (B, S), optional
            True at valid steps.

        Returns
        -------
        state, or tuple of one state per recurrent layer
            For ``decoder.forward(…, states)``; None stands for zeros.
        """
        where = f"{type(self).__name__}.encode"
        pair = check_pair(where, SourceTarget(source, source, source_mask))
        return self._handed_over(self._encode(pair, None, dict(self.params)))

    # ---- between the two sides -------------------------------------------------------------------

    def _encode(self, x: SourceTarget, states: Any, params: Params, **how: Any) -> Tape:
        """The tape of the encoder, with the source in the order in which it is read."""
        source, mask = x.source, x.source_mask
        with _in_the("encoder"):
            if self.reverse_source:
                mask = check_mask("source_mask", mask, None, source.shape[:2])
                source = reverse_valid(source, mask)
            own = names.without_prefix("encoder", params)
            return self.encoder.forward(source, states, mask=mask, params=own, **how)

    def _in_order(self, values: Array, read: Tape) -> Array:
        """Put an array in the encoder's order of reading back into the order of the source."""
        assert read.mask is not None
        return reverse_valid(values, read.mask) if self.reverse_source else values

    def _handed_over(self, read: Tape) -> Any:
        """The initial states of the decoder; None is zero."""
        final: States = tuple(slot.final for slot in read.slots)
        if self.handover == "top":
            final = (final[-1],) + (None,) * (len(self.decoder.recurrent) - 1)
        return self.decoder.pack_states(final)

    def _handed_back(self, dinitial: Any) -> Any:
        """Mirror of `_handed_over`: the gradient by the final states of the encoder."""
        dfinal = self.decoder.unpack_states(dinitial)
        if self.handover == "top":
            dfinal = (None,) * (len(self.encoder.recurrent) - 1) + (dfinal[0],)
        return self.encoder.pack_states(dfinal)

    # ---- what every layer has --------------------------------------------------------------------

    def _forward(self, params: Params, x: Array, context: Context) -> Tape:
        raise NotImplementedError("a pair is read by forward alone")

    def _backward(self, tape: Any, doutputs: Array, dfinal: States) -> Any:
        raise NotImplementedError("a pair is read by backward alone")

    @property
    def single_state(self) -> bool:
        """As for the encoder, whose initial states are those of the model."""
        return self.encoder.single_state

    def blank_input(self, steps: int, rows: int = 1) -> Any:
        """Zeros that the two sides accept."""
        return SourceTarget(*(layer.blank_input(steps, rows) for layer in self.children.values()))

    def check_tape(self, where: str, tape: Any) -> None:
        """The two tapes of the two sides."""
        check_kind(self, where, tape)
        check_parts(where, tape, 2)
        for side, layer, _, part in self.reached(tape):
            layer.check_tape(f"{where}, {side}", part)


@contextmanager
def _in_the(side: str) -> Iterator[None]:
    """Add the name of the side to an error."""
    try:
        yield
    except NpstackError as error:
        error.where = f"EncoderDecoder, {side}: {error.where}"
        error.layer = f"{side}.{error.layer}" if error.layer else None
        raise
