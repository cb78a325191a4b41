"""Losses of numbers at both ends of the range, by exact fractions and by mpmath's sixty digits."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest

from npstack import (
    binary_cross_entropy,
    huber,
    mean_absolute_error,
    mean_squared_error,
    softmax_cross_entropy,
)
from tests.tools.exact import POWERS, as_fractions, exact, in_ulps, of_every_size
from tests.training.drawn_losses import LOSSES, draw, every_loss

pytestmark = pytest.mark.core
both = pytest.mark.parametrize("dtype", [np.float32, np.float64])
FEW = 6  # units in the last place: some roundings of a term, and those of the sum
SHAPES = [(1, 1), (3, 2), (2, 4, 3), (7, 9, 2)]


def squares(d):
    return d * d, 2 * d


def sizes(d):
    return np.abs(d), (d > 0) * 1 - (d < 0) * 1


def bent(delta):
    """Huber's loss as its definition has it, on one side and on the other."""

    def terms(d):
        size, sign = sizes(d)
        near, edge = size <= Fraction(delta), Fraction(delta)
        return np.where(near, d * d / 2, edge * (size - edge / 2)), np.where(near, d, sign * edge)

    return terms


OF_DIFFERENCES = {
    "mean_squared_error": (mean_squared_error, {}, squares),
    "mean_absolute_error": (mean_absolute_error, {}, sizes),
    "huber": (huber, {}, bent(1.0)),
    "huber, narrow": (huber, {"delta": 1e-30}, bent(1e-30)),
    "huber, wide": (huber, {"delta": 1e30}, bent(1e30)),
}


def options_of(rng, shape, dtype):
    """A mask or none, weights of every size or none, and the exact share of each step (…, 1)."""
    mask = rng.random(shape[:-1]) < 0.7
    mask.flat[0] = True
    weights = np.abs(of_every_size(rng, shape[:-1], dtype))
    mask, weights = (part if rng.random() < 0.6 else None for part in (mask, weights))
    share = np.full(shape[:-1], Fraction(1)) if weights is None else exact(weights)
    share = np.where(np.ones(shape[:-1], bool) if mask is None else mask, share, Fraction(0))
    return mask, weights, (share / share.sum())[..., np.newaxis]


def powers_of(rng, dtype):
    """All sizes together; large ones, or small ones; and those whose squares are at an end."""
    low, high = POWERS[np.dtype(dtype)]
    ranges = [(low, high), (high - 1, high), (low, low + 9)]
    ranges += [(middle - 3, middle + 2) for middle in (high // 2, low // 2)]
    return ranges[rng.integers(len(ranges))]


@both
@pytest.mark.parametrize("name", OF_DIFFERENCES)
def test_losses_of_differences_of_every_size_are_exact_to_a_few_units(name, dtype):
    rng = np.random.default_rng(0)
    loss, options, terms = OF_DIFFERENCES[name]
    for shape in SHAPES * 8:
        powers = powers_of(rng, dtype)
        x, y = (of_every_size(rng, shape, dtype, powers) for _ in range(2))
        mask, weights, share = options_of(rng, shape, dtype)
        with np.errstate(over="ignore"):
            found = loss(x, y, mask, weights=weights, **options)
        values, slopes = terms(exact(x) - exact(y))
        assert in_ulps(found.value, (values * share).sum() / shape[-1]) <= FEW
        assert in_ulps(found.gradient, slopes * share / shape[-1]) <= FEW
        assert np.asarray(found.value).dtype == found.gradient.dtype == dtype


def log1p_exp(v):
    return mpmath.log1p(mpmath.exp(v))


def elementwise(function):
    """A function of mpmath's numbers, of arrays."""
    return np.frompyfunc(function, 1, 1)


exp = elementwise(lambda v: mpmath.exp(v) if v > -(10**6) else mpmath.mpf(0))
log = elementwise(mpmath.log)
softplus = elementwise(lambda v: max(v, 0) + (log1p_exp(-abs(v)) if abs(v) < 1e6 else 0))
as_mpf = elementwise(lambda v: mpmath.mpf(v.numerator) / v.denominator)


@both
@pytest.mark.parametrize("shape", [(1, 2), (3, 3), (2, 4, 3)])
def test_cross_entropies_of_logits_of_every_size(shape, dtype):
    rng = np.random.default_rng(0)
    for _ in range(12):
        powers = powers_of(rng, dtype) if rng.random() < 0.7 else (-3, 2)
        logits = of_every_size(rng, shape, dtype, powers)
        mask, weights, share = options_of(rng, shape, dtype)
        classes, labels = rng.integers(0, shape[-1], shape[:-1]), rng.random(shape).astype(dtype)
        with np.errstate(over="ignore"):
            one = softmax_cross_entropy(logits, classes, mask, weights=weights)
            many = binary_cross_entropy(logits, labels, mask, weights=weights)
        with mpmath.workdps(60):
            a, t, part = (as_mpf(values) for values in (exact(logits), exact(labels), share))
            below = a - a.max(axis=-1, keepdims=True)
            nats = log(exp(below).sum(axis=-1, keepdims=True)) - below
            right = np.arange(shape[-1]) == classes[..., np.newaxis]
            value, slopes = nats * right * part, (exp(-nats) - right) * part
            each = (t * softplus(-a) + (1 - t) * softplus(a)) * part / shape[-1]
            tilts = ((1 - t) * exp(-softplus(-a)) - t * exp(-softplus(a))) * part / shape[-1]
        assert in_ulps(one.value, as_fractions(value.sum())) <= FEW
        assert in_ulps(many.value, as_fractions(each.sum())) <= FEW
        info = np.finfo(dtype)
        for found, true in ((one.gradient, slopes), (many.gradient, tilts)):
            # what an exponential of a rounded logit is off by, p less a target, the smallest number
            near = float(info.eps) * (400 * np.abs(true) + 4 * part)
            near += float(info.smallest_subnormal)
            assert (np.abs(found.astype(object) - true) <= near).all()


# ---- weights, bits, other kinds of numbers -------------------------------------------------------


@every_loss
@both
def test_weights_of_every_size_are_weights_and_wide_numbers_have_the_bits_of_plain_ones(
    name, dtype
):
    """The largest weights have no sum; a factor of all of them is none of the mean."""
    predictions, targets, mask, weights = draw(name, (3, 5, 4), dtype=dtype)
    plain = LOSSES[name](predictions, targets, mask, weights=weights)
    top = np.finfo(dtype).maxexp - 2
    wide = LOSSES[name](predictions, targets, mask, weights=np.ldexp(weights, top).astype(dtype))
    if dtype is np.float64:
        assert wide.value == plain.value
        np.testing.assert_array_equal(wide.gradient, plain.gradient)
    np.testing.assert_allclose(wide.value, plain.value, rtol=1e-6)
    np.testing.assert_allclose(wide.gradient, plain.gradient, rtol=1e-6)
    for weight in (np.finfo(dtype).max, np.finfo(dtype).smallest_subnormal):
        same = LOSSES[name](predictions, targets, mask, weights=np.full((3, 5), weight, dtype))
        alone = LOSSES[name](predictions, targets, mask)
        np.testing.assert_allclose(same.value, alone.value, rtol=1e-6)
        np.testing.assert_allclose(same.gradient, alone.gradient, rtol=1e-6)


@pytest.mark.parametrize("name", OF_DIFFERENCES)
@pytest.mark.parametrize("size", [1e160, 1e250])
def test_a_complex_step_and_longdouble_go_the_same_way(name, size):
    loss, options, _ = OF_DIFFERENCES[name]
    rng = np.random.default_rng(0)
    x, y = size * rng.standard_normal((2, 4, 3))
    x[0], weights = y[0], np.array([1e200, 1e-50, 1e-60, 1e-70])  # squares fit with their weight
    with np.errstate(over="ignore"):
        exactly = loss(x, y, weights=weights, **options)
        longer = loss(
            *(v.astype(np.longdouble) for v in (x, y)), weights=weights.astype("g"), **options
        )
        assert longer.gradient.dtype == np.longdouble
        np.testing.assert_allclose(longer.gradient.astype(float), exactly.gradient, rtol=1e-13)
        np.testing.assert_allclose(float(longer.value), exactly.value, rtol=1e-13)
        assert 0 < exactly.value < np.inf
        for place in np.ndindex(x.shape):
            if not place[0]:
                continue  # at the kink
            step = np.zeros_like(x)
            step[place] = 1e-30 * size
            value = loss(x + 1j * step, y + 0j, weights=weights + 0j, **options).value
            slope = value.imag / 1e-30 / size
            assert slope == pytest.approx(exactly.gradient[place], rel=1e-12, abs=1e-280)


def test_what_is_no_number_stays_none():
    targets = np.zeros((2, 1))
    for odd in (np.nan, np.inf):
        with np.errstate(all="ignore"):
            loss = mean_squared_error(np.array([[odd], [1.0]]), targets)
        assert not np.isfinite(loss.value)
        assert not np.isfinite(loss.gradient[0, 0])
        assert loss.gradient[1, 0] == 1
    with pytest.warns(RuntimeWarning, match="overflow"), np.errstate(all="warn"):
        assert mean_squared_error(np.array([[1e200], [0.0]]), targets).value == np.inf
