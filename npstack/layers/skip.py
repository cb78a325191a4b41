"""Skip connections in a stack: every layer reads the input, and the output contains every layer.

::

    x ──┬─► layer 0 ─► h0 ─┬─► layer 1 ─► h1 ─┬─► layer 2 ─► h2
        │                  │   ▲              │   ▲           │
        ├──────────────────│───┴──────────────│───┘           │     from_input
        │                  └──────────────────┴───────────────┴─►   to_output: [h0, h1, h2]

In Graves' networks the hidden layers all read the input and all feed the head (Graves 2013,
*Generating sequences with recurrent neural networks*); an output from all layers is also what
Hermans & Schrauwen (2013) call DRNN-AO.
"""

from __future__ import annotations

import numpy as np

from npstack.core import params as names
from npstack.core.arguments import check_flag
from npstack.core.errors import ArgumentError, ShapeError, fail
from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.core.tape import CompositeTape, Tape
from npstack.layers.base import Layer
from npstack.layers.boundary import check_layer, tape_of
from npstack.layers.interface import Context, Interface, States


class SkipConnected(Layer):
    """A stack whose layers also read the input, with the outputs of all layers as its output.

    Parameters
    ----------
    *layers : Layer
        Bottom first. Each keeps the time axis; a layer above the first reads the features of the
        layer below, followed by the features of the input.
    from_input : bool
        Whether the layers above the first read the input too, as ``[h_below, x]``.
    to_output : bool
        Whether the outputs are those of all layers, bottom first, or only those of the last layer.

    Examples
    --------
    >>> from npstack import LSTM
    >>> rng = np.random.default_rng(0)
    >>> stack = SkipConnected(LSTM(3, 8, rng=rng), LSTM(8 + 3, 4, rng=rng))
    >>> stack.forward(np.ones((2, 5, 3))).outputs.shape
    (2, 5, 12)
    """

    tape_type = CompositeTape

    def __init__(self, *layers: Layer, from_input: bool = True, to_output: bool = True) -> None:
        where = type(self).__name__
        if not layers:
            fail(ArgumentError, where, "give at least one layer", "none", f"{where}(LSTM(…)).")
        from_input = check_flag(where, "from_input", from_input)
        to_output = check_flag(where, "to_output", to_output)
        D, sizes = 0, list[int]()
        for k, layer in enumerate(layers):
            check_layer(where, f"argument {k}", layer)
            name = f"layer {k} ({type(layer).__name__})"
            own = layer.interface
            if not own.keeps_time or own.turned or own.extra_axis or own.takes_symbols:
                expected = f"{name} must keep the time axis as it is"
                fail(ShapeError, where, expected, layer, "Build it with return_sequences=True.")
            if layer.output_size is None or layer.input_size is None:
                fail(ShapeError, where, f"{name} must have a size", layer, "Put an LSTM there.")
            if not sizes:
                D = layer.input_size
            else:
                size = sizes[-1] + D if from_input else sizes[-1]
                if layer.input_size != size:
                    parts = f" = {sizes[-1]} from below + {D} of the input" if from_input else ""
                    advice = f"Build it with input_size={size}."
                    expected = f"{name} must take D={size}{parts}"
                    fail(ShapeError, where, expected, layer.input_size, advice)
            sizes.append(layer.output_size)
        self.from_input, self.to_output = from_input, to_output
        interface = Interface(
            input_size=D,
            output_size=sum(sizes) if to_output else sizes[-1],
            needs_time=any(layer.interface.needs_time for layer in layers),
            causal=all(layer.interface.causal for layer in layers),
        )
        super().__init__({}, interface, {str(k): layer for k, layer in enumerate(layers)})

    def _forward(self, params: Params, x: Array, context: Context) -> CompositeTape:
        tapes: list[Tape] = []
        for layer, own, states, noise in self.handed(params, context):
            below = [tapes[-1].outputs] if tapes else []
            read = [*below, x] if self.from_input or not tapes else below
            told = context._replace(states=states, noise=noise)
            part = layer.pass_on(own, np.concatenate(read, axis=-1), told)
            tapes.append(tape_of(layer, part))
        heard = [tape.outputs for tape in tapes] if self.to_output else [tapes[-1].outputs]
        tape: CompositeTape = self.composed(
            params, x, context, np.concatenate(heard, axis=-1), tapes
        )
        return tape

    def _backward(
        self, tape: CompositeTape, doutputs: Array, dfinal: States
    ) -> tuple[dict[str, Array], Array, States]:
        grads: dict[str, Array] = {}
        dinitial: States = ()
        dx = np.zeros_like(tape.x)
        parts = list(zip(self.children.items(), tape.parts, self.shares(dfinal), strict=True))
        end = doutputs.shape[-1]
        dbelow: Array | float = 0.0
        for k, ((name, layer), part, own) in reversed(list(enumerate(parts))):
            dout = dbelow
            if self.to_output or k == len(parts) - 1:
                begin = end - part.outputs.shape[-1]
                dout, end = doutputs[..., begin:end] + dbelow, begin
            dparams, dread, dstates = layer.pass_back(part, np.asarray(dout), own)
            assert dread is not None
            grads |= names.with_prefix(name, dparams)
            dinitial = dstates + dinitial
            width = 0 if k == 0 else parts[k - 1][1].outputs.shape[-1]
            dbelow = dread[..., :width]
            if self.from_input or k == 0:
                dx = dx + dread[..., width:]
        return {name: grads[name] for name in tape.params if name in grads}, dx, dinitial
