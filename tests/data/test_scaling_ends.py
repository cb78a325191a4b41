"""Scalers of numbers at both ends of the range, by exact fractions; and their wrong calls."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest

from npstack import ArgumentError, DataError, DtypeError, NonFiniteError, NpstackError, ShapeError
from npstack.data import MinMax, Scale, Standardiser, scaler_from
from tests.tools.exact import POWERS, as_fractions, exact, in_ulps, of_every_size

both = pytest.mark.parametrize("dtype", [np.float32, np.float64])
VALUES = np.arange(8.0).reshape(4, 2)


def columns_of(dtype):
    """Columns of all sizes, of large and of small ones, of those whose squares are at an end."""
    rng = np.random.default_rng(0)
    low, high = POWERS[np.dtype(dtype)]
    for powers in ((low, high), (high, high), (high // 2, high // 2 + 1), (low // 2, low // 2 + 1)):
        for rows in (2, 3, 40):
            values = of_every_size(rng, (rows, 3), dtype, powers)
            values[0] = -values[-1]  # no column is constant
            yield values
    yield np.array([[np.finfo(dtype).max], [-np.finfo(dtype).max]])
    yield np.array([[0], [7], [9]], dtype) * np.finfo(dtype).smallest_subnormal


def deviation_of(column):
    """To sixty digits, as a fraction."""
    middle = column.sum() / len(column)
    square = ((column - middle) ** 2).sum() / len(column)
    with mpmath.workdps(60):
        root = mpmath.sqrt(mpmath.mpf(square.numerator) / square.denominator)
    return as_fractions(root)


@both
def test_mean_and_deviation_of_columns_of_every_size(dtype):
    eps = Fraction(float(np.finfo(np.float64).eps))
    for values in columns_of(dtype):
        scaler = Standardiser.fit(values)
        for k, column in enumerate(exact(values).T):
            off = abs(Fraction(scaler.shift[k]) - column.sum() / len(column))
            assert off <= 8 * eps * abs(column).sum() / len(column) + Fraction(5e-324)
            assert in_ulps(scaler.scale[k : k + 1], deviation_of(column)) <= 8


@both
@pytest.mark.parametrize(("low", "high"), [(0, 1), (-1, 1), (-3, 5e3), (1e300, 1.5e300)])
def test_least_and_largest_of_columns_of_every_size(dtype, low, high):
    smallest, largest = (Fraction(float(v)) for v in (5e-324, np.finfo(float).max))
    fitted = 0
    for values in columns_of(dtype):
        columns = list(exact(values).T)
        ranges = [(max(c) - min(c)) / (Fraction(high) - Fraction(low)) for c in columns]
        zeros = [min(c) - Fraction(low) * r for c, r in zip(columns, ranges, strict=True)]
        if min(ranges) < smallest or max(map(abs, ranges + zeros)) > largest:
            with pytest.raises((DataError, NonFiniteError), match=r"of every column|becomes 0"):
                MinMax.fit(values, low=low, high=high)
            continue
        scaler, fitted = MinMax.fit(values, low=low, high=high), fitted + 1
        assert in_ulps(scaler.scale, ranges) <= 4
        for c, shift, scale in zip(columns, scaler.shift, scaler.scale, strict=True):
            exactly = min(c) - Fraction(low) * Fraction(scale)
            off = Fraction(float(np.finfo(float).eps)) * (
                abs(min(c)) + abs(Fraction(low) * Fraction(scale))
            )
            assert abs(Fraction(shift) - exactly) <= 2 * off + smallest
    assert fitted >= 5


@both
@pytest.mark.parametrize("kind", [Standardiser, MinMax])
def test_there_and_back_at_every_size(kind, dtype):
    eps = Fraction(float(np.finfo(dtype).eps))
    tiny, largest = (
        Fraction(float(v)) for v in (np.finfo(dtype).smallest_subnormal, np.finfo(dtype).max)
    )
    for values in columns_of(dtype):
        try:
            scaler = kind.fit(values)
        except NonFiniteError:
            assert kind is MinMax  # from end to end it is further than any number
            continue
        shift, scale = exact(scaler.shift), exact(scaler.scale)
        found = scaler.apply(values)
        v = exact(values)
        assert found.dtype == dtype
        assert (
            abs(exact(found) - (v - shift) / scale)
            <= 4 * eps * (abs(v) + abs(shift)) / scale + tiny
        ).all()
        back = scaler.invert(found)
        z = exact(found)
        assert np.isfinite(back).all() or (abs(z * scale + shift) > largest).any()
        back = exact(np.where(np.isfinite(back), back, 0))
        true = np.where(abs(z * scale + shift) > largest, 0, z * scale + shift)
        assert (abs(back - true) <= 4 * eps * (abs(z * scale) + abs(shift)) + tiny).all()


def test_roots_of_counts_of_every_size():
    for values in columns_of(np.float64):
        column = abs(values[:, 0]) * np.linspace(0.25, 1, len(values))
        with mpmath.workdps(60):
            roots = np.array([Fraction(float(r)) for r in np.sqrt(column)], object)
        scale = Scale.fit(column)
        assert in_ulps(np.array([scale.mean]), roots.sum() / len(roots)) <= 4
        assert in_ulps(np.array([scale.deviation]), deviation_of(roots)) <= 8
        back = scale.invert(scale.apply(column))
        np.testing.assert_allclose(back, column, rtol=1e-12, atol=1e-14 * column.max())


def test_what_was_checked_is_what_is_used():
    """100 and -100 as small integers lie 200 apart, and not -56."""
    small = MinMax.fit(VALUES, low=np.int8(-100), high=np.int8(100))
    assert small.config() == MinMax.fit(VALUES, low=-100, high=100).config()
    assert Standardiser.fit(VALUES, rows=np.array([0, 3], np.int8)).rows.tolist() == [0, 3]


FITTED = Standardiser.fit(VALUES)
REFUSED = {
    "a mask that would be lost": (lambda: Standardiser.fit(np.ma.array(VALUES)), "mask of its own"),
    "complex values": (lambda: MinMax.fit(VALUES * 1j), "values must be real numbers"),
    "a spread below the smallest number": (
        lambda: Standardiser.fit(np.array([0, 5e-324])),
        "less than the smallest one in column 0. Multiply",
    ),
    "a spread above the largest number": (
        lambda: MinMax.fit(np.array([-1.5e308, 1.5e308])),
        "infinity in column 0. Divide",
    ),
    "a slice of words": (lambda: FITTED.fit(VALUES, rows=slice("a")), "rows must be a slice"),
    "a slice that stands still": (lambda: FITTED.fit(VALUES, rows=slice(0, 2, 0)), "rows must be"),
    "rows of several lengths": (lambda: FITTED.fit(VALUES, rows=[[0], [0, 1]]), "rows must be one"),
    "rows that come one by one": (lambda: FITTED.fit(VALUES, rows=iter([0])), "rows must be an ar"),
    "a column as a number": (lambda: FITTED.invert(VALUES[:, :1], 0), r"Use columns=\[0\]"),
    "a column that is not there": (
        lambda: FITTED.invert(VALUES[:, :1], [2]),
        "numbers from 0 to 1",
    ),
    "columns as flags": (lambda: FITTED.invert(VALUES, [True, True]), "columns must be a list"),
    "values to hold against that are none": (lambda: FITTED.reproduces(None), "array of numbers"),
    "roots of what has none": (lambda: Scale.fit(np.array([-1.0, 1.0])), "at least 0 to have a r"),
    "roots of a constant": (lambda: Scale.fit(np.ones(3)), "values must vary"),
    "roots of nothing": (lambda: Scale.fit([]), "values must be finite, one at least"),
    "roots of words": (lambda: Scale(0.0, 1.0).apply("a"), "values must be an array of numbers"),
    "a configuration that is none": (lambda: scaler_from(None), "config must be a dictionary"),
    "a limit that is none": (
        lambda: scaler_from({**MinMax.fit(VALUES).config(), "low": None}),
        "low must be a finite number",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_calls_are_explained(case):
    call, words = REFUSED[case]
    with pytest.raises(NpstackError, match=words):
        call()


def test_every_hole_in_a_configuration_is_found():
    config = MinMax.fit(VALUES, low=-1).config()
    odd = [None, "x", [], [[]], {}, -1, float("nan"), [float("nan")], [[0, 5, 6]], [[5, 0]]]
    odd += [[[0, 10**12]], [[0.5, 2]], [True, [0, 4]], [[0, 3], [2, 4]], [10**400], 10**400]
    for name in config:
        with pytest.raises(ArgumentError):
            scaler_from({k: v for k, v in config.items() if k != name})
        for value in odd:
            if (name, value) != ("low", -1):
                with pytest.raises((ArgumentError, DtypeError, ShapeError)):
                    scaler_from({**config, name: value})
    with pytest.raises(ArgumentError, match="low, high"):
        scaler_from({**config, "more": 1})
    with pytest.raises(ArgumentError, match=r"scale must be .* above 0"):
        scaler_from({**config, "scale": [1.0, 0.0]})
    assert scaler_from(config).config() == config
