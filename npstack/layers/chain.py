"""A chain: layers that feed one another, each reading all that the one below hands on.

A layer made of layers hands three things out to its children: parameters by a prefix, states and
draws by order. How the children are wired is all that a kind of it adds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import reduce

from npstack.core import params as names
from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.core.tape import CompositeTape, Tape, Way
from npstack.layers.base import Layer
from npstack.layers.interface import Context, Interface, States


class Chain(Layer):
    """Layers by name that feed one another, bottom first."""

    tape_type = CompositeTape
    in_series = True

    def __init__(self, children: Mapping[str, Layer]) -> None:
        interfaces = [layer.interface for layer in children.values()]
        ways = _ways(children)
        super().__init__({}, reduce(Interface.then, interfaces), children, tuple(ways))

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, bottom first; without the dropout between those of a stack."""
        named = self.children.items()
        return tuple(layer for name, layer in named if not name.startswith("dropouts."))

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, place: int) -> Layer:
        return self.layers[place]

    def _forward(self, params: Params, x: Array, context: Context) -> CompositeTape:
        inputs, told = x, context
        tapes: list[Tape] = []
        shares = zip(self.shares(context.states), self.noise_shares(context.noise), strict=True)
        for (name, layer), (states, noise) in zip(self.children.items(), shares, strict=True):
            own = told._replace(states=states, noise=noise)
            tape = layer._forward(names.without_prefix(name, params), x, own)
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
            assert dx is not None  # only an embedding returns None, and it stands first
            dparams, dx, dstates = layer.pass_back(part, dx, own)
            grads |= names.with_prefix(name, dparams)
            dinitial = dstates + dinitial
        return {name: grads[name] for name in tape.params}, dx, dinitial

    def _after(self, context: Context, tape: Tape) -> Context:
        for layer, part in zip(self.children.values(), tape.parts, strict=True):
            context = layer._after(context, part)
        return context

    def _outputs_shape(self, tape: Tape) -> tuple[int, ...]:
        return list(self.children.values())[-1]._outputs_shape(tape.parts[-1])


def _ways(children: Mapping[str, Layer]) -> Iterator[Way]:
    """How each layer of a chain reads the sequence: as the layers below it have left it."""
    below = Interface()
    for name, layer in children.items():
        yield Way(name, below.turned, below.keeps_time)
        below = below.then(layer.interface)
