"""Losses, with value and gradient together, and samples."""

from npstack.losses.functions import (
    Loss,
    binary_cross_entropy,
    huber,
    mean_absolute_error,
    mean_squared_error,
    softmax_cross_entropy,
)
from npstack.losses.samples import (
    Samples,
    check_samples,
    counted,
    loss_of,
    select_rows,
    total_weight,
)

__all__ = [
    "Loss",
    "Samples",
    "binary_cross_entropy",
    "check_samples",
    "counted",
    "huber",
    "loss_of",
    "mean_absolute_error",
    "mean_squared_error",
    "select_rows",
    "softmax_cross_entropy",
    "total_weight",
]
