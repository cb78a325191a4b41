"""Inputs and other arguments that ``forward`` refuses."""

import numpy as np

from npstack import LSTM, ArgumentError, DtypeError, LSTMState, NonFiniteError, ShapeError
from tests.layers.wrong_calls.world import B, D, H, K, R, T, holed, poisoned

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
        (DtypeError, "x must be an array of numbers", "<U1 of shape (1, 1, 3)"),
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
        (ArgumentError, "states must be a tuple of 2", "got an LSTMState", "tape.final"),
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
    "NaN first at the first step of layer 1": (
        lambda w: w.stack.forward(w.x, params=poisoned(w.stack.params, "layers.1.W", (0, 6))),
        (NonFiniteError, "first at time step 0 of 1.LSTM, in 'forget'", "parameters"),
    ),
    "NaN in layer 0, passed on": (
        lambda w: w.stack.forward(w.x, params=poisoned(w.stack.params, "layers.0.W", (1, 5))),
        (NonFiniteError, "first at time step 0 of 0.LSTM, in 'candidate'"),
    ),
    "NaN first at the first valid step": (
        lambda w: w.lstm.forward(
            w.x, mask=~w.mask & w.mask[:1], params=poisoned(w.lstm.params, "W", (0, 7))
        ),
        (NonFiniteError, "first at time step 0 of LSTM, in 'output'"),
    ),
    "NaN first after left padding": (
        lambda w: w.lstm.forward(
            w.x,
            mask=np.ones((B, T), bool) & (np.arange(T) > 1),
            params=poisoned(w.lstm.params, "W", (0, 0)),
        ),
        (NonFiniteError, "first at time step 2 of LSTM, in 'input'"),
    ),
    "NaN first in an embedding": (
        lambda w: w.embedding.forward(
            np.array([[0, 1, 2], [3, 3, 2]]), params=poisoned(w.embedding.params, "W", (2, 0))
        ),
        (NonFiniteError, "first at time step 2 of Embedding, in 'outputs'"),
    ),
    "NaN first in a dense layer": (
        lambda w: w.dense.forward(w.x, params=poisoned(w.dense.params, "b", 0)),
        (NonFiniteError, "time step 0 of Dense, in 'outputs'"),
    ),
}
