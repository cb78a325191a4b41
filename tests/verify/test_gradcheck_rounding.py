"""Right backwards that lose digits are not accused; wrong ones at the same points are."""

import numpy as np
import pytest

from npstack import GRU, LSTM, RNN, StackedLSTM, check_gradients, gradcheck
from npstack.verify.gradients import rounding
from npstack.verify.gradients.derivatives import wider

pytestmark = pytest.mark.core


def drawn(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def verdicts(report):
    return {row.verdict for row in report.rows}


def scaled(kind, dtype, weights=1.0):
    layer = kind(2, 3, rng=np.random.default_rng(1), dtype=dtype)
    layer.params = {name: (value * weights).astype(dtype) for name, value in layer.params.items()}
    return layer


@pytest.mark.parametrize("kind", [LSTM, GRU, RNN])
@pytest.mark.parametrize(
    ("dtype", "size", "weights"),
    [
        ("float32", 3, 1),
        ("float32", 30, 1),
        ("float64", 30, 1),
        ("float64", 1e3, 1),
        ("float32", 1, 20),
        ("float64", 1, 20),
        ("float64", 1, 100),
    ],
)
def test_saturated_units_are_not_accused(kind, dtype, size, weights):
    x = (size * drawn((2, 4, 2))).astype(dtype)
    report = check_gradients(scaled(kind, dtype, weights), x)
    assert verdicts(report) <= {"ok", "rounding", "zero"}, report


def test_prices_near_100_are_not_accused():
    prices = np.round(100 + np.cumsum(drawn(10)), 2).reshape(1, 10, 1)
    report = check_gradients(LSTM(1, 4, rng=np.random.default_rng(0)), prices)
    assert verdicts(report) == {"ok", "rounding"}


@pytest.mark.parametrize("size", [1.0, 10.0, 30.0])
def test_a_wrong_entry_of_a_saturated_layer_is_accused(size):
    class Wrong(LSTM):
        def _backward(self, tape, doutputs, dfinal):
            dparams, dx, dstates = super()._backward(tape, doutputs, dfinal)
            dparams["U"][1, 2] += 1e-9 * np.abs(dparams["U"][:, :3]).max()
            return dparams, dx, dstates

    layer = scaled(Wrong, "float64")
    report = check_gradients(layer, size * drawn((2, 4, 2)))
    assert [(row.parameter, row.block) for row in report.failures] == [("U", "i")]


def layer(x, W):
    return np.tanh(x @ W)


def layer_backward(dy, x, W, factor=1.0):
    da = dy * (1 - np.tanh(x @ W) ** 2)
    return {"x": factor * da @ W.T, "W": x.T @ da}


@pytest.fixture(params=["wider type", "no wider type"])
def machine(request, monkeypatch):
    """A machine whose longdouble has no more digits than float64 has to do without the ladder."""
    if request.param == "no wider type":
        monkeypatch.setattr(
            rounding, "wider", lambda dtype: None if dtype == np.float64 else wider(dtype)
        )
        monkeypatch.setattr(
            rounding,
            "widest",
            lambda s, p, probes: rounding.slopes(s, rounding.cast(p, complex), probes),
        )


@pytest.mark.parametrize("size", [1, 5, 10, 20, 100])
def test_saturation_on_every_machine(machine, size):
    inputs = {"x": size * drawn((3, 4)), "W": drawn((4, 2), 1)}
    assert verdicts(gradcheck(layer, layer_backward, inputs)) <= {"ok", "rounding"}


def test_a_small_factor_is_wrong_on_every_machine(machine):
    inputs = {"x": 3 * drawn((3, 4)), "W": drawn((4, 2), 1)}
    report = gradcheck(
        layer, lambda d, **given: layer_backward(d, **given, factor=1 + 1e-9), inputs
    )
    assert [row.parameter for row in report.failures] == ["x"]


def batch_norm(x, W, b):
    a = x @ W + b
    return (a - a.mean(axis=0)) / np.sqrt(((a - a.mean(axis=0)) ** 2).mean(axis=0) + 1e-5)


def batch_norm_backward(d, x, W, b):
    a = x @ W + b
    far = a - a.mean(axis=0)
    slope = 1 / np.sqrt((far**2).mean(axis=0) + 1e-5)
    y = far * slope
    da = slope * (d - d.mean(axis=0) - y * (d * y).mean(axis=0))
    return {"x": da @ W.T, "W": x.T @ da, "b": da.sum(axis=0)}


NORMED = {"x": drawn((6, 3)), "W": drawn((3, 4), 1), "b": drawn(4, 2)}


@pytest.mark.parametrize("route", ["complex", "difference"])
def test_a_gradient_that_is_zero_by_invariance(machine, route):
    report = gradcheck(batch_norm, batch_norm_backward, NORMED, route=route)
    assert report.passed
    assert np.abs(batch_norm_backward(drawn((6, 4)), **NORMED)["b"]).max() > 0


@pytest.mark.parametrize("route", ["complex", "difference"])
def test_where_it_is_zero_a_wrong_one_is_wrong(machine, route):
    def backward(d, **given):
        return {**batch_norm_backward(d, **given), "b": d.sum(axis=0)}

    report = gradcheck(batch_norm, backward, NORMED, route=route)
    assert [row.parameter for row in report.failures] == ["b"]


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def sum_backward(d, x):
    p = softmax(x)
    return {"x": p * (d[:, None] - (p * d[:, None]).sum(axis=-1, keepdims=True))}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_sum_of_a_softmax(dtype):
    x = (30 * drawn((3, 3))).astype(dtype)
    assert gradcheck(lambda x: softmax(x).sum(axis=-1), sum_backward, {"x": x}).passed


@pytest.mark.parametrize("power", [2, 3])
@pytest.mark.parametrize("size", [1e-310, 1e-150, 1e-100, 1e-32, 1e-15, 1.0, 1e60])
def test_numbers_of_every_size(power, size):
    def backward(d, x, factor=1.0):
        return {"x": factor * d * power * x ** (power - 1)}

    x = {"x": size * drawn(4)}
    assert gradcheck(lambda x: x**power, backward, x).passed
    if size ** (power - 1) > 0:
        wrong = gradcheck(lambda x: x**power, lambda d, x: backward(d, x, 1 + 1e-6), x)
        assert not wrong.passed


def test_gradients_below_the_smallest_number_of_their_type():
    options = {"dtype": "float32", "forget_bias": -6.0, "return_sequences": False}
    layer = LSTM(1, 2, rng=np.random.default_rng(1), **options)
    x = drawn((1, 80, 1)).astype("float32")
    report = check_gradients(layer, x, entries=1)
    smallest = min(abs(row.reference) for row in report.rows if row.reference)
    assert (report.passed, smallest < 1e-45) == (True, True)


def test_a_gradient_beyond_the_largest_number_of_its_type():
    x = np.array([80.0, -80.0, 3.0], "float32")
    with np.errstate(over="ignore"):
        report = gradcheck(
            lambda x: np.exp(x),
            lambda d, x: {"x": d * np.exp(x)},
            {"x": x},
            blocks={"x": {"large": np.s_[:1]}},
        )
    assert report.passed


def test_stacks_with_weights_times_20():
    for seed in range(2):
        stack = StackedLSTM(2, [3, 2], rng=np.random.default_rng(seed))
        stack.params = {name: 20 * value for name, value in stack.params.items()}
        assert verdicts(check_gradients(stack, drawn((2, 4, 2), seed))) <= {"ok", "rounding"}
