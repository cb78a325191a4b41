"""The recurrent nodes of ONNX models: found in every graph, with weights behind operators."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from npstack.core.activations import Activation
from npstack.core.errors import ArgumentError, DataError
from npstack.interop.reading import read
from tests.interop.onnx_graphs import (
    B,
    D,
    H,
    direct,
    draw_x,
    in_a_branch,
    model_of,
    node,
    plain,
    refused,
    same,
    value,
    weights,
)
from tests.interop.opening import arrays_of, recurrent_parts

pytestmark = pytest.mark.frameworks


@pytest.fixture(autouse=True, scope="module")
def _onnx() -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")


@pytest.fixture
def rng() -> Any:
    return np.random.default_rng(0)


# ---- nodes and their attributes ------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("form", ["object", "bytes", "path"])
def test_a_node_is_found_with_its_arrays(
    rng: Any, tmp_path: Path, kind: str, direction: str, form: str
) -> None:
    model, held = plain(rng, kind, direction=direction)
    given: Any = model
    if form != "object":
        given = model.SerializeToString()
    if form == "path":
        given = tmp_path / "model.onnx"
        given.write_bytes(model.SerializeToString())
    (part,) = recurrent_parts(given)
    assert part[:5] == ("rnn", kind.lower(), D, H, 1)
    assert part.bidirectional is (direction == "bidirectional")
    assert part.attributes.get("backwards", False) is (direction == "reverse")
    assert part.layout == "onnx"
    assert not part.refused
    assert same(arrays_of(given, part), held)


def test_attributes_become_arguments_of_read(rng: Any) -> None:
    names = ["HardSigmoid", "LeakyRelu", "Tanh"]
    options = {"activation_alpha": [0.25, 0.125], "activation_beta": [0.5]}
    model, _ = plain(rng, activations=names, clip=0.75, input_forget=1, **options)
    (part,) = recurrent_parts(model.SerializeToString())
    assert part.attributes == {
        "activations": {
            "gates": Activation("hard_sigmoid_fifth", alpha=0.25, beta=0.5),
            "candidate": Activation("leaky_relu", alpha=0.125),
            "cell": "tanh",
        },
        "clip": 0.75,
        "coupled": True,
    }


def test_activations_without_parameters_get_the_defaults_on_which_all_agree(rng: Any) -> None:
    model, _ = plain(rng, activations=["hardsigmoid", "Elu", "LEAKYRELU"])
    (part,) = recurrent_parts(model)
    assert part.attributes["activations"] == {
        "gates": Activation("hard_sigmoid_fifth"),
        "candidate": Activation("elu"),
        "cell": Activation("leaky_relu"),
    }


@pytest.mark.parametrize(("after", "reset"), [(0, "before"), (1, "after")])
def test_a_gru_says_where_it_resets(rng: Any, after: int, reset: str) -> None:
    (part,) = recurrent_parts(plain(rng, "GRU", linear_before_reset=after)[0])
    assert part.attributes["reset"] == reset


def test_sizes_follow_from_the_weights_without_the_attribute(rng: Any) -> None:
    held = weights(rng)
    (part,) = recurrent_parts(model_of([node("LSTM", ["x", *held], ["Y"])], held))
    assert part[:4] == ("LSTM_0", "lstm", D, H)


def test_peepholes_are_among_the_arrays(rng: Any) -> None:
    held = weights(rng) | {"P": rng.uniform(-1, 1, (1, 3 * H)).astype("f4")}
    inputs = ["x", "W", "R", "B", "", "", "", "P"]
    model = model_of([node("LSTM", inputs, ["Y"], hidden_size=H)], held)
    assert same(arrays_of(model, "LSTM_0"), held)


def test_a_node_without_a_bias_has_no_B(rng: Any) -> None:
    held = weights(rng)
    del held["B"]
    model = model_of([node("LSTM", ["x", "W", "R"], ["Y"], hidden_size=H)], held)
    assert same(arrays_of(model, "LSTM_0"), held)


def test_bfloat16_weights_come_as_float32(rng: Any) -> None:
    import onnx

    held = weights(rng)
    rounded = {k: onnx.helper.make_tensor(k, 16, a.shape, a.ravel()) for k, a in held.items()}
    model = model_of([node("LSTM", ["x", *held], ["Y"], hidden_size=H)], {})
    model.graph.initializer.extend(rounded.values())
    found = arrays_of(model, "LSTM_0")
    assert all(a.dtype == np.float32 for a in found.values())
    assert all(np.allclose(found[k], held[k], rtol=2**-7) for k in held)


# ---- names ---------------------------------------------------------------------------------------


def test_names_are_those_of_nodes_where_they_are_unique(rng: Any) -> None:
    held = weights(rng)
    nodes = [
        node("LSTM", ["x", *held], [f"Y{k}"], name=name, hidden_size=H)
        for k, name in enumerate(["a", "b", "b", "", "LSTM_3"])
    ]
    model = model_of(nodes, held, outputs=[value("Y0", None)])
    names = [part.name for part in recurrent_parts(model)]
    assert names == ["a", "b", "b_2", "LSTM_3", "LSTM_3_2"]
    assert all(same(arrays_of(model, name), held) for name in names)


def test_nodes_are_found_in_branches(rng: Any) -> None:
    model, held = in_a_branch(rng)
    parts = recurrent_parts(model.SerializeToString())
    assert [part.name for part in parts] == ["if.else_branch/LSTM_0", "if.then_branch/LSTM_1"]
    assert same(arrays_of(model, "if.then_branch/LSTM_1"), held)
    assert same(arrays_of(model, "if.else_branch/LSTM_0"), {k: a / 2 for k, a in held.items()})


def test_nodes_are_found_in_the_body_of_a_scan(rng: Any) -> None:
    import onnx

    held = weights(rng)
    inside = [node("LSTM", ["part", *held], ["Z"], name="inner", hidden_size=H)]
    body = onnx.helper.make_graph(
        inside, "body", [value("part", ["T", "B", D])], [value("Z", None)]
    )
    scan = node("Scan", ["many"], ["Y"], num_scan_inputs=1, body=body)
    model = model_of([scan], held, [value("many", [2, "T", "B", D])])
    (part,) = recurrent_parts(model)
    assert (part.name, part.refused) == ("inner", "")
    assert same(arrays_of(model, "inner"), held)


def test_nodes_are_found_in_functions_of_the_model(rng: Any) -> None:
    import onnx

    held = weights(rng)
    standard = onnx.helper.make_opsetid("", 14)
    inner = [node("LSTM", ["x", *held], ["Y"], hidden_size=H)]
    function = onnx.helper.make_function("own", "Block", ["x", *held], ["Y"], inner, [standard])
    call = node("Block", ["x", *held], ["Y"], domain="own")
    model = model_of([call], held, functions=[function])
    model.opset_import.append(onnx.helper.make_opsetid("own", 1))
    (part,) = recurrent_parts(model.SerializeToString())
    assert not part.refused
    assert same(arrays_of(model, part), held)


# ---- refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({"activations": ["Sigmoid", "Gelu", "Tanh"]}, "Its activation 'Gelu' is none of ONNX"),
        ({"activations": ["Sigmoid", "Tanh"]}, "names 2 activations, which must be 3"),
        ({"activations": ["Sigmoid", "Affine", "Tanh"]}, "Affine is without alpha and beta"),
        ({"activations": ["Sigmoid", "ThresholdedRelu", "Tanh"]}, "is without alpha, for"),
        ({"clip": -1.0}, "It has clip=-1"),
        ({"clip": 3}, "Its attribute clip is '3'"),
        ({"direction": "sideways"}, "Its direction is 'sideways'"),
        ({"hidden_size": 5}, "Its W has the shape (1, 16, 2), which must be (1, 20, 2)"),
        ({"direction": "bidirectional"}, "Its W has the shape (1, 16, 2), which must be (2, 16"),
    ],
    ids=lambda own: own if isinstance(own, str) else "",
)
def test_nodes_that_npstack_cannot_be(rng: Any, attributes: dict[str, Any], told: str) -> None:
    held = weights(rng)
    own = {"hidden_size": H, **attributes}
    model = model_of([node("LSTM", ["x", *held], ["Y"], **own)], held)
    assert told in refused(model)


def test_directions_with_different_activations_are_refused(rng: Any) -> None:
    names = ["Sigmoid", "Tanh", "Tanh", "Sigmoid", "Softsign", "Tanh"]
    model, _ = plain(rng, direction="bidirectional", activations=names)
    assert "Its directions have different activations" in refused(model)


@pytest.mark.parametrize("operator", ["DynamicQuantizeLSTM", "QLinearLSTM", "AttnLSTM", "MyGRU"])
def test_operators_of_others_are_refused_by_name(rng: Any, operator: str) -> None:
    held = weights(rng)
    own = node(operator, ["x", *held], ["Y"], domain="com.microsoft", hidden_size=H)
    model = model_of([own], held)
    said = refused(model.SerializeToString())
    assert f"The operator {operator} of com.microsoft is not the ONNX standard's" in said
    assert ("bring in the model that was quantised" in said) is ("Q" in operator)


def test_integer_weights_are_refused(rng: Any) -> None:
    held = {k: (9 * a).astype("i1") for k, a in weights(rng).items()}
    model = model_of([node("LSTM", ["x", *held], ["Y"], hidden_size=H)], held)
    assert "Its W holds int8, not floating-point numbers" in refused(model)


def test_errors_say_what_there_is(rng: Any, tmp_path: Path) -> None:
    model, _ = plain(rng)
    with pytest.raises(ArgumentError, match="part must be one of 'rnn', got 'other'"):
        arrays_of(model, "other")
    with pytest.raises(ArgumentError, match=r"a path, bytes or an onnx.ModelProto, got"):
        recurrent_parts(model.graph)
    with pytest.raises(DataError, match="it must be a model of ONNX"):
        recurrent_parts(b"not a model")
    (tmp_path / "empty.onnx").write_bytes(b"")
    with pytest.raises(DataError, match="it must be a model of ONNX"):
        recurrent_parts(tmp_path / "empty.onnx")
    with pytest.raises(FileNotFoundError):
        recurrent_parts(tmp_path / "none.onnx")


# ---- read ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_read_takes_what_is_found(rng: Any, kind: str) -> None:
    model, _ = plain(rng, kind, direction="bidirectional", clip=0.5)
    (part,) = recurrent_parts(model)
    found = read(
        arrays_of(model, part), "onnx", cell=part.kind, bidirectional=True, **part.attributes
    )
    x = draw_x(rng)
    (Y,) = direct(model, {"x": x}, ["Y"])
    ours = found.layer.forward(x.swapaxes(0, 1)).outputs
    assert abs(ours - Y.transpose(2, 0, 1, 3).reshape(B, len(x), -1)).max() < 1e-6
    assert not found.report.assumed
