"""What `predict` and `Stream` refuse, and ``need_x``."""

from npstack import (
    LSTM,
    ArgumentError,
    DtypeError,
    ShapeError,
    StackedBidirectional,
    Stream,
    predict,
)
from tests.layers.wrong_calls.world import D, H, R


def begun(w):
    stream = Stream(w.lstm)
    stream.step(w.x[:, 0])
    return stream


STREAMING = {
    "a whole sequence as one step": (
        lambda w: Stream(w.lstm).step(w.x),
        (ShapeError, "Stream.step: x must be (B, D=3), got (4, 5, 3)", "one step of every row"),
    ),
    "a step of other rows": (
        lambda w: begun(w).step(w.x[:2, 0]),
        (ShapeError, "Stream.step: x must be (B=4, D=3), got (2, 3)", "always of the same rows"),
    ),
    "a stream of two directions": (
        lambda w: Stream(StackedBidirectional(LSTM, D, [H], rng=R)),
        (ArgumentError, "Stream: it needs a model in which no step depends on a later one"),
    ),
    "a class instead of a model": (
        lambda w: predict(LSTM, w.x),
        (DtypeError, "predict: model must be a layer", "Build it first: LSTM(…)."),
    ),
    "need_x as a number": (
        lambda w: w.lstm.backward(w.tape, w.doutputs, need_x=0),
        (ArgumentError, "LSTM.backward: need_x must be True or False, got 0 (int)"),
    ),
}
