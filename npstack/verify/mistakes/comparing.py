"""Whether two sets of numbers are the same but for rounding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from npstack.core.errors import NpstackError
from npstack.core.numerics import Array
from npstack.layers.base import Layer
from npstack.verify.mistakes.cases import (
    Blocks,
    Numbers,
    Point,
    backward_of,
    forward_of,
    outputs_of,
    run,
    split,
)
from npstack.verify.mistakes.entry import Mistake
from npstack.verify.mistakes.simulate import Program

DRAWS = 4  # of half a unit of rounding, to see how much a block moves
MOVES = 64.0  # times the largest move that is still rounding
UNDERFLOW = 1e4  # times the smallest normal number: 1 / (1 + exp(-a)) loses what lies below
UNITS = 300.0  # and units of rounding of the block, for formulas written in another way


class Split(NamedTuple):
    """The blocks of the outputs and of the gradients."""

    outputs: Blocks
    gradients: Blocks


class Trial:
    """A point, the right numbers there, and those of a user's layer."""

    def __init__(self, program: Program, point: Point, layer: Layer) -> None:
        self.program, self.point, self.cell = program, point, program.cell
        self.theirs = run(layer, point)
        self.right = run(program.right, point)
        self.split_theirs, self.split_right = self.split(self.theirs), self.split(self.right)

    def split(self, numbers: Numbers) -> Split:
        """Numbers by block, without what is not returned."""
        outputs, gradients = self._returned(numbers.outputs), self._returned(numbers.gradients)
        return Split(split(self.cell, outputs), split(self.cell, gradients))

    def _returned(self, numbers: Mapping[str, Any]) -> dict[str, Array]:
        """Those of the numbers that they return, too."""
        known = {**self.theirs.outputs, **self.theirs.gradients}
        return {name: value for name, value in numbers.items() if name in known}

    @cached_property
    def moves(self) -> dict[str, float]:
        """How far the right numbers move under half a unit of rounding in all that is read."""
        found: dict[str, float] = {}
        rng = np.random.default_rng(0)
        layer = self.program.right
        for _ in range(DRAWS):
            moved = self.split(run(layer, self.point, rng))
            for one, other in zip(moved, self.split_right, strict=True):
                for name, value in one.items():
                    distance = float(np.abs(value - other[name]).max(initial=0.0))
                    found[name] = max(found.get(name, 0.0), distance)
        return found

    def differing(self, one: Blocks, other: Blocks) -> tuple[str, ...]:
        """The blocks that differ by more than rounding."""
        known = np.finfo(self.program.dtype)
        eps, floor = float(known.eps), UNDERFLOW * float(known.tiny)
        found = []
        for name, value in one.items():
            largest = max(np.abs(value).max(initial=0.0), np.abs(other[name]).max(initial=0.0))
            distance = np.abs(value - other[name]).max(initial=0.0)
            if not distance <= UNITS * eps * largest + MOVES * self.moves[name] + floor:
                found.append(name)
        return tuple(found)

    @cached_property
    def wrong_outputs(self) -> tuple[str, ...]:
        """The outputs that are not those of the right program."""
        return self.differing(self.split_theirs.outputs, self.split_right.outputs)

    @cached_property
    def wrong_gradients(self) -> tuple[str, ...]:
        """The gradients that are not those of the right program."""
        return self.differing(self.split_theirs.gradients, self.split_right.gradients)

    @cached_property
    def tape(self) -> Any:
        """The tape of the right program."""
        return forward_of(self.program.right, self.point)

    def differences(
        self, mistakes: Sequence[Mistake], outputs_only: bool = False
    ) -> tuple[str, ...] | None:
        """Where a program with these mistakes gives other numbers; None if they are not finite."""
        layer, tape = self.program.built(mistakes), None
        with np.errstate(all="ignore"):
            try:
                if any(mistake.is_forward for mistake in mistakes):
                    tape = forward_of(layer, self.point)
                    outputs = split(self.cell, self._returned(outputs_of(layer, tape)))
                    found = self.differing(self.split_theirs.outputs, outputs)
                    if found or outputs_only:
                        return found
                gradients = backward_of(layer, self.point, tape or self.tape)
            except NpstackError:
                return None
        blocks = split(self.cell, self._returned(gradients))
        return self.differing(self.split_theirs.gradients, blocks)


class Search:
    """The mistakes that give a user's numbers in every trial."""

    def __init__(self, trials: Sequence[Trial]) -> None:
        # Two steps tell most mistakes apart, and cost little; then the largest.
        self.trials = sorted(trials, key=lambda trial: (not _is_short(trial), -_size(trial.point)))

    def fits(self, mistakes: Sequence[Mistake], outputs_only: bool = False) -> bool:
        """Whether a program with these mistakes gives a user's numbers."""
        return all(trial.differences(mistakes, outputs_only) == () for trial in self.trials)


def _is_short(trial: Trial) -> bool:
    """Whether it has two steps, initial states and a loss that sees all."""
    case = trial.point.case
    return case.steps == 2 and case.given and case.loss == "all"


def _size(point: Any) -> int:
    """How much a point can tell apart."""
    return int(point.x.size) + int(point.case.masked) + int(point.case.given)
