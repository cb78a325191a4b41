"""Gradients and tapes that ``backward`` refuses."""

from dataclasses import replace

import numpy as np

from npstack import (
    LSTM,
    ArgumentError,
    DtypeError,
    LSTMState,
    NonFiniteError,
    ShapeError,
    StackedLSTM,
    TapeError,
    mean_squared_error,
)
from tests.layers.wrong_calls.world import B, D, H, K, R, T, holed

BACKWARD = {
    "tape without its input": (
        lambda w: w.lstm.backward(replace(w.tape, x=None), w.doutputs),
        (DtypeError, "LSTM.backward, tape.x: x must be an array of numbers", "None"),
    ),
    "tape of a dropout with outputs of another size": (
        lambda w: w.dropout.backward(
            replace(w.dropout.forward(w.x), outputs=w.x[..., :2]), w.x[..., :2]
        ),
        (TapeError, "Dropout.backward: tape.outputs must have shape (4, 5, 3), got (4, 5, 2)"),
    ),
    "no tape": (
        lambda w: w.lstm.backward(None, w.doutputs),
        (TapeError, "tape must be a RecurrentTape, got None", "LSTM.forward of this model"),
    ),
    "outputs instead of the tape": (
        lambda w: w.stack.backward(w.stack_tape.outputs, w.doutputs),
        (TapeError, "tape must be a CompositeTape, got an array"),
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
