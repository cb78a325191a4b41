"""Wrong calls of pictures: each is refused in words."""

import numpy as np
import pytest

from npstack import ArgumentError, Dense, DtypeError, ShapeError, TapeError, plots
from npstack.training.fit import History
from tests.plots.drawn import T, stack_and_tape


def wrong_calls():
    rng = np.random.default_rng(7)
    stack, tape = stack_and_tape()
    dense = Dense(3, 1, rng=rng).forward(np.ones((2, T, 3)))
    history = History([1], [1.0], [None], [1.0])
    history.epochs.clear()
    nine = np.zeros(9)
    params = stack.params
    own = {"W": params["layers.0.W"], "U": params["layers.0.U"], "b": params["layers.0.b"]}
    bad = {**own, "U": own["U"][1:]}
    return {
        "row too large": (lambda: plots.activations(tape, row=2), ArgumentError, "from 0 to 1"),
        "row negative": (lambda: plots.gates(tape.layers[0], row=-1), ArgumentError, "from 0 to 1"),
        "row a float": (lambda: plots.activations(tape, row=1.0), ArgumentError, "whole number"),
        "no recurrent layer": (lambda: plots.activations(dense), TapeError, "recurrent layer"),
        "an array": (lambda: plots.activations(np.ones(3)), TapeError, "must be a tape"),
        "times of other length": (
            lambda: plots.activations(tape, times=nine),
            ShapeError,
            r"times must be \(T=12",
        ),
        "times that fall": (
            lambda: plots.activations(tape, times=-np.arange(T)),
            ArgumentError,
            "rising",
        ),
        "times that stand still": (
            lambda: plots.activations(tape, times=np.minimum(np.arange(T), 5)),
            ArgumentError,
            "rising",
        ),
        "times that are words": (
            lambda: plots.activations(tape, times=["May"] * T),
            ArgumentError,
            "decimal",
        ),
        "labels of other number": (
            lambda: plots.activations(tape, input_labels=["one"]),
            ShapeError,
            "input_labels must name 3",
        ),
        "gates of a stack": (lambda: plots.gates(tape), TapeError, r"tape\.layers\[0\]"),
        "saturation of words": (lambda: plots.saturation("tape"), DtypeError, "analysis"),
        "saturation of nothing": (lambda: plots.saturation(()), DtypeError, "analysis"),
        "saturation without layer": (lambda: plots.saturation(dense), TapeError, "recurrent"),
        "norms as array": (lambda: plots.gradient_norms(np.ones((2, 3))), ShapeError, r"\(L, T\)"),
        "norms one-dimensional": (
            lambda: plots.gradient_norms({"h": nine}),
            ShapeError,
            r"\(L, T\)",
        ),
        "weights of a stack": (lambda: plots.weights(params), ArgumentError, "'layers.0'"),
        "weights of no layer": (
            lambda: plots.weights(params, layer="layers.7"),
            ArgumentError,
            "'layers.1'",
        ),
        "gradients of other shape": (lambda: plots.weights(own, bad), ShapeError, "gradients"),
        "history without epochs": (lambda: plots.training_curves(history), ArgumentError, "epoch"),
        "not a history": (lambda: plots.training_curves([1.0]), ArgumentError, "train_loss"),
        "truth with columns": (
            lambda: plots.forecasts(nine, np.zeros((9, 1)), {"a": nine}),
            ShapeError,
            "truth",
        ),
        "prediction of other length": (
            lambda: plots.forecasts(np.arange(9), nine, {"a": nine[1:]}),
            ShapeError,
            r"predictions\['a'\]",
        ),
        "no prediction": (
            lambda: plots.forecasts(np.arange(9), nine, {}),
            ArgumentError,
            "dictionary",
        ),
        "diagram of a tape": (lambda: plots.diagram(tape), DtypeError, "must be a layer"),
    }


@pytest.mark.parametrize("name", wrong_calls())
def test_wrong_calls_are_refused_in_words(name):
    call, error, words = wrong_calls()[name]
    with pytest.raises(error, match=words):
        call()
