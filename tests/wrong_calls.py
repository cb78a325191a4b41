"""Wrong calls: name, call, the error that must come, and words that must stand in it.

The messages in full are listed in ``tests/errors.txt``.
"""

from dataclasses import replace
from types import SimpleNamespace

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
    LSTMState,
    NonFiniteError,
    Sequential,
    ShapeError,
    StackedLSTM,
    TapeError,
    check_gradients,
    gradcheck,
    mean_squared_error,
)
from npstack.verify import check_laws

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


R = np.random.default_rng(0)
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
        (DtypeError, "argument 0 must be a layer", "Build it first"),
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
        (DtypeError, "argument 0 must be a layer", "npstack.layers.recurrent.LSTM"),
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
        (ArgumentError, "every layer must stand in one place only, got one layer twice", "Build"),
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
INPUT = {
    "no time axis": (
        lambda w: w.stack.forward(w.x[:, 0]),
        (ShapeError, "StackedLSTM.forward: x must be (B, T, D=3), got (4, 3)", "x[np.newaxis]"),
    ),
    "no feature axis": (
        lambda w: LSTM(1, H, rng=R).forward(w.x[:, :, 0]),
        (ShapeError, "x must be (B, T, D=1), got (4, 5)", "x[:, :, np.newaxis]"),
    ),
    "one axis": (
        lambda w: w.lstm.forward(w.x[0, 0]),
        (ShapeError, "got (3,)", "The axes are batch, time steps, features"),
    ),
    "four axes": (
        lambda w: w.dense.forward(w.x[np.newaxis]),
        (ShapeError, "x must be (B, D=3) or (B, T, D=3), got (1, 4, 5, 3)"),
    ),
    "wrong last axis": (
        lambda w: w.lstm.forward(w.x[..., :2]),
        (ShapeError, "x must be (B, T, D=3), got (4, 5, 2)", "this layer was built for 3"),
    ),
    "wrong last axis of a vector": (
        lambda w: w.dense.forward(w.x[:, 0, :2]),
        (ShapeError, "(B, D=3) or (B, T, D=3), got (4, 2)", "built for 3"),
    ),
    "axes swapped": (
        lambda w: w.lstm.forward(w.x.swapaxes(1, 2)),
        (ShapeError, "got (4, 3, 5)", "swapped? Use x.swapaxes(1, 2)"),
    ),
    "empty batch": (
        lambda w: w.lstm.forward(w.x[:0]),
        (ShapeError, "got (0, 5, 3)", "B must be at least 1"),
    ),
    "T = 0": (
        lambda w: w.lstm.forward(w.x[:, :0]),
        (ShapeError, "got (4, 0, 3)", "T must be at least 1"),
    ),
    "empty batch of vectors": (
        lambda w: w.dropout.forward(w.x[:0, 0]),
        (ShapeError, "x must be (B, D) or (B, T, D), got (0, 3)", "B must be at least 1"),
    ),
    "integers to an LSTM": (
        lambda w: w.lstm.forward(np.ones((B, T, D), int)),
        (DtypeError, "x must be float64 like the parameters", "int64", "astype", "Embedding"),
    ),
    "integers to a Dropout": (
        lambda w: w.dropout.forward(np.ones((B, D), int)),
        (DtypeError, "x must be floating point", "int64 of shape (4, 3)", "x.astype(np.float64)"),
    ),
    "float32 to float64": (
        lambda w: w.lstm.forward(w.x.astype("f4")),
        (DtypeError, "x must be float64 like the parameters", "float32", "x.astype(np.float64)"),
    ),
    "words": (
        lambda w: w.lstm.forward([[["a", "b", "c"]]]),
        (DtypeError, "x must be float64 like the parameters", "<U1 of shape (1, 1, 3)"),
    ),
    "ragged lists": (
        lambda w: w.lstm.forward([[[1.0, 2.0, 3.0]], [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]),
        (ShapeError, "x must be one array", "rows of different lengths", "lengths="),
    ),
    "NaN at a valid step": (
        lambda w: w.lstm.forward(holed(w.x, (1, 2)), mask=w.mask),
        (NonFiniteError, "x must be finite", "first at time step 2 (row 1)", "mask="),
    ),
    "infinity in a vector": (
        lambda w: w.dense.forward(holed(w.x[:, 0], (3, 1), np.inf)),
        (NonFiniteError, "x must be finite", "index (3, 1)"),
    ),
    "floats to an embedding": (
        lambda w: w.embedding.forward(w.x[..., 0]),
        (DtypeError, "x must be integers (B, T)", "float64 of shape (4, 5)", "x.astype(int)"),
    ),
    "symbols with a feature axis": (
        lambda w: w.embedding.forward(w.symbols[..., np.newaxis]),
        (ShapeError, "x must be (B, T)", "got (4, 5, 1)"),
    ),
    "no symbols at all": (
        lambda w: w.embedding.forward(w.symbols[:, :0]),
        (ShapeError, "B and T at least 1", "got (4, 0)"),
    ),
    "symbol out of range": (
        lambda w: w.embedding.forward(holed(w.symbols, (3, 4), 7)),
        (ArgumentError, "numbers from 0 to 6", "7 at row 3, time step 4", "num_symbols"),
    ),
    "symbol negative": (
        lambda w: w.embedding.forward(holed(w.symbols, (1, 0), -1)),
        (ArgumentError, "numbers from 0 to 6", "-1 at row 1, time step 0"),
    ),
}
ARGUMENTS = {
    "0/1 integers as mask": (
        lambda w: w.lstm.forward(w.x, mask=w.mask.astype(int)),
        (DtypeError, "mask must be boolean, True at valid steps", "int64", "mask.astype(bool)"),
    ),
    "mask transposed": (
        lambda w: w.lstm.forward(w.x, mask=w.mask.T),
        (ShapeError, "mask must be (B, T) = (4, 5), got (5, 4)", "one entry per row and time step"),
    ),
    "mask and lengths": (
        lambda w: w.lstm.forward(w.x, mask=w.mask, lengths=[1] * B),
        (ArgumentError, "give mask or lengths, got both", "lengths=n means t < n is valid"),
    ),
    "lengths beyond T": (
        lambda w: w.lstm.forward(w.x, lengths=[5, 6, 1, 2]),
        (ArgumentError, "between 0 and T=5, got 6 at row 1", "padded to the longest"),
    ),
    "length negative": (
        lambda w: w.lstm.forward(w.x, lengths=[5, 5, -1, 2]),
        (ArgumentError, "between 0 and T=5, got -1 at row 2"),
    ),
    "lengths not whole": (
        lambda w: w.lstm.forward(w.x, lengths=[1.0] * B),
        (DtypeError, "lengths must be integers (B,)", "float64 of shape (4,)", "astype(int)"),
    ),
    "lengths for another batch": (
        lambda w: w.lstm.forward(w.x, lengths=[1, 2]),
        (ShapeError, "lengths must be (B=4,), one per row of x, got (2,)", "x has B=4 rows"),
    ),
    "mask without time": (
        lambda w: w.dense.forward(w.x[:, 0], mask=w.mask),
        (ArgumentError, "need an input with a time axis (B, T, D)", "Leave them out"),
    ),
    "lengths without time": (
        lambda w: w.dense.forward(w.x[:, 0], lengths=[1] * B),
        (ArgumentError, "need an input with a time axis (B, T, D)"),
    ),
    "seed to forward": (
        lambda w: w.stack.forward(w.x, rng=0),
        (DtypeError, "StackedLSTM.forward: rng must be a numpy.random.Generator", "got 0 (int)"),
    ),
    "rng and noise": (
        lambda w: w.stack.forward(w.x, rng=R, noise=w.stack_tape.noise),
        (ArgumentError, "give rng (new draws) or noise (old draws), got both", "Leave one out"),
    ),
    "noise for a layer that draws nothing": (
        lambda w: w.lstm.forward(w.x, noise=np.ones((B, T, H), bool)),
        (ArgumentError, "noise must be None: this layer draws nothing", "bool of shape (4, 5, 2)"),
    ),
    "noise for a dense layer": (
        lambda w: w.dense.forward(w.x, noise=np.ones((B, T, K), bool)),
        (ArgumentError, "Dense.forward: noise must be None: this layer draws nothing"),
    ),
    "noise for an embedding": (
        lambda w: w.embedding.forward(w.symbols, noise=()),
        (ArgumentError, "Embedding.forward: noise must be None", "got a tuple of 0"),
    ),
    "noise of another batch": (
        lambda w: w.stack.forward(w.x[:2], noise=w.stack_tape.noise),
        (ArgumentError, "noise must be boolean of shape (2, 5, 2)", "bool of shape (4, 5, 2)"),
    ),
    "noise of another model": (
        lambda w: w.stack.forward(w.x, noise=(None, None)),
        (ArgumentError, "a tuple of 3, one per part", "a tuple of 2", "same model"),
    ),
    "noise as numbers": (
        lambda w: w.dropout.forward(w.x, noise=np.ones_like(w.x)),
        (ArgumentError, "noise must be boolean of shape (4, 5, 3)", "float64", "noise of a tape"),
    ),
    "state as a bare tuple": (
        lambda w: w.lstm.forward(w.x, (w.h, w.c)),
        (DtypeError, "states must be LSTMState(h, c)", "got a tuple", "npstack.LSTMState(h=…"),
    ),
    "state of another batch": (
        lambda w: w.lstm.forward(w.x, LSTMState(w.h[:2], w.c)),
        (ShapeError, "states.h must have shape (4, 2), got (2, 2)", "(B, H)"),
    ),
    "state of another size": (
        lambda w: w.lstm.forward(w.x, LSTMState(w.h, w.c[:, :1])),
        (ShapeError, "states.c must have shape (4, 2), got (4, 1)"),
    ),
    "state of another dtype": (
        lambda w: w.lstm.forward(w.x, LSTMState(w.h, w.c.astype("f4"))),
        (DtypeError, "states.c must be float64 like the parameters", "astype(np.float64)"),
    ),
    "cell state not finite": (
        lambda w: w.lstm.forward(w.x, LSTMState(w.h, holed(w.c, (0, 1), np.inf))),
        (NonFiniteError, "states.c must be finite", "index (0, 1)"),
    ),
    "no states for two layers": (
        lambda w: w.stack.forward(w.x, ()),
        (ArgumentError, "states must be a tuple of 2, one per recurrent layer", "got 0"),
    ),
    "state not finite": (
        lambda w: w.lstm.forward(w.x, LSTMState(holed(w.h, (2, 1)), w.c)),
        (NonFiniteError, "states.h must be finite", "index (2, 1)"),
    ),
    "one state for two layers": (
        lambda w: w.stack.forward(w.x, LSTMState(w.h, w.c)),
        (ArgumentError, "states must be a tuple of 2", "got a LSTMState", "tape.final"),
    ),
    "too few states": (
        lambda w: w.stack.forward(w.x, (LSTMState(w.h, w.c),)),
        (ArgumentError, "states must be a tuple of 2, one per recurrent layer, bottom first", "1"),
    ),
    "second state of another size": (
        lambda w: w.stack.forward(w.x, (None, LSTMState(w.h, w.c))),
        (ShapeError, "states[1].h must have shape (4, 6), got (4, 2)"),
    ),
    "state for a layer without": (
        lambda w: w.dense.forward(w.x, LSTMState(w.h, w.c)),
        (ArgumentError, "states must be None: no recurrent layer here", "LSTMState", "Leave it"),
    ),
    "params incomplete": (
        lambda w: w.lstm.forward(w.x, params={"W": w.lstm.params["W"], "V": w.h}),
        (ArgumentError, "exactly the names ['U', 'W', 'b']", "missing ['U', 'b'], unknown ['V']"),
    ),
    "params of another shape": (
        lambda w: w.lstm.forward(w.x, params={**w.lstm.params, "b": np.zeros(4)}),
        (ShapeError, "params['b'] must have shape (8,), got (4,)", "4H"),
    ),
    "params as lists": (
        lambda w: w.lstm.forward(w.x, params={k: v.tolist() for k, v in w.lstm.params.items()}),
        (DtypeError, "params['W'] must be an array, got a list", "np.array"),
    ),
    "params of two dtypes": (
        lambda w: w.lstm.forward(w.x, params={**w.lstm.params, "b": np.zeros(8, "f4")}),
        (DtypeError, "all parameters must have one dtype", "float32 and float64", "astype"),
    ),
    "params of integers": (
        lambda w: (
            w.dropout.forward(w.x)
            and setattr(w.dense, "params", {"W": np.ones((D, K), int), "b": np.ones(K, int)})
        ),
        (DtypeError, "Dense.params: dtype must be float32, float64", "got int64"),
    ),
    "params not a dictionary": (
        lambda w: setattr(w.lstm, "params", [w.h]),
        (DtypeError, "params must be a dictionary of named arrays", "dict(layer.params)"),
    ),
    "params of a part missing": (
        lambda w: setattr(
            w.model, "params", {k: v for k, v in w.model.params.items() if k != "1.b"}
        ),
        (ArgumentError, "Sequential.params: params must have exactly", "missing ['1.b']"),
    ),
    "params of a part wrong": (
        lambda w: setattr(w.model, "params", {**w.model.params, "1.b": np.ones(3)}),
        (ShapeError, "Sequential.params: params['1.b'] must have shape (6,), got (3,)"),
    ),
    "params changed in place": (
        lambda w: w.lstm.params["b"].fill(0),
        (ValueError, "read-only"),
    ),
    "one entry of a layer's params assigned": (
        lambda w: w.lstm.params.__setitem__("b", np.zeros(8)),
        (AttributeError, "__setitem__"),
    ),
    "one entry of params assigned": (
        lambda w: w.stack.params.__setitem__("layers.0.b", np.zeros(8)),
        (AttributeError, "__setitem__"),
    ),
    "NaN born at the first step of layer 1": (
        lambda w: w.stack.forward(w.x, params=poisoned(w.stack.params, "layers.1.W", (0, 6))),
        (NonFiniteError, "first at time step 0 of 1.LSTM, in 'forget'", "parameters"),
    ),
    "NaN born in layer 0 and handed on": (
        lambda w: w.stack.forward(w.x, params=poisoned(w.stack.params, "layers.0.W", (1, 5))),
        (NonFiniteError, "first at time step 0 of 0.LSTM, in 'candidate'"),
    ),
    "NaN born at the first valid step": (
        lambda w: w.lstm.forward(
            w.x, mask=~w.mask & w.mask[:1], params=poisoned(w.lstm.params, "W", (0, 7))
        ),
        (NonFiniteError, "first at time step 0 of LSTM, in 'output'"),
    ),
    "NaN born after left padding": (
        lambda w: w.lstm.forward(
            w.x,
            mask=np.ones((B, T), bool) & (np.arange(T) > 1),
            params=poisoned(w.lstm.params, "W", (0, 0)),
        ),
        (NonFiniteError, "first at time step 2 of LSTM, in 'input'"),
    ),
    "NaN born in an embedding": (
        lambda w: w.embedding.forward(
            np.array([[0, 1, 2], [3, 3, 2]]), params=poisoned(w.embedding.params, "W", (2, 0))
        ),
        (NonFiniteError, "first at time step 2 of Embedding, in 'outputs'"),
    ),
    "NaN born in a dense layer": (
        lambda w: w.dense.forward(w.x, params=poisoned(w.dense.params, "b", 0)),
        (NonFiniteError, "time step 0 of Dense, in 'outputs'"),
    ),
}
BACKWARD = {
    "tape without its input": (
        lambda w: w.lstm.backward(replace(w.tape, x=None), w.doutputs),
        (DtypeError, "LSTM.backward, tape.x: x must be float64 like the parameters", "object"),
    ),
    "tape of a dropout with outputs of another size": (
        lambda w: w.dropout.backward(
            replace(w.dropout.forward(w.x), outputs=w.x[..., :2]), w.x[..., :2]
        ),
        (TapeError, "Dropout.backward: tape.outputs must have shape (4, 5, 3), got (4, 5, 2)"),
    ),
    "no tape": (
        lambda w: w.lstm.backward(None, w.doutputs),
        (TapeError, "tape must be a RecurrentTape, got a NoneType", "LSTM.forward of this model"),
    ),
    "outputs instead of the tape": (
        lambda w: w.stack.backward(w.stack_tape.outputs, w.doutputs),
        (TapeError, "tape must be a CompositeTape, got a ndarray"),
    ),
    "tape of another kind of layer": (
        lambda w: w.lstm.backward(w.stack_tape, w.doutputs),
        (TapeError, "LSTM.backward: tape must be a RecurrentTape, got a CompositeTape"),
    ),
    "tape of another model": (
        lambda w: LSTM(D, K, rng=R).backward(w.tape, w.doutputs),
        (TapeError, "tape must hold parameters", "'U': (6, 24)", "'U': (2, 8)", "this model"),
    ),
    "tape of another composite": (
        lambda w: StackedLSTM(D, [H, K], rng=R).backward(w.stack_tape, w.stack_tape.outputs),
        (TapeError, "StackedLSTM.backward: tape must have 2 parts, got 3", "another model"),
    ),
    "the loss instead of its gradient": (
        lambda w: w.lstm.backward(w.tape, mean_squared_error(w.doutputs, w.doutputs)),
        (DtypeError, "doutputs must be an array, got a Loss", "loss.gradient"),
    ),
    "neither gradient": (
        lambda w: w.lstm.backward(w.tape),
        (ArgumentError, "give doutputs, dfinal_states or both, got neither", "loss"),
    ),
    "gradient of one step": (
        lambda w: w.lstm.backward(w.tape, w.doutputs[:, -1]),
        (ShapeError, "doutputs must have the shape of tape.outputs, (4, 5, 2), got (4, 2)", "loss"),
    ),
    "gradient of a larger model": (
        lambda w: w.lstm.backward(w.tape, np.ones((B, T, K))),
        (ShapeError, "(4, 5, 2), got (4, 5, 6)"),
    ),
    "gradient to be broadcast": (
        lambda w: w.lstm.backward(w.tape, np.ones((1, 1, 1))),
        (ShapeError, "(4, 5, 2), got (1, 1, 1)"),
    ),
    "gradient of another dtype": (
        lambda w: w.lstm.backward(w.tape, w.doutputs.astype("f4")),
        (DtypeError, "doutputs must be float64 like tape.outputs", "float32", "astype"),
    ),
    "gradient of integers": (
        lambda w: w.lstm.backward(w.tape, np.ones((B, T, H), int)),
        (DtypeError, "doutputs must be float64", "int64", "doutputs.astype(np.float64)"),
    ),
    "gradient not finite": (
        lambda w: w.lstm.backward(w.tape, holed(w.doutputs, (1, 2, 0))),
        (NonFiniteError, "doutputs must be finite at valid positions", "time step 2 (row 1)"),
    ),
    "dfinal of another shape": (
        lambda w: w.lstm.backward(w.tape, dfinal_states=LSTMState(w.h, w.c.T)),
        (ShapeError, "dfinal_states.c must have shape (4, 2), got (2, 4)"),
    ),
    "dfinal for a layer without": (
        lambda w: w.dense.backward(w.dense.forward(w.x), None, LSTMState(w.h, w.c)),
        (ArgumentError, "dfinal_states must be None: no recurrent layer here"),
    ),
    "recorded gates of integers": (
        lambda w: w.lstm.backward(replace(w.tape, gates=w.integers), w.doutputs),
        (DtypeError, "tape.gates.forget must be float64", "int64", "astype"),
    ),
    "recorded gates cut short": (
        lambda w: w.lstm.backward(
            replace(w.tape, gates=w.tape.gates._replace(output=w.doutputs[:, :2])), w.doutputs
        ),
        (ShapeError, "tape.gates.output must have shape (4, 5, 2), got (4, 2, 2)"),
    ),
    "recorded states as a tuple": (
        lambda w: w.lstm.backward(replace(w.tape, states=tuple(w.tape.states)), w.doutputs),
        (DtypeError, "tape.states must be LSTMState(h, c)", "got a tuple"),
    ),
    "recorded initial state of another batch": (
        lambda w: w.lstm.backward(replace(w.tape, initial=LSTMState(w.h[:1], w.c)), w.doutputs),
        (ShapeError, "tape.initial.h must have shape (4, 2), got (1, 2)"),
    ),
    "recorded mask missing": (
        lambda w: w.lstm.backward(replace(w.tape, mask=None), w.doutputs),
        (TapeError, "tape.mask must be boolean (B, T) if x has a time axis", "got None"),
    ),
    "recorded mask without time": (
        lambda w: w.dense.backward(
            replace(w.dense.forward(w.x[:, 0]), mask=w.mask), np.ones((B, K))
        ),
        (TapeError, "tape.mask must be boolean (B, T) if x has a time axis, else None, got a mask"),
    ),
    "recorded x without time": (
        lambda w: w.lstm.backward(replace(w.tape, x=w.x[:, 0]), w.doutputs),
        (ShapeError, "tape.x: x must be (B, T, D=3), got (4, 3)", "no time axis"),
    ),
    "recorded symbols as numbers": (
        lambda w: w.embedding.backward(replace(w.embedding.forward(w.symbols), x=w.x[..., 0]), w.x),
        (DtypeError, "Embedding.backward, tape.x: x must be integers", "float64"),
    ),
    "recorded outputs cut short": (
        lambda w: w.lstm.backward(replace(w.tape, outputs=w.doutputs[:, :2]), w.doutputs[:, :2]),
        (TapeError, "tape.outputs must have shape (4, 5, 2), got (4, 2, 2)"),
    ),
    "recorded outputs of another batch": (
        lambda w: w.dense.backward(
            replace(w.dense.forward(w.x), outputs=np.ones((2, T, K))), np.ones((2, T, K))
        ),
        (TapeError, "tape.outputs must have shape (4, 5, 6), got (2, 5, 6)"),
    ),
    "recorded part missing": (
        lambda w: w.stack.backward(
            replace(w.stack_tape, children=w.stack_tape.children[:2]), w.stack_tape.outputs
        ),
        (TapeError, "tape must have 3 parts, got 2", "another model"),
    ),
    "recorded first part wrong": (
        lambda w: w.stack.backward(
            replace(
                w.stack_tape,
                children=(replace(w.tape, x=w.x[:, 0]), *w.stack_tape.children[1:]),
            ),
            w.stack_tape.outputs,
        ),
        (ShapeError, "StackedLSTM.backward, part layers.0, tape.x: x must be (B, T, D=3)"),
    ),
    "recorded mask of integers": (
        lambda w: w.lstm.backward(replace(w.tape, mask=w.mask.astype(int)), w.doutputs),
        (DtypeError, "tape.mask: mask must be boolean", "int64"),
    ),
    "recorded x of another dtype": (
        lambda w: w.lstm.backward(replace(w.tape, x=w.x.astype("f4")), w.doutputs),
        (DtypeError, "tape.x: x must be float64 like the parameters", "float32"),
    ),
    "recorded x of another batch": (
        lambda w: w.dense.backward(replace(w.dense.forward(w.x), x=w.x[:2]), w.x),
        (ShapeError, "tape.mask: mask must be (B, T) = (2, 5), got (4, 5)"),
    ),
    "recorded outputs of another size": (
        lambda w: w.lstm.backward(replace(w.tape, outputs=w.x), w.x),
        (TapeError, "tape.outputs must have shape (4, 5, 2), got (4, 5, 3)"),
    ),
    "recorded outputs of integers": (
        lambda w: w.last.backward(
            replace(w.last.forward(w.x), outputs=np.ones((B, H), int)), np.ones((B, H), int)
        ),
        (DtypeError, "tape.outputs must be float64 like tape.params", "int64"),
    ),
    "recorded part wrong": (
        lambda w: w.stack.backward(
            replace(w.stack_tape, children=(w.tape, *w.stack_tape.children[:0:-1])),
            w.stack_tape.outputs,
        ),
        (TapeError, "StackedLSTM.backward, part dropouts.0: tape must", "this model"),
    ),
    "recorded draws as numbers": (
        lambda w: w.dropout.backward(replace(w.dropout.forward(w.x), noise=w.x), w.x),
        (ArgumentError, "tape.noise: noise must be boolean of shape (4, 5, 3)", "float64"),
    ),
    "recorded symbols out of range": (
        lambda w: w.embedding.backward(
            replace(w.embedding.forward(w.symbols), x=w.symbols + 7), w.x
        ),
        (ArgumentError, "tape.x: x must hold numbers from 0 to 6"),
    ),
}
LOSS_AND_CHECKS = {
    "targets without the last axis": (
        lambda w: mean_squared_error(w.h[:, :1], w.h[:, 0]),
        (ShapeError, "targets must have the shape of predictions", "(4,) for", "never broadcast"),
    ),
    "targets of another batch": (
        lambda w: mean_squared_error(w.h, w.x[..., 0]),
        (ShapeError, "targets must have the shape of predictions, got (4, 5) for predictions"),
    ),
    "predictions of one axis": (
        lambda w: mean_squared_error(w.h[0], w.x[0]),
        (ShapeError, "predictions must be (B, T, K) or (B, K)", "got (2,)"),
    ),
    "targets of another dtype": (
        lambda w: mean_squared_error(w.h, w.c.astype("f4")),
        (DtypeError, "targets must be float64 like the predictions", "float32"),
    ),
    "predictions of integers": (
        lambda w: mean_squared_error(w.symbols, w.symbols),
        (DtypeError, "predictions must be floating point", "int64", "astype(np.float64)"),
    ),
    "predictions without axes": (
        lambda w: mean_squared_error(np.float64(1), np.float64(2)),
        (ShapeError, "predictions must be (B, T, K) or (B, K)", "got ()"),
    ),
    "loss mask of integers": (
        lambda w: mean_squared_error(w.x, w.x, w.mask.astype(int)),
        (DtypeError, "mask must be boolean", "int64", "mask.astype(bool)"),
    ),
    "loss mask of another shape": (
        lambda w: mean_squared_error(w.h, w.c, w.mask),
        (ShapeError, "mask must be (B) = (4,), got (4, 5)"),
    ),
    "nothing to average": (
        lambda w: mean_squared_error(w.x, w.x, np.zeros((B, T), bool)),
        (ArgumentError, "at least one valid step must be left, got none", "batch"),
    ),
    "laws with a seed": (
        lambda w: check_laws(w.lstm, rng=0),
        (DtypeError, "check_laws: rng must be a numpy.random.Generator"),
    ),
    "laws on no batch": (
        lambda w: check_laws(w.lstm, rng=R, batch=0),
        (ArgumentError, "check_laws: batch must be a whole number of at least 1, got 0"),
    ),
    "gradcheck by an unknown route": (
        lambda w: check_gradients(w.lstm, w.x, route="complexstep"),
        (ArgumentError, "route must be one of", "Did you mean 'complex'?"),
    ),
    "gradcheck of integers": (
        lambda w: gradcheck(lambda x: x, lambda dy, x: {"x": dy}, {"x": w.symbols}),
        (ArgumentError, "inputs must hold a floating-point array"),
    ),
}
GROUPS = (CONSTRUCTION, INPUT, ARGUMENTS, BACKWARD, LOSS_AND_CHECKS)
WRONG_CALLS = {name: row for group in GROUPS for name, row in group.items()}
