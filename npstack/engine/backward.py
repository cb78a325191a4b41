"""The backward pass of layers that have run together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from npstack.core.numerics import Array
from npstack.core.params import with_prefix
from npstack.engine.gru import BackwardGRU
from npstack.engine.lstm import BackwardLSTM
from npstack.engine.one_layer import RING, BackwardLayer
from npstack.engine.pool import Pool
from npstack.engine.shapes import RunShape
from npstack.engine.worker import Follower
from npstack.layers.interface import States
from npstack.layers.twins import Triple

BACKWARD: dict[str, type[BackwardLayer]] = {"lstm": BackwardLSTM, "gru": BackwardGRU}


class Scratch:
    """All arrays of a backward pass of one shape."""

    def __init__(self, shape: RunShape) -> None:
        sizes: dict[tuple[int, int], int] = {}
        for own in shape.layers:
            D, H, _ = own
            key = H, shape.tiles(own)
            sizes[key] = max(D, sizes.get(key, 0))
        kind = BACKWARD[shape.cell]
        self.layers = {key: kind(shape, *key, most) for key, most in sizes.items()}
        self.sums = [kind.sums_for(own, shape.dtype) for own in shape.layers]


SCRATCH = Pool(Scratch)


class Share(NamedTuple):
    """What part of a backward pass is done at once, and what it adds to.

    Attributes
    ----------
    first, last : bool
        Whether the first step of the sequence is in it, and the last.
    sums : list of array
        The gradients of the weights of each layer.
    begun : dict
        The gradients of learned states by the number of the layer.
    """

    first: bool
    last: bool
    sums: list[Array]
    begun: dict[int, dict[str, Array]]


def flush(values: Sequence[Array]) -> None:
    """Set to zero what is below the least normal number, in place.

    A gradient that has decayed so far stays there (the least number times 0.6 is rounded to
    itself), and a processor computes with such numbers ten times as slowly.
    """
    for own in values:
        own[np.abs(own) < np.finfo(own.dtype).tiny] = 0


def nothing(values: Iterable[Array | None]) -> bool:
    """Whether all of it is zero; None stands for zeros."""
    return not any(own is not None and own.any() for own in values)


class Backward:
    """One backward pass of a `FusedRun`; ``doutputs`` is None if none of its outputs counts."""

    def __init__(
        self,
        run: Any,
        scratch: Scratch,
        doutputs: Array | None,
        dfinal: Sequence[States],
        need_x: bool,
        share: Share | None = None,
    ) -> None:
        self.whole, self.layers, self.scratch = run, run.arrays.layers, scratch
        self.shape, self.doutputs, self.dfinal, self.need_x = run.shape, doutputs, dfinal, need_x
        self.share = share or Share(True, True, scratch.sums, {})
        T, B = self.shape.steps, self.shape.batch
        widest = max(own.input_size for own in self.shape.layers[not need_x :] or self.shape.layers)
        self.dx = np.empty((T, B, widest), self.shape.dtype)  # of one layer after the other
        chunks = run.chunks[::-1]
        self.order = [(n, a, b) for n in reversed(range(len(self.layers))) for a, b in chunks]
        self.per_layer = len(chunks)
        self.idle: set[int] = set()  # pieces to which no gradient flows
        self.turned: dict[int, Array] = {}  # W of each layer
        self.dparams: dict[int, dict[str, Array]] = {}
        self.dinitial: dict[int, Any] = {}

    def run(self) -> list[Triple]:
        """Parameters' gradients, dx, and initial states' gradients of each layer of the chain."""
        top = len(self.layers) - 1
        with Follower(self._products, self.whole.threaded) as follower:
            for piece, (number, a, b) in enumerate(self.order):
                above = piece - self.per_layer + 1 if number < top else 0
                follower.wait(max(above, piece - RING + 1))
                self._steps(piece, number, a, b)
                follower.tell()
            follower.wait(len(self.order))
        found: list[Triple] = []
        for number, place in enumerate(self.whole.places):
            if place.dropout is not None:
                found.append(({}, None, ()))
            dparams = self.dparams.get(number, {})
            dparams |= with_prefix("initial", self.share.begun.get(number, {}))
            D = place.item.layer.input_size
            dx = self.dx[:, :, :D].swapaxes(0, 1) if self.need_x and not number else None
            found.append((dparams, dx, (self.dinitial[number],)))
        return found

    def _back(self, number: int) -> BackwardLayer:
        own = self.shape.layers[number]
        return self.scratch.layers[own.hidden_size, self.shape.tiles(own)]

    def _steps(self, piece: int, number: int, a: int, b: int) -> None:
        """The steps of a chunk, from the last."""
        layer, back, k = self.layers[number], self._back(number), piece % RING
        n = b - a
        if b == self.shape.steps:
            self._begin(number, back, k, n)
        else:
            back.carry(k, n, (piece - 1) % RING)
        dstate = back.dstate(k, n)
        if b < self.shape.steps or not self.share.last:
            flush(dstate)
        dabove = self._from_above(number, back)
        douts = None if dabove is None else dabove[a:b]
        if nothing((*dstate, douts)):  # so it stays, to the beginning of the chunk
            self.idle.add(piece)
            back.R[k, 0] = 0
            if a == 0:
                self._initial(number, back, k)
            return
        masked = None if self.whole.masked is None else self.whole.masked[a:b]
        back.factors(layer, a, b, k, masked if masked is not None and masked.any() else None)
        for t, stop in reversed(list(self.whole.parts(a, b))):
            if masked is not None:
                back.held[...] = back.dh
            back.steps(k, range(stop - 1 - a, t - 1 - a, -1), douts)
            if stop == t + 1:
                if masked is not None:
                    np.copyto(back.dh, back.held, where=masked[t - a][:, np.newaxis])
                if self.whole.resets is not None:
                    self._reset(number, back.dstate(k, t - a), self.whole.resets[t])
        if a == 0:
            self._initial(number, back, k)

    def _initial(self, number: int, back: BackwardLayer, k: int) -> None:
        """The gradient of the initial state, and of the learned one."""
        place = self.whole.places[number]
        kind = type(place.initial)
        found = kind(*(v.reshape(len(v), -1).copy() for v in back.dstate(k, 0)))
        self.dinitial[number] = found
        if self.share.first:
            self._begun(number, place.learned(found))

    def _begin(self, number: int, back: BackwardLayer, k: int, n: int) -> None:
        """The gradient of the last step of a layer."""
        place = self.whole.places[number]
        self.turned[number] = back.load(place.item.params)
        (dstate,) = self.dfinal[self._slot(number)]
        back.begin(k, n, dstate)
        top = number == len(self.layers) - 1
        if top and self.doutputs is not None and not place.item.layer.return_sequences:
            back.dh += back.tiled(self.doutputs)

    def _slot(self, number: int) -> int:
        """The place of a layer in the chain, dropouts included."""
        return number + sum(own.dropout is not None for own in self.whole.places[: number + 1])

    def _from_above(self, number: int, back: BackwardLayer) -> Array | None:
        """The gradient by ``h`` at every step, tiled; None if only the last step counts."""
        if number < len(self.layers) - 1:
            H = self.shape.layers[number].hidden_size
            return back.tiled(self.dx[:, :, :H])
        if self.doutputs is None or not self.whole.places[number].item.layer.return_sequences:
            return None
        return back.tiled(self.doutputs.swapaxes(0, 1))

    def _reset(self, number: int, dstate: tuple[Array, ...], rows: Array) -> None:
        """No gradient passes a reset; that of a learned state is collected."""
        if not rows.any():
            return
        place = self.whole.places[number]
        names = type(place.initial)._fields
        for name, values in zip(names, dstate, strict=True):
            if place.item.layer.learn_initial:
                self._begun(number, {name: values[rows].sum(axis=0).reshape(-1)})
            values[rows] = 0

    def _begun(self, number: int, more: dict[str, Array]) -> None:
        """Add to the gradient of a learned state."""
        begun = self.share.begun.setdefault(number, {})
        for name, value in more.items():
            begun[name] = begun.get(name, 0) + value

    def _products(self, piece: int) -> None:
        """The large products of a chunk."""
        number, a, b = self.order[piece]
        layer, back, k = self.layers[number], self._back(number), piece % RING
        D, n = layer.D, b - a
        sums, new = self.share.sums[number], self.share.last and b == self.shape.steps
        idle = piece in self.idle
        if idle:
            self.dx[a:b, :, :D] = 0
        elif number or self.need_x:
            _, of_x = back.dsums(k, n)
            out = self.dx[a:b, :, :D]
            np.matmul(of_x, self.turned[number], out.reshape(-1, D))  # a view
            if self.whole.places[number].kept is not None:
                self.whole.places[number].drop(out, a, b, out)
        if not idle:
            back.weights(layer.read(a, b), k, sums, new)
        elif new:
            sums[...] = 0
        if self.share.first and a == 0:
            self.dparams[number] = back.gradients(D, sums)
