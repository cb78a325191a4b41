"""What layouts have no place for: a layer with it, the same layer without it, and which refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from npstack import (
    GRU,
    LSTM,
    RNN,
    Activation,
    Bidirectional,
    Clipped,
    GRUCell,
    GRUResetBeforeCell,
    LayerNormLSTMCell,
    LSTMCell,
    LSTMVariantCell,
    OwnActivation,
    Recurrent,
    Reversed,
    Sequential,
    StackedLSTM,
)
from npstack.cells.parts import (
    Activations,
    CellClip,
    Coupled,
    Peepholes,
    PreactivationClip,
    Projection,
)

D, H = 3, 5
LSTMS = [
    *("pytorch", "pytorch-cell", "keras", "onnx", "jax", "flax-linen", "flax-nnx", "keras2"),
    *("keras2-cudnn", "tf1", "dynet", "haiku", "equinox", "cudnn", "openvino", "mxnet"),
    *("coreml", "lasagne"),
]
GRUS = [name for name in LSTMS if name not in ("jax", "dynet")]
RNNS = [name for name in GRUS if name not in ("keras2-cudnn", "equinox")]
BEFORE = {"keras", "keras2", "onnx", "openvino", "haiku", "tf1", "coreml"}
ONLY_BEFORE = {"openvino", "haiku", "tf1", "coreml"}
FIXED = {"pytorch", "pytorch-cell", "jax", "keras2-cudnn", "dynet", "haiku", "equinox", "cudnn"}
ONE_WAY = set(LSTMS) - {"pytorch", "keras", "keras2", "onnx", "jax", "cudnn", "openvino", "mxnet"}


class Feature(NamedTuple):
    """One thing that a layer can have.

    Attributes
    ----------
    layer : Layer
    without : Layer or None
        The same layer without it; None if there is none with outputs of this shape.
    clause : str
    words : str
        What the message must speak of.
    refused : set of str
        The layouts that cannot hold it, as their documentation says.
    layouts : list of str
        Those that hold this kind of cell at all.
    """

    layer: Any
    without: Any
    clause: str
    words: str
    refused: set[str]
    layouts: list[str]


def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def arrays(k: int, width: int = H) -> dict[str, np.ndarray]:
    """The same numbers for every cell with k gates."""
    draw = np.random.default_rng([k, width]).uniform
    return {
        "W": draw(-0.7, 0.7, (D, k * H)),
        "U": draw(-0.7, 0.7, (width, k * H)),
        "b": draw(-0.7, 0.7, k * H),
    }


PEEP = np.random.default_rng(1).uniform(-0.9, 0.9, 3 * H)
R = np.random.default_rng(2).uniform(-0.9, 0.9, (H, 2))
INNER = np.random.default_rng(3).uniform(-0.9, 0.9, H)


def lstm(*parts: Any, k: int = 4, width: int = H, **more: Any) -> Recurrent:
    a = {**arrays(k, width), **more}
    W, U, b = (a.pop(name) for name in ("W", "U", "b"))
    if not parts:
        return Recurrent(LSTMCell.from_params(W, U, b))
    return Recurrent(LSTMVariantCell.from_params(W, U, b, *parts, **a))


def gru(cell: Any = GRUCell, inner: np.ndarray = INNER, **how: Any) -> Recurrent:
    a = arrays(3)
    if cell is GRUCell:
        a["b_recurrent"] = inner
    return Recurrent(cell.from_params(**a, **how))


def rnn(activation: Any) -> Recurrent:
    from npstack import RNNCell

    return Recurrent(RNNCell.from_params(**arrays(1), activation=activation))


def both(one: Any, other: Any, merge: str = "concat") -> Bidirectional:
    return Bidirectional(one, other, merge=merge)


def coupled_by_hand(activation: str) -> Recurrent:
    """The gates of a coupled LSTM with another forget gate: with zeros for its weights."""
    a = arrays(3)
    zeros = {"W": np.zeros((D, H)), "U": np.zeros((H, H)), "b": np.zeros(H)}
    joined = {}
    for name, own in a.items():
        i, g, o = np.split(own, 3, axis=-1)
        joined[name] = np.concatenate([i, zeros[name], g, o], axis=-1)
    part = Activations(input=activation, forget=activation, output=activation)
    return Recurrent(LSTMVariantCell.from_params(*(joined[n] for n in "WUb"), part))


def gates(activation: Any) -> Activations:
    return Activations(input=activation, forget=activation, output=activation)


def bump(a: np.ndarray) -> np.ndarray:
    return a / (1 + a * a)


def bump_slope(a: np.ndarray) -> np.ndarray:
    return (1 - a * a) / (1 + a * a) ** 2


def learned(**how: Any) -> LSTM:
    layer = LSTM(D, H, learn_initial=how.pop("learn", False), bias_init="uniform", rng=rng())
    if "initial.h" in layer.params:
        draw = np.random.default_rng(5).uniform
        starts = {n: draw(-1, 1, a.shape) for n, a in layer.params.items() if "initial" in n}
        layer.params = {**layer.params, **starts}
    return layer


def wide() -> LSTM:
    layer = LSTM(D, H, bias_init="uniform", rng=rng(), dtype=np.longdouble)
    layer.params = {name: value / 3 for name, value in layer.params.items()}
    return layer


def narrow() -> LSTM:
    layer = LSTM(D, H, bias_init="uniform", rng=rng())
    layer.params = {name: value.astype(float) for name, value in wide().params.items()}
    return layer


def only(*names: str, of: list[str] = LSTMS) -> set[str]:
    """All layouts but those."""
    return set(of) - set(names)


def features() -> dict[str, Feature]:
    """By a name."""
    peep = Peepholes()
    odd = Activations(candidate="relu", cell="relu")
    apart = Activations(input="sigmoid", forget="hard_sigmoid_sixth", output="sigmoid")
    plain, hard = lstm(), gates("hard_sigmoid_sixth")
    small = PreactivationClip(0.4)
    own = OwnActivation("bump", bump, bump_slope)
    soft = {"keras", "keras2", "onnx", "flax-linen", "flax-nnx", "coreml", "lasagne"}
    named = {"keras", "onnx", "flax-linen", "flax-nnx", "coreml", "lasagne"}
    free = {"flax-linen", "flax-nnx", "lasagne"}
    projected, half = lstm(Projection(2), width=2, R=R), lstm(Projection(2, 0.1), width=2, R=R)
    twisted = {"gate": "softsign"}
    return {
        "peepholes": Feature(
            lstm(peep, P=PEEP), plain, "§3.3", "peephole",
            only("onnx", "tf1", "coreml", "lasagne"), LSTMS,
        ),
        "projection": Feature(
            projected, None, "§3.5", "projection", only("pytorch", "tf1", "mxnet"), LSTMS
        ),
        "clip": Feature(lstm(small), plain, "§4.1", "clip", only("onnx", "openvino"), LSTMS),
        "cell clip": Feature(
            lstm(CellClip(0.1)), plain, "§4.2", "cell", only("tf1", "coreml"), LSTMS
        ),
        "projection clip": Feature(
            half, projected, "§4.3", "projected", {"pytorch", "mxnet"}, ["pytorch", "mxnet", "tf1"]
        ),
        "relu": Feature(
            lstm(odd), plain, "§5.4", "fixed activations",
            {*FIXED, "mxnet"}, [n for n in LSTMS if n not in ("keras2", "coreml", "openvino")],
        ),
        "hard sigmoid": Feature(
            lstm(hard), plain, "§5.4", "fixed activations",
            {*FIXED, "mxnet", "tf1"},
            [n for n in LSTMS if n in {*FIXED, "mxnet", "tf1"} | named],
        ),
        "hard sigmoid of Keras 3": Feature(
            lstm(hard), lstm(gates("hard_sigmoid_fifth")), "§5.1", "hard_sigmoid_sixth",
            {"keras2"}, ["keras2"],
        ),
        "hard sigmoid of Keras 2": Feature(
            lstm(gates("hard_sigmoid_fifth")), lstm(), "§5.1", "hard_sigmoid_fifth",
            {"openvino"}, ["openvino", "keras", "keras2", "onnx"],
        ),
        "own activation": Feature(
            lstm(Activations(candidate=own, cell=own)), plain, "§5.1", "bump",
            {"keras", "keras2", "onnx", "openvino"},
            ["keras", "keras2", "onnx", "openvino", *free],
        ),
        "one gate apart": Feature(
            lstm(apart), plain, "§5.4", "one activation for input, forget, output",
            {"keras", "onnx", "flax-linen", "flax-nnx", "coreml"}, [*sorted(named)],
        ),
        "candidate apart": Feature(
            lstm(Activations(candidate="softsign")),
            lstm(Activations(candidate="softsign", cell="softsign")),
            "§5.4", "one activation for candidate, cell",
            {"keras", "keras2", "flax-linen", "flax-nnx"}, sorted(soft - {"keras2"}),
        ),
        "coupled": Feature(
            lstm(Coupled(), gates("softsign"), k=3), coupled_by_hand("softsign"), "§3.4", "coupled",
            {"keras", "keras2", "flax-linen", "flax-nnx", "lasagne"}, sorted(soft),
        ),
        "learned initial state": Feature(
            learned(learn=True), learned(), "§6.3", "initial state", set(LSTMS), LSTMS
        ),
        "two directions": Feature(
            both(lstm(), lstm(peep, P=0 * PEEP)), None, "§8.4", "one direction", ONE_WAY,
            sorted(ONE_WAY),
        ),
        "sum of two directions": Feature(
            both(lstm(), learned(), "sum"), None, "§8.3", "concat",
            {"pytorch", "jax", "cudnn", "mxnet"},
            ["pytorch", "jax", "cudnn", "mxnet", "keras", "onnx", "openvino", "keras2"],
        ),
        "mean of two directions": Feature(
            both(gru(), gru(inner=0 * INNER), "ave"), None, "§8.3", "concat",
            {"pytorch", "cudnn", "mxnet"}, ["pytorch", "cudnn", "mxnet", "keras", "onnx"],
        ),
        "unequal directions": Feature(
            both(LSTM(D, 5, rng=rng()), LSTM(D, 4, rng=rng())), None, "§8.4", "units",
            {"pytorch", "jax", "cudnn", "mxnet", "onnx", "openvino", "keras", "keras2"},
            ["pytorch", "jax", "cudnn", "mxnet", "onnx", "openvino", "keras", "keras2"],
        ),
        "backwards": Feature(
            Reversed(lstm()), plain, "§8.1", "from the beginning",
            only("keras", "keras2", "onnx", "openvino", "lasagne"), LSTMS,
        ),
        "unequal sizes": Feature(
            StackedLSTM(D, [5, 4], rng=rng()), None, "§9.1", "units",
            {"pytorch", "jax", "cudnn", "mxnet"}, LSTMS,
        ),
        "longdouble": Feature(wide(), narrow(), "§11.4", "type", set(LSTMS), LSTMS),
        "layer normalisation": Feature(
            Recurrent(LayerNormLSTMCell(D, H, rng=rng())), None, "§3.6", "LSTM", set(LSTMS), LSTMS
        ),
        "mixed kinds": Feature(
            Sequential(GRU(D, H, rng=rng()), LSTM(H, H, rng=rng())), None, "§9.1", "one kind",
            set(LSTMS), LSTMS,
        ),
        "reset before": Feature(
            gru(GRUResetBeforeCell), gru(inner=0 * INNER), "§3.8", "before the product",
            set(GRUS) - BEFORE, GRUS,
        ),
        "reset after": Feature(
            gru(inner=0 * INNER), gru(GRUResetBeforeCell), "§3.7", "after the product",
            ONLY_BEFORE, GRUS,
        ),
        "inner bias": Feature(
            gru(), gru(inner=0 * INNER), "§2.5", "inside the reset product",
            {"flax-nnx", "lasagne"}, [n for n in GRUS if n not in ONLY_BEFORE],
        ),
        "update gate kept": Feature(
            gru(inner=0 * INNER, **twisted), gru(inner=0 * INNER), "§3.7", "share that is replaced",
            {"lasagne"}, ["lasagne", "flax-linen", "keras"],
        ),
        "GRU with relu": Feature(
            gru(candidate="relu"), gru(), "§5.4", "fixed activations",
            {*FIXED, "mxnet"} & set(GRUS) - {"haiku"},
            [n for n in GRUS if n not in {*ONLY_BEFORE, "flax-nnx", "lasagne", "haiku"}],
        ),
        "GRU with clip": Feature(
            gru(gate=Clipped("sigmoid", 0.3), candidate=Clipped("tanh", 0.3)), gru(), "§4.1",
            "clip", set(GRUS) - ONLY_BEFORE - {"onnx", "flax-nnx", "lasagne"},
            [n for n in GRUS if n not in {*ONLY_BEFORE, "flax-nnx", "lasagne"}],
        ),
        "GRU with a gate of TensorFlow 1": Feature(
            gru(GRUResetBeforeCell, gate="hard_sigmoid_fifth"), gru(GRUResetBeforeCell), "§5.4",
            "fixed activations", {"tf1", "haiku"}, ["tf1", "haiku", "keras2", "coreml", "onnx"],
        ),
        "tanh of Haiku": Feature(
            rnn("tanh"), rnn("relu"), "§5.4", "fixed activations", {"haiku"}, RNNS
        ),
        "elu": Feature(
            rnn(Activation("elu", alpha=0.5)), rnn("tanh"), "§5.1", "elu",
            {"pytorch", "pytorch-cell", "cudnn", "openvino"},
            [n for n in RNNS if n not in {"haiku", "mxnet", "keras2", "keras"}],
        ),
        "elu of MXNet": Feature(rnn("elu"), rnn("relu"), "§5.1", "elu", {"mxnet"}, ["mxnet"]),
        "Elman network backwards": Feature(
            Reversed(RNN(D, H, activation="relu", rng=rng())),
            RNN(D, H, activation="relu", rng=rng()), "§8.1", "from the beginning",
            set(RNNS) - {"keras", "keras2", "onnx", "openvino", "lasagne"}, RNNS,
        ),
    }  # fmt: skip


FEATURES: dict[str, Feature] = features()
PAIRS = [(name, layout) for name, own in FEATURES.items() for layout in sorted(own.refused)]
Builder = Callable[..., Any]
