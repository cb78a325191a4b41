"""Layers made of layers, and the first kind: the chain, where each feeds the next.

A composite threads three things through its children: parameters by a prefix, states and noise by
order. How the children are wired is all that a kind of composite adds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from npstack.core import params as names
from npstack.core.arrays import check_noise, check_params
from npstack.core.errors import ArgumentError, DtypeError, fail
from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.core.tape import CompositeTape, Tape
from npstack.layers.base import Context, Layer, States
from npstack.layers.boundary import check_parts


class Composite(Layer):
    """Layers by name, bottom first; itself a layer, so composites nest."""

    tape_type = CompositeTape

    def __init__(self, children: Mapping[str, Layer]) -> None:
        self.children = dict(children)
        own = [id(layer) for layer in self._all_layers()]
        if len(set(own)) < len(own):
            where = type(self).__name__
            expected = "every layer must stand in one place only"
            fail(ArgumentError, where, expected, "one layer twice", "Build a layer for each place.")
        dtypes = {str(layer.dtype) for layer in self.children.values() if layer.dtype is not None}
        if len(dtypes) > 1:
            where, got = type(self).__name__, " and ".join(sorted(dtypes))
            fail(
                DtypeError, where, "all layers must have one dtype", got, "Build them with dtype=…"
            )
        layers = list(self.children.values())
        self.takes_symbols = layers[0].takes_symbols
        self.causal = all(layer.causal for layer in layers)

    @property
    def params(self) -> Params:
        """The parameters of all children, each name behind its child's. Assign to change them."""
        return MappingProxyType(
            {
                name: value
                for child, layer in self.children.items()
                for name, value in names.with_prefix(child, layer.params).items()
            }
        )

    @params.setter
    def params(self, params: Params) -> None:
        check_params(f"{type(self).__name__}.params", params, self.params)
        for name, layer in self.children.items():
            layer.params = names.without_prefix(name, params)

    def _all_layers(self) -> Iterator[Layer]:
        for layer in self.children.values():
            yield layer
            yield from layer._all_layers()

    @property
    def recurrent(self) -> tuple[Layer, ...]:
        """The recurrent layers inside, bottom first."""
        return tuple(inner for layer in self.children.values() for inner in layer.recurrent)

    def _noise(self, context: Context) -> tuple[Any, ...]:
        """The draws that each child is to use again; None where it is to draw anew."""
        noise = (None,) * len(self.children) if context.noise is None else context.noise
        where = f"{type(self).__name__}.forward"
        return tuple(check_noise(where, noise, len(self.children)))

    def _shares(self, states: States) -> Iterator[States]:
        """The part of the states, or of their gradients, that belongs to each child."""
        remaining = iter(states)
        for layer in self.children.values():
            yield tuple(next(remaining) for _ in layer.recurrent)

    def _check_tape(self, where: str, tape: object) -> None:
        check_parts(self, where, tape, len(self.children))
        super()._check_tape(where, tape)
        assert isinstance(tape, CompositeTape)
        for (name, layer), part in zip(self.children.items(), tape.parts, strict=True):
            layer._check_tape(f"{where}, part {name}", part)

    def _leaves(self, path: str, tape: Tape) -> Iterable[tuple[str, Layer, Tape]]:
        for (name, layer), part in zip(self.children.items(), tape.parts, strict=True):
            yield from layer._leaves(f"{path}{name.removeprefix('layers.')}.", part)

    def _non_finite(self, path: str, tape: Tape) -> Iterator[tuple[str, int, str]]:
        for (name, layer), part in zip(self.children.items(), tape.parts, strict=True):
            yield from layer._non_finite(f"{path}{name}.", part)


class Chain(Composite):
    """Layers that feed one another, bottom first."""

    def __init__(self, children: Mapping[str, Layer]) -> None:
        super().__init__(children)
        layers = list(self.children.values())
        self.input_size = next((n.input_size for n in layers if n.input_size is not None), None)
        sizes = (layer.output_size for layer in reversed(layers))
        self.output_size = next((size for size in sizes if size is not None), None)
        self.keeps_time, self.extra_axis = True, layers[-1].extra_axis
        for layer in layers:  # what has been done to the time axis, layer by layer
            if self.keeps_time and not self.makes_time:
                self.needs_time |= layer.needs_time
                self.takes_vector |= layer.takes_vector
            self.makes_time = layer.makes_time or (self.makes_time and layer.keeps_time)
            self.keeps_time &= layer.keeps_time
            self.turned = layer.turned ^ (layer.keeps_time and self.turned)

    def _forward(self, params: Params, x: Array, context: Context) -> CompositeTape:
        inputs, told = x, context
        tapes: list[Tape] = []
        shares = zip(self._shares(context.states), self._noise(context), strict=True)
        for (name, layer), (states, noise) in zip(self.children.items(), shares, strict=True):
            own = told._replace(states=states, noise=noise)
            tape = layer._forward(names.without_prefix(name, params), x, own)
            tapes.append(tape)
            x, told = tape.outputs, layer._after(told, tape)
        drawn = tuple(tape.noise for tape in tapes)
        return CompositeTape(params, inputs, context.mask, x, drawn, tuple(tapes))

    def _backward(
        self, tape: CompositeTape, doutputs: Array, dfinal: States
    ) -> tuple[dict[str, Array], Array | None, States]:
        grads: dict[str, Array] = {}
        dinitial: States = ()
        dx: Array | None = doutputs
        parts = zip(self.children.items(), tape.parts, self._shares(dfinal), strict=True)
        for (name, layer), part, own in reversed(list(parts)):
            assert dx is not None  # only an embedding returns None, and it stands first
            dparams, dx, dstates = layer._backward(part, dx, own)
            grads |= names.with_prefix(name, dparams)
            dinitial = dstates + dinitial
        return {name: grads[name] for name in tape.params}, dx, dinitial

    def _after(self, context: Context, tape: Tape) -> Context:
        for layer, part in zip(self.children.values(), tape.parts, strict=True):
            context = layer._after(context, part)
        return context

    def _non_finite(self, path: str, tape: Tape) -> Iterator[tuple[str, int, str]]:
        turned = False
        for (name, layer), part in zip(self.children.items(), tape.parts, strict=True):
            own = f"{path}{name.removeprefix('layers.')}."
            for place, step, what in layer._non_finite(own, part):
                yield place, part.x.shape[1] - 1 - step if turned else step, what
            turned = layer.turned ^ (layer.keeps_time and turned)

    def _outputs_shape(self, tape: Tape) -> tuple[int, ...]:
        return list(self.children.values())[-1]._outputs_shape(tape.parts[-1])
