"""Ragged sequences: padding and back, batches of similar lengths, trimming."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npstack import LSTM, Adam, ArgumentError, DtypeError, Samples, ShapeError, fit
from npstack.data import by_length, pad, trim, unpad

lengths = st.lists(st.integers(0, 9), min_size=1, max_size=20).filter(any)


def ragged(sizes, *rest):
    rng = np.random.default_rng(0)
    return [rng.standard_normal((T, *rest)) for T in sizes]


@given(
    sizes=lengths,
    rest=st.sampled_from([(), (3,), (2, 2)]),
    more=st.integers(0, 3),
    side=st.sampled_from(["right", "left"]),
)
def test_what_is_padded_comes_back(sizes, rest, more, side):
    sequences = ragged(sizes, *rest)
    x, mask = pad(sequences, max(sizes) + more if more else None, side)
    assert x.shape == (len(sizes), max(sizes) + more, *rest)
    assert mask.sum(1).tolist() == sizes
    assert not x[~mask].any()
    steps = np.diff(mask.astype(int), axis=1)
    assert (steps <= 0).all() if side == "right" else (steps >= 0).all()
    for one, back in zip(sequences, unpad(x, mask), strict=True):
        assert np.array_equal(one, back)


def test_integers_stay_integers():
    x, _ = pad([np.array([3, 1], np.int32), np.array([2], np.int32)], side="left")
    assert x.dtype == np.int32
    assert x.tolist() == [[3, 1], [0, 2]]


def test_either_side_is_the_same_sequence_to_a_model():
    sequences = ragged([4, 1, 7], 3)
    model = LSTM(3, 5, return_sequences=False, rng=np.random.default_rng(0))
    right, left = (pad(sequences, side=side) for side in ("right", "left"))
    one, other = (model.forward(part.x, mask=part.mask).outputs for part in (right, left))
    np.testing.assert_allclose(one, other, atol=1e-15)


@given(sizes=lengths, batch_size=st.integers(1, 8), seed=st.integers(0, 1000))
def test_every_row_comes_once_an_epoch_with_its_likes(sizes, batch_size, seed):
    batches = by_length(np.array(sizes), batch_size)
    rng = np.random.default_rng(seed)
    for _ in range(2):
        epoch = list(batches(rng))
        assert sorted(np.concatenate(epoch).tolist()) == list(range(len(sizes)))
        full = [len(batch) for batch in epoch]
        assert len(full) == -(-len(sizes) // batch_size)
        assert sorted(full)[1:] == [batch_size] * (len(full) - 1)
        # no length lies within another batch's span of lengths
        spans = sorted((min(b), max(b)) for b in ([sizes[row] for row in rows] for rows in epoch))
        assert all(high <= low for (_, high), (low, _) in pairwise(spans))


def test_batches_order_and_ties_are_drawn_and_the_smaller_batch_is_any():
    mask = np.arange(9) < np.repeat([[2], [5], [9]], 7, axis=0)
    batches = by_length(mask, 4)
    rng = np.random.default_rng(0)
    epochs = [list(batches(rng)) for _ in range(200)]
    first_lengths = {int(mask[epoch[0]].sum(1).max()) for epoch in epochs}
    assert first_lengths == {2, 5, 9}
    smaller = {int(mask[min(epoch, key=len)].sum(1)[0]) for epoch in epochs}
    assert smaller == {2, 5, 9}
    assert len({frozenset(batch.tolist()) for epoch in epochs for batch in epoch}) > 100
    again = list(by_length(mask, 4)(np.random.default_rng(0)))
    assert all(np.array_equal(a, b) for a, b in zip(epochs[0], again, strict=True))


@pytest.mark.parametrize("sequences", [True, False])
def test_fit_goes_through_the_batches_and_computes_no_step_that_is_all_padding(sequences):
    x, mask = pad(ragged([3, 8, 3, 8, 2, 9], 1))
    y = np.cumsum(x, 1) if sequences else x.sum(1)
    rng = np.random.default_rng(0)
    model = LSTM(1, 1, return_sequences=sequences, rng=rng)
    error = (model.forward(x, mask=mask).outputs - y) ** 2
    steps, epoch, forward = [], [], model._forward

    def listen(params, x, *rest):
        steps.append(x.shape[1])
        return forward(params, x, *rest)

    def batches(rng):
        epoch.extend(by_length(mask, 2)(rng))
        return epoch

    model._forward = listen
    history = fit(
        model,
        Samples(x, y, mask),
        epochs=1,
        batch_size=2,
        rng=rng,
        batches=batches,
        optimiser=Adam(1e-12),
    )
    assert steps == [mask[rows].sum(1).max() for rows in epoch]
    assert sorted(steps) == [3, 8, 9]
    values = [error[rows][mask[rows]] if sequences else error[rows] for rows in epoch]
    expected = np.mean([value.mean() for value in values])
    assert history.train_loss[0] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("side", ["right", "left"])
def test_trimming_changes_no_output_and_cuts_all_that_has_time(side):
    x, mask = pad(ragged([2, 9, 3], 2), side=side)
    rng = np.random.default_rng(0)
    samples = Samples(
        x,
        rng.standard_normal((3, 9, 1)),
        mask,
        counts=rng.random((3, 9)) < 0.5,
        weights=rng.random((3, 9)),
        resets=np.array([True, False, True]),
    ).rows([0, 2])
    short = trim(samples, keeps_time=True)
    span = slice(0, 3) if side == "right" else slice(6, 9)
    for name in ("x", "y", "mask", "counts", "weights"):
        assert np.array_equal(getattr(short, name), getattr(samples, name)[:, span]), name
    assert np.array_equal(short.resets, samples.resets)
    model = LSTM(2, 4, return_sequences=False, rng=rng)
    one = model.forward(samples.x, mask=samples.mask).outputs
    assert np.array_equal(model.forward(short.x, mask=short.mask).outputs, one)


def test_trimming_leaves_targets_of_a_last_step_and_full_rows_alone():
    x, mask = pad(ragged([2, 9, 9], 2))
    samples = Samples(x, np.arange(27.0).reshape(3, 9), mask, counts=np.array([True, False, True]))
    short = trim(samples.rows([0]), keeps_time=False)
    assert short.x.shape == (1, 2, 2)
    assert short.y.shape == (1, 9)
    assert short.counts.shape == (1,)
    assert trim(samples, False).x.shape == x.shape
    no_mask = samples._replace(mask=None)
    assert trim(no_mask, True) is no_mask


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: pad([]), ArgumentError, "at least one"),
        (lambda: pad([np.ones((0, 2))]), ArgumentError, "at least 1"),
        (lambda: pad(ragged([3, 5], 2), length=4), ArgumentError, r"got 5 in sequence 1.*\[:T\]"),
        (lambda: pad(ragged([3], 2), length=0), ArgumentError, "length must be"),
        (lambda: pad([np.ones((2, 2)), np.ones((2, 3))]), ShapeError, r"sequence 1 .*\(T, 2\)"),
        (lambda: pad([np.ones(2), np.ones((2, 3))]), ShapeError, "sequence 1"),
        (lambda: pad([1.0]), ShapeError, "sequence 0"),
        (lambda: pad([np.ones(2), np.ones(2, int)]), DtypeError, "float64 like sequence 0"),
        (lambda: pad(ragged([3], 2), side="post"), ArgumentError, "'right', 'left'"),
        (lambda: unpad(np.ones((2, 3)), np.ones((2, 3))), DtypeError, "mask.astype"),
        (lambda: by_length(np.ones((2, 3)), 2), DtypeError, "samples.mask"),
        (lambda: by_length(np.ones((2, 3), int), 2), ShapeError, r"\(B,\)"),
        (lambda: by_length(np.ones(0, int), 2), ShapeError, r"\(B,\)"),
        (lambda: by_length(np.ones(3, int), 0), ArgumentError, "batch_size"),
    ],
)
def test_wrong_calls_are_explained(call, error, words):
    with pytest.raises(error, match=words):
        call()
