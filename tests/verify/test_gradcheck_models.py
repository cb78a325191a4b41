"""The gradient check on models of ours: every gradient is right, in every precision."""

import numpy as np
import pytest

from npstack import LSTM, Dense, Embedding, Sequential, StackedLSTM, check_gradients

MODELS = {
    "stack": lambda rng: StackedLSTM(2, [3, 1, 2], dropout=0.3, rng=rng),
    "last step": lambda rng: StackedLSTM(2, [3, 2], return_sequences=False, rng=rng),
    "head": lambda rng: Sequential(LSTM(2, 3, rng=rng), Dense(3, 2, activation="tanh", rng=rng)),
    "sigmoid below": lambda rng: Sequential(
        Dense(2, 3, activation="sigmoid", rng=rng), LSTM(3, 2, rng=rng)
    ),
    "relu between": lambda rng: Sequential(
        LSTM(2, 3, rng=rng), Dense(3, 4, activation="relu", rng=rng), LSTM(4, 2, rng=rng)
    ),
}


@pytest.mark.core
@pytest.mark.parametrize("name", MODELS)
def test_every_gradient_of_a_model_is_right(name):
    draw = np.random.default_rng(11)
    model = MODELS[name](draw)
    mask = np.array([[1, 0, 1, 1], [0, 1, 1, 0], [0, 0, 0, 0]], dtype=bool)
    x = draw.standard_normal((3, 4, 2))
    report = check_gradients(model, x, mask=mask, noise_rng=draw)
    assert report.passed, str(report)
    assert {row.verdict for row in report.rows} == {"ok"}


@pytest.mark.core
def test_an_embedding_below_a_stack_is_right():
    draw = np.random.default_rng(12)
    model = Sequential(Embedding(5, 2, rng=draw), LSTM(2, 2, rng=draw))
    report = check_gradients(model, np.array([[0, 4, 4], [1, 0, 2]]))
    assert report.passed, str(report)
    assert "0.W" in {row.parameter for row in report.rows}


def test_single_precision_gradients_are_right_to_single_precision():
    draw = np.random.default_rng(13)
    model = StackedLSTM(2, [4, 3], rng=draw, dtype=np.float32)
    report = check_gradients(model, draw.standard_normal((2, 5, 2)).astype(np.float32))
    assert report.passed, str(report)
    assert 0 < report.worst.error < 64 * np.finfo(np.float32).eps


def test_extended_precision_is_checked_in_extended_precision():
    draw = np.random.default_rng(14)
    layer = LSTM(2, 3, rng=draw, dtype=np.longdouble)
    report = check_gradients(layer, draw.standard_normal((2, 4, 2)).astype(np.longdouble))
    assert {row.verdict for row in report.rows} == {"ok"}
    assert report.worst.error < 64 * np.finfo(np.longdouble).eps
