"""Activations, their derivatives, and the numbers that a layer begins with."""

import math

import mpmath
import numpy as np
import pytest

from npstack import Dense, Embedding, LSTMCell
from npstack.init import orthogonal, zeros
from npstack.numerics import (
    ACTIVATIONS,
    is_finite,
    real,
    relu_derivative,
    sigmoid,
    sigmoid_derivative,
    tanh,
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


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivative_in_terms_of_the_output_is_the_complex_step(rng, name):
    function, derivative = ACTIVATIONS[name]
    a = np.concatenate([rng.uniform(-4, 4, 50), [-40.0, 40.0]])
    slope = function(a + 1e-30j).imag / 1e-30
    eps = np.finfo(float).eps  # of y itself: what is lost where 1 - y cancels
    np.testing.assert_allclose(derivative(function(a)), slope, rtol=4 * eps, atol=4 * eps)


def test_kink_of_relu():
    relu = ACTIVATIONS["relu"].function
    assert relu(np.array([0.0]))[0] == 0
    assert relu_derivative(np.array([-1.0, 0.0])).tolist() == [0, 0]
    slopes = relu_derivative(np.array([-1, 0, 2], object)).tolist()
    assert slopes == [0, 0, 1]
    assert not any(isinstance(slope, bool) for slope in slopes)  # numbers, whatever comes in
    assert np.isnan(relu(np.array([np.nan]))[0])


def test_relu_reads_real_parts_and_gives_plain_zeros():
    relu = ACTIVATIONS["relu"].function
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
    assert (ACTIVATIONS["tanh"].derivative(np.array([-1.0, 1.0])) == 0).all()
    assert tanh(np.array([0.0]))[0] == 0


def test_is_finite_looks_at_both_parts():
    values = np.array([1, complex(0, np.nan), complex(np.inf, 0), 1j])
    assert is_finite(values).tolist() == [True, False, False, True]
    objects = np.array([1.0, np.nan, -np.inf], object)
    assert is_finite(objects).tolist() == [True, False, False]


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble, complex, object])
def test_activations_and_derivatives_keep_the_dtype(name, dtype):
    a = np.array([-2.0, 0.0, 3.0]).astype(dtype)
    function, derivative = ACTIVATIONS[name]
    assert function(a).dtype == derivative(function(a)).dtype == a.dtype
    assert function(a).shape == a.shape


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_of_mpmath_numbers_have_all_their_digits(name):
    with mpmath.workdps(40):
        a = np.array([mpmath.mpf(v) / 3 for v in (-200, -2, -1, 1, 2, 200)], object)
        reference = {
            "linear": lambda v: v,
            "tanh": mpmath.tanh,
            "sigmoid": lambda v: 1 / (1 + mpmath.exp(-v)),
            "relu": lambda v: max(v, mpmath.mpf(0)),
        }[name]
        for found, value in zip(ACTIVATIONS[name].function(a), a, strict=True):
            assert abs(found - reference(value)) <= 1e-38 * abs(reference(value))


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
