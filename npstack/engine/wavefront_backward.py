"""The backward pass of a wavefront: the beats from the last, all layers at once.

The gradient of a layer's ``h`` comes from its own next step and from the layer above, which are in
the same beat, and neighbours in memory: one product with ``[U' ; W' of the layer above]``. Above
the last layer stands the gradient of the outputs, and the identity takes the place of W'. Where a
layer has no step, its local factors are zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from npstack.core.numerics import Array
from npstack.core.params import Params, with_prefix
from npstack.core.tape import LSTMState
from npstack.engine.aligned import zeros
from npstack.engine.backward import flush
from npstack.engine.fused import PROCESSORS, PROJECTED
from npstack.engine.lstm import from_memory, into_memory, local_factors, turned
from npstack.engine.one_layer import add_product
from npstack.engine.shapes import RunShape
from npstack.engine.wavefront_loop import ring_beats
from npstack.engine.worker import Follower
from npstack.layers.interface import States
from npstack.layers.twins import Triple

add, matmul, multiply = np.add, np.matmul, np.multiply
RING = 2  # chunks that are held at once, if another thread computes the large products


class WaveScratch:
    """All arrays of a backward pass of one shape.

    Attributes
    ----------
    Q : array (6, n, L, B, H)
        Local factors, and f.
    R : array (RING, n, B, L + 1, 4 H)
        Gradients of the sums o, i, f, g.
    dh, dc, dc_before : array (L, B, H)
        Gradients after a step, and what a step leaves for the one before.
    G, more : array (L, 2 P - 1, 4 H)
        Gradients of the weights.
    """

    product: Any = np.matmul

    def __init__(self, shape: RunShape) -> None:
        B, L, dtype = shape.batch, len(shape.layers), shape.dtype
        D, H, _ = shape.layers[0]
        self.n, self.H = n, _ = ring_beats(shape, 16), H
        self.Q, self.room = zeros((6, n, L, B, H), dtype), zeros((n, L, B, H), dtype)
        self.dh, self.dc, self.dc_before = zeros((3, L, B, H), dtype)
        self.G, self.more = zeros((2, L, 2 * max(D, H) + 1, 4 * H), dtype)
        self._arrange(shape)
        self.beats: list[list[tuple[Array, ...]]] = []
        for k in range(RING):
            self.beats.append([])
            for j in range(n):
                factors = self.Q[0, j], self.Q[1, j], self.Q[5, j], self.Q[2:5, j]
                dsums = self.rows[k, j, 0], self.rows[k, j, 1:], self.windows[k, j]
                self.beats[k].append((*factors, *dsums))

    def _arrange(self, shape: RunShape) -> None:
        """Where the gradients of the sums and the weights are."""
        B, L, H, n = shape.batch, len(shape.layers), self.H, self.n
        self.R = zeros((RING, n, B, L + 1, 4 * H), shape.dtype)
        self.above = self.R[..., L, :H]
        of_ring, of_beat, of_row, of_block, one = self.R.strides
        strides = of_ring, of_beat, of_block, of_row, one
        self.windows = as_strided(self.R, (RING, n, L, B, 8 * H), strides)
        self.dsums = self.R.reshape(RING, n, B, L + 1, 4, H)
        self.rows = self.dsums.transpose(0, 1, 4, 3, 2, 5)[:, :, :, :L]
        self.WU, self.out = zeros((L, 8 * H, H), shape.dtype), self.dh
        self.WU[-1, 4 * H : 5 * H] = np.eye(H, dtype=shape.dtype)

    def load(self, place: int, params: Params) -> Array:
        """Write the parameters of a layer; return ``W`` transposed, ``(4 H, D)``."""
        H, WU = self.H, self.WU
        into_memory(params["U"], WU[place, : 4 * H].T)
        if not place:
            return turned(params["W"])
        into_memory(params["W"], WU[place - 1, 4 * H :].T)
        return WU[place - 1, 4 * H :]

    def run(self, k: int, a: int, b: int) -> None:
        """Beats b - 1 to a of a chunk; then ``dh`` is that of the beat before."""
        dh, dc, dc_before, WU, out = self.dh, self.dc, self.dc_before, self.WU, self.out
        product = self.product
        for through_h, of_o, f, of_ifg, do, difg, window in self.beats[k][a:b][::-1]:
            multiply(through_h, dh, dc)
            add(dc, dc_before, dc)
            multiply(f, dc, dc_before)
            multiply(of_o, dh, do)
            multiply(of_ifg, dc, difg)
            product(window, WU, out)


class WaveBackward:
    """One backward pass of a `WaveRun`."""

    def __init__(
        self,
        run: Any,
        scratch: WaveScratch,
        doutputs: Array,
        dfinal: Sequence[States],
        need_x: bool,
    ) -> None:
        self.places, self.arrays, self.scratch = run.places, run.arrays, scratch
        self.T, self.L, self.beats = run.shape.steps, len(run.places), len(run.arrays.window) - 1
        self.threaded = PROCESSORS > 1 and run.shape.batch >= PROJECTED
        count = -(-self.beats // scratch.n)
        ends = [self.beats * k // count for k in range(count, -1, -1)]
        self.chunks = [(a, b) for b, a in pairwise(ends)]
        D = run.shape.layers[0].input_size
        self.dx = np.empty((self.T, run.shape.batch, D), run.shape.dtype) if need_x else None
        self.dfinal = [own[0] for own in dfinal if own]  # without those of dropouts
        self.dinitial: list[Any] = [None] * self.L
        self.doutputs: Array | None = doutputs.swapaxes(0, 1)
        if not self.places[-1].item.layer.return_sequences:
            self.doutputs, top = None, self.dfinal[-1]
            none = np.zeros_like(doutputs)
            h, c = LSTMState(none, none) if top is None else top
            self.dfinal[-1] = LSTMState(h + doutputs, c)

    def run(self) -> list[Triple]:
        """Parameters' gradients, dx, and initial states' gradients of each layer of the chain."""
        scratch = self.scratch
        loaded = [scratch.load(k, place.item.params) for k, place in enumerate(self.places)]
        self.turned = loaded[0]
        with Follower(self._products, self.threaded) as follower:
            for piece, (a, b) in enumerate(self.chunks):
                follower.wait(piece - RING + 1)
                self._begin(self._place(piece), a, b)
                self._beats(self._place(piece), a, b)
                follower.tell()
            follower.wait(len(self.chunks))
        found: list[Triple] = []
        for number, place in enumerate(self.places):
            if place.dropout is not None:
                found.append(({}, None, ()))
            dx = None if number or self.dx is None else self.dx.swapaxes(0, 1)
            found.append((self._gradients(number), dx, (self.dinitial[number],)))
        return found

    def _place(self, piece: int) -> int:
        """The place of a chunk in the ring."""
        return piece % RING if self.threaded else 0

    def _begin(self, k: int, a: int, b: int) -> None:
        """Before a chunk: its factors, and the gradients of the outputs."""
        scratch, L, n = self.scratch, self.L, b - a
        kept, room, Q = self.arrays.kept, scratch.room[:n], scratch.Q[:, :n]
        local_factors(kept[:, a:b], kept[4, a + 1 : b + 1], room, Q[:5])
        np.copyto(Q[5], kept[2, a:b])
        silent = max(0, min(L - a, n))  # beats after which the last layer has no step
        above = scratch.above[k, :n]
        above[:silent] = 0
        above[silent:] = 0 if self.doutputs is None else self.doutputs[a + silent - L : b - L]
        if b < self.beats:
            flush([scratch.dh, scratch.dc_before])
        else:
            scratch.dh[...] = scratch.dc_before[...] = 0
            if self.doutputs is not None:
                scratch.dh[-1] = self.doutputs[-1]

    def _beats(self, k: int, a: int, b: int) -> None:
        """The beats of a chunk; a layer begins with its final state and leaves its initial one."""
        dh, dc, T, L, n = self.scratch.dh, self.scratch.dc_before, self.T, self.L, b
        while n > a:
            stop, n = n, n - 1
            layer = n - T + 1
            if layer < 0 and n >= L:
                n = max(a, L)
            elif layer >= 0 and self.dfinal[layer] is not None:
                dh[layer] += self.dfinal[layer].h
                dc[layer] = self.dfinal[layer].c
            self.scratch.run(k, n - a, stop - a)
            if n < L:
                self.dinitial[n] = LSTMState(dh[n].copy(), dc[n].copy())

    def _products(self, piece: int) -> None:
        """The large products of a chunk: the gradients of weights and inputs."""
        scratch, T, H, (a, b) = self.scratch, self.T, self.scratch.H, self.chunks[piece]
        all_dsums = scratch.dsums[self._place(piece)]
        for number, own in enumerate(self.arrays.layers):
            begin, stop = max(a, number), min(b, number + T)
            if begin >= stop:
                continue
            dsums = all_dsums[begin - a : stop - a, :, number].reshape(-1, 4 * H)
            rows = own.read[begin - number : stop - number]
            rows = rows.reshape(-1, rows.shape[-1])
            G, more = scratch.G[number, : rows.shape[1]], scratch.more[number, : rows.shape[1]]
            add_product(rows, dsums, G, more, new=stop == number + T)
            if not number and self.dx is not None:
                matmul(dsums, self.turned, self.dx[begin:stop].reshape(len(dsums), -1))

    def _gradients(self, number: int) -> dict[str, Array]:
        """The gradients of the parameters of a layer."""
        place, own, H = self.places[number], self.arrays.layers[number], self.scratch.H
        G = from_memory(self.scratch.G[number, : own.read.shape[-1]])
        found = {"W": G[: own.D], "U": G[-H:], "b": G[own.D]}
        return found | with_prefix("initial", place.learned(self.dinitial[number]))
