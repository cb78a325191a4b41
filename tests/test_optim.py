"""Optimisers: PyTorch's numbers, state that goes on with the same bits, names, clipping."""

import io
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npstack import (
    LSTM,
    SGD,
    Adam,
    AdamW,
    ArgumentError,
    Dense,
    Optimiser,
    RMSprop,
    Samples,
    Sequential,
    StepDecay,
    clip_by_global_norm,
    clip_by_value,
    fit,
    global_norm,
    optimiser_from,
)
from tests.optimiser_runs import SETTINGS, STEPS, at_steps, gradients, ours, start, theirs
from tests.provenance import read_evidence

every_setting = pytest.mark.parametrize("name", SETTINGS)


def made(name):
    kind, options = SETTINGS[name]
    return kind(**options)


def run(optimiser, params, first, last):
    """Some steps on the problem of `tests.optimiser_runs`."""
    for step in range(first, last):
        params = optimiser.update(params, gradients(params, step))
    return params


def bits(params):
    return {name: (value.dtype, value.tobytes()) for name, value in params.items()}


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
    assert read_evidence("optimisers")["command"] == "python -m tests.optimiser_runs"


@pytest.mark.frameworks
@every_setting
def test_pytorch_takes_the_same_steps_today(name):
    pytest.importorskip("torch")
    then = read_evidence("optimisers")["parameters"][name]
    for step, (found, reference) in enumerate(zip(ours(name), theirs(name), strict=True), start=1):
        for key, value in found.items():
            np.testing.assert_allclose(value, reference[key], rtol=0, atol=1e-12)
            if step in STEPS:
                kept = then[str(step)][key]
                np.testing.assert_allclose(reference[key], kept, rtol=0, atol=1e-12)


# ---- by hand -------------------------------------------------------------------------------------


def steps_of(optimiser, *slopes, value=1.0):
    """The values of one parameter, step by step."""
    params, found = {"b": np.array([value])}, []
    for slope in slopes:
        params = optimiser.update(params, {"b": np.array([float(slope)])})
        found.append(float(params["b"][0]))
    return found


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


# ---- state ---------------------------------------------------------------------------------------


def through_files(optimiser):
    """A new optimiser from JSON and an archive of arrays."""
    config, steps = json.loads(json.dumps([optimiser.config(), optimiser.steps], allow_nan=False))
    archive = io.BytesIO()
    np.savez(archive, **optimiser.state())
    archive.seek(0)
    with np.load(archive, allow_pickle=False) as arrays:
        state = {name: arrays[name] for name in arrays.files}
    found = optimiser_from(config)
    found.load(steps, state)
    return found


@every_setting
@pytest.mark.parametrize("stop", [0, 1, 7])
def test_after_a_round_trip_it_goes_on_with_the_same_bits(name, stop):
    whole = run(made(name), start(), 0, 14)
    optimiser = made(name)
    params = run(optimiser, start(), 0, stop)
    other = through_files(optimiser)
    assert type(other) is type(optimiser)
    assert other.config() == optimiser.config()
    assert other.steps == stop
    assert other.rate == optimiser.rate
    assert bits(run(other, params, stop, 14)) == bits(whole)
    assert bits(run(optimiser, params, stop, 14)) == bits(whole), "nothing is shared"


def test_numbers_of_numpy_become_plain_ones():
    optimiser = SGD(np.float32(0.25), momentum=np.float64(0.5), nesterov=np.True_, frozen=[])
    config = optimiser.config()
    assert json.loads(json.dumps(config)) == config
    assert optimiser.frozen == ()
    assert config == {
        "name": "SGD",
        "learning_rate": 0.25,
        "momentum": 0.5,
        "nesterov": True,
        "weight_decay": 0.0,
        "decayed": ["*"],
        "frozen": [],
    }


def test_state_is_named_by_kind_and_parameter():
    adam, rmsprop = Adam(), RMSprop(momentum=0.5, centered=True)
    run(adam, start(), 0, 1)
    assert list(adam.state()) == [f"{kind}.{name}" for kind in "mv" for name in start()]
    assert rmsprop.kinds() == ("v", "m", "velocity")
    assert rmsprop.state() == {}
    assert list(SGD().config())[:3] == ["name", "learning_rate", "weight_decay"]
    columns = np.asfortranarray(np.ones((2, 3)))
    adam.load(1, {"m.W": columns, "v.W": np.ones((2, 3))})
    assert adam.state()["m.W"].flags.f_contiguous, "sums go by the order in memory"
    assert adam.state()["v.W"].flags.c_contiguous
    sgd = SGD(momentum=0.5)
    sgd.update({"b": np.ones(2)}, {"b": np.array([-0.0, 0.0])})
    assert not np.signbit(sgd.state()["velocity.b"]).any(), "it begins with plain zeros"


def test_as_many_updates_as_there_can_be():
    adam = Adam(0.1)
    adam.load(2**63 - 1, {"m.b": np.ones(1), "v.b": np.ones(1)})
    found = adam.update({"b": np.zeros(1)}, {"b": np.ones(1)})
    assert found["b"][0] == pytest.approx(-0.1)
    assert Adam().update({}, {}) == {}


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


def test_state_that_is_loaded_is_a_copy():
    adam = Adam()
    params = run(adam, start(), 0, 2)
    state = {name: array.copy() for name, array in adam.state().items()}
    other = optimiser_from(adam.config())
    other.load(2, state)
    for array in state.values():
        array += 1
    assert bits(run(other, params, 2, 3)) == bits(run(adam, params, 2, 3))


@every_setting
def test_old_arrays_are_never_changed(name):
    optimiser, params = made(name), start()
    for step in range(3):
        grads, state = gradients(params, step), optimiser.state()
        for array in (*params.values(), *grads.values(), *state.values()):
            array.flags.writeable = False
        before = bits(params) | bits(state)
        new = optimiser.update(params, grads)
        assert bits(params) | bits(state) == before
        assert list(new) == list(params)
        params = new


@every_setting
@pytest.mark.parametrize("dtype", [np.float32, np.longdouble])
def test_the_dtype_of_parameters_is_kept(name, dtype):
    params = {key: value.astype(dtype) for key, value in start().items()}
    params["scale"] = np.array(2.0, dtype)  # no axes at all
    optimiser = made(name)
    for step in range(4):
        grads = {k: g.astype(dtype) for k, g in gradients(params, step).items()}
        params = optimiser.update(params, clip_by_global_norm(grads, 1.0))
        assert all(type(g) is np.ndarray for g in clip_by_global_norm(grads, 1.0).values())
    for key, value in (params | optimiser.state()).items():
        assert isinstance(value, np.ndarray)
        assert value.dtype == dtype, key
    assert params["scale"].shape == ()


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


# ---- clipping ------------------------------------------------------------------------------------


def test_global_norm_of_ends():
    assert global_norm({}) == 0
    assert global_norm({"b": np.array([0.0, 3.0]), "c": np.array([-4.0, 0.0])}) == 5
    assert global_norm({"b": np.full(4, 8e307)}) == pytest.approx(1.6e308, rel=1e-15)
    assert global_norm({"b": np.array([1.0, -np.inf])}) == np.inf
    assert not np.signbit(global_norm({"b": np.zeros(2)}))
    for grads in ({"b": np.ones(2, "f4")}, {"b": np.zeros(2, "f4")}):
        assert type(global_norm(grads)) is float


@given(
    st.integers(0, 2**32 - 1),
    st.integers(-280, 280),
    st.integers(-140, 140),
    st.sampled_from([np.float32, np.float64]),
)
def test_clipping_by_the_global_norm_keeps_the_direction(seed, exponent, bound, dtype):
    if dtype == np.float32:
        exponent, bound = exponent // 10, bound // 10
    rng = np.random.default_rng(seed)
    scale, max_norm = 10.0**exponent, 10.0**bound
    grads = {
        name: (scale * rng.standard_normal(shape)).astype(dtype)
        for name, shape in {"W": (3, 4), "b": (4,), "c": (1,)}.items()
    }
    clipped = clip_by_global_norm(grads, max_norm)
    norm, eps = global_norm(grads), float(np.finfo(dtype).eps)
    assert global_norm(clipped) == pytest.approx(min(norm, max_norm), rel=8 * eps)
    for name, g in grads.items():
        assert clipped[name].dtype == dtype
        if norm <= max_norm:
            assert np.array_equal(clipped[name], g)
        expected = g.astype(np.longdouble) * min(1, np.longdouble(max_norm) / norm)
        tiny = np.finfo(dtype).smallest_subnormal
        np.testing.assert_allclose(clipped[name], expected, rtol=8 * eps, atol=float(tiny))


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 10))
def test_clipping_by_value_changes_only_what_is_too_large(seed, limit):
    rng = np.random.default_rng(seed)
    grads = {"W": 3 * rng.standard_normal((3, 4)), "b": rng.standard_normal(4).astype("f4")}
    clipped = clip_by_value(grads, limit)
    for name, g in grads.items():
        bound = g.dtype.type(limit)
        assert clipped[name].dtype == g.dtype
        assert type(clip_by_value({"b": g[..., 0].sum()}, limit)["b"]) is np.ndarray
        within = abs(g) <= bound
        assert np.array_equal(clipped[name][within], g[within])
        assert np.array_equal(clipped[name][~within], (np.sign(g) * bound)[~within])


@pytest.mark.parametrize("clip", [clip_by_global_norm, clip_by_value])
@pytest.mark.parametrize("bound", [0, -1.0, np.nan, np.inf, "1", 10**400])
def test_bounds_of_clipping_are_positive_numbers(clip, bound):
    with pytest.raises(ArgumentError, match=f"^{clip.__name__}: (max_norm|limit) must be "):
        clip({"b": np.ones(2)}, bound)
