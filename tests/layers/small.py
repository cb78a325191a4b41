"""Layers of a few units: what tests of chains and of layers around layers build."""

import numpy as np

from npstack import LSTM, Dense, RepeatVector, Reversed, Sequential

R = np.random.default_rng(0)
LAST = {"return_sequences": False}
FLAGS = ("needs_time", "takes_vector", "keeps_time", "makes_time", "turned", "extra_axis")


def lstm(D=3, H=4, **options):
    return LSTM(D, H, rng=R, **options)


def read(D=4, **options):
    return Reversed(lstm(D, **options), order="as_read")


def dense(D=3, K=3):
    return Dense(D, K, rng=R)


def around(**options):
    """A vector in, a sequence out."""
    return Sequential(RepeatVector(2), lstm(3, 3, **options))
