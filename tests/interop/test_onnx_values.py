"""Weights of ONNX nodes: behind operators, in branches, in files beside the model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from npstack.core.errors import DataError
from tests.interop.onnx_graphs import (
    D,
    H,
    direct,
    draw_x,
    model_of,
    node,
    outside,
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


# ---- weights behind operators --------------------------------------------------------------------


def behind(rng: Any, how: str) -> tuple[Any, dict[str, Any]]:
    """A model whose W comes from other operators; and what must be found."""
    held = weights(rng)
    W, stored, nodes = held["W"], {k: a for k, a in held.items() if k != "W"}, []
    if how == "Constant":
        import onnx

        nodes = [node("Constant", [], ["W"], value=onnx.numpy_helper.from_array(W))]
    elif how == "Identity":
        stored["V"], nodes = W, [node("Identity", ["V"], ["U"]), node("Identity", ["U"], ["W"])]
    elif how == "Cast":
        held["W"] = W.astype("f2").astype("f4")
        stored["V"], nodes = W.astype("f2"), [node("Cast", ["V"], ["W"], to=1)]
    elif how == "Unsqueeze":
        stored |= {"V": W[0], "axes": np.array([0])}
        nodes = [node("Unsqueeze", ["V", "axes"], ["W"])]
    elif how == "Squeeze":
        stored |= {"V": W[None], "axes": np.array([0])}
        nodes = [node("Squeeze", ["V", "axes"], ["W"])]
    elif how == "Reshape":
        stored |= {"V": W.ravel(), "shape": np.array([1, -1, D])}
        nodes = [node("Reshape", ["V", "shape"], ["W"])]
    elif how == "Transpose":
        stored["V"], nodes = W.transpose(2, 0, 1), [node("Transpose", ["V"], ["W"], perm=[1, 2, 0])]
    elif how == "Slice":
        V = np.concatenate([np.zeros_like(W), W[:, ::-1]], axis=1)
        stored |= {"V": V, "a": np.array([-1]), "b": np.array([4 * H - 1])}
        stored |= {"axis": np.array([1]), "step": np.array([-1])}
        nodes = [node("Slice", ["V", "a", "b", "axis", "step"], ["W"])]
    elif how == "Slice to the very beginning":
        stored |= {"V": W[:, ::-1], "a": np.array([10**9]), "b": np.array([-(2**63)])}
        stored |= {"axis": np.array([1]), "step": np.array([-1])}
        nodes = [node("Slice", ["V", "a", "b", "axis", "step"], ["W"])]
    elif how == "Concat":
        stored |= {"V": W[:, :3], "U": W[:, 3:]}
        nodes = [node("Concat", ["V", "U"], ["W"], axis=1)]
    elif how == "Split":
        stored |= {"V": np.concatenate([W, 2 * W], 2), "sizes": np.array([D, D])}
        nodes = [node("Split", ["V", "sizes"], ["W", "other"], axis=2)]
    else:  # If, with a constant condition
        import onnx

        branches = {
            f"{name}_branch": onnx.helper.make_graph(
                [node("Identity", [source], [f"{name}.W"])], name, [], [value(f"{name}.W", None)]
            )
            for name, source in (("then", "V"), ("else", "U"))
        }
        stored |= {"V": W, "U": 2 * W, "yes": np.array(True)}
        nodes = [node("If", ["yes"], ["W"], **branches)]
    rnn = node("LSTM", ["x", "W", "R", "B"], ["Y"], name="rnn", hidden_size=H)
    return model_of([*nodes, rnn], stored), held


@pytest.mark.parametrize(
    "how",
    [
        *("Constant", "Identity", "Cast", "Unsqueeze", "Squeeze", "Reshape", "Transpose"),
        *("Slice", "Slice to the very beginning", "Concat", "Split", "If"),
    ],
)
def test_weights_are_found_behind_operators(rng: Any, how: str) -> None:
    model, held = behind(rng, how)
    assert same(arrays_of(model.SerializeToString(), "rnn"), held)
    # and they are what onnxruntime computes with
    x = draw_x(rng)
    there = direct(model, {"x": x}, ["Y"])[0]
    stored = model_of([node("LSTM", ["x", *held], ["Y"], hidden_size=H)], held)
    assert np.array_equal(there, direct(stored, {"x": x}, ["Y"])[0])


def test_old_operators_keep_axes_and_bounds_in_attributes(rng: Any) -> None:
    held = weights(rng)
    stored = {"V": np.concatenate([held["W"][0], held["W"][0]]), "R": held["R"], "B": held["B"]}
    nodes = [
        node("Slice", ["V"], ["U"], axes=[0], starts=[4 * H], ends=[10**9]),
        node("Unsqueeze", ["U"], ["W"], axes=[0]),
        node("LSTM", ["x", "W", "R", "B"], ["Y"], name="rnn", hidden_size=H),
    ]
    assert same(arrays_of(model_of(nodes, stored, opset=9), "rnn"), held)


def test_weights_that_are_computed_at_run_time_are_refused(rng: Any) -> None:
    held = weights(rng)
    for inputs, nodes, told in (
        ([value("W", [1, 4 * H, D])], [], "comes from 'W', an input of the graph"),
        ([], [node("Mul", ["V", "V"], ["W"], name="m")], "comes from Mul 'm', an operator that"),
    ):
        stored = {"R": held["R"], "B": held["B"], "V": held["W"]}
        rnn = node("LSTM", ["x", "W", "R", "B"], ["Y"], hidden_size=H)
        said = refused(model_of([*nodes, rnn], stored, inputs))
        assert f"Its W {told}" in said
        assert "optimized_model_filepath" in said


def test_weights_behind_an_if_whose_condition_is_not_constant_are_refused(rng: Any) -> None:
    model, _ = behind(rng, "If")
    del model.graph.initializer[[t.name for t in model.graph.initializer].index("yes")]
    model.graph.input.append(value("yes", [], 9))
    assert "comes from If, whose condition is known only at run time" in refused(model)


def test_what_onnxruntime_folds_is_then_found(rng: Any, tmp_path: Path) -> None:
    """The advice that is given for weights that are computed."""
    import onnxruntime

    held = weights(rng)
    stored = {"R": held["R"], "B": held["B"], "V": held["W"]}
    rnn = node("LSTM", ["x", "W", "R", "B"], ["Y"], name="rnn", hidden_size=H)
    model = model_of([node("Add", ["V", "V"], ["W"]), rnn], stored)
    assert recurrent_parts(model)[0].refused
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "folded.onnx")
    options.log_severity_level = 4
    providers = ["CPUExecutionProvider"]
    onnxruntime.InferenceSession(model.SerializeToString(), options, providers=providers)
    (part,) = recurrent_parts(tmp_path / "folded.onnx")
    assert not part.refused
    found = arrays_of(tmp_path / "folded.onnx", part)
    assert np.array_equal(found["W"], 2 * held["W"])


# ---- tensors in other files ----------------------------------------------------------------------


def moved(place: Path, key: str, text: str) -> None:
    """Change where the tensors are said to be."""
    import onnx

    model = onnx.load(place, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == key:
                entry.value = text
    place.write_bytes(model.SerializeToString())


def test_tensors_in_a_file_beside_the_model_are_read(rng: Any, tmp_path: Path) -> None:
    place, held = outside(rng, tmp_path)
    assert same(arrays_of(place, "rnn"), held)
    (part,) = recurrent_parts(place)
    assert not part.refused
    with pytest.raises(DataError, match="all tensors must be in these bytes"):
        recurrent_parts(place.read_bytes())


def test_a_model_object_with_tensors_elsewhere_is_refused(rng: Any, tmp_path: Path) -> None:
    import onnx

    place, _ = outside(rng, tmp_path)
    (part,) = recurrent_parts(onnx.load(place, load_external_data=False))
    assert "Its W comes from the file 'weights.bin'" in part.refused


@pytest.mark.parametrize(
    "location", ["../weights.bin", "/etc/passwd", "a/../../weights.bin", "link.bin", "", ".", "\0"]
)
def test_tensors_outside_of_the_folder_are_refused(rng: Any, tmp_path: Path, location: str) -> None:
    place, _ = outside(rng, tmp_path / "in")
    secret = tmp_path / "weights.bin"
    secret.write_bytes((tmp_path / "in" / "weights.bin").read_bytes())
    os.symlink(secret, tmp_path / "in" / "link.bin")
    moved(place, "location", location)
    with pytest.raises(DataError, match="must be in the folder of the model"):
        arrays_of(place, "rnn")


@pytest.mark.parametrize(
    ("key", "text"),
    [("offset", "-1"), ("length", "999999999999"), ("offset", "1e3"), ("length", "9" * 5000)],
)
def test_places_outside_of_the_file_are_refused(
    rng: Any, tmp_path: Path, key: str, text: str
) -> None:
    place, _ = outside(rng, tmp_path)
    moved(place, key, text)
    with pytest.raises(DataError, match=r"'weights.bin' must hold the tensor"):
        arrays_of(place, "rnn")
