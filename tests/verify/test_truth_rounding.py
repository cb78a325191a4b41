"""`check_rounding`: arrays of any origin against truth, with the ladder and without."""

import mpmath
import numpy as np
import pytest

from npstack.core.errors import DtypeError, ShapeError
from npstack.verify import check_rounding
from tests.verify.test_truth_ladder import EPS, needs_longdouble

FEW = np.array([9.0, 8.0, 10.0])
EXACT = 1 / np.cosh(FEW.astype(np.longdouble)) ** 2


def slope(a, factor=1.0):
    return factor * (1 - np.tanh(a) ** 2)


@needs_longdouble
def test_lost_digits_shrink_with_the_eps_and_wrong_formulas_do_not():
    wide = FEW.astype(np.longdouble)
    assert check_rounding(slope(FEW), EXACT).explained is False
    judged = check_rounding(slope(FEW), EXACT, wider=slope(wide))
    assert judged.explained
    assert judged.wider_error < judged.wider_allowed < judged.error / 100
    for factor in (-3.0, 0.0, 0.99, 1 + 1e-8):
        judged = check_rounding(slope(FEW, factor), EXACT, wider=slope(wide, factor))
        assert judged.explained is False, factor
    # What is smaller than the wider run can tell is not claimed: that much is allowed.
    judged = check_rounding(slope(FEW, 1 + 1e-14), EXACT, wider=slope(wide, 1 + 1e-14))
    assert judged.explained
    assert judged.wider_allowed > 1e-14


def test_an_error_below_the_eps_of_its_numbers_is_none():
    """It shrinks less than the eps if chance made it small before."""
    true, long = np.ones(2), {"eps": EPS, "wider_eps": EPS / 2048}
    for apart, expected in ((0.9, True), (2.0, False)):
        wide = true.astype(np.longdouble) + apart * EPS
        assert check_rounding(true + EPS, true, wider=wide, **long).explained is expected


@needs_longdouble
def test_the_ladder_decides_where_conditioning_would_excuse():
    wrong = EXACT * (1 + 1e-9)
    found = wrong.astype(float)
    assert check_rounding(found, EXACT, conditioning=1e-9).explained
    assert check_rounding(found, EXACT, conditioning=1e-9, wider=wrong).explained is False


def test_the_two_bounds_of_the_design():
    """Readable path: 8 y + 16 eps; another program: 4 y + 8 eps, y the path's error if larger."""
    true = np.array([1.0, 0.5])
    for factor, expected in ((95, True), (97, False)):  # 8 * 10 + 16
        found = true + np.array([0, factor * EPS])
        assert check_rounding(found, true, conditioning=10 * EPS).explained is expected
    for factor, expected in ((127, True), (129, False)):  # 4 * 30 + 8
        found, own = (true + np.array([0, n * EPS]) for n in (factor, 30))
        judged = check_rounding(found, true, own=own, conditioning=10 * EPS)
        assert judged.explained is expected
        assert judged.error == pytest.approx(factor * EPS)


def test_what_cannot_be_decided():
    """Rounding may change more than a thousandth of the block."""
    true = np.ones(2)
    assert check_rounding(true + 1e-3, true, conditioning=1e-3).explained is None
    assert check_rounding(true + 1.0, true, conditioning=1e-3).explained is False
    noise = {"conditioning": 1.0, "wider_conditioning": 1e-3}
    wide = (true + 1e-3).astype(np.longdouble)
    judged = check_rounding(true + 1e-3, true, wider=wide, eps=EPS, wider_eps=EPS / 2048, **noise)
    assert judged.explained is None


def test_a_sum_that_is_zero_by_invariance():
    zeros, error = np.zeros(2), np.array([6e-15, 0.0])
    long = {"eps": EPS, "wider_eps": EPS / 2048}
    assert check_rounding(error, zeros, conditioning=1e-9).explained is False
    assert check_rounding(error, zeros, wider=error / 2000, **long).explained
    assert check_rounding(error, zeros, wider=error / 2, **long).explained is False
    assert check_rounding(zeros, zeros).explained


def test_numbers_that_are_not_finite():
    true = np.ones(2)
    overflow = np.array([np.inf, 1.0])
    long = {"eps": EPS, "wider_eps": EPS / 2048}
    assert check_rounding(overflow, true, conditioning=EPS).explained is False
    assert check_rounding(overflow, true, wider=true, **long).explained
    assert check_rounding(overflow, true, wider=overflow, **long).explained is False
    unknown = np.array([np.nan, 1.0])  # an entry of truth that was not asked for
    assert check_rounding(overflow, unknown).explained


def test_mpmath_numbers_on_either_side():
    with mpmath.workdps(40):
        third = np.array([mpmath.mpf(1) / 3, mpmath.mpf("1e-400")])
        judged = check_rounding(np.array([1 / 3, 0.0]), third)
        assert judged.explained
        assert 0 < judged.error < EPS
        wide = {"wider": third * (1 + mpmath.mpf("1e-12")), "wider_eps": 1e-39}
        assert check_rounding(np.array([1 / 3, 0.0]), third, **wide).explained is False


def test_blocks_of_another_shape_are_refused():
    with pytest.raises(
        ShapeError, match=r"check_rounding: own must have the shape of truth, \(2,\)"
    ):
        check_rounding(np.ones(2), np.ones(2), own=np.ones(3))
    with pytest.raises(DtypeError, match="check_rounding: found must be an array"):
        check_rounding("no", np.ones(2))
