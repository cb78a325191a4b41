"""What cannot be drawn as wires is refused in words."""

from __future__ import annotations

import numpy as np
import pytest

from npstack import (
    GRU,
    LSTM,
    Bidirectional,
    LSTMCell,
    LSTMState,
    NpstackError,
    Recurrent,
    Sequential,
    StackedLSTM,
    plots,
)
from npstack.cells import CellClip, LSTMVariantCell, RecurrentDropout
from tests.plots.test_wiring import rng, stack_with_gradients


def masked():
    return LSTM(1, 2, rng=rng()).forward(np.ones((1, 3, 1)), lengths=[2])


def variant(*parts):
    cell = LSTMVariantCell(1, 2, *parts, rng=rng())
    return Recurrent(cell).forward(5 * np.ones((1, 3, 1)))


TAPE = stack_with_gradients()[1]
LAYER, GRADIENTS = TAPE.layers[0], stack_with_gradients()[3]
REFUSED = {
    "a stack": (lambda: plots.cell_step(TAPE, 0), "tape.layers[0]"),
    "a GRU": (
        lambda: plots.cell_step(GRU(1, 2, rng=rng()).forward(np.ones((1, 3, 1))), 0),
        "plain LSTM",
    ),
    "a clipped cell": (lambda: plots.cell_step(variant(CellClip(0.01)), 2), "whose h"),
    "a dropping cell": (
        lambda: plots.cell_step(
            Recurrent(RecurrentDropout(LSTMCell(1, 9, rng=rng()), 0.5)).forward(
                np.ones((1, 3, 1)), rng=rng()
            ),
            2,
        ),
        "plain LSTM",
    ),
    "no tape": (lambda: plots.cell_step(3, 0), "tape of one recurrent layer"),
    "a step too far": (lambda: plots.cell_step(LAYER, 5), "from 0 to 4"),
    "a negative step": (lambda: plots.cell_step(LAYER, -1), "from 0 to 4"),
    "a masked step": (lambda: plots.cell_step(masked(), 2), "Valid: [0, 1]"),
    "no such unit": (lambda: plots.cell_step(LAYER, 0, unit=4), "from 0 to 3"),
    "no such row": (lambda: plots.cell_step(LAYER, 0, row=2), "from 0 to 1"),
    "gradients of all layers": (
        lambda: plots.cell_step(LAYER, 0, dstates=GRADIENTS),
        "state_gradients",
    ),
    "gradients of another layer": (
        lambda: plots.cell_step(LAYER, 0, dstates=GRADIENTS[1]),
        "(2, 5, 4)",
    ),
    "complex gradients": (
        lambda: plots.cell_step(LAYER, 0, dstates=LSTMState(*(own * 1j for own in GRADIENTS[0]))),
        "must be real numbers",
    ),
    "gradients with NaN": (
        lambda: plots.cell_step(
            LAYER, 0, dstates=LSTMState(*(own * np.nan for own in GRADIENTS[0]))
        ),
        "must be finite",
    ),
    "a number as title": (lambda: plots.cell_step(LAYER, 0, title=None), "title must be a text"),
    "scattered steps": (lambda: plots.stack_steps(TAPE, steps=[0, 2]), "follow each other"),
    "too many steps": (lambda: plots.stack_steps(TAPE, steps=range(7)), "1 to 6 steps"),
    "steps beyond": (lambda: plots.stack_steps(TAPE, steps=[4, 5]), "below T=5"),
    "no steps": (lambda: plots.stack_steps(TAPE, steps=[]), "1 to 6 steps"),
    "too many layers": (
        lambda: plots.stack_steps(StackedLSTM(1, [1] * 7, rng=rng()).forward(np.ones((1, 3, 1)))),
        "at most 6 layers",
    ),
    "two directions": (
        lambda: plots.stack_steps(
            Bidirectional(LSTM(1, 2, rng=rng()), LSTM(1, 2, rng=rng())).forward(np.ones((1, 3, 1)))
        ),
        "read from the beginning",
    ),
    "gradients of one layer": (
        lambda: plots.stack_steps(TAPE, dstates=GRADIENTS[:1]),
        "one LSTMState for each of 2 layers",
    ),
    "a unit that one layer lacks": (lambda: plots.stack_steps(TAPE, unit=3), "from 0 to 2"),
    "a layer with a GRU": (
        lambda: plots.stack_steps(
            Sequential(LSTM(1, 2, rng=rng()), GRU(2, 2, rng=rng())).forward(np.ones((1, 3, 1)))
        ),
        "plain LSTM",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_drawn_is_refused_in_words(name):
    call, expected = REFUSED[name]
    with pytest.raises(NpstackError) as raised:
        call()
    assert expected in str(raised.value)
    assert raised.value.where.startswith("plots.")
    assert raised.value.advice
