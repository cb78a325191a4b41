"""Norms and clipped gradients of every size, by exact fractions; what is no gradient is refused."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest

from npstack import (
    SGD,
    Adam,
    NpstackError,
    RMSprop,
    clip_by_global_norm,
    clip_by_value,
    global_norm,
)
from npstack.training.schedules import Schedule
from tests.tools.exact import POWERS, as_fractions, exact, in_ulps, of_every_size

pytestmark = pytest.mark.core
DTYPES = [np.float32, np.float64]


def gradients(dtype, seed):
    """Some arrays: of all sizes, of large or of small ones, or of those whose squares end."""
    rng = np.random.default_rng(seed)
    low, high = POWERS[np.dtype(dtype)]
    ends = [(low, high), (high, high), (low, low + 5), (high // 2, high // 2 + 2)]
    powers = [*ends, (low // 2 - 1, low // 2 + 1), (-3, 3)][seed % 6]
    shapes = {"W": (3, 4), "b": (4,), "c": (1,), "none": (0, 2)}
    return {name: of_every_size(rng, shape, dtype, powers) for name, shape in shapes.items()}


def exact_norm(grads):
    square = sum((exact(g) ** 2).sum() for g in grads.values())
    with mpmath.workdps(60):
        return as_fractions(mpmath.sqrt(mpmath.mpf(square.numerator) / square.denominator))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", range(24))
def test_norms_and_clipped_gradients_of_every_size(dtype, seed):
    grads = gradients(dtype, seed)
    norm = exact_norm(grads)
    with np.errstate(over="ignore"):
        assert in_ulps(np.array([global_norm(grads)]).astype(dtype), norm) <= 3
    for bound in (1.0, 1e-30, 1e-310, 1e30, 1e308, min(global_norm(grads), 1e308) / 3 or 1.0):
        factor = min(Fraction(1), Fraction(bound) / norm)
        clipped = clip_by_global_norm(grads, bound)
        for name, g in grads.items():
            assert clipped[name].dtype == dtype
            assert clipped[name].shape == g.shape
            near = global_norm(grads) / bound  # its rounding decides, where it is close to 1
            if not 0.99999 < near < 1.00001:
                assert in_ulps(clipped[name], exact(g) * factor) <= 6


def test_longdouble_and_complex_gradients_are_clipped_too():
    grads = {"b": np.array([3, 4]) * np.longdouble("1e300") ** (14 if _wide() else 1)}
    np.testing.assert_allclose(clip_by_global_norm(grads, 1.0)["b"].astype(float), [0.6, 0.8])
    assert global_norm({"b": np.array([3 + 4j])}) == 5
    assert clip_by_global_norm({"b": np.array([3 + 4j])}, 1.0)["b"] == pytest.approx([0.6 + 0.8j])


def _wide():
    return np.finfo(np.longdouble).maxexp > 2000


def test_a_norm_says_what_it_has_met():
    lost, fine = np.array([np.nan, 1.0]), np.zeros(2)
    for grads in ({"a": fine, "b": lost}, {"a": lost, "b": fine}, {"a": np.ones(2), "b": lost}):
        assert np.isnan(global_norm(grads))
    assert global_norm({"a": np.array([-np.inf])}) == np.inf
    assert clip_by_value({"a": np.array([-np.inf, 2.0])}, 1.0)["a"].tolist() == [-1, 1]
    assert global_norm({"a": np.zeros((0, 3))}) == 0
    assert global_norm({"a": [3.0, 4.0]}) == 5


@pytest.mark.parametrize("kind", [Adam, RMSprop])
def test_the_step_of_an_adaptive_optimiser_does_not_depend_on_the_size_of_a_gradient(kind):
    """Up to the largest whose square is kept; beyond it is told, and nothing has changed."""
    for size in (1e-3, 1.0, 1e100, 1e150, 2e155):
        usual = kind(0.1, epsilon=1e-12).update({"b": np.ones(1)}, {"b": np.array([1.0])})
        optimiser = kind(0.1, epsilon=1e-12)
        if kind is RMSprop and size > 1e154:
            continue
        new = optimiser.update({"b": np.ones(1)}, {"b": np.array([size])})
        assert 1 - new["b"] == pytest.approx(1 - usual["b"], rel=1e-7)
    for params, size in ((np.ones(1), 1e160), (np.ones(1, "f4"), np.float32(1e25))):
        optimiser = kind(0.1)
        with pytest.raises(NpstackError, match=r"what is kept \(v\) must stay finite.*of b\. Clip"):
            optimiser.update({"b": params}, {"b": np.full(1, size, params.dtype)})
        assert (optimiser.steps, optimiser.memory) == (0, {})


class Given(Schedule):
    """A schedule of a rate that it does not look at."""

    def __init__(self, rate):
        self.rate = rate

    def __call__(self, step):
        return self.rate


def rated(rate):
    """An optimiser whose rate was put there later."""
    optimiser = SGD()
    optimiser.learning_rate = rate
    return optimiser


ONE, WHOLE = {"b": np.ones(2)}, {"b": np.array([3, 4])}
MASKED = {"b": np.ma.array([3.0, 4.0], mask=[True, False])}
CALLS = {
    "the norm": global_norm,
    "clipping the norm": lambda grads: clip_by_global_norm(grads, 1.0),
    "clipping values": lambda grads: clip_by_value(grads, 1.0),
    "an update": lambda params: SGD().update(params, params),
    "an update of Adam": lambda params: Adam().update(params, params),
}
ODD = {
    "integers": (WHOLE, r"\['b'\] must be floating point, got int64 of shape \(2,\)"),
    "booleans": ({"b": np.array([True])}, r"\['b'\] must be floating point, got bool"),
    "half a float": ({"b": np.ones(2, "f2")}, r"\['b'\] must be floating point, got float16"),
    "the other byte order": (
        {"b": np.ones(2, np.dtype("f8").newbyteorder())},
        r"\['b'\] must be floating point, got [<>]f8",
    ),
    "a mask": (MASKED, r"\['b'\] must be an array without a mask of its own"),
    "words": ({"b": "x"}, r"\['b'\] must be an array of numbers"),
    "nothing": ({"b": None}, r"\['b'\] must be an array of numbers, got None"),
    "a name that is none": ({1: np.ones(2)}, r"must have strings for names, got 1 \(int\)"),
    "no dictionary": (np.ones(2), "must be a dictionary of arrays, got float64 of shape"),
    "no gradients": (None, "must be a dictionary of arrays, got None"),
}
REFUSED = {
    f"{call} of {kind}": (lambda run=run, given=given: run(given), words)
    for call, run in CALLS.items()
    for kind, (given, words) in ODD.items()
} | {
    "NaN to be clipped by the norm": (
        lambda: clip_by_global_norm({"a": np.zeros(1), "b": np.array([np.nan])}, 1.0),
        "clip_by_global_norm: grads must be finite, got NaN or infinity in 'b'",
    ),
    "infinity to be clipped by the norm": (
        lambda: clip_by_global_norm({"b": np.array([np.inf, 1.0])}, 1.0),
        "clip_by_global_norm: grads must be finite",
    ),
    "NaN to be clipped by its value": (
        lambda: clip_by_value({"b": np.array([np.nan])}, 1.0),
        "clip_by_value: grads must be numbers, got NaN in 'b'",
    ),
    "complex values": (lambda: clip_by_value({"b": np.ones(1) * 1j}, 1.0), "Use clip_by_global_no"),
    "gradients of integers": (
        lambda: SGD().update(ONE, WHOLE),
        r"grads\['b'\] must be floating point, got int64 of shape \(2,\)",
    ),
    "a gradient that is no number": (
        lambda: Adam().update(ONE, {"b": np.array([np.nan, 1.0])}),
        r"what is kept \(m, v\) must stay finite",
    ),
    "a step too large": (
        lambda: SGD(1e200).update(ONE, {"b": np.array([1e200, 1.0])}),
        "parameters must stay finite, got NaN or infinity first in the new value of b",
    ),
    "a schedule that says a word": (
        lambda: SGD(Given("x")).update(ONE, ONE),
        "SGD: learning_rate must be a finite number, got 'x'",
    ),
    "a schedule that says NaN": (lambda: SGD(Given(np.nan)).rate, "must be a finite number"),
    "a schedule that falls below zero": (
        lambda: Adam(Given(-1)).rate,
        "must be at least 0, got -1",
    ),
    "a rate that became a word": (lambda: rated("x").update(ONE, ONE), "must be a finite number"),
    "gradients that are none to be trained": (
        lambda: SGD().trainable(None),
        "must be a dictionary",
    ),
    "a state that is none": (lambda: Adam().load(0, None), "state must be a dictionary of arrays"),
    "a state without names": (lambda: Adam().load(1, {1: np.ones(1)}), "strings for names"),
    "a state with masks": (
        lambda: Adam().load(1, {"m.b": MASKED["b"], "v.b": np.ones(2)}),
        r"state\['m.b'\] must be an array without a mask of its own",
    ),
    "a flag as a word": (lambda: SGD(momentum=0.5, nesterov="no"), "nesterov=True or nesterov=Fal"),
    "a flag as a number": (lambda: RMSprop(centered=1), "centered must be True or False, got 1"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_gradient_is_refused_in_words(name):
    call, words = REFUSED[name]
    with pytest.raises(NpstackError, match=words):
        call()


def test_small_integers_of_numpy_count_updates():
    adam = Adam()
    adam.load(np.int8(0), {})
    assert type(adam.steps) is int
