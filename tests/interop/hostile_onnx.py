"""ONNX files that are damaged, or made to do harm; `read_model` reads them as a user would.

A kind is a function ``kind(rng, good) -> Case``, as in `hostile`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.files.forged import Rng, pick
from tests.interop.hostile import COMMON, Arrays, Case, Good, Kind
from tests.interop.onnx_graphs import model_of, node, value
from tests.interop.opening import arrays_of, recurrent_parts

FLOAT, EXTERNAL = 1, 1


def read_model(path: Path | str) -> Arrays:
    """The arrays of the first parts of an ONNX file that can be brought in."""
    parts = [part for part in recurrent_parts(path) if not part.refused][:3]
    return {
        f"{part.name}/{name}": array
        for part in parts
        for name, array in arrays_of(path, part).items()
    }


def good_onnx(rng: Rng, folder: str) -> Good:
    """An LSTM whose weights lie behind a few operators."""
    D, H = int(rng.integers(1, 5)), int(rng.integers(1, 5))
    shapes = {"W": (1, 4 * H, D), "R": (1, 4 * H, H), "B": (1, 8 * H)}
    arrays = {k: rng.standard_normal(shape, np.float32) for k, shape in shapes.items()}
    stored = {
        "V": arrays["W"][0].T,
        "axes": np.array([0]),
        "R1": arrays["R"][:, :3],
        "R2": arrays["R"][:, 3:],
        "B": arrays["B"],
    }
    nodes = [
        node("Transpose", ["V"], ["U"], perm=[1, 0]),
        node("Unsqueeze", ["U", "axes"], ["W"]),
        node("Concat", ["R1", "R2"], ["R"], axis=1),
        node("LSTM", ["x", "W", "R", "B"], ["Y"], name="rnn", hidden_size=H),
    ]
    model = model_of(nodes, stored)
    return Good(
        model.SerializeToString(), {f"rnn/{name}": own for name, own in arrays.items()}, folder
    )


def parsed(good: Good) -> Any:
    import onnx

    return onnx.ModelProto.FromString(good.content)


def spoilt(model: Any, *, refused: bool = False) -> Case:
    """What comes may be no array at all, if the node says that it cannot be brought in."""
    return Case(model.SerializeToString(), None, refused=refused)


def tensor_of(rng: Rng, model: Any) -> Any:
    return pick(rng, [t for t in model.graph.initializer if t.data_type == FLOAT])


def onnx_shape(rng: Rng, good: Good) -> Case:
    """Shapes that are negative, huge, of many axes, or of other sizes."""
    model = parsed(good)
    dims = tensor_of(rng, model).dims
    at = int(rng.integers(len(dims)))
    dims[at] = pick(rng, [-1, -(2**63), 2**62, 2**63 - 1, 2**31, 0, dims[at] + 1, 10**9])
    if rng.random() < 0.3:
        del dims[:]
        dims.extend(pick(rng, [[2**40] * 3, [1] * 70, [0, 2**63 - 1], [-1], [], [2**32, 2**32]]))
    return spoilt(model)


def onnx_type(rng: Rng, good: Good) -> Case:
    """Types that do not fit the bytes: strings, 4 bits, unknown ones."""
    model = parsed(good)
    tensor_of(rng, model).data_type = int(rng.integers(-2, 30))
    return spoilt(model)


def onnx_data(rng: Rng, good: Good) -> Case:
    """Bytes that are missing, too many, in two fields, or strings."""
    model = parsed(good)
    tensor = tensor_of(rng, model)
    way = pick(rng, ["less", "more", "none", "two", "strings", "nan"])
    if way == "less":
        tensor.raw_data = tensor.raw_data[:-1]
    elif way == "more":
        tensor.raw_data += bytes(5)
    elif way == "none":
        tensor.ClearField("raw_data")
    elif way == "two":
        tensor.float_data.extend([1.0] * 3)
    elif way == "strings":
        tensor.string_data.extend([b"x"] * 9)
    else:
        tensor.raw_data = b"\xff" * len(tensor.raw_data)
    return spoilt(model)


def onnx_elsewhere(rng: Rng, good: Good) -> Case:
    """Tensors in files outside of the folder, in devices, links, and beyond the end of files."""
    model = parsed(good)
    tensor = tensor_of(rng, model)
    tensor.data_location = EXTERNAL
    tensor.ClearField("raw_data")
    places = ["/etc/passwd", "../../x", "/dev/zero", "/proc/self/mem", "bad.onnx", "", ".", "a\0b"]
    places += ["x" * 5000, "..", "/", "~/x", "sub/../../x", "\\\\host\\x", "bad.onnx/x"]
    numbers = ["0", "-1", "9" * 30, "4", "1e3", "", "0x10", str(2**63), "\u0664", "NaN"]
    for key, text in (
        ("location", pick(rng, places)),
        ("offset", pick(rng, numbers)),
        ("length", pick(rng, numbers)),
    ):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, text
    return spoilt(model)


def onnx_circle(rng: Rng, good: Good) -> Case:
    """Values that come from themselves, or from very many operators."""
    model = parsed(good)
    graph = model.graph
    way = pick(rng, ["self", "two", "chain", "names"])
    if way == "self":
        graph.node.insert(0, node("Identity", ["W"], ["W"]))
        del graph.node[2]
    elif way == "two":
        graph.node[0].input[0] = "R"
        graph.node[2].input[0] = "U"
    elif way == "chain":
        graph.node[3].input[1] = "c5000"
        graph.node.extend(
            node("Identity", [f"c{k}" if k else "V"], [f"c{k + 1}"]) for k in range(5000)
        )
    else:
        graph.node[3].input[1] = pick(rng, ["none", "", "Y", "x", "W" * 9000])
    return spoilt(model)


def onnx_bomb(rng: Rng, good: Good) -> Case:
    """Constants that double, again and again; shapes that ask for memory; casts to more bytes."""
    model = parsed(good)
    graph = model.graph
    way = pick(rng, ["double", "wide", "branches", "constants"])
    if way == "double":
        graph.node.extend(node("Concat", [f"d{k}"] * 2, [f"d{k + 1}"], axis=0) for k in range(60))
        graph.node.append(node("Identity", ["V"], ["d0"]))
        graph.node[3].input[1] = "d60"
    elif way == "wide":
        graph.node.extend(node("Concat", [f"d{k}"] * 500, [f"d{k + 1}"], axis=0) for k in range(9))
        graph.node.append(node("Cast", ["V"], ["d0"], to=11))
        graph.node[3].input[1] = "d9"
    elif way == "branches":
        inner = graph.__class__()
        inner.output.append(value("d", None))
        inner.node.append(node("Concat", ["V"] * 4000, ["d"], axis=0))
        for _ in range(20):
            outer = graph.__class__()
            outer.output.append(value("d", None))
            outer.node.append(
                node("If", ["yes"], ["d"], name="x", then_branch=inner, else_branch=inner)
            )
            inner = outer if outer.ByteSize() < 5_000_000 else inner
        graph.node.extend(inner.node)
        graph.node[3].input[1] = "d"
        import onnx

        graph.initializer.append(onnx.numpy_helper.from_array(np.array(True), "yes"))
    else:
        graph.node.append(node("Constant", [], ["k"], value_floats=[0.5] * 300_000))
        graph.node[3].input[1] = "k"
    return spoilt(model)


def onnx_deep(rng: Rng, good: Good) -> Case:
    """Graphs in graphs, functions that call each other or themselves."""
    import onnx

    model = parsed(good)
    if rng.random() < 0.5:
        graph = model.graph
        for _ in range(int(pick(rng, [20, 90, 200, 2000]))):
            outer = onnx.GraphProto()
            outer.node.append(node("Loop", ["", ""], ["z"]))
            text = graph.SerializeToString()
            if len(text) > 2_000_000:
                break
            outer.node[0].attribute.add(name="body", type=5).g.CopyFrom(graph)
            graph = outer
        model.graph.CopyFrom(graph)
    else:
        standard = onnx.helper.make_opsetid("", 14)
        count = int(pick(rng, [1, 2, 25]))
        for k in range(count):
            called = f"F{(k + 1) % count if count < 25 else k + 1}"
            body = [node(called, ["a"], [f"b{n}"], domain="own") for n in range(2)]
            if count == 25 and k == 24:
                body = [node("Identity", ["a"], [f"b{n}"]) for n in range(2)]
            function = onnx.helper.make_function("own", f"F{k}", ["a"], ["b1"], body, [standard])
            model.functions.append(function)
        model.opset_import.append(onnx.helper.make_opsetid("own", 1))
        model.graph.node.append(node("F0", ["V"], ["far"], domain="own"))
    return spoilt(model)


def onnx_attribute(rng: Rng, good: Good) -> Case:
    """Attributes of other types, of huge values, twice, or without a value."""
    model = parsed(good)
    own = pick(rng, model.graph.node)
    name = pick(rng, ["hidden_size", "perm", "axis", "direction", "activations", "clip", "axes"])
    kept = [attribute for attribute in own.attribute if attribute.name != name]
    del own.attribute[:]
    own.attribute.extend(kept)
    wrong = [3, -1, 2**62, 1.5, float("nan"), "x", b"\xff\xfe", [1] * 1000, [2**62], [0.5], ["a"]]
    for _ in range(int(rng.integers(1, 3))):
        own.attribute.extend(node("x", [], [], **{name: pick(rng, wrong)}).attribute)
    if rng.random() < 0.3:
        own.attribute[-1].type = int(rng.integers(0, 15))
    return spoilt(model)


def onnx_names(rng: Rng, good: Good) -> Case:
    """Names that are long, empty, paths, or no text, and operators that nobody knows."""
    model = parsed(good)
    names = ["../../x", "", "a\0b", "x" * 100_000, "\u202e", "%s%n", "__import__('os')", "\n" * 50]
    own = model.graph.node[3]
    field = pick(rng, ["name", "op_type", "domain", "input"])
    if field == "input":
        own.input[int(rng.integers(4))] = pick(rng, names)
    else:
        text = pick(rng, names)
        setattr(own, field, text if field != "op_type" else f"{text}LSTM{text}"[:70_000])
    return spoilt(model)


def onnx_many(rng: Rng, good: Good) -> Case:
    """Very many nodes, tensors or inputs."""
    model = parsed(good)
    way = pick(rng, ["nodes", "tensors", "recurrent"])
    if way == "nodes":
        model.graph.node.extend(node("Relu", ["x"], [f"r{k}"]) for k in range(50_000))
    elif way == "tensors":
        first = model.graph.initializer[0]
        model.graph.initializer.extend([first] * 20_000)
    else:
        own = model.graph.node[3]
        model.graph.node.extend([own] * 3000)
    return spoilt(model)


ONNX: tuple[Kind, ...] = (
    *COMMON,
    *(onnx_shape, onnx_type, onnx_data, onnx_elsewhere, onnx_circle, onnx_bomb, onnx_deep),
    *(onnx_attribute, onnx_names, onnx_many),
)
