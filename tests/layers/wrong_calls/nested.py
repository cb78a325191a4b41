"""Layers around layers that cannot be built, or not be called so."""

from npstack import (
    LSTM,
    ArgumentError,
    Bidirectional,
    Dense,
    Directions,
    Dropout,
    DtypeError,
    Embedding,
    LSTMState,
    Parallel,
    RepeatVector,
    Residual,
    Reversed,
    Sequential,
    ShapeError,
    SkipConnected,
    TimeDistributed,
)
from tests.layers.wrong_calls.world import D, H, R


def lstm(size=D, hidden=H, **options):
    return LSTM(size, hidden, rng=R, **options)


def both(**options):
    return Bidirectional(lstm(), lstm(), **options)


SHARED = lstm()
LAST = {"return_sequences": False}
NESTED = {
    "a seed where a layer belongs": (
        lambda w: Reversed(3),
        (DtypeError, "Reversed: the argument must be a layer, got 3 (int)", "Use Sequential"),
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
        (ArgumentError, "layer must need a sequence (B, T, D)", "nothing to reverse"),
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
        (ArgumentError, "every layer must be used in one place only"),
    ),
    "one layer, wrapped and not": (
        lambda w: Sequential(Residual(Sequential(SHARED, lstm(H, D))), SHARED),
        (ArgumentError, "every layer must be used in one place only"),
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
        (ShapeError, "must output the same number, got [2, 3]", "merge='concat'"),
    ),
    "a layer above branches that are not joined": (
        lambda w: Sequential(both(merge="none"), Dense(H, 1, rng=R)),
        (ShapeError, "layer 1 (Dense)", "an extra axis of branches, from layer 0 (Bidirectional)"),
    ),
    "a state for two directions": (
        lambda w: both().forward(w.x, LSTMState(w.h, w.c)),
        (DtypeError, "states must be Directions(forward, backward), got an LSTMState"),
    ),
    "a state of one direction of the wrong size": (
        lambda w: both().forward(w.x, Directions(None, LSTMState(w.h[:, :1], w.c))),
        (ShapeError, "states.backward.h", "(4, 1)"),
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
        (ShapeError, "layer must keep the time axis and output as many features as it reads, D"),
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
    "a state at every step by itself": (
        lambda w: TimeDistributed(lstm()),
        (ArgumentError, "layer must be feed-forward, from (B, D) to (B, K)"),
    ),
    "a vector for every step": (
        lambda w: TimeDistributed(Dense(D, H, rng=R)).forward(w.x[:, 0]),
        (ShapeError, "TimeDistributed.forward: x must be (B, T, D=3), got (4, 3)"),
    ),
    "branches apart below another layer, above an LSTM": (
        lambda w: Sequential(
            lstm(),
            Parallel(Dense(H, 2, rng=R), Dense(H, 2, rng=R), merge="none"),
            Dense(2, 1, rng=R),
        ),
        (ShapeError, "layer 2 (Dense) needs", "an extra axis of branches, from layer 1 (Parallel)"),
    ),
    "a vector repeated twice": (
        lambda w: Sequential(RepeatVector(3), RepeatVector(2)),
        (ShapeError, "layer 1 (RepeatVector) needs one vector", "from layer 0 (RepeatVector)"),
    ),
    "a sequence to what begins with a repeated vector": (
        lambda w: Sequential(lstm(), Sequential(Dropout(0.1), RepeatVector(2), lstm(H))),
        (ShapeError, "layer 1 (Sequential) needs one vector", "a sequence, from layer 0 (LSTM)"),
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
        (ShapeError, "all branches must output the same number, got [1, 3]"),
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
}
