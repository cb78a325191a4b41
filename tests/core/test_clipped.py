"""An activation behind a clip: values, slopes, where it can stand."""

import json
from itertools import product

import numpy as np
import pytest

from npstack import (
    GRU,
    RNN,
    ArgumentError,
    Clipped,
    Dense,
    LSTMCell,
    LSTMVariantCell,
    OwnActivation,
    Recurrent,
    build,
    check_gradients,
    load_model,
    save_model,
)
from npstack.cells import Activations, PreactivationClip
from npstack.core.activations import ACTIVATIONS, Activation, check_activation

pytestmark = pytest.mark.core
EACH = pytest.mark.parametrize("name", ACTIVATIONS)
A = np.concatenate([np.linspace(-9.01, 8.99, 61), [0.0, -750.0, 1e30, -1e30]])


@EACH
@pytest.mark.parametrize("limit", [0.3, 2.0, 50])
def test_values_are_those_of_the_clipped_number(name, limit):
    case, plain = Clipped(name, limit), Activation(name)
    y = case.function(A)
    cut = np.array([min(max(a, -limit), limit) for a in A])
    assert np.array_equal(y, plain.function(cut))
    slope = case.derivative(A, y)
    inside = abs(A) < limit
    assert np.array_equal(slope[inside], plain.derivative(A, plain.function(A))[inside])
    assert not slope[~inside].any()
    low, high = case.range
    assert (low, high) == plain.range
    assert low <= y.min() <= y.max() <= high


@EACH
def test_the_complex_step_is_the_slope(name):
    case = Clipped(name, 2.0)
    step = case.function(A + 1e-30j).imag / 1e-30
    np.testing.assert_allclose(case.derivative(A, case.function(A)), step, rtol=2e-12, atol=1e-15)


def test_the_slope_at_a_limit_is_zero_and_nan_stays():
    case = Clipped("linear", 1.5)
    a = np.array([-1.5, 1.5, np.nextafter(1.5, 0)])
    assert case.function(a).tolist() == a.tolist()
    assert case.derivative(a, a).tolist() == [0, 0, 1]
    assert np.isnan(case.function(np.array([np.nan]))).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble, complex])
def test_the_dtype_is_kept(dtype):
    a = A[np.newaxis, :61].astype(dtype)
    for name in ACTIVATIONS:
        case = Clipped(name, 0.7)
        y = case.function(a)
        assert y.dtype == case.derivative(a, y).dtype == np.dtype(dtype)
        assert y.shape == case.derivative(a, y).shape == a.shape


def test_it_is_a_value():
    case = Clipped("elu", 2)
    assert case == Clipped(Activation("elu", alpha=1), 2.0)
    assert len({case, Clipped("elu", 2.0), Clipped("elu", 3), Clipped("tanh", 2)}) == 3
    assert case != Activation("elu")
    assert not case.slope_from_output
    assert repr(case) == "Clipped(Activation('elu', alpha=1.0), limit=2.0)"
    assert eval(repr(case), {"Activation": Activation, "Clipped": Clipped}) == case
    assert build(json.loads(json.dumps(case.config()))) == case
    assert check_activation("Dense", "activation", case) is case
    with pytest.raises(AttributeError):
        case.limit = 1.0
    twice = Clipped(Clipped("tanh", 1.0), 0.5)
    assert build(twice.config()) == twice
    assert np.array_equal(twice.function(A), Clipped("tanh", 0.5).function(A))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("tan", 1.0), "Clipped: activation must be one of 'linear', .* Did you mean 'tanh'"),
        (("tanh", 0.0), "Clipped: limit must be above 0, got 0.0"),
        (("tanh", -1), "Clipped: limit must be above 0, got -1"),
        (("tanh", None), "Clipped: limit must be a finite number, got None"),
        (("tanh", True), "Clipped: limit must be a finite number, got True"),
        (("tanh", np.inf), "Clipped: limit must be a finite number, got inf"),
    ],
)
def test_what_is_refused(arguments, words):
    with pytest.raises(ArgumentError, match=words):
        Clipped(*arguments)


@pytest.mark.parametrize("name", ["relu", "elu", "hard_sigmoid_fifth"])
def test_gradients_of_layers_with_it(name):
    rng = np.random.default_rng(5)
    case = Clipped(name, 0.6)
    options = {"bias_init": "uniform", "rng": rng}
    for layer in (
        Dense(3, 4, activation=case, **options),
        RNN(3, 4, activation=case, **options),
        *(GRU(3, 4, reset=r, gate=case, candidate="tanh", **options) for r in ("after", "before")),
        GRU(3, 4, candidate=case, **options),
    ):
        layer.params = {n: 2 * v for n, v in layer.params.items()}
        x = rng.standard_normal((2, 4, 3))
        assert check_gradients(layer, x, lengths=[4, 2], entries=3, rng=rng).passed


def test_all_gates_of_an_lstm_behind_it_are_the_pre_activation_clip():
    """Two ways to the same function, bit for bit."""
    gates = {n: Clipped("sigmoid", 0.5) for n in ("input", "forget", "output")}
    clipped = Activations(**gates, candidate=Clipped("tanh", 0.5))
    ours, theirs = (
        Recurrent(LSTMVariantCell(3, 4, part, bias_init="uniform", rng=np.random.default_rng(0)))
        for part in (clipped, PreactivationClip(0.5))
    )
    x = 3 * np.random.default_rng(1).standard_normal((2, 6, 3))
    tapes = [layer.forward(x) for layer in (ours, theirs)]
    assert np.array_equal(tapes[0].outputs, tapes[1].outputs)
    grads = [m.backward(t, t.outputs) for m, t in zip((ours, theirs), tapes, strict=True)]
    assert all(np.array_equal(v, grads[1].params[n]) for n, v in grads[0].params.items())
    plain = Recurrent(LSTMCell.from_params(**ours.params))
    assert not np.array_equal(plain.forward(x).outputs, tapes[0].outputs)


def test_a_model_with_it_is_saved_and_read(tmp_path):
    rng = np.random.default_rng(2)
    model = GRU(3, 4, gate=Clipped("sigmoid", 3.0), candidate=Clipped("tanh", 0.4), rng=rng)
    save_model(tmp_path / "gru.npz", model)
    again, x = load_model(tmp_path / "gru.npz"), rng.standard_normal((2, 5, 3))
    assert again.cell.candidate == Clipped("tanh", 0.4)
    assert np.array_equal(again.forward(x).outputs, model.forward(x).outputs)


@pytest.mark.parametrize(
    ("gate", "candidate"),
    [
        *product(["sigmoid"], [Clipped("tanh", 1.0), Clipped("tanh", 1e9)]),
        (Clipped("sigmoid", 1.0), "tanh"),
        (OwnActivation("logistic", lambda a: 0.5 + 0 * a, lambda a: 0 * a), "tanh"),
    ],
)
def test_no_engine_takes_it_for_the_activation_inside(gate, candidate):
    layer = GRU(3, 4, gate=gate, candidate=candidate, rng=np.random.default_rng(0))
    x = np.ones((2, 5, 3))
    for engine in ("fused", "wavefront", "auto"):
        tape = layer.forward(x, engine=engine)
        why = "no engine computes GRUCell with these activations"
        assert (tape.engine.kind, tape.engine.why) == ("readable", why)
        assert np.array_equal(tape.outputs, layer.forward(x).outputs)
