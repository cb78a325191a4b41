"""Wrong calls of losses: each says what was expected, what came and what to do."""

import re

import numpy as np
import pytest

from npstack import (
    ArgumentError,
    DtypeError,
    ShapeError,
    binary_cross_entropy,
    huber,
    mean_absolute_error,
    mean_squared_error,
    softmax_cross_entropy,
)

pytestmark = pytest.mark.core

P, Y, CLASSES = np.zeros((4, 5, 3)), np.zeros((4, 5, 3)), np.zeros((4, 5), int)
MASK, WEIGHTS = np.ones((4, 5), bool), np.ones((4, 5))


def changed(array, index, value):
    """A copy with one other number."""
    array = np.array(array)
    array[index] = value
    return array


REFUSED = {
    "weights of integers": (
        lambda: mean_squared_error(P, Y, weights=CLASSES),
        (DtypeError, "weights must be float64 like the predictions", "weights.astype"),
    ),
    "weights for each output": (
        lambda: mean_absolute_error(P, Y, weights=np.ones((4, 5, 3))),
        (ShapeError, r"without the last axis, \(4, 5\), got \(4, 5, 3\)"),
    ),
    "weights of classes": (
        lambda: softmax_cross_entropy(P[0], CLASSES[0], weights=np.ones(3)),
        (ShapeError, r"without the last axis, \(5,\), got \(3,\)", "class_weights"),
    ),
    "a weight below zero": (
        lambda: huber(P, Y, weights=changed(WEIGHTS, (2, 1), -0.5)),
        (ArgumentError, r"weights must be finite and at least 0, got -0.5 at index \(2, 1\)"),
    ),
    "a weight that is not a number": (
        lambda: huber(P, Y, MASK, weights=changed(WEIGHTS, (3, 4), np.nan)),
        (ArgumentError, r"weights must be finite and at least 0, got nan at index \(3, 4\)"),
    ),
    "an infinite weight": (
        lambda: huber(P, Y, weights=changed(WEIGHTS, (0, 0), np.inf)),
        (ArgumentError, "weights must be finite", "weight 0"),
    ),
    "weights that are all zero": (
        lambda: binary_cross_entropy(P, Y, weights=0 * WEIGHTS),
        (ArgumentError, "at least one valid step must be left, got none"),
    ),
    "delta of zero": (
        lambda: huber(P, Y, delta=0),
        (ArgumentError, "huber: delta must be above 0", "units of the targets"),
    ),
    "targets that would be broadcast": (
        lambda: mean_absolute_error(P, Y[..., :1]),
        (ShapeError, "targets must have the shape of predictions", "never broadcast"),
    ),
    "targets without the last axis": (
        lambda: binary_cross_entropy(P[..., :1], Y[..., 0]),
        (ShapeError, r"targets must have the shape of logits, got \(4, 5\) for logits \(4, 5, 1"),
    ),
    "labels of integers": (
        lambda: binary_cross_entropy(P, Y.astype(int)),
        (DtypeError, "targets must be float64 like the logits, got int64", "astype"),
    ),
    "labels -1 and 1": (
        lambda: binary_cross_entropy(P, changed(Y, (0, 2, 1), -1)),
        (ArgumentError, r"between 0 and 1, got -1.0 at index \(0, 2, 1\)", r"\(targets \+ 1\) / 2"),
    ),
    "a label above 1": (
        lambda: binary_cross_entropy(P, changed(Y, (0, 0, 0), 2)),
        (ArgumentError, "between 0 and 1, got 2.0", "softmax_cross_entropy"),
    ),
    "a label that is not a number": (
        lambda: binary_cross_entropy(P, changed(Y, (3, 4, 2), np.nan)),
        (ArgumentError, r"between 0 and 1, got nan at index \(3, 4, 2\)"),
    ),
    "classes as floats": (
        lambda: softmax_cross_entropy(P, CLASSES.astype(float)),
        (DtypeError, "targets must be integers, got float64", r"targets.astype\(int\)"),
    ),
    "classes as booleans": (
        lambda: softmax_cross_entropy(P, CLASSES.astype(bool)),
        (DtypeError, "targets must be integers, got bool"),
    ),
    "classes as ones and zeros": (
        lambda: softmax_cross_entropy(P, Y.astype(int)),
        (ShapeError, "without the last axis", r"targets.argmax\(axis=-1\)"),
    ),
    "classes that would be broadcast": (
        lambda: softmax_cross_entropy(P, CLASSES[:, :1]),
        (ShapeError, r"got \(4, 1\) for logits \(4, 5, 3\)"),
    ),
    "a class too many": (
        lambda: softmax_cross_entropy(P, changed(CLASSES, (1, 3), 3)),
        (ArgumentError, r"classes from 0 to 2, got 3 at index \(1, 3\)", "one entry per class"),
    ),
    "a class below zero": (
        lambda: softmax_cross_entropy(P, changed(CLASSES, (0, 0), -1)),
        (ArgumentError, r"classes from 0 to 2, got -1 at index \(0, 0\)", "Padding"),
    ),
    "logits of integers": (
        lambda: softmax_cross_entropy(CLASSES, CLASSES),
        (DtypeError, "logits must be floating point"),
    ),
    "logits of one axis": (
        lambda: softmax_cross_entropy(P[0, 0], CLASSES[0, 0]),
        (ShapeError, r"logits must be \(B, T, K\) or \(B, K\), got \(3,\)"),
    ),
    "several classes too many": (
        lambda: softmax_cross_entropy(P, np.arange(20).reshape(4, 5)),
        (ArgumentError, r"classes from 0 to 2, got 3 at index \(0, 3\)"),
    ),
    "a tape": (
        lambda: softmax_cross_entropy(P, type("Tape", (), {"outputs": P})()),
        (DtypeError, "targets must be an array, got a Tape"),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_calls_say_what_was_expected(name):
    call, (error, *words) = REFUSED[name]
    for word in words:
        with pytest.raises(error, match=word) as raised:
            call()
        # where: what was expected, got what came. What to do.
        assert re.fullmatch(r"[a-z_]+: .+ must .+, got .+\. \S.+[.?]", str(raised.value))
