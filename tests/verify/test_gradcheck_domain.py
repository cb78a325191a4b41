"""Functions with an edge: differences that leave the domain do not overrule the complex step."""

import numpy as np
import pytest

from npstack import ArgumentError, gradcheck

pytestmark = pytest.mark.core

FUNCTIONS = {
    "log": (np.log, lambda x: 1 / x),
    "square root": (np.sqrt, lambda x: 1 / (2 * np.sqrt(x))),
    "power": (lambda x: x**1.5, lambda x: 1.5 * np.sqrt(x)),
    "pole": (lambda x: 1 / x, lambda x: -1 / x**2),
    "log of the distance to 1": (lambda x: np.log1p(-x), lambda x: -1 / (1 - x)),
}
SIZES = [1.0, 1e-2, 1e-4, 1e-6, 1e-9, 1e-12]


def verdict(f, slope, x, factor):
    report = gradcheck(lambda x: f(x), lambda d, x: {"x": factor * d * slope(x)}, {"x": x})
    assert report.route == "complex"
    return report.passed


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_right_backward_is_right_near_an_edge_and_a_wrong_one_is_wrong(name, size):
    x = np.random.default_rng(3).uniform(0.1, 0.9, 5) * size
    assert verdict(*FUNCTIONS[name], x, 1.0)
    assert not verdict(*FUNCTIONS[name], x, 1 + 1e-6)


@pytest.mark.parametrize("size", [1e-1, 1e-3, 1e-5, 1e-7])
def test_inverse_functions_near_the_end_of_their_domain(size):
    x = 1 - np.random.default_rng(3).uniform(0.1, 0.9, 5) * size
    for factor, right in ((1.0, True), (1 + 1e-6, False)):
        assert verdict(np.arccos, lambda x: -1 / np.sqrt(1 - x * x), x, factor) is right


@pytest.mark.parametrize("distance", [1.0, 1e-2, 1e-4])
def test_the_inverse_of_a_matrix_that_is_nearly_singular(distance):
    x = np.array([[1.0, 2.0], [2.0, 4.0 + distance]])

    def backward(d, x):
        inverse = np.linalg.inv(x)
        return {"x": -inverse.T @ d @ inverse.T}

    report = gradcheck(lambda x: np.linalg.inv(x), backward, {"x": x})
    assert (report.route, report.passed) == ("complex", True)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("unsafe", [np.abs, lambda x: np.real(x) ** 2, np.conj])
def test_code_that_complex_numbers_mislead_is_noticed_at_every_size(unsafe, size):
    x = np.random.default_rng(3).uniform(0.1, 0.9, 5) * size
    report = gradcheck(lambda x: unsafe(np.sqrt(x)), lambda d, x: {"x": 7 * d}, {"x": x})
    assert (report.route, report.passed) == ("difference", False)


def test_code_that_raises_outside_of_its_domain_is_not_asked_there_again():
    def root(x):
        if (x.real < 0).any():
            raise ValueError("negative")
        return np.sqrt(x)

    x = np.random.default_rng(3).uniform(0.1, 0.9, 5) * 1e-3
    report = gradcheck(root, lambda d, x: {"x": d / (2 * np.sqrt(x))}, {"x": x})
    assert (report.route, report.passed) == ("complex", True)


def test_differences_are_not_measured_by_a_complex_step_that_they_overrule():
    report = gradcheck(lambda x: np.conj(x) ** 2, lambda d, x: {"x": 2 * d * x}, {"x": np.ones(3)})
    assert report.route == "difference"
    np.testing.assert_array_equal(report.curve.errors, report.curve.scatter)


def test_a_function_that_is_defined_at_one_point_is_refused():
    def f(x):
        y = np.zeros(2)
        y[...] = x if (x == 0.5).all() else np.nan
        return y

    with pytest.raises(ArgumentError, match="no step of differences that stays within its domain"):
        gradcheck(f, lambda d, x: {"x": d}, {"x": np.array([0.5, 0.5])})
