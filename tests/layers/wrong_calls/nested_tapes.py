"""Tapes, resets and draws that layers around layers cannot take."""

from dataclasses import replace

import numpy as np

from npstack import (
    ArgumentError,
    Dense,
    Dropout,
    DtypeError,
    LSTMCell,
    LSTMState,
    Recurrent,
    RepeatVector,
    Residual,
    Reversed,
    Sequential,
    ShapeError,
    TapeError,
    TimeDistributed,
)
from npstack.cells import RecurrentDropout
from npstack.training.bptt import truncated_gradients
from tests.layers.wrong_calls.nested import LAST, both, lstm
from tests.layers.wrong_calls.world import B, D, H, R, T


def without_params(tape):
    return replace(tape, params={})


NESTED_TAPES = {
    "a gradient by finals for two directions": (
        lambda w: (m := both()).backward(m.forward(w.x), None, LSTMState(w.h, w.c)),
        (DtypeError, "dfinal_states must be Directions"),
    ),
    "noise for what draws nothing": (
        lambda w: RepeatVector(3).forward(w.x[:, 0], noise=w.mask),
        (ArgumentError, "noise must be None: this layer draws nothing"),
    ),
    "draws of a longer sequence": (
        lambda w: TimeDistributed(Dropout(0.5)).forward(w.x, noise=np.ones((B, T + 1, D), bool)),
        (ArgumentError, "noise must be boolean of shape (4, 5, 3)", "(4, 6, 3)"),
    ),
    "a tape of another sequence, step by step": (
        lambda w: (m := TimeDistributed(Dropout(0.5))).backward(
            type(t := m.forward(w.x))(**{**vars(t), "children": t.parts[:-1]}), w.x
        ),
        (TapeError, "tape must have 5 parts, got 4"),
    ),
    "a tape of another kind of layer": (
        lambda w: both().backward(w.tape, w.doutputs),
        (TapeError, "tape must be a BidirectionalTape, got a RecurrentTape"),
    ),
    "a tape of a wrapper without its part": (
        lambda w: (m := Reversed(lstm())).backward(
            type(t := m.forward(w.x))(**{**vars(t), "children": ()}), w.doutputs
        ),
        (TapeError, "tape must have 1 part, got 0"),
    ),
    "resets that are no booleans": (
        lambda w: both().forward(w.x, resets=w.mask.astype(int)),
        (DtypeError, "resets must be boolean"),
    ),
    "a tape with resets of another length": (
        lambda w: w.lstm.backward(replace(w.tape, resets=np.zeros((B, T - 1), bool)), w.doutputs),
        (ShapeError, "LSTM.backward, tape.resets: resets must be (B, T) = (4, 5), got (4, 4)"),
    ),
    "a tape with draws of a cell that draws nothing": (
        lambda w: w.lstm.backward(replace(w.tape, noise=np.ones((B, H), bool)), w.doutputs),
        (ArgumentError, "LSTM.backward, tape.noise: noise must be None: this layer draws nothing"),
    ),
    "a tape with draws of another size": (
        lambda w: (m := Recurrent(RecurrentDropout(LSTMCell(D, H, rng=R), 0.5))).backward(
            replace(m.forward(w.x, rng=w.rng), noise=(np.ones((B, H + 1), bool), None)), w.doutputs
        ),
        (ArgumentError, "tape.noise: noise must be boolean of shape (4, 2), got bool", "(4, 3)"),
    ),
    "a tape whose states and gates are wrong": (
        lambda w: w.lstm.backward(replace(w.tape, initial=None, gates=None), w.doutputs),
        (DtypeError, "tape.initial must be LSTMState"),
    ),
    "resets of another length": (
        lambda w: w.lstm.forward(w.x, resets=w.mask[:, 1:]),
        (ShapeError, "resets must be (B, T) = (4, 5), got (4, 4)"),
    ),
    "resets of vectors": (
        lambda w: w.dense.forward(w.x[:, 0], resets=w.mask),
        (ArgumentError, "mask, lengths and resets need an input with a time axis"),
    ),
    "a tape of a wrapper with another model's part": (
        lambda w: (m := Reversed(lstm())).backward(
            replace(m.forward(w.x), children=(w.stack_tape,)), w.doutputs
        ),
        (TapeError, "tape must be a RecurrentTape, got a CompositeTape"),
    ),
    "a tape of a wrapper with an input of another size": (
        lambda w: (m := Reversed(lstm())).backward(
            replace(m.forward(w.x), x=w.x[..., :1]), w.doutputs
        ),
        (ShapeError, "Reversed.backward, tape.x: x must be (B, T, D=3), got (4, 5, 1)"),
    ),
    "a tape whose first step is another model's": (
        lambda w: (m := TimeDistributed(Dense(D, H, rng=R))).backward(
            replace(t := m.forward(w.x), children=(without_params(t.parts[0]), *t.parts[1:])),
            w.doutputs,
        ),
        (TapeError, "time step 0: tape must hold parameters"),
    ),
    "a tape whose last step is another model's": (
        lambda w: (m := TimeDistributed(Dense(D, H, rng=R))).backward(
            replace(t := m.forward(w.x), children=(*t.parts[:-1], without_params(t.parts[-1]))),
            w.doutputs,
        ),
        (TapeError, "time step 4: tape must hold parameters"),
    ),
    "a tape of steps with an input of another size": (
        lambda w: (m := TimeDistributed(Dense(D, H, rng=R))).backward(
            replace(m.forward(w.x), x=w.x[..., :1]), w.doutputs
        ),
        (ShapeError, "TimeDistributed.backward, tape.x: x must be (B, T, D=3), got (4, 5, 1)"),
    ),
    "a tape of steps without its input": (
        lambda w: (m := TimeDistributed(Dense(D, H, rng=R))).backward(
            replace(m.forward(w.x), x=None), w.doutputs
        ),
        (DtypeError, "TimeDistributed.backward, tape.x: x must be"),
    ),
    "truncation of what repeats a vector": (
        lambda w: truncated_gradients(
            Sequential(lstm(**LAST), RepeatVector(T), lstm(H)), (w.x, w.doutputs), 2, 2
        ),
        (ArgumentError, "no step depends on a later one, got a RepeatVector in a Sequential"),
    ),
    "a tape of no wrapper": (
        lambda w: Residual(lstm(D, D)).backward(w.tape, w.doutputs),
        (TapeError, "Residual.backward: tape must be a WrapperTape, got a RecurrentTape"),
    ),
    "a tape of another wrapper": (
        lambda w: Reversed(lstm(D, D)).backward(Residual(lstm(D, D)).forward(w.x), w.x),
        (TapeError, "Reversed.backward: tape must be a ReversedTape, got a WrapperTape"),
    ),
    "a tape of a chain whose outputs were cut": (
        lambda w: w.model.backward(
            replace(t := w.model.forward(w.x), outputs=t.outputs[..., 1:]), w.doutputs
        ),
        (TapeError, "Sequential.backward: tape.outputs must have shape (4, 5, 6), got (4, 5, 5)"),
    ),
}
