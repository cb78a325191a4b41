"""Every loss, what it is given, and all that it says."""

import numpy as np
import pytest

from npstack import (
    binary_cross_entropy,
    huber,
    mean_absolute_error,
    mean_squared_error,
    softmax_cross_entropy,
)

LOSSES = {
    "mean_squared_error": mean_squared_error,
    "mean_absolute_error": mean_absolute_error,
    "huber": huber,
    "huber, 0.3": lambda *given, **named: huber(*given, **named, delta=0.3),
    "binary_cross_entropy": binary_cross_entropy,
    "softmax_cross_entropy": softmax_cross_entropy,
}
SHAPES = [(3, 5, 4), (6, 3), (1, 1, 1), (2, 1)]
every_loss = pytest.mark.parametrize("name", LOSSES)


def draw(name, shape, seed=0, dtype=np.float64):
    """Predictions and targets as a loss takes them, a mask with holes, weights, all protected."""
    rng = np.random.default_rng(seed)
    predictions = rng.standard_normal(shape).astype(dtype)
    targets = rng.standard_normal(shape).astype(dtype)
    if name == "softmax_cross_entropy":
        targets = rng.integers(0, shape[-1], shape[:-1])
    if name == "binary_cross_entropy":
        targets = np.where(rng.random(shape) < 0.5, rng.random(shape) < 0.5, rng.random(shape))
        targets = targets.astype(dtype)
    mask = rng.random(shape[:-1]) < 0.7
    mask.flat[0] = True
    weights = rng.uniform(0.1, 3, shape[:-1]).astype(dtype)
    for array in (predictions, targets, mask, weights):
        array.flags.writeable = False
    return predictions, targets, mask, weights


def bits(loss):
    """All that a loss says, to compare bit for bit."""
    return float(loss.value).hex(), loss.gradient.dtype, loss.gradient.tobytes()
