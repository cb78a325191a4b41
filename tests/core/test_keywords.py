"""Keywords of other frameworks and misspelt ones: errors that name the user's class."""

import numpy as np
import pytest

from npstack import GRU, LSTM, RNN, ArgumentError, Dense, LSTMCell, StackedGRU, StackedLSTM
from npstack.core.keywords import ELSEWHERE

pytestmark = pytest.mark.core

BUILT = {
    LSTM: (2, 3),
    GRU: (2, 3),
    RNN: (2, 3),
    LSTMCell: (2, 3),
    Dense: (2, 3),
    StackedLSTM: (2, [3]),
    StackedGRU: (2, [3]),
}
HAVE = {(RNN, "activation"), (Dense, "activation")}
STACKS = {"dropout", "num_layers"}


@pytest.mark.parametrize("kind", BUILT)
@pytest.mark.parametrize("word", [*ELSEWHERE, "no_such_option", "rgn"])
def test_a_foreign_keyword_is_refused_by_the_class_that_was_built(kind, word):
    with pytest.raises(ArgumentError) as raised:
        kind(*BUILT[kind], rng=np.random.default_rng(0), **{word: "1"})
    error = raised.value
    assert error.where.startswith(kind.__name__)
    assert error.advice
    has_it = (kind, word) in HAVE or (kind.__name__.startswith("Stacked") and word in STACKS)
    assert has_it or error.got == f"{word}=…"


def test_what_is_misspelt_is_suggested_and_what_is_foreign_is_translated():
    rng = np.random.default_rng(0)
    with pytest.raises(ArgumentError, match=r"Did you mean forget_bias\?"):
        LSTM(2, 3, rng=rng, forget_bais=1.0)
    with pytest.raises(ArgumentError, match="StackedBidirectional"):
        StackedLSTM(2, [3], rng=rng, bidirectional=True)
    with pytest.raises(ArgumentError, match=r"hidden_size, return_sequences, .* forget_bias, got"):
        LSTM(2, 3, rng=rng, units=4)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (LSTM, ["return_sequences", "learn_initial", "kernel_init", "dtype", "forget_bias"]),
        (GRU, ["reset", "gate", "candidate", "bias_init"]),
        (RNN, ["activation", "recurrent_init"]),
        (StackedGRU, ["dropout", "reset", "learn_initial", "candidate"]),
    ],
)
def test_the_options_that_are_listed_are_those_that_are_taken(kind, options):
    with pytest.raises(ArgumentError) as raised:
        kind(2, 3, rng=np.random.default_rng(0), no_such_option=1)
    listed = raised.value.expected.removeprefix("its arguments must be among ").split(", ")
    assert set(options) < set(listed)
