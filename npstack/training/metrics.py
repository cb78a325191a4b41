"""Measures of predictions for reports: fractions of correct classes, errors in units.

Losses are for training and have gradients; metrics are for reports and have none. With a mask only
valid steps count; other values, even NaN, do not matter.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from npstack.core.arguments import check_size
from npstack.core.arrays import as_array, check_float
from npstack.core.errors import ArgumentError, DtypeError, ShapeError, describe, fail
from npstack.core.masks import check_bool_mask, check_finite
from npstack.core.numerics import Array, sqrt
from npstack.core.wide import Wide, careful, squares_are_sound

Mask = NDArray[np.bool_] | None


def accuracy(predicted: Array, labels: Array, mask: Mask = None) -> float:
    """Fraction of correct classes.

    Parameters
    ----------
    predicted, labels : int array (B,) or (B, T)
        Numbers of classes. From logits: ``tape.outputs.argmax(-1)``.
    mask : bool array of the same shape, optional
        True where a label counts.

    Returns
    -------
    float
        From 0 to 1, over all steps that count: long sequences have more weight.

    Raises
    ------
    ShapeError, DtypeError
        Not class numbers of one shape.
    ArgumentError
        Nothing counts.

    Examples
    --------
    >>> accuracy(np.array([2, 0, 1, 1]), np.array([2, 0, 1, 0]))
    0.75
    """
    predicted, labels = _classes("accuracy", predicted, labels, mask)
    return float(np.mean(predicted == labels))


def error_rate(predicted: Array, labels: Array, mask: Mask = None) -> float:
    """Fraction of wrong classes; arguments and errors as in `accuracy`.

    Examples
    --------
    >>> error_rate(np.array([[2, 0], [1, 1]]), np.array([[2, 0], [1, 0]]))
    0.25
    """
    predicted, labels = _classes("error_rate", predicted, labels, mask)
    return float(np.mean(predicted != labels))


def confusion_matrix(
    predicted: Array, labels: Array, classes: int, mask: Mask = None
) -> NDArray[np.int64]:
    """Confusion matrix: how often each class was predicted for each class.

    Parameters
    ----------
    predicted, labels : int array (B,) or (B, T)
        Numbers of classes, from 0 to K - 1.
    classes : int
        K.
    mask : bool array of the same shape, optional
        True where a label counts.

    Returns
    -------
    int array (K, K)
        Row: the true class; column: the predicted class. The diagonal is correct.

    Raises
    ------
    ShapeError, DtypeError, ArgumentError
        As in `accuracy`; a class is not below K.

    Examples
    --------
    >>> confusion_matrix(np.array([0, 1, 1]), np.array([0, 1, 0]), 2)
    array([[1, 1],
           [0, 1]])
    """
    where = "confusion_matrix"
    K = check_size(where, "classes", classes)
    predicted, labels = _classes(where, predicted, labels, mask)
    for name, numbers in (("predicted", predicted), ("labels", labels)):
        wrong = numbers[(numbers < 0) | (numbers >= K)]
        if wrong.size:
            expected = f"{name} must hold numbers from 0 to K-1 = {K - 1}"
            fail(ArgumentError, where, expected, int(wrong[0]), "Is classes= large enough?")
    found = np.zeros((K, K), dtype=np.int64)
    np.add.at(found, (labels, predicted), 1)
    return found


def rmse(predictions: Array, targets: Array, mask: Mask = None) -> Array:
    """Root of the mean squared error of each output, in the unit of the targets.

    Parameters
    ----------
    predictions, targets : float array (B, K) or (B, T, K)
        Of one shape. For an error in the units of the data, undo the scaling first.
    mask : bool array (B,) or (B, T), optional
        True where a prediction counts.

    Returns
    -------
    float array (K,)
        One for each output, such as each horizon of a forecast; infinity if it exceeds the largest
        float.

    Raises
    ------
    ShapeError, DtypeError
        Predictions and targets do not fit each other.
    ArgumentError
        Nothing counts.

    Examples
    --------
    >>> rmse(np.array([[3.0, 0.0], [4.0, 1.0]]), np.array([[0.0, 0.0], [0.0, 0.0]])).round(3)
    array([3.536, 0.707])
    """
    left, right, dtype = _columns("rmse", predictions, targets, mask)
    with np.errstate(over="ignore", invalid="ignore"):
        differences = left - right
        squares = (differences * differences).mean(-1)
        plain, sound = sqrt(squares), squares_are_sound(squares, squares.dtype)
        sound |= (differences == 0).all(-1)  # all predictions are right: no square has underflowed

    def root() -> Wide:
        differences: Wide = Wide(left) - right
        square: Wide = (differences * differences).sum(-1) / left.shape[-1]
        return square.sqrt()

    return careful(plain, sound, root).astype(dtype)


def mae(predictions: Array, targets: Array, mask: Mask = None) -> Array:
    """Mean absolute error of each output; arguments, result and errors as in `rmse`.

    Examples
    --------
    >>> mae(np.array([[3.0, 0.0], [4.0, 1.0]]), np.array([[0.0, 0.0], [0.0, 0.0]]))
    array([3.5, 0.5])
    """
    left, right, dtype = _columns("mae", predictions, targets, mask)
    with np.errstate(over="ignore"):
        found = abs(left - right).mean(-1)
    sound = found.dtype == object or np.isfinite(found)
    size = careful(found, sound, lambda: (abs(Wide(left) - right) / left.shape[-1]).sum(-1))
    return size.astype(np.empty(0, dtype).real.dtype)


def _classes(where: str, predicted: Array, labels: Array, mask: Mask) -> tuple[Array, Array]:
    """The class numbers that count, in one row."""
    predicted = as_array(where, "predicted", predicted)
    labels = as_array(where, "labels", labels)
    for name, numbers in (("predicted", predicted), ("labels", labels)):
        if numbers.dtype.kind not in "iu":
            advice = "From logits or probabilities: predictions.argmax(-1)."
            expected = f"{name} must be integers, numbers of classes"
            fail(DtypeError, where, expected, describe(numbers), advice)
    if predicted.shape != labels.shape or labels.ndim == 0:
        got = f"{predicted.shape} for labels {labels.shape}"
        advice = "From logits: predictions.argmax(-1), then one class per row or step."
        fail(ShapeError, where, "predicted must have the shape of labels", got, advice)
    chosen = _counting(where, mask, labels.shape)
    return predicted[chosen], labels[chosen]


def _columns(
    where: str, predictions: Array, targets: Array, mask: Mask
) -> tuple[Array, Array, np.dtype[Any]]:
    """The predictions and targets that count, a row for each output, (K, n); and their dtype.

    A row is summed pair by pair, from float32 in float64: a million steps cost no digits.
    """
    predictions = check_float(where, "predictions", predictions, None, "")
    targets = check_float(where, "targets", targets, predictions.dtype, "the predictions")
    if targets.shape != predictions.shape or targets.ndim < 2:
        got = f"{predictions.shape} and {targets.shape}"
        advice = "For a single output, use [:, np.newaxis] on both. They are never broadcast."
        expected = "predictions and targets must have one shape, (B, K) or (B, T, K)"
        fail(ShapeError, where, expected, got, advice)
    chosen = _counting(where, mask, targets.shape[:-1])
    rows = []
    for name, values in (("predictions", predictions), ("targets", targets)):
        check_finite(where, name, values, chosen)
        wide = np.result_type(values.dtype, np.float64)
        rows.append(np.ascontiguousarray(values[chosen].T, wide))
    return rows[0], rows[1], predictions.dtype


def _counting(where: str, mask: Mask, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """The mask of what counts; True everywhere without a mask."""
    chosen = np.ones(shape, bool) if mask is None else check_bool_mask(where, mask, shape)
    if not chosen.any():
        fail(ArgumentError, where, "at least one row or step must count", "none")
    return chosen
