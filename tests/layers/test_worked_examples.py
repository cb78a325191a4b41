"""Layers by hand: what one unit, one table, one mask does, number by number."""

import numpy as np
import pytest

from npstack import LSTM, Dense, Dropout, Embedding
from npstack.core.activations import ACTIVATIONS, Activation

pytestmark = pytest.mark.core


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def test_one_unit_by_hand():
    layer = LSTM(1, 1, rng=np.random.default_rng(0))
    W, U, b = [[0.1, 0.2, 0.3, 0.4]], [[0.5, 0.6, 0.7, 0.8]], [0.01, 0.02, 0.03, 0.04]
    layer.params = {"W": np.array(W), "U": np.array(U), "b": np.array(b)}
    tape = layer.forward(np.array([[[0.5], [-0.25]]]))
    h = c = 0.0
    for x, found in zip([0.5, -0.25], tape.outputs[0, :, 0], strict=True):
        i, f, g, o = (W[0][k] * x + U[0][k] * h + b[k] for k in range(4))
        i, f, o = (1 / (1 + np.exp(-a)) for a in (i, f, o))
        c = f * c + i * np.tanh(g)
        h = o * np.tanh(c)
        assert found == pytest.approx(h, rel=1e-15)


def test_embedding_adds_up_repeated_symbols_and_skips_padding(rng):
    layer = Embedding(6, 2, rng=rng)
    x, d = np.array([[1, 4, 1], [4, 4, 0]]), rng.standard_normal((2, 3, 2))
    mask = np.array([[True, True, True], [True, False, False]])
    tape = layer.forward(x, mask=mask)
    assert (tape.outputs[0] == layer.params["W"][[1, 4, 1]]).all()
    assert not tape.outputs[1, 1:].any()
    dW = layer.backward(tape, d).params["W"]
    assert (dW[1] == d[0, 0] + d[0, 2]).all()
    assert (dW[4] == d[0, 1] + d[1, 0]).all()
    assert not dW[[0, 2, 3, 5]].any()
    assert not np.signbit(dW[[0, 2, 3, 5]]).any()
    assert layer.backward(tape, d).x is None


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_dense_on_vectors_is_dense_on_one_step(rng, activation):
    layer = Dense(3, 4, activation=activation, bias_init="uniform", rng=rng)
    x, d = rng.standard_normal((5, 3)), rng.standard_normal((5, 4))
    vectors, steps = layer.forward(x), layer.forward(x[:, np.newaxis])
    assert vectors.mask is None
    np.testing.assert_array_equal(vectors.outputs, steps.outputs[:, 0])
    a = x @ layer.params["W"] + layer.params["b"]
    chosen = Activation(activation)
    y, slope = chosen.function(a), chosen.derivative(a, chosen.function(a))
    np.testing.assert_allclose(vectors.outputs, y, rtol=1e-14)
    for tape, dy in ((vectors, d), (steps, d[:, np.newaxis])):
        grads = layer.backward(tape, dy)
        np.testing.assert_allclose(grads.params["W"], x.T @ (d * slope), rtol=1e-13)
        np.testing.assert_allclose(grads.params["b"], (d * slope).sum(axis=0), rtol=1e-13)
        dx = (d * slope) @ layer.params["W"].T
        np.testing.assert_allclose(grads.x.reshape(5, 3), dx, rtol=1e-13)


def test_dropout_keeps_the_expectation_and_drops_backward_what_it_drops_forward(rng):
    layer, x = Dropout(0.25), rng.standard_normal((50, 40, 10))
    tape = layer.forward(x, rng=rng)
    assert tape.noise.mean() == pytest.approx(0.75, abs=0.01)
    np.testing.assert_array_equal(tape.outputs[tape.noise], x[tape.noise] / 0.75)
    assert not tape.outputs[~tape.noise].any()
    d = rng.standard_normal(x.shape)
    np.testing.assert_array_equal(layer.backward(tape, d).x, np.where(tape.noise, d / 0.75, 0))
    assert (layer.forward(x).outputs == x).all()
    assert layer.forward(x).noise is None


def test_dropout_scales_in_the_working_dtype(rng):
    layer, x = Dropout(0.1), rng.standard_normal((2, 3)).astype("f4")
    tape = layer.forward(x, noise=np.ones((2, 3), bool))
    assert tape.outputs.dtype == np.float32
    assert (tape.outputs == x / np.float32(0.9)).all()


def test_a_draw_that_equals_the_rate_is_kept():
    class Even(np.random.Generator):
        """Draws every tenth from 0 on."""

        def random(self, shape):
            return np.linspace(0, 0.9, 10).reshape(shape)

    even = Even(np.random.PCG64(0))
    tape = Dropout(0.5).forward(np.ones((1, 10)), rng=even)
    assert tape.noise.tolist() == [[False] * 5 + [True] * 5]
    assert Dropout(0).forward(np.ones((1, 10)), rng=even).noise.all()


def test_rate_zero_drops_nothing(rng):
    assert Dropout(0).forward(np.ones((100, 10)), rng=rng).noise.all()
    assert Dropout(np.float32(0.5)).rate == 0.5
