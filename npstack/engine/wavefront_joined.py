"""A wavefront of few narrow layers as one layer: one matrix for all, with blocks of zeros.

For one row of a batch, the states of a beat are one vector, ``[x 1 h0 h1 …]``, and a product gives
the gates of all layers in the order in which the calls for all layers read them. No call needs
arrays with gaps, and that saves more than the zeros cost, as long as there are few of them. (Zero
times NaN is NaN, so what is not finite spreads to all layers; `WaveRun` runs them apart then.)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.engine.aligned import zeros
from npstack.engine.lstm import turned
from npstack.engine.shapes import RunShape
from npstack.engine.wavefront_backward import RING, WaveScratch
from npstack.engine.wavefront_loop import WaveLoop

ZEROS = 120_000  # bytes of zeros in the matrix that are read in each beat


def is_joined(shape: RunShape) -> bool:
    """Whether the zeros in one matrix for all layers are few."""
    L, (D, H, _) = len(shape.layers), shape.layers[0]
    joined = (D + 1 + L * H) * 4 * L * H
    apart = ((D + 1 + H) + (L - 1) * (2 * H + 1)) * 4 * H
    zeros_read = (joined - apart) * np.dtype(shape.dtype).itemsize
    return shape.batch == 1 and zeros_read <= ZEROS


def _into(packed: Array, out: Array) -> None:
    """Columns ``(…, 4H)`` into ``(…, 4, H)``, o first."""
    gates = packed.reshape(*packed.shape[:-1], 4, -1)
    out[..., 0, :], out[..., 1:, :] = gates[..., 3, :], gates[..., :3, :]


class JoinedLoop(WaveLoop):
    """A ring of beats; states ``(n + 1, D + 1 + L H)``, W ``(D + 1 + L H, 4 L H)``."""

    product = staticmethod(np.dot)

    def _arrange(self, shape: RunShape) -> None:
        L, (D, H, _) = len(shape.layers), shape.layers[0]
        self.states = zeros((self.n + 1, D + 1 + L * H), shape.dtype)
        self.states[:, D] = 1
        self.inputs = self.states[:, np.newaxis, :D]
        self.hidden = self.states[:, D + 1 :].reshape(-1, L, 1, H)
        self.W = zeros((D + 1 + L * H, 4 * L * H), shape.dtype)

    def _products(self, j: int, first: int, stop: int) -> tuple[Array, ...]:
        sums = self.kept[j, :4].reshape(-1)
        return self.states[j], self.W, sums, sums, sums

    def states_into(self, rows: Array, hidden: Array) -> None:
        hidden[...] = self.hidden[: len(hidden)]

    def load(self, params: Sequence[Params]) -> None:
        L, D, H = len(params), len(params[0]["W"]), len(params[0]["U"])
        columns = self.W.reshape(-1, 4, L, H)
        for place, own in enumerate(params):
            below = columns[:, :, place]
            rows = D + 1 + place * H
            _into(own["W"], below[rows - H : rows] if place else below[:D])
            _into(own["b"], below[D])
            _into(own["U"], below[rows : rows + H])
        self._halve(self.W[:, : 3 * L * H])


class JoinedScratch(WaveScratch):
    """R ``(RING, n, 4 L H + H)``, with the outputs' gradient behind; WU ``(4 L H + H, L H)``."""

    product = staticmethod(np.dot)

    def _arrange(self, shape: RunShape) -> None:
        L, H, n = len(shape.layers), self.H, self.n
        size = 4 * L * H
        self.R = zeros((RING, n, size + H), shape.dtype)
        self.above = self.R[:, :, np.newaxis, size:]
        rows = self.R[:, :, :size].reshape(RING, n, 4, L, 1, H)
        self.rows, self.windows = rows, self.R
        self.dsums = rows.transpose(0, 1, 4, 3, 2, 5)
        self.WU = zeros((size + H, L * H), shape.dtype)
        self.WU[size:, -H:] = np.eye(H, dtype=shape.dtype)
        self.out = self.dh.reshape(-1)

    def load(self, place: int, params: Params) -> Array:
        L, H = len(self.dh), self.H
        blocks = self.WU[: 4 * L * H].reshape(4, L, H, L, H)[:, place]
        _into(params["U"], blocks[:, :, place].transpose(2, 0, 1))
        if place:
            _into(params["W"], blocks[:, :, place - 1].transpose(2, 0, 1))
        return turned(params["W"])
