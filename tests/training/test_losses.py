"""Losses by hand, by complex step, and compared with each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npstack import (
    ArgumentError,
    DtypeError,
    binary_cross_entropy,
    gradcheck,
    huber,
    mean_absolute_error,
    mean_squared_error,
    softmax_cross_entropy,
)
from npstack.core.numerics import sigmoid, softmax
from tests.training.drawn_losses import LOSSES, SHAPES, bits, draw, every_loss

pytestmark = pytest.mark.core


def test_masked_mean_squared_error_by_hand():
    predictions = np.array([[[1.0, 2.0], [3.0, 5.0]], [[np.nan, np.inf], [0.0, -1.0]]])
    targets = np.array([[[0.0, 0.0], [3.0, 1.0]], [[7.0, 7.0], [2.0, 1.0]]])
    mask = np.array([[True, True], [False, True]])
    loss = mean_squared_error(predictions, targets, mask)
    assert loss.value == (1 + 4 + 0 + 16 + 4 + 4) / 6
    differences = np.array([[[1, 2], [0, 4]], [[0, 0], [-2, -2]]])
    np.testing.assert_array_equal(loss.gradient, 2 * differences / 6)


def test_mean_squared_error_of_vectors_with_a_row_mask():
    predictions, targets = np.array([[1.0, 2.0], [9.0, 9.0]]), np.zeros((2, 2))
    loss = mean_squared_error(predictions, targets, np.array([True, False]))
    assert loss.value == 2.5
    np.testing.assert_array_equal(loss.gradient, [[1.0, 2.0], [0.0, 0.0]])


def test_loss_keeps_the_dtype():
    ones = np.ones((2, 3), "f4")
    loss = mean_squared_error(ones, 3 * ones)
    assert loss.value.dtype == loss.gradient.dtype == np.float32
    assert loss.value == 4
    assert (loss.gradient == np.float32(-4 / 6)).all()


# ---- the others by hand -------------------------------------------------------------------------


def test_mean_absolute_error_by_hand():
    predictions = np.array([[[1.0, -2.0], [3.0, 5.0]], [[np.nan, np.inf], [0.0, -1.0]]])
    targets = np.array([[[0.0, 0.0], [3.0, 1.0]], [[7.0, 7.0], [2.0, 1.0]]])
    mask = np.array([[True, True], [False, True]])
    loss = mean_absolute_error(predictions, targets, mask)
    assert loss.value == pytest.approx((1 + 2 + 0 + 4 + 2 + 2) / 6, rel=1e-15)
    signs = np.array([[[1, -1], [0, 1]], [[0, 0], [-1, -1]]])
    np.testing.assert_array_equal(loss.gradient, signs / 6)


def test_huber_by_hand():
    d = np.array([[0.5, -1.0], [-3.0, 2.0]])
    loss = huber(d + 1, np.ones((2, 2)))
    assert loss.value == (0.125 + 0.5 + 2.5 + 1.5) / 4
    np.testing.assert_array_equal(loss.gradient, np.array([[0.5, -1], [-1, 1]]) / 4)
    wide, narrow = (huber(d, np.zeros((2, 2)), delta=delta) for delta in (2.0, 0.5))
    assert wide.value == (0.125 + 0.5 + 4 + 2) / 4
    np.testing.assert_array_equal(wide.gradient, np.array([[0.5, -1], [-2, 2]]) / 4)
    assert narrow.value == (0.125 + 0.375 + 1.375 + 0.875) / 4
    assert huber(1e200 * d, 0 * d).value == pytest.approx(6.5e200 / 4, rel=1e-15)


def test_binary_cross_entropy_by_hand():
    logits, targets = np.log(np.array([[3.0, 3.0], [1.0, 1 / 9]])), np.array([[1, 0], [0.5, 0.25]])
    loss = binary_cross_entropy(logits, targets)
    p = np.array([[0.75, 0.75], [0.5, 0.1]])
    by_hand = -(targets * np.log(p) + (1 - targets) * np.log(1 - p))
    assert loss.value == pytest.approx(by_hand.mean(), rel=1e-15)
    np.testing.assert_allclose(loss.gradient, (p - targets) / 4, rtol=1e-14, atol=1e-16)


def test_softmax_cross_entropy_by_hand():
    logits = np.log(np.array([[[1.0, 2.0, 1.0], [5.0, 4.0, 1.0]]]))
    loss = softmax_cross_entropy(logits, np.array([[1, 2]]))
    assert loss.value == pytest.approx((np.log(2) + np.log(10)) / 2, rel=1e-15)
    by_hand = np.array([[[0.25, -0.5, 0.25], [0.5, 0.4, -0.9]]]) / 2
    np.testing.assert_allclose(loss.gradient, by_hand, rtol=1e-14)


def test_weighted_mean_by_hand():
    predictions, targets = np.array([[1.0, 2.0], [3.0, 4.0], [9.0, 9.0]]), np.zeros((3, 2))
    weights, mask = np.array([3.0, 1.0, 5.0]), np.array([True, True, False])
    loss = mean_squared_error(predictions, targets, mask, weights=weights)
    assert loss.value == (3 * (1 + 4) + 1 * (9 + 16)) / (4 * 2)
    np.testing.assert_array_equal(loss.gradient, [[0.75, 1.5], [0.75, 1.0], [0.0, 0.0]])
    logits, classes = np.log(np.array([[3.0, 1.0], [1.0, 1.0]])), np.array([0, 1])
    loss = softmax_cross_entropy(logits, classes, weights=np.array([1.0, 3.0]))
    assert loss.value == pytest.approx((np.log(4 / 3) + 3 * np.log(2)) / 4, rel=1e-15)
    by_hand = [[-0.0625, 0.0625], [0.375, -0.375]]
    np.testing.assert_allclose(loss.gradient, by_hand, rtol=1e-14)


# ---- the complex step ---------------------------------------------------------------------------


@every_loss
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("options", ["", "mask", "weights", "mask weights"])
def test_gradient_is_the_complex_step(name, shape, options):
    predictions, targets, mask, weights = draw(name, shape)
    loss = LOSSES[name]

    def run(x):
        y = targets if targets.dtype.kind == "i" else targets.astype(x.dtype)
        w = weights.astype(x.dtype) if "weights" in options else None
        return loss(x, y, mask if "mask" in options else None, weights=w)

    def value(x):
        return np.asarray(run(x).value)

    report = gradcheck(value, lambda d, x: (d * run(x).gradient,), [predictions])
    assert report.passed, str(report)
    assert report.route == "complex"
    assert {row.verdict for row in report.rows} == {"ok"}


def test_kink_of_the_absolute_error_is_known_and_huber_has_none():
    targets = np.array([[1.0, -2.0, 0.5]])

    def verdict(loss, predictions):
        def value(x):
            return np.asarray(loss(x, targets.astype(x.dtype)).value)

        def backward(d, x):
            return (d * loss(x, targets.astype(x.dtype)).gradient,)

        report = gradcheck(value, backward, [predictions])
        assert report.passed, str(report)
        return {row.verdict for row in report.rows}

    assert verdict(mean_absolute_error, targets + np.array([0.0, 1.0, -1.0])) == {"kink"}
    assert mean_absolute_error(targets, targets).gradient.tolist() == [[0, 0, 0]]
    assert verdict(huber, targets + np.array([1.0, 0.0, -1.0])) == {"ok"}


@every_loss
def test_weights_and_targets_pass_a_complex_step_too(name):
    """By a weight: what its step has above the mean, over the sum of weights. At 0 and 1, too."""
    predictions, targets, _, weights = draw(name, (4, 3))
    loss, x = LOSSES[name], predictions.astype(complex)
    if targets.dtype.kind == "f":
        targets = np.concatenate([[[0.0, 1.0, 0.5]], targets[1:]])
    alone = [loss(predictions[[k]], targets[[k]]).value for k in range(4)]
    y = targets if targets.dtype.kind == "i" else targets.astype(complex)
    mean = loss(predictions, targets, weights=weights).value
    for k in range(4):
        step = 1e-30j * np.eye(4)[k]
        slope = loss(x, y, weights=weights + step).value.imag / 1e-30
        assert slope == pytest.approx((alone[k] - mean) / weights.sum(), rel=1e-13, abs=1e-15)
    spared, spoilt = weights * [1, 0, 1, 1], x * np.array([[1], [np.nan], [1], [1]])
    without = loss(predictions, targets, weights=spared).value
    for h in (1e-30j, -1e-30j):
        assert loss(spoilt, y, weights=spared + h).value.real == pytest.approx(without, rel=1e-14)
        if targets.dtype.kind == "f":
            slope = loss(x, y + h).value.imag / h.imag
            slopes = {"binary_cross_entropy": -predictions.mean()}
            expected = slopes.get(name, -loss(predictions, targets).gradient.sum())
            assert slope == pytest.approx(expected, rel=1e-13, abs=1e-15)


# ---- how they hang together ---------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.floats(0.5, 30))
def test_softmax_cross_entropy_obeys_its_laws(seed, K, scale):
    rng = np.random.default_rng(seed)
    logits, targets = scale * rng.standard_normal((7, K)), rng.integers(0, K, 7)
    loss = softmax_cross_entropy(logits, targets)
    np.testing.assert_allclose(loss.gradient.sum(axis=-1), 0, atol=1e-16)  # a shift is no change
    order = rng.permutation(K)
    other = softmax_cross_entropy(logits[:, order], np.argsort(order)[targets])
    assert other.value == pytest.approx(loss.value, rel=1e-14)
    np.testing.assert_allclose(other.gradient, loss.gradient[:, order], rtol=1e-13)
    expected = (softmax(logits) - np.eye(K)[targets]) / 7
    np.testing.assert_allclose(loss.gradient, expected, rtol=1e-9, atol=1e-16)


@given(st.integers(0, 2**32 - 1), st.floats(0.5, 100))
def test_two_classes_are_one_label(seed, scale):
    rng = np.random.default_rng(seed)
    logits, targets = scale * rng.standard_normal((5, 1)), rng.integers(0, 2, 5)
    two = softmax_cross_entropy(np.concatenate([0 * logits, logits], axis=-1), targets)
    one = binary_cross_entropy(logits, targets[:, np.newaxis].astype(float))
    assert two.value == pytest.approx(one.value, rel=1e-14)
    np.testing.assert_allclose(two.gradient[:, 1:], one.gradient, rtol=1e-14)
    np.testing.assert_allclose(sigmoid(logits) - targets[:, None], 5 * one.gradient, atol=1e-15)


@given(st.integers(0, 2**32 - 1))
def test_huber_lies_between_squared_and_absolute_error(seed):
    rng = np.random.default_rng(seed)
    predictions, targets = rng.standard_normal((2, 4, 3))
    wide = huber(predictions, targets, delta=100.0)
    squared = mean_squared_error(predictions, targets)
    assert wide.value == pytest.approx(squared.value / 2, rel=1e-14)
    np.testing.assert_allclose(wide.gradient, squared.gradient / 2, rtol=1e-14)
    narrow = huber(predictions, targets, delta=1e-9)
    absolute = mean_absolute_error(predictions, targets)
    assert narrow.value == pytest.approx(1e-9 * absolute.value, rel=1e-6)
    np.testing.assert_allclose(narrow.gradient, 1e-9 * absolute.gradient, rtol=1e-6)


@every_loss
def test_every_loss_checks_its_mask_and_has_something_to_average(name):
    predictions, targets, mask, _ = draw(name, (3, 5, 4))
    with pytest.raises(DtypeError, match=f"{name.split(',')[0]}: mask must be boolean"):
        LOSSES[name](predictions, targets, mask.astype(int))
    with pytest.raises(ArgumentError, match="at least one valid step"):
        LOSSES[name](predictions, targets, np.zeros((3, 5), bool))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint64])
def test_integers_of_every_size_are_classes(dtype):
    logits = np.random.default_rng(0).standard_normal((4, 3))
    expected = softmax_cross_entropy(logits, np.array([0, 2, 1, 1]))
    found = softmax_cross_entropy(logits, np.array([0, 2, 1, 1], dtype))
    assert bits(found) == bits(expected)
    with pytest.raises(ArgumentError, match="classes from 0 to 2"):
        softmax_cross_entropy(logits, np.array([0, 2, 1, np.iinfo(dtype).max], dtype))
