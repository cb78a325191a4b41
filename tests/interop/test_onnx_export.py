"""Layers written as ONNX models: valid, the same numbers in onnxruntime, and found again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from npstack import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    GRUResetBeforeCell,
    LSTMCell,
    LSTMVariantCell,
    Recurrent,
    Reversed,
    StackedLSTM,
    Zoneout,
)
from npstack.cells.parts import Activations, CellClip, Coupled, Peepholes, PreactivationClip
from npstack.core.activations import Activation
from npstack.core.errors import ArgumentError, DataError
from npstack.interop import CannotRepresent, capture, save
from npstack.interop.onnx_models.export import to_onnx
from npstack.interop.pieces import part_for
from npstack.interop.reading import read
from npstack.interop.writing import write
from tests.interop.opening import arrays_of, recurrent_parts
from tests.specification.onnx_runs import session

pytestmark = pytest.mark.frameworks
F4: Any = {"dtype": np.float32}


@pytest.fixture(autouse=True, scope="module")
def _onnx() -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")


def layers() -> dict[str, Any]:
    """Layers of every form, float32."""
    rng = np.random.default_rng(2)

    def variant(*parts: Any) -> Any:
        return Recurrent(LSTMVariantCell(3, 4, *parts, rng=rng, bias_init="uniform", **F4))

    def pair(kind: Any, merge: str, **options: Any) -> Any:
        both = [kind(3, 4, rng=rng, **F4, **options) for _ in range(2)]
        return Bidirectional(*both, merge=merge)

    stack = StackedLSTM(3, [4, 2, 5], rng=rng, **F4)
    return {
        "LSTM": LSTM(3, 4, rng=rng, **F4),
        "LSTM, last step": LSTM(3, 4, return_sequences=False, rng=rng, **F4),
        "GRU, reset after": GRU(3, 4, rng=rng, bias_init="uniform", **F4),
        "GRU, reset before": Recurrent(
            GRUResetBeforeCell(3, 4, rng=rng, bias_init="uniform", **F4)
        ),
        "RNN": RNN(3, 4, activation="relu", rng=rng, **F4),
        "reversed": Reversed(LSTM(3, 4, rng=rng, **F4)),
        "peepholes": variant(Peepholes()),
        "clip": variant(PreactivationClip(0.5)),
        "coupled": variant(Coupled()),
        "linear candidate": variant(Activations(candidate="linear", cell="softsign")),
        "hard sigmoids": variant(
            Activations(**dict.fromkeys(("input", "forget", "output"), "hard_sigmoid_sixth"))
        ),
        "scaled": variant(Activations(candidate=Activation("scaled_tanh", alpha=1.5, beta=0.5))),
        **{f"two directions, {m}": pair(GRU, m) for m in ("concat", "sum", "mul", "ave", "none")},
        "two directions, last step": pair(LSTM, "concat", return_sequences=False),
        "two directions, sum of the last step": pair(LSTM, "sum", return_sequences=False),
        "two directions, last steps apart": pair(LSTM, "none", return_sequences=False),
        "stack": stack,
    }


@pytest.mark.parametrize("name", layers())
def test_the_same_numbers_in_onnxruntime(name: str, tmp_path: Path) -> None:
    layer, rng = layers()[name], np.random.default_rng(3)
    part = part_for(layer)
    text = to_onnx(layer, tmp_path / "layer.onnx")
    assert (tmp_path / "layer.onnx").read_bytes() == text
    x = rng.standard_normal((2, 6, 3)).astype("f4")
    tape = layer.forward(x)
    y, *finals = session(text).run(None, {"x": x})
    assert y.shape == tape.outputs.shape
    assert abs(y - tape.outputs).max() < 1e-6
    states = [tape.final] if part.layers == 1 else list(tape.final)
    flat = [s for state in states for s in (zip(*state, strict=True) if part.bidirectional else
                                            ((a,) for a in state))]  # fmt: skip
    assert len(finals) == len(flat)
    for theirs, ours in zip(finals, flat, strict=True):
        assert abs(theirs - np.stack(ours)).max() < 1e-6


def test_lengths_and_states_are_inputs_on_request() -> None:
    rng = np.random.default_rng(4)
    layer = StackedLSTM(3, [4, 2], rng=rng, **F4)
    text = to_onnx(layer, lengths=True, states=True)
    x = rng.standard_normal((2, 6, 3)).astype("f4")
    begin = layer.forward(rng.standard_normal((2, 3, 3)).astype("f4")).final
    lengths = np.array([6, 2], np.int32)
    feed = {f"{f}{k}": getattr(s, f)[None] for k, s in enumerate(begin) for f in "hc"}
    y, *_ = session(text).run(None, {"x": x, "lengths": lengths, **feed})
    tape = layer.forward(x, begin, lengths=lengths)
    assert abs(y - tape.outputs).max() < 1e-6


def test_what_is_written_is_found_again_bit_for_bit() -> None:
    for name, layer in layers().items():
        if name == "stack":
            continue
        arrays, _ = write(layer, "onnx")
        text = to_onnx(layer)
        (part,) = recurrent_parts(text)
        found = arrays_of(text, part)
        assert found.keys() == arrays.keys()
        assert all(np.array_equal(found[k], arrays[k]) for k in arrays), name
        own = {"merge": "concat", **part_for(layer).attributes}
        joined = {k: own[k] for k in ("merge", "return_sequences")}
        two, attributes = part.bidirectional, {**part.attributes, **joined}
        again = read(found, "onnx", cell=part.kind, bidirectional=two, **attributes).layer
        x = np.random.default_rng(5).standard_normal((2, 6, 3)).astype("f4")
        theirs, ours = again.forward(x).outputs, layer.forward(x).outputs
        assert abs(theirs - ours).max() < 1e-6, name


def test_a_stack_becomes_nodes_with_names() -> None:
    layer = layers()["stack"]
    parts = recurrent_parts(to_onnx(layer))
    assert [part[:4] for part in parts] == [
        ("lstm_0", "lstm", 3, 4),
        ("lstm_1", "lstm", 4, 2),
        ("lstm_2", "lstm", 2, 5),
    ]


def test_what_onnx_has_no_place_for_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    clipped = Recurrent(LSTMVariantCell(3, 4, CellClip(1.0), rng=rng, **F4))
    with pytest.raises(CannotRepresent, match="onnx has no clip of the cell state"):
        to_onnx(clipped, tmp_path / "layer.onnx")
    with pytest.raises(ArgumentError):
        to_onnx(LSTM(3, 4, rng=rng, **F4), tmp_path / "none" / "layer.onnx")
    assert not list(tmp_path.iterdir())


def test_zoneout_acts_in_training_only() -> None:
    rng = np.random.default_rng(6)
    layer = Recurrent(Zoneout(LSTMCell(3, 4, rng=rng, **F4), h=0.5, c=0.1))
    x = rng.standard_normal((2, 6, 3)).astype("f4")
    y, *_ = session(to_onnx(layer)).run(None, {"x": x})
    assert abs(y - layer.forward(x).outputs).max() < 1e-6


def test_layers_that_differ_have_no_one_description() -> None:
    rng = np.random.default_rng(7)
    pair = Bidirectional(RNN(3, 4, rng=rng), RNN(3, 4, activation="relu", rng=rng))
    with pytest.raises(ArgumentError, match="must compute with the same functions"):
        part_for(pair)


def test_a_file_that_onnxruntime_does_not_run_says_so(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    layer = Recurrent(GRUResetBeforeCell(3, 4, rng=rng))
    report = save(layer, tmp_path / "wide.onnx")
    assert "onnxruntime does not run float64" in str(report)
    assert "tell the framework" not in str(report)
    report = save(layer, tmp_path / "narrow.onnx", dtype="float32")
    assert "onnxruntime does not run" not in str(report)
    x = rng.standard_normal((2, 5, 3)).astype("f4")
    recorded = capture(tmp_path / "narrow.onnx", {"x": x})["gru_0"]
    assert abs(recorded.outputs - layer.forward(x.astype(float)).outputs).max() < 1e-6
    with pytest.raises(DataError, match="write the model in float32"):
        capture(tmp_path / "wide.onnx", {"x": x.astype(float)})
