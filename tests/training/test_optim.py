"""Optimisers: PyTorch's numbers, steps by hand, decay and freezing by name, rates on schedules."""

import math

import numpy as np
import pytest

from npstack import (
    LSTM,
    SGD,
    Adam,
    AdamW,
    Dense,
    Optimiser,
    RMSprop,
    Samples,
    Sequential,
    StepDecay,
    fit,
    global_norm,
)
from tests.full_runs.optimisers import SETTINGS, STEPS, at_steps, bits, gradients, ours, run, start
from tests.tools.provenance import read_evidence

pytestmark = pytest.mark.core
every_setting = pytest.mark.parametrize("name", SETTINGS)


# ---- PyTorch's numbers ---------------------------------------------------------------------------


@every_setting
def test_fifty_steps_are_those_that_pytorch_took(name):
    then = read_evidence("optimisers")["parameters"][name]
    found = at_steps(ours(name))
    assert list(found) == list(then) == [str(step) for step in STEPS]
    for step, params in found.items():
        assert params.keys() == then[step].keys() == start().keys()
        for key, value in params.items():
            np.testing.assert_allclose(value, then[step][key], rtol=0, atol=1e-12)


def test_pytorch_took_them_with_every_option():
    kinds = {kind for kind, _ in SETTINGS.values()}
    for kind in (SGD, RMSprop, Adam, AdamW):
        assert kind in kinds
        changed = {key for k, options in SETTINGS.values() if k is kind for key in options}
        assert {"learning_rate", "weight_decay"} <= changed
    assert read_evidence("optimisers")["command"] == "python -m tests.full_runs.optimisers"


# ---- by hand -------------------------------------------------------------------------------------


def steps_of(optimiser, *slopes, value=1.0):
    """The values of one parameter, step by step."""
    params, found = {"b": np.array([value])}, []
    for slope in slopes:
        params = optimiser.update(params, {"b": np.array([float(slope)])})
        found.append(float(params["b"][0]))
    return found


def test_numbers_stand_in_the_order_of_the_documents():
    """Decay, patterns and what is counted go by name alone."""
    assert vars(SGD(0.1, 0.5, True)) == vars(SGD(0.1, momentum=0.5, nesterov=True))
    rmsprop = {"alpha": 0.5, "epsilon": 0.1, "momentum": 0.2, "centered": True}
    assert vars(RMSprop(0.1, *rmsprop.values())) == vars(RMSprop(0.1, **rmsprop))
    adam = {"beta1": 0.5, "beta2": 0.6, "epsilon": 0.1}
    for kind in (Adam, AdamW):
        assert vars(kind(0.1, *adam.values())) == vars(kind(0.1, **adam))
        assert kind().learning_rate == 0.001
    for kind in (Optimiser, SGD, RMSprop, Adam, AdamW):
        for name in ("steps", "memory"):
            with pytest.raises(TypeError, match=name):
                kind(**{name: 1})
        with pytest.raises(TypeError, match="positional"):
            kind(0.1, 0.2, 0.1, 0.1, False, 0.1)


def test_momentum_by_hand():
    # velocity 1, 1.5, -0.25
    assert steps_of(SGD(0.1, momentum=0.5), 1, 1, -1) == pytest.approx([0.9, 0.75, 0.775])
    # g + velocity / 2: 1.5, 1.75, -1.125
    nesterov = SGD(0.1, momentum=0.5, nesterov=True)
    assert steps_of(nesterov, 1, 1, -1) == pytest.approx([0.85, 0.675, 0.7875])


def test_rmsprop_by_hand():
    # v 1, then 0.75 + 0.25 · 4
    roots = [1, math.sqrt(1.75)]
    expected = [1 - 0.1 * 2 / (roots[0] + 0.5), 1 - 0.1 * (2 / 1.5 + 2 / (roots[1] + 0.5))]
    found = steps_of(RMSprop(0.1, alpha=0.75, epsilon=0.5), 2, 2)
    assert found == pytest.approx(expected, rel=1e-15)


def test_adams_first_step_is_the_learning_rate_whatever_the_gradient():
    for slope in (1e-3, 1.0, 1e3, -1e3):
        found = steps_of(Adam(0.1, epsilon=1e-20), slope)
        assert found == pytest.approx([1 - math.copysign(0.1, slope)], rel=1e-15)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_adams_bits_are_those_of_its_formula(dtype):
    """Figures in the documents rest on them."""
    rng = np.random.default_rng(0)
    value, adam = rng.standard_normal((3, 4)).astype(dtype), Adam(0.01)
    params, m, v = {"W": value}, np.zeros((3, 4), dtype), np.zeros((3, 4), dtype)
    for steps in range(1, 30):
        g = rng.standard_normal((3, 4)).astype(dtype)
        m = 0.9 * m + (1 - 0.9) * g
        v = 0.999 * v + (1 - 0.999) * g * g
        m_hat, v_hat = m / (1 - 0.9**steps), v / (1 - 0.999**steps)
        value = value - 0.01 * m_hat / (np.sqrt(v_hat) + 1e-8)
        params = adam.update(params, {"W": g})
        assert params["W"].tobytes() == value.tobytes()


def test_a_centred_mean_square_that_rounds_below_zero_is_zero():
    rmsprop = RMSprop(1e-12, alpha=0.5, centered=True)
    rng = np.random.default_rng(0)
    params, g = {"b": np.zeros(100)}, {"b": rng.standard_normal(100)}
    for _ in range(200):  # the variance of what never changes
        params = rmsprop.update(params, g)
    assert np.isfinite(params["b"]).all()


def test_a_schedule_gives_the_rate_of_the_next_update():
    optimiser = SGD(StepDecay(0.5, every=2, factor=0.5))
    rates, params = [], {"b": np.array([0.0])}
    for _ in range(5):
        rates.append(optimiser.rate)
        new = optimiser.update(params, {"b": np.array([1.0])})
        assert new["b"] - params["b"] == pytest.approx(-rates[-1])
        params = new
    assert rates == [0.5, 0.5, 0.25, 0.25, 0.125]
    assert SGD(0.5).rate == 0.5


def test_an_optimiser_of_ones_own():
    class SignDescent(Optimiser):
        def _step(self, value, g, past, rate, steps):
            assert not past
            return value - rate * np.sign(g), {}

    own = SignDescent(StepDecay(0.5, every=1, factor=0.5), frozen=("c",), weight_decay=1.0)
    params = {"b": np.array([2.0, 1.0]), "c": np.ones(1)}
    for _ in range(2):
        params = own.update(params, {"b": np.array([-1.25, 1.0])})
    assert params["b"].tolist() == [1.25, 0.25]
    assert params["c"].tolist() == [1]
    assert own.config()["name"] == "SignDescent"
    assert (own.steps, own.state()) == (2, {})
    with pytest.raises(NotImplementedError):
        Optimiser().update(params, params)


# ---- weight decay and freezing, by name ----------------------------------------------------------


@pytest.mark.parametrize("kind", [SGD, AdamW])
def test_decay_alone_shrinks_the_named_by_a_constant_factor(kind):
    optimiser = kind(0.1, weight_decay=0.5, decayed=("*W", "*U"))
    params = first = {"0.W": np.array([2.0, -4.0]), "0.U": np.array([1.0]), "0.b": np.array([3.0])}
    for _ in range(3):
        params = optimiser.update(params, {name: np.zeros_like(v) for name, v in params.items()})
    for name in ("0.W", "0.U"):
        np.testing.assert_allclose(params[name], first[name] * 0.95**3, rtol=1e-15)
    assert np.array_equal(params["0.b"], first["0.b"])


@pytest.mark.parametrize("kind", [SGD, RMSprop, Adam, AdamW])
def test_without_decay_the_size_of_a_parameter_plays_no_part(kind):
    """Nothing times infinity would be no number."""
    params = {"b": np.array([np.inf, -np.inf, 1.0])}
    new = kind(0.1, weight_decay=0).update(params, {"b": np.ones(3)})
    assert new["b"][:2].tolist() == [np.inf, -np.inf]
    assert np.isfinite(new["b"][2])


def test_adamw_without_decay_is_adam():
    one, other = run(Adam(0.02), start(), 0, 9), run(AdamW(0.02, weight_decay=0), start(), 0, 9)
    assert bits(one) == bits(other)
    assert bits(run(AdamW(0.02), start(), 0, 9)) != bits(one)
    assert AdamW().weight_decay == 0.01


def test_frozen_parameters_are_the_same_arrays_and_leave_no_state():
    params = start()
    optimiser = Adam(0.1, frozen=("0.*",), weight_decay=0.1)
    grads = gradients(params, 0)
    new = optimiser.update(params, grads)
    assert new["0.W"] is params["0.W"]
    assert new["0.b"] is params["0.b"]
    assert not np.array_equal(new["1.U"], params["1.U"])
    assert list(new) == list(params)
    assert set(optimiser.state()) == {"m.1.U", "v.1.U", "m.1.b", "v.1.b"}
    trained = optimiser.trainable(grads)
    assert list(trained) == ["1.U", "1.b"]
    assert trained["1.U"] is grads["1.U"]
    other = Adam(0.1, frozen=("0.*",), weight_decay=0.1)
    assert bits(other.update(params, trained)) == bits(new)


def test_a_pattern_may_be_of_frozen_parameters_whose_gradients_are_left_out():
    params = start()
    optimiser = SGD(0.1, frozen=("0.*",), weight_decay=0.5, decayed=("0.W", "1.U"))
    trained = optimiser.trainable(gradients(params, 0))
    new = optimiser.update(params, trained)
    assert new["0.W"] is params["0.W"]
    expected = params["1.U"] - 0.1 * (trained["1.U"] + 0.5 * params["1.U"])
    assert np.array_equal(new["1.U"], expected)


def test_fit_trains_what_is_not_frozen_and_measures_that():
    rng = np.random.default_rng(0)
    model = Sequential(LSTM(1, 3, return_sequences=False, rng=rng), Dense(3, 1, rng=rng))
    before, x = model.params, rng.standard_normal((8, 4, 1))
    optimiser = SGD(0.1, frozen=("0.*",))
    samples = Samples(x, x[:, -1])
    history = fit(model, samples, epochs=1, batch_size=8, rng=rng, optimiser=optimiser)
    after = model.params
    assert {name for name in after if not np.array_equal(after[name], before[name])} == {
        name for name in after if name.startswith("1.")
    }
    moved = {name: (before[name] - after[name]) / 0.1 for name in after}
    assert history.gradient_norm[0] == pytest.approx(global_norm(moved), rel=1e-12)
