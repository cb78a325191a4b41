"""Metrics of numbers at both ends of the range, and of millions of them, by exact sums."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest

from npstack.training.metrics import mae, rmse
from tests.tools.exact import POWERS, as_fractions, exact, in_ulps, of_every_size

both = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def root(value):
    with mpmath.workdps(60):
        return as_fractions(mpmath.sqrt(mpmath.mpf(value.numerator) / value.denominator))


@both
@pytest.mark.parametrize("rows", [1, 2, 9, 100])
def test_errors_of_every_size_are_exact_to_a_few_units(dtype, rows):
    rng = np.random.default_rng(0)
    low, high = POWERS[np.dtype(dtype)]
    powers = [(low, high), (high, high), (low, low + 3), (high // 2, high // 2 + 1)]
    for chosen in [*powers, (low // 2 - 1, low // 2 + 1)]:
        x, y = (of_every_size(rng, (rows, 3), dtype, chosen) for _ in range(2))
        mask = rng.random(rows) < 0.7
        mask[0] = True
        differences = (exact(x) - exact(y))[mask]
        with np.errstate(over="ignore"):
            roots, sizes = rmse(x, y, mask), mae(x, y, mask)
        assert roots.dtype == sizes.dtype == dtype
        squares = (differences**2).sum(0) / len(differences)
        assert in_ulps(roots, [root(square) for square in squares]) <= 3
        assert in_ulps(sizes, abs(differences).sum(0) / len(differences)) <= 3
    assert rmse(x, x).tolist() == mae(x, x).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("rows", "dtype"),
    [
        (100_000, np.float64),
        (3_000_000, np.float32),
        pytest.param(3_000_000, np.float64, marks=pytest.mark.slow),
    ],
)
def test_no_digit_is_lost_by_length(rows, dtype):
    """Three million rows of float32, summed one after another, are off by 8e-4."""
    predictions = np.random.default_rng(0).exponential(size=(rows, 2)).astype(dtype)
    targets = np.zeros_like(predictions)
    for k, (root_, size) in enumerate(
        zip(rmse(predictions, targets), mae(predictions, targets), strict=True)
    ):
        column = predictions[:, k].astype(float)
        assert in_ulps(size, Fraction(math.fsum(column)) / rows) <= 2
        assert in_ulps(root_, root(Fraction(math.fsum(column * column)) / rows)) <= 2


def test_other_numbers_go_the_same_way():
    errors = np.array([[3e200, 3e-200], [4e200, 4e-200]])
    for kind in (complex, np.longdouble):
        found = rmse(errors.astype(kind), 0 * errors.astype(kind))
        assert found.dtype == kind
        np.testing.assert_allclose(found.astype(complex), 12.5**0.5 * np.array([1e200, 1e-200]))
    step = 1e-30 * np.array([[3e200, 0], [0, 4e-200]])
    slopes = rmse(errors + 1j * step, 0j * errors).imag / 1e-30
    np.testing.assert_allclose(slopes, [9e200 / 50**0.5, 16e-200 / 50**0.5], rtol=1e-13)
    objects = np.array([[mpmath.mpf("3e400")], [mpmath.mpf("4e400")]])
    assert abs(rmse(objects, 0 * objects)[0] / mpmath.mpf("1e400") - 12.5**0.5) < 1e-15
    assert mae(objects, 0 * objects)[0] == mpmath.mpf("3.5e400")
