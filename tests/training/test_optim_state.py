"""What optimisers remember: it goes on with the same bits, through files, and is never changed."""

import io
import json

import numpy as np
import pytest

from npstack import SGD, Adam, AdamW, Optimiser, RMSprop, clip_by_global_norm, optimiser_from
from tests.full_runs.optimisers import SETTINGS, bits, gradients, made, run, start

pytestmark = pytest.mark.core
every_setting = pytest.mark.parametrize("name", SETTINGS)


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
    assert list(other.state()) == list(optimiser.state())
    assert other.steps == stop
    assert other.rate == optimiser.rate
    assert bits(run(other, params, stop, 14)) == bits(whole)
    assert bits(run(optimiser, params, stop, 14)) == bits(whole), "nothing is shared"


def test_numbers_of_numpy_become_plain_ones():
    optimiser = SGD(
        np.float32(0.25),
        momentum=np.float64(0.5),
        nesterov=np.True_,
        weight_decay=np.float32(0.125),
        frozen=[],
    )
    config = optimiser.config()
    assert json.loads(json.dumps(config)) == config
    assert optimiser.frozen == ()
    assert config == {
        "name": "SGD",
        "learning_rate": 0.25,
        "momentum": 0.5,
        "nesterov": True,
        "weight_decay": 0.125,
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


def test_what_is_remembered_are_running_means():
    rmsprop = RMSprop(alpha=0.75, momentum=0.5, epsilon=1.0, centered=True)
    for slope in (4.0, 8.0):
        rmsprop.update({"b": np.zeros(1)}, {"b": np.array([slope])})
    state = {name: float(array[0]) for name, array in rmsprop.state().items()}
    assert list(state) == ["v.b", "m.b", "velocity.b"]
    assert state["v.b"] == 0.75 * 4 + 0.25 * 64
    assert state["m.b"] == 0.75 * 1 + 0.25 * 8
    first, second = 4 / (np.sqrt(4 - 1) + 1), 8 / (np.sqrt(19 - 2.75**2) + 1)
    assert state["velocity.b"] == pytest.approx(0.5 * first + second, rel=1e-15)


def test_an_optimiser_equals_itself_alone_and_shows_its_numbers_not_its_memory():
    for kind in (Optimiser, SGD, RMSprop, Adam, AdamW):
        assert kind() != kind()
        assert len({kind(), kind()}) == 2
    adam = Adam(0.5, frozen=("0.*",))
    run(adam, start(), 0, 1)
    assert repr(adam) == (
        "Adam(learning_rate=0.5, weight_decay=0.0, decayed=('*',), frozen=('0.*',), steps=1, "
        "beta1=0.9, beta2=0.999, epsilon=1e-08)"
    )


def test_as_many_updates_as_there_can_be():
    adam = Adam(0.1)
    adam.load(2**63 - 1, {"m.b": np.ones(1), "v.b": np.ones(1)})
    found = adam.update({"b": np.zeros(1)}, {"b": np.ones(1)})
    assert found["b"][0] == pytest.approx(-0.1)
    assert Adam().update({}, {}) == {}


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
