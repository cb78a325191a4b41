"""A small ONNX model made of a layer of npstack, to go on with elsewhere: `to_onnx`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from npstack.core.activations import Activation
from npstack.core.errors import ArgumentError, fail
from npstack.core.numerics import Array
from npstack.files.atomic import replacing
from npstack.files.paths import check_target
from npstack.interop.imported import Imported
from npstack.interop.layout import USUAL as DEFAULTS
from npstack.interop.layout import activation_of
from npstack.interop.onnx_models.graphs import import_onnx
from npstack.interop.onnx_models.nodes import ACTIVATIONS, KINDS, PLACES, USUAL
from npstack.interop.parts import RecurrentPart
from npstack.interop.pieces import part_for, pieces_of
from npstack.interop.writing import arrays_for
from npstack.layers import Layer

OPSET, IR = 17, 8  # of 2022: what reads ONNX today reads these
ORDER = ("x", "W", "R", "B", "lengths", "h", "c", "P")  # inputs of a node
NAMES = {
    ours: spelt
    for spelt in (
        *("Relu", "Tanh", "Sigmoid", "Softsign", "Softplus", "Elu", "LeakyRelu", "HardSigmoid"),
        *("ThresholdedRelu", "ScaledTanh", "Affine"),
    )
    for ours in [ACTIVATIONS[spelt.lower()][0]]
}
AS_OTHERS = {  # activations without a name in ONNX, as one that has parameters
    "linear": Activation("affine", alpha=1.0, beta=0.0),
    "hard_sigmoid_sixth": Activation("hard_sigmoid_fifth", alpha=1 / 6, beta=0.5),
}
REDUCED = {"sum": "ReduceSum", "mul": "ReduceProd", "ave": "ReduceMean"}


def to_onnx(
    layer: Layer | Imported,
    path: str | Path | None = None,
    *,
    biases: str = "kept",
    dtype: DTypeLike | None = None,
    lengths: bool = False,
    states: bool = False,
) -> bytes:
    """An ONNX model of one recurrent node, or of several, one on the other.

    Parameters
    ----------
    layer : Layer or Imported
        A recurrent layer, in one or two directions, or a stack of them.
    path : str or Path, optional
        Where to write the model, completely or not at all.
    biases : {"kept", "input", "halves"}
        Of `write`.
    dtype : dtype, optional
        Of the numbers; by default that of the layer. onnxruntime runs float32 only.
    lengths : bool
        Whether the model has an input ``lengths``, int32 of (B,).
    states : bool
        Whether it has inputs for the initial states, ``h0`` and ``c0`` of the first layer, ``h1``
        …, each (directions, B, H); without them it begins with zeros.

    Returns
    -------
    bytes
        The model, checked by ``onnx.checker``. It reads ``x (B, T, D)`` and gives ``y``, as npstack
        does, and the final states ``h0_final (directions, B, H)``, ``c0_final``, …

    Raises
    ------
    CannotRepresent
        ONNX has no such layer: with the reason, the clause, and the size of the error.
    MissingPackageError
    """
    where = "to_onnx"
    target = None if path is None else check_target(where, path)
    onnx = import_onnx(where)
    pieces = pieces_of(where, layer)
    arrays, _ = arrays_for(where, pieces, "onnx", biases=biases, dtype=dtype)
    part = part_for(pieces, "onnx", where=where)
    model = onnx.helper.make_model(
        _graph(where, onnx, arrays, part, lengths=lengths, states=states),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR,
        producer_name="npstack",
    )
    onnx.checker.check_model(model, full_check=True)
    text: bytes = model.SerializeToString()
    if target is not None:
        with replacing(target) as file:
            file.write(text)
    return text


def _graph(
    where: str,
    onnx: Any,
    arrays: Mapping[str, Array],
    part: RecurrentPart,
    *,
    lengths: bool,
    states: bool,
) -> Any:
    helper, count = onnx.helper, 2 if part.bidirectional else 1
    layers = list(_by_layer(arrays, part))
    floats = helper.np_dtype_to_tensor_dtype(layers[0]["W"].dtype)
    options = _options(part)
    fields = ("h", "c") if part.kind == "lstm" else ("h",)
    merge = part.attributes["merge"]
    if merge == "none" and part.layers > 1:
        expected = "a layer can only stand on one whose directions are joined"
        fail(ArgumentError, where, expected, "merge='none'", "Use merge='concat'.")
    full = part.attributes["return_sequences"]
    nodes = [helper.make_node("Transpose", ["x"], ["x.0"], perm=[1, 0, 2])]
    D = layers[0]["W"].shape[2]
    inputs = [helper.make_tensor_value_info("x", floats, ["B", "T", D])]
    if lengths:
        inputs.append(helper.make_tensor_value_info("lengths", onnx.TensorProto.INT32, ["B"]))
    finals, tensors = [], {"axis": np.array([2]), "flat": np.array([0, 0, -1])}
    for k, own in enumerate(layers):
        H = own["R"].shape[2]
        tensors |= {f"{name}{k}": value for name, value in own.items()}
        there = {"x": f"x.{k}", **{name: f"{name}{k}" for name in own}}
        if lengths:
            there["lengths"] = "lengths"
        if states:
            there |= {field: f"{field}{k}" for field in fields}
            inputs += [
                helper.make_tensor_value_info(f"{field}{k}", floats, [count, "B", H])
                for field in fields
            ]
        given = [there.get(name, "") for name in ORDER]
        given = given[:7] if part.kind == "lstm" and "P" not in own else given
        given = given if part.kind == "lstm" else given[:6]
        made = [f"Y{k}", *(f"{field}{k}_final" for field in fields)]
        name = f"{part.kind}_{k}"
        nodes.append(
            helper.make_node(
                KINDS_BACK[part.kind], given, made, name=name, hidden_size=H, **options
            )
        )
        nodes.append(helper.make_node("Transpose", [f"Y{k}"], [f"Z{k}"], perm=[0, 2, 1, 3]))
        nodes += _joined(helper, f"Z{k}", f"x.{k + 1}", merge)
        finals += [
            helper.make_tensor_value_info(f"{field}{k}_final", floats, [count, "B", H])
            for field in fields
        ]
    last = len(layers) - 1
    if full:
        perm = [1, 0, 2, 3] if merge == "none" else [1, 0, 2]
        nodes.append(helper.make_node("Transpose", [f"x.{last + 1}"], ["y"], perm=perm))
    else:  # the final states of the directions, joined in the same way, with one step
        nodes[-len(_joined(helper, "", "", merge)) - 1 :] = [
            helper.make_node("Unsqueeze", [f"h{last}_final", "first"], ["last"]),
            helper.make_node("Transpose", ["last"], ["turned"], perm=[0, 2, 1, 3]),
            *_joined(helper, "turned", "joined", merge),
            helper.make_node("Squeeze", ["joined", "first"], ["y"]),
        ]
        tensors["first"] = np.array([0])
    H = layers[-1]["R"].shape[2]
    shape = {"concat": [count * H], "none": [count, H]}.get(merge, [H])
    shape = ["B", "T", *shape] if full else ["B", *shape]
    used = {name for node in nodes for name in node.input}
    return helper.make_graph(
        nodes,
        "npstack",
        inputs,
        [helper.make_tensor_value_info("y", floats, shape), *finals],
        [
            onnx.numpy_helper.from_array(np.ascontiguousarray(value), name)
            for name, value in tensors.items()
            if name in used
        ],
    )


KINDS_BACK = {ours: operator for operator, ours in KINDS.items()}


def _joined(helper: Any, given: str, made: str, merge: str) -> list[Any]:
    """Nodes that join the directions of (T, B, directions, H)."""
    if merge == "none":
        return [helper.make_node("Identity", [given], [made])]
    if merge == "concat":
        return [helper.make_node("Reshape", [given, "flat"], [made])]
    if merge == "sum":
        return [helper.make_node("ReduceSum", [given, "axis"], [made], keepdims=0)]
    return [helper.make_node(REDUCED[merge], [given], [made], axes=[2], keepdims=0)]


def _by_layer(arrays: Mapping[str, Array], part: RecurrentPart) -> Iterator[dict[str, Array]]:
    """The arrays of each layer, without the layer's prefix."""
    for k in range(part.layers):
        prefix = f"{k}/" if part.layers > 1 else ""
        yield {name: arrays[prefix + name] for name in "WRBP" if prefix + name in arrays}


def _options(part: RecurrentPart) -> dict[str, Any]:
    """The attributes of the nodes."""
    own = part.attributes
    count = 2 if part.bidirectional else 1
    direction = "bidirectional" if count == 2 else "reverse" if own["backwards"] else "forward"
    found: dict[str, Any] = {"direction": direction}
    if "clip" in own:
        found["clip"] = float(own["clip"])
    if "coupled" in own:
        found["input_forget"] = 1
    if part.kind == "gru":
        found["linear_before_reset"] = int(own["reset"] == "after")
    functions = {**DEFAULTS[part.kind], **own["activations"]}
    # One of the gates that share a function: `write` has seen that all have it.
    functions["gates"] = functions.get("input", functions.get("update"))
    chosen = [activation_of(functions[place]) for place in PLACES[part.kind]]
    chosen = [AS_OTHERS.get(each.name, each) for each in chosen]
    names = [NAMES[each.name] for each in chosen]
    if tuple(names) != USUAL[part.kind]:
        found["activations"] = names * count
        for name in ("alpha", "beta"):
            values = [getattr(each, name) for each in chosen if getattr(each, name) is not None]
            if values:
                found[f"activation_{name}"] = values * count
    return found
