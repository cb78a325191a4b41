"""Layers around one layer: parameters, states and draws are those of the layer inside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from npstack.core.params import Params
from npstack.core.tape import CompositeTape, Tape
from npstack.layers.base import Context, Layer, States
from npstack.layers.boundary import check_layer, check_parts


@dataclass(frozen=True, eq=False)
class WrapperTape(CompositeTape):
    """One forward pass of a wrapper; its state is that of the layer inside."""

    @property
    def initial(self) -> Any:
        """What the layer inside began with."""
        return self.parts[0].initial

    @property
    def final(self) -> Any:
        """What the layer inside ended with."""
        return self.parts[0].final


class Wrapper(Layer):
    """A layer around one other, under the names of that other.

    Parameters
    ----------
    layer : Layer
    """

    tape_type = WrapperTape

    def __init__(self, layer: Layer) -> None:
        check_layer(type(self).__name__, "the argument", layer)
        self.layer = layer
        self.input_size, self.output_size = layer.input_size, layer.output_size
        self.needs_time, self.keeps_time = layer.needs_time, layer.keeps_time
        self.makes_time, self.takes_symbols = layer.makes_time, layer.takes_symbols
        self.turned, self.causal = layer.turned, layer.causal
        self.takes_vector, self.extra_axis = layer.takes_vector, layer.extra_axis

    @property
    def params(self) -> Params:
        """The parameters of the layer inside. Assign a complete dictionary to change them."""
        return self.layer.params

    @params.setter
    def params(self, params: Params) -> None:
        self.layer.params = params

    def _all_layers(self) -> Iterator[Layer]:
        yield self.layer
        yield from self.layer._all_layers()

    @property
    def recurrent(self) -> tuple[Layer, ...]:
        """The layers inside that have a state, bottom first."""
        return self.layer.recurrent

    def _check_states(
        self, where: str, name: str, states: Any, batch: int, dtype: np.dtype[Any]
    ) -> States:
        return self.layer._check_states(where, name, states, batch, dtype)

    def _public_states(self, states: States) -> Any:
        return self.layer._public_states(states)

    def _as_tuple(self, states: Any) -> States:
        return self.layer._as_tuple(states)

    def _check_tape(self, where: str, tape: object) -> None:
        check_parts(self, where, tape, 1)
        super()._check_tape(where, tape)
        assert isinstance(tape, WrapperTape)
        self.layer._check_tape(where, tape.parts[0])

    def _outputs_shape(self, tape: Tape) -> tuple[int, ...]:
        return self.layer._outputs_shape(tape.parts[0])

    def _after(self, context: Context, tape: Tape) -> Context:
        return self.layer._after(context, tape.parts[0])

    def _leaves(self, path: str, tape: Tape) -> Iterable[tuple[str, Layer, Tape]]:
        return self.layer._leaves(path, tape.parts[0])

    def _non_finite(self, path: str, tape: Tape) -> Iterator[tuple[str, int, str]]:
        return self.layer._non_finite(path, tape.parts[0])
