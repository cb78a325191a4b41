"""Functions that round to a narrower type inside: not accused, and large errors are still found."""

import numpy as np
import pytest

from npstack import GRU, LSTM, LSTMCell, Recurrent, check_gradients, gradcheck
from npstack.verify.gradients.derivatives import Scalar
from npstack.verify.gradients.differences import rounds_inside

PLACES = ["x", "W", "h before", "h", "c"]


def rounded(values, dtype):
    """As a buffer of this type keeps them."""
    buffer = np.empty(values.shape, dtype)
    buffer[...] = values
    return buffer.astype(values.dtype)


def rounding_layer(place, dtype, working, slip=1.0):
    """An LSTM with one such buffer in its forward; its backward is that of an LSTM."""

    class Rounding(LSTMCell):
        def step(self, params, x, state, noise=None):
            if place == "x":
                x = rounded(x, dtype)
            if place == "W":
                params = {**params, "W": rounded(params["W"], dtype)}
            if place == "h before":
                state = state._replace(h=rounded(state.h, dtype))
            new, record = super().step(params, x, state)
            if place in ("h", "c"):
                new = new._replace(**{place: rounded(getattr(new, place), dtype)})
            return new, record

        def step_backward(self, *given, **named):
            dparams, dx, dstate = super().step_backward(*given, **named)
            return dparams, slip * dx, dstate

    return Recurrent(Rounding(1, 2, rng=np.random.default_rng(0), dtype=working))


def checked(*given):
    layer = rounding_layer(*given)
    x = np.random.default_rng(1).standard_normal((2, 2, 1)).astype(layer.dtype)
    return check_gradients(layer, x)


@pytest.mark.parametrize("working", [np.float32, np.float64])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("place", PLACES)
def test_a_right_backward_is_not_accused_and_the_report_says_so(place, dtype, working):
    report = checked(place, dtype, working)
    assert report.passed, report
    (note,) = (note for note in report.notes if note.startswith("f rounds its numbers to about "))
    eps = float(np.finfo(dtype).eps)
    assert eps / 30 < float(note.split()[6]) < 3 * eps, note


@pytest.mark.parametrize("working", [np.float32, np.float64])
@pytest.mark.parametrize("place", PLACES)
def test_a_wrong_one_is_still_found(place, working):
    report = checked(place, np.float32, working, 1.01)
    assert {row.parameter for row in report.failures} == {"x"}


def test_without_such_a_buffer_no_digit_is_given_away():
    rng = np.random.default_rng(2)
    x, W = rng.standard_normal((3, 4)), rng.standard_normal((4, 5))
    functions = [
        lambda x, W: np.maximum(x @ W, 0),  # kinks
        lambda x, W: np.floor(x @ W) + x @ W,  # jumps
        lambda x, W: np.exp(20 * x @ W),
        lambda x, W: np.tanh(1e3 * (x @ W)),
        lambda x, W: np.linalg.inv(W @ W.T) @ x.T,
        lambda x, W: (x @ W) ** 2 - (x @ W),
        lambda x, W: np.zeros((3, 5)),
    ]
    for f in functions:
        y = f(x, W)
        s = Scalar(f, [rng.standard_normal(y.shape)])
        assert rounds_inside(s, {"x": x, "W": W}, {"x": np.ones((3, 4)), "W": np.ones((4, 5))}) == [
            0
        ]


@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_nothing_is_said_of_a_layer_that_computes_in_float64(kind):
    layer = kind(2, 3, rng=np.random.default_rng(0), dtype=np.float32)
    x = np.random.default_rng(1).standard_normal((2, 3, 2)).astype(np.float32)
    assert not any("rounds" in note for note in check_gradients(layer, x, route="difference").notes)


def test_of_several_outputs_only_the_one_that_is_rounded_is_judged_less_strictly():
    def f(x, y):
        return np.sin(x), rounded(np.sin(y), np.float32)

    def backward(doutputs, x, y):
        return {
            "x": doutputs[0] * np.cos(x) * (1 + 1e-7),
            "y": doutputs[1] * np.cos(y) * (1 + 1e-7),
        }

    inputs = {"x": np.linspace(0.3, 1, 4), "y": np.linspace(0.3, 1, 4)}
    assert [row.parameter for row in gradcheck(f, backward, inputs).failures] == ["x"]
