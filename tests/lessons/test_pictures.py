"""What the notebooks say about arrows and letters of two pictures is drawn."""

import numpy as np
import pytest

from npstack import LSTM, StackedLSTM, plots
from npstack.plots.unrolled import LAST


@pytest.mark.parametrize(("full", "column"), [(True, 0), (False, LAST)])
def test_the_letter_of_h_is_beside_an_arrow_upwards(full, column):
    layer = LSTM(2, 3, return_sequences=full, rng=np.random.default_rng(0))
    texts = plots.diagram(layer).axes[0].texts
    places = [text.get_position() for text in texts if text.get_text() == "h"]
    assert [x for x, y in places if y == 0.5] == [column - 0.08]


def test_states_leave_the_last_step_that_is_drawn_only_if_there_is_a_next_one():
    tape = StackedLSTM(2, [4, 3], rng=np.random.default_rng(0)).forward(np.ones((2, 4, 2)))
    inside, last = (
        len(plots.stack_steps(tape, steps=steps).axes[0].lines) for steps in ([1, 2], [2, 3])
    )
    assert inside - last == 2 * len(tape.layers)  # h and c of each layer
