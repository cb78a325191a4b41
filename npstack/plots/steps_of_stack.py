"""A small stack over a few steps, with the numbers of one unit of each layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from npstack.analysis.directions import Reading
from npstack.core.arguments import check_whole, is_whole
from npstack.core.errors import ArgumentError, describe, fail
from npstack.core.tape import Tape
from npstack.plots.frame import TRUTH, Picture, row_of_batch
from npstack.plots.given import check_row, layers_over_time, text
from npstack.plots.sheet import BACKWARD, QUIET, WIDTH, Sheet, listed
from npstack.plots.wire_numbers import (
    LETTERS,
    Wires,
    check_gradients_of_states,
    check_place,
    lstm_tape,
    wires,
)

MOST_STEPS, MOST_LAYERS = 6, 6
# Points at a width of 80 mm, which three steps fill.
MARGIN, GAP, BOX, LINE = 7.5, 5.5, 66.0, 9.0
NAMES = (*LETTERS, "c", "h")  # upwards
HEIGHT = LINE * len(NAMES) + 3
X_ROW, BELOW, BETWEEN, EXIT = 8.0, 30.0, 34.0, 20.0
ARROW, AHEAD, BACK = 10.0, 32.5, 65.0  # in a box: the arrow upwards, ends of the two columns


class _Place(NamedTuple):
    """One step of one layer on the sheet."""

    left: float
    bottom: float
    found: Wires

    def at(self, line: int) -> float:
        """The height of a line in the box."""
        return self.bottom + 6 + line * LINE


def stack_steps(
    tape: Tape,
    *,
    steps: Sequence[int] | None = None,
    row: int = 0,
    unit: int = 0,
    dstates: Sequence[Any] | None = None,
    title: str = "",
) -> Picture:
    """The layers of a stack over a few steps, with the numbers of one unit in each.

    Layers go upwards, steps to the right. A box is one step of one layer; upwards in the order of
    the equations it has the gates i, f, g, o and the states c and h. Arrows to the right carry the
    states c and h to the next step, if there is one, arrows upwards h to the layer above.

    With ``dstates``, a second column has the gradient of each of these numbers, in another colour
    and in italics. Beside the arrow between two layers stands what comes back to h from above
    (``↓``); ``←`` on the arrow's other side is what comes back to h from the next step. In a lower
    layer, dh is the sum of both.

    Parameters
    ----------
    tape : Tape
        From ``forward`` of a layer, a stack or a model whose recurrent layers are plain LSTMs that
        read from the beginning.
    steps : sequence of int, optional
        At most 6 steps that follow each other; by default the first three, or all if there are
        fewer.
    row, unit : int
        The row of the batch, and the unit, the same in each layer.
    dstates : sequence of LSTMState, optional
        What ``npstack.analysis.state_gradients(model, tape, doutputs)`` returned.
    title : str
        Over the picture, such as ``"two layers"``; the unit is added.

    Returns
    -------
    matplotlib.figure.Figure
        With three steps made for a width of 80 mm: its smallest letters are 7 points high then.

    Raises
    ------
    TapeError
        Layers that are not plain LSTMs on one time axis.
    ArgumentError, ShapeError, DtypeError
        No such steps, row or unit; masked steps; too many layers; gradients that do not fit.
    NonFiniteError
        NaN or infinity in these steps.

    Examples
    --------
    >>> from npstack import StackedLSTM
    >>> stack = StackedLSTM(1, [2, 2], rng=np.random.default_rng(0))
    >>> tape = stack.forward(np.ones((1, 9, 1)))
    >>> words = [text.get_text() for text in stack_steps(tape, steps=[7, 8]).axes[0].texts]
    >>> [word for word in words if word.startswith(("unit", "step", "layer"))]
    ['unit 0', 'step 7', 'step 8', 'layer 0', 'layer 1']
    """
    where = "plots.stack_steps"
    layers = layers_over_time(where, tape)
    if len(layers) > MOST_LAYERS:
        expected = f"at most {MOST_LAYERS} layers fit in this picture"
        fail(ArgumentError, where, expected, len(layers), "plots.activations draws more.")
    for layer in layers:
        lstm_tape(where, layer.tape)
    if any(layer.turned for layer in layers):
        expected = "every layer must read from the beginning"
        got = ", ".join(layer.name for layer in layers)
        fail(ArgumentError, where, expected, got, "plots.cell_step draws a step of one of them.")
    moments = _chosen(where, steps, layers[0].tape.x.shape[1])
    fewest = min(layer.tape.states.h.shape[-1] for layer in layers)
    unit = check_whole(where, "unit", unit, "unit=0 is the first.", most=fewest - 1)
    row = check_row(where, row, len(tape.x))
    batch = row_of_batch(row, len(tape.x))
    title = " · ".join(filter(None, (text(where, "title", title), batch, f"unit {unit}")))
    found = _numbers(where, layers, moments, row, dstates)
    drawing = _Drawing(layers, moments, unit, found, title)
    drawing.draw()
    return drawing.sheet.picture


def _chosen(where: str, steps: Any, count: int) -> list[int]:
    """Steps that follow each other."""
    if steps is None:
        return list(range(min(3, count)))
    listed_steps = list(steps) if isinstance(steps, list | tuple | range | np.ndarray) else [steps]
    good = 1 <= len(listed_steps) <= MOST_STEPS and all(map(is_whole, listed_steps))
    if good:
        first, last = int(listed_steps[0]), int(listed_steps[-1])
        good = 0 <= first <= last < count and list(range(first, last + 1)) == listed_steps
    if not good:
        expected = f"steps must be 1 to {MOST_STEPS} steps that follow each other, below T={count}"
        fail(ArgumentError, where, expected, describe(steps), "Use range(0, 3) for the first.")
    return [int(step) for step in listed_steps]


def _numbers(
    where: str, layers: Sequence[Reading], moments: list[int], row: int, dstates: Any
) -> list[list[Wires]]:
    """The numbers of every layer and step."""
    given: list[Any] = [None] * len(layers)
    if dstates is not None:
        if not isinstance(dstates, list | tuple) or len(dstates) != len(layers):
            expected = (
                f"dstates must be a tuple with one LSTMState for each of {len(layers)} layers"
            )
            advice = "Measure them: analysis.state_gradients(model, tape, doutputs)."
            fail(ArgumentError, where, expected, describe(dstates), advice)
        given = [
            check_gradients_of_states(where, own, layer.tape)
            for own, layer in zip(dstates, layers, strict=True)
        ]
    return [
        [
            wires(where, layer.tape, *check_place(where, layer.tape, step, row), own)
            for step in moments
        ]
        for layer, own in zip(layers, given, strict=True)
    ]


class _Drawing:
    """The boxes, and the arrows between them."""

    def __init__(
        self,
        layers: Sequence[Reading],
        moments: list[int],
        unit: int,
        found: list[list[Wires]],
        title: str,
    ) -> None:
        self.layers, self.moments, self.unit, self.found = layers, moments, unit, found
        self.backward = bool(found[0][0].backward)
        self.goes_on = moments[-1] + 1 < layers[0].tape.x.shape[1]
        lines = 3 + 2 * self.backward
        boxes = BELOW + len(layers) * (HEIGHT + BETWEEN) - BETWEEN + EXIT
        wide = MARGIN + len(moments) * (BOX + GAP) + GAP
        self.sheet = Sheet(boxes + lines * (LINE + 2), max(WIDTH, wide))
        self.heading(title, boxes + lines * (LINE + 2) - 6)

    def heading(self, title: str, high: float) -> None:
        """What it is, which colour means what, and the steps."""
        lines = [(title, TRUTH, "bold"), ("forward: black", TRUTH, "normal")]
        if self.backward:
            words = "gradients of the loss: red italics,"
            lines.append((words, BACKWARD, "normal"))
            lines.append(("from the layer above ↓, from the next step ←", BACKWARD, "normal"))
        for words, colour, weight in lines:
            self.sheet.text((2, high), words, colour, weight=weight)
            high -= LINE + 2
        for column, step in enumerate(self.moments):
            x = self.place(0, column).left
            self.sheet.text((x + BOX / 2, high), f"step {step}", ha="center")

    def draw(self) -> None:
        """All layers and steps."""
        sheet = self.sheet
        for level, layer in enumerate(self.layers):
            place = self.place(level, 0)
            for line, name in enumerate(NAMES):
                sheet.text((1, place.at(line)), name)

            for column in range(len(self.moments)):
                self.box(level, column)
                self.upwards(level, column)
            at = (self.place(level, 0).left + BACK, self.place(level, 0).bottom - 6)
            sheet.text(at, layer.name, QUIET, ha="right")
        sheet.text((1, X_ROW), "x")

    def place(self, level: int, column: int) -> _Place:
        left = MARGIN + GAP + column * (BOX + GAP)
        return _Place(left, BELOW + level * (HEIGHT + BETWEEN), self.found[level][column])

    def pair(self, at: tuple[float, float], wire: str, found: Wires) -> None:
        """A number and its gradient, in two columns."""
        left, y = at
        entry = 0 if wire == "x" else self.unit
        self.sheet.text((left + AHEAD, y), found.words(wire, entry), ha="right")
        if found.backward:
            words = found.words(wire, entry, back=True)
            self.sheet.text((left + BACK, y), words, BACKWARD, ha="right")

    def box(self, level: int, column: int) -> None:
        """The numbers of one step of one layer, and the states that enter and leave it."""
        sheet, place = self.sheet, self.place(level, column)
        sheet.box((place.left, place.bottom), BOX, HEIGHT)
        for line, name in enumerate(NAMES):
            self.pair((place.left, place.at(line)), name, place.found)
        for name in "ch":
            y = place.at(NAMES.index(name))
            sheet.wire((place.left - GAP, y), (place.left, y))
            if column == len(self.moments) - 1 and self.goes_on:
                sheet.wire((place.left + BOX, y), (place.left + BOX + GAP, y))

    def upwards(self, level: int, column: int) -> None:
        """From the input into the lowest box, and from each box to what is above it."""
        sheet, place = self.sheet, self.place(level, column)
        middle, top = place.left + ARROW, place.bottom + HEIGHT
        if level == 0:
            sheet.wire((middle, X_ROW + 6), (middle, BELOW))
            if len(place.found.forward["x"]) == 1:
                self.pair((place.left, X_ROW), "x", place.found)
            else:
                words = listed(place.found.forward["x"].tolist(), 1)
                sheet.text((place.left + BOX / 2, X_ROW), words, ha="center")
        last = level == len(self.layers) - 1
        sheet.wire((middle, top), (middle, top + (EXIT if last else BETWEEN)))
        if not self.backward:
            return
        if column + 1 < len(self.moments):
            later = self.found[level][column + 1]
            words = "← " + later.words("h'", self.unit, back=True)
            sheet.text((place.left + BACK, top + 6), words, BACKWARD, ha="right")
        if not last:
            above = self.found[level + 1][column]
            if np.array_equal(above.forward["x"], place.found.forward["h"]):  # nothing between
                words = "↓ " + above.words("x", self.unit, back=True)
                sheet.text((place.left + BACK, top + 6 + LINE), words, BACKWARD, ha="right")
