"""Baselines refuse what they cannot compare: no numbers, rows that do not fit, what lies ahead."""

import numpy as np
import pytest

from npstack import NpstackError
from npstack.baselines import (
    Split,
    best_lag,
    dtw,
    lagged,
    nearest,
    resample,
    ridge,
    ridge_classifier,
    summaries,
)
from npstack.core.errors import LeakageError

Z, SPLIT = np.arange(20.0), Split(2, 10, 15)
X, F, Y, P = np.ones((3, 4, 2)), np.eye(4), np.array([0, 1, 0, 1]), np.array([1.0])
HOLE = X.copy()
HOLE[1, 2, 0] = np.nan

REFUSED = {
    "a lag that looks ahead": (lambda: lagged(Z, 1, SPLIT), "lag must be at least ahead=2, got 1"),
    "lags that look ahead": (lambda: best_lag(Z, SPLIT, range(1, 4)), "at least ahead=2"),
    "a lag before the beginning": (lambda: lagged(Z, 16, SPLIT), "at most valid=15"),
    "a lag longer than the training": (lambda: best_lag(Z, SPLIT, [2, 10]), "below train=10"),
    "no lags": (lambda: best_lag(Z, SPLIT, []), "lags must be whole numbers, at least one"),
    "half a lag": (lambda: best_lag(Z, SPLIT, [2.5]), "lags must be whole numbers"),
    "parts out of order": (lambda: lagged(Z, 2, Split(2, 15, 10)), "train <= valid <= 20"),
    "parts beyond the series": (lambda: ridge(Z, 3, Split(2, 15, 25), P), "train <= valid <= 20"),
    "parts that are numbers": (lambda: lagged(Z, 2, (2, 10, 15)), "split must be a Split"),
    "nothing to fit": (lambda: ridge(Z, 9, SPLIT, P), "training must have targets from month 10"),
    "nothing to choose by": (lambda: ridge(Z, 3, Split(2, 10, 10), P), "validation some, too"),
    "a series with a hole": (
        lambda: lagged(np.where(Z == 3, np.nan, Z), 2, SPLIT),
        "z must be fin",
    ),
    "a series of tables": (lambda: lagged(Z[:, np.newaxis], 2, SPLIT), r"z must be \(N,\)"),
    "no penalty": (lambda: ridge(Z, 3, SPLIT, np.array([0.0, 1.0])), "penalties must be above 0"),
    "no penalties": (lambda: ridge_classifier(F, Y, F, np.zeros(0)), r"penalties must be \(P,\)"),
    "labels that are numbers": (lambda: ridge_classifier(F, Y * 1.0, F, P), "integers"),
    "a label too few": (lambda: ridge_classifier(F, Y[:3], F, P), r"labels must be \(4,\)"),
    "other features": (lambda: ridge_classifier(F, Y, F[:, :3], P), "F=4 columns like features"),
    "another precision": (lambda: ridge_classifier(F, Y, F.astype("f"), P), "like features"),
    "labels for others": (lambda: nearest(np.ones((2, 3)), Y), r"labels must be \(3,\)"),
    "distances that are none": (lambda: nearest(np.full((2, 4), np.nan), Y), "must be finite"),
    "other dimensions": (lambda: dtw(X, X[..., :1]), "others must have D=2 features like x"),
    "a hole in a sequence": (lambda: summaries(HOLE), r"time step 2 \(row 1\)"),
    "a hole in the others": (lambda: dtw(X, HOLE), "others must be finite"),
    "complex sequences": (lambda: summaries(X * 1j), "x must be real numbers"),
    "no steps": (lambda: resample(X, None, 0), "steps must be a whole number"),
    "numbers too large to be squared": (
        lambda: dtw(X * 1e200, -X * 1e200),
        "squares of the numbers",
    ),
    "spreads too large": (lambda: summaries(np.cumsum(X * 1e200, 1)), "squares of the numbers"),
    "features too large": (lambda: ridge_classifier(F * 1e200, Y, F, P), "squares of the numbers"),
    "a series too large": (lambda: ridge(Z * 1e200, 3, SPLIT, P), "squares of the numbers"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_in_words(name):
    call, words = REFUSED[name]
    with pytest.raises(NpstackError, match=words):
        call()


def test_what_looks_ahead_is_leakage():
    with pytest.raises(LeakageError):
        lagged(Z, 1, SPLIT)


def test_classes_may_have_any_numbers():
    found = ridge_classifier(F, np.array([7, 10**12, 7, 10**12]), F, P)
    assert found.predicted.tolist() == [7, 10**12, 7, 10**12]


def test_what_is_masked_may_be_anything():
    mask = np.arange(4) < np.array([[4], [2], [4]])
    np.testing.assert_array_equal(summaries(HOLE, mask), summaries(X, mask))
    np.testing.assert_array_equal(dtw(HOLE, HOLE, mask, mask), dtw(X, X, mask, mask))
