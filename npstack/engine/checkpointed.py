"""A run that keeps its states every few steps only, and computes the steps between again.

Backpropagation through time reads a tape that grows with every step. Kept are instead the states
of all layers at the borders of blocks of k steps (Chen et al. 2016, "Training deep nets with
sublinear memory cost")::

    forward     block by block; of each, the final states are kept, and the outputs of the top layer
    backward    from the last block: forward once more from its border, then its backward pass,
                which hands the gradients of its initial states to the block before

A block is a `FusedRun` in arrays of a pool, and consists of whole chunks of steps. The sums over
time are added in the same order as without blocks: every number is the same, bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, cast
from weakref import proxy

import numpy as np

from npstack.core.blas import blas_threads
from npstack.core.numerics import Array
from npstack.engine.backward import SCRATCH, Backward, Share, nothing
from npstack.engine.fused import ARRAYS, Arrays, FusedRun, Place
from npstack.engine.held import HeldRun
from npstack.engine.shapes import RunShape
from npstack.layers.interface import Context, States
from npstack.layers.twins import Triple


@lru_cache(maxsize=256)
def block_steps(shape: RunShape, budget: int | None, keeps_time: bool) -> int | None:
    """Steps between two borders; None if the whole run fits into the budget.

    Those with which the run takes the least memory, in whole chunks: about the square root of T.
    Longer blocks within a larger budget would not be quicker: short ones stay in the cache.

    Examples
    --------
    >>> from npstack.engine.shapes import LayerShape
    >>> shape = RunShape.of("lstm", 32_000, 4, "float32", (LayerShape(8, 32, True),))
    >>> [block_steps(shape, budget, True) for budget in (None, 2**28, 2**22)]
    [None, None, 96]
    """
    if budget is None or Arrays.nbytes(shape) <= budget:
        return None
    takes = {
        block: _nbytes(shape, block, keeps_time)
        for block in range(shape.chunk, shape.steps, shape.chunk)
    }
    return min(takes, key=lambda block: takes[block], default=None)


def _nbytes(shape: RunShape, block: int, keeps_time: bool) -> int:
    """Bytes that a run in blocks takes, with the arrays of one block."""
    T, B, size = shape.steps, shape.batch, np.dtype(shape.dtype).itemsize
    fields = 2 if shape.cell == "lstm" else 1
    state = fields * sum(own.hidden_size for own in shape.layers)
    every = shape.layers[0].input_size + (shape.layers[-1].hidden_size if keeps_time else 0)
    kept = B * size * (T * every + (-(-T // block) + 1) * state)
    return kept + Arrays.nbytes(shape._replace(steps=block))


class KeptLayer:
    """What is kept of one layer; the rest is computed again when it is asked for, and kept then.

    Attributes
    ----------
    borders : state of (blocks + 1, B, H)
        The state before each block, and after the last.
    again : dict of array (T, B, …)
        What has been computed again.
    """

    def __init__(self, run: CheckpointedRun, number: int) -> None:
        self.run, self.number = proxy(run), number
        place, count = run.places[number], len(run.blocks) + 1
        self.D: int = place.item.layer.input_size
        kind = type(place.initial)
        self.borders = kind(*(np.zeros((count, *v.shape), v.dtype) for v in place.initial))
        self.again: dict[str, Array] = {}
        self.finite = True
        self.set_border(0, place.initial)

    def border(self, block: int) -> Any:
        """The state before a block."""
        return type(self.borders)(*(values[block] for values in self.borders))

    def set_border(self, block: int, state: Any) -> None:
        """Write the state before a block."""
        for values, value in zip(self.borders, state, strict=True):
            values[block] = value

    @property
    def window(self) -> Array:
        """The input of every step, ``(T, B, D)``."""
        return self.after("x") if self.number else self.run.arrays.x.swapaxes(0, 1)

    def after(self, name: str) -> Array:
        """A field of the state after every step, or a gate, as an array (T, B, H)."""
        top, out = self.number == len(self.run.places) - 1, self.run.arrays.out
        if name == "h" and top and out is not None:
            return cast(Array, out)
        if not self.again:
            self.again = self.run.all_of(self.number)
        return self.again[name]

    def last(self, name: str) -> Array:
        """A field of the state after the last step, ``(B, H)``."""
        found: Array = getattr(self.borders, name)[-1]
        return found

    def carried(self) -> list[Array]:
        """What is not finite, if anything is."""
        return [] if self.finite else [np.array(np.nan)]

    def inside(self) -> list[Array]:
        """The arrays that it holds."""
        return [*self.borders, *self.again.values()]


class Kept:
    """All that a run in blocks keeps, in the place of `Arrays`."""

    def __init__(self, run: CheckpointedRun, x: Array) -> None:
        shape, top = run.shape, run.places[-1].item.layer
        self.x = x
        size = shape.steps, shape.batch, top.hidden_size
        self.out = np.empty(size, shape.dtype) if top.return_sequences else None
        self.layers = [KeptLayer(run, number) for number in range(len(run.places))]


class CheckpointedRun(HeldRun):
    """Layers of a chain that run together, block by block; see `Run`.

    Parameters
    ----------
    block : int
        Steps of a block: whole chunks.
    """

    kind = "fused"

    def __init__(self, shape: RunShape, places: list[Place], context: Context, block: int) -> None:
        self.places, self.context, self.block = places, context, block
        T = shape.steps
        self.blocks = [(a, min(a + block, T)) for a in range(0, T, block)]
        super().__init__(shape, context)

    def take(self) -> None:
        """Nothing, before there is an input."""

    def give(self, arrays: Kept) -> None:
        """Nothing: another run cannot use them."""

    def inside(self) -> list[Array]:
        """The arrays that it holds."""
        kept = self.arrays
        found = [kept.x, *(own for layer in kept.layers for own in layer.inside())]
        return found if kept.out is None else [*found, kept.out]

    def forward(self, x: Array) -> None:
        """Keep the borders and the outputs."""
        self._arrays = kept = Kept(self, x)
        with blas_threads("Engine", self.threads):
            for number, run in self._runs(range(len(self.blocks))):
                a, b = self.blocks[number]
                for layer, own in zip(kept.layers, run.arrays.layers, strict=True):
                    names = type(layer.borders)._fields
                    layer.set_border(number + 1, [own.last(name, b - a) for name in names])
                    layer.finite = layer.finite and run.is_finite(layer.number)
                if kept.out is not None:
                    kept.out[a:b] = run.arrays.layers[-1].after("h")[: b - a]

    def _runs(self, numbers: Iterable[int]) -> Iterator[tuple[int, FusedRun]]:
        """Some blocks, each after its forward pass."""
        shape = self.shape._replace(steps=self.block)
        arrays, loaded = ARRAYS.take(shape), False
        for number in numbers:
            run = self._run(number, arrays)
            a, b = self.blocks[number]
            run.fill(self.arrays.x[:, a:b], loaded)
            loaded = True
            yield number, run
        ARRAYS.give(shape, arrays)  # after an error, the other thread may still use it

    def _run(self, number: int, arrays: Arrays) -> FusedRun:
        """A block; the last one may be shorter than the arrays."""
        a, b = self.blocks[number]
        places = [
            place._replace(initial=layer.border(number), kept=_steps(place.kept, a, b))
            for place, layer in zip(self.places, self.arrays.layers, strict=True)
        ]
        mask, resets = self.mask[:, a:b], self.context.resets
        part = self.context._replace(mask=mask, resets=None if resets is None else resets[:, a:b])
        return FusedRun(self.shape._replace(steps=b - a), places, part, arrays)

    def all_of(self, number: int) -> dict[str, Array]:
        """Input, states and gates of a layer at every step."""
        layer = self.places[number].item.layer
        names = {*type(layer.cell.state_sizes)._fields, *type(layer.cell.record_sizes)._fields}
        T, B, _ = size = self.shape.steps, self.shape.batch, layer.hidden_size
        found = {name: np.empty(size, self.shape.dtype) for name in names}
        found["x"] = np.empty((T, B, layer.input_size), self.shape.dtype)
        with blas_threads("Engine", self.threads):
            for block, run in self._runs(range(len(self.blocks))):
                a, b = self.blocks[block]
                own = run.arrays.layers[number]
                for name in names:
                    found[name][a:b] = own.after(name)[: b - a]
                found["x"][a:b] = own.window[: b - a, :, : own.D]
        return found

    def backward(
        self, doutputs: Array, dfinal: Sequence[States], need_x: bool = True
    ) -> list[Triple]:
        """The gradients; see `Run`."""
        size = self.shape.steps, self.shape.batch, self.shape.layers[0].input_size
        dx = np.zeros(size, self.shape.dtype) if need_x else None
        shape, end = self.shape._replace(steps=self.block), len(self.blocks) - 1
        scratch = SCRATCH.take(shape)
        begun: dict[int, dict[str, Array]] = {}
        found: list[Triple] = []

        def given(number: int) -> Array | None:
            """The gradient by the outputs of a block."""
            if self.arrays.out is None:
                return doutputs if number == end else None
            a, b = self.blocks[number]
            return doutputs[:, a:b]

        def reached() -> Iterator[int]:
            """The blocks to which a gradient flows, from the last; the first ends the pass."""
            for number in range(end, -1, -1):
                states = (state for own in dfinal for state in own if state is not None)
                values = (value for state in states for value in state)
                if number in (0, end) or not nothing((given(number), *values)):
                    yield number

        with blas_threads("Engine", self.threads):
            for number, run in self._runs(reached()):
                a, b = self.blocks[number]
                share = Share(number == 0, number == end, scratch.sums, begun)
                found = Backward(run, scratch, given(number), dfinal, need_x, share).run()
                dfinal = [dinitial for _, _, dinitial in found]
                of_x = found[0][1]
                if dx is not None and of_x is not None:
                    dx[a:b] = of_x.swapaxes(0, 1)
        SCRATCH.give(shape, scratch)  # after an error, the other thread may still use it
        (dparams, _, dinitial), *others = found
        return [(dparams, None if dx is None else dx.swapaxes(0, 1), dinitial), *others]


def _steps(kept: Array | None, a: int, b: int) -> Array | None:
    """What a dropout keeps in some steps."""
    return kept if kept is None or len(kept) == 1 else kept[a:b]
