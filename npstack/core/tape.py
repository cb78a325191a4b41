"""The record of one forward pass, and the result of one backward pass.

All parts of the package work on the tape: ``forward`` makes it, ``backward`` reads it,
`npstack.analysis` measures it, `npstack.plots` draws it. A layer stores nothing itself: several
forward passes may wait for their backward pass, ``backward`` may run twice on one tape, and a tape
may have been recorded by another program.

Every array on a tape made by ``forward`` is write-protected, also in copies and unpickled tapes, so
that the record stays correct.

Letters: ``B`` batch, ``T`` time steps, ``D`` input size, ``H`` hidden size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, NamedTuple, NoReturn, Self, cast

import numpy as np
from numpy.typing import NDArray

from npstack.core.backward_reports import Observer
from npstack.core.errors import TapeError, fail
from npstack.core.numerics import Array, is_finite
from npstack.core.params import Params
from npstack.core.ran import Ran
from npstack.core.trees import named


class Way(NamedTuple):
    """The relation between a layer and one of the layers inside it.

    Attributes
    ----------
    name : str
        The prefix of the names of its parameters; may be empty.
    turned : bool
        Whether it reads the sequence in the direction opposite to the outer layer.
    same_time : bool
        Whether its time axis is that of the outer layer's input.
    """

    name: str
    turned: bool = False
    same_time: bool = True

    def under(self, turned: bool) -> bool:
        """Whether it reads from the end, if the outer layer does (or does not)."""
        return self.turned ^ (turned and self.same_time)


class LSTMState(NamedTuple):
    """The state of an LSTM: hidden state ``h`` and cell state ``c``, each ``(B, H)``."""

    h: Array
    c: Array


def released() -> NoReturn:
    """The error for a tape whose arrays have been given to another pass."""
    expected, got = "the tape must not have been released", "tape.release() was called"
    fail(TapeError, "Tape", expected, got, "Read it, and run backward, before release().")


@dataclass(frozen=True, eq=False, repr=False)
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
        The output of the layer: zero where masked.
    noise : bool array, tuple or None
        The random draws that were used; ``forward(noise=tape.noise)`` uses them again.
    observer : Observer, optional
        Gets reports of the backward pass of this part; see `npstack.analysis.observe`.
    initial, final : state, or tuple of one state per recurrent layer
        The initial and final states of the recurrent layers; empty if there are none.
    turned : bool
        Whether the outputs are in the reverse order of the input.
    engine : Ran
        How it was made.
    run : object or None
        What ran this layer together with its neighbours, for the backward pass.
    """

    params: Params
    x: Array
    mask: NDArray[np.bool_] | None
    outputs: Array
    noise: Any
    observer: Observer | None = field(default=None, kw_only=True, repr=False)

    initial = cast(Any, ())  # without a recurrent layer, there is no state
    final = cast(Any, ())
    turned = False
    ways = cast(tuple[Way, ...], ())
    engine = Ran()
    run = cast(Any, None)

    def __repr__(self) -> str:
        try:
            parts = {**named("x", self.x), "outputs": self.outputs}
        except TapeError:
            return f"{type(self).__name__}(released)"
        shapes = (f"{name} {np.shape(part)}" for name, part in parts.items())
        return f"{type(self).__name__}({', '.join(shapes)})"

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
    def steps(self) -> int:
        """The number of time steps, as `first_non_finite` counts them."""
        return self.outputs.shape[1] if self.outputs.ndim > 2 else 1

    def protected(self) -> Self:
        """The same tape, write-protected: its arrays, its parameters and their dictionary."""
        for part in self.parts:
            part.protected()
        object.__setattr__(self, "params", MappingProxyType(dict(self.params)))
        for array in (*self.own_arrays(), *self.params.values()):
            array.flags.writeable = False
        return self

    def release(self) -> None:
        """Give the memory of an engine's arrays to its next forward pass.

        Use neither the tape afterwards nor arrays that were taken from it. A tape of the readable
        path stays as it is.
        """
        for part in self.parts:
            part.release()
        if any(layer.run is not None for layer in self.layers):
            parts: list[Tape] = [self]
            for part in parts:  # all inside: x and outputs may be arrays of a run
                parts += part.parts
                for name in ("x", "outputs"):
                    vars(part).pop(name, None)

    def __getattr__(self, name: str) -> Any:
        if name in ("x", "outputs"):
            released()
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __getstate__(self) -> dict[str, Any]:
        """The contents of a pickle."""
        return {**self.__dict__, "params": dict(self.params)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Copies and unpickled tapes are protected like the original."""
        self.__dict__.update(state)
        self.protected()

    @property
    def nbytes(self) -> int:
        """Bytes held beyond the parameters; memory that several layers share counts once."""
        owners = map(_owner, self.arrays())
        return sum({id(array): array.nbytes for array in owners}.values())

    def arrays(self) -> Iterator[Array]:
        """Every array of a tape and its parts, without parameters."""
        yield from self.own_arrays()
        for part in self.parts:
            yield from part.arrays()

    def own_arrays(self) -> Iterator[Array]:
        """Every array of a tape itself, without parameters."""
        others = ("params", "ranges", "ways", "turned", "observer", "children")  # hold none of it
        values = [getattr(self, field.name) for field in fields(self) if field.name not in others]
        while values:
            value = values.pop()
            if isinstance(value, np.ndarray):
                yield value
            elif isinstance(value, tuple):
                values.extend(value)


def _owner(array: Array) -> Array:
    """The array whose memory it is."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


@dataclass(frozen=True, eq=False, repr=False)
class RecurrentTape(Tape):
    """One forward pass of a cell over time.

    These are the public names. A subclass may compute some of them when they are used, or raise an
    error if it has not kept them.

    Attributes
    ----------
    initial, final : the cell's state, such as LSTMState of (B, H)
        The state before the first and after the last step.
    states : state of (B, T, H)
        The state after every step; a masked step does not change it.
    gates : the cell's record, such as LSTMGates of (B, T, H)
        Every gate at every step, zero at masked steps.
    resets : bool array (B, T), or None
        True at valid steps before which the state was reset.
    learned : bool
        Whether ``initial`` is the learned initial state of the layer, because no state was given.
    ranges : tuple of (name, least, greatest)
        The range of each gate and field of the state (see `Cell.ranges`), used for the colours of
        pictures. A gate or field that is not listed may have any value; a tape recorded elsewhere
        lists none.
    """

    initial: Any = field()
    states: Any = field()
    gates: Any = field()
    final: Any = field()
    resets: NDArray[np.bool_] | None = None
    learned: bool = False
    ranges: tuple[tuple[str, float, float], ...] = field(default=(), kw_only=True, repr=False)

    @property
    def layers(self) -> tuple[RecurrentTape, ...]:
        """This tape itself."""
        return (self,)

    @property
    def slots(self) -> tuple[Tape, ...]:
        """This tape itself."""
        return (self,)

    @property
    def steps(self) -> int:
        """The number of time steps that were read."""
        return int(self.x.shape[1])

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


@dataclass(frozen=True, eq=False, repr=False)
class CompositeTape(Tape):
    """One forward pass of a layer made of layers, a tree: ``parts`` are the children.

    Attributes
    ----------
    ways : tuple of Way
        The relation to each part; by number, if the tape was recorded elsewhere.
    """

    children: tuple[Tape, ...]
    ways: tuple[Way, ...] = field(default=(), kw_only=True, repr=False)
    turned: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        if isinstance(self.children, tuple) and len(self.ways) != len(self.children):
            plain = tuple(Way(str(k)) for k in range(len(self.children)))
            object.__setattr__(self, "ways", plain)

    @property
    def parts(self) -> tuple[Tape, ...]:
        """The tapes of all children in order."""
        return self.children

    @property
    def initial(self) -> Any:
        """The initial states of the recurrent layers, bottom first."""
        return tuple(slot.initial for slot in self.slots)

    @property
    def final(self) -> Any:
        """The final states of the recurrent layers, bottom first."""
        return tuple(slot.final for slot in self.slots)

    @property
    def engine(self) -> Ran:  # type: ignore[override]
        """How the recurrent layers were run."""
        found = list(dict.fromkeys(part.engine for part in self.layers))
        if len(found) < 2:
            return found[0] if found else Ran()
        kinds = " and ".join(dict.fromkeys(own.kind for own in found))
        whys = "; ".join(dict.fromkeys(own.why for own in found if own.why))
        return max(found, key=lambda own: own.numpy)._replace(kind=kinds, why=whys)


class Gradients(NamedTuple):
    """The result of ``backward``: the derivatives of the loss by all inputs and parameters.

    Attributes
    ----------
    params : dict
        Same names and shapes as the layer's parameters.
    x : array like ``x``, or None if the input is integers
    initial_states : like the states of the layer (a tuple for a stack)
    """

    params: dict[str, Array]
    x: Array | None
    initial_states: Any
