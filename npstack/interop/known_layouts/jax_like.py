"""Flax, Haiku, Equinox."""

from __future__ import annotations

from npstack.interop.known_layouts.entries import (
    AFTER,
    BEFORE,
    GRU_ORDER,
    HIDDEN,
    IFGO,
    IGFO,
    ORDER,
    RZN,
    TWO_OF_GRU,
    TWO_OF_LSTM,
    ZRN,
    per_gate,
    three,
)
from npstack.interop.layout import LETTERS, Column, Entry, Layout

_LINEN_GATES = {gate: letter for letter, gate in LETTERS["lstm"].items()}
_LINEN_GRU = {"reset": "r", "update": "z", "candidate": "n"}
LINEN = Layout(
    "flax-linen",
    "flax.linen LSTMCell, OptimizedLSTMCell, GRUCell and SimpleCell; LSTMCell of flax.nnx",
    Column(
        per_gate(
            _LINEN_GATES,
            ("i{gate}/kernel", "W", False, ""),
            ("h{gate}/kernel", "U", False, ""),
            ("h{gate}/bias", "b", False, "bias"),
        ),
        choosable=True,
        groups=TWO_OF_LSTM,
        clauses=ORDER,
    ),
    Column(
        (
            *per_gate(
                _LINEN_GRU,
                ("i{gate}/kernel", "W", False, ""),
                ("i{gate}/bias", "b", False, "bias"),
                ("h{gate}/kernel", "U", False, ""),
            ),
            Entry("hn/bias", "b_recurrent", ("candidate",), optional="bias"),
        ),
        reset=AFTER,
        choosable=True,
        groups=TWO_OF_GRU,
        clauses=GRU_ORDER,
    ),
    Column(
        (
            Entry("i/kernel", "W", HIDDEN),
            Entry("i/bias", "b", HIDDEN, optional="bias"),
            Entry("h/kernel", "U", HIDDEN),
        ),
        choosable=True,
        clauses=ORDER,
    ),
    live=True,
)
NNX = Layout(
    "flax-nnx",
    "flax.nnx OptimizedLSTMCell, GRUCell and SimpleCell",
    Column(
        three("dense_i/kernel dense_h/kernel dense_h/bias", IFGO, False),
        choosable=True,
        groups=TWO_OF_LSTM,
        clauses=ORDER,
    ),
    Column(
        three("dense_i/kernel dense_h/kernel dense_i/bias", RZN, False),
        reset=AFTER,
        inner_bias=False,
        choosable=True,
        groups=TWO_OF_GRU,
        clauses=GRU_ORDER,
    ),
    Column(
        three("dense_i/kernel dense_h/kernel dense_i/bias", HIDDEN, False),
        choosable=True,
        clauses=ORDER,
    ),
    live=True,
)
HAIKU = Layout(
    "haiku",
    "hk.LSTM (its linear/w reads x and h' joined), hk.GRU, hk.VanillaRNN",
    Column(
        (Entry("linear/w", "WU", IGFO), Entry("linear/b", "b", IGFO, optional="bias")),
        forget_bias=1.0,
        clauses=ORDER,
    ),
    Column(three("w_i w_h b", ZRN, False), reset=BEFORE, keeps=False, clauses=GRU_ORDER),
    Column(
        (
            Entry("input_to_hidden/w", "W", HIDDEN),
            Entry("input_to_hidden/b", "b", HIDDEN, optional="bias"),
            Entry("hidden_to_hidden/w", "U", HIDDEN),
            Entry("hidden_to_hidden/b", "b_recurrent", HIDDEN, optional="second bias"),
        ),
        activations={"hidden": "relu"},
        clauses=ORDER,
    ),
)
EQUINOX = Layout(
    "equinox",
    "eqx.nn.LSTMCell and GRUCell",
    Column(three("weight_ih weight_hh bias", IFGO, True), clauses=ORDER),
    Column(
        three(
            "weight_ih weight_hh bias",
            RZN,
            True,
            Entry("bias_n", "b_recurrent", ("candidate",), optional="bias"),
        ),
        reset=AFTER,
        clauses=GRU_ORDER,
    ),
)
