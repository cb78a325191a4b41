"""Recurrent layers one after another, each in few calls of NumPy per step.

Large products are computed for a chunk of steps at once, where this is quicker: the input's part of
the gates before the steps, the gradients of weights and inputs after them. They may run on another
thread, `Follower`, one chunk ahead or behind; the numbers are the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from npstack.core.blas import blas_threads
from npstack.core.numerics import Array, dropped
from npstack.engine.aligned import LINE, zeros
from npstack.engine.backward import SCRATCH, Backward
from npstack.engine.gru import ForwardGRU
from npstack.engine.held import HeldRun
from npstack.engine.lstm import ForwardLSTM
from npstack.engine.one_layer import ForwardLayer
from npstack.engine.pool import Pool
from npstack.engine.shapes import RunShape
from npstack.engine.worker import Follower
from npstack.layers.interface import Context, States
from npstack.layers.twins import Item, Triple

FORWARD: dict[str, type[ForwardLayer]] = {"lstm": ForwardLSTM, "gru": ForwardGRU}
PROJECTED = 8  # rows of a batch from which the input's products are computed ahead
if hasattr(os, "sched_getaffinity"):
    PROCESSORS = len(os.sched_getaffinity(0))  # those that this process may use
else:
    PROCESSORS = os.cpu_count() or 1


class Arrays:
    """All arrays of a forward pass of one shape."""

    def __init__(self, shape: RunShape) -> None:
        *starts, columns = shape.starts()
        rows = shape.steps + len(shape.layers)
        self.states = zeros((rows, shape.batch, columns), shape.dtype)
        for start, (D, _, _) in zip(starts, shape.layers, strict=True):
            self.states[:, :, start + D] = 1
        kind = FORWARD[shape.cell]
        self.layers = [kind(shape, place, self.states) for place in range(len(shape.layers))]

    @staticmethod
    def nbytes(shape: RunShape) -> int:
        """The bytes that the arrays of a shape take."""
        T, B, L = shape.steps, shape.batch, len(shape.layers)
        numbers = (T + L) * B * shape.starts()[-1]
        for D, H, _ in shape.layers:
            numbers += FORWARD[shape.cell].numbers(T, B, D, H)
        arrays = 1 + 4 * L  # each begins somewhere in its first line
        return numbers * np.dtype(shape.dtype).itemsize + arrays * LINE


ARRAYS = Pool(Arrays)


class Place(NamedTuple):
    """A recurrent layer of a run, and the dropout below it.

    Attributes
    ----------
    item : Item
    beginning, initial : state
        What a reset sets the state to; the state before the first step.
    dropout : Item or None
    kept : bool array (T, B, D) or (1, B, D), or None
        What the dropout keeps, in training.
    """

    item: Item
    beginning: Any
    initial: Any
    dropout: Item | None
    kept: Array | None

    def drop(self, values: Array, a: int, b: int, out: Array) -> None:
        """Apply the dropout to steps a to b - 1, ``(n, B, D)``."""
        assert self.dropout is not None
        assert self.kept is not None
        kept = self.kept[a:b] if len(self.kept) > 1 else self.kept
        out[...] = dropped(values, kept, self.dropout.layer.rate)

    def learned(self, dinitial: Any) -> dict[str, Array]:
        """The gradient of the initial state that the layer learns, by field; zero if not used."""
        if not self.item.layer.learn_initial:
            return {}
        used = self.item.states[0] is None
        fields = dinitial._asdict().items()
        return {n: v.sum(axis=0) if used else np.zeros_like(v[0]) for n, v in fields}


class FusedRun(HeldRun):
    """Layers of a chain that run together; see `Run`."""

    kind = "fused"
    pool = ARRAYS

    def __init__(
        self, shape: RunShape, places: list[Place], context: Context, arrays: Any = None
    ) -> None:
        super().__init__(shape, context, arrays)
        self.places, resets = places, context.resets
        self.masked = None if self.mask.all() else ~self.mask.T  # (T, B)
        self.resets = None if resets is None or not resets.any() else resets.T
        self.threaded = PROCESSORS > 1 and self.projected and self.resets is None

    @property
    def projected(self) -> bool:
        """Whether the input's part of the gates is computed for a chunk at once.

        The number of steps does not matter: a sequence in parts has the same bits.
        """
        return self.shape.batch >= PROJECTED

    @property
    def chunks(self) -> list[tuple[int, int]]:
        """First and last step of each."""
        T, n = self.shape.steps, self.shape.chunk
        return [(a, min(a + n, T)) for a in range(0, T, n)]

    # ---- forward -----------------------------------------------------------------------------

    def forward(self, x: Array) -> None:
        """Fill the arrays."""
        with blas_threads("Engine", self.threads):
            self.fill(x)

    def fill(self, x: Array, loaded: bool = False) -> None:
        """Fill the arrays; ``loaded``: the parameters are there."""
        arrays, chunks = self.arrays, self.chunks
        T, D = self.shape.steps, self.shape.layers[0].input_size
        arrays.states[:T, :, :D] = x.swapaxes(0, 1)
        for layer, place in zip(arrays.layers, self.places, strict=True):
            layer.resets.clear()
            if not loaded:
                layer.load(place.item.params)
            layer.begin(place.initial)
        if not self.projected:
            for number, layer in enumerate(arrays.layers):
                self._drop(number, 0, T)
                self._steps(number, layer, 0, T)
            return

        def project(piece: int) -> None:
            number, (a, b) = piece // len(chunks), chunks[piece % len(chunks)]
            self._drop(number, a, b)
            arrays.layers[number].project(a, b)

        with Follower(project, self.threaded) as follower:
            for _ in chunks:
                follower.tell()
            for number, layer in enumerate(arrays.layers):
                for k, (a, b) in enumerate(chunks):
                    follower.wait(number * len(chunks) + k + 1)
                    self._steps(number, layer, a, b)
                    if number + 1 < len(arrays.layers):
                        follower.tell()

    def _drop(self, number: int, a: int, b: int) -> None:
        """The input of a layer above a dropout."""
        place, layer = self.places[number], self.arrays.layers[number]
        if place.kept is not None:
            below = self.arrays.layers[number - 1].flat_hidden[a + 1 : b + 1]
            place.drop(below, a, b, layer.window[a:b, :, : layer.D])

    def _steps(self, number: int, layer: ForwardLayer, a: int, b: int) -> None:
        """Steps a to b - 1; those with masks or resets one by one."""
        for t, stop in self.parts(a, b):
            resets = None if self.resets is None else self.resets[t]
            if resets is not None and resets.any():
                kept = layer.reset(t, resets, self.places[number].beginning)
                layer.steps(t, stop, self.projected)
                layer.put_back(t, resets, kept)
            else:
                layer.steps(t, stop, self.projected)
            if self.masked is not None and stop == t + 1:
                layer.hold(t, self.masked[t])

    def parts(self, a: int, b: int) -> Iterator[tuple[int, int]]:
        """Steps a to b - 1 in parts: those with masks or resets alone."""
        special = np.zeros(b - a, bool)
        for rows in (self.masked, self.resets):
            if rows is not None:
                special |= rows[a:b].any(axis=1)
        begin = a
        for t in (a + np.flatnonzero(special)).tolist():
            if begin < t:
                yield begin, t
            yield t, t + 1
            begin = t + 1
        if begin < b:
            yield begin, b

    # ---- backward ----------------------------------------------------------------------------

    def backward(
        self, doutputs: Array, dfinal: Sequence[States], need_x: bool = True
    ) -> list[Triple]:
        """The gradients; see `Run`."""
        sizes = self.shape._replace(steps=self.shape.chunk)  # what scratch depends on
        scratch = SCRATCH.take(sizes)
        with blas_threads("Engine", self.threads):
            found = Backward(self, scratch, doutputs, dfinal, need_x).run()
        SCRATCH.give(sizes, scratch)  # after an error, the other thread may still use it
        return found
