"""What holds for every loss: masks, weights, dtypes, and numbers of every size."""

import mpmath
import numpy as np
import pytest

from npstack import binary_cross_entropy, softmax_cross_entropy
from tests.training.drawn_losses import LOSSES, SHAPES, bits, draw, every_loss

pytestmark = pytest.mark.core

# ---- masks and weights, as laws -----------------------------------------------------------------


@every_loss
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("filling", [np.nan, np.inf])
def test_what_stands_in_the_padding_is_irrelevant_bit_for_bit(name, shape, filling):
    predictions, targets, mask, weights = draw(name, shape)
    everywhere = mask[..., np.newaxis]
    filled = np.where(everywhere, predictions, filling)
    rubbish = np.inf
    if targets.dtype.kind == "i":
        rubbish = 100 if filling == np.inf else -100
    other = np.where(mask if targets.ndim == mask.ndim else everywhere, targets, rubbish)
    loss = LOSSES[name]
    assert bits(loss(filled, other, mask)) == bits(loss(predictions, targets, mask))
    odd = np.where(mask, weights, np.nan)
    same = loss(predictions, targets, mask, weights=weights)
    assert bits(loss(filled, other, mask, weights=odd)) == bits(same)
    assert not loss(filled, other, mask).gradient[~mask].any()


@every_loss
def test_a_weight_of_zero_is_a_mask(name):
    predictions, targets, mask, weights = draw(name, (3, 5, 4))
    loss = LOSSES[name]
    zeroed = np.where(mask, weights, 0)
    masked = loss(predictions, targets, mask, weights=weights)
    spoilt = np.where(mask[..., np.newaxis], predictions, np.nan)
    assert bits(loss(spoilt, targets, weights=zeroed)) == bits(masked)


@every_loss
def test_equal_weights_are_none_and_a_factor_changes_nothing(name):
    predictions, targets, mask, weights = draw(name, (3, 5, 4))
    loss = LOSSES[name]
    plain = loss(predictions, targets, mask)
    assert bits(loss(predictions, targets, mask, weights=np.ones((3, 5)))) == bits(plain)
    weighted = loss(predictions, targets, mask, weights=weights)
    assert bits(loss(predictions, targets, mask, weights=weights * 2**10)) == bits(weighted)


@every_loss
def test_a_weight_of_two_is_a_step_that_stands_twice(name):
    predictions, targets, _, _ = draw(name, (4, 3))
    loss = LOSSES[name]
    twice = loss(np.repeat(predictions, 2, 0)[1:], np.repeat(targets, 2, 0)[1:])
    weighted = loss(predictions, targets, weights=np.array([1.0, 2.0, 2.0, 2.0]))
    assert weighted.value == pytest.approx(twice.value, rel=1e-14)
    np.testing.assert_allclose(weighted.gradient[0], twice.gradient[0], rtol=1e-14)
    np.testing.assert_allclose(weighted.gradient[1], twice.gradient[1] * 2, rtol=1e-14)


@every_loss
def test_a_weight_that_is_nothing_beside_the_others_gets_nothing(name):
    predictions, targets, _, _ = draw(name, (2, 3))
    loss = LOSSES[name](predictions, targets, weights=np.array([1e200, 1e-200]))
    alone = LOSSES[name](predictions[:1], targets[:1])
    assert loss.value == alone.value
    assert (loss.gradient[1] == 0).all()


# ---- numbers of every type and size -------------------------------------------------------------


@every_loss
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble, complex, object])
def test_every_loss_keeps_the_dtype(name, dtype):
    predictions, targets, mask, weights = draw(name, (3, 5, 4), dtype=dtype)
    loss, exact = LOSSES[name], LOSSES[name](*draw(name, (3, 5, 4))[:3])
    for options in ({}, {"weights": weights}):
        found = loss(predictions, targets, mask, **options)
        assert found.gradient.dtype == dtype
        assert found.gradient.shape == predictions.shape
        assert np.asarray(found.value).dtype == dtype or dtype is object
    same = loss(predictions, targets, mask)
    np.testing.assert_allclose(float(same.value.real), exact.value, rtol=1e-6)


@pytest.mark.parametrize("name", ["binary_cross_entropy", "softmax_cross_entropy"])
def test_cross_entropies_of_mpmath_numbers_have_all_their_digits(name):
    with mpmath.workdps(40):
        a, b = mpmath.mpf(1) / 3, -mpmath.mpf(2) / 7
        if name == "binary_cross_entropy":
            logits, targets = np.array([[a - b]], object), np.array([[mpmath.mpf(0)]], object)
        else:
            logits, targets = np.array([[a, b]], object), np.array([1])
        loss = LOSSES[name](logits, targets)
        p = mpmath.exp(b) / (mpmath.exp(a) + mpmath.exp(b))
        assert abs(loss.value + mpmath.log(p)) < 1e-38
        assert abs(loss.gradient[0, -1] - (p - 1 if targets.any() else 1 - p)) < 1e-38


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_logits(dtype):
    logits = np.array([[1e4, -1e4], [-1e4, 1e4], [1e4, 1e4]], dtype)
    right = softmax_cross_entropy(logits, np.array([0, 1, 0]))
    assert float(right.value) == pytest.approx(np.log(2) / 3, rel=1e-6)
    np.testing.assert_allclose(right.gradient, [[0, 0], [0, 0], [-1 / 6, 1 / 6]], rtol=1e-6)
    wrong = softmax_cross_entropy(logits[:2], np.array([1, 0]))
    assert wrong.value == 2e4
    assert wrong.gradient.tolist() == [[0.5, -0.5], [-0.5, 0.5]]
    labels = np.array([[1, 0], [1, 0], [0.5, 0.5]], dtype)
    both = binary_cross_entropy(logits, labels)
    assert float(both.value) == pytest.approx((2e4 + 1e4) / 6, rel=1e-6)
    slopes = np.array([[0, 0], [-1, 1], [0.5, 0.5]]) / 6
    np.testing.assert_allclose(both.gradient, slopes, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_prediction_that_is_nearly_certain_keeps_its_small_loss_and_gradient(dtype):
    small = np.exp(dtype(-40)) * 2
    three = softmax_cross_entropy(np.array([[40, 0, 0]], dtype), np.array([0]))
    assert three.value == pytest.approx(small, rel=3e-7)
    np.testing.assert_allclose(three.gradient, [[-small, small / 2, small / 2]], rtol=3e-7)
    yes = binary_cross_entropy(np.array([[40.0, -40.0]], dtype), np.array([[1.0, 0.0]], dtype))
    assert yes.value == pytest.approx(small / 2, rel=3e-7)
    np.testing.assert_allclose(yes.gradient, [[-small / 4, small / 4]], rtol=3e-7)
    assert not np.signbit(softmax_cross_entropy(np.array([[900.0, 0.0]]), np.array([0])).value)
