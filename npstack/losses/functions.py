"""Losses: the value and its gradient, together.

======================  ===============================  =====================================
loss                    of one number                    targets
======================  ===============================  =====================================
mean_squared_error      ``d²``                           numbers; ``d = prediction - target``
mean_absolute_error     ``|d|``                          numbers
huber                   ``d²/2``, or ``δ(|d| - δ/2)``    numbers
binary_cross_entropy    ``-log p(target)``               probabilities from 0 to 1
softmax_cross_entropy   ``-log p(target)``, per step     integers: the number of the class
======================  ===============================  =====================================

Under a mask a loss divides by the number of *valid* steps; each docstring says its normalisation.
With ``weights``, one per step, it is the weighted mean: a step of weight 2 counts like two steps, a
step of weight 0 like a masked step, whatever its values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from npstack.core.arguments import check_positive
from npstack.core.masks import zero_where_masked
from npstack.core.numerics import Array, log_softmax, real, sigmoid, softmax, softplus
from npstack.core.wide import Wide, absolute, clip, sign, squares_are_sound
from npstack.losses.boundary import (
    Mask,
    check_classes,
    check_none,
    check_predictions,
    checked_pair,
    counted_steps,
)

Number = Callable[[Any], Any]  # np.asarray or Wide: the kind of numbers to compute in


class Loss(NamedTuple):
    """A loss: ``value`` is one number, ``gradient`` has the shape of the predictions."""

    value: Any
    gradient: Array


def mean_squared_error(
    predictions: Array, targets: Array, mask: Mask | None = None, *, weights: Array | None = None
) -> Loss:
    """Mean of ``(prediction - target)²`` over valid steps and outputs.

    Parameters
    ----------
    predictions, targets : array (B, T, K) or (B, K)
        Of one shape and dtype.
    mask : bool array (B, T), or (B,) for predictions (B, K), optional
        True where a prediction counts. The sum is divided by the number of valid steps times K;
        other values do not matter and get a gradient of exactly zero.
    weights : array like mask, of the dtype of predictions, optional
        Weight of a step, at least 0: the sum of weight times error is divided by the sum of
        weights over valid steps, times K.

    Returns
    -------
    Loss
        ``value``, and ``gradient = 2 (prediction - target) / (valid steps · K)``; with weights,
        ``2 weight · (prediction - target) / (sum of weights · K)``.

    Raises
    ------
    ShapeError, DtypeError
        Predictions and targets differ.
    ArgumentError
        The mask leaves nothing to average, or a weight is below zero.

    Examples
    --------
    >>> loss = mean_squared_error(np.array([[1.0], [2.0]]), np.array([[0.0], [0.0]]))
    >>> float(loss.value)
    2.5
    >>> loss.gradient
    array([[1.],
           [2.]])
    """
    pair = checked_pair("mean_squared_error", "predictions", predictions, targets, mask, weights)
    return _mean_of_differences(lambda d: (d * d, 2 * d), *pair)


def mean_absolute_error(
    predictions: Array, targets: Array, mask: Mask | None = None, *, weights: Array | None = None
) -> Loss:
    """Mean of ``|prediction - target|`` over valid steps and outputs.

    It is smallest at the median of the targets, the squared error at their mean, so outliers among
    the targets have less influence. Parameters and errors are those of `mean_squared_error`.

    Returns
    -------
    Loss
        ``value``, and ``gradient = sign(prediction - target) / (valid steps · K)``, 0 at the kink.
        With weights, ``weight · sign(…) / (sum of weights · K)``.

    Examples
    --------
    >>> loss = mean_absolute_error(np.array([[1.0], [-3.0]]), np.array([[0.0], [0.0]]))
    >>> float(loss.value), loss.gradient.ravel().tolist()
    (2.0, [0.5, -0.5])
    """
    pair = checked_pair("mean_absolute_error", "predictions", predictions, targets, mask, weights)
    return _mean_of_differences(lambda d: (absolute(d), sign(d)), *pair)


def huber(
    predictions: Array,
    targets: Array,
    mask: Mask | None = None,
    *,
    weights: Array | None = None,
    delta: float = 1.0,
) -> Loss:
    """Huber's loss: half the squared error up to ``delta``, linear beyond (Huber 1964).

    With ``d = prediction - target`` it is the mean over valid steps and outputs of ``d²/2`` where
    ``|d| ≤ delta``, and of ``delta (|d| - delta/2)`` elsewhere; the two meet without a kink.

    Parameters
    ----------
    predictions, targets, mask, weights : as for `mean_squared_error`
    delta : float
        Above 0; the point where the loss changes from squared to linear, in units of the targets.

    Returns
    -------
    Loss
        ``value``, and ``gradient = d / (valid steps · K)`` with ``d`` clipped to ±``delta``. With
        weights, ``weight · d / (sum of weights · K)``.

    Examples
    --------
    >>> loss = huber(np.array([[0.5], [-3.0]]), np.array([[0.0], [0.0]]))
    >>> float(loss.value), loss.gradient.ravel().tolist()
    (1.3125, [0.25, -0.5])
    """
    where = "huber"
    advice = "It is a size of error, in units of the targets."
    delta = check_positive(where, "delta", delta, advice)

    def terms(d: Any) -> tuple[Any, Array]:
        clipped = clip(d, delta)  # ±delta on the linear side: one formula for both sides
        return clipped * (d - clipped / 2), clipped

    pair = checked_pair(where, "predictions", predictions, targets, mask, weights)
    return _mean_of_differences(terms, *pair)


def binary_cross_entropy(
    logits: Array, targets: Array, mask: Mask | None = None, *, weights: Array | None = None
) -> Loss:
    """Mean of ``-log p(target)`` over valid steps and outputs, with ``p = sigmoid(logit)``.

    It takes logits, the output of a `Dense` without activation, and is accurate even if a sigmoid
    rounds to 0 or 1. Each of the K outputs is a separate yes (1) or no (0): labels that do not
    exclude each other.

    Parameters
    ----------
    logits, targets : array (B, T, K) or (B, K)
        Of one shape and dtype; targets from 0 to 1: a label, or a probability ``q``, for which
        the loss is ``-q log p - (1 - q) log(1 - p)``.
    mask, weights : as for `mean_squared_error`

    Returns
    -------
    Loss
        ``value`` in nats, and ``gradient = (p - target) / (valid steps · K)``. With weights,
        ``weight · (p - target) / (sum of weights · K)``.

    Raises
    ------
    ArgumentError
        A target is not between 0 and 1; and what `mean_squared_error` raises.

    Examples
    --------
    >>> loss = binary_cross_entropy(np.array([[0.0], [-40.0]]), np.array([[1.0], [1.0]]))
    >>> round(float(loss.value), 4)  # (log 2 + 40) / 2
    20.3466
    >>> loss.gradient
    array([[-0.25],
           [-0.5 ]])
    """
    where = "binary_cross_entropy"
    logits, targets, mask, count = checked_pair(where, "logits", logits, targets, mask, weights)
    wrong = ~((real(targets) >= 0) & (real(targets) <= 1))
    advice = "Labels -1 and 1? Use (targets + 1) / 2. Classes? Use softmax_cross_entropy."
    check_none(where, wrong, targets, "targets must lie between 0 and 1", advice)
    no = 1 - targets
    # Two terms of one sign each: softplus(logit) - target * logit would cancel in the tails.
    values = targets * softplus(-logits) + no * softplus(logits)
    slopes = no * sigmoid(logits) - targets * sigmoid(-logits)
    values, slopes = (zero_where_masked(part, mask) for part in (values, slopes))
    return _mean(lambda number: (number(values), slopes), count)


def softmax_cross_entropy(
    logits: Array, targets: Array, mask: Mask | None = None, *, weights: Array | None = None
) -> Loss:
    """Mean of ``-log p(target)`` over valid steps, with ``p = softmax(logits)``.

    It takes logits, the output of a `Dense` without activation, not of a softmax. The classes are
    the last axis and exclude each other. The mean is over steps: it is not divided by K.

    Parameters
    ----------
    logits : array (B, T, K) or (B, K)
    targets : integer array (B, T) or (B,), the number of the right class, from 0 to K - 1
    mask, weights : as for `mean_squared_error`

    Returns
    -------
    Loss
        ``value`` in nats (over ``log(2)`` it is in bits), and ``gradient = (p - 1 at the target) /
        valid steps``. With weights, ``weight · (p - 1 at the target) / sum of weights``.

    Raises
    ------
    ShapeError, DtypeError, ArgumentError
        The targets are not classes, one per row and step; and what `mean_squared_error` raises.

    Examples
    --------
    >>> loss = softmax_cross_entropy(np.array([[0.0, 0.0], [0.0, 80.0]]), np.array([0, 1]))
    >>> round(float(loss.value), 4)  # (log 2 + 0) / 2
    0.3466
    >>> loss.gradient[0]
    array([-0.25,  0.25])
    """
    where = "softmax_cross_entropy"
    logits = check_predictions(where, "logits", logits)
    targets = check_classes(where, targets, logits)
    mask, count = counted_steps(where, logits[..., :1], mask, weights)  # one loss per step
    classes = np.where(mask, targets, 0)
    wrong = (classes < 0) | (classes >= logits.shape[-1])
    expected = f"targets must be classes from 0 to {logits.shape[-1] - 1}"
    advice = "The last axis of the logits has one entry per class. Padding? Mask it."
    check_none(where, wrong, targets, expected, advice)
    logits = zero_where_masked(logits, mask)
    right = (np.arange(logits.shape[-1]) == classes[..., np.newaxis]) & mask[..., np.newaxis]

    def terms(number: Number) -> tuple[Any, Array]:
        # The right class gets minus the sum of the others: p - 1 loses digits if p is close to 1.
        others = zero_where_masked(np.where(right, np.zeros_like(logits), softmax(logits)), mask)
        slopes = np.where(right, -others.sum(axis=-1, keepdims=True), others)
        values = 0 - log_softmax(logits)
        if number is Wide:  # from the largest logit down to the right one it may be far
            top = real(logits).argmax(axis=-1, keepdims=True)
            largest, least = (np.take_along_axis(part, top, axis=-1) for part in (logits, values))
            return (number(largest) - logits + least) * right, slopes
        return np.where(right, values, np.zeros_like(values)), slopes

    return _mean(terms, count)


def _mean_of_differences(
    terms: Callable[[Any], tuple[Any, Any]], predictions: Array, targets: Array, _: Mask, count: Any
) -> Loss:
    """The mean of a loss of differences, and its derivatives."""
    return _mean(lambda number: terms(number(predictions) - number(targets)), count)


def _mean(terms: Callable[[Number], tuple[Any, Any]], count: Any) -> Loss:
    """The mean of the values of a loss, and its derivatives.

    ``terms(number)`` gives values and slopes, zero where they do not count, computed in plain
    floats or in wide numbers; these where the plain mean is not sound.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        values, slopes = terms(np.asarray)
        dtype = values.dtype
        # Divided before summed: a float32 scalar over an int is float64 in NumPy 1.26.
        plain = Loss((values / count).sum(), slopes / count)
        if not isinstance(count, Wide):
            perfect = plain.value == 0 and not slopes.any()  # no square has underflowed
            if perfect or squares_are_sound(plain.value / values.size, dtype):
                return plain
    with np.errstate(all="ignore"):
        values, slopes = map(Wide, terms(Wide))
        value, gradient = (values / count).sum(), slopes / count
    return Loss(value.rounded(dtype)[()], gradient.rounded(dtype))
