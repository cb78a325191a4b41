"""A small problem, and fits of it that are compared."""

import numpy as np

from npstack import Adam, Dense, Sequential, StackedLSTM, mean_squared_error
from npstack.losses.samples import Samples
from npstack.training.fit import fit


def problem(seed=0, dropout=0.0):
    rng = np.random.default_rng(seed)
    stack = StackedLSTM(1, [4, 3], dropout=dropout, return_sequences=False, rng=rng)
    x = rng.standard_normal((20, 6, 1))
    return Sequential(stack, Dense(3, 1, rng=rng)), Samples(x, x[:, -1] * x[:, -2])


def train(model, samples, seed=1, **options):
    options = {"epochs": 3, "batch_size": 5, "optimiser": Adam(0.05), **options}
    return fit(model, samples, rng=np.random.default_rng(seed), **options)


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[n], other[n]) for n in one)


def interrupt_at(call):
    calls = iter(range(10**6))

    def loss(predictions, targets, mask):
        if next(calls) == call:
            raise KeyboardInterrupt
        return mean_squared_error(predictions, targets, mask)

    return loss
