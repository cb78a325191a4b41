"""Losses by hand."""

import numpy as np
import pytest

from npstack import mean_squared_error

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
