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

from npstack.core.params import Params
from npstack.engine.aligned import zeros
from npstack.engine.lstm import into_memory
from npstack.engine.pool import Pool
from npstack.engine.shapes import RunShape

add, matmul, multiply, tanh = np.add, np.matmul, np.multiply, np.tanh
CACHED = 300_000  # numbers that stay in a processor's cache
MOST_BEATS = 64


def ring_beats(shape: RunShape, numbers: int) -> int:
    """The beats of a ring, from the arrays ``(L, B, H)`` that each of them takes."""
    size = len(shape.layers) * shape.batch * shape.layers[0].hidden_size
    return max(8, min(MOST_BEATS, CACHED // (numbers * size)))


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

    def __init__(self, shape: RunShape) -> None:
        B, L, dtype = shape.batch, len(shape.layers), shape.dtype
        D, H, _ = shape.layers[0]
        self.P, self.n = P, n = max(D, H) + 1, ring_beats(shape, 6)
        self.states = zeros((n + 1, B, L + 1, P), dtype)
        self.states[..., -1] = 1
        of_beat, of_row, of_block, one = self.states.strides
        self.window = as_strided(
            self.states, (n, L, B, 2 * P - 1), (of_beat, of_block, of_row, one)
        )
        self.hidden = self.states[:, :, 1:, P - 1 - H : P - 1].swapaxes(1, 2)
        self.kept = zeros((n + 1, 5, L, B, H), dtype)
        self.W = zeros((L, 2 * P - 1, 4 * H), dtype)
        self.sums, self.room = zeros((L, B, 4 * H), dtype), zeros((3, L, B, H), dtype)
        self.half = np.asarray(0.5, dtype)
        self._shared: dict[tuple[int, int], tuple[Any, ...]] = {}  # views of all beats
        self._edges: dict[tuple[int, int, int], tuple[Any, ...]] = {}  # of beats of a few layers
        self.beats = [self._views(j, 0, L) for j in range(n)]

    def _views(self, j: int, first: int, stop: int) -> tuple[Any, ...]:
        """What one beat of some layers reads and writes."""
        own = slice(first, stop)
        if (first, stop) not in self._shared:
            sums, room = self.sums[own], self.room[:, own]
            by_gate = sums.reshape(*sums.shape[:2], 4, -1).transpose(2, 0, 1, 3)
            self._shared[first, stop] = self.W[own], sums, by_gate, room[:2], *room
        z = self.kept[j][:, own]
        gates = z[:4], z[:3], z[1:3], z[3:5], self.kept[j + 1, 4, own], z[0]
        return (*self._shared[first, stop], self.window[j, own], *gates, self.hidden[j + 1, own])

    def edge(self, j: int, first: int, stop: int) -> tuple[Any, ...]:
        """A beat of a few layers, at the beginning or the end of a sequence."""
        key = j, first, stop
        if key not in self._edges:
            self._edges[key] = self._views(*key)
        return self._edges[key]

    def load(self, params: Sequence[Params]) -> None:
        """Write the parameters of all layers; the sums of o, i and f are halved for tanh."""
        middle, size = self.P - 1, self.W.shape[1]
        for own, W in zip(params, self.W, strict=True):
            into_memory(own["W"], W[middle - len(own["W"]) : middle])
            into_memory(own["b"], W[middle])
            into_memory(own["U"], W[size - len(own["U"]) :])
        of_sigmoid = self.W[:, :, : 3 * self.W.shape[2] // 4]
        multiply(of_sigmoid, self.half, of_sigmoid)

    def run(self, beats: Sequence[tuple[Any, ...]]) -> None:
        """Some beats, in order."""
        half = self.half
        for W, sums, by_gate, both, one, two, tanh_c, v, z, oif, i_f, g_c, c, o, h in beats:
            matmul(v, W, sums)
            tanh(by_gate, z)
            multiply(oif, half, oif)
            add(oif, half, oif)
            multiply(i_f, g_c, both)
            add(one, two, c)
            tanh(c, tanh_c)
            multiply(o, tanh_c, h)

    def carry(self, m: int) -> None:
        """The state after m beats is that before the first."""
        self.hidden[0], self.kept[0, 4] = self.hidden[m], self.kept[m, 4]


WAVE_LOOPS: Pool[WaveLoop] = Pool(WaveLoop)
