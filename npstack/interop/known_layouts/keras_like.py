"""Keras 3, Keras 2, and the cuDNN layers of Keras 2."""

from __future__ import annotations

from typing import Any

from npstack.interop.known_layouts.entries import (
    AFTER,
    BACKWARDS,
    GRU_ORDER,
    HIDDEN,
    IFGO,
    MERGES,
    ORDER,
    TWO_OF_GRU,
    TWO_OF_LSTM,
    ZRN,
    three,
)
from npstack.interop.layout import Column, Entry, Layout

_KERAS = "{direction}kernel {direction}recurrent_kernel {direction}bias"
OFFERS = frozenset(
    {
        "linear",
        "sigmoid",
        "tanh",
        "relu",
        "leaky_relu",
        "elu",
        "softsign",
        "softplus",
        "hard_sigmoid_sixth",
        "hard_sigmoid_fifth",  # by a function of its own, which `to_model` makes
    }
)
OFFERS_2 = OFFERS - {"hard_sigmoid_sixth", "leaky_relu"}
_KERAS_ONE = Entry("{direction}bias", "b", ZRN, optional="bias", reset="before")
_KERAS_TWO = Entry("{direction}bias", "b_both", ZRN, optional="bias", axis=True, reset="after")
_KERAS_GRU = (
    Entry("{direction}kernel", "W", ZRN),
    Entry("{direction}recurrent_kernel", "U", ZRN),
    _KERAS_TWO,
    _KERAS_ONE,
)


def _keras(name: str, what: str, gate: str, reset: tuple[str, ...], live: bool) -> Layout:
    gates = dict.fromkeys(("input", "forget", "output"), gate)
    offers = OFFERS if live else OFFERS_2
    own: Any = {
        "directions": ("forward/", "backward/"),
        "alone": "",
        "choosable": True,
        "offers": offers,
        "has": BACKWARDS,
        "merges": MERGES,
    }
    return Layout(
        name,
        what,
        Column(
            three(_KERAS, IFGO, False), activations=gates, groups=TWO_OF_LSTM, clauses=ORDER, **own
        ),
        Column(
            _KERAS_GRU,
            reset=reset,
            activations=dict.fromkeys(("reset", "update"), gate),
            groups=TWO_OF_GRU,
            clauses=GRU_ORDER,
            **own,
        ),
        Column(three(_KERAS, HIDDEN, False), clauses=ORDER, **own),
        live,
    )


KERAS_3 = _keras(
    "keras",
    "keras.layers.LSTM, GRU and SimpleRNN of Keras 3; backward/… in a Bidirectional",
    "sigmoid",
    ("after", "before"),
    True,
)
KERAS_2 = _keras(
    "keras2",
    "Keras 1 and 2.0 to 2.2: as Keras 3, but its gates were hard sigmoids (slope 1/5) by default",
    "hard_sigmoid_fifth",
    ("before", "after"),
    False,
)
_CU = "kernel recurrent_kernel"
KERAS_2_CUDNN = Layout(
    "keras2-cudnn",
    "CuDNNLSTM and CuDNNGRU of Keras 2: two biases in one, kernels as cuDNN reads them",
    Column(
        (
            Entry("kernel", "W", IFGO, reshaped=True),
            Entry("recurrent_kernel", "U", IFGO, reshaped=True),
            Entry("bias", "b_both", IFGO),
        ),
        clauses=ORDER,
    ),
    Column(
        (
            Entry("kernel", "W", ZRN, reshaped=True),
            Entry("recurrent_kernel", "U", ZRN, reshaped=True),
            Entry("bias", "b_both", ZRN),
        ),
        reset=AFTER,
        clauses=GRU_ORDER,
    ),
)
