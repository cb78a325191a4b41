"""A stack with samples of every kind, and full BPTT: what tests of truncation compare with."""

import numpy as np

from npstack import Adam, Dense, Sequential, StackedLSTM, mean_squared_error
from npstack.losses.samples import Samples
from npstack.training.fit import fit

B, T = 3, 12


def model_and_samples(kind="plain", dropout=0.0, seed=0):
    rng = np.random.default_rng(seed)
    stack = StackedLSTM(2, [4, 3], dropout=dropout, rng=rng)
    x, y = rng.standard_normal((B, T, 2)), rng.standard_normal((B, T, 2))
    mask = counts = weights = None
    if kind in ("mask", "all"):
        mask = rng.random((B, T)) < 0.7
        mask[1, 7:] = False  # a short row
    if kind in ("counts", "all"):
        counts = rng.random((B, T)) < 0.6
        counts[:, :4] = False  # a warm-up
    if kind in ("weights", "all"):
        weights = rng.random((B, T)) + 0.1
    return Sequential(stack, Dense(3, 2, rng=rng)), Samples(x, y, mask, counts, weights)


def full(model, samples, states=None):
    counts = samples.counts if samples.mask is None else samples.mask
    if samples.mask is not None and samples.counts is not None:
        counts = samples.mask & samples.counts
    tape = model.forward(samples.x, states, mask=samples.mask)
    loss = mean_squared_error(tape.outputs, samples.y, counts, weights=samples.weights)
    return loss.value, model.backward(tape, loss.gradient).params, tape.final


def flat(states):
    return [array for state in states for array in state]


def trained(model, samples, **options):
    rng, adam = np.random.default_rng(3), Adam(0.05)
    options = {"epochs": 2, "batch_size": B, "shuffle": False, **options}
    history = fit(model, samples, rng=rng, optimiser=adam, **options)
    return dict(model.params), history, adam


def same(one, other):
    return all(np.array_equal(one[name], other[name]) for name in one)
