"""Tapes of layers that have run at once: their arrays are made from those of the run when asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from types import MappingProxyType
from typing import Any, Self

import numpy as np

from npstack.core.masks import zero_where_masked
from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.core.ran import Ran
from npstack.core.tape import RecurrentTape, Tape


def plain(kind: type[Tape], values: dict[str, Any]) -> Tape:
    """A tape with arrays of its own, as the readable path makes it."""
    return kind(**values).protected()


class OfRun:
    """What both kinds of tape have in common.

    ``copy``, ``pickle`` and ``dataclasses.replace`` make a tape of the readable path of it.
    """

    plain_type: type[Tape] = Tape
    run: Any
    engine: Ran
    params: Params

    def __new__(cls, *arguments: Any, run: Any = None, **values: Any) -> Any:
        return cls.plain_type(*arguments, **values) if run is None else object.__new__(cls)

    def __reduce__(self) -> Any:
        of = self.plain_type
        return plain, (of, {own.name: _own(getattr(self, own.name)) for own in fields(of)})

    def release(self) -> None:
        """Give the arrays to the next run."""
        self.run.release()

    def own_arrays(self) -> Iterator[Array]:
        """The arrays of the whole run, and its own."""
        yield from self.run.inside()
        yield from self._given()

    def _given(self) -> Iterator[Array]:
        """The arrays that do not belong to the run."""
        own = self.__dict__
        for value in (own["mask"], own["noise"], own.get("resets"), *own.get("initial", ())):
            if value is not None:
                yield value

    def protected(self) -> Self:
        """Write-protect its parameters, its mask, … What is made from the run is protected, too."""
        params = MappingProxyType(dict(self.params))
        self.__dict__["params"] = params
        for array in (*self._given(), *params.values()):
            array.flags.writeable = False
        return self


def _own(value: Any) -> Any:
    """A value for a tape that does not need the run any more."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, MappingProxyType):
        return dict(value)
    if isinstance(value, tuple):
        parts = map(_own, value)
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value


class RunTape(OfRun, RecurrentTape):
    """One recurrent layer of a run."""

    plain_type = RecurrentTape
    place: int
    keeps_time: bool
    cell: Any

    def __init__(
        self,
        *,
        run: Any,
        place: int,
        layer: Any,
        params: Params,
        mask: Any,
        resets: Any,
        initial: Any,
        learned: bool,
        engine: Ran,
    ) -> None:
        own = {"run": run, "place": place, "params": params, "mask": mask, "noise": None}
        own |= {"initial": initial, "resets": resets, "learned": learned, "engine": engine}
        self.__dict__.update(own, observer=None, keeps_time=layer.return_sequences, cell=layer.cell)

    @property
    def x(self) -> Array:
        """The input as used: zero where masked."""
        found: Array = self.run.input(self.place)
        return found

    @property
    def outputs(self) -> Array:
        """The hidden states, zero where masked; or the last one."""
        found: Array = self.run.outputs(self.place) if self.keeps_time else self.final.h
        return found

    @property
    def states(self) -> Any:
        """The state after every step."""
        kind = type(self.cell.state_sizes)
        return kind(*(self.run.after(self.place, name, held=True) for name in kind._fields))

    @property
    def gates(self) -> Any:
        """Every gate at every step, zero at masked steps."""
        kind = type(self.cell.record_sizes)
        return kind(*(self.run.after(self.place, name, held=False) for name in kind._fields))

    @property
    def final(self) -> Any:
        """The state after the last step."""
        return self.run.final(self.place, type(self.cell.state_sizes))

    @property
    def ranges(self) -> Any:
        """The range of each gate and field of the state."""
        return tuple((name, *ends) for name, ends in self.cell.ranges.items())

    @property
    def steps(self) -> int:
        """The number of time steps that were read."""
        return int(self.run.shape.steps)

    def first_non_finite(self) -> tuple[int, str] | None:
        """A gate is NaN only if the state is, too."""
        if self.run.is_finite(self.place):
            return None
        return super().first_non_finite()


class RunDropoutTape(OfRun, Tape):
    """A dropout between two recurrent layers of a run."""

    plain_type = Tape
    place: int

    def __init__(self, *, run: Any, place: int, params: Params, mask: Any, noise: Any) -> None:
        own = {"run": run, "place": place, "params": params, "mask": mask, "noise": noise}
        self.__dict__.update(own, observer=None)

    @property
    def x(self) -> Array:
        """The outputs of the layer below."""
        found: Array = self.run.outputs(self.place - 1)
        return found

    @property
    def outputs(self) -> Array:
        """What the layer above reads."""
        found: Array = self.run.input(self.place)
        return found

    def first_non_finite(self) -> tuple[int, str] | None:
        """None: it divides finite numbers."""
        return None


def shown(values: Array, mask: Any) -> Array:
    """An array in time's order as a tape shows it: batch first, zero where masked, protected."""
    found = values.swapaxes(0, 1)
    if mask is not None and not mask.all():
        found = zero_where_masked(found, mask)
    found.flags.writeable = False
    return found
