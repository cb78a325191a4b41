"""Activations, their derivatives, and the numbers that a layer begins with."""

import math

import mpmath
import numpy as np
import pytest

from npstack import Dense, Embedding, LSTMCell
from npstack.core.init import orthogonal, zeros
from npstack.core.numerics import (
    absolute,
    clip,
    cos,
    is_finite,
    log,
    log1p,
    log_softmax,
    logsumexp,
    real,
    relu,
    relu_derivative,
    sigmoid,
    sigmoid_derivative,
    sign,
    softmax,
    softplus,
    tanh,
    tanh_derivative,
)

pytestmark = pytest.mark.core


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def test_sigmoid_keeps_all_digits_in_both_tails():
    a = np.array([-800.0, -30.0, -1.0, 0.0, 1.0, 30.0, 800.0])
    np.testing.assert_allclose(sigmoid(a[:3]), np.exp(a[:3]) / (1 + np.exp(a[:3])), rtol=1e-15)
    assert sigmoid(a)[3] == 0.5
    np.testing.assert_allclose(sigmoid(a[4:]), 1 / (1 + np.exp(-a[4:])), rtol=1e-15)
    single = sigmoid(np.array([-80.0], "f4"))
    assert single.dtype == np.float32
    assert single[0] == pytest.approx(np.exp(-80.0), rel=1e-6)


def test_sigmoid_is_formed_from_the_exponential_that_cannot_overflow(rng):
    a = np.concatenate([rng.uniform(-3, 0, 200), -np.geomspace(1e-12, 700, 200)])
    small = np.exp(a)
    assert np.array_equal(sigmoid(a), small / (1 + small))  # to the bit
    assert np.array_equal(sigmoid(-a), 1 / (1 + small))


def test_kink_of_relu():
    assert relu(np.array([0.0]))[0] == 0
    assert relu_derivative(np.array([-1.0, 0.0])).tolist() == [0, 0]
    slopes = relu_derivative(np.array([-1, 0, 2], object)).tolist()
    assert slopes == [0, 0, 1]
    assert not any(isinstance(slope, bool) for slope in slopes)  # numbers, whatever comes in
    assert np.isnan(relu(np.array([np.nan]))[0])


def test_relu_reads_real_parts_and_gives_plain_zeros():
    assert relu(np.array([1e-30j, 2 + 1e-30j])).tolist() == [0, 2 + 1e-30j]
    assert relu_derivative(np.array([1e-30j, 2 + 1e-30j])).tolist() == [0, 1]
    assert not np.signbit(relu(np.array([-0.0, -1.0]))).any()


def test_object_arrays_may_hold_plain_numbers_among_mpmath_ones():
    with mpmath.workdps(40):
        a = np.array([0, 1.5, -2, mpmath.mpf(1) / 3], object)
        assert abs(sigmoid(a)[3] - 1 / (1 + mpmath.exp(-mpmath.mpf(1) / 3))) < 1e-39
        assert abs(tanh(a)[3] - mpmath.tanh(mpmath.mpf(1) / 3)) < 1e-39
    assert tanh(np.array([0, 0.5], object)).tolist() == [0.0, math.tanh(0.5)]
    numbers = np.array([1 + 2j, mpmath.mpc(3, 4), mpmath.mpf(5), 6], object)
    assert real(numbers).tolist() == [1, 3, 5, 6]
    assert real(numbers).dtype == object


def test_derivatives_vanish_where_a_gate_is_saturated():
    ends = np.array([0.0, 1.0])
    assert (sigmoid_derivative(ends) == 0).all()
    assert (tanh_derivative(np.array([-1.0, 1.0])) == 0).all()
    assert tanh(np.array([0.0]))[0] == 0


def test_is_finite_looks_at_both_parts():
    values = np.array([1, complex(0, np.nan), complex(np.inf, 0), 1j])
    assert is_finite(values).tolist() == [True, False, False, True]
    objects = np.array([1.0, np.nan, -np.inf], object)
    assert is_finite(objects).tolist() == [True, False, False]


def test_a_seed_gives_the_same_weights_in_every_version():
    cell = LSTMCell(2, 2, rng=np.random.default_rng(0), bias_init="uniform").params
    assert cell["W"][0, ::3].round(6).tolist() == [0.106859, -1.142477, -1.155376]
    assert cell["U"][0, :4].round(6).tolist() == [0.772155, -0.635435, -0.412912, 0.910771]
    assert cell["b"][[0, 1, 2, 7]].round(6).tolist() == [0.193693, -0.325571, 1.0, 0.324557]
    dense = Dense(2, 2, rng=np.random.default_rng(0), bias_init="uniform").params
    assert dense["W"][0].round(6).tolist() == [0.335486, -0.563905]
    assert dense["b"].round(6).tolist() == [0.443031, 0.583725]
    glorot = Dense(2, 2, rng=np.random.default_rng(0), bias_init="glorot").params
    assert glorot["b"].round(6).tolist() == [0.886062, 1.167449]
    table = Embedding(2, 2, rng=np.random.default_rng(0)).params["W"]
    assert table[1].round(6).tolist() == [-0.649161, -0.683733]


def test_zeros_are_plain_zeros(rng):
    assert not np.signbit(zeros(rng, (2, 3))).any()


def test_orthogonal_matrices_are_drawn_from_all_of_them(rng):
    signs = [orthogonal(rng, (1, 1))[0, 0] for _ in range(400)]
    assert set(np.round(signs, 12)) == {-1.0, 1.0}
    assert abs(np.mean(signs)) < 0.15
    matrices = np.array([orthogonal(rng, (2, 2)) for _ in range(400)])
    assert abs(matrices.mean(axis=0)).max() < 0.12  # none of the four entries has a side
    assert abs(np.mean(np.linalg.det(matrices) > 0) - 0.5) < 0.1  # half of them are reflections


# ---- logarithms, softmax, and what branches on the real part -------------------------------------

A = np.array([[-3.0, 0.5, 2.0], [700.0, 700.0, -700.0], [0.0, -40.0, -41.0]])
ALONG = {"logsumexp": logsumexp, "log_softmax": log_softmax, "softmax": softmax}
EACH = {
    "softplus": (softplus, sigmoid),
    "absolute": (absolute, sign),
    "clip": (lambda a: clip(a, 1.5), lambda a: (np.abs(a) < 1.5) * 1.0),
    "log": (lambda a: log(a * a), lambda a: 2 / a),
    "log1p": (lambda a: log1p(a * a), lambda a: 2 * a / (1 + a * a)),
    "cos": (cos, lambda a: -np.sin(a)),
}


def in_digits(function, a, digits=60):
    """What a function gives for mpmath numbers, rounded to doubles in the end."""
    with mpmath.workdps(digits):
        exact = np.frompyfunc(mpmath.mpf, 1, 1)(a)
        return function(np.asarray(exact, dtype=object))


@pytest.mark.parametrize("name", ALONG)
def test_sums_of_exponentials_keep_every_digit(name):
    function = ALONG[name]

    def plain(a):
        e = np.frompyfunc(mpmath.exp, 1, 1)(a)
        total = e.sum(axis=-1, keepdims=True)
        logarithm = np.frompyfunc(mpmath.log, 1, 1)
        return {"logsumexp": logarithm(total), "log_softmax": a - logarithm(total)}.get(
            name, e / total
        )

    exact = in_digits(plain, A, 400).astype(float)
    np.testing.assert_allclose(function(A), exact, rtol=4e-16)
    np.testing.assert_allclose(function(A[np.newaxis])[0], exact, rtol=4e-16)
    np.testing.assert_allclose(in_digits(function, A).astype(float), exact, rtol=4e-16)
    assert function(A).shape == ((3, 1) if name == "logsumexp" else (3, 3))
    single = function(A.astype("f4"))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, exact, rtol=2e-7, atol=1e-44)


def test_a_logarithm_close_to_zero_is_not_zero():
    assert log_softmax(np.array([80.0, 0.0, 0.0]))[0] == pytest.approx(
        -2 * math.exp(-80), rel=1e-15
    )
    assert softplus(np.array(-80.0)) == pytest.approx(math.exp(-80), rel=1e-15)


@pytest.mark.parametrize("size", [1e4, 1e38])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_nothing_overflows(size, dtype):
    a = np.array([size, -size, size, 0.0], dtype)
    assert softmax(a).tolist() == [0.5, 0, 0.5, 0]
    assert log_softmax(a)[0] == np.log(np.array(0.5, dtype))
    assert logsumexp(a)[0] == a[0] + np.log(np.array(2, dtype))
    assert softplus(a).tolist() == [a[0], 0, a[0], np.log(np.array(2, dtype))]


def test_one_class_is_certain():
    one = np.array([[3.0], [-2.0]])
    assert (softmax(one) == 1).all()
    assert (log_softmax(one) == 0).all()
    assert (logsumexp(one) == one).all()
    assert not np.signbit(log_softmax(one)).any()


@pytest.mark.parametrize("name", EACH)
def test_derivative_of_each_is_the_complex_step(rng, name):
    function, derivative = EACH[name]
    a = rng.uniform(-4, 4, 60)
    slope = function(a + 1e-30j).imag / 1e-30
    eps = np.finfo(float).eps
    np.testing.assert_allclose(derivative(a), slope, rtol=8 * eps, atol=8 * eps)
    np.testing.assert_allclose(function(a + 1e-30j).real, function(a), rtol=8 * eps, atol=8 * eps)


@pytest.mark.parametrize("name", ALONG)
def test_derivative_along_an_axis_is_the_complex_step(rng, name):
    a = rng.uniform(-4, 4, (5, 3))
    p, identity = softmax(a)[:, np.newaxis, :], np.eye(3)
    columns = p.swapaxes(1, 2)
    exact = {"logsumexp": p, "log_softmax": identity - p, "softmax": columns * (identity - p)}
    for k in range(3):
        slope = ALONG[name](a + 1e-30j * identity[k]).imag / 1e-30
        np.testing.assert_allclose(slope, exact[name][..., k], rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("name", [*EACH, *ALONG])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble, complex, object])
def test_new_functions_keep_the_dtype(name, dtype):
    function = EACH[name][0] if name in EACH else ALONG[name]
    a = np.array([[-2.0, 0.25, 3.0]]).astype(dtype)
    assert function(a).dtype == a.dtype
    assert function(a).ndim == 2


def test_edges_of_absolute_sign_and_clip():
    a = np.array([-2.0, -0.0, 0.0, 2.0, np.inf, -np.inf])
    assert absolute(a).tolist() == [2, 0, 0, 2, np.inf, np.inf]
    assert not np.signbit(absolute(a)).any()
    assert sign(a).tolist() == [-1, 0, 0, 1, 1, -1]
    assert clip(a, 2.0).tolist() == [-2, 0, 0, 2, 2, -2]
    assert np.isnan([absolute(np.array([np.nan]))[0], clip(np.array([np.nan]), 1.0)[0]]).all()
    for h in (1e-30j, -1e-30j):
        step = np.array([h, 2 + h, -2 + h])
        assert clip(step, 2.0).tolist() == step.tolist(), "at the edge it is still the identity"
        assert sign(step).tolist() == [0, 1, -1]
        assert absolute(step).tolist() == [-h, 2 + h, 2 - h]


def test_largest_entries_are_found_by_their_real_part():
    with mpmath.workdps(40):
        a = np.array([mpmath.mpc(1, 1e-30), mpmath.mpc(3, -1e-30), mpmath.mpc(3, 1e-30)], object)
        total = sum(mpmath.exp(value) for value in a)
        assert abs(logsumexp(a)[0] - mpmath.log(total)) < 1e-38
        assert abs(log_softmax(a)[1] - (a[1] - mpmath.log(total))) < 1e-38
        assert abs(softmax(a)[2] - mpmath.exp(a[2]) / total) < 1e-38


def test_an_array_without_axes_gives_an_array():
    for function in (absolute, sign, softplus, lambda a: clip(a, 1.0)):
        assert type(function(np.array(0.5))) is np.ndarray
