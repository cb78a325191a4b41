"""A chain: layers one after another; each reads the full output of the one below.

A layer made of layers passes three things to its children: parameters by prefix, states and draws
by order. The subclasses differ only in how the children are connected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce

from npstack.core import params as names
from npstack.core.errors import ShapeError, fail
from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.core.tape import CompositeTape, Tape, Way
from npstack.layers.base import Layer
from npstack.layers.boundary import tape_of
from npstack.layers.interface import Context, Interface, States
from npstack.layers.twins import Triple, back_through, has_its_own, through, with_reason


class Chain(Layer):
    """Layers by name, one after another, bottom first."""

    tape_type = CompositeTape
    in_series = True

    def __init__(self, children: Mapping[str, Layer]) -> None:
        _check_neighbours(type(self).__name__, list(children.values()))
        interfaces = (layer.interface for layer in children.values())
        super().__init__({}, reduce(Interface.then, interfaces), children, list(_ways(children)))

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, bottom first; without the dropout between those of a stack."""
        named = self.children.items()
        return tuple(layer for name, layer in named if not name.startswith("dropouts."))

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, place: int) -> Layer:
        layers = self.layers
        if isinstance(place, int) and not -len(layers) <= place < len(layers):
            raise IndexError(f"{type(self).__name__} has {len(layers)} layers, got [{place}]")
        return layers[place]

    def _forward(self, params: Params, x: Array, context: Context) -> CompositeTape:
        inputs, told = x, context
        tapes: list[Tape] = []
        for layer, own, states, noise in self.handed(params, context):
            tape = tape_of(layer, layer._forward(own, x, told._replace(states=states, noise=noise)))
            tapes.append(tape)
            x, told = tape.outputs, layer._after(told, tape)
        whole: CompositeTape = self.composed(params, inputs, context, x, tapes)
        return whole

    def _backward(
        self, tape: CompositeTape, doutputs: Array, dfinal: States
    ) -> tuple[dict[str, Array], Array | None, States]:
        grads: dict[str, Array] = {}
        dinitial: States = ()
        dx: Array | None = doutputs
        parts = zip(self.children.items(), tape.parts, self.shares(dfinal), strict=True)
        for (name, layer), part, own in reversed(list(parts)):
            assert dx is not None  # only an embedding returns None, and it comes first
            dparams, dx, dstates = layer.pass_back(part, dx, own)
            grads |= names.with_prefix(name, dparams)
            dinitial = dstates + dinitial
        return {name: grads[name] for name in tape.params if name in grads}, dx, dinitial

    def pass_on(self, params: Params, x: Array, context: Context) -> Tape:
        """`_forward`, or the same with an engine, which may run several layers at once."""
        if context.engine is None or context.engine.kind == "readable":
            return self._forward(params, x, context)
        if has_its_own(self, Chain, "_forward", "_backward"):
            why = f"{type(self).__name__} has passes of its own"
            return with_reason(self._forward(params, x, context), why)
        return through(self, params, x, context)

    def pass_back(self, tape: Tape, doutputs: Array, dfinal: States, need_x: bool = True) -> Triple:
        """`_backward`, or the same where an engine has run."""
        if tape.observer is None and any(part.run is not None for part in tape.layers):
            return back_through(self, tape, doutputs, dfinal, need_x)
        return super().pass_back(tape, doutputs, dfinal, need_x)

    def _after(self, context: Context, tape: Tape) -> Context:
        for layer, part in zip(self.children.values(), tape.parts, strict=True):
            context = layer._after(context, part)
        return context

    def _outputs_shape(self, tape: Tape) -> tuple[int, ...]:
        return list(self.children.values())[-1]._outputs_shape(tape.parts[-1])


def _ways(children: Mapping[str, Layer]) -> Iterator[Way]:
    """How each layer of a chain reads the sequence: as the layers below it pass it on."""
    below = Interface()
    for name, layer in children.items():
        yield Way(name, below.turned, below.keeps_time)
        below = below.then(layer.interface)


def _check_neighbours(where: str, layers: Sequence[Layer]) -> None:
    """Check that each layer accepts the output of the one below."""
    size: int | None = None
    last_step: str | None = None  # the layer below that gives the output
    sequence: str | None = None
    extra_axis: str | None = None
    for k, layer in enumerate(layers):
        name = f"layer {k} ({type(layer).__name__})"
        own = layer.interface
        if own.takes_symbols and k > 0:
            expected = f"{name} must come first: it takes integers"
            fail(ShapeError, where, expected, f"place {k}", "No other layer outputs integers.")
        if own.needs_time and last_step:
            fail(
                ShapeError,
                where,
                f"{name} needs a sequence (B, T, D) from below",
                f"only the last step (B, D) of {last_step}, which has return_sequences=False",
                "Build the lower layer with return_sequences=True: "
                "a stacked LSTM feeds each layer's full hidden sequence to the next.",
            )
        if own.takes_vector and sequence:
            expected = f"{name} needs one vector (B, D) from below"
            advice = "Build that layer with return_sequences=False."
            fail(ShapeError, where, expected, f"a sequence, from {sequence}", advice)
        if extra_axis:
            expected = f"{name} needs (B, T, D) or (B, D) from below"
            got = f"an extra axis of branches, from {extra_axis}"
            fail(ShapeError, where, expected, got, "Join the branches: merge='concat'.")
        if size is not None and own.input_size not in (None, size):
            got = f"{size} from the layer below"
            advice = f"Build it with input_size={size}."
            fail(ShapeError, where, f"{name} takes D={own.input_size}", got, advice)
        if not own.keeps_time:
            last_step = None if own.makes_time else name
        if not own.keeps_time or own.needs_time:
            sequence = None if last_step else name
        extra_axis = name if own.extra_axis else None
        size = size if own.output_size is None else own.output_size
