"""Metrics and baselines against their definitions, written out one by one."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npstack import ArgumentError, DtypeError, NonFiniteError, ShapeError
from npstack.baselines import dtw, nearest, resample, ridge_classifier, summaries
from npstack.training.metrics import accuracy, confusion_matrix, error_rate, mae, rmse

RNG = np.random.default_rng(0)


@given(st.integers(1, 6), st.integers(1, 30), st.integers(0, 10**6))
def test_the_confusion_matrix_counts_pairs_and_its_diagonal_is_what_is_right(K, n, seed):
    rng = np.random.default_rng(seed)
    predicted, labels = rng.integers(0, K, (2, n))
    counts = confusion_matrix(predicted, labels, K)
    for true, said in itertools.product(range(K), repeat=2):
        pairs = zip(labels, predicted, strict=True)
        assert counts[true, said] == sum(pair == (true, said) for pair in pairs)
    assert accuracy(predicted, labels) == pytest.approx(np.trace(counts) / n)
    assert accuracy(predicted, labels) + error_rate(predicted, labels) == pytest.approx(1)


@pytest.mark.parametrize("shape", [(8,), (4, 5)])
def test_only_what_the_mask_leaves_counts(shape):
    labels = RNG.integers(0, 3, shape)
    predicted = RNG.integers(0, 3, shape)
    mask = RNG.random(shape) < 0.6
    wild = np.where(mask, predicted, 10**9)  # a class that does not exist
    assert accuracy(wild, labels, mask) == accuracy(predicted[mask], labels[mask])
    assert error_rate(wild, labels, mask) == error_rate(predicted[mask], labels[mask])
    alone = confusion_matrix(predicted[mask], labels[mask], 3)
    np.testing.assert_array_equal(confusion_matrix(wild, labels, 3, mask), alone)
    targets = RNG.standard_normal((*shape, 2))
    predictions = RNG.standard_normal((*shape, 2))
    lost = np.where(mask[..., np.newaxis], predictions, np.nan)
    for metric in (rmse, mae):
        alone = metric(predictions[mask], targets[mask])
        np.testing.assert_array_equal(metric(lost, targets, mask), alone)


def test_errors_are_those_of_each_output_in_its_own_unit():
    predictions, targets = RNG.standard_normal((2, 6, 4, 3)) * [1, 100, 0.01]
    for k in range(3):
        differences = [float(d) for d in (predictions - targets)[..., k].ravel()]
        root = (sum(d * d for d in differences) / len(differences)) ** 0.5
        assert rmse(predictions, targets)[k] == pytest.approx(root)
        mean = sum(map(abs, differences)) / len(differences)
        assert mae(predictions, targets)[k] == pytest.approx(mean)
    single = rmse(predictions.astype(np.float32), targets.astype(np.float32))
    assert single.dtype == np.float32


WRONG = {
    "logits": (lambda: accuracy(np.ones((3, 2)), np.zeros(3, int)), DtypeError, "argmax"),
    "one class per row": (
        lambda: accuracy(np.zeros((3, 2), int), np.zeros(3, int)),
        ShapeError,
        "(3, 2) for labels (3,)",
    ),
    "labels as text": (
        lambda: error_rate(np.zeros(2, int), np.array(["a", "b"])),
        DtypeError,
        "labels must be an array of numbers",
    ),
    "all masked": (
        lambda: accuracy(np.zeros(2, int), np.zeros(2, int), np.zeros(2, bool)),
        ArgumentError,
        "at least one row or step must count",
    ),
    "mask of numbers": (
        lambda: accuracy(np.zeros(2, int), np.zeros(2, int), np.ones(2)),
        DtypeError,
        "mask must be boolean",
    ),
    "class beyond": (
        lambda: confusion_matrix(np.array([0, 3]), np.array([0, 1]), 3),
        ArgumentError,
        "predicted must hold numbers from 0 to K-1 = 2, got 3",
    ),
    "class below": (
        lambda: confusion_matrix(np.array([0, 1]), np.array([0, -1]), 3),
        ArgumentError,
        "labels must hold numbers from 0 to K-1 = 2, got -1",
    ),
    "no class": (
        lambda: confusion_matrix(np.array([0]), np.array([0]), 0),
        ArgumentError,
        "classes must be a whole number of at least 1",
    ),
    "(B,) against (B, 1)": (
        lambda: rmse(np.zeros(3), np.zeros((3, 1))),
        ShapeError,
        "never broadcast",
    ),
    "two dtypes": (
        lambda: mae(np.zeros((3, 1)), np.zeros((3, 1), np.float32)),
        DtypeError,
        "targets must be float64",
    ),
    "a prediction that is lost": (
        lambda: rmse(np.array([[1.0], [np.nan]]), np.zeros((2, 1))),
        NonFiniteError,
        "predictions must be finite",
    ),
    "padding in front": (
        lambda: dtw(np.ones((1, 2, 1)), np.ones((1, 2, 1)), np.array([[False, True]])),
        ArgumentError,
        "sequences must begin at step 0",
    ),
    "a row that is all padding": (
        lambda: summaries(np.ones((1, 2, 1)), np.array([[False, False]])),
        ArgumentError,
        "sequences must begin at step 0",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_calls_are_answered_in_words(case):
    call, error, words = WRONG[case]
    with pytest.raises(error, match=re.escape(words)):
        call()


# ---- baselines for a classifier ------------------------------------------------------------------


def ragged(lengths, D=2):
    """Sequences padded with what must not matter, their mask, and the sequences one by one."""
    alone = [RNG.standard_normal((length, D)) for length in lengths]
    x = np.full((len(lengths), max(lengths), D), np.nan)
    for row, sequence in zip(x, alone, strict=True):
        row[: len(sequence)] = sequence
    return x, np.arange(max(lengths)) < np.array(lengths)[:, np.newaxis], alone


def cheapest_walk(a, b):
    """All walks through two sequences, by recursion."""
    here = float(((a[-1] - b[-1]) ** 2).sum())
    before = [(a[:-1], b), (a, b[:-1]), (a[:-1], b[:-1])]
    earlier = [cheapest_walk(*pair) for pair in before if len(pair[0]) and len(pair[1])]
    return here + min(earlier, default=0.0)


def test_dynamic_time_warping_is_the_cheapest_of_all_walks():
    x, mask, alone = ragged([4, 1, 5, 3])
    others, other_mask, other_alone = ragged([2, 6, 4])
    found = dtw(x, others, mask, other_mask)
    for i, j in np.ndindex(found.shape):
        assert found[i, j] == pytest.approx(cheapest_walk(alone[i], other_alone[j]))
    np.testing.assert_allclose(found.T, dtw(others, x, other_mask, mask))
    stretched = np.repeat(x[2:3], [1, 3, 2, 1, 4], axis=1)
    assert dtw(stretched, x, None, mask)[0, 2] == 0
    assert nearest(dtw(stretched, x, None, mask), np.array([5, 6, 7, 8])).tolist() == [7]


def test_what_is_resampled_keeps_ends_and_lines():
    x, mask, alone = ragged([5, 1, 3])
    found = resample(x, mask, 5)
    np.testing.assert_array_equal(found[0], alone[0])
    np.testing.assert_array_equal(found[1], np.repeat(alone[1], 5, axis=0))
    np.testing.assert_allclose(found[2, ::2], alone[2])
    np.testing.assert_allclose(found[2, 1], alone[2][:2].mean(0))


def test_summaries_are_those_of_each_sequence_alone():
    x, mask, alone = ragged([5, 1, 3])
    for row, s in zip(summaries(x, mask), alone, strict=True):
        wanted = np.concatenate([s.mean(0), s.std(0), s.min(0), s.max(0), s[0], s[-1]])
        np.testing.assert_allclose(row, wanted, atol=1e-15)


def test_leaving_rows_out_by_leverage_is_leaving_them_out():
    features, labels = RNG.standard_normal((12, 3)), np.arange(12) % 3
    standard = (features - features.mean(0)) / features.std(0)
    A, Y = np.column_stack([standard, np.ones(12)]), np.eye(3)[labels]
    penalties = np.array([1e-3, 3.0, 1e4])
    errors = []
    for penalty in penalties:
        weigh = penalty * np.diag([1.0, 1.0, 1.0, 0.0])
        left_out = 0.0
        for row in range(12):
            rest = np.arange(12) != row
            W = np.linalg.solve(A[rest].T @ A[rest] + weigh, A[rest].T @ Y[rest])
            left_out += ((Y[row] - A[row] @ W) ** 2).sum()
        errors.append(left_out)
    best = penalties[np.argmin(errors)]
    found = ridge_classifier(features, labels, features[:5], penalties)
    assert found.choice == f"penalty {best:g}"
    W = np.linalg.solve(A.T @ A + best * np.diag([1.0, 1.0, 1.0, 0.0]), A.T @ Y)
    np.testing.assert_array_equal(found.predicted, (A[:5] @ W).argmax(1))


def test_a_feature_that_never_changes_does_no_harm():
    features = np.column_stack([[0.0, 1.0, 4.0, 5.0], np.full(4, 7.0)])
    found = ridge_classifier(features, np.array([0, 0, 1, 1]), features, np.array([0.1]))
    assert found.predicted.tolist() == [0, 0, 1, 1]
