"""Losses: the value and its gradient, together.

Under a mask a loss divides by the number of *valid* steps; each docstring says its normalisation.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from npstack import shapes
from npstack.numerics import Array
from npstack.shapes import ArgumentError, ShapeError, fail


class Loss(NamedTuple):
    """A loss: ``value`` is one number, ``gradient`` has the shape of the predictions."""

    value: Any
    gradient: Array


def mean_squared_error(
    predictions: Array, targets: Array, mask: NDArray[np.bool_] | None = None
) -> Loss:
    """Mean of ``(prediction - target)²`` over valid steps and outputs.

    Parameters
    ----------
    predictions, targets : array (B, T, K) or (B, K)
        Of one shape and dtype.
    mask : bool array (B, T), or (B,) for predictions (B, K), optional
        True where a prediction counts. The sum is divided by the number of valid steps times K;
        what stands elsewhere does not matter and gets a gradient of exactly zero.

    Returns
    -------
    Loss
        ``value``, and ``gradient = 2 (prediction - target) / (valid steps · K)``.

    Raises
    ------
    ShapeError, DtypeError
        Predictions and targets differ.
    ArgumentError
        The mask leaves nothing to average.

    Examples
    --------
    >>> loss = mean_squared_error(np.array([[1.0], [2.0]]), np.array([[0.0], [0.0]]))
    >>> float(loss.value)
    2.5
    >>> loss.gradient
    array([[1.],
           [2.]])
    """
    where = "mean_squared_error"
    predictions = shapes.check_float(where, "predictions", predictions, None, "")
    if predictions.ndim < 2:
        expected, advice = "predictions must be (B, T, K) or (B, K)", "Use [:, np.newaxis]."
        fail(ShapeError, where, expected, predictions.shape, advice)
    targets = shapes.check_float(where, "targets", targets, predictions.dtype, "the predictions")
    if targets.shape != predictions.shape:
        got = f"{targets.shape} for predictions {predictions.shape}"
        advice = "They are never broadcast: (B,) against (B, 1) would compare all with all."
        fail(ShapeError, where, "targets must have the shape of predictions", got, advice)
    if mask is None:
        mask = np.ones(predictions.shape[:-1], dtype=bool)
    mask = shapes.check_bool_mask(where, mask, predictions.shape[:-1])
    count = int(mask.sum()) * predictions.shape[-1]
    if count == 0:
        advice = "Leave rows that are all padding out of the batch."
        fail(ArgumentError, where, "at least one valid step must be left", "none", advice)
    difference = shapes.zero_where_masked(predictions, mask) - shapes.zero_where_masked(
        targets, mask
    )
    # Divided before summed: a float32 scalar over an int is float64 in NumPy 1.26, an array is not.
    return Loss((difference * difference / count).sum(), 2 * difference / count)
