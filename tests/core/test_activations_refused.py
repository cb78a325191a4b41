"""Names that are not activations, or stand for two: refused, with these messages."""

import math
import re

import numpy as np
import pytest

from npstack import ArgumentError
from npstack.core.activations import ACTIVATIONS, Activation, check_activation

pytestmark = pytest.mark.core

ALL = (
    "'linear', 'sigmoid', 'tanh', 'relu', 'leaky_relu', 'thresholded_relu', 'elu', 'softsign', "
    "'softplus', 'scaled_tanh', 'affine', 'hard_sigmoid_fifth', 'hard_sigmoid_sixth'"
)
BOTH = (
    "must be 'hard_sigmoid_fifth' or 'hard_sigmoid_sixth', got {}. The fifth is "
    "clip(0.2 a + 0.5, 0, 1), in Keras 1 and 2, ONNX (its default) and MATLAB; the sixth is "
    "clip(a/6 + 1/2, 0, 1), in Keras 3, PyTorch and JAX."
)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sigmod",), f"name must be one of {ALL}, got 'sigmod'. Did you mean 'sigmoid'?"),
        (("LeakyRelu",), f"name must be one of {ALL}, got 'LeakyRelu'. Did you mean 'leaky_relu'?"),
        ((3,), f"name must be one of {ALL}, got 3 (int). Pick one of these."),
        (("hard_sigmoid", 0.2, 0.5), "name " + BOTH.format("'hard_sigmoid'")),
        (
            ("relu", 0.1),
            "relu takes no alpha, got alpha=0.1. Leave it out, or take one that has it: "
            "leaky_relu, thresholded_relu, elu, scaled_tanh, affine, hard_sigmoid_fifth.",
        ),
        (
            ("elu", 0.1, 0.0),
            "elu takes no beta, got beta=0.0. Leave it out, or take one that has it: scaled_tanh, "
            "affine, hard_sigmoid_fifth.",
        ),
        (
            ("elu", "1"),
            "alpha must be a finite number, got '1' (str). Leave it out for the default.",
        ),
        (
            ("affine", 1, math.nan),
            "beta must be a finite number, got nan (float). Leave it out for the default.",
        ),
        (
            ("affine", True),
            "alpha must be a finite number, got True (bool). Leave it out for the default.",
        ),
    ],
    ids=str,
)
def test_what_is_refused_and_in_which_words(arguments, message):
    with pytest.raises(ArgumentError, match=f"^{re.escape(f'Activation: {message}')}$"):
        Activation(*arguments)


@pytest.mark.parametrize("name", ["hard_sigmoid", "HardSigmoid", "HARD_SIGMOID", "hard_sigmod"])
def test_the_name_that_means_two_functions_is_refused_with_both(name):
    message = f"LSTMCell: input {BOTH.format(repr(name))}"
    with pytest.raises(ArgumentError, match=f"^{re.escape(message)}$"):
        check_activation("LSTMCell", "input", name)


def test_names_and_activations_are_taken():
    elu = Activation("elu", 0.5)
    assert check_activation("Dense", "activation", elu) is elu
    for name in ACTIVATIONS:
        assert check_activation("Dense", "activation", name) == Activation(name)
    message = "Dense: gate must be one of 'linear',"
    with pytest.raises(ArgumentError, match=message):
        check_activation("Dense", "gate", np.ones(2))
    message = re.escape(
        "Dense: gate must be the name of an activation, or an activation, got <ufunc 'tanh'> "
        "(ufunc). With its slope it is one: OwnActivation('my_tanh', function, derivative)."
    )
    with pytest.raises(ArgumentError, match=message):
        check_activation("Dense", "gate", np.tanh)
