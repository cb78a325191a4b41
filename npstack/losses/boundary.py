"""Checks of losses: predictions, targets, masks and weights must fit each other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from npstack.core.arrays import as_array, check_float
from npstack.core.errors import ArgumentError, DtypeError, ShapeError, describe, fail
from npstack.core.masks import check_bool_mask, zero_where_masked
from npstack.core.numerics import Array, is_finite, real
from npstack.core.wide import Wide

Mask = NDArray[np.bool_]


def checked_pair(
    where: str, name: str, predictions: object, targets: object, mask: object, weights: object
) -> tuple[Array, Array, Mask, Any]:
    """Predictions and targets of one shape, both zero where they do not count; mask; divisor."""
    predictions = check_predictions(where, name, predictions)
    targets = check_float(where, "targets", targets, predictions.dtype, f"the {name}")
    if targets.shape != predictions.shape:
        got = f"{targets.shape} for {name} {predictions.shape}"
        advice = "They are never broadcast: (B,) against (B, 1) would compare all with all."
        fail(ShapeError, where, f"targets must have the shape of {name}", got, advice)
    mask, count = counted_steps(where, predictions, mask, weights)
    predictions, targets = (zero_where_masked(x, mask) for x in (predictions, targets))
    return predictions, targets, mask, count


def counted_steps(
    where: str, predictions: Array, mask: object, weights: object
) -> tuple[Mask, Any]:
    """The mask of predictions that count, and the divisor of a mean over them.

    Without weights, the number of valid steps times K. With weights, for each step the number of
    predictions if all had the same weight as this one, (…, 1); wide numbers if a float would
    overflow.
    """
    if mask is None:
        mask = np.ones(predictions.shape[:-1], dtype=bool)
    mask = check_bool_mask(where, mask, predictions.shape[:-1])
    if weights is not None:
        weights = check_weights(where, weights, mask, predictions.dtype)
        mask = real(weights) > 0
    count = int(mask.sum()) * predictions.shape[-1]
    if count == 0:
        advice = "Leave rows that are all padding out of the batch."
        fail(ArgumentError, where, "at least one valid step must be left", "none", advice)
    if weights is None:
        return mask, count
    weights_of_some = np.where(mask, weights, np.ones_like(weights))
    with np.errstate(over="ignore", invalid="ignore"):
        total = np.asarray(weights.sum() * predictions.shape[-1], weights.dtype)
        divisor: Any = total / weights_of_some
    if not is_finite(divisor).all():  # weights near the largest number, or nothing beside it
        divisor = Wide(weights).sum() * predictions.shape[-1] / weights_of_some
    return mask, divisor[..., np.newaxis]


def check_predictions(where: str, name: str, predictions: object) -> Array:
    """Floating-point predictions, or logits, with an axis for the outputs."""
    predictions = check_float(where, name, predictions, None, "")
    if predictions.ndim < 2:
        expected, advice = f"{name} must be (B, T, K) or (B, K)", "Use [:, np.newaxis]."
        fail(ShapeError, where, expected, predictions.shape, advice)
    return predictions


def check_weights(where: str, weights: object, mask: Mask, dtype: np.dtype[Any]) -> Array:
    """Weights at least 0, one per step; zero where masked."""
    weights = check_float(where, "weights", weights, dtype, "the predictions")
    if weights.shape != mask.shape:
        expected = f"weights must have the shape of predictions without the last axis, {mask.shape}"
        advice = "Weights of classes? Use class_weights[targets]."
        fail(ShapeError, where, expected, weights.shape, advice)
    weights = zero_where_masked(weights, mask)
    wrong = ~is_finite(weights) | (real(weights) < 0)
    advice = "A step that should not count has weight 0."
    check_none(where, wrong, weights, "weights must be finite and at least 0", advice)
    return weights


def check_classes(where: str, targets: object, logits: Array) -> Array:
    """Integers, one per row, or per row and step, of the logits."""
    targets = as_array(where, "targets", targets)
    if targets.dtype.kind not in "iu":
        advice = "It needs the number of the class. Use targets.astype(int)."
        fail(DtypeError, where, "targets must be integers", describe(targets), advice)
    if targets.shape != logits.shape[:-1]:
        got = f"{targets.shape} for logits {logits.shape}"
        advice = "Ones and zeros for each class? Use targets.argmax(axis=-1)."
        expected = "targets must have the shape of logits without the last axis, the classes"
        fail(ShapeError, where, expected, got, advice)
    return targets


def check_none(where: str, wrong: Mask, values: Array, expected: str, advice: str) -> None:
    """Raise for the first value that is wrong, if there is one."""
    if wrong.any():
        place = tuple(map(int, np.argwhere(wrong)[0]))
        fail(ArgumentError, where, expected, f"{values[place]} at index {place}", advice)
