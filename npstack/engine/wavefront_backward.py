"""The backward pass of a wavefront: the beats from the last, all layers at once.

A row of R holds, for every layer, ``[dc through h | do di df dg | dc of the step before]``. The
gradient of ``h`` comes from the step after and from the layer above, which are in the row of the
beat after: one product with ``[U' ; W' of the layer above]``. Above the last layer stands the
gradient of the outputs, and the identity takes the place of W'. Where a layer has no step, its
local factors are zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.core.tape import LSTMState
from npstack.engine.lstm import from_memory, into_memory, local_factors
from npstack.engine.pool import Pool
from npstack.engine.shapes import RunShape
from npstack.layers.interface import States
from npstack.layers.twins import Triple

add, matmul, multiply = np.add, np.matmul, np.multiply
CACHED = 200_000  # numbers of a chunk that stay in a processor's cache


class WaveScratch:
    """All arrays of a backward pass of one shape.

    Attributes
    ----------
    Q : array (chunk, 6, L, B, H)
        Local factors.
    R : array (chunk + 1, B, L + 1, 6 H)
        Gradients; the last row is that of the beat after the chunk.
    G, more : array (L, 2 P - 1, 4 H)
        Gradients of the weights.
    """

    def __init__(self, shape: RunShape) -> None:
        B, L, dtype = shape.batch, len(shape.layers), shape.dtype
        D, H, _ = shape.layers[0]
        n = min(shape.steps + L - 1, max(16, CACHED // (12 * L * B * H)))
        self.chunk, self.H = n, H
        self.Q, self.room = np.zeros((n, 6, L, B, H), dtype), np.zeros((n, L, B, H), dtype)
        self.R = np.zeros((n + 1, B, L + 1, 6 * H), dtype)
        of_beat, of_row, of_block, one = self.R.strides
        self.windows = as_strided(
            self.R[..., H:], (n + 1, L, B, 10 * H), (of_beat, of_block, of_row, one)
        )
        self.rows = self.R.reshape(n + 1, B, L + 1, 6, H).transpose(0, 3, 2, 1, 4)
        self.WU = np.zeros((L, 10 * H, H), dtype)
        self.WU[-1, 6 * H : 7 * H] = np.eye(H, dtype=dtype)
        self.dh, self.dc = np.zeros((L, B, H), dtype), np.zeros((L, B, H), dtype)
        self.G, self.more = np.zeros((2, L, 2 * max(D, H) + 1, 4 * H), dtype)
        self.beats = []
        for j in range(n):
            q, row, after = self.Q[j], self.rows[j, :, :L], self.rows[j + 1, 5, :L]
            self.beats.append((q[:2], q[2:], row[:2], row[0], after, row[2:], self.windows[j]))

    def load(self, place: int, params: Params) -> Array:
        """Write the parameters of a layer; return ``W`` transposed, ``(4 H, D)``."""
        H, WU = self.H, self.WU
        into_memory(params["U"], WU[place, : 4 * H].T)
        turned = WU[place - 1, 6 * H :] if place else np.empty((4 * H, len(params["W"])), WU.dtype)
        into_memory(params["W"], turned.T)
        return turned

    def run(self, a: int, b: int) -> None:
        """Beats b - 1 to a of a chunk; then ``dh`` is that of the beat before."""
        dh, dc, WU = self.dh, self.dc, self.WU
        for of_dh, of_dc, row_dh, through_h, dc_after, row_dc, window in self.beats[a:b][::-1]:
            multiply(of_dh, dh, row_dh)
            add(through_h, dc_after, dc)
            multiply(of_dc, dc, row_dc)
            matmul(window, WU, dh)


WAVE_SCRATCH = Pool(WaveScratch)


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
        self.T, self.L, self.beats = run.shape.steps, len(run.places), len(run.arrays.window)
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
        turned = [scratch.load(k, place.item.params) for k, place in enumerate(self.places)]
        for b in range(self.beats, 0, -scratch.chunk):
            a = max(0, b - scratch.chunk)
            self._begin(a, b)
            self._beats(a, b)
            self._products(a, b, turned[0])
        found: list[Triple] = []
        for number, place in enumerate(self.places):
            if place.dropout is not None:
                found.append(({}, None, ()))
            dx = None if number or self.dx is None else self.dx.swapaxes(0, 1)
            found.append((self._gradients(number), dx, (self.dinitial[number],)))
        return found

    def _begin(self, a: int, b: int) -> None:
        """Before a chunk: its factors, the gradients of the outputs, and the beat after."""
        scratch, kept, L, H, n = self.scratch, self.arrays.kept, self.L, self.scratch.H, b - a
        local_factors(kept[a:b], kept[a + 1 : b + 1, 4], scratch.room[:n], scratch.Q[:n])
        R, last = scratch.R, b == self.beats
        R[n, ..., 5 * H :] = 0 if last else R[0, ..., 5 * H :]
        above = R[: n + last, :, L, H : 2 * H]
        silent = min(max(0, L - a), len(above))  # beats in which no layer above has a step
        above[:silent] = 0
        t = a + silent - L
        above[silent:] = 0 if self.doutputs is None else self.doutputs[t : t + len(above) - silent]
        if last:
            R[n, :, :L] = 0
            matmul(scratch.windows[n], scratch.WU, scratch.dh)

    def _beats(self, a: int, b: int) -> None:
        """The beats of a chunk; a layer begins with its final state and leaves its initial one."""
        scratch, T, L, n = self.scratch, self.T, self.L, b
        while n > a:
            stop, n = n, n - 1
            layer = n - T + 1
            if layer < 0 and n >= L:
                n = max(a, L)
            elif layer >= 0 and self.dfinal[layer] is not None:
                scratch.dh[layer] += self.dfinal[layer].h
                scratch.rows[stop - a, 5, layer] = self.dfinal[layer].c
            scratch.run(n - a, stop - a)
            if n < L:
                dc = scratch.rows[n - a, 5, n]
                self.dinitial[n] = LSTMState(scratch.dh[n].copy(), dc.copy())

    def _products(self, a: int, b: int, turned: Array) -> None:
        """The large products of a chunk: the gradients of weights and inputs."""
        scratch, T, H = self.scratch, self.T, self.scratch.H
        for number, own in enumerate(self.arrays.layers):
            begin, stop = max(a, number), min(b, number + T)
            if begin >= stop:
                continue
            dsums = scratch.R[begin - a : stop - a, :, number, H : 5 * H].reshape(-1, 4 * H)
            rows = own.read[begin - number : stop - number]
            rows = rows.reshape(-1, rows.shape[-1])
            G, more = scratch.G[number, : rows.shape[1]], scratch.more[number, : rows.shape[1]]
            if stop == number + T:
                matmul(rows.T, dsums, G)
            else:
                matmul(rows.T, dsums, more)
                add(G, more, G)
            if not number and self.dx is not None:
                matmul(dsums, turned, self.dx[begin:stop].reshape(len(dsums), -1))

    def _gradients(self, number: int) -> dict[str, Array]:
        """The gradients of the parameters of a layer."""
        place, own, H = self.places[number], self.arrays.layers[number], self.scratch.H
        G = from_memory(self.scratch.G[number, : own.read.shape[-1]])
        found = {"W": G[: own.D], "U": G[-H:], "b": G[own.D]}
        if place.item.layer.learn_initial:
            learned = place.item.states[0] is None
            for name, value in self.dinitial[number]._asdict().items():
                found[f"initial.{name}"] = value.sum(axis=0) if learned else np.zeros_like(value[0])
        return found
