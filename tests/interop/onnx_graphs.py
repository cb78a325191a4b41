"""ONNX models for tests: one recurrent node, and weights behind operators, branches and loops."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from npstack.core.errors import DataError
from tests.interop.opening import arrays_of, recurrent_parts

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
T, B, D, H = 5, 3, 2, 4


def weights(rng: Any, kind: str = "LSTM", directions: int = 1) -> dict[str, Any]:
    """W, R and B, every number another."""
    k = GATES[kind]
    shapes = {"W": (k * H, D), "R": (k * H, H), "B": (2 * k * H,)}
    return {
        name: rng.uniform(-1, 1, (directions, *shape)).astype("f4")
        for name, shape in shapes.items()
    }


def value(name: str, shape: Any, kind: int = 1) -> Any:
    """A declared value: float32 unless told otherwise."""
    import onnx

    return onnx.helper.make_tensor_value_info(name, kind, shape)


def tensor(array: Any, name: str) -> Any:
    import onnx

    return onnx.numpy_helper.from_array(np.ascontiguousarray(array), name)


def node(operator: str, inputs: list[str], outputs: list[str], **attributes: Any) -> Any:
    import onnx

    return onnx.helper.make_node(operator, inputs, outputs, **attributes)


def model_of(
    nodes: list[Any], held: dict[str, Any], inputs: Any = (), outputs: Any = None, **options: Any
) -> Any:
    """A model that reads x (T, B, D), and gives Y unless told otherwise."""
    import onnx

    size = options.pop("size", D)

    graph = onnx.helper.make_graph(
        nodes,
        "g",
        [value("x", ["T", "B", size]), *inputs],
        [value("Y", None)] if outputs is None else outputs,
        [tensor(array, name) for name, array in held.items()],
    )
    opset = onnx.helper.make_opsetid("", options.pop("opset", 14))
    return onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8, **options)


def plain(rng: Any, kind: str = "LSTM", **attributes: Any) -> tuple[Any, dict[str, Any]]:
    """A model of one node, and its weights."""
    directions = 2 if attributes.get("direction") == "bidirectional" else 1
    held = weights(rng, kind, directions)
    own = node(kind, ["x", *held], ["Y"], name="rnn", hidden_size=H, **attributes)
    return model_of([own], held), held


def draw_x(rng: Any) -> Any:
    return rng.standard_normal((T, B, D)).astype("f4")


def direct(model: Any, feed: dict[str, Any], names: list[str] | None = None) -> list[Any]:
    """What onnxruntime itself gives."""
    from tests.specification.onnx_runs import session

    found: list[Any] = session(model.SerializeToString()).run(names, feed)
    return found


def same(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return found.keys() == wanted.keys() and all(
        np.array_equal(found[k], wanted[k]) for k in wanted
    )


def in_a_branch(rng: Any) -> tuple[Any, dict[str, Any]]:
    """An LSTM in each branch of an If, one with weights of the graph around it."""
    import onnx

    held = weights(rng)
    half = {k: a / 2 for k, a in held.items()}
    other = onnx.helper.make_graph(
        [node("LSTM", ["x", "W2", "R2", "B2"], ["Z"], hidden_size=H)],
        "else",
        [],
        [value("Z", None)],
        [onnx.numpy_helper.from_array(a, f"{k}2") for k, a in half.items()],
    )
    own = onnx.helper.make_graph(
        [node("LSTM", ["x", *held], ["Y0"], hidden_size=H)], "then", [], [value("Y0", None)]
    )
    choice = node("If", ["yes"], ["Y"], name="if", then_branch=own, else_branch=other)
    return model_of([choice], held, [value("yes", [], 9)]), held


def outside(rng: Any, folder: Path) -> tuple[Path, dict[str, Any]]:
    """A model that keeps its tensors in a file beside it."""
    import onnx

    model, held = plain(rng)
    folder.mkdir(exist_ok=True)
    place = folder / "model.onnx"
    onnx.save(model, place, save_as_external_data=True, location="weights.bin", size_threshold=0)
    return place, held


def refused(model: Any) -> str:
    (part,) = recurrent_parts(model)
    assert part.refused
    with pytest.raises(DataError, match=re.escape(part.refused)):
        arrays_of(model, part)
    return part.refused
