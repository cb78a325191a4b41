"""What comes out of the data room is its own: a change of what was given changes nothing in it."""

import numpy as np
import pytest

from npstack import ArgumentError, Samples
from npstack.baselines import (
    NGram,
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
from npstack.data import (
    Standardiser,
    TimeSplit,
    by_length,
    pad,
    split_by_row,
    split_by_time,
    trim,
    unpad,
    windows,
)
from npstack.text import one_hot, streams

SERIES, SPLIT = np.random.default_rng(0).standard_normal((60, 2)), Split(2, 30, 45)
Z = SERIES[:, 0].copy()
MASK = np.arange(5) < np.array([[5], [2], [3]])
X = SERIES[:15].reshape(3, 5, 2).copy()
IDS = np.arange(40) % 7

# What is called, and the arrays that it is given.
CALLS = {
    "windows": (lambda v, m: windows(v, 5, mask=m), SERIES, np.arange(60) != 7),
    "windows, all observed": (lambda v: windows(v, 5), SERIES),
    "windows, scaled": (lambda v: windows(v, 5, scaler=Standardiser.fit(v)), SERIES),
    "windows of one column": (lambda v: windows(v, 5, ahead=[1, 2]), Z),
    "unscale": (lambda v, p: windows(v, 5).unscale(p), Z, np.ones((4, 1))),
    "divide": (lambda v: split_by_time(60).divide(windows(v, 5)), SERIES),
    "pad": (lambda a, b: pad([a, b]), X[0], X[1, :2]),
    "pad one": (lambda a: pad([a]), X[0]),
    "pad an array": (lambda a: pad(a), X),
    "unpad": (lambda x, m: unpad(x, m), X, MASK),
    "unpad, no padding": (lambda x: unpad(x, np.ones((3, 5), bool)), X),
    "streams": (lambda ids: streams(ids, 3), IDS),
    "one_hot": (lambda ids: one_hot(ids, 7), IDS),
    "split_by_row": (
        lambda labels: split_by_row(40, rng=np.random.default_rng(0), labels=labels),
        IDS,
    ),
    "lagged": (lambda z: lagged(z, 3, SPLIT), Z),
    "best_lag": (lambda z: best_lag(z, SPLIT, range(2, 9)), Z),
    "ridge": (lambda z, p: ridge(z, 5, SPLIT, p), Z, np.array([0.5, 2.0])),
    "resample": (lambda x, m: resample(x, m, 5), X, MASK),
    "summaries": (lambda x, m: summaries(x, m), X, MASK),
    "dtw": (lambda x, m: dtw(x, x, m, m), X, MASK),
    "nearest": (lambda d, y: nearest(d, y), np.ones((2, 40)), IDS),
    "ridge_classifier": (
        lambda f, y: ridge_classifier(f, y, f, np.array([1.0])),
        SERIES[:40],
        IDS,
    ),
    "NGram": (lambda ids: NGram(ids, 2, 7).orders, IDS),
}


def arrays_of(value):
    """Every array in a result."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, tuple | list):
        return [array for part in value for array in arrays_of(part)]
    return [array for part in getattr(value, "__dict__", {}).values() for array in arrays_of(part)]


@pytest.mark.parametrize("name", CALLS)
def test_a_result_shares_no_memory_with_what_was_given(name):
    call, *given = CALLS[name]
    given = [array.copy() for array in given]
    kept = [array.copy() for array in given]
    found = call(*given)
    assert arrays_of(found)
    for array in arrays_of(found):
        assert not any(np.shares_memory(array, own) for own in given)
    for array, before in zip(given, kept, strict=True):
        np.testing.assert_array_equal(array, before)


def test_the_series_of_windows_cannot_be_written_to():
    found = windows(Z, 5)
    for own in (found.values, found.observed, found.rows([1, 2]).values):
        with pytest.raises(ValueError, match="read-only"):
            own[0] = 0


def test_what_shares_its_memory_cannot_be_written_to():
    ids = streams(IDS, 3)
    short = trim(Samples(X, np.zeros(3, int), MASK).rows([1, 2]), False)
    for own in (ids.x, ids.y, short.x, short.mask):
        with pytest.raises(ValueError, match="read-only"):
            own[0] = 0


def test_batches_by_length_are_those_of_the_lengths_when_they_were_given():
    lengths = np.array([9, 2, 9, 2])
    batches = by_length(lengths, 2)
    lengths[:] = 1
    found = [sorted(batch.tolist()) for batch in batches(np.random.default_rng(0))]
    assert sorted(found) == [[0, 2], [1, 3]]


# ---- what is checked is what is used -------------------------------------------------------------


def test_small_integers_are_numbers_like_any_other():
    for kinds in ((np.int16, np.int8), (np.uint16, np.uint8), (np.int64, np.int16), (int, np.int8)):
        count, size = kinds[0](300), kinds[1](100)
        split = split_by_time(count, train=size, validation=size, gap=kinds[1](20))
        assert split == split_by_time(300, train=100, validation=100, gap=20)
        assert split.test == range(240, 300)
        rows = split_by_row(count, rng=np.random.default_rng(0), train=size, validation=size)
        assert [len(part) for part in rows] == [100, 100, 100]
        assert len(np.unique(np.concatenate(rows))) == 300
        series = np.arange(300.0)
        small = windows(series, size, stride=size, ahead=size, every_step=True, warm_up=size // 2)
        whole = windows(series, 100, stride=100, ahead=100, every_step=True, warm_up=50)
        np.testing.assert_array_equal(small.samples.y, whole.samples.y)
        np.testing.assert_array_equal(small.counted(), whole.counted())


@pytest.mark.parametrize(
    "split",
    [
        TimeSplit(range(40), range(30, 45), range(45, 60)),
        TimeSplit(range(30), range(30, 50), range(40, 60)),
        TimeSplit(range(30, 60), range(15, 30), range(15)),
        TimeSplit(range(0, 30, 2), range(30, 45), range(45, 60)),
        TimeSplit(30, 15, 15),
        TimeSplit([0, 1], [2], [3]),
    ],
)
def test_parts_of_ones_own_that_overlap_or_are_no_ranges_are_refused(split):
    with pytest.raises(ArgumentError, match=r"must be a range of steps, from \d+ on"):
        split.divide(windows(Z, 5))


def test_parts_of_ones_own_may_have_gaps_and_be_empty():
    parts = TimeSplit(range(5, 30), range(0), range(40, 60)).divide(windows(Z, 5))
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (20, 0, 20)
