"""Simple methods to compare a classifier of sequences with: nearest neighbour and linear maps.

Sequences come as ``x (B, T, D)`` with ``mask (B, T)``, padded on the right; no mask means that all
have the same length.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from npstack.baselines.forecasting import penalised
from npstack.baselines.given import check_classes, check_penalties, check_reals, check_result
from npstack.core.arguments import check_size
from npstack.core.arrays import check_float
from npstack.core.errors import ArgumentError, ShapeError, describe, fail
from npstack.core.masks import check_finite, check_mask, zero_where_masked
from npstack.core.numerics import Array

Mask = NDArray[np.bool_] | None


class Classified(NamedTuple):
    """Predicted classes of the test rows, and the settings that were chosen."""

    predicted: NDArray[np.int64]
    choice: str


def dtw(x: Array, others: Array, mask: Mask = None, other_mask: Mask = None) -> Array:
    """Dynamic time warping distance from each sequence in ``x`` to each sequence in ``others``.

    The cheapest alignment of both sequences, from their first steps to their last, where each move
    advances one or both of them (Sakoe & Chiba 1978; no window). A step costs the squared
    Euclidean distance over all features ("dependent" warping).

    Parameters
    ----------
    x : float array (B, T, D)
    others : float array (N, S, D)
    mask : bool array (B, T), optional
    other_mask : bool array (N, S), optional

    Returns
    -------
    float array (B, N)

    Examples
    --------
    >>> slow, fast = np.array([[0.0, 0.0, 1.0, 2.0, 2.0]]), np.array([[0.0, 1.0, 2.0]])
    >>> dtw(slow[..., np.newaxis], fast[..., np.newaxis])
    array([[0.]])
    """
    x, lengths = _ragged("dtw", "x", x, mask)
    others = check_float("dtw", "others", others, x.dtype, "x")
    others, other_lengths = _ragged("dtw", "others", others, other_mask)
    if others.shape[2] != x.shape[2]:
        expected = f"others must have D={x.shape[2]} features like x"
        fail(ShapeError, "dtw", expected, others.shape, "Leave out what x does not have.")
    found = np.zeros((len(x), len(others)))
    unreachable = np.full_like(found, np.inf)
    above = [np.zeros_like(found)] + [unreachable] * others.shape[1]  # before the first step: free
    with np.errstate(over="ignore"):
        for t in range(x.shape[1]):
            row = [unreachable]
            for s in range(others.shape[1]):
                difference = x[:, np.newaxis, t] - others[np.newaxis, :, s]
                least = np.minimum(np.minimum(above[s], above[s + 1]), row[s])
                row.append(np.einsum("bnd,bnd->bn", difference, difference) + least)
                ends = np.ix_(lengths == t + 1, other_lengths == s + 1)
                found[ends] = row[-1][ends]
            above = row
    check_result("dtw", found)
    return found


def nearest(distances: Array, labels: Array) -> NDArray[np.int64]:
    """The class of the nearest neighbour; the first one if several are equally near.

    Parameters
    ----------
    distances : float array (B, N)
        Of each row to be classified to each training row.
    labels : int array (N,)

    Examples
    --------
    >>> nearest(np.array([[0.3, 0.1], [0.0, 2.0]]), np.array([7, 9]))
    array([9, 7])
    """
    distances = check_reals("nearest", "distances", distances, "BN")
    labels = check_classes("nearest", labels, distances.shape[1], "the training data")
    found: NDArray[np.int64] = labels[np.argmin(distances, axis=1)]
    return found


def resample(x: Array, mask: Mask = None, steps: int = 8) -> Array:
    """Every sequence at the same number of evenly spaced steps, interpolated linearly.

    Parameters
    ----------
    x : float array (B, T, D)
    mask : bool array (B, T), optional
    steps : int

    Returns
    -------
    float array (B, steps, D)

    Examples
    --------
    >>> resample(np.array([[[0.0], [2.0], [4.0]]]), steps=5).ravel()
    array([0., 1., 2., 3., 4.])
    """
    x, lengths = _ragged("resample", "x", x, mask)
    steps = check_size("resample", "steps", steps)
    places = np.linspace(0.0, 1.0, steps) * (lengths[:, np.newaxis] - 1)
    below = np.minimum(places.astype(int), lengths[:, np.newaxis] - 1)
    above = np.minimum(below + 1, lengths[:, np.newaxis] - 1)
    part = (places - below)[..., np.newaxis]
    rows = np.arange(len(x))[:, np.newaxis]
    return np.asarray((1 - part) * x[rows, below] + part * x[rows, above])


def summaries(x: Array, mask: Mask = None) -> Array:
    """Mean, deviation, minimum, maximum, first and last value of each feature.

    Parameters
    ----------
    x : float array (B, T, D)
    mask : bool array (B, T), optional

    Returns
    -------
    float array (B, 6 D)

    Examples
    --------
    >>> summaries(np.array([[[1.0], [3.0], [0.0]]]), np.array([[True, True, False]]))
    array([[2., 1., 1., 3., 1., 3.]])
    """
    x, lengths = _ragged("summaries", "x", x, mask)
    valid = (np.arange(x.shape[1]) < lengths[:, np.newaxis])[..., np.newaxis]
    count = lengths[:, np.newaxis]
    with np.errstate(over="ignore", invalid="ignore"):
        mean = x.sum(1) / count
        spread = np.where(valid, x - mean[:, np.newaxis], 0.0)
        deviation = np.sqrt((spread * spread).sum(1) / count)
    check_result("summaries", deviation)
    least = np.where(valid, x, np.inf).min(1)
    greatest = np.where(valid, x, -np.inf).max(1)
    last = x[np.arange(len(x)), lengths - 1]
    return np.concatenate([mean, deviation, least, greatest, x[:, 0], last], axis=1)


def ridge_classifier(
    features: Array, labels: Array, test_features: Array, penalties: Array
) -> Classified:
    """A linear map to one output per class, 1 for the right class; the largest output is chosen.

    Features are standardised with the training rows' mean and deviation. The penalty is the one
    with the smallest squared error when every training row is left out once. This needs no second
    fit: the error of a row that is left out is its error in the fit of all rows, divided by 1 minus
    the row's leverage.

    Parameters
    ----------
    features : float array (N, F)
        Of the training rows.
    labels : int array (N,)
    test_features : float array (B, F)
    penalties : float array
        On the squared weights; the intercept has none.

    Returns
    -------
    Classified

    Examples
    --------
    >>> features, labels = np.array([[0.0], [1.0], [4.0], [5.0]]), np.array([0, 0, 1, 1])
    >>> ridge_classifier(features, labels, np.array([[0.5], [9.0]]), np.array([0.1])).predicted
    array([0, 1])
    """
    where = "ridge_classifier"
    features = check_reals(where, "features", features, "NF")
    labels = check_classes(where, labels, len(features), "features")
    like = features, "features"
    test_features = check_reals(where, "test_features", test_features, "BF", like)
    if test_features.shape[1] != features.shape[1]:
        expected = f"test_features must have F={features.shape[1]} columns like features"
        fail(ShapeError, where, expected, test_features.shape, "Measure the same of both.")
    penalties = check_penalties(where, penalties)
    with np.errstate(over="ignore", invalid="ignore"):
        mean, deviation = features.mean(0), features.std(0)
    check_result(where, deviation)
    deviation = np.where(deviation > 0, deviation, 1.0)

    def rows(values: Array) -> Array:
        return np.column_stack([(values - mean) / deviation, np.ones(len(values))])

    classes, targets = np.unique(labels, return_inverse=True)
    A, Y = rows(features), np.eye(len(classes))[targets.ravel()]
    best, least, choice = np.zeros((A.shape[1], Y.shape[1])), np.inf, ""
    for penalty in penalties.tolist():
        G = np.linalg.solve(penalised(A, penalty), A.T)
        W, leverage = G @ Y, (A * G.T).sum(1)
        error = np.mean(((Y - A @ W) / (1 - leverage)[:, np.newaxis]) ** 2)
        if error < least:
            best, least, choice = W, error, f"penalty {penalty:g}"
    return Classified(classes[(rows(test_features) @ best).argmax(1)], choice)


def _ragged(where: str, name: str, x: object, mask: Mask) -> tuple[Array, NDArray[np.int64]]:
    """Sequences with zeros in the padding, and their lengths."""
    x = check_float(where, name, x, None, "")
    if x.ndim != 3 or 0 in x.shape or x.dtype.kind != "f":
        expected, advice = (
            f"{name} must be real numbers (B, T, D)",
            "For a single sequence, use x[np.newaxis].",
        )
        fail(ShapeError, where, expected, describe(x), advice)
    mask = check_mask(where, mask, None, x.shape[:2])
    lengths = mask.sum(1)
    on_the_right = np.arange(x.shape[1]) < lengths[:, np.newaxis]
    if (mask != on_the_right).any() or (lengths == 0).any():
        advice = "Put the padding on the right, and leave rows out that are all padding."
        fail(ArgumentError, where, "sequences must begin at step 0", "a mask with holes", advice)
    check_finite(where, name, x, mask)
    return zero_where_masked(x, mask), lengths
