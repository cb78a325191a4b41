"""What ONNX nodes read and compute, captured: bit for bit what onnxruntime gives by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from npstack import Directions
from npstack.core.errors import ArgumentError, DataError, DtypeError
from npstack.core.trees import named
from npstack.interop import agreement, load
from npstack.interop.onnx_models.capture import capture
from tests.interop.onnx_graphs import (
    GATES,
    B,
    H,
    T,
    direct,
    draw_x,
    in_a_branch,
    model_of,
    node,
    outside,
    plain,
    value,
)
from tests.interop.onnx_graphs import weights as draw_weights

pytestmark = pytest.mark.frameworks
FIELDS = {"LSTM": ("h", "c"), "GRU": ("h",), "RNN": ("h",)}


@pytest.fixture(autouse=True, scope="module")
def _onnx() -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")


@pytest.fixture
def rng() -> Any:
    return np.random.default_rng(1)


def everything(rng: Any, kind: str, direction: str) -> tuple[Any, dict[str, Any], list[str]]:
    """A model with lengths and initial states, all its results named."""
    count = 2 if direction == "bidirectional" else 1
    held, fields = draw_weights(rng, kind, count), FIELDS[kind]
    given = ["x", *held, "n", *fields]
    made = ["Y", *(f"Y_{field}" for field in fields)]
    own = node(kind, given, made, name="rnn", hidden_size=H, direction=direction)
    inputs = [value("n", ["B"], 6), *(value(field, [count, "B", H]) for field in fields)]
    model = model_of([own], held, inputs, [value(name, None) for name in made])
    feed = {"x": draw_x(rng), "n": np.array([5, 2, 4], np.int32)}
    feed |= {field: rng.standard_normal((count, B, H)).astype("f4") for field in fields}
    return model, feed, made


@pytest.mark.parametrize("kind", GATES)
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_everything_is_recorded_bit_for_bit(rng: Any, kind: str, direction: str) -> None:
    model, feed, made = everything(rng, kind, direction)
    found = capture(model, feed)["rnn"]
    Y, *finals = direct(model, feed, made)
    assert np.array_equal(found.x, feed["x"].swapaxes(0, 1))
    assert found.lengths is not None
    assert found.lengths.tolist() == [5, 2, 4]
    assert np.array_equal(found.outputs, Y.transpose(2, 0, 1, 3).reshape(B, T, -1))
    ways = ("forward", "backward") if direction == "bidirectional" else (None,)
    for k, way in enumerate(ways):
        for tree, theirs in (
            (found.initial, [feed[f] for f in FIELDS[kind]]),
            (found.final, finals),
        ):
            state = tree if way is None else getattr(tree, way)
            assert state._fields == FIELDS[kind]
            assert all(np.array_equal(a, b[k]) for a, b in zip(state, theirs, strict=True))


def test_results_that_nobody_named_are_recorded(rng: Any) -> None:
    model, held = plain(rng)
    x = draw_x(rng)
    found = capture(model, x)["rnn"]
    named_all = node("LSTM", ["x", *held], ["Y", "Y_h", "Y_c"], hidden_size=H)
    results = [value(name, None) for name in ("Y", "Y_h", "Y_c")]
    Y, h, c = direct(model_of([named_all], held, outputs=results), {"x": x})
    assert np.array_equal(found.outputs, Y[:, 0].swapaxes(0, 1))
    assert np.array_equal(found.final.h, h[0])
    assert np.array_equal(found.final.c, c[0])
    assert found.initial is None
    assert found.lengths is None


def test_a_stack_with_a_computed_input(rng: Any) -> None:
    import onnx

    lower, upper = draw_weights(rng), draw_weights(rng, "GRU")
    upper["W"] = rng.uniform(-1, 1, (1, 3 * H, H)).astype("f4")
    stored = {f"{k}1": a for k, a in lower.items()} | {f"{k}2": a for k, a in upper.items()}
    nodes = [
        node("Tanh", ["x"], ["tx"]),
        node("LSTM", ["tx", "W1", "R1", "B1"], ["Y1"], name="low", hidden_size=H),
        node("Squeeze", ["Y1", "axis"], ["x2"]),
        node("GRU", ["x2", "W2", "R2", "B2"], ["", "Y"], name="high", hidden_size=H),
    ]
    model = model_of(nodes, stored | {"axis": np.array([1])})
    before = model.SerializeToString()
    x = draw_x(rng)
    found = capture(model, {"x": x})
    assert model.SerializeToString() == before  # the model itself is not changed
    assert list(found) == ["low", "high"]
    assert np.array_equal(found["low"].outputs, found["high"].x)
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    shown.graph.output.extend([value("tx", None), value("x2", None)])
    final, tx, x2 = direct(shown, {"x": x})
    assert np.array_equal(found["low"].x, tx.swapaxes(0, 1))
    assert np.array_equal(found["low"].outputs, x2.swapaxes(0, 1))
    assert np.array_equal(found["high"].final.h, final[0])
    assert np.array_equal(found["high"].outputs[:, -1], final[0])


@pytest.mark.parametrize(
    ("yes", "name"), [(True, "then_branch/LSTM_1"), (False, "else_branch/LSTM_0")]
)
def test_the_branch_that_is_taken_is_recorded(rng: Any, yes: bool, name: str) -> None:
    model, _ = in_a_branch(rng)
    feed = {"x": draw_x(rng), "yes": np.array(yes)}
    found = capture(model, feed)
    assert list(found) == [f"if.{name}"]
    (Y,) = direct(model, feed)
    assert np.array_equal(found[f"if.{name}"].outputs, Y[:, 0].swapaxes(0, 1))
    assert np.array_equal(found[f"if.{name}"].x, feed["x"].swapaxes(0, 1))


def test_branches_in_branches(rng: Any) -> None:
    import onnx

    model, _ = in_a_branch(rng)
    inner = model.graph.node[0]
    inner.output[0] = "Y1"
    graphs = [
        onnx.helper.make_graph([own], name, [], [value(result, None)])
        for name, own, result in (
            ("outer", inner, "Y1"),
            ("other", node("Identity", ["nothing"], ["Y2"]), "Y2"),
        )
    ]
    del model.graph.node[:]
    model.graph.node.append(
        node("If", ["deep"], ["Y"], name="out", then_branch=graphs[0], else_branch=graphs[1])
    )
    model.graph.input.append(value("deep", [], 9))
    zeros = np.zeros((T, 1, B, H), "f4")
    model.graph.initializer.append(onnx.numpy_helper.from_array(zeros, "nothing"))
    for yes in (True, False):
        feed = {"x": draw_x(rng), "yes": np.array(yes), "deep": np.array(True)}
        (found,) = capture(model, feed).values()
        (Y,) = direct(model, feed)
        assert np.array_equal(found.outputs, Y[:, 0].swapaxes(0, 1))
    with pytest.raises(ArgumentError, match="must run, outside of a Loop or Scan, got none"):
        capture(model, feed | {"deep": np.array(False)})


def test_what_is_in_a_scan_is_not_seen(rng: Any) -> None:
    import onnx

    held = draw_weights(rng)
    inside = [node("LSTM", ["part", *held], ["Z"], name="inner", hidden_size=H)]
    shapes = [value("part", [T, B, 2])], [value("Z", [T, 1, B, H])]
    body = onnx.helper.make_graph(inside, "body", *shapes)
    scan = node("Scan", ["many"], ["Y"], num_scan_inputs=1, body=body)
    outer = node("LSTM", ["x", *held], ["Y2"], name="outer", hidden_size=H)
    model = model_of([scan, outer], held, [value("many", [2, T, B, 2])])
    many = rng.standard_normal((2, T, B, 2)).astype("f4")
    assert list(capture(model, {"x": draw_x(rng), "many": many})) == ["outer"]


def test_a_path_bytes_and_tensors_beside(rng: Any, tmp_path: Path) -> None:
    place, _ = outside(rng, tmp_path)
    x = draw_x(rng)
    found = capture(place, [x])["rnn"]
    import onnx

    whole = onnx.load(place)
    again = capture(whole.SerializeToString(), {"x": x})["rnn"]
    assert np.array_equal(found.outputs, again.outputs)
    (Y,) = direct(whole, {"x": x})
    assert np.array_equal(found.outputs, Y[:, 0].swapaxes(0, 1))


def test_numbers_get_the_type_of_the_input(rng: Any) -> None:
    model, feed, _ = everything(rng, "GRU", "forward")
    wide = {name: a.astype("f8" if a.dtype == np.float32 else "i8") for name, a in feed.items()}
    assert np.array_equal(capture(model, wide)["rnn"].outputs, capture(model, feed)["rnn"].outputs)


def test_float16_is_recorded_as_it_is_computed(rng: Any) -> None:
    held = {k: a.astype("f2") for k, a in draw_weights(rng).items()}
    own = node("LSTM", ["x", *held], ["Y"], name="rnn", hidden_size=H)
    model = model_of([own], held, outputs=[value("Y", None, 10)])
    model.graph.input[0].type.tensor_type.elem_type = 10
    x = draw_x(rng)
    (Y,) = direct(model, {"x": x.astype("f2")})
    assert np.array_equal(capture(model, x)["rnn"].outputs, Y[:, 0].swapaxes(0, 1))


def test_directions_have_a_state_each(rng: Any) -> None:
    model, feed, _ = everything(rng, "LSTM", "bidirectional")
    found = capture(model, feed)["rnn"]
    assert isinstance(found.final, Directions)
    assert {a.shape for a in named("", found.final).values()} == {(B, H)}
    alone = capture(model, {**feed, "h": 0 * feed["h"], "c": 0 * feed["c"]})["rnn"]
    assert alone.initial is None


@pytest.mark.parametrize("kind", GATES)
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("lengths", [[5, 0, 4], [0, 0, 0]])
def test_rows_of_length_zero(rng: Any, kind: str, direction: str, lengths: list[int]) -> None:
    model, feed, made = everything(rng, kind, direction)
    feed["n"] = np.array(lengths, np.int32)
    found = capture(model, feed)["rnn"]
    Y, *finals = direct(model, feed, made)
    assert np.array_equal(found.outputs, Y.transpose(2, 0, 1, 3).reshape(B, T, -1))
    assert not any(final[:, 1].any() for final in finals)  # not the initial state
    assert all(not own[1].any() for own in named("", found.final).values())
    assert "initial state onnxruntime takes for zero (§7.5)" in found.source
    if any(lengths):
        both = found.initial if direction == "bidirectional" else (found.initial,)
        for k, state in enumerate(both):
            for name, own in zip(FIELDS[kind], state, strict=True):
                assert np.array_equal(own[[0, 2]], feed[name][k][[0, 2]])
    else:
        assert found.initial is None
    assert agreement(load(model).layer, found, draws=4).explained


def test_errors(rng: Any) -> None:
    model, _ = plain(rng)
    x = draw_x(rng)
    with pytest.raises(ArgumentError, match="calls must be 1 for a graph"):
        capture(model, x, calls=2)
    with pytest.raises(ArgumentError, match="feed must hold x and nothing else, got z"):
        capture(model, {"z": x})
    with pytest.raises(ArgumentError, match="feed must hold the 1 inputs x, got 2"):
        capture(model, [x, x])
    with pytest.raises(DtypeError, match=r"feed\['x'\] must be an array for tensor\(float\)"):
        capture(model, {"x": np.array(["a"])})
    with pytest.raises(DataError, match="onnxruntime must be able to run the model, got "):
        capture(model, x[0])
    with pytest.raises(ArgumentError, match=r"a path, bytes or an onnx\.ModelProto"):
        capture(3, x)


def test_what_onnxruntime_refuses_is_said(rng: Any) -> None:
    model, _ = plain(rng, layout=1)
    with pytest.raises(DataError, match=r"layout == 1\) are not supported"):
        capture(model, draw_x(rng))
