"""Whether two sets of numbers are the same but for rounding."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from npstack.core.errors import NpstackError
from npstack.layers.base import Layer
from npstack.verify.mistakes.cases import Blocks, Numbers, Point, run, split
from npstack.verify.mistakes.entry import Mistake
from npstack.verify.mistakes.simulate import Program

DRAWS = 6  # of half a unit of rounding, to see how much a block moves
MOVES = 64.0  # times the largest move that is still rounding
UNITS = 4000.0  # and units of rounding of the block, for formulas written in another way


class Split(NamedTuple):
    """The blocks of the outputs and of the gradients."""

    outputs: Blocks
    gradients: Blocks


class Trial:
    """A point, the right numbers there and somebody's."""

    def __init__(self, program: Program, point: Point, layer: Layer) -> None:
        self.program, self.point, self.cell = program, point, program.cell()
        self.theirs = run(layer, point)
        self.right = run(program.built(), point)
        self.split_theirs, self.split_right = self.split(self.theirs), self.split(self.right)

    def split(self, numbers: Numbers) -> Split:
        """Numbers by block, without what is not returned."""
        kept = {n: v for n, v in numbers.gradients.items() if n in self.theirs.gradients}
        outputs = {n: v for n, v in numbers.outputs.items() if n in self.theirs.outputs}
        return Split(split(self.cell, outputs), split(self.cell, kept))

    @cached_property
    def moves(self) -> dict[str, float]:
        """How far the right numbers move under half a unit of rounding in all that is read."""
        found: dict[str, float] = {}
        rng = np.random.default_rng(0)
        layer = self.program.built()
        for _ in range(DRAWS):
            moved = self.split(run(layer, self.point, rng))
            for one, other in zip(moved, self.split_right, strict=True):
                for name, value in one.items():
                    distance = float(np.abs(value - other[name]).max(initial=0.0))
                    found[name] = max(found.get(name, 0.0), distance)
        return found

    def differing(self, one: Blocks, other: Blocks) -> tuple[str, ...]:
        """The blocks that differ by more than rounding."""
        eps = float(np.finfo(self.program.dtype).eps)
        found = []
        for name, value in one.items():
            largest = max(np.abs(value).max(initial=0.0), np.abs(other[name]).max(initial=0.0))
            distance = np.abs(value - other[name]).max(initial=0.0)
            if not distance <= UNITS * eps * largest + MOVES * self.moves[name]:
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

    def of(self, layer: Layer) -> Split | None:
        """The numbers of a simulated program; None if they are not finite."""
        with np.errstate(all="ignore"):
            try:
                return self.split(run(layer, self.point))
            except NpstackError:
                return None


class Search:
    """The mistakes that give somebody's numbers in every trial."""

    def __init__(self, program: Program, trials: Sequence[Trial]) -> None:
        self.program = program
        # The largest first: it tells most mistakes apart.
        self.trials = sorted(trials, key=lambda trial: -_size(trial.point))

    def fits(self, mistakes: Sequence[Mistake], outputs_only: bool = False) -> bool:
        """Whether a program with these mistakes gives somebody's numbers."""
        layer = self.program.built(mistakes)
        for trial in self.trials:
            found = trial.of(layer)
            if found is None or trial.differing(trial.split_theirs.outputs, found.outputs):
                return False
            if outputs_only:
                continue
            if trial.differing(trial.split_theirs.gradients, found.gradients):
                return False
        return True


def _size(point: Any) -> int:
    """How much a point can tell apart."""
    return int(point.x.size) + int(point.case.masked) + int(point.case.given)
