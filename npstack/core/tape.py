"""What one forward pass leaves behind, and what one backward pass returns.

The tape is the one thing that flows through the package: ``forward`` makes it, ``backward`` reads
it, `npstack.analysis` measures it, `npstack.plots` draws it. A layer remembers nothing itself, so
two forward passes may be outstanding, ``backward`` may be called twice on one tape, and a tape may
be data that somebody else recorded.

Letters: ``B`` batch, ``T`` time steps, ``D`` input size, ``H`` hidden size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from npstack.core.numerics import Array, is_finite
from npstack.core.params import Params


class LSTMState(NamedTuple):
    """The state of an LSTM: hidden state ``h`` and cell state ``c``, each ``(B, H)``."""

    h: Array
    c: Array


@dataclass(frozen=True, eq=False)
class Tape:
    """One forward pass of one layer.

    Attributes
    ----------
    params : dict
        The parameters that were used, by reference; ``backward`` uses these.
    x : array, (B, T, D), (B, D) or integers (B, T)
        The input as used: zero where masked.
    mask : bool array (B, T), or None for an input without time axis
        True at valid steps.
    outputs : array
        What the layer hands on: zero where masked.
    noise : bool array, tuple or None
        The random draws that were used; give them back by ``forward(noise=tape.noise)``.
    initial, final : state, or tuple of one state per recurrent layer
        What the recurrent layers began and ended with; empty where there is none.
    """

    params: Params
    x: Array
    mask: NDArray[np.bool_] | None
    outputs: Array
    noise: Any

    initial = cast(Any, ())  # no recurrent layer, no state; not fields: there is nothing to give
    final = cast(Any, ())

    @property
    def parts(self) -> tuple[Tape, ...]:
        """The tapes of all children in order (none here)."""
        return ()

    @property
    def layers(self) -> tuple[RecurrentTape, ...]:
        """The tapes of the recurrent layers only, bottom first."""
        return tuple(layer for part in self.parts for layer in part.layers)

    @property
    def slots(self) -> tuple[Tape, ...]:
        """The tapes that have one entry in ``initial`` and ``final``; two directions are one."""
        return tuple(slot for part in self.parts for slot in part.slots)

    def first_non_finite(self) -> tuple[int, str] | None:
        """The first time step with NaN or infinity, and where: ``"outputs"``, or None."""
        wrong = np.argwhere(~is_finite(self.outputs))
        if not len(wrong):
            return None
        return (int(wrong[:, 1].min()) if self.outputs.ndim == 3 else 0), "outputs"

    @property
    def nbytes(self) -> int:
        """Bytes held beyond the parameters; an array that two layers share counts once."""
        return sum({id(array): array.nbytes for array in _arrays(self)}.values())


@dataclass(frozen=True, eq=False)
class RecurrentTape(Tape):
    """One forward pass of a cell over time.

    Attributes
    ----------
    initial, final : the cell's state, such as LSTMState of (B, H)
        The state before the first and after the last step.
    states : state of (B, T, H)
        The state after every step, held over masked steps.
    gates : the cell's record, such as LSTMGates of (B, T, H)
        Every gate at every step, zero at masked steps.
    resets : bool array (B, T), or None
        True at valid steps before which the state was put back to where a sequence begins.
    learned : bool
        Whether ``initial`` is the layer's own, learned one, because none was given.
    """

    initial: Any = field()
    states: Any = field()
    gates: Any = field()
    final: Any = field()
    resets: NDArray[np.bool_] | None = None
    learned: bool = False

    @property
    def layers(self) -> tuple[RecurrentTape, ...]:
        """This tape itself."""
        return (self,)

    @property
    def slots(self) -> tuple[Tape, ...]:
        """This tape itself."""
        return (self,)

    def first_non_finite(self) -> tuple[int, str] | None:
        """The time step and the gate or state where the first NaN or infinity appeared."""
        records = {**self.gates._asdict(), **self.states._asdict()}
        if all(is_finite(values).all() for values in records.values()):
            return None
        return next(
            (t, name)
            for t in range(self.x.shape[1])
            for name, values in records.items()
            if not is_finite(values[:, t]).all()
        )


@dataclass(frozen=True, eq=False)
class CompositeTape(Tape):
    """One forward pass of layers that feed one another, a tree: ``parts`` are the children."""

    children: tuple[Tape, ...]

    @property
    def parts(self) -> tuple[Tape, ...]:
        """The tapes of all children in order."""
        return self.children

    @property
    def initial(self) -> Any:
        """The states that the recurrent layers began with, bottom first."""
        return tuple(slot.initial for slot in self.slots)

    @property
    def final(self) -> Any:
        """The states that the recurrent layers ended with, bottom first."""
        return tuple(slot.final for slot in self.slots)


class Gradients(NamedTuple):
    """What ``backward`` returns: the derivative of the loss by everything that went in.

    Attributes
    ----------
    params : dict
        Same names and shapes as the layer's parameters.
    x : array like ``x``, or None where the input is integers
    initial_states : like the states of the layer (a tuple for a stack)
    """

    params: dict[str, Array]
    x: Array | None
    initial_states: Any


def _arrays(tape: Tape) -> Iterator[Array]:
    """Every array that a tape holds, parameters aside."""
    values = [getattr(tape, field.name) for field in fields(tape) if field.name != "params"]
    while values:
        value = values.pop()
        if isinstance(value, np.ndarray):
            yield value
        elif isinstance(value, Tape):
            yield from _arrays(value)
        elif isinstance(value, tuple):
            values.extend(value)
