"""The beats of a wavefront, forward: a ring of arrays through which all of them go.

The states of a beat are neighbours in memory, ``[x | 1 | h of layer 0 | 1 | h of layer 1 | 1 …]``
in blocks of one width, so that input, one and state of every layer are a *window*; see
`npstack.engine.lstm` for the steps. The arrays do not depend on the number of steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.engine.aligned import zeros
from npstack.engine.lstm import into_memory
from npstack.engine.shapes import RunShape

add, multiply, tanh = np.add, np.multiply, np.tanh
CACHED = 300_000  # numbers that stay in a processor's cache
MOST_BEATS = 64


def ring_beats(shape: RunShape, numbers: int) -> int:
    """The beats of a ring, from the arrays ``(L, B, H)`` that each of them takes."""
    size = len(shape.layers) * shape.batch * shape.layers[0].hidden_size
    return max(8, min(MOST_BEATS, CACHED // (numbers * size)))


def windows(blocks: Array) -> Array:
    """Neighbours among blocks ``(n, B, L + 1, P)``, without the last one, as one axis."""
    n, B, L, P = blocks.shape
    of_beat, of_row, of_block, one = blocks.strides
    shape = n, L - 1, B, 2 * P - 1
    return as_strided(blocks, shape, (of_beat, of_block, of_row, one))


class WaveLoop:
    """A ring of beats, with every view that the loop needs.

    Attributes
    ----------
    states : array (n + 1, B, L + 1, P)
        Blocks ``[… h 1]`` of width P before every beat; the first holds the input.
    kept : array (n + 1, 5, L, B, H)
        o, i, f, g of a beat, and c before it.
    W : array (L, P + H, 4 H)
        Of the windows ``[… x 1 | … h]``.
    """

    product: Any = np.matmul

    def __init__(self, shape: RunShape) -> None:
        B, L, dtype = shape.batch, len(shape.layers), shape.dtype
        H = shape.layers[0].hidden_size
        self.n = ring_beats(shape, 6)
        self.kept, self.room = zeros((self.n + 1, 5, L, B, H), dtype), zeros((3, L, B, H), dtype)
        self.half = np.asarray(0.5, dtype)
        self.inputs: Array
        self.hidden: Array
        self._arrange(shape)
        self._shared: dict[tuple[int, int], tuple[Array, ...]] = {}  # views of all beats
        self._edges: dict[tuple[int, int, int], tuple[Array, ...]] = {}  # of beats of a few layers
        self.beats = [self._views(j, 0, L) for j in range(self.n)]

    def _arrange(self, shape: RunShape) -> None:
        """Where states and weights are."""
        B, L, dtype = shape.batch, len(shape.layers), shape.dtype
        D, H, _ = shape.layers[0]
        P = max(D, H) + 1
        self.states = zeros((self.n + 1, B, L + 1, P), dtype)
        self.states[..., -1] = 1
        self.window = windows(self.states)
        self.inputs = self.states[:, :, 0, P - 1 - D : P - 1]
        self.hidden = self.states[:, :, 1:, P - 1 - H : P - 1].swapaxes(1, 2)
        self.W, self.sums = zeros((L, 2 * P - 1, 4 * H), dtype), zeros((L, B, 4 * H), dtype)
        self.by_gate = self.sums.reshape(L, B, 4, H).transpose(2, 0, 1, 3)

    def _views(self, j: int, first: int, stop: int) -> tuple[Array, ...]:
        """What one beat of some layers reads and writes."""
        own = slice(first, stop)
        if (first, stop) not in self._shared:
            room = self.room[:, own]
            self._shared[first, stop] = room[:2], *room
        z = self.kept[j][:, own]
        gates = z[:3], z[1:3], z[3:5], self.kept[j + 1, 4, own], z[0], self.hidden[j + 1, own]
        return (*self._products(j, first, stop), *self._shared[first, stop], *gates)

    def _products(self, j: int, first: int, stop: int) -> tuple[Array, ...]:
        """The product of a beat, where it goes, and from where to where the tanh is taken."""
        key, own = (first, stop, 0), slice(first, stop)
        if key not in self._edges:
            self._edges[key] = self.W[own], self.sums[own], self.by_gate[:, own]
        return (self.window[j, own], *self._edges[key], self.kept[j, :4, own])

    def edge(self, j: int, first: int, stop: int) -> tuple[Array, ...]:
        """A beat of a few layers, at the beginning or the end of a sequence."""
        key = j, first, stop
        if key not in self._edges:
            self._edges[key] = self._views(*key)
        return self._edges[key]

    def load(self, params: Sequence[Params]) -> None:
        """Write the parameters of all layers; the sums of o, i and f are halved for tanh."""
        size, H = self.W.shape[1], len(params[0]["U"])
        middle = size // 2
        for own, W in zip(params, self.W, strict=True):
            into_memory(own["W"], W[middle - len(own["W"]) : middle])
            into_memory(own["b"], W[middle])
            into_memory(own["U"], W[size - H :])
        self._halve(self.W[:, :, : 3 * H])

    def _halve(self, columns: Array) -> None:
        multiply(columns, self.half, columns)

    def run(self, beats: Sequence[tuple[Array, ...]]) -> None:
        """Some beats, in order."""
        half, product = self.half, self.product
        for v, W, sums, before, z, both, one, two, tanh_c, oif, i_f, g_c, c, o, h in beats:
            product(v, W, sums)
            tanh(before, z)
            multiply(oif, half, oif)
            add(oif, half, oif)
            multiply(i_f, g_c, both)
            add(one, two, c)
            tanh(c, tanh_c)
            multiply(o, tanh_c, h)

    def states_into(self, rows: Array, hidden: Array) -> None:
        """Copy the states of the first beats, all of a beat or ``hidden`` alone."""
        rows[...] = self.states[: len(rows)]  # without gaps, which is quicker

    def carry(self, m: int) -> None:
        """The state after m beats is that before the first."""
        self.hidden[0], self.kept[0, 4] = self.hidden[m], self.kept[m, 4]
