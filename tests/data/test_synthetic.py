"""The classic tasks against their definitions, read off row by row, and their baselines."""

import math
from collections import Counter

import numpy as np
import pytest

from npstack import ArgumentError, DtypeError, mean_squared_error
from npstack.data import adding, adding_1997, copying, delayed_recall, temporal_order
from npstack.losses import softmax_cross_entropy


def rng(seed=0):
    return np.random.default_rng(seed)


def symbols_of(x, valid):
    """Numbers of symbols, after a look at the encoding: one 1, all else 0."""
    assert (np.sort(x[valid], -1)[:, :-1] == 0).all()
    assert (x[valid].max(-1) == 1).all()
    return x.argmax(-1)


def everything(shape):
    return np.ones(shape, bool)


@pytest.mark.parametrize("length", [2, 3, 10, 51])
def test_adding(length):
    samples, baseline = adding(rng(), 2000, length)
    seen = Counter()
    for row, target in zip(samples.x, samples.y, strict=True):
        marked = [t for t in range(length) if row[t, 1] == 1]
        assert len(marked) == 2
        assert all(row[t, 1] == 0 for t in range(length) if t not in marked)
        assert marked[0] < length // 2 <= marked[1]
        assert target == pytest.approx(row[marked[0], 0] + row[marked[1], 0], abs=1e-15)
        seen.update(marked)
    assert set(seen) == set(range(length)), "every step is marked in some row"
    assert 0 <= samples.x[..., 0].min() < samples.x[..., 0].max() < 1
    assert baseline == pytest.approx(0.166667, abs=1e-6)
    constant = np.ones_like(samples.y)
    assert mean_squared_error(constant, samples.y).value == pytest.approx(baseline, abs=0.02)


@pytest.mark.parametrize("length", [20, 100])
def test_adding_as_in_1997(length):
    samples, baseline = adding_1997(rng(), 4000, length)
    lengths, firsts, zeros = Counter(), Counter(), 0
    for row, target, mask in zip(samples.x, samples.y, samples.mask, strict=True):
        T = int(mask.sum())
        lengths[T] += 1
        assert mask[:T].all()
        assert not row[T:].any()
        assert row[0, 1] == row[T - 1, 1] == -1
        marked = [t for t in range(T) if row[t, 1] == 1]
        assert all(row[t, 1] == 0 for t in range(1, T - 1) if t not in marked)
        assert len(marked) in (1, 2)
        zeros += len(marked) == 1
        assert len(marked) == 1 or marked[0] < 10, "one of the first ten"
        assert marked[-1] <= length // 2 - 1, "of the first T/2 - 1 that are unmarked"
        firsts.update(marked)
        assert target == pytest.approx(0.5 + sum(row[t, 0] for t in marked) / 4, abs=1e-15)
    assert set(lengths) == set(range(length, length + length // 10 + 1))
    assert set(firsts) == set(range(1, length // 2))
    pool = length // 2 - 1
    assert zeros / 4000 == pytest.approx(0.1 + 0.9 / pool, abs=0.02)
    assert -1 <= samples.x[..., 0].min() < -0.99
    constant = np.full_like(samples.y, 0.5)
    assert mean_squared_error(constant, samples.y).value == pytest.approx(baseline, abs=0.002)


@pytest.mark.parametrize("length", [20, 50, 100])
@pytest.mark.parametrize(
    ("relevant", "bounds"), [(2, [(10, 20), (50, 60)]), (3, [(10, 20), (33, 43), (66, 76)])]
)
def test_temporal_order(length, relevant, bounds):
    samples, baseline = temporal_order(rng(), 2000, length, relevant)
    symbols = symbols_of(samples.x, samples.mask)
    assert not samples.x[~samples.mask].any()
    names, lengths, found = "EBabcdXY", Counter(), [Counter() for _ in bounds]
    for row, mask, y in zip(symbols, samples.mask, samples.y, strict=True):
        T = int(mask.sum())
        word = "".join(names[k] for k in row[:T])
        lengths[T] += 1
        assert (word[0], word[-1]) == ("E", "B")
        assert not set(word[1:-1]) & set("EB")
        places = [t for t, letter in enumerate(word) if letter in "XY"]
        assert len(places) == relevant
        for t, (low, high), seen in zip(places, bounds, found, strict=True):
            assert low * length // 100 <= t <= high * length // 100
            seen[t] += 1
        letters = [word[t] for t in places]
        order = [[a, b, c] for a in "XY" for b in "XY" for c in "XY"]
        order = order if relevant == 3 else [["X", "X"], ["X", "Y"], ["Y", "X"], ["Y", "Y"]]
        assert order[y] == letters
    assert set(lengths) == set(range(length, length + length // 10 + 1))
    for (low, high), seen in zip(bounds, found, strict=True):
        assert set(seen) == set(range(low * length // 100, high * length // 100 + 1))
    shares = np.bincount(samples.y, minlength=2**relevant) / 2000
    np.testing.assert_allclose(shares, 0.5**relevant, atol=0.04)
    assert baseline == pytest.approx(math.log(2**relevant), rel=1e-15)
    equal = np.zeros((2000, 2**relevant))
    assert softmax_cross_entropy(equal, samples.y).value == pytest.approx(baseline, rel=1e-12)


@pytest.mark.parametrize(("delay", "symbols", "width"), [(100, 8, 10), (1, 2, 1), (5, 3, 4)])
def test_copying(delay, symbols, width):
    samples, baseline = copying(rng(), 300, delay, symbols, width)
    x = symbols_of(samples.x, everything(samples.y.shape))
    assert samples.x.shape == (300, delay + 2 * width, symbols + 2)
    for row, y in zip(x.tolist(), samples.y.tolist(), strict=True):
        told, blank = row[:width], symbols
        assert max(told) < symbols
        assert row[width:] == [blank] * (delay - 1) + [blank + 1] + [blank] * width
        assert y == [blank] * (delay + width) + told
    assert len({tuple(row[:width]) for row in x.tolist()}) > 1
    T = delay + 2 * width
    assert baseline == pytest.approx(width * math.log(symbols) / T, rel=1e-14)
    # sure of the blanks, all symbols equally likely
    logits = np.zeros((300, T, symbols + 1))
    logits[:, : delay + width, symbols] = 800
    logits[:, delay + width :, symbols] = -800
    assert softmax_cross_entropy(logits, samples.y).value == pytest.approx(baseline, rel=1e-12)
    if (delay, symbols, width) == (100, 8, 10):
        assert round(baseline, 4) == 0.1733


@pytest.mark.parametrize(("length", "delay", "symbols"), [(6, 2, 8), (20, 19, 2), (30, 1, 3)])
def test_delayed_recall(length, delay, symbols):
    samples, baseline = delayed_recall(rng(), 100, length, delay, symbols)
    x = symbols_of(samples.x, everything(samples.y.shape))
    for b in range(100):
        for t in range(length):
            assert samples.counts[b, t] == (t >= delay)
            assert samples.y[b, t] == (x[b, t - delay] if t >= delay else 0)
    assert set(x.ravel().tolist()) == set(range(symbols))
    logits = np.zeros((100, length, symbols))
    value = softmax_cross_entropy(logits, samples.y, samples.counts).value
    assert value == pytest.approx(baseline, rel=1e-12)
    assert baseline == pytest.approx(math.log(symbols), rel=1e-15)


TASKS = {
    "adding": lambda rng: adding(rng, 20, 12),
    "adding_1997": lambda rng: adding_1997(rng, 20, 40),
    "temporal_order": lambda rng: temporal_order(rng, 20, 30),
    "copying": lambda rng: copying(rng, 20, 5),
    "delayed_recall": lambda rng: delayed_recall(rng, 20, 9, 3),
}


@pytest.mark.parametrize("name", TASKS)
def test_the_same_seed_draws_the_same_rows_and_another_others(name):
    one, same, other = (TASKS[name](rng(seed)).samples.x for seed in (0, 0, 1))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert one.dtype == np.float64


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: adding(0, 3, 4), DtypeError, "default_rng"),
        (lambda: adding(rng(), 0, 4), ArgumentError, "batch must be"),
        (lambda: adding(rng(), 3, 1), ArgumentError, "length must be at least 2"),
        (lambda: adding_1997(rng(), 3, 19), ArgumentError, "length must be at least 20"),
        (lambda: temporal_order(rng(), 3, 19), ArgumentError, "length must be at least 20"),
        (lambda: temporal_order(rng(), 3, relevant=4), ArgumentError, "6a"),
        (lambda: copying(rng(), 3, 0), ArgumentError, "delay must be"),
        (lambda: copying(rng(), 3, 4, symbols=1), ArgumentError, "symbols must be at least 2"),
        (lambda: delayed_recall(rng(), 3, 4, 4), ArgumentError, "length must be at least 5"),
    ],
)
def test_wrong_calls_are_explained(call, error, words):
    with pytest.raises(error, match=words):
        call()
