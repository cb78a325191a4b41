"""What a layer made of layers hands to those inside it: parameters by prefix, the rest by order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from npstack.core import params as names
from npstack.core.arrays import check_noise
from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.core.tape import Tape, Way
from npstack.layers.interface import Context, Interface, States
from npstack.layers.twins import Item


class Outer:
    """Base of `Layer`: its dealings with the layers inside it, its children, if it has any."""

    tape_type: type[Tape]
    children: Any  # a dictionary of layers by name
    ways: tuple[Way, ...]
    interface: Interface

    @property
    def recurrent(self) -> tuple[Any, ...]:
        """The layers inside with a state, bottom first; a pair of directions is one."""
        return tuple(inner for child in self.children.values() for inner in child.recurrent)

    def inside(self) -> Iterator[Any]:
        """Every layer inside this one, at any depth."""
        for child in self.children.values():
            yield child
            yield from child.inside()

    @property
    def single_state(self) -> bool:
        """Whether its state is one NamedTuple instead of a tuple with one for each layer inside."""
        return self.recurrent == (self,)

    def reached(self, tape: Tape) -> Iterator[tuple[str, Any, Way, Tape]]:
        """Every child by name, the way to it, and its part of a tape."""
        parts = zip(self.children.items(), self.ways, tape.parts, strict=True)
        return ((name, child, way, part) for (name, child), way, part in parts)

    def composed(
        self, params: Params, x: Array, context: Context, outputs: Array, parts: Sequence[Tape]
    ) -> Any:
        """The tape of a layer made of layers, from those of its children."""
        kind: Any = self.tape_type
        how = {"ways": self.ways, "turned": self.interface.turned}
        drawn = self.join_noise([part.noise for part in parts])
        return kind(params, x, context.mask, outputs, drawn, tuple(parts), **how)

    def handed(self, params: Params, context: Context) -> Iterator[Item]:
        """Every child with its parameters, its states and its draws."""
        shares = zip(self.shares(context.states), self.noise_shares(context.noise), strict=True)
        for (name, child), (states, noise) in zip(self.children.items(), shares, strict=True):
            yield Item(child, names.without_prefix(name, params), states, noise)

    def shares(self, states: States) -> Iterator[States]:
        """The part of the states, or of their gradients, that belongs to each child."""
        remaining = iter(states)
        for child in self.children.values():
            yield tuple(next(remaining) for _ in child.recurrent)

    def noise_shares(self, noise: Any) -> tuple[Any, ...]:
        """The part of the draws that belongs to each child; None if there are none."""
        noise = (None,) * len(self.children) if noise is None else noise
        return tuple(check_noise(f"{type(self).__name__}.forward", noise, len(self.children)))

    def join_noise(self, shares: Sequence[Any]) -> Any:
        """The draws of all children in one tree: the inverse of `noise_shares`."""
        return tuple(shares)

    def pack_states(self, states: States) -> Any:
        """The states of the recurrent layers inside, in the form that users see."""
        return states[0] if self.single_state else states

    def unpack_states(self, states: Any) -> States:
        """The inverse of `pack_states`."""
        return (states,) if self.single_state else tuple(states)
