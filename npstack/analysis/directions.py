"""Which recurrent layer of a model a tape belongs to, and in which direction it reads time.

``tape.layers`` lists the tapes of all cells over time, as each was read. In a model with two
directions that is two for one layer, and the second has its first step last. Whoever puts layers
beside one another on one axis of time asks here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from npstack.core.numerics import Array
from npstack.core.tape import RecurrentTape, Tape
from npstack.layers.bidirectional import BidirectionalTape
from npstack.layers.reversed import ReversedTape


class Reading(NamedTuple):
    """One of ``tape.layers``.

    Attributes
    ----------
    tape : RecurrentTape
    name : str
        ``"layer 0"``, counted from the bottom, with its direction where it has one.
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


def outputs_turned(tape: Tape) -> bool:
    """Whether the outputs of a tape stand in the reverse order of its input."""
    if isinstance(tape, ReversedTape):
        return tape.turned
    *_, (_, _, after) = [(tape, False, False), *_parts(tape, False)]
    return after


def _parts(tape: Tape, turned: bool) -> Iterator[tuple[Tape, bool, bool]]:
    """The parts, whether each reads a sequence that was turned, and whether it hands on one."""
    below = turned
    for part in tape.parts:
        reads = turned if part.x is tape.x else below  # side by side, or on top of one another
        below = outputs_turned(part) ^ (reads and part.outputs.ndim > 2)
        yield part, reads, below


def _slots(tape: Tape, turned: bool) -> Iterator[tuple[Tape, bool]]:
    """The tapes of the recurrent layers; two directions are one."""
    if isinstance(tape, RecurrentTape | BidirectionalTape):
        yield tape, turned
    elif isinstance(tape, ReversedTape):
        yield from _slots(tape.parts[0], not turned)
    else:
        for part, reads, _ in _parts(tape, turned):
            yield from _slots(part, reads)


def _ways(
    slot: Tape, turned: bool, named: bool = False
) -> Iterator[tuple[RecurrentTape, str, bool]]:
    """What one layer consists of; ``named``: its direction has been said."""
    if isinstance(slot, RecurrentTape):
        yield slot, " backward" if turned and not named else "", turned
        return
    for side, half in zip(("forward", "backward"), slot.parts, strict=True):
        inside = list(_slots(half, turned))
        for number, (inner, turned_inner) in enumerate(inside):
            place = f" {side}" if len(inside) == 1 else f" {side} {number}"
            for part, way, found in _ways(inner, turned_inner, True):
                yield part, place + way, found
