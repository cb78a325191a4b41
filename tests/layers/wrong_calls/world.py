"""What wrong calls are made on."""

from types import SimpleNamespace

import numpy as np

from npstack import LSTM, Dense, Dropout, Embedding, LSTMState, Sequential, StackedLSTM

R = np.random.default_rng(0)
B, T, D, H, K = 4, 5, 3, 2, 6


def world() -> SimpleNamespace:
    """Layers and arrays for wrong calls; all that a call might change is in here."""
    rng = np.random.default_rng(0)
    w = SimpleNamespace(rng=rng)
    w.lstm = LSTM(D, H, rng=rng)
    w.last = LSTM(D, H, return_sequences=False, rng=rng)
    w.stack = StackedLSTM(D, [H, K], dropout=0.5, rng=rng)
    w.dense, w.dropout = Dense(D, K, rng=rng), Dropout(0.5)
    w.model = Sequential(LSTM(D, H, rng=rng), Dense(H, K, rng=rng))
    w.embedding = Embedding(7, D, rng=rng)
    w.x, w.symbols = rng.standard_normal((B, T, D)), rng.integers(0, 7, (B, T))
    w.mask = np.arange(T) < np.array([[5], [3], [0], [1]])
    w.h, w.c = rng.standard_normal((2, B, H))
    w.tape = w.lstm.forward(w.x, LSTMState(w.h, w.c), mask=w.mask)
    w.stack_tape = w.stack.forward(w.x, rng=rng)
    w.doutputs = rng.standard_normal((B, T, H))
    w.integers = w.tape.gates._replace(forget=np.ones((B, T, H), int))
    return w


def holed(x, index, value=np.nan):
    """A copy with one bad number."""
    x = np.array(x)
    x[index] = value
    return x


def poisoned(params, name, index):
    """Parameters with one NaN."""
    return {**params, name: holed(params[name], index)}
