"""The tables of the arrays of every framework, with its equations."""

from __future__ import annotations

import re

from tests.interop.equations import (
    CELL,
    CUDNN,
    KERAS,
    MXNET,
    TORCH,
    coreml_gru,
    coreml_lstm,
    coreml_rnn,
    cudnn_gru,
    cudnn_lstm,
    dynet_lstm,
    equinox_gru,
    equinox_lstm,
    haiku_gru,
    haiku_lstm,
    haiku_rnn,
    hard,
    keras_gru_after,
    keras_gru_before,
    keras_lstm,
    keras_rnn,
    lasagne_gru,
    lasagne_lstm,
    lasagne_rnn,
    linen_gru,
    linen_lstm,
    linen_rnn,
    nnx_gru,
    nnx_lstm,
    nnx_rnn,
    onnx_gru,
    onnx_lstm,
    onnx_rnn,
    openvino_gru,
    openvino_lstm,
    openvino_rnn,
    relu,
    tf1_gru,
    tf1_lstm,
    tf1_rnn,
    torch_like,
)
from tests.interop.formula import Formula


def each(gates: str, *forms: str) -> str:
    """A table with a line for each gate."""
    return "\n".join(form.replace("*", gate) for form in forms for gate in gates.split())


KERAS_LSTM, KERAS_RNN = KERAS.format(k="4H", b="4H"), KERAS.format(k="H", b="H")
KERAS_AFTER, KERAS_BEFORE = (KERAS.format(k="3H", b=b) for b in ("2,3H", "3H"))
_ONNX = "W {k}H,D\nR {k}H,H\nB {b}H bias"
_CUDNN = "kernel D,{k}H\nrecurrent_kernel H,{k}H\nbias {b}H"
_NNX = "dense_i/kernel D,{k}\ndense_h/kernel H,{k}\n{b}/bias {k} bias"
_COREML = ("*WeightMatrix H,D", "*RecursionMatrix H,H", "*BiasVector H bias")
_LASAGNE = ("W_in_to_* D,H", "W_hid_to_* H,H", "b_* H bias")

FORMULAS: dict[tuple[str, str], Formula] = {
    ("pytorch", "lstm"): torch_like(TORCH, "lstm", "weight_hr_l0 P,H projection"),
    ("pytorch", "gru"): torch_like(TORCH, "gru"),
    ("pytorch", "rnn"): torch_like(TORCH, "rnn"),
    ("pytorch-cell", "lstm"): torch_like(CELL, "lstm"),
    ("pytorch-cell", "gru"): torch_like(CELL, "gru"),
    ("pytorch-cell", "rnn"): torch_like(CELL, "rnn"),
    ("jax", "lstm"): torch_like(TORCH, "lstm"),
    ("cudnn", "lstm"): torch_like(CUDNN, "lstm"),
    ("cudnn", "gru"): torch_like(CUDNN, "gru"),
    ("cudnn", "rnn"): torch_like(CUDNN, "rnn"),
    ("mxnet", "lstm"): torch_like(MXNET, "lstm", "l0_h2r_weight P,H projection"),
    ("mxnet", "gru"): torch_like(MXNET, "gru"),
    ("mxnet", "rnn"): torch_like(MXNET, "rnn", hidden=relu),
    ("equinox", "lstm"): Formula("weight_ih 4H,D\nweight_hh 4H,H\nbias 4H bias", equinox_lstm),
    ("equinox", "gru"): Formula(
        "weight_ih 3H,D\nweight_hh 3H,H\nbias 3H bias\nbias_n H bias", equinox_gru
    ),
    ("keras", "lstm"): Formula(KERAS_LSTM, keras_lstm()),
    ("keras", "gru"): Formula(KERAS_AFTER, keras_gru_after(), {"reset": "after"}),
    ("keras", "gru before"): Formula(KERAS_BEFORE, keras_gru_before(), {"reset": "before"}),
    ("keras", "rnn"): Formula(KERAS_RNN, keras_rnn),
    ("keras2", "lstm"): Formula(KERAS_LSTM, keras_lstm(hard)),
    ("keras2", "gru"): Formula(KERAS_AFTER, keras_gru_after(hard), {"reset": "after"}),
    ("keras2", "gru before"): Formula(KERAS_BEFORE, keras_gru_before(hard)),
    ("keras2", "rnn"): Formula(KERAS_RNN, keras_rnn),
    ("keras2-cudnn", "lstm"): Formula(_CUDNN.format(k=4, b=8), cudnn_lstm),
    ("keras2-cudnn", "gru"): Formula(_CUDNN.format(k=3, b=6), cudnn_gru),
    ("onnx", "lstm"): Formula(_ONNX.format(k=4, b=8) + "\nP 3H peepholes", onnx_lstm),
    ("onnx", "gru"): Formula(_ONNX.format(k=3, b=6), onnx_gru(1), {"reset": "after"}),
    ("onnx", "gru before"): Formula(_ONNX.format(k=3, b=6), onnx_gru(0)),
    ("onnx", "rnn"): Formula(_ONNX.format(k=1, b=2), onnx_rnn),
    ("openvino", "lstm"): Formula(_ONNX.format(k=4, b=4), openvino_lstm),
    ("openvino", "gru"): Formula(_ONNX.format(k=3, b=3), openvino_gru),
    ("openvino", "rnn"): Formula(_ONNX.format(k=1, b=1), openvino_rnn),
    ("flax-linen", "lstm"): Formula(
        each("i f g o", "i*/kernel D,H", "h*/kernel H,H", "h*/bias H bias"), linen_lstm
    ),
    ("flax-linen", "gru"): Formula(
        each("r z n", "i*/kernel D,H", "i*/bias H bias", "h*/kernel H,H") + "\nhn/bias H bias",
        linen_gru,
    ),
    ("flax-linen", "rnn"): Formula("i/kernel D,H\ni/bias H bias\nh/kernel H,H", linen_rnn),
    ("flax-nnx", "lstm"): Formula(_NNX.format(k="4H", b="dense_h"), nnx_lstm),
    ("flax-nnx", "gru"): Formula(_NNX.format(k="3H", b="dense_i"), nnx_gru),
    ("flax-nnx", "rnn"): Formula(_NNX.format(k="H", b="dense_i"), nnx_rnn),
    ("haiku", "lstm"): Formula("linear/w D+H,4H\nlinear/b 4H bias", haiku_lstm),
    ("haiku", "gru"): Formula("w_i D,3H\nw_h H,3H\nb 3H bias", haiku_gru),
    ("haiku", "rnn"): Formula(
        "input_to_hidden/w D,H\ninput_to_hidden/b H bias\n"
        "hidden_to_hidden/w H,H\nhidden_to_hidden/b H second",
        haiku_rnn,
    ),
    ("tf1", "lstm"): Formula(
        "kernel D+P,4H\nbias 4H bias\n"
        + each("i f o", "w_*_diag H peepholes")
        + "\nprojection/kernel H,P projection",
        tf1_lstm,
    ),
    ("tf1", "gru"): Formula(
        "gates/kernel D+H,2H\ngates/bias 2H bias\ncandidate/kernel D+H,H\ncandidate/bias H bias",
        tf1_gru,
    ),
    ("tf1", "rnn"): Formula("kernel D+H,H\nbias H bias", tf1_rnn),
    ("dynet", "lstm"): Formula("_0 4H,D\n_1 4H,H\n_2 4H bias", dynet_lstm),
    ("coreml", "lstm"): Formula(
        each("inputGate forgetGate blockInput outputGate", *_COREML)
        + "\n"
        + each("inputGate forgetGate outputGate", "*PeepholeVector H peepholes"),
        coreml_lstm,
    ),
    ("coreml", "gru"): Formula(each("updateGate resetGate outputGate", *_COREML), coreml_gru),
    ("coreml", "rnn"): Formula(
        "weightMatrix H,D\nrecursionMatrix H,H\nbiasVector H bias", coreml_rnn
    ),
    ("lasagne", "lstm"): Formula(
        each("ingate forgetgate cell outgate", *_LASAGNE)
        + "\n"
        + each("ingate forgetgate outgate", "W_cell_to_* H peepholes"),
        lasagne_lstm,
    ),
    ("lasagne", "gru"): Formula(each("resetgate updategate hidden_update", *_LASAGNE), lasagne_gru),
    ("lasagne", "rnn"): Formula("W_in_to_hid D,H\nW_hid_to_hid H,H\nb H bias", lasagne_rnn),
}


def second_way(layout: str, name: str) -> tuple[str, str]:
    """What an array is called in a layer of two directions: forward, backward."""
    if layout in ("pytorch", "jax", "cudnn"):
        return name, f"{name}_reverse"
    if layout == "mxnet":
        return name, f"r{name[1:]}"
    if layout in ("keras", "keras2"):
        return f"forward/{name}", f"backward/{name}"
    return name, name  # one array, with an axis for the directions


TWO_WAYS = ("pytorch", "jax", "cudnn", "mxnet", "keras", "keras2", "onnx", "openvino")
STACKED = ("onnx", "openvino")


def in_layer(layout: str, name: str, layer: int) -> str:
    """What an array is called in a layer of a stack."""
    return re.sub(r"(?<=l)0|(?<=^[WRlr])0|(?<=^b[WR])0", str(layer), name, count=1)
