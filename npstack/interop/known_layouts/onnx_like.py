"""The recurrent operators of ONNX and OpenVINO."""

from __future__ import annotations

from npstack.core.activations import ACTIVATIONS
from npstack.interop.known_layouts.entries import (
    BEFORE,
    FIGO,
    GRU_ORDER,
    HIDDEN,
    IOFG,
    MERGES,
    ORDER,
    THREE_OF_LSTM,
    TWO_OF_GRU,
    ZRN,
    lstm,
    three,
)
from npstack.interop.layout import Column, Entry, Layout

CLIP = frozenset({"clip", "backwards"})
OFFERS = frozenset(ACTIVATIONS)  # an activation of a user's own has no name there
VINO_OFFERS = frozenset({"relu", "sigmoid", "tanh"})


def _onnx(gates: tuple[str, ...], *more: Entry) -> tuple[Entry, ...]:
    W, U = Entry("W", "W", gates, True), Entry("R", "U", gates, True)
    return W, U, Entry("B", "b_both", gates, optional="bias"), *more


_WAYS = ("", "")
ONNX = Layout(
    "onnx",
    "the operators LSTM, GRU and RNN of ONNX: inputs W, R, B, P",
    Column(
        _onnx(IOFG, Entry("P", "P", lstm("iof"), optional="peepholes")),
        _WAYS,
        stacked=True,
        choosable=True,
        has=CLIP | {"coupled"},
        offers=OFFERS,
        groups=THREE_OF_LSTM,
        merges=MERGES,
        clauses=ORDER,
    ),
    Column(
        _onnx(ZRN),
        _WAYS,
        stacked=True,
        reset=("before", "after"),
        choosable=True,
        has=CLIP,
        offers=OFFERS,
        groups=TWO_OF_GRU,
        merges=MERGES,
        clauses=GRU_ORDER,
    ),
    Column(
        _onnx(HIDDEN),
        _WAYS,
        stacked=True,
        choosable=True,
        has=CLIP,
        offers=OFFERS,
        merges=MERGES,
        clauses=ORDER,
    ),
    live=True,
)
_VINO_GRU = (
    Entry("W", "W", ZRN, True),
    Entry("R", "U", ZRN, True),
    Entry("B", "b", ZRN, optional="bias"),
)
OPENVINO = Layout(
    "openvino",
    "LSTMSequence, GRUSequence (linear_before_reset=false) and RNNSequence of OpenVINO: W, R, B",
    Column(
        three("W R B", FIGO, True),
        _WAYS,
        stacked=True,
        choosable=True,
        has=CLIP,
        offers=VINO_OFFERS,
        groups=THREE_OF_LSTM,
        merges=MERGES,
        clauses=ORDER,
    ),
    Column(
        _VINO_GRU,
        _WAYS,
        stacked=True,
        reset=BEFORE,
        choosable=True,
        has=CLIP,
        offers=VINO_OFFERS,
        groups=TWO_OF_GRU,
        merges=MERGES,
        clauses=GRU_ORDER,
    ),
    Column(
        three("W R B", HIDDEN, True),
        _WAYS,
        stacked=True,
        choosable=True,
        has=CLIP,
        offers=VINO_OFFERS,
        merges=MERGES,
        clauses=ORDER,
    ),
)
