"""Numbers of every size a float has, and how far a result lies from the exact one."""

from fractions import Fraction

import mpmath
import numpy as np

POWERS = {np.dtype("f4"): (-44, 38), np.dtype("f8"): (-320, 308)}


def of_every_size(rng, shape, dtype, powers=None):
    """Numbers of either sign; each has a random order of magnitude, up to both ends."""
    low, high = powers or POWERS[np.dtype(dtype)]
    power = rng.integers(low, high, shape, endpoint=True)
    digits = rng.uniform(1, 1.7, shape) * rng.choice([-1, 1], shape)
    # in longdouble, or where that is no wider in two factors: 10.0**-320 has three digits left
    halves = np.longdouble(10) ** (power // 2), np.longdouble(10) ** (power - power // 2)
    return (digits * halves[0] * halves[1]).astype(dtype)


def exact(values):
    """An array of fractions: what floats are, exactly."""
    return np.array([Fraction(float(v)) for v in np.ravel(values)], object).reshape(
        np.shape(values)
    )


def in_ulps(found, true):
    """How many units in the last place of their dtype the numbers are off, at most.

    Infinity stands one unit beyond the largest number, and so does every true value from there on;
    the unit of the smallest numbers is the smallest of them.
    """
    found = np.asarray(found)
    info = np.finfo(found.dtype)
    least, digits = info.minexp - info.nmant, info.nmant
    beyond = Fraction(2) ** info.maxexp
    worst = 0.0
    for ours, theirs in zip(found.ravel(), np.ravel(np.asarray(true, object)), strict=True):
        assert not np.isnan(ours)
        theirs = max(-beyond, min(beyond, Fraction(theirs)))
        sign = -1 if ours < 0 else 1
        mine = Fraction(float(ours)) if np.isfinite(ours) else sign * beyond
        largest = float(min(max(abs(theirs), abs(mine)), Fraction(float(info.max))))
        unit = Fraction(2) ** max(least, int(np.frexp(largest)[1]) - 1 - digits)
        worst = max(worst, float(abs(mine - theirs) / unit))
    return worst


def as_fractions(values):
    """mpmath's numbers as fractions."""
    return np.frompyfunc(_as_fraction, 1, 1)(values)


def _as_fraction(value):
    sign, digits, power, _ = mpmath.mpf(value)._mpf_
    return (-1) ** sign * int(digits) * Fraction(2) ** int(power)
