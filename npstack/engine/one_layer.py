"""What the fused layers have in common: where their numbers are, and the products that they share.

All states of a run are in one array, a row per time step and sample::

    [ x | 1 | h of layer 0 | 1 | h of layer 1 | … ]        layer l is l rows below

so that the input of a layer, the one of its bias and its hidden state before the step are
neighbours, a *window*, and no layer copies what the layer below has computed. A window times
``[W; b; U]`` is the sum of all gates. Where a dropout lies between two layers, the input is written
once more.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.engine.aligned import zeros
from npstack.engine.shapes import LayerShape, RunShape

Rows = NDArray[np.bool_]  # of the batch
VIEWED = 256  # steps of which all views are made beforehand: 0.6 microseconds less per step


class ForwardLayer(ABC):
    """The arrays of one layer of a run, with every view that its loop needs.

    Attributes
    ----------
    window : array (T, B, D + 1 + H)
        ``[x 1 h']`` of every step.
    hidden : array (T + 1, tiles, B, H / tiles)
        ``h`` before every step, and after the last.
    kept : array (T + 1, slots, tiles, B, H / tiles)
        What a step computes.
    W : array (4 tiles, D + 1 + H, H / tiles)
    """

    slots: ClassVar[int]
    room_for: ClassVar[int]  # arrays of a step that are not kept

    def __init__(self, shape: RunShape, place: int, states: Array) -> None:
        T, B = shape.steps, shape.batch
        D, H, _ = own = shape.layers[place]
        self.D, self.H, self.tiles = D, H, shape.tiles(own)
        s, hs = self.tiles, H // self.tiles
        start, dtype = shape.starts()[place], states.dtype
        rows = states[place : place + T + 1]
        self.window = rows[:T, :, start : start + D + 1 + H]
        h = rows[:, :, start + D + 1 : start + D + 1 + H]
        self.flat_hidden = h
        self.hidden = h.reshape(T + 1, B, s, hs).transpose(0, 2, 1, 3)
        self.kept = zeros((T + 1, self.slots, s, B, hs), dtype)
        self.W = zeros((4 * s, D + 1 + H, hs), dtype)
        self.from_h = zeros((4 * s, B, hs), dtype)
        self.half = np.asarray(0.5, dtype)
        self.resets: dict[int, tuple[Rows, Array, Array | None]] = {}  # by step, in this pass
        self.room = zeros((self.room_for, s, B, hs), dtype)
        self.over_time = self.views()
        self.by_step = list(zip(*self.over_time, strict=True)) if T <= VIEWED else None

    @abstractmethod
    def views(self) -> tuple[Array, ...]:
        """What a step reads and writes, as arrays over the T steps."""

    def forth(self, a: int, b: int) -> Iterable[tuple[Array, ...]]:
        """What each of the steps a to b - 1 reads and writes.

        Views take as much memory as small states, so those of a long run are made when needed.
        """
        if self.by_step is not None:
            return self.by_step[a:b]
        return zip(*(values[a:b] for values in self.over_time), strict=True)

    @abstractmethod
    def load(self, params: Params) -> None:
        """Write the parameters into ``W``."""

    @abstractmethod
    def begin(self, state: Any) -> None:
        """Write the initial state."""

    @abstractmethod
    def project(self, a: int, b: int) -> None:
        """The input's part of the sums of steps a to b - 1."""

    @abstractmethod
    def steps(self, a: int, b: int, projected: bool) -> None:
        """Steps a to b - 1; ``projected``: the input's part of the sums is there."""

    @abstractmethod
    def hold(self, t: int, rows: Rows) -> None:
        """After step t: some rows of the batch keep the state that they had before."""

    def reset(self, t: int, rows: Rows, beginning: Any) -> Array:
        """Begin anew before step t in some rows; ``h`` is returned for `put_back`."""
        tiles = self.hidden[t]
        kept: Array = tiles[:, rows]
        tiles[:, rows] = self.tiled(beginning.h)[:, rows]
        self.resets[t] = rows, beginning.h[rows], self.reset_cell(t, rows, beginning)
        return kept

    def put_back(self, t: int, rows: Rows, kept: Array) -> None:
        """After step t: ``h`` before it is the output of the step before again."""
        self.hidden[t][:, rows] = kept

    def reset_cell(self, t: int, rows: Rows, beginning: Any) -> Array | None:
        """What a reset replaces besides ``h``: ``c (tiles, rows, H / tiles)``, if there is one."""
        return None

    def read(self, a: int, b: int) -> Array:
        """The windows of steps a to b - 1 as they were read: resets are in them."""
        found = self.window[a:b]
        steps = [t for t in range(a, b) if t in self.resets]
        if steps:
            found = found.copy()
            for t in steps:
                rows, h, _ = self.resets[t]
                found[t - a, rows, self.D + 1 :] = h
        return found

    @abstractmethod
    def after(self, name: str) -> Array:
        """A field of the state after every step, or a gate, as an array (T, B, H)."""

    @abstractmethod
    def last(self, name: str, steps: int = -1) -> Array:
        """A field of the state after the last step, or after some steps, ``(B, H)``."""

    def carried(self) -> list[Array]:
        """What a step hands to the next: NaN and infinity show there."""
        return [self.flat_hidden]

    def flat(self, values: Array) -> Array:
        """From tiles ``(n, tiles, B, H / tiles)`` to ``(n, B, H)``."""
        return values.transpose(0, 2, 1, 3).reshape(len(values), -1, self.H)

    def tiled(self, value: Array) -> Array:
        """From ``(B, H)`` to tiles."""
        return value.reshape(len(value), self.tiles, -1).swapaxes(0, 1)

    def inside(self) -> list[Array]:
        """The arrays that it holds, besides the states."""
        return [self.kept, self.W, self.from_h, self.room]

    @classmethod
    def numbers(cls, T: int, B: int, D: int, H: int) -> int:
        """How many numbers these arrays hold."""
        return H * ((T + 1) * cls.slots * B + 4 * (D + 1 + H) + 4 * B + cls.room_for * B)


def add_product(rows: Array, dsums: Array, total: Array, room: Array, new: bool) -> None:
    """Add ``rows' dsums`` to a total, or begin it; ``room`` has its shape."""
    np.matmul(rows.T, dsums, total if new else room)
    if not new:
        np.add(total, room, total)


RING = 3  # chunks whose factors and gradients are held at once


class BackwardLayer(ABC):
    """Arrays for the backward pass of all layers of one size, with the views of its loop.

    Attributes
    ----------
    R : array (RING, n + 1, B, sums, H)
        Gradients of a chunk: of the sums, and what a step passes on besides.
    dh : array (tiles, B, H / tiles)
        The gradient of ``h`` after the step that comes next.
    """

    sums: ClassVar[int]  # blocks in a row of R
    factors_of: ClassVar[int]  # local factors of a step

    def __init__(self, shape: RunShape, H: int, tiles: int, most: int) -> None:
        B, n, s, hs, dtype = shape.batch, shape.chunk, tiles, H // tiles, shape.dtype
        self.B, self.H, self.tiles, self.n = B, H, s, n
        self.Q = zeros((RING, n, self.factors_of, s, B, hs), dtype)
        self.R = zeros((RING, n + 1, B, self.sums, H), dtype)
        self.dh, self.dc = zeros((s, B, hs), dtype), zeros((s, B, hs), dtype)
        self.held = np.zeros_like(self.dh)
        self.room = zeros((n, s, B, hs), dtype)
        self.more = zeros((most + 1 + H, 4 * H), dtype)
        self.U = zeros(self.shape_of_u(), dtype)
        self.back = [[self.views(k, j) for j in range(n)] for k in range(RING)]

    @abstractmethod
    def shape_of_u(self) -> tuple[int, int, int]:
        """The shape of ``U``."""

    @abstractmethod
    def views(self, k: int, j: int) -> tuple[Any, ...]:
        """What one step reads and writes."""

    @abstractmethod
    def load(self, params: Params) -> Array:
        """Write ``U``; return ``W`` transposed, ``(sums of x, D)``."""

    @abstractmethod
    def begin(self, k: int, n: int, dstate: Any) -> None:
        """Write the gradient of the final state, before a chunk of n steps in place k."""

    @abstractmethod
    def carry(self, k: int, n: int, last: int) -> None:
        """Take over what the chunk in place ``last`` of the ring has left, before a new one."""

    @abstractmethod
    def factors(self, own: Any, a: int, b: int, k: int, masked: Rows | None) -> None:
        """Local factors of steps a to b - 1; ``masked (n, B)``: where the state is held."""

    @abstractmethod
    def steps(self, k: int, j: range, doutputs: Array | None) -> None:
        """Steps j of a chunk, in this order; ``doutputs`` in the order of time."""

    @abstractmethod
    def dstate(self, k: int, j: int) -> tuple[Array, ...]:
        """The gradients of the state before step j, as views (B, H), to be read and changed."""

    @abstractmethod
    def gradients(self, D: int, sums: Array) -> dict[str, Array]:
        """The gradients of the parameters, copied from what `weights` has added up."""

    @abstractmethod
    def dsums(self, k: int, n: int) -> tuple[Array, Array]:
        """Gradients of the sums of a chunk, ``(n B, …)``: all, and those that the input enters."""

    def tiled_row(self, k: int, j: int) -> Array:
        """A row of R as ``(sums, tiles, B, H / tiles)``."""
        row: Array = self.R[k, j].reshape(self.B, self.sums, self.tiles, -1)
        return row.transpose(1, 2, 0, 3)

    def tiled(self, value: Array) -> Array:
        """From ``(…, B, H)`` to tiles ``(…, tiles, B, H / tiles)``."""
        cut = value.reshape(*value.shape[:-1], self.tiles, -1)
        found: Array = np.moveaxis(cut, -2, -3)
        return found

    def weights(self, window: Array, k: int, sums: Array, new: bool) -> None:
        """Add a chunk to the gradients of the weights; ``window (n, B, D + 1 + H)``."""
        rows = window.reshape(-1, window.shape[-1])
        every, _ = self.dsums(k, len(window))
        add_product(rows, every, sums, self.more[: rows.shape[1]], new)

    @staticmethod
    def sums_for(own: LayerShape, dtype: str) -> Array:
        """An array for the gradients ``[dW; db; dU]`` of a layer."""
        return zeros((own.input_size + 1 + own.hidden_size, 4 * own.hidden_size), dtype)
