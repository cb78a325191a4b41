"""Wide numbers: the bits of plain floats where these have the range, and exact numbers beyond."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest

from npstack.core.wide import Wide, absolute, careful, clip, deviation, mean, sign
from tests.tools.exact import as_fractions, exact, in_ulps, of_every_size

pytestmark = pytest.mark.core
OPERATIONS = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "a number": lambda a, b: 3 * a - b / 7 + 0.5,
    "a number on the left": lambda a, b: 1 / b - (2 - a),
}


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.longdouble, complex])
def test_usual_numbers_have_the_bits_of_floats(name, kind):
    a, b = np.random.default_rng(0).standard_normal((2, 50, 3)).astype(kind)
    if kind is complex:
        a, b = a + 1j * b, b
    a, b = (v.astype(np.result_type(kind, float)) for v in (a, b))
    plain = OPERATIONS[name](a, b)
    for found in (OPERATIONS[name](Wide(a), b), OPERATIONS[name](Wide(a), Wide(b))):
        assert np.array_equal(found.rounded(plain.dtype), plain)
        assert found.sum().rounded(plain.dtype) == plain.sum()
        assert np.array_equal(found.sum(0).rounded(plain.dtype), plain.sum(0))
        assert np.array_equal(found.sum(-1).rounded(plain.dtype), plain.sum(-1))
        assert np.array_equal(found[3:, 1].rounded(plain.dtype), plain[3:, 1])


@pytest.mark.parametrize("name", OPERATIONS)
def test_numbers_of_every_size(name):
    """Through the fourth power, which no float holds, and back."""
    rng = np.random.default_rng(0)
    a, b = (of_every_size(rng, 60, np.float64) for _ in range(2))
    with np.errstate(over="ignore"):
        found = OPERATIONS[name](Wide(a), Wide(b))
        square = found * found
        back = (square * square / (square * found)).rounded(np.float64)
    assert in_ulps(back, OPERATIONS[name](exact(a), exact(b))) <= 8


def test_roots_and_sums_of_squares():
    values = of_every_size(np.random.default_rng(0), 60, np.float64)
    for part in (values[:1], values[:2], values):
        square = (exact(part) ** 2).sum()
        with mpmath.workdps(60):
            root = mpmath.sqrt(mpmath.mpf(square.numerator) / square.denominator)
        found = (Wide(part) * part).sum().sqrt().rounded(np.float64)
        assert in_ulps(np.array([found]), as_fractions(root)) <= 2
    assert (Wide(np.zeros(3)) * 0).sum().sqrt().rounded(np.float32) == 0
    assert Wide(np.zeros((0, 2))).sum(0).rounded(float).tolist() == [0, 0]


def test_infinity_and_nan_stay_what_they_are():
    wide = Wide(np.array([np.inf, -np.inf, np.nan, 1.0]))
    with np.errstate(invalid="ignore"):
        for found in (wide * 2, wide + 1e300, wide / 1e-300, wide * wide):
            assert np.isfinite(found.rounded(float)).tolist()[:3] == [False] * 3
    np.testing.assert_array_equal(abs(wide).rounded(float), [np.inf, np.inf, np.nan, 1])


def test_parts_of_losses_of_both_kinds():
    values = np.array([-1e308, -0.25, 0.0, 1e-320, 2.0])
    wide = Wide(values) * 1.5
    assert np.array_equal(sign(wide), sign(values))
    assert np.array_equal(clip(Wide(values), 0.5), clip(values, 0.5))
    assert np.array_equal((absolute(wide) / 1.5).rounded(float), absolute(values))


def test_only_what_is_not_sound_is_computed_with_care():
    with np.errstate(over="ignore"):
        assert careful(np.ones(2), np.array([True, True]), pytest.fail).tolist() == [1, 1]
        found = careful(np.ones(2), np.array([True, False]), lambda: Wide(np.array([5.0, 7.0])))
    assert found.tolist() == [1, 7]
    values = np.array([[1.7e308, 5e-324, 2.0], [1.7e308, 5e-324, 4.0], [1.7e308, 2e-323, 9.0]])
    assert in_ulps(mean(values), exact(values).sum(0) / 3) <= 1
    assert deviation(values)[0] < 1e-15 * 1.7e308
    assert deviation(values)[2] == values[:, 2].std()
    assert in_ulps(deviation(values)[1:2], Fraction(7.5e-324)) <= 1
