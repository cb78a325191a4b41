"""Sizes whose parameters fit into no memory are refused before anything is drawn."""

import numpy as np
import pytest

from npstack import GRU, LSTM, ArgumentError, Dense, Embedding, Recurrent, StackedRNN, cells

pytestmark = pytest.mark.core


@pytest.mark.parametrize("size", [3 * 10**8, 2**62, 10**30])
@pytest.mark.parametrize(
    "build",
    [
        lambda n, rng: LSTM(3, n, rng=rng),
        lambda n, rng: LSTM(n, n, rng=rng),
        lambda n, rng: GRU(3, n, rng=rng, recurrent_init="zeros"),
        lambda n, rng: StackedRNN(3, [n, 4], rng=rng),
        lambda n, rng: Dense(n, n, rng=rng, kernel_init="uniform"),
        lambda n, rng: Embedding(n, 10**6, rng=rng),
        lambda n, rng: Recurrent(cells.LSTMVariantCell(n, n, cells.Peepholes(), rng=rng)),
    ],
)
def test_the_figure_is_told_and_nothing_is_drawn(build, size):
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    with pytest.raises(ArgumentError, match=r"fit into memory, got [\d,]+ bytes\. Use"):
        build(size, rng)
    assert rng.bit_generator.state == before
