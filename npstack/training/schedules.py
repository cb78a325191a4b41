"""Learning rates that change while a model learns.

A schedule is a function of the number of updates already made: ``schedule(0)`` is the rate of the
first update. Schedules count updates, not epochs; an epoch has as many updates as there are
batches.

===========================  ==============================================================
``Constant(rate)``           the same for all updates
``StepDecay(rate, every)``   falls by a factor after every ``every`` updates
``Cosine(rate, steps)``      falls along half a cosine, and stays at its end
``WarmUp(schedule, steps)``  rises in a straight line to another schedule, which then begins
===========================  ==============================================================
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from npstack.core.arguments import (
    check_fraction,
    check_number,
    check_option,
    check_positive,
    check_size,
    check_whole,
)
from npstack.core.errors import ArgumentError, DtypeError, describe, fail
from npstack.core.numerics import cos

UPDATES = "It is a number of updates."
FARTHEST = 2**1000  # any factor below 1 has come to nothing before that


class Schedule:
    """A learning rate that depends on the number of updates already made.

    Your own schedule inherits from this class, is a frozen dataclass, and defines ``__call__``.
    """

    def __call__(self, step: int) -> float:
        """The learning rate after ``step`` updates, for the next one."""
        raise NotImplementedError

    def config(self) -> dict[str, Any]:
        """Name and numbers, as plain JSON; `schedule_from` reads it.

        Examples
        --------
        >>> Cosine(0.1, steps=500).config()
        {'name': 'Cosine', 'rate': 0.1, 'steps': 500, 'final': 0.0}
        """
        return {"name": type(self).__name__, **asdict(self)}  # type: ignore[call-overload]


@dataclass(frozen=True)
class Constant(Schedule):
    """The same rate for every update.

    Examples
    --------
    >>> Constant(0.1)(1000)
    0.1
    """

    rate: float

    def __post_init__(self) -> None:
        _keep(self, rate=_rate_of(self))

    def __call__(self, step: int) -> float:
        _whole(self, step)
        return self.rate


@dataclass(frozen=True)
class StepDecay(Schedule):
    """The rate times ``factor`` after every ``every`` updates: ``rate · factor^⌊step / every⌋``.

    Examples
    --------
    >>> [round(StepDecay(1.0, every=2, factor=0.5)(step), 2) for step in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    rate: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        every = check_size("StepDecay", "every", self.every, UPDATES)
        factor = check_fraction("StepDecay", "factor", self.factor, "0.1 is usual.")
        _keep(self, rate=_rate_of(self), every=every, factor=factor)

    def __call__(self, step: int) -> float:
        falls = min(_whole(self, step) // self.every, FARTHEST)
        lower = self.factor**falls
        if lower >= sys.float_info.min:
            return self.rate * lower
        return self.rate * self.factor ** (falls // 2) * self.factor ** (falls - falls // 2)


@dataclass(frozen=True)
class Cosine(Schedule):
    """Half a cosine from ``rate`` to ``final`` in ``steps`` updates (Loshchilov & Hutter 2017).

    ``final + (rate - final) (1 + cos(π step / steps)) / 2``, and ``final`` from then on: it does
    not rise again.

    Examples
    --------
    >>> [round(Cosine(1.0, steps=4)(step), 3) for step in (0, 1, 2, 3, 4, 9)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """

    rate: float
    steps: int
    final: float = 0.0

    def __post_init__(self) -> None:
        steps, rate = check_size("Cosine", "steps", self.steps, UPDATES), _rate_of(self)
        final = check_number("Cosine", "final", self.final, "0.0 is usual.")
        if not 0 <= final <= rate:
            expected, advice = "final must lie between 0 and rate", "The rate falls towards it."
            fail(ArgumentError, "Cosine", expected, f"{final} for rate {rate}", advice)
        _keep(self, rate=rate, steps=steps, final=final)

    def __call__(self, step: int) -> float:
        step = _whole(self, step)
        if step >= self.steps:
            return self.final
        height = (1 + float(cos(np.array(math.pi * (step / self.steps))))) / 2
        return height * self.rate + (1 - height) * self.final


@dataclass(frozen=True)
class WarmUp(Schedule):
    """A linear rise to the first rate of ``schedule`` in ``steps`` updates; then it begins.

    Update ``n`` of the rise, counted from 1, has ``n / steps`` of that rate: no update is made
    with a rate of zero. Afterwards the rate is ``schedule(step - steps)``. Small first steps
    prevent large steps of an adaptive optimiser while its averages are based on few gradients.

    Examples
    --------
    >>> rate = WarmUp(StepDecay(1.0, every=2, factor=0.5), steps=4)
    >>> [round(rate(step), 2) for step in range(8)]
    [0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 0.5, 0.5]
    """

    schedule: Schedule
    steps: int

    def __post_init__(self) -> None:
        if not isinstance(self.schedule, Schedule) or isinstance(self.schedule, WarmUp):
            expected, got = "schedule must be the schedule after the rise", describe(self.schedule)
            fail(DtypeError, "WarmUp", expected, got, "Use WarmUp(Constant(0.001), steps=100).")
        _keep(self, steps=check_size("WarmUp", "steps", self.steps, UPDATES))

    def __call__(self, step: int) -> float:
        step = _whole(self, step)
        if step < self.steps:
            return self.schedule(0) * ((step + 1) / self.steps)
        return self.schedule(step - self.steps)

    def config(self) -> dict[str, Any]:
        """Name and numbers, those of the inner schedule inside."""
        return {**super().config(), "schedule": self.schedule.config()}


SIMPLE: dict[str, type[Schedule]] = {kind.__name__: kind for kind in (Constant, StepDecay, Cosine)}


def schedule_from(config: Mapping[str, Any]) -> Schedule:
    """The schedule that a configuration describes, the inverse of ``schedule.config()``.

    Raises
    ------
    ArgumentError, DtypeError
        It does not describe a schedule of this package.

    Examples
    --------
    >>> schedule_from({"name": "Constant", "rate": 0.1})
    Constant(rate=0.1)
    """
    kind, options = chosen("schedule_from", config, {**SIMPLE, "WarmUp": WarmUp})
    if kind is WarmUp:
        inner, values = chosen("schedule_from", options["schedule"], SIMPLE)
        options["schedule"] = inner(**values)
    found: Schedule = kind(**options)
    return found


def chosen(
    where: str, config: object, kinds: Mapping[str, type[Any]]
) -> tuple[type[Any], dict[str, Any]]:
    """One of several dataclasses by name, and its fields, from a configuration."""
    if not isinstance(config, Mapping) or "name" not in config:
        got = describe(config)
        advice = f"Its name is one of {', '.join(kinds)}."
        fail(DtypeError, where, "config must be a dictionary with a name", got, advice)
    kind = kinds[check_option(where, "name", config["name"], kinds)]
    names = [field.name for field in fields(kind) if field.init]
    options = {key: value for key, value in config.items() if key != "name"}
    if options.keys() != set(names):
        missing = [name for name in names if name not in options]
        got = f"missing {missing}, unknown {sorted(map(str, options.keys() - set(names)))}"
        expected = f"{kind.__name__} must have {', '.join(names)}"
        fail(ArgumentError, where, expected, got, "Write it by config().")
    return kind, options


def _whole(schedule: Schedule, step: object) -> int:
    """A number of updates."""
    advice = "schedule(0) is the rate of the first update."
    return check_whole(type(schedule).__name__, "step", step, advice)


def _rate_of(schedule: Any) -> float:
    """A learning rate, above zero."""
    where = type(schedule).__name__
    return check_positive(where, "rate", schedule.rate, "Begin with 0.001.")


def _keep(schedule: Schedule, **checked: float) -> None:
    """Set the checked numbers: Python's own types, which JSON can write, instead of NumPy's."""
    for name, value in checked.items():
        object.__setattr__(schedule, name, value)
