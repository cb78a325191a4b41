"""A stack of LSTM layers, all layers at once.

Layer l at step t needs layer l - 1 at step t and itself at step t - 1. So all layers can work at
the same time if each is one step behind the one below: in *beat* n, layer l is at step n - l::

    beat      0    1    2    3   …
    layer 2             t=0  t=1
    layer 1        t=0  t=1  t=2
    layer 0   t=0  t=1  t=2  t=3

A beat is one product for all layers and one set of calls for all gates. For short rows of a batch
a call of NumPy takes longer than what it computes, and there are L times fewer of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from npstack.core.blas import blas_threads
from npstack.core.numerics import Array, is_finite
from npstack.core.tape import Tape
from npstack.engine.aligned import zeros
from npstack.engine.fused import Place
from npstack.engine.held import HeldRun
from npstack.engine.layer_by_layer import Fused, prepared, ran, run_of
from npstack.engine.lstm import GATES
from npstack.engine.pool import Pool
from npstack.engine.shapes import RunShape
from npstack.engine.wavefront_backward import WaveBackward, WaveScratch
from npstack.engine.wavefront_joined import JoinedLoop, JoinedScratch, is_joined
from npstack.engine.wavefront_loop import WaveLoop, windows
from npstack.layers.interface import Context, States
from npstack.layers.twins import Item, Triple, Twin

PRODUCT = 600_000  # multiplications
WEIGHTS = 1_000_000  # bytes


class WaveArrays:
    """What a forward pass of one shape keeps: the beats of a `WaveLoop`, all of them.

    Attributes
    ----------
    states : array (beats + 1, B, L + 1, P)
        Blocks ``[… h 1]`` of width P before every beat; the first holds the input.
    window : array (beats + 1, L, B, 2 P - 1)
    kept : array (5, beats + 1, L, B, H)
        o, i, f, g, zero where a layer has no step, and c before.
    """

    def __init__(self, shape: RunShape) -> None:
        T, B, L, dtype = shape.steps, shape.batch, len(shape.layers), shape.dtype
        D, H, _ = shape.layers[0]
        self.T, self.P, beats = T, max(D, H) + 1, T + L - 1
        P = self.P
        self.states = zeros((beats + 1, B, L + 1, P), dtype)
        self.states[..., -1] = 1
        self.window = windows(self.states)
        self.inputs = self.states[:T, :, 0, P - 1 - D : P - 1]
        self.kept = zeros((5, beats + 1, L, B, H), dtype)
        self.hidden = self.states[:, :, 1:, P - 1 - H : P - 1].swapaxes(1, 2)
        beat, layer = np.ogrid[: L - 1, :L, :1, :1][:2]
        self.early, self.late = beat < layer, beat >= layer  # no step of a layer
        layers = enumerate(shape.layers)
        self.layers = [WaveLayer(self, place, own.input_size) for place, own in layers]

    @staticmethod
    def nbytes(shape: RunShape) -> int:
        """The bytes that the arrays of a shape take."""
        B, L, (D, H, _) = shape.batch, len(shape.layers), shape.layers[0]
        numbers = (L + 1) * (max(D, H) + 1) + 5 * L * H  # of a row, for each beat
        return (shape.steps + L) * B * numbers * np.dtype(shape.dtype).itemsize

    def fill(self, loop: WaveLoop, x: Array, initial: Sequence[Any]) -> None:
        """Run all beats through a loop with the parameters; ``x (T, B, D)``."""
        T, L, end = self.T, len(initial), len(self.window) - 1
        for a in range(0, end, loop.n):
            m = min(loop.n, end - a)
            if a < T:
                steps = min(m, T - a)
                loop.inputs[:steps] = x[a : a + steps]
            n = a
            while n < a + m:
                first, stop = max(0, n - T + 1), min(L, n + 1)
                if n < L:
                    loop.hidden[n - a, n], loop.kept[n - a, 4, n] = initial[n]
                if stop - first < L:
                    loop.run([loop.edge(n - a, first, stop)])
                    n += 1
                else:
                    begin, n = n, min(a + m, T)
                    loop.run(loop.beats[begin - a : n - a])
            loop.states_into(self.states[a : a + m], self.hidden[a : a + m])
            self.kept[:, a : a + m] = loop.kept[:m].swapaxes(0, 1)
            loop.carry(m)
        self.hidden[end], self.kept[4, end] = loop.hidden[m], loop.kept[m, 4]
        self.inputs[...] = x
        np.copyto(self.kept[:4, : L - 1], 0, where=self.early)
        np.copyto(self.kept[:4, T:end], 0, where=self.late)


class WaveLayer:
    """One layer of a wavefront, in the order of time; see `HeldLayer`."""

    def __init__(self, whole: WaveArrays, place: int, D: int) -> None:
        self.D, T, middle = D, whole.T, whole.P - 1
        self.read = whole.window[place : place + T, place, :, middle - D :]  # [x 1 … h']
        self.window = self.read
        self.hidden = whole.hidden[place : place + T + 1, place]
        self.kept = whole.kept[:, place : place + T + 1, place]

    def after(self, name: str) -> Array:
        """A field of the state after every step, or a gate, as an array (T, B, H)."""
        if name == "h":
            return self.hidden[1:]
        return self.kept[4, 1:] if name == "c" else self.kept[GATES[name], :-1]

    def last(self, name: str) -> Array:
        """A field of the state after the last step, ``(B, H)``."""
        found: Array = self.after(name)[-1]
        return found

    def carried(self) -> list[Array]:
        """What a step hands to the next."""
        return [self.hidden, self.kept[4]]

    def inside(self) -> list[Array]:
        """Nothing of its own."""
        return []


def _loop(shape: RunShape) -> WaveLoop:
    return (JoinedLoop if is_joined(shape) else WaveLoop)(shape)


def _scratch(shape: RunShape) -> WaveScratch:
    return (JoinedScratch if is_joined(shape) else WaveScratch)(shape)


WAVE_ARRAYS = Pool(WaveArrays)
WAVE_LOOPS, WAVE_SCRATCH = Pool(_loop), Pool(_scratch)  # for any number of steps


class Wavefront(Twin):
    """Layers of a stack at once where they fit together; else one after another; see `Twin`.

    Parameters
    ----------
    quicker : callable
        Of a `RunShape`: whether they shall.
    """

    def __init__(self, quicker: Callable[[RunShape], bool]) -> None:
        self.quicker, self.fused = quicker, Fused()

    def takes(self, items: Sequence[Item], x: Array, context: Context) -> tuple[int, str]:
        return self.fused.takes(items, x, context)

    def forward(self, items: Sequence[Item], x: Array, context: Context) -> tuple[Tape, ...]:
        shape, places = prepared(items, x, context)
        why = unfit(shape, context)
        if not why and self.quicker(shape):
            return ran(WaveRun(shape, places, context), places, x, context)
        return ran(run_of(shape, places, context), places, x, context, why)


def unfit(shape: RunShape, context: Context) -> str:
    """Why layers cannot be a wavefront; empty if they can."""
    resets, budget = context.resets, context.engine.budget
    assert context.mask is not None
    if not fit_together(shape):
        return "a wavefront takes LSTM layers of one size, at least two, with no dropout between"
    if not context.mask.all() or (resets is not None and resets.any()):
        return "a wavefront takes no masked steps and no resets"
    if budget is not None and WaveArrays.nbytes(shape) > budget:
        return "a wavefront would exceed the budget"
    return ""


def fit_together(shape: RunShape) -> bool:
    """Whether layers can be a wavefront: LSTM layers of one size, nothing dropped between them."""
    above = shape.layers[1:]
    H = shape.layers[0].hidden_size
    same = all(own.hidden_size == H and not own.own_input for own in above)
    return shape.cell == "lstm" and len(above) > 0 and same


def quicker(shape: RunShape) -> bool:
    """Whether a wavefront is quicker than layer by layer, from the sizes alone.

    It is where calls of NumPy take longer than what they compute: where the product of a step is
    small and all weights, which every beat reads, stay in a processor's cache. On one machine it
    took 0.4 to 0.9 of the time within these limits, up to 3 times as much beyond them.
    """
    B, L, (D, H, _) = shape.batch, len(shape.layers), shape.layers[0]
    numbers = (max(D, H) + 1 + H) * 4 * H  # of the weights of a layer
    return B * numbers <= PRODUCT and L * numbers * np.dtype(shape.dtype).itemsize <= WEIGHTS


class WaveRun(HeldRun):
    """A stack of LSTM layers that run at once; see `Run`."""

    kind = "wavefront"
    pool = WAVE_ARRAYS

    def __init__(self, shape: RunShape, places: list[Place], context: Context) -> None:
        super().__init__(shape, context)
        self.places = places
        self.sizes = shape._replace(steps=0, chunk=0)  # what its loops depend on
        self.finite = False  # whether all of it is

    def forward(self, x: Array) -> None:
        """Fill the arrays."""
        loop = WAVE_LOOPS.take(self.sizes)
        self._fill(loop, x)
        if self.finite:  # what is left where a layer has no step meets zeros in the next pass
            WAVE_LOOPS.give(self.sizes, loop)
        elif is_joined(self.sizes):  # zeros times NaN are NaN: where was it born?
            self._fill(WaveLoop(self.sizes), x)

    def _fill(self, loop: WaveLoop, x: Array) -> None:
        arrays: WaveArrays = self.arrays
        loop.load([place.item.params for place in self.places])
        with blas_threads("Engine", self.threads):
            arrays.fill(loop, x.swapaxes(0, 1), [place.initial for place in self.places])
        self.finite = bool(is_finite(arrays.states).all() and is_finite(arrays.kept[4]).all())

    def backward(
        self, doutputs: Array, dfinal: Sequence[States], need_x: bool = True
    ) -> list[Triple]:
        """The gradients; see `Run`."""
        scratch = WAVE_SCRATCH.take(self.sizes)
        with blas_threads("Engine", self.threads):
            found = WaveBackward(self, scratch, doutputs, dfinal, need_x).run()
        WAVE_SCRATCH.give(self.sizes, scratch)
        return found

    def inside(self) -> list[Array]:
        """The arrays that it holds."""
        arrays: WaveArrays = self.arrays
        return [arrays.states, arrays.kept]

    def is_finite(self, place: int) -> bool:
        """Whether the states of a layer are finite."""
        return self.finite or super().is_finite(place)
