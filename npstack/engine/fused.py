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
from npstack.core.errors import TapeError, fail
from npstack.core.numerics import Array, is_finite
from npstack.core.tape import Tape
from npstack.engine.backward import SCRATCH, Backward
from npstack.engine.gru import ForwardGRU
from npstack.engine.lstm import ForwardLSTM
from npstack.engine.one_layer import ForwardLayer
from npstack.engine.pool import Pool
from npstack.engine.shapes import RunShape
from npstack.engine.run_tapes import shown
from npstack.engine.worker import Follower
from npstack.layers.interface import Context, States
from npstack.layers.twins import Item, Triple

FORWARD: dict[str, type[ForwardLayer]] = {"lstm": ForwardLSTM, "gru": ForwardGRU}
PROJECTED = 8  # rows of a batch from which the input's products are computed ahead
PROCESSORS = os.cpu_count() or 1


class Arrays:
    """All arrays of a forward pass of one shape."""

    def __init__(self, shape: RunShape) -> None:
        *starts, columns = shape.starts()
        rows = shape.steps + len(shape.layers)
        self.states = np.zeros((rows, shape.batch, columns), shape.dtype)
        for start, (D, _, _) in zip(starts, shape.layers, strict=True):
            self.states[:, :, start + D] = 1
        kind = FORWARD[shape.cell]
        self.layers = [kind(shape, place, self.states) for place in range(len(shape.layers))]


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
        np.divide(values, values.dtype.type(1 - self.dropout.layer.rate), out)
        np.copyto(out, 0, where=~kept)


class FusedRun:
    """Layers of a chain that run together; see `Run`."""

    tapes: tuple[Tape, ...]

    def __init__(self, shape: RunShape, places: list[Place], context: Context) -> None:
        self.shape, self.places, self.threads = shape, places, context.engine.threads
        mask, resets = context.mask, context.resets
        assert mask is not None
        self.mask = mask
        self.masked = None if mask.all() else ~mask.T  # (T, B)
        self.resets = None if resets is None or not resets.any() else resets.T
        self._arrays: Arrays | None = ARRAYS.take(shape)
        self.shown: dict[Any, Array] = {}
        self.threaded = PROCESSORS > 1 and self.projected and self.resets is None

    @property
    def projected(self) -> bool:
        """Whether the input's part of the gates is computed for a chunk at once."""
        return self.shape.batch >= PROJECTED and self.shape.steps > 1

    @property
    def chunks(self) -> list[tuple[int, int]]:
        """First and last step of each."""
        T, n = self.shape.steps, self.shape.chunk
        return [(a, min(a + n, T)) for a in range(0, T, n)]

    # ---- forward -----------------------------------------------------------------------------

    def forward(self, x: Array) -> None:
        """Fill the arrays."""
        with blas_threads("Engine", self.threads):
            self._forward(x)

    def _forward(self, x: Array) -> None:
        arrays, chunks = self.arrays, self.chunks
        T, D = self.shape.steps, self.shape.layers[0].input_size
        arrays.states[:T, :, :D] = x.swapaxes(0, 1)
        for layer, place in zip(arrays.layers, self.places, strict=True):
            layer.resets.clear()
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

    def backward(self, doutputs: Array, dfinal: Sequence[States]) -> list[Triple]:
        """The gradients; see `Run`."""
        scratch = SCRATCH.take(self.shape)
        with blas_threads("Engine", self.threads):
            found = Backward(self, self.arrays.layers, scratch, doutputs, dfinal).run()
        SCRATCH.give(self.shape, scratch)  # after an error, the other thread may still use it
        return found

    # ---- what the tapes show -----------------------------------------------------------------

    @property
    def arrays(self) -> Arrays:
        """The arrays of the forward pass."""
        if self._arrays is None:
            expected, got = "the tape must not have been released", "tape.release() was called"
            fail(TapeError, "Tape", expected, got, "Read it, and run backward, before release().")
        return self._arrays

    def check(self) -> None:
        """Check that it has not been released."""
        assert self.arrays is not None

    def release(self) -> None:
        """Give the arrays to the next run."""
        arrays, self._arrays = self._arrays, None
        self.shown.clear()
        if arrays is not None:
            ARRAYS.give(self.shape, arrays)

    def inside(self) -> list[Array]:
        """The arrays that it holds."""
        arrays = self.arrays
        return [arrays.states, *(own for layer in arrays.layers for own in layer.inside())]

    def _show(self, key: Any, values: Array, mask: Any) -> Array:
        if key not in self.shown:
            self.shown[key] = shown(values, mask)
        return self.shown[key]

    def input(self, place: int) -> Array:
        """``x`` of a layer."""
        layer = self.arrays.layers[place]
        return self._show((place, "x"), layer.window[:, :, : layer.D], self.mask)

    def outputs(self, place: int) -> Array:
        """``h`` of a layer at every step, zero where masked."""
        return self._show((place, "y"), self.arrays.layers[place].after("h"), self.mask)

    def after(self, place: int, name: str, held: bool) -> Array:
        """A field of the state, or a gate, of a layer at every step."""
        mask = None if held else self.mask
        return self._show((place, name), self.arrays.layers[place].after(name), mask)

    def final(self, place: int, kind: Any) -> Any:
        """The state of a layer after the last step."""
        values = (self.after(place, name, held=True)[:, -1] for name in kind._fields)
        return kind(*values)

    def is_finite(self, place: int) -> bool:
        """Whether the states of a layer are finite."""
        layer = self.arrays.layers[place]
        return all(is_finite(values).all() for values in layer.carried())
