"""PyTorch, and what stores like it: two biases, kernels transposed."""

from __future__ import annotations

from typing import Any

from npstack.interop.known_layouts.entries import (
    AFTER,
    GRU_ORDER,
    HIDDEN,
    IFGO,
    ORDER,
    RZN,
    TANH_OR_RELU,
    four,
)
from npstack.interop.layout import Column, Entry, Layout

_TORCH = (
    "weight_ih_l{layer}{direction} weight_hh_l{layer}{direction} "
    "bias_ih_l{layer}{direction} bias_hh_l{layer}{direction}"
)
_TORCH_WAYS = ("", "_reverse")
_EITHER: Any = {"choosable": True, "offers": TANH_OR_RELU, "clauses": ORDER}
_PROJECTION = Entry("weight_hr_l{layer}{direction}", "R", (), True, "projection")

PYTORCH = Layout(
    "pytorch",
    "torch.nn.LSTM, GRU and RNN: the names of their state_dict",
    Column(four(_TORCH, IFGO, True, _PROJECTION), _TORCH_WAYS, same_size=True, clauses=ORDER),
    Column(four(_TORCH, RZN, True), _TORCH_WAYS, reset=AFTER, same_size=True, clauses=GRU_ORDER),
    Column(four(_TORCH, HIDDEN, True), _TORCH_WAYS, same_size=True, **_EITHER),
    live=True,
)

_CELL = "weight_ih weight_hh bias_ih bias_hh"
PYTORCH_CELL = Layout(
    "pytorch-cell",
    "torch.nn.LSTMCell, GRUCell and RNNCell: the names of their state_dict",
    Column(four(_CELL, IFGO, True), clauses=ORDER),
    Column(four(_CELL, RZN, True), reset=AFTER, clauses=GRU_ORDER),
    Column(four(_CELL, HIDDEN, True), **_EITHER),
    live=True,
)

JAX = Layout(
    "jax",
    "jax.experimental.rnn: its flat vector as `split_vector` cuts it, with the names of PyTorch",
    Column(four(_TORCH, IFGO, True), _TORCH_WAYS, same_size=True, clauses=ORDER),
    live=True,
)

_CUDNN_NAMES = "W{layer}{direction} R{layer}{direction} bW{layer}{direction} bR{layer}{direction}"
CUDNN = Layout(
    "cudnn",
    "cuDNN's RNN with two biases: its matrices by layer, W0, R0, bW0, bR0",
    Column(four(_CUDNN_NAMES, IFGO, True), _TORCH_WAYS, same_size=True, clauses=ORDER),
    Column(
        four(_CUDNN_NAMES, RZN, True),
        _TORCH_WAYS,
        reset=AFTER,
        same_size=True,
        clauses=GRU_ORDER,
    ),
    Column(four(_CUDNN_NAMES, HIDDEN, True), _TORCH_WAYS, same_size=True, **_EITHER),
)

_MX = (
    "{direction}{layer}_i2h_weight {direction}{layer}_h2h_weight "
    "{direction}{layer}_i2h_bias {direction}{layer}_h2h_bias"
)
_MX_PROJECTION = Entry("{direction}{layer}_h2r_weight", "R", (), True, "projection")
_MX_NAMES: Any = {"same_size": True, "joints": "./:_"}  # Gluon puts lstm0_ in front
MXNET = Layout(
    "mxnet",
    "MXNet Gluon's rnn.LSTM, GRU and RNN: l0_i2h_weight, r0_i2h_weight for the other direction",
    Column(four(_MX, IFGO, True, _MX_PROJECTION), ("l", "r"), clauses=ORDER, **_MX_NAMES),
    Column(four(_MX, RZN, True), ("l", "r"), reset=AFTER, clauses=GRU_ORDER, **_MX_NAMES),
    Column(
        four(_MX, HIDDEN, True),
        ("l", "r"),
        activations={"hidden": "relu"},
        **_MX_NAMES,
        **_EITHER,
    ),
)
