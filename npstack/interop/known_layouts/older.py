"""TensorFlow 1, DyNet, Core ML, Lasagne."""

from __future__ import annotations

from npstack.interop.known_layouts.entries import (
    AFTER,
    BACKWARDS,
    BEFORE,
    GRU_ORDER,
    HIDDEN,
    IFOG,
    IGFO,
    ORDER,
    SIGMOIDS,
    THREE_OF_LSTM,
    TWO_OF_GRU,
    TWO_OF_LSTM,
    gru,
    per_gate,
    three,
)
from npstack.interop.layout import Column, Entry, Layout

_DIAG = {"input": "i", "forget": "f", "output": "o"}
TF1 = Layout(
    "tf1",
    "tf.nn.rnn_cell.LSTMCell, GRUCell and BasicRNNCell of TensorFlow 1",
    Column(
        (
            Entry("kernel", "WU", IGFO),
            Entry("bias", "b", IGFO, optional="bias"),
            *per_gate(_DIAG, ("w_{gate}_diag", "P", False, "peepholes")),
            Entry("projection/kernel", "R", (), optional="projection"),
        ),
        forget_bias=1.0,
        choosable=True,
        fixed=SIGMOIDS,
        groups=TWO_OF_LSTM,
        has=frozenset({"cell_clip", "projection_clip"}),
        clauses=ORDER,
    ),
    Column(
        (
            Entry("gates/kernel", "WU", gru("rz")),
            Entry("gates/bias", "b", gru("rz"), optional="bias"),
            Entry("candidate/kernel", "WU", gru("n")),
            Entry("candidate/bias", "b", gru("n"), optional="bias"),
        ),
        reset=BEFORE,
        choosable=True,
        fixed=("reset", "update"),
        clauses=GRU_ORDER,
    ),
    Column(
        (Entry("kernel", "WU", HIDDEN), Entry("bias", "b", HIDDEN, optional="bias")),
        choosable=True,
        clauses=ORDER,
    ),
)
DYNET = Layout(
    "dynet",
    "VanillaLSTMBuilder of DyNet: parameters _0, _1, _2 of a layer",
    Column(three("_0 _1 _2", IFOG, True), forget_bias=1.0, clauses=ORDER),
)
_COREML_GATES = {
    "input": "inputGate",
    "forget": "forgetGate",
    "candidate": "blockInput",
    "output": "outputGate",
}
_COREML_GRU = {"update": "updateGate", "reset": "resetGate", "candidate": "outputGate"}
_COREML_PEEP = {gate: _COREML_GATES[gate] for gate in ("input", "forget", "output")}


def _coreml(gates: dict[str, str]) -> tuple[Entry, ...]:
    return per_gate(
        gates,
        ("{gate}WeightMatrix", "W", True, ""),
        ("{gate}RecursionMatrix", "U", True, ""),
        ("{gate}BiasVector", "b", False, "bias"),
    )


COREML = Layout(
    "coreml",
    "UniDirectionalLSTM, GRU and SimpleRecurrent layers of Core ML's neural network format",
    Column(
        (
            *_coreml(_COREML_GATES),
            *per_gate(_COREML_PEEP, ("{gate}PeepholeVector", "P", False, "peepholes")),
        ),
        choosable=True,
        groups=THREE_OF_LSTM,
        has=frozenset({"cell_clip", "coupled"}),
        clauses=ORDER,
    ),
    Column(
        _coreml(_COREML_GRU), reset=BEFORE, choosable=True, groups=TWO_OF_GRU, clauses=GRU_ORDER
    ),
    Column(
        three("weightMatrix recursionMatrix biasVector", HIDDEN, True),
        choosable=True,
        clauses=ORDER,
    ),
)
_LASAGNE_GATES = {
    "input": "ingate",
    "forget": "forgetgate",
    "candidate": "cell",
    "output": "outgate",
}
_LASAGNE_PEEP = {gate: _LASAGNE_GATES[gate] for gate in ("input", "forget", "output")}
_LASAGNE_GRU = {"reset": "resetgate", "update": "updategate", "candidate": "hidden_update"}


def _lasagne(gates: dict[str, str]) -> tuple[Entry, ...]:
    return per_gate(
        gates,
        ("W_in_to_{gate}", "W", False, ""),
        ("W_hid_to_{gate}", "U", False, ""),
        ("b_{gate}", "b", False, "bias"),
    )


LASAGNE = Layout(
    "lasagne",
    "LSTMLayer, GRULayer of Lasagne (its RecurrentLayer: W_in_to_hid, W_hid_to_hid, b)",
    Column(
        (
            *_lasagne(_LASAGNE_GATES),
            *per_gate(_LASAGNE_PEEP, ("W_cell_to_{gate}", "P", False, "peepholes")),
        ),
        choosable=True,
        has=BACKWARDS,
        clauses=ORDER,
    ),
    Column(
        _lasagne(_LASAGNE_GRU),
        reset=AFTER,
        keeps=False,
        inner_bias=False,
        choosable=True,
        has=BACKWARDS,
        clauses=GRU_ORDER,
    ),
    Column(
        three("W_in_to_hid W_hid_to_hid b", HIDDEN, False),
        choosable=True,
        has=BACKWARDS,
        clauses=ORDER,
    ),
)
