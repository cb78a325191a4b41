"""Single ONNX nodes, by onnxruntime and by onnx.reference, for ``tests/test_specification_onnx*``.

Arrays go in and come out in our layout: batch first, one direction without its axis.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.specification.plainly import reorder

LETTERS = {"LSTM": ("ifgo", "iofg"), "GRU": ("rzn", "zrn"), "RNN": ("h", "h")}


def weights_of(kind: str, directions: list[dict[str, Any]]) -> dict[str, Any]:
    """W, R, B and, of an LSTM with peepholes, P: as ONNX packs them, one row per direction."""
    ours, theirs = LETTERS[kind]
    stacked: dict[str, list[Any]] = {"W": [], "R": [], "B": [], "P": []}
    for p in directions:
        W, U, b, b2 = (reorder(p[name], ours, theirs) for name in ("W", "U", "b", "b2"))
        stacked["W"].append(W.T)
        stacked["R"].append(U.T)
        stacked["B"].append(np.concatenate([b, b2]))
        if "P" in p:
            stacked["P"].append(reorder(p["P"], "ifo", "iof"))
    return {name: np.stack(rows) for name, rows in stacked.items() if rows}


def node_model(
    kind: str,
    arrays: dict[str, Any],
    x: Any,
    initial: tuple[Any, ...] = (),
    lengths: Any = None,
    **attributes: Any,
) -> tuple[bytes, list[str], dict[str, Any]]:
    """A model of one node, the names of its results and its feeds (time-major, as ONNX has it)."""
    import onnx

    helper, floats = onnx.helper, onnx.helper.np_dtype_to_tensor_dtype(x.dtype)
    feeds = {"X": x, **arrays}
    if lengths is not None:
        feeds["sequence_lens"] = np.asarray(lengths, np.int32)
    for name, value in zip(("initial_h", "initial_c"), initial, strict=False):
        feeds[name] = value
    order = ["X", "W", "R", "B", "sequence_lens", "initial_h"]
    order += ["initial_c", "P"] if kind == "LSTM" else []
    results = ["Y", "Y_h", "Y_c"] if kind == "LSTM" else ["Y", "Y_h"]
    given = [name if name in feeds else "" for name in order]
    hidden = arrays["R"].shape[-1]
    node = helper.make_node(kind, given, results, hidden_size=hidden, **attributes)
    kinds = {name: helper.np_dtype_to_tensor_dtype(a.dtype) for name, a in feeds.items()}
    graph = helper.make_graph(
        [node],
        kind,
        [helper.make_tensor_value_info(name, kinds[name], a.shape) for name, a in feeds.items()],
        [helper.make_tensor_value_info(name, floats, None) for name in results],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)
    return model.SerializeToString(), results, feeds


def session(model: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what it refuses is raised, too
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run(
    kind: str,
    directions: list[dict[str, Any]],
    x: Any,
    *initial: Any,
    lengths: Any = None,
    by: str = "onnxruntime",
    dtype: Any = "f4",
    **attributes: Any,
) -> tuple[Any, list[Any]]:
    """Outputs (B, T, H) and finals (B, H); with two directions (B, T, 2, H) and (2, B, H)."""
    arrays = {name: a.astype(dtype) for name, a in weights_of(kind, directions).items()}
    starts = tuple((a if a.ndim == 3 else a[None]).astype(dtype) for a in initial)
    given = np.ascontiguousarray(x.swapaxes(0, 1).astype(dtype))
    model, results, feeds = node_model(kind, arrays, given, starts, lengths, **attributes)
    if by == "onnxruntime":
        outputs, *finals = session(model).run(results, feeds)
    else:
        from onnx.reference import ReferenceEvaluator

        outputs, *finals = ReferenceEvaluator(model).run(results, feeds)
    outputs = np.moveaxis(outputs, 2, 0)  # (T, directions, B, H) to (B, T, directions, H)
    if len(directions) == 1:
        return outputs[:, :, 0], [a[0] for a in finals]
    return outputs, finals
