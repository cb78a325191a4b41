"""A stack of LSTM layers, all layers at once.

Layer l at step t needs layer l - 1 at step t and itself at step t - 1. So all layers can work at
the same time if each is one step behind the one below: in *beat* n, layer l is at step n - l::

    beat      0    1    2    3   …
    layer 2             t=0  t=1
    layer 1        t=0  t=1  t=2
    layer 0   t=0  t=1  t=2  t=3

A beat is one product for all layers and one set of calls for all gates. For short rows of a batch
a call of NumPy takes longer than what it computes, and there are L times fewer of them.

A beat's states are neighbours in memory, ``[x | 1 | h of layer 0 | 1 | h of layer 1 | 1 …]`` in
blocks of one width, so that input, one and state of every layer are a *window*; see
`npstack.engine.lstm` for the steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from npstack.core.blas import blas_threads
from npstack.core.numerics import Array, is_finite
from npstack.core.params import Params
from npstack.core.tape import Tape
from npstack.engine.aligned import zeros
from npstack.engine.fused import Place
from npstack.engine.held import HeldRun
from npstack.engine.layer_by_layer import Fused, prepared, ran, run_of
from npstack.engine.lstm import GATES, into_memory
from npstack.engine.pool import Pool
from npstack.engine.shapes import RunShape
from npstack.engine.wavefront_backward import WAVE_SCRATCH, WaveBackward
from npstack.layers.interface import Context, States
from npstack.layers.twins import Item, Triple, Twin

PRODUCT = 600_000  # multiplications
WEIGHTS = 1_500_000  # bytes
add, matmul, multiply, tanh = np.add, np.matmul, np.multiply, np.tanh


class WaveArrays:
    """All arrays of a forward pass of one shape, with every view that its loop needs.

    Attributes
    ----------
    states : array (beats + 1, B, L + 1, P)
        Blocks ``[… h 1]`` of width P before every beat; the first holds the input.
    window : array (beats, L, B, 2 P - 1)
    kept : array (beats + 1, 5, L, B, H)
        o, i, f, g of a beat, and c before it; zero where a layer has no step.
    W : array (L, 2 P - 1, 4 H)
    """

    def __init__(self, shape: RunShape) -> None:
        T, B, L, dtype = shape.steps, shape.batch, len(shape.layers), shape.dtype
        D, H, _ = shape.layers[0]
        self.T, self.P, beats = T, max(D, H) + 1, T + L - 1
        P = self.P
        self.states = zeros((beats + 1, B, L + 1, P), dtype)
        self.states[..., -1] = 1
        of_beat, of_row, of_block, one = self.states.strides
        self.window = as_strided(
            self.states, (beats, L, B, 2 * P - 1), (of_beat, of_block, of_row, one)
        )
        self.kept = zeros((beats + 1, 5, L, B, H), dtype)
        self.W = zeros((L, 2 * P - 1, 4 * H), dtype)
        self.sums = zeros((L, B, 4 * H), dtype)
        self.half = np.asarray(0.5, dtype)
        self.hidden = self.states[:, :, 1:, P - 1 - H : P - 1].swapaxes(1, 2)
        self.room = zeros((3, L, B, H), dtype)
        shared: dict[tuple[int, int], tuple[Any, ...]] = {}  # by the layers that have a step
        self.beats = [self._views(n, shared) for n in range(beats)]
        layers = enumerate(shape.layers)
        self.layers = [WaveLayer(self, place, own.input_size) for place, own in layers]

    def _views(self, n: int, shared: dict[tuple[int, int], tuple[Any, ...]]) -> tuple[Any, ...]:
        """What one beat reads and writes."""
        ends = max(0, n - self.T + 1), min(len(self.W), n + 1)
        own = slice(*ends)
        if ends not in shared:
            sums, room = self.sums[own], self.room[:, own]
            by_gate = sums.reshape(*sums.shape[:2], 4, -1).transpose(2, 0, 1, 3)
            shared[ends] = self.W[own], sums, by_gate, room[:2], *room
        z = self.kept[n][:, own]
        gates = z[:4], z[:3], z[1:3], z[3:5], self.kept[n + 1, 4, own], z[0]
        return (*shared[ends], self.window[n, own], *gates, self.hidden[n + 1, own])

    def load(self, place: int, params: Params) -> None:
        """Write the parameters of a layer; `halve` follows."""
        middle, W = self.P - 1, self.W[place]
        D, H = len(params["W"]), len(params["U"])
        into_memory(params["W"], W[middle - D : middle])
        into_memory(params["b"], W[middle])
        into_memory(params["U"], W[len(W) - H :])

    def halve(self) -> None:
        """The sums of o, i and f are halved, for their sigmoid by tanh."""
        of_sigmoid = self.W[:, :, : 3 * self.W.shape[2] // 4]
        multiply(of_sigmoid, self.half, of_sigmoid)

    def run(self) -> None:
        """All beats."""
        half = self.half
        for W, sums, by_gate, both, one, two, tanh_c, v, z, oif, i_f, g_c, c, o, h in self.beats:
            matmul(v, W, sums)
            tanh(by_gate, z)
            multiply(oif, half, oif)
            add(oif, half, oif)
            multiply(i_f, g_c, both)
            add(one, two, c)
            tanh(c, tanh_c)
            multiply(o, tanh_c, h)


class WaveLayer:
    """One layer of a wavefront, in the order of time; see `HeldLayer`."""

    def __init__(self, whole: WaveArrays, place: int, D: int) -> None:
        self.D, T, middle = D, whole.T, whole.P - 1
        self.read = whole.window[place : place + T, place, :, middle - D :]  # [x 1 … h']
        self.window = self.read
        self.hidden = whole.hidden[place : place + T + 1, place]
        self.kept = whole.kept[place : place + T + 1, :, place]

    def after(self, name: str) -> Array:
        """A field of the state after every step, or a gate, as an array (T, B, H)."""
        if name == "h":
            return self.hidden[1:]
        return self.kept[1:, 4] if name == "c" else self.kept[:-1, GATES[name]]

    def last(self, name: str) -> Array:
        """A field of the state after the last step, ``(B, H)``."""
        found: Array = self.after(name)[-1]
        return found

    def carried(self) -> list[Array]:
        """What a step hands to the next."""
        return [self.hidden, self.kept[:, 4]]

    def inside(self) -> list[Array]:
        """Nothing of its own."""
        return []


WAVE_ARRAYS = Pool(WaveArrays)


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
        fits = fit_together(shape) and self.quicker(shape)
        mask, resets = context.mask, context.resets
        assert mask is not None
        plain = mask.all() and (resets is None or not resets.any())
        if fits and plain and context.engine.budget is None:
            return ran(WaveRun(shape, places, context), places, x, context)
        return ran(run_of(shape, places, context), places, x, context)


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
        self.finite = False  # whether all of it is

    def forward(self, x: Array) -> None:
        """Fill the arrays."""
        arrays: WaveArrays = self.arrays
        T, D = self.shape.steps, self.shape.layers[0].input_size
        arrays.states[:T, :, 0, arrays.P - 1 - D : arrays.P - 1] = x.swapaxes(0, 1)
        for number, place in enumerate(self.places):
            arrays.load(number, place.item.params)
            h, c = place.initial
            arrays.hidden[number, number], arrays.kept[number, 4, number] = h, c
        arrays.halve()
        with blas_threads("Engine", self.threads):
            arrays.run()
        self.finite = bool(is_finite(arrays.states).all() and is_finite(arrays.kept[:, 4]).all())

    def backward(
        self, doutputs: Array, dfinal: Sequence[States], need_x: bool = True
    ) -> list[Triple]:
        """The gradients; see `Run`."""
        scratch = WAVE_SCRATCH.take(self.shape)
        with blas_threads("Engine", self.threads):
            found = WaveBackward(self, scratch, doutputs, dfinal, need_x).run()
        WAVE_SCRATCH.give(self.shape, scratch)
        return found

    def inside(self) -> list[Array]:
        """The arrays that it holds."""
        arrays: WaveArrays = self.arrays
        return [arrays.states, arrays.kept, arrays.W, arrays.sums]

    def is_finite(self, place: int) -> bool:
        """Whether the states of a layer are finite."""
        return self.finite or super().is_finite(place)
