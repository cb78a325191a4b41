"""Layers and models that cannot be built."""

import numpy as np

from npstack import (
    LSTM,
    Activation,
    ArgumentError,
    Dense,
    Dropout,
    DtypeError,
    Embedding,
    LSTMCell,
    Sequential,
    ShapeError,
    StackedLSTM,
)
from tests.layers.wrong_calls.world import D, H, K, R

CONSTRUCTION = {
    "size zero": (
        lambda w: LSTM(D, 0, rng=R),
        (ArgumentError, "hidden_size must be a whole number of at least 1", "got 0"),
    ),
    "size not whole": (
        lambda w: LSTM(3.0, H, rng=R),
        (ArgumentError, "input_size must be a whole number", "got 3.0 (float)"),
    ),
    "size True": (lambda w: Dense(D, True, rng=R), (ArgumentError, "output_size", "True (bool)")),
    "seed instead of generator": (
        lambda w: LSTM(D, H, rng=0),
        (DtypeError, "rng must be a numpy.random.Generator", "got 0 (int)", "default_rng(0)"),
    ),
    "cell with a seed": (
        lambda w: LSTMCell(D, H, rng=0),
        (DtypeError, "LSTMCell: rng must be a numpy.random.Generator", "got 0 (int)"),
    ),
    "unknown initialiser": (
        lambda w: LSTM(D, H, rng=R, kernel_init="glorrot"),
        (ArgumentError, "kernel_init must be one of", "'orthogonal'", "Did you mean 'glorot'?"),
    ),
    "initialiser not a word": (
        lambda w: LSTM(D, H, rng=R, bias_init=0),
        (ArgumentError, "bias_init must be one of 'uniform'", "got 0"),
    ),
    "forget bias not a number": (
        lambda w: LSTM(D, H, rng=R, forget_bias="one"),
        (ArgumentError, "forget_bias must be a finite number, got 'one' (str)", "None"),
    ),
    "integer dtype": (
        lambda w: LSTM(D, H, rng=R, dtype=int),
        (DtypeError, "dtype must be float32, float64", "got int64", "dtype=np.float64"),
    ),
    "dtype no dtype": (
        lambda w: Dense(D, K, rng=R, dtype="flaot32"),
        (DtypeError, "dtype must be float32, float64", "got 'flaot32'", "dtype=np.float64"),
    ),
    "unknown activation": (
        lambda w: Dense(D, K, rng=R, activation="sigmod"),
        (ArgumentError, "Dense: activation must be one of", "Did you mean 'sigmoid'?"),
    ),
    "activation of two meanings": (
        lambda w: Dense(D, K, rng=R, activation="hard_sigmoid"),
        (ArgumentError, "'hard_sigmoid_fifth' or 'hard_sigmoid_sixth'", "Keras 1 and 2", "PyTorch"),
    ),
    "activation without that parameter": (
        lambda w: Activation("tanh", alpha=2.0),
        (ArgumentError, "tanh takes no alpha", "got alpha=2.0", "Leave it out", "scaled_tanh"),
    ),
    "parameter of an activation not a number": (
        lambda w: Activation("elu", alpha="one"),
        (ArgumentError, "alpha must be a finite number", "got 'one' (str)", "default"),
    ),
    "no layers in stack": (
        lambda w: StackedLSTM(D, [], rng=R),
        (ArgumentError, "hidden_sizes must list one size per layer", "got []", "num_layers"),
    ),
    "sizes and another count": (
        lambda w: StackedLSTM(D, [4, 4], 3, rng=R),
        (ArgumentError, "one size per layer", "[4, 4] with num_layers=3", "Leave num_layers out"),
    ),
    "an array of sizes and another count": (
        lambda w: StackedLSTM(D, np.array([4, 4]), 3, rng=R),
        (ArgumentError, "one size per layer", "[4, 4] with num_layers=3"),
    ),
    "sizes as a word": (
        lambda w: StackedLSTM(D, "44", rng=R),
        (ArgumentError, "hidden_sizes must be", "'44' (str)", "list of"),
    ),
    "one of the sizes zero": (
        lambda w: StackedLSTM(D, [4, 0], rng=R),
        (ArgumentError, "hidden_sizes[1] must be a whole number of at least 1", "got 0"),
    ),
    "num_layers zero": (
        lambda w: StackedLSTM(D, 4, 0, rng=R),
        (ArgumentError, "num_layers must be a whole number of at least 1", "got 0"),
    ),
    "dropout rate 1": (
        lambda w: Dropout(1.0),
        (ArgumentError, "rate must be a number with 0 <= rate < 1", "1.0", "dropped"),
    ),
    "dropout rate of a stack": (
        lambda w: StackedLSTM(D, [4, 4], dropout=-0.1, rng=R),
        (ArgumentError, "StackedLSTM: dropout must be", "-0.1 (float)"),
    ),
    "dropout rate None": (lambda w: Dropout(None), (ArgumentError, "rate must be", "None")),
    "no symbols": (lambda w: Embedding(0, D, rng=R), (ArgumentError, "num_symbols must be")),
    "embedding of size zero": (
        lambda w: Embedding(7, 0, rng=R),
        (ArgumentError, "Embedding: output_size must be"),
    ),
    "embedding with a seed": (
        lambda w: Embedding(7, D, rng=1),
        (DtypeError, "Embedding: rng must be a numpy.random.Generator", "got 1 (int)"),
    ),
    "embedding of integers": (
        lambda w: Embedding(7, D, rng=R, dtype="i4"),
        (DtypeError, "Embedding: dtype must be float32, float64", "got int32"),
    ),
    "embedding's unknown initialiser": (
        lambda w: Embedding(7, D, rng=R, init="zero"),
        (ArgumentError, "Embedding: init must be one of", "Did you mean 'zeros'?"),
    ),
    "dense of size zero": (
        lambda w: Dense(0, K, rng=R),
        (ArgumentError, "Dense: input_size must be"),
    ),
    "dense with a seed": (
        lambda w: Dense(D, K, rng=1),
        (DtypeError, "Dense: rng must be a numpy.random.Generator", "got 1 (int)"),
    ),
    "dense's unknown initialiser": (
        lambda w: Dense(D, K, rng=R, kernel_init="unifrom"),
        (ArgumentError, "Dense: kernel_init must be one of", "Did you mean 'uniform'?"),
    ),
    "dense's unknown initialiser of the bias": (
        lambda w: Dense(D, K, rng=R, bias_init="ones"),
        (ArgumentError, "Dense: bias_init must be one of", "got 'ones'"),
    ),
    "unknown recurrent initialiser": (
        lambda w: LSTM(D, H, rng=R, recurrent_init="ortogonal"),
        (ArgumentError, "recurrent_init must be one of", "Did you mean 'orthogonal'?"),
    ),
    "no layers": (lambda w: Sequential(), (ArgumentError, "give at least one layer", "got none")),
    "a class, not a layer": (
        lambda w: Sequential(w.lstm, Dense),
        (DtypeError, "argument 1 must be a layer", "Build it first"),
    ),
    "a list of layers": (
        lambda w: Sequential([w.lstm]),
        (DtypeError, "argument 0 must be a layer", "Sequential(first, second, …)"),
    ),
    "sizes of neighbours": (
        lambda w: Sequential(w.lstm, Dropout(0.1), Dense(8, 1, rng=R)),
        (ShapeError, "layer 2 (Dense) takes D=8, got 2 from the layer below", "input_size=2"),
    ),
    "sizes of the first neighbours": (
        lambda w: Sequential(LSTM(D, K, rng=R), Dense(8, 1, rng=R)),
        (ShapeError, "layer 1 (Dense) takes D=8, got 6 from the layer below", "input_size=6"),
    ),
    "two classes, not layers": (
        lambda w: Sequential(LSTM, Dense),
        (DtypeError, "argument 0 must be a layer", "the class LSTM"),
    ),
    "stacked on the last step only": (
        lambda w: Sequential(w.last, LSTM(H, H, rng=R)),
        (ShapeError, "layer 1 (LSTM) needs a sequence", "layer 0 (LSTM)", "return_sequences=True"),
    ),
    "stacked on the last step only, further down": (
        lambda w: Sequential(w.last, Dropout(0.5), Dense(H, D, rng=R), w.stack),
        (ShapeError, "layer 3 (StackedLSTM) needs", "of layer 0 (LSTM)", "return_sequences=False"),
    ),
    "embedding not first": (
        lambda w: Sequential(w.lstm, w.embedding),
        (ShapeError, "layer 1 (Embedding) must come first: it takes integers", "place 1"),
    ),
    "one layer in two places": (
        lambda w: Sequential(w.dropout, LSTM(D, D, rng=R), w.dropout),
        (ArgumentError, "every layer must be used in one place only, got one layer twice", "Build"),
    ),
    "stack with a seed": (
        lambda w: StackedLSTM(D, [H, K], rng=1),
        (DtypeError, "StackedLSTM: rng must be a numpy.random.Generator", "got 1 (int)"),
    ),
    "layers of five dtypes": (
        lambda w: Sequential(*(Dense(D, D, rng=R, dtype=code) for code in "dfOFD")),
        (DtypeError, "complex128 and complex64 and float", "and float32 and float64 and object"),
    ),
    "summary of no batch": (
        lambda w: w.lstm.summary(0),
        (ArgumentError, "batch_size must be a whole number of at least 1"),
    ),
    "summary of no time": (
        lambda w: w.lstm.summary(1, 0),
        (ArgumentError, "time_steps must be a whole number of at least 1"),
    ),
    "layers of two dtypes": (
        lambda w: Sequential(w.lstm, Dense(H, 1, rng=R, dtype="f4")),
        (DtypeError, "all layers must have one dtype", "float32 and float64", "dtype="),
    ),
}
