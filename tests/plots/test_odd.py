"""Every odd call of a picture ends as `tests.plots.odd` says: drawn, or refused in words."""

from __future__ import annotations

import numpy as np
import pytest

from npstack import NpstackError
from tests.plots.drawn import assert_drawable
from tests.plots.odd import FAMILIES
from tests.plots.odd_values import DRAWN

CALLS = [
    pytest.param(draw, value, words, id=f"{title}: {name}")
    for title, values, draw in FAMILIES
    for name, (value, words) in values.items()
]
REFUSED = [call for call in CALLS if call.values[2] != DRAWN]
TO_DRAW = [call for call in CALLS if call.values[2] == DRAWN]


@pytest.mark.parametrize(("draw", "value", "words"), REFUSED)
def test_what_cannot_be_drawn_is_refused_in_words(draw, value, words):
    with pytest.raises(NpstackError) as raised:
        draw(value)
    error = raised.value
    assert words in str(error)
    assert error.where.startswith("plots.")
    assert error.advice
    assert not {" at 0x", "<class", "ABCMeta"} & set(str(error))


@pytest.mark.parametrize(("draw", "value", "words"), TO_DRAW[::9])
def test_odd_calls_are_drawn(draw, value, words):
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert_drawable(draw(value))


@pytest.mark.slow
@pytest.mark.parametrize(("draw", "value", "words"), TO_DRAW)
def test_every_odd_call_is_drawn(draw, value, words):
    assert_drawable(draw(value))


def test_there_are_hundreds():
    assert len(REFUSED) >= 150
    assert len(TO_DRAW) >= 100
