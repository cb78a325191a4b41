"""Layers around one layer: parameters, states and draws are those of the layer inside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from npstack.core.tape import CompositeTape, Tape, Way
from npstack.layers.base import Layer
from npstack.layers.boundary import check_layer
from npstack.layers.interface import Context


@dataclass(frozen=True, eq=False, repr=False)
class WrapperTape(CompositeTape):
    """One forward pass of a wrapper; its state is that of the layer inside."""

    @property
    def initial(self) -> Any:
        """The initial state of the layer inside."""
        return self.parts[0].initial

    @property
    def final(self) -> Any:
        """The final state of the layer inside."""
        return self.parts[0].final


class Wrapper(Layer):
    """A layer around another one, with the same parameter names.

    Parameters
    ----------
    layer : Layer
    turned : bool
        Whether the layer inside reads the sequence from its end.
    """

    tape_type = WrapperTape

    def __init__(self, layer: Layer, *, turned: bool = False) -> None:
        check_layer(type(self).__name__, "the argument", layer)
        self.layer = layer
        super().__init__({}, layer.interface, {"": layer}, [Way("", turned)])

    @property
    def single_state(self) -> bool:
        """As that of the layer inside."""
        return self.layer.single_state

    def noise_shares(self, noise: Any) -> tuple[Any, ...]:
        """All draws are those of the layer inside."""
        return (noise,)

    def join_noise(self, shares: Sequence[Any]) -> Any:
        """The draws of the layer inside."""
        return shares[0]

    def _outputs_shape(self, tape: Tape) -> tuple[int, ...]:
        return self.layer._outputs_shape(tape.parts[0])

    def _after(self, context: Context, tape: Tape) -> Context:
        return self.layer._after(context, tape.parts[0])
