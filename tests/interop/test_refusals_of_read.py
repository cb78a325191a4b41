"""What `read` refuses, word for word; nothing is guessed."""

import numpy as np
import pytest

from npstack.core.errors import ArgumentError, DataError, DtypeError, NpstackError, ShapeError
from npstack.interop.known_layouts import LAYOUTS
from npstack.interop.reading import read

D, H = 3, 2


def torch(prefix="", k=4, layer=0, dtype=float, bias=True, columns=D):
    shapes = {"weight_ih": (k * H, columns), "weight_hh": (k * H, H)}
    shapes |= {"bias_ih": (k * H,), "bias_hh": (k * H,)} if bias else {}
    return {f"{prefix}{n}_l{layer}": np.full(s, 0.1, dtype) for n, s in shapes.items()}


def without(arrays, name):
    return {n: a for n, a in arrays.items() if n != name}


def keras(prefix="", columns=D, bias=(4 * H,)):
    shapes = {"kernel": (columns, 4 * H), "recurrent_kernel": (H, 4 * H), "bias": bias}
    return {prefix + n: np.full(s, 0.1) for n, s in shapes.items()}


def keras_gru(bias):
    return {"kernel": np.ones((D, 3 * H)), "recurrent_kernel": np.ones((H, 3 * H)), "bias": bias}


class Gradient:
    """A tensor of a framework that does not become an array."""

    def __array__(self, *args, **kwargs):
        raise RuntimeError("call detach() first")


ODD = {
    "unknown layout": (ArgumentError, "layout must be one of 'pytorch'", (torch(), "torch"), {}),
    "unknown cell": (ArgumentError, "'lstm', 'gru', 'rnn'", (torch(), "pytorch"), {"cell": "mgu"}),
    "no such cell": (
        ArgumentError, "These have: pytorch, pytorch-cell", (torch(k=3), "dynet"), {"cell": "gru"},
    ),
    "no such direction": (
        ArgumentError, "holds one direction", (keras(), "tf1"), {"bidirectional": True},
    ),
    "empty": (DataError, "there must be arrays, got none", ({}, "pytorch"), {}),
    "empty list": (DataError, "there must be arrays, got none", ([], "pytorch"), {}),
    "an array": (DtypeError, "a dictionary, or a list", (np.ones((8, 3)), "pytorch"), {}),
    "None": (DtypeError, "a dictionary, or a list", (None, "pytorch"), {}),
    "wrong name": (
        DataError, "has arrays weight_ih_l0, weight_hh_l0",
        ({**torch(), "fc": np.ones(2)}, "pytorch"), {},
    ),
    "other names": (DataError, "has arrays kernel, recurrent_kernel", (torch(), "keras"), {}),
    "missing kernel": (
        DataError, "layer 0 must have weight_hh_l0, got no such array. print(LAYOUTS['pytorch'])",
        (without(torch(), "weight_hh_l0"), "pytorch"), {},
    ),
    "missing bias": (
        DataError, "layer 0 must have bias_hh_l0", (without(torch(), "bias_hh_l0"), "pytorch"), {},
    ),
    "missing layer": (
        DataError, "layer 1 must have weight_ih_l1", ({**torch(), **torch(layer=2)}, "pytorch"), {},
    ),
    "missing direction": (
        DataError, "layer 0 backward must have weight_ih_l0_reverse", (torch(), "pytorch"),
        {"bidirectional": True},
    ),
    "second bias alone": (
        DataError, "must have input_to_hidden/b",
        (
            {
                "input_to_hidden/w": np.ones((D, H)),
                "hidden_to_hidden/w": np.ones((H, H)),
                "hidden_to_hidden/b": np.ones(H),
            },
            "haiku",
        ),
        {"cell": "rnn"},
    ),
    "two directions not asked for": (
        DataError, "two directions need bidirectional=True",
        ({**torch(), **{f"{n}_reverse": a for n, a in torch().items()}}, "pytorch"), {},
    ),
    "two parts": (
        DataError, "got names that begin with 'a.', 'b.'. Choose those of one",
        ({**torch("a."), **torch("b.")}, "pytorch"), {},
    ),
    "two parts of Keras": (
        DataError, "For a stack of them in this order, layers=2",
        ({**keras("encoder/"), **keras("decoder/")}, "keras"), {},
    ),
    "two directions of Keras as a stack": (
        DataError, "must be of one recurrent part",
        ({**keras("forward_lstm/", H), **keras("backward_lstm/", H)}, "keras"), {},
    ),
    "twice": (
        DataError, "kernel must be there once, got kernel and kernel:0",
        ({**keras(), "kernel:0": np.ones((D, 4 * H))}, "keras"), {},
    ),
    "layers": (DataError, "layers=2 layers, got 1", (torch(), "pytorch"), {"layers": 2}),
    "layers of a list": (
        DataError, "4 arrays. Give a dictionary with names, or layers=",
        (list(torch().values()), "pytorch"), {"layers": 3},
    ),
    "order of a list": (
        DataError, "the arrays must be, in this order, weight_ih_l0",
        (list(torch().values())[::-1], "pytorch"), {},
    ),
    "wrong cell": (
        ShapeError, "weight_ih_l0 must have 2 axes and hold 3 blocks", (torch(), "pytorch"),
        {"cell": "gru"},
    ),
    "transposed": (
        ShapeError, "weight_ih_l0 must have 2 axes and hold 4 blocks",
        ({n: a.T for n, a in torch().items()}, "pytorch"), {},
    ),
    "bias of another size": (
        ShapeError, "as many units as weight_ih_l0, H=2, got (12,)",
        ({**torch(), "bias_ih_l0": np.ones(12)}, "pytorch"), {},
    ),
    "bias with two axes": (
        ShapeError, "bias must have 1 axes", (keras(bias=(1, 4 * H)), "keras"), {},
    ),
    "recurrent kernel not square": (
        ShapeError, "weight_hh_l0 must give each gate a block of (2, 2), got (3, 2)",
        ({**torch(), "weight_hh_l0": np.ones((4 * H, 3))}, "pytorch"), {},
    ),
    "layers that do not fit": (
        ShapeError, "", ({**torch(), **torch(layer=1, columns=7)}, "pytorch"), {},
    ),
    "no units": (ShapeError, "blocks", ({n: a[:0] for n, a in torch().items()}, "pytorch"), {}),
    "no inputs": (
        ShapeError, "kernel must give each gate a block of (D, 2)",
        ({"kernel": np.ones((H, 4 * H))}, "tf1"), {},
    ),
    "kernel too small": (
        ShapeError, "kernel must give each gate", ({"kernel": np.ones((1, 4 * H))}, "tf1"), {},
    ),
    "one direction of ONNX": (
        ShapeError, "must have 2 on its axis of directions",
        ({"W": np.ones((1, 8, 3)), "R": np.ones((1, 8, 2))}, "onnx"), {"bidirectional": True},
    ),
    "two directions of ONNX": (
        ShapeError, "must have 1 on its axis of directions",
        ({"W": np.ones((2, 8, 3)), "R": np.ones((2, 8, 2))}, "onnx"), {},
    ),
    "int8": (
        DtypeError, "must hold floating-point numbers, got int8",
        (torch(dtype=np.int8), "pytorch"), {},
    ),
    "complex": (DtypeError, "got complex128", (torch(dtype=complex), "pytorch"), {}),
    "objects": (DtypeError, "got object", (torch(dtype=object), "pytorch"), {}),
    "text": (DtypeError, "must hold floating-point numbers", ({"kernel": "x"}, "keras"), {}),
    "a tree": (
        DtypeError, "must be an array, got a dictionary", ({"lstm": torch()}, "pytorch"), {},
    ),
    "a tensor that needs a gradient": (
        DtypeError, "call detach() first", ({**torch(), "bias_ih_l0": Gradient()}, "pytorch"), {},
    ),
    "mixed": (
        DtypeError, "one dtype, got float32, float64. Say which: dtype='float64'",
        ({**torch(), "bias_ih_l0": np.ones(8, np.float32)}, "pytorch"), {},
    ),
    "dtype": (DtypeError, "", (torch(), "pytorch"), {"dtype": "int32"}),
    "reset": (
        ArgumentError, "reset must be one of 'after'", (torch(k=3), "pytorch"),
        {"cell": "gru", "reset": "before"},
    ),
    "reset against the bias": (
        ArgumentError, "reset must be 'after', by the shape of bias",
        (keras_gru(np.ones((2, 3 * H))), "keras"), {"cell": "gru", "reset": "before"},
    ),
    "the other reset": (
        ArgumentError, "reset must be 'before', by the shape of bias",
        (keras_gru(np.ones(3 * H)), "keras"), {"cell": "gru", "reset": "after"},
    ),
    "reset of an LSTM": (
        ArgumentError, "reset is for cell='gru'", (torch(), "pytorch"), {"reset": "after"},
    ),
    "forget bias of a GRU": (
        ArgumentError, "forget_bias is for cell='lstm'", (torch(k=3), "pytorch"),
        {"cell": "gru", "forget_bias": 1.0},
    ),
    "coupled GRU": (
        ArgumentError, "coupled is for cell='lstm'", (torch(k=3), "pytorch"),
        {"cell": "gru", "coupled": True},
    ),
    "coupled with a forget bias": (
        ArgumentError, "coupled gates have no forget bias", (keras(), "keras"),
        {"coupled": True, "forget_bias": 1.0},
    ),
    "forget bias": (
        NpstackError, "forget_bias", (torch(), "pytorch"), {"forget_bias": float("nan")},
    ),
    "cell clip of a GRU": (
        ArgumentError, "cell_clip is for", (torch(k=3), "pytorch"),
        {"cell": "gru", "cell_clip": 1.0},
    ),
    "projection clip": (
        ArgumentError, "needs a projection", (torch(), "pytorch"), {"projection_clip": 1.0},
    ),
    "clip": (ArgumentError, "read: clip must be above 0", (torch(), "pytorch"), {"clip": -1.0}),
    "place of an activation": (
        ArgumentError, "'gates'", (torch(), "pytorch"), {"activations": {"sigmoid": "tanh"}},
    ),
    "gates of an Elman network": (
        ArgumentError, "'hidden'", (torch(k=1), "pytorch"),
        {"cell": "rnn", "activations": {"gates": "tanh"}},
    ),
    "activation": (
        ArgumentError, "activations['gates']", (torch(), "pytorch"),
        {"activations": {"gates": "swish"}},
    ),
    "hard sigmoid": (
        ArgumentError, "'hard_sigmoid_fifth' or 'hard_sigmoid_sixth'", (torch(), "pytorch"),
        {"activations": {"gates": "hard_sigmoid"}},
    ),
    "activations": (
        DtypeError, "activations must be a dictionary", (torch(), "pytorch"),
        {"activations": "tanh"},
    ),
    "merge": (ArgumentError, "'concat', 'sum'", (torch(), "pytorch"), {"merge": "max"}),
    "merge of one": (ArgumentError, "two directions", (torch(), "pytorch"), {"merge": "sum"}),
    "backwards and both": (
        ArgumentError, "one direction", (torch(), "pytorch"),
        {"bidirectional": True, "backwards": True},
    ),
    "no layers": (ArgumentError, "layers must be a whole", (torch(), "pytorch"), {"layers": 0}),
    "bidirectional": (
        ArgumentError, "must be True or False", (torch(), "pytorch"), {"bidirectional": "yes"},
    ),
    "coupled": (ArgumentError, "must be True or False", (torch(), "pytorch"), {"coupled": 1}),
    "biases": (ArgumentError, "'sum', 'kept'", (torch(), "pytorch"), {"biases": "input"}),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_it_is_refused(name):
    kind, words, given, how = ODD[name]
    with pytest.raises(kind) as caught:
        read(*given, **how)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 700
    assert caught.value.advice or kind is NpstackError or "fit" in name


def test_an_unknown_layout_lists_those_that_there_are():
    with pytest.raises(ArgumentError) as caught:
        read(torch(), "theano")
    assert all(repr(name) in str(caught.value) for name in LAYOUTS)


def test_arrays_are_not_changed_and_not_shared():
    arrays = torch()
    layer = read(arrays, "pytorch").layer
    arrays["weight_ih_l0"][:] = 9
    assert layer.params["W"].max() < 1


def test_order_of_bytes_does_not_matter():
    arrays = {name: value.astype(">f4") for name, value in torch().items()}
    arrays["bias_ih_l0"] = arrays["bias_ih_l0"].astype("<f4")
    layer = read(arrays, "pytorch").layer
    assert layer.params["W"].dtype == np.float32
    assert layer.params["W"].dtype.isnative


def test_float16_computes_in_float32_and_that_is_said():
    found = read(torch(dtype=np.float16), "pytorch")
    assert found.layer.params["W"].dtype == np.float32
    assert "the arrays are float16; the layer computes in float32" in found.report.assumed
    assert [row.lossless for row in found.report.rows] == [True, True, False, False]


def test_a_narrower_type_is_not_lossless():
    found = read(torch(), "pytorch", dtype="float32", biases="kept")
    assert not any(row.lossless for row in found.report.rows)
    assert all("rounded to float32" in row.done for row in found.report.rows)
    assert read(torch(dtype=np.float32), "pytorch", dtype="float64", biases="kept").report.lossless


def test_layers_are_in_the_order_of_their_numbers():
    parts = {"lstm": D, **{f"lstm_{k}": H for k in range(1, 12)}}
    arrays = {}
    for k, name in enumerate(sorted(parts)):  # lstm_10 before lstm_2
        for array, value in keras(f"{name}/{name}/", parts[name]).items():
            arrays[f"{array}:0" if k % 2 else array] = value * (1 + k)
    layer = read(arrays, "keras").layer
    own = [f"lstm_{k}" if k else "lstm" for k in range(12)]
    expected = [0.1 * (1 + sorted(parts).index(name)) for name in own]
    assert [float(part.params["W"][0, 0]) for part in layer.layers] == pytest.approx(expected)
