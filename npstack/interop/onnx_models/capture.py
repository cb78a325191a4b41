"""What the recurrent nodes of an ONNX model read and compute, seen by added outputs of the graph.

onnxruntime runs a copy of the model in which everything that a recurrent node reads and makes is an
output of the graph, too. Out of a branch of an `If`, values are led through an added output of the
`If`; the other branch gives an empty tensor there, so that it is known which one was taken. Out of
the body of a `Loop` or a `Scan` nothing is led.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from npstack.core.errors import ArgumentError, DataError, DtypeError, describe, fail, in_words
from npstack.core.numerics import Array
from npstack.files.paths import check_path, of_file, open_file
from npstack.interop.onnx_models.graphs import (
    MOST,
    Found,
    beside,
    import_onnx,
    inlined,
    key_of,
    no_folder,
    parsed,
    survey,
    tensors_of,
)
from npstack.interop.onnx_models.nodes import Node
from npstack.interop.onnx_models.values import attributes_of
from npstack.interop.recording import STATE_OF, Recorded
from npstack.layers import Directions

INPUTS = {"x": 0, "lengths": 4, "h": 5, "c": 6}
OUTPUTS = {"Y": 0, "Y_h": 1, "Y_c": 2}
LONGEST = 200  # characters of the names in a message
DTYPES = {"float": "float32", "double": "float64"}  # onnxruntime's names, where NumPy's differ


class Seen(NamedTuple):
    """A node that is watched, and the outputs of the graph that show it."""

    node: Node
    shown: dict[str, str]


def capture(model: Any, feed: Any, *, calls: int = 1) -> dict[str, Recorded]:
    """Run an ONNX model in onnxruntime, and record what every recurrent node reads and computes.

    The model is run here, not in a process with limits: do this with models that you trust.

    Parameters
    ----------
    model : str, Path, bytes or onnx.ModelProto
    feed : dict, sequence or array
        The inputs of the graph by name; or all of them in its order; or the only one. Numbers get
        the type of the input, rounded if it is a floating-point type.
    calls : 1
        A node runs once.

    Returns
    -------
    dict of str to Recorded
        By the names of `recurrent_parts`, without those that are refused, those in a branch that
        was not taken, and those in the body of a `Loop` or `Scan`. Arrays are batch-first, the
        outputs of two directions side by side. A row of length zero does not use its initial state:
        it is recorded as zero, and ``source`` says so.

    Raises
    ------
    ArgumentError, DtypeError
        The inputs are not those of the graph, or no node can be seen.
    DataError
        onnxruntime cannot run the model; it refuses float64 and ``layout=1``, for example.
    """
    where = of_file("capture", model)
    onnx = import_onnx(where)
    runtime = import_onnx(where, "onnxruntime")
    if calls != 1:
        expected = "calls must be 1 for a graph, whose nodes run once"
        fail(ArgumentError, where, expected, describe(calls), "Leave it out.")
    copy = _whole(where, onnx, model)
    watched = [
        Seen(node, _shown(onnx, copy, number, found, node))
        for number, (found, node) in enumerate(survey(where, copy, copy.ByteSize(), no_folder))
        if not node.refused and all(name.op_type == "If" for name, _ in found.inside)
    ]
    session = _session(where, runtime, copy)
    own = {value.name: value.type for value in session.get_inputs()}
    given = _fed(where, own, feed)
    names = [name for each in watched for name in each.shown.values()]
    try:
        values = dict(zip(names, session.run(names, given), strict=True)) if names else {}
    except Exception as error:  # of onnxruntime: its classes are no public names
        _cannot(where, error)
    records = {
        each.node.name: _recorded(each.node, {k: values[name] for k, name in each.shown.items()})
        for each in watched
        if values[each.shown["Y"]].ndim == 4  # else the branch was not taken
    }
    if not records:
        expected = "a recurrent node that npstack has must run, outside of a Loop or Scan"
        advice = "Look at recurrent_parts(model), and at the branches that this input takes."
        fail(ArgumentError, where, expected, "none", advice)
    return records


def _whole(where: str, onnx: Any, model: Any) -> Any:
    """A copy of the model with all its tensors."""
    if isinstance(model, bytes):
        return parsed(where, model)
    if isinstance(model, str | os.PathLike):
        with open_file(where, model, MOST, "Give a smaller one.") as file:
            copy = parsed(where, file.read())
        folder: Path | None = check_path(where, model).parent
    else:
        if not isinstance(model, onnx.ModelProto):
            expected = "model must be a path, bytes or an onnx.ModelProto"
            fail(ArgumentError, where, expected, describe(model), "Give the path of the file.")
        copy, folder = onnx.ModelProto(), None
        copy.CopyFrom(inlined(model))
    if folder is not None:
        for tensor in tensors_of(copy.graph):
            if tensor.data_location == onnx.TensorProto.EXTERNAL:
                raw = beside(where, folder, key_of(tensor))
                tensor.ClearField("external_data")
                tensor.data_location = onnx.TensorProto.DEFAULT
                tensor.raw_data = raw
    return copy


def _cannot(where: str, error: Exception) -> Any:
    expected = "onnxruntime must be able to run the model"
    got = in_words(error)[:300].rstrip(".")
    advice = "The shapes and types of feed must be those of the graph's inputs."
    if "not support double" in got or "double" in got:
        advice = "onnxruntime has no float64 LSTM, GRU or RNN: write the model in float32."
    fail(DataError, where, expected, got, advice)


def _session(where: str, runtime: Any, model: Any) -> Any:
    """The model in onnxruntime: one thread, no messages."""
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return runtime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # of onnxruntime, or a message that is too large
        return _cannot(where, error)


def _fed(where: str, own: Mapping[str, str], feed: Any) -> dict[str, Array]:
    """The inputs of the graph, in its types."""
    if not isinstance(feed, Mapping):
        values = list(feed) if isinstance(feed, list | tuple) else [feed]
        if len(values) != len(own):
            expected = f"feed must hold the {len(own)} inputs {', '.join(own)}"
            fail(ArgumentError, where, expected, f"{len(values)}", "Use a dictionary with names.")
        feed = dict(zip(own, values, strict=True))
    unknown = [name for name in feed if name not in own]
    missing = [name for name in own if name not in feed]
    if unknown or missing:
        expected = f"feed must hold {', '.join(own)} and nothing else"
        got = ", ".join(map(str, feed)) or "nothing"
        got = got if len(got) <= LONGEST else f"{got[:LONGEST]}…"
        fail(ArgumentError, where, expected, got, "Use the names of the graph's inputs.")
    found = {}
    for name, kind in own.items():
        named = kind.removeprefix("tensor(").removesuffix(")")
        try:
            value = np.asarray(feed[name])
        except Exception as error:  # of a framework, for its own arrays
            expected, advice = f"feed[{name!r}] must be an array", "Give NumPy arrays."
            fail(DtypeError, where, expected, in_words(error).rstrip("."), advice)
        try:
            dtype = np.dtype(DTYPES.get(named, named))
        except TypeError:
            dtype = np.dtype(object)
        if dtype.kind not in "fiub" or value.dtype.kind not in "fiub":
            expected = f"feed[{name!r}] must be an array for {kind}"
            fail(DtypeError, where, expected, describe(value), "Only numbers can be fed.")
        if not value.size:  # of an empty batch, some of its operators end the whole process
            expected = f"feed[{name!r}] must have at least one row and one step"
            fail(ArgumentError, where, expected, f"shape {value.shape}", "Feed one of each.")
        with np.errstate(all="ignore"):
            cast = value.astype(dtype)
        kept = np.isfinite(cast) == np.isfinite(value) if dtype.kind == "f" else cast == value
        if not kept.all():
            expected = f"feed[{name!r}] must hold numbers that {kind} has"
            got = f"{describe(value)}, {value[~kept].flat[0]} among them"
            fail(DtypeError, where, expected, got, "Only roundings are made.")
        found[name] = np.ascontiguousarray(cast) if cast.ndim else cast
    return found


# ---- outputs that show a node --------------------------------------------------------------------


def _shown(onnx: Any, model: Any, number: int, found: Found, node: Node) -> dict[str, str]:
    """Add outputs to the graph for what a node reads and makes; their names."""
    proto, shown = found.node, {}
    floats = onnx.helper.np_dtype_to_tensor_dtype(node.arrays["W"].dtype)
    for name, place in OUTPUTS.items():
        if place == 2 and node.kind != "lstm":
            continue
        while len(proto.output) <= place:
            proto.output.append("")
        if not proto.output[place]:
            proto.output[place] = f"npstack.{number}.made.{name}"
        shown[name] = (proto.output[place], floats)
    for name, place in INPUTS.items():
        if place < len(proto.input) and proto.input[place] and (name != "c" or node.kind == "lstm"):
            kind = onnx.TensorProto.INT32 if name == "lengths" else floats
            shown[name] = (proto.input[place], kind)
    return {
        name: _led_out(onnx, model, found, value, kind, f"npstack.{number}.{name}")
        for name, (value, kind) in shown.items()
    }


def _led_out(onnx: Any, model: Any, found: Found, value: str, kind: int, name: str) -> str:
    """Make a value of an inner graph an output of the outermost one, under this name."""
    helper = onnx.helper
    graph = found.scope.graph
    graph.node.append(helper.make_node("Identity", [value], [name]))
    graph.output.append(helper.make_tensor_value_info(name, kind, None))
    for level, (node, branch) in enumerate(reversed(found.inside)):
        for own, other in attributes_of("capture", node).items():
            if own != branch:
                empty = helper.make_tensor(name, kind, [0], [])
                other.node.append(
                    helper.make_node("Constant", [], [f"{name}.no.{level}"], value=empty)
                )
                other.output.append(helper.make_tensor_value_info(f"{name}.no.{level}", kind, None))
        name = f"{name}.{level}"
        node.output.append(name)
        scope = found.scope
        for _ in range(level + 1):
            scope = scope.parent  # type: ignore[assignment]
        scope.graph.output.append(helper.make_tensor_value_info(name, kind, None))
    return name


def _recorded(node: Node, values: Mapping[str, Array]) -> Recorded:
    """What was seen of a node, batch first."""
    Y = values["Y"]  # (T, directions, B, H)
    T, count, B, H = Y.shape
    kind = STATE_OF[node.kind]

    def state(names: Sequence[str]) -> Any:
        halves = [
            kind(
                *(
                    values[name][k] if name in values else np.zeros((B, H), Y.dtype)
                    for name in names
                )
            )
            for k in range(count)
        ]
        return Directions(*halves) if count == 2 else halves[0]

    given = [name for name in ("h", "c") if name in values]
    initial = ("h", "c") if node.kind == "lstm" else ("h",)
    final = ("Y_h", "Y_c") if node.kind == "lstm" else ("Y_h",)
    lengths = values.get("lengths")
    source = f"onnx node {node.name!r}, onnxruntime"
    unused = np.zeros(B, bool) if lengths is None else lengths == 0
    if any(values[name][:, unused].any() for name in given):
        source += "; rows of length zero, whose initial state onnxruntime takes for zero (§7.5)"
        kept = ~unused[:, None]
        values = {
            k: np.where(kept, a, a.dtype.type(0)) if k in given else a for k, a in values.items()
        }
    some = any(values[name].any() for name in given)
    return Recorded(
        x=values["x"].swapaxes(0, 1).copy(),
        lengths=None if lengths is None else lengths.astype(np.int64),
        initial=state(initial) if some else None,
        outputs=Y.transpose(2, 0, 1, 3).reshape(B, T, count * H),
        final=state(final),
        source=source,
    )
