"""A backward may change the derivative that it is given; what it changed does not judge it."""

import numpy as np
import pytest

from npstack import GRU, LSTM, check_gradients, gradcheck

pytestmark = pytest.mark.core

RNG = np.random.default_rng(7)
X, W, U = (RNG.standard_normal(shape) for shape in ((2, 5, 3), (3, 4), (4, 4)))
ROUTES = ["auto", "difference", "direction"]


def forward(x, W, U):
    h = [np.zeros((len(x), 4))]
    for t in range(x.shape[1]):
        h.append(np.tanh(x[:, t] @ W + h[-1] @ U))
    return np.stack(h[1:], axis=1)


def backward(dh, x, W, U):
    """As in many courses: what comes back is added to what is given."""
    h = forward(x, W, U)
    dx, dW, dU = np.zeros_like(x), np.zeros_like(W), np.zeros_like(U)
    for t in reversed(range(x.shape[1])):
        before = h[:, t - 1] if t else np.zeros((len(x), 4))
        da = dh[:, t] * (1 - h[:, t] ** 2)
        dx[:, t] = da @ W.T
        dW += x[:, t].T @ da
        dU += before.T @ da
        if t:
            dh[:, t - 1] += da @ U.T
    return {"x": dx, "W": dW, "U": dU}


@pytest.mark.parametrize("route", ROUTES)
def test_adding_in_place_is_right_and_noted(route):
    report = gradcheck(forward, backward, {"x": X, "W": W, "U": U}, route=route)
    assert report.passed
    assert report.notes[-1] == "backward changes in place what it is given: output"


def test_what_changes_nothing_is_not_noted():
    def careful(d, **given):
        return backward(d.copy(), **given)

    report = gradcheck(forward, careful, {"x": X, "W": W, "U": U})
    assert report.passed
    assert "in place" not in "".join(report.notes)


@pytest.mark.parametrize("route", ROUTES)
def test_putting_it_to_zero_does_not_make_zero_right(route):
    def zero(d, x):
        d.fill(0)
        return {"x": 0 * x}

    assert not gradcheck(lambda x: np.tanh(x), zero, {"x": X}, route=route).passed


@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_a_layer_that_puts_it_to_zero_is_wrong(kind):
    class Zeroing(kind):
        def _backward(self, tape, doutputs, dfinal):
            doutputs[...] = 0
            return super()._backward(tape, doutputs, dfinal)

    assert not check_gradients(Zeroing(3, 2, rng=RNG), X).passed
