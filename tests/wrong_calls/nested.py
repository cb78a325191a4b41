"""Layers around layers that cannot be built, or not be called so."""

from dataclasses import replace

import numpy as np

from npstack import (
    LSTM,
    ArgumentError,
    Bidirectional,
    Dense,
    Directions,
    Dropout,
    DtypeError,
    Embedding,
    LSTMCell,
    LSTMState,
    Parallel,
    Recurrent,
    RepeatVector,
    Residual,
    Reversed,
    Sequential,
    ShapeError,
    SkipConnected,
    TapeError,
    TimeDistributed,
)
from npstack.bptt import truncated_gradients
from npstack.cells import RecurrentDropout
from tests.wrong_calls.world import B, D, H, R, T


def lstm(size=D, hidden=H, **options):
    return LSTM(size, hidden, rng=R, **options)


def both(**options):
    return Bidirectional(lstm(), lstm(), **options)


def without_params(tape):
    return replace(tape, params={})


SHARED = lstm()
LAST = {"return_sequences": False}
NESTED = {
    "a seed where a layer belongs": (
        lambda w: Reversed(3),
        (DtypeError, "Reversed: the argument must be a layer, got 3 (int)", "Build it first"),
    ),
    "a class in a wrapper": (
        lambda w: Residual(LSTM),
        (DtypeError, "Residual: the argument must be a layer"),
    ),
    "unknown order": (
        lambda w: Reversed(lstm(), order="backward"),
        (ArgumentError, "order must be one of 'time', 'as_read'"),
    ),
    "nothing to turn": (
        lambda w: Reversed(Dense(D, H, rng=R)),
        (ArgumentError, "layer must need a sequence (B, T, D)", "Without time nothing is turned"),
    ),
    "unknown merge": (
        lambda w: both(merge="add"),
        (ArgumentError, "merge must be one of 'concat', 'sum', 'ave', 'mul', 'none'"),
    ),
    "a direction that is none": (
        lambda w: Bidirectional(lstm(), "LSTM"),
        (DtypeError, "Bidirectional: backward_layer must be a layer, got 'LSTM'"),
    ),
    "a direction without a state": (
        lambda w: Bidirectional(Dense(D, H, rng=R), lstm()),
        (ArgumentError, "forward_layer must read a sequence and have a recurrent layer"),
    ),
    "one layer in both directions": (
        lambda w: Bidirectional(SHARED, SHARED),
        (ArgumentError, "every layer must stand in one place only"),
    ),
    "one layer, wrapped and not": (
        lambda w: Sequential(Residual(Sequential(SHARED, lstm(H, D))), SHARED),
        (ArgumentError, "every layer must stand in one place only"),
    ),
    "directions that differ in time": (
        lambda w: Bidirectional(lstm(), lstm(**LAST)),
        (ShapeError, "all branches must do the same with the time axis", "return_sequences"),
    ),
    "directions that differ in D": (
        lambda w: Bidirectional(lstm(D), lstm(D + 1)),
        (ShapeError, "all branches must take the same number, got [3, 4]"),
    ),
    "a sum of different widths": (
        lambda w: Bidirectional(lstm(D, H), lstm(D, H + 1), merge="sum"),
        (ShapeError, "must hand on the same number, got [2, 3]", "merge='concat'"),
    ),
    "a layer above branches that are not joined": (
        lambda w: Sequential(both(merge="none"), Dense(H, 1, rng=R)),
        (ShapeError, "layer 1 (Dense)", "an axis of branches more, from layer 0 (Bidirectional)"),
    ),
    "a state for two directions": (
        lambda w: both().forward(w.x, LSTMState(w.h, w.c)),
        (DtypeError, "states must be Directions(forward, backward), got a LSTMState"),
    ),
    "a state of one direction of the wrong size": (
        lambda w: both().forward(w.x, Directions(None, LSTMState(w.h[:, :1], w.c))),
        (ShapeError, "states.backward.h", "(4, 1)"),
    ),
    "a gradient by finals for two directions": (
        lambda w: (m := both()).backward(m.forward(w.x), None, LSTMState(w.h, w.c)),
        (DtypeError, "dfinal_states must be Directions"),
    ),
    "no branches": (lambda w: Parallel(), (ArgumentError, "give at least one layer, got none")),
    "a branch that is none": (
        lambda w: Parallel(lstm(), None),
        (DtypeError, "Parallel: argument 1 must be a layer"),
    ),
    "branches of symbols and of numbers": (
        lambda w: Parallel(Embedding(D, H, rng=R), lstm()),
        (ShapeError, "all branches must do the same with the time axis"),
    ),
    "a residual of another width": (
        lambda w: Residual(lstm(D, H)),
        (ShapeError, "layer must keep the time axis and hand on what it takes, D features"),
    ),
    "a residual of the last step": (
        lambda w: Residual(lstm(D, D, **LAST)),
        (ShapeError, "layer must keep the time axis"),
    ),
    "a residual of what stands in another order": (
        lambda w: Residual(Reversed(lstm(D, D), order="as_read")),
        (ShapeError, "layer must keep the time axis"),
    ),
    "a residual of branches that are not joined": (
        lambda w: Residual(Parallel(lstm(D, D), lstm(D, D), merge="none")),
        (ShapeError, "layer must keep the time axis"),
    ),
    "no layers to skip": (
        lambda w: SkipConnected(),
        (ArgumentError, "SkipConnected: give at least one layer, got none"),
    ),
    "a skip to what is no layer": (
        lambda w: SkipConnected("LSTM"),
        (DtypeError, "SkipConnected: argument 0 must be a layer"),
    ),
    "a layer that does not see the input": (
        lambda w: SkipConnected(lstm(D, H), lstm(H, H)),
        (ShapeError, "layer 1 (LSTM) must take D=5 = 2 from below + 3 of the input, got 2"),
    ),
    "a layer that sees the input although it should not": (
        lambda w: SkipConnected(lstm(D, H), lstm(H + D, H), from_input=False),
        (ShapeError, "layer 1 (LSTM) must take D=2, got 5", "input_size=2"),
    ),
    "a last step in a skip": (
        lambda w: SkipConnected(lstm(), lstm(H + D, H, **LAST)),
        (ShapeError, "layer 1 (LSTM) must keep the time axis", "return_sequences=True"),
    ),
    "a skip over dropout": (
        lambda w: SkipConnected(lstm(), Dropout(0.5)),
        (ShapeError, "layer 1 (Dropout) must have a size"),
    ),
    "no steps to repeat": (
        lambda w: RepeatVector(0),
        (ArgumentError, "steps must be a whole number of at least 1, got 0"),
    ),
    "a sequence to repeat": (
        lambda w: RepeatVector(3).forward(w.x),
        (ShapeError, "x must be (B, D), one vector for each row, got (4, 5, 3)"),
    ),
    "a model that repeats sequences": (
        lambda w: Sequential(lstm(), Dropout(0.1), RepeatVector(3)),
        (ShapeError, "layer 2 (RepeatVector) needs one vector", "a sequence, from layer 0 (LSTM)"),
    ),
    "noise for what draws nothing": (
        lambda w: RepeatVector(3).forward(w.x[:, 0], noise=w.mask),
        (ArgumentError, "noise must be None: this layer draws nothing"),
    ),
    "a state at every step by itself": (
        lambda w: TimeDistributed(lstm()),
        (ArgumentError, "layer must be feed-forward, from (B, D) to (B, K)"),
    ),
    "a vector for every step": (
        lambda w: TimeDistributed(Dense(D, H, rng=R)).forward(w.x[:, 0]),
        (ShapeError, "TimeDistributed.forward: x must be (B, T, D=3), got (4, 3)"),
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
    "branches apart below another layer, above an LSTM": (
        lambda w: Sequential(
            lstm(),
            Parallel(Dense(H, 2, rng=R), Dense(H, 2, rng=R), merge="none"),
            Dense(2, 1, rng=R),
        ),
        (ShapeError, "layer 2 (Dense) needs", "an axis of branches more, from layer 1 (Parallel)"),
    ),
    "a vector repeated twice": (
        lambda w: Sequential(RepeatVector(3), RepeatVector(2)),
        (ShapeError, "layer 1 (RepeatVector) needs one vector", "from layer 0 (RepeatVector)"),
    ),
    "a sequence to what begins with a repeated vector": (
        lambda w: Sequential(lstm(), Sequential(Dropout(0.1), RepeatVector(2), lstm(H))),
        (ShapeError, "layer 1 (Sequential) needs one vector", "a sequence, from layer 0 (LSTM)"),
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
    "a backward direction without a state": (
        lambda w: Bidirectional(lstm(), Dense(D, H, rng=R)),
        (ArgumentError, "backward_layer must read a sequence and have a recurrent layer", "Dense"),
    ),
    "a direction that begins with a vector": (
        lambda w: Bidirectional(lstm(), Sequential(RepeatVector(2), lstm())),
        (ArgumentError, "backward_layer must read a sequence", "got Sequential"),
    ),
    "a residual of symbols": (
        lambda w: Residual(Embedding(D, D, rng=R)),
        (ShapeError, "layer must keep the time axis"),
    ),
    "a skip over symbols": (
        lambda w: SkipConnected(Embedding(D, H, rng=R)),
        (ShapeError, "layer 0 (Embedding) must keep the time axis as it is"),
    ),
    "a skip over what stands in another order": (
        lambda w: SkipConnected(lstm(), Reversed(lstm(H + D), order="as_read")),
        (ShapeError, "layer 1 (Reversed) must keep the time axis as it is"),
    ),
    "a skip over branches apart": (
        lambda w: SkipConnected(both(merge="none")),
        (ShapeError, "layer 0 (Bidirectional) must keep the time axis as it is"),
    ),
    "branches of which none knows its width": (
        lambda w: Parallel(Dropout(0.1), Dropout(0.2)),
        (ShapeError, "one branch must have a size, got layers that take any"),
    ),
    "a sum with what is passed on": (
        lambda w: Parallel(Dropout(0.1), Dense(D, 1, rng=R), merge="sum"),
        (ShapeError, "all branches must hand on the same number, got [1, 3]"),
    ),
    "symbols at every step by themselves": (
        lambda w: TimeDistributed(Embedding(D, H, rng=R)),
        (ArgumentError, "layer must be feed-forward, from (B, D) to (B, K), got Embedding"),
    ),
    "a vector repeated at every step": (
        lambda w: TimeDistributed(RepeatVector(2)),
        (ArgumentError, "layer must be feed-forward, from (B, D) to (B, K), got RepeatVector"),
    ),
    "a sequence at every step": (
        lambda w: TimeDistributed(TimeDistributed(Dense(D, H, rng=R))),
        (ArgumentError, "layer must be feed-forward, from (B, D) to (B, K), got TimeDistributed"),
    ),
    "a state at every step, between vectors": (
        lambda w: TimeDistributed(Sequential(RepeatVector(2), lstm(**LAST))),
        (ArgumentError, "layer must be feed-forward, from (B, D) to (B, K), got Sequential"),
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
