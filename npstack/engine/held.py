"""A run that holds arrays of a pool, and what its tapes show of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

from npstack.core.numerics import Array, is_finite
from npstack.core.tape import released
from npstack.engine.pool import Pool
from npstack.engine.run_tapes import shown
from npstack.engine.shapes import RunShape
from npstack.layers.interface import Context


class HeldLayer(Protocol):
    """Where the numbers of one layer are, in the order of time."""

    D: int
    window: Array

    def after(self, name: str) -> Array:
        """A field of the state after every step, or a gate, as an array (T, B, H)."""

    def last(self, name: str) -> Array:
        """A field of the state after the last step, ``(B, H)``."""

    def carried(self) -> list[Array]:
        """What a step hands to the next: NaN and infinity show there."""

    def inside(self) -> list[Array]:
        """The arrays that it holds, besides the states."""


class HeldRun:
    """Layers that have run at once, with arrays of a pool, which `release` gives back."""

    kind: ClassVar[str]  # of engine
    pool: ClassVar[Pool[Any]]
    count: int

    def __init__(self, shape: RunShape, context: Context, arrays: Any = None) -> None:
        assert context.mask is not None
        self.shape, self.mask, self.threads = shape, context.mask, context.engine.threads
        self._arrays: Any = self.take() if arrays is None else arrays
        self.shown: dict[Any, Array] = {}

    def take(self) -> Any:
        """Arrays for the forward pass."""
        return self.pool.take(self.shape)

    def give(self, arrays: Any) -> None:
        """They are not used any more."""
        self.pool.give(self.shape, arrays)

    @property
    def arrays(self) -> Any:
        """The arrays of the forward pass."""
        if self._arrays is None:
            released()
        return self._arrays

    @property
    def layers(self) -> Sequence[HeldLayer]:
        """Its recurrent layers."""
        found: Sequence[HeldLayer] = self.arrays.layers
        return found

    def check(self) -> None:
        """Check that it has not been released."""
        assert self.arrays is not None

    def release(self) -> None:
        """Give the arrays to the next run."""
        arrays, self._arrays = self._arrays, None
        self.shown.clear()
        if arrays is not None:
            self.give(arrays)

    def inside(self) -> list[Array]:
        """The arrays that it holds."""
        return [self.arrays.states, *(own for layer in self.layers for own in layer.inside())]

    def _show(self, key: Any, values: Array, mask: Any) -> Array:
        if key not in self.shown:
            self.shown[key] = shown(values, mask)
        return self.shown[key]

    def input(self, place: int) -> Array:
        """``x`` of a layer; the input of the run is zero where masked."""
        layer = self.layers[place]
        mask = self.mask if place else None
        return self._show((place, "x"), layer.window[:, :, : layer.D], mask)

    def outputs(self, place: int) -> Array:
        """``h`` of a layer at every step, zero where masked."""
        return self._show((place, "y"), self.layers[place].after("h"), self.mask)

    def after(self, place: int, name: str, held: bool) -> Array:
        """A field of the state, or a gate, of a layer at every step."""
        mask = None if held else self.mask
        return self._show((place, name), self.layers[place].after(name), mask)

    def final(self, place: int, kind: Any) -> Any:
        """The state of a layer after the last step; it outlives `release`."""
        names = kind._fields
        for name in names:
            if (place, "final", name) not in self.shown:
                last = self.layers[place].last(name).copy()
                last.flags.writeable = False
                self.shown[place, "final", name] = last
        return kind(*(self.shown[place, "final", name] for name in names))

    def is_finite(self, place: int) -> bool:
        """Whether the states of a layer are finite."""
        return all(is_finite(values).all() for values in self.layers[place].carried())
