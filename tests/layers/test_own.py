"""The user's own layers and cells with something missing: errors that name it."""

import numpy as np
import pytest

from npstack import (
    LSTM,
    ArgumentError,
    Dense,
    DtypeError,
    EncoderDecoder,
    Layer,
    Parallel,
    Recurrent,
    RepeatVector,
    RNNCell,
    Sequential,
    ShapeError,
    SourceTarget,
    Tape,
    check_gradients,
)
from npstack.layers import Interface

pytestmark = pytest.mark.core

X = np.ones((2, 3, 4))


class Doubled(Layer):
    """A right layer, of which the others are wrong ones."""

    def __init__(self, size=4):
        super().__init__({}, Interface(size, size))

    def _forward(self, params, x, context):
        return Tape(params, x, context.mask, 2 * x, None)

    def _backward(self, tape, doutputs, dfinal):
        return {}, 2 * doutputs, ()


class NotBegun(Doubled):
    def __init__(self):
        self.size = 4


class NoTape(Doubled):
    def _forward(self, params, x, context):
        return 2 * x


class TooWide(Doubled):
    def _forward(self, params, x, context):
        return Tape(params, x, context.mask, np.concatenate([x, x], axis=-1), None)


class TwoGradients(Doubled):
    def _backward(self, tape, doutputs, dfinal):
        return {}, 2 * doutputs


class NoDictionary(Doubled):
    def _backward(self, tape, doutputs, dfinal):
        return 2 * doutputs


def test_a_right_one_is_right():
    assert check_gradients(Doubled(), X).passed
    assert check_gradients(Sequential(Doubled(), Dense(4, 1, rng=np.random.default_rng(0))), X)


@pytest.mark.parametrize("around", [lambda own: own, lambda own: Sequential(own, Doubled())])
@pytest.mark.parametrize(
    ("own", "error", "words"),
    [
        (NotBegun, ArgumentError, r"NotBegun: its constructor must call super\(\).__init__"),
        (NoTape, DtypeError, "NoTape._forward: it must return Tape.*got an array"),
        (TooWide, ShapeError, r"TooWide._forward: its outputs must have shape \(2, 3, 4\)"),
        (TwoGradients, DtypeError, "TwoGradients._backward: it must return .*got 2 of them"),
        (NoDictionary, DtypeError, "NoDictionary._backward: it must return .*got an array"),
    ],
)
def test_a_wrong_layer_is_named(around, own, error, words):
    with pytest.raises(error, match=words):
        check_gradients(around(own()), X)


class OneState(RNNCell):
    def step(self, params, x, state, noise=None):
        return super().step(params, x, state, noise)[0]


class BareArray(RNNCell):
    def step(self, params, x, state, noise=None):
        new, record = super().step(params, x, state, noise)
        return new.h, record


class WrongWidth(RNNCell):
    def step(self, params, x, state, noise=None):
        new, record = super().step(params, x, state, noise)
        return new._replace(h=new.h[:, :1]), record


class BackwardOfTwo(RNNCell):
    def step_backward(self, *given):
        return super().step_backward(*given)[:2]


class BackwardOfArrays(RNNCell):
    def step_backward(self, *given):
        dparams, dx, dstate = super().step_backward(*given)
        return dparams, dx, dstate.h


@pytest.mark.parametrize(
    ("cell", "error", "words"),
    [
        (OneState, DtypeError, "OneState.step: it must return a pair .*got an RNNState"),
        (BareArray, DtypeError, "BareArray.step: it must return a pair .*got an array in it"),
        (WrongWidth, ShapeError, r"WrongWidth.step: RNNState.h must have shape .* got \(2, 1\)"),
        (BackwardOfTwo, DtypeError, "BackwardOfTwo.step_backward: it must return .*got 2 things"),
        (BackwardOfArrays, DtypeError, r"step_backward: .*dstate \(RNNState\), got an array in"),
    ],
)
def test_a_wrong_cell_is_named(cell, error, words):
    layer = Recurrent(cell(4, 3, rng=np.random.default_rng(0)))
    with pytest.raises(error, match=words):
        layer.backward(layer.forward(X), np.ones((2, 3, 3)))


@pytest.mark.parametrize("merge", ["sum", "concat", "mul", "ave", "none"])
def test_branches_of_different_lengths_are_told(merge):
    branches = Parallel(
        Sequential(Dense(4, 2, rng=np.random.default_rng(0)), RepeatVector(3)),
        Sequential(Dense(4, 2, rng=np.random.default_rng(0)), RepeatVector(4)),
        merge=merge,
    )
    with pytest.raises(ShapeError, match=r"as long, got \[\(2, 3, 2\), \(2, 4, 2\)\]"):
        branches.forward(np.ones((2, 4)))


def test_branches_that_treat_time_in_different_ways_are_told_apart():
    rng = np.random.default_rng(0)
    with pytest.raises(ShapeError, match="got a time axis that is kept in branch 1 only"):
        Parallel(LSTM(4, 2, return_sequences=False, rng=rng), LSTM(4, 2, rng=rng))


def test_a_place_beyond_the_layers_is_told():
    with pytest.raises(IndexError, match=r"Sequential has 2 layers, got \[2\]"):
        Sequential(Doubled(), Doubled())[2]


def test_a_tape_is_shown_in_one_line():
    tape = Sequential(Doubled(), LSTM(4, 3, rng=np.random.default_rng(0))).forward(X)
    assert repr(tape) == "CompositeTape(x (2, 3, 4), outputs (2, 3, 3))"
    assert len(repr(tape.parts[1])) < 80
    sides = (LSTM(4, 3, rng=np.random.default_rng(0)) for _ in range(2))
    pair = EncoderDecoder(*sides).forward(SourceTarget(X, X[:, :2]))
    assert "(x.source (2, 3, 4), x.target_in (2, 2, 4), x.source_mask" in repr(pair)
