"""Which recurrent layer of a model a tape belongs to, and in which direction it reads time.

``tape.layers`` lists the tapes of all cells over time, each in its own order of reading. A layer
with two directions has two tapes; in the second, the first time step comes last. Code that shows
layers on a common axis of time uses this module.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from npstack.core.numerics import Array
from npstack.core.tape import RecurrentTape, Tape


class Reading(NamedTuple):
    """One of ``tape.layers``.

    Attributes
    ----------
    tape : RecurrentTape
    name : str
        ``"layer 0"``, counted from the bottom, with its direction if there are two.
    turned : bool
        Whether it reads time from its end.
    """

    tape: RecurrentTape
    name: str
    turned: bool

    def in_time(self, values: Array) -> Array:
        """An array ``(B, T, …)`` of this layer, or its mask, in the order of the sequence."""
        return values[:, ::-1] if self.turned else values


def readings(tape: Tape) -> tuple[Reading, ...]:
    """Every recurrent layer of a tape, in the order of ``tape.layers``.

    Examples
    --------
    >>> import numpy as np
    >>> from npstack import LSTM, Bidirectional, Sequential
    >>> rng = np.random.default_rng(0)
    >>> both = Bidirectional(LSTM(1, 2, rng=rng), LSTM(1, 2, rng=rng))
    >>> tape = Sequential(both, LSTM(4, 1, rng=rng)).forward(np.ones((1, 3, 1)))
    >>> [layer.name for layer in readings(tape)]
    ['layer 0 forward', 'layer 0 backward', 'layer 1']
    """
    return tuple(
        Reading(part, f"layer {number}{way}", turned)
        for number, (slot, turned_slot) in enumerate(_slots(tape, False))
        for part, way, turned in _ways(slot, turned_slot)
    )


def _slots(tape: Tape, turned: bool) -> Iterator[tuple[Tape, bool]]:
    """The tapes that have one state in ``tape.final``, and whether each was read from the end."""
    if tape.slots == (tape,):
        yield tape, turned
        return
    for way, part in zip(tape.ways, tape.parts, strict=True):
        yield from _slots(part, way.under(turned))


def _ways(
    slot: Tape, turned: bool, named: bool = False
) -> Iterator[tuple[RecurrentTape, str, bool]]:
    """The parts of one layer; ``named``: its name already contains the direction."""
    if slot.layers == (slot,):
        yield slot.layers[0], " backward" if turned and not named else "", turned
        return
    for way, half in zip(slot.ways, slot.parts, strict=True):
        inside = list(_slots(half, way.under(turned)))
        for number, (inner, turned_inner) in enumerate(inside):
            place = f" {way.name}" if len(inside) == 1 else f" {way.name} {number}"
            for part, further, found in _ways(inner, turned_inner, True):
                yield part, place + further, found
