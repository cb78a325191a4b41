"""A small ONNX model made of the arrays of a layer, to go on with elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from npstack.core.activations import Activation
from npstack.core.errors import ArgumentError, DataError, fail
from npstack.core.numerics import Array
from npstack.files.atomic import replacing
from npstack.files.paths import check_target
from npstack.interop.descriptions import part_for as part_for
from npstack.interop.layout import activation_of
from npstack.interop.onnx_graphs import import_onnx
from npstack.interop.onnx_nodes import ACTIVATIONS, KINDS, PLACES, USUAL
from npstack.interop.parts import RecurrentPart

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
GATES = {"lstm": ("input", "forget", "output"), "gru": ("reset", "update"), "rnn": ()}
REDUCED = {"sum": "ReduceSum", "mul": "ReduceProd", "ave": "ReduceMean"}


def to_onnx(
    arrays: Mapping[str, Array],
    part: RecurrentPart,
    path: str | Path | None = None,
    *,
    lengths: bool = False,
    states: bool = False,
) -> bytes:
    """An ONNX model of one recurrent node, or of several, one on the other.

    Parameters
    ----------
    arrays : dict of array
        As `npstack.interop.write` gives them for the layout ``onnx``: W, R, B, P; of several layers
        ``0/W``, ``0/R``, …
    part : RecurrentPart
        What the arrays do not say: the kind, the number of layers and directions, and attributes.
    path : str or Path, optional
        Where to write the model, completely or not at all.
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
        onnxruntime computes in float32 only: write arrays of this dtype for it.

    Raises
    ------
    ArgumentError
        Something that an ONNX node cannot do.
    DataError
        An array is missing.
    """
    where = "to_onnx"
    target = None if path is None else check_target(where, path)
    onnx = import_onnx(where)
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
    layers = list(_by_layer(where, arrays, part))
    floats = helper.np_dtype_to_tensor_dtype(layers[0]["W"].dtype)
    options = _options(where, part)
    fields = ("h", "c") if part.kind == "lstm" else ("h",)
    merge = part.attributes.get("merge", "concat")
    if merge == "none" and part.layers > 1:
        expected = "a layer can only stand on one whose directions are joined"
        fail(ArgumentError, where, expected, "merge='none'", "Use merge='concat'.")
    full = part.attributes.get("return_sequences", True)
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


def _by_layer(
    where: str, arrays: Mapping[str, Array], part: RecurrentPart
) -> Iterator[dict[str, Array]]:
    """The arrays of each layer, without the layer's prefix."""
    for k in range(part.layers):
        prefix = f"{k}/" if part.layers > 1 else ""
        own = {
            name: np.asarray(arrays[prefix + name]) for name in "WRBP" if prefix + name in arrays
        }
        for name in "WR":
            if name not in own:
                got, advice = ", ".join(arrays), 'Use write(layer, "onnx").'
                fail(DataError, where, f"arrays must have {prefix}{name}", got, advice)
        yield own


def _options(where: str, part: RecurrentPart) -> dict[str, Any]:
    """The attributes of the nodes."""
    own = part.attributes
    count = 2 if part.bidirectional else 1
    backwards = own.get("backwards", False)
    found: dict[str, Any] = {
        "direction": "bidirectional" if count == 2 else "reverse" if backwards else "forward"
    }
    for name in ("cell_clip", "projection_clip"):
        if own.get(name):
            advice = 'write(layer, "onnx") says what it would cost to leave it out.'
            fail(ArgumentError, where, f"an ONNX node has no {name}", repr(own[name]), advice)
    if own.get("clip") is not None:
        found["clip"] = float(own["clip"])
    if own.get("coupled"):
        found["input_forget"] = 1
    if part.kind == "gru":
        found["linear_before_reset"] = int(own.get("reset", "after") == "after")
    given = own.get("activations") or {}
    chosen = _chosen(where, part.kind, given, coupled=bool(own.get("coupled")))
    names = [NAMES[each.name] for each in chosen]
    if tuple(names) != USUAL[part.kind]:
        found["activations"] = names * count
        for name in ("alpha", "beta"):
            values = [getattr(each, name) for each in chosen if getattr(each, name) is not None]
            if values:
                found[f"activation_{name}"] = values * count
    return found


def _chosen(where: str, kind: str, given: Mapping[str, Any], *, coupled: bool) -> list[Activation]:
    """The activations f, g, h of a node."""
    usual = dict(zip(PLACES[kind], (ACTIVATIONS[n.lower()][0] for n in USUAL[kind]), strict=True))
    found = {}
    for place, name in usual.items():
        gates = [gate for gate in GATES[kind] if not (coupled and gate == "forget")]
        gates = gates if place == "gates" else [place]
        values = {_activation(where, given.get(gate, given.get(place, name))) for gate in gates}
        if len(values) > 1:
            expected = f"{', '.join(gates)} must have one activation in a node (§5.4)"
            got = ", ".join(sorted(map(repr, values)))
            fail(ArgumentError, where, expected, got, "ONNX has a single f for all of them.")
        found[place] = values.pop()
    return list(found.values())


def _activation(where: str, value: str | Activation) -> Activation:
    own = activation_of(value)
    own = AS_OTHERS.get(own.name, own)
    if own.name not in NAMES:
        fail(ArgumentError, where, "ONNX must have the activation", repr(own), f"It has {NAMES}.")
    return own
