"""Layers, cells, and what builds, stores and decodes them."""

import numpy as np

import npstack as nps
from npstack import cells, layers
from npstack.seq2seq import greedy_decode, shift_right
from tests.odd_calls.calls import Call, draw, normal
from tests.odd_calls.kinds import NEAR, REFUSED, SAME

SIZES = {"input_size": "size", "hidden_size": "size", "rng": "rng"}
FLAGS = {"return_sequences": "flag", "learn_initial": "flag"}
INITS = {"kernel_init": "word", "recurrent_init": "word", "bias_init": "word"}


def sized(**others):
    return lambda: {"input_size": 100, "hidden_size": 2, "rng": draw(), **others}


def inits(**others):
    return sized(kernel_init="glorot", recurrent_init="orthogonal", bias_init="zeros", **others)


def lstm():
    return nps.LSTM(3, 2, rng=draw())


def tape():
    return lstm().forward(normal(4, 5, 3))


def stack(kind, **options):
    def build(input_size, hidden_sizes, num_layers, **others):
        return kind(input_size, hidden_sizes, num_layers, **options, **others)

    return Call(
        build,
        lambda: {
            "input_size": 100,
            "hidden_sizes": 2,
            "num_layers": 2,
            "return_sequences": False,
            "learn_initial": True,
            "dropout": 0.5,
            "rng": draw(),
        },
        {
            "input_size": "size",
            "hidden_sizes": "size",
            "num_layers": "size or None",
            **FLAGS,
            "dropout": "number",
            "rng": "rng",
        },
    )


def seq2seq():
    rng = draw()
    encoder = nps.Sequential(nps.Embedding(7, 3, rng=rng), nps.LSTM(3, 4, rng=rng))
    decoder = nps.Sequential(
        nps.Embedding(7, 3, rng=rng), nps.LSTM(3, 4, rng=rng), nps.Dense(4, 7, rng=rng)
    )
    return nps.EncoderDecoder(encoder, decoder)


def state():
    return nps.LSTMState(normal(4, 2), normal(4, 2))


CALLS = {
    "LSTMCell": Call(
        nps.LSTMCell, inits(forget_bias=0.5), {**SIZES, **INITS, "forget_bias": "number or None"}
    ),
    "GRUCell": Call(
        nps.GRUCell,
        inits(gate="sigmoid", candidate="tanh"),
        {**SIZES, **INITS, "gate": "word", "candidate": "word"},
    ),
    "GRUResetBeforeCell": Call(nps.GRUResetBeforeCell, inits(), {**SIZES, **INITS}),
    "RNNCell": Call(
        nps.RNNCell, inits(activation="relu"), {**SIZES, **INITS, "activation": "word"}
    ),
    "LayerNormLSTMCell": Call(nps.LayerNormLSTMCell, inits(), {**SIZES, **INITS}),
    "LSTMVariantCell": Call(
        lambda *, part, **others: nps.LSTMVariantCell(
            others.pop("input_size"), others.pop("hidden_size"), part, **others
        ),
        sized(part=cells.Peepholes(), forget_bias=0.5),
        {**SIZES, "part": "thing", "forget_bias": "number or None"},
    ),
    "Projection": Call(
        cells.Projection,
        lambda: {"size": 100, "clip": 0.5},
        {"size": "size", "clip": "number or None"},
    ),
    "CellClip": Call(cells.CellClip, lambda: {"limit": 0.5}, {"limit": "number"}),
    "PreactivationClip": Call(cells.PreactivationClip, lambda: {"limit": 2.0}, {"limit": "number"}),
    "ForgetBias": Call(cells.ForgetBias, lambda: {"bias": 0.5}, {"bias": "number"}),
    "Activations": Call(
        cells.Activations,
        lambda: {"input": "sigmoid", "candidate": "relu", "cell": "tanh"},
        {"input": "word", "candidate": "word", "cell": "word"},
    ),
    "Activation": Call(
        nps.Activation,
        lambda: {"name": "leaky_relu", "alpha": 0.25},
        {"name": "word", "alpha": "number or None"},
    ),
    "Clipped": Call(
        nps.Clipped,
        lambda: {"activation": "tanh", "limit": 0.5},
        {"activation": "word", "limit": "number"},
    ),
    "OwnActivation": Call(
        nps.OwnActivation,
        lambda: {"name": "own", "function": np.positive, "derivative": np.ones_like},
        {"name": "label", "function": "function", "derivative": "function"},
    ),
    "TwoBiases": Call(
        nps.TwoBiases, lambda: {"cell": nps.GRUCell(3, 2, rng=draw())}, {"cell": "thing"}
    ),
    "NoBias": Call(nps.NoBias, lambda: {"cell": nps.LSTMCell(3, 2, rng=draw())}, {"cell": "thing"}),
    "TwoBiases.from_params": Call(
        lambda **given: nps.TwoBiases.from_params(nps.LSTMCell, **given),
        lambda: {"W": normal(3, 8), "U": normal(2, 8), "b": normal(8), "b_recurrent": normal(8)},
        {"W": "typed", "U": "typed", "b": "typed", "b_recurrent": "typed"},
    ),
    "NoBias.from_params": Call(
        lambda **given: nps.NoBias.from_params(nps.GRUCell, **given),
        lambda: {"W": normal(3, 6), "U": normal(2, 6)},
        {"W": "typed", "U": "typed"},
    ),
    "RecurrentDropout": Call(
        nps.RecurrentDropout,
        lambda: {"cell": nps.LSTMCell(3, 2, rng=draw()), "rate": 0.5, "each_step": True},
        {"cell": "thing", "rate": "number", "each_step": "flag"},
    ),
    "RecurrentDropoutPerGate": Call(
        nps.RecurrentDropoutPerGate,
        lambda: {"cell": nps.GRUCell(3, 2, rng=draw()), "rate": 0.5, "each_step": True},
        {"cell": "thing", "rate": "number", "each_step": "flag"},
    ),
    "Zoneout": Call(
        nps.Zoneout,
        lambda: {"cell": nps.LSTMCell(3, 2, rng=draw()), "h": 0.5, "c": 0.25},
        {"cell": "thing", "h": "number", "c": "number"},
    ),
    "from_params": Call(
        nps.LSTMCell.from_params,
        lambda: {"W": normal(3, 8), "U": normal(2, 8), "b": normal(8)},
        {"W": "typed", "U": "typed", "b": "typed or None"},
    ),
    "LSTM": Call(
        nps.LSTM,
        inits(return_sequences=False, learn_initial=True, forget_bias=0.5),
        {**SIZES, **INITS, **FLAGS, "forget_bias": "number or None"},
    ),
    "GRU": Call(
        nps.GRU,
        sized(reset="before", return_sequences=False, learn_initial=True),
        {**SIZES, **FLAGS, "reset": "word"},
    ),
    "RNN": Call(
        nps.RNN,
        sized(activation="relu", return_sequences=True, learn_initial=False),
        {**SIZES, **FLAGS, "activation": "word"},
    ),
    "Recurrent": Call(
        nps.Recurrent,
        lambda: {
            "cell": nps.LSTMCell(3, 2, rng=draw()),
            "return_sequences": False,
            "learn_initial": True,
        },
        {"cell": "thing", **FLAGS},
    ),
    "StackedLSTM": stack(nps.StackedLSTM),
    "StackedGRU": stack(nps.StackedGRU),
    "StackedRNN": stack(nps.StackedRNN),
    "Stacked": stack(lambda *given, **o: nps.Stacked(nps.LSTMCell, *given, **o)),
    "StackedBidirectional": stack(
        lambda *given, **o: nps.StackedBidirectional(nps.LSTMCell, *given, **o), merge="sum"
    ),
    "BidirectionalStacked": stack(
        lambda *given, **o: nps.BidirectionalStacked(nps.LSTMCell, *given, **o), merge="sum"
    ),
    "Stacked of": Call(
        lambda cell_type: nps.Stacked(cell_type, 3, [2], rng=draw()),
        lambda: {"cell_type": nps.LSTMCell},
        {"cell_type": "function or None"},
    ),
    "Bidirectional": Call(
        nps.Bidirectional,
        lambda: {"forward_layer": lstm(), "backward_layer": lstm(), "merge": "sum"},
        {"forward_layer": "layer", "backward_layer": "layer", "merge": "word"},
    ),
    "Sequential": Call(
        lambda first, second: nps.Sequential(first, second),
        lambda: {"first": lstm(), "second": nps.Dense(2, 1, rng=draw())},
        {"first": "layer", "second": "layer"},
    ),
    "Parallel": Call(
        lambda first, second, merge: nps.Parallel(first, second, merge=merge),
        lambda: {"first": lstm(), "second": lstm(), "merge": "ave"},
        {"first": "layer", "second": "layer", "merge": "word"},
    ),
    "Residual": Call(
        nps.Residual, lambda: {"layer": nps.LSTM(3, 3, rng=draw())}, {"layer": "layer"}
    ),
    "Reversed": Call(
        nps.Reversed,
        lambda: {"layer": lstm(), "order": "as_read"},
        {"layer": "layer", "order": "word"},
    ),
    "TimeDistributed": Call(
        nps.TimeDistributed, lambda: {"layer": nps.Dense(3, 2, rng=draw())}, {"layer": "layer"}
    ),
    "SkipConnected": Call(
        lambda first, from_input, to_output: nps.SkipConnected(
            first, nps.LSTM(5, 4, rng=draw()), from_input=from_input, to_output=to_output
        ),
        lambda: {"first": lstm(), "from_input": True, "to_output": False},
        {"first": "layer", "from_input": "flag", "to_output": "flag"},
    ),
    "Dense": Call(
        nps.Dense,
        lambda: {
            "input_size": 100,
            "output_size": 2,
            "rng": draw(),
            "activation": "relu",
            "kernel_init": "uniform",
            "bias_init": "zeros",
        },
        {
            "input_size": "size",
            "output_size": "size",
            "rng": "rng",
            "activation": "word",
            "kernel_init": "word",
            "bias_init": "word",
        },
    ),
    "Embedding": Call(
        nps.Embedding,
        lambda: {"num_symbols": 100, "output_size": 2, "rng": draw(), "init": "glorot"},
        {"num_symbols": "size", "output_size": "size", "rng": "rng", "init": "word"},
    ),
    "Dropout": Call(
        nps.Dropout,
        lambda: {"rate": 0.5, "each_step": False},
        {"rate": "number", "each_step": "flag"},
    ),
    "RepeatVector": Call(nps.RepeatVector, lambda: {"steps": 100}, {"steps": "size"}),
    "EncoderDecoder": Call(
        nps.EncoderDecoder,
        lambda: {"encoder": lstm(), "decoder": lstm(), "handover": "all", "reverse_source": True},
        {"encoder": "layer", "decoder": "layer", "handover": "word", "reverse_source": "flag"},
    ),
    "forward": Call(
        lambda **given: lstm().forward(**given),
        lambda: {
            "x": normal(4, 5, 3),
            "mask": np.arange(5) < np.array([[5], [3], [1], [4]]),
            "resets": np.arange(5) == np.array([[1], [1], [0], [2]]),
            "rng": draw(),
        },
        {
            "x": "finite",
            "mask": "bools or None",
            "resets": "bools or None",
            "rng": "rng or None",
        },
        {("x", "NaN"): SAME, ("x", "infinity"): SAME},  # the last step of the last row is masked
    ),
    "forward, all valid": Call(
        lambda **given: lstm().forward(**given),
        lambda: {"x": normal(4, 5, 3), "lengths": np.array([5, 5, 5, 5]), "states": state()},
        {"x": "finite", "lengths": "whole or None", "states": "thing or None"},
    ),
    "forward, symbols": Call(
        lambda **given: nps.Embedding(9, 2, rng=draw()).forward(**given).outputs,
        lambda: {"x": np.arange(8).reshape(2, 4)},
        {"x": "whole"},
    ),
    "forward, state": Call(
        lambda h, c: lstm().forward(normal(4, 5, 3), nps.LSTMState(h, c)),
        lambda: {"h": normal(4, 2), "c": normal(4, 2)},
        {"h": "finite", "c": "finite"},
    ),
    "forward, params": Call(
        lambda W, U: lstm().forward(normal(4, 5, 3), params={"W": W, "U": U, "b": normal(8)}),
        lambda: {"W": normal(3, 8), "U": normal(2, 8)},
        {"W": "typed", "U": "typed"},
        {("W", "lists"): REFUSED, ("U", "lists"): REFUSED},
    ),
    "params": Call(
        lambda W: assigned(lstm(), W),
        lambda: {"W": normal(3, 8)},
        {"W": "typed"},
        {("W", "lists"): REFUSED},
    ),
    "backward": Call(
        lambda tape, doutputs, need_x: lstm().backward(tape, doutputs, need_x=need_x),
        lambda: {"tape": tape(), "doutputs": normal(4, 5, 2), "need_x": False},
        {"tape": "thing", "doutputs": "finite", "need_x": "flag"},
    ),
    "summary": Call(
        lambda **given: lstm().summary(**given),
        lambda: {"batch_size": 100, "time_steps": 100},
        {"batch_size": "size", "time_steps": "size"},
    ),
    "build": Call(nps.build, lambda: {"config": lstm().config()}, {"config": "thing"}),
    "greedy_decode": Call(
        greedy_decode,
        lambda: {
            "model": seq2seq(),
            "source": np.arange(6).reshape(2, 3),
            "start": 1,
            "stop": 2,
            "max_steps": 5,
            "source_mask": np.array([[True, True, False], [True, True, True]]),
        },
        {
            "model": "layer",
            "source": "whole",
            "start": "index",
            "stop": "index",
            "max_steps": "size",
            "source_mask": "bools or None",
        },
    ),
    "shift_right": Call(
        shift_right,
        lambda: {"target": normal(2, 3, 4), "start": 0.5},
        {"target": "floats", "start": "number"},
        {("target", "half precision"): NEAR, ("target", "the other byte order"): NEAR},
    ),
    "Context": Call(layers.Context, dict, {}),
}


def assigned(layer, W):
    layer.params = {"W": W, "U": normal(2, 8), "b": normal(8)}
    return layer
