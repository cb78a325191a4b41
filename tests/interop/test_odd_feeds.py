"""Inputs that a model cannot take: `capture` says so in words, whatever the framework raises."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from npstack.core.errors import ArgumentError, CodeError, DataError, DtypeError
from npstack.interop import capture
from tests.interop import onnx_graphs
from tests.interop.keras_layers import B, D, H, T, draw, ready
from tests.specification.keras_runs import keras_or_skip
from tests.tools.other_programs import KERAS_COPY_WARNING

pytestmark = [pytest.mark.frameworks, pytest.mark.filterwarnings(KERAS_COPY_WARNING)]
ODD = {
    "width": lambda x: np.ones((B, T, D + 1), "f4"),
    "rank": lambda x: np.ones((B, D), "f4"),
    "no axis": lambda x: np.float32(3),
    "three": lambda x: [x, x, x],
    "positional": lambda x: (x, x, x, x),
    "none": lambda x: [],
    "names": lambda x: {"z": x},
    "a text": lambda x: "x",
    "texts": lambda x: np.full(x.shape, "a"),
    "a generator": lambda x: (row for row in x),
    "None": lambda x: None,
    "objects": lambda x: np.array([object()]),
    "lists": lambda x: [[1.0, 2.0], [3.0]],
    "no steps": lambda x: x[:, :0],
    "names that are no texts": lambda x: {1: x},
    "many numbers": lambda x: np.ones((40, 30)),
}


@pytest.fixture
def rng() -> Any:
    return np.random.default_rng(0)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("model", ["layer", "model", "two inputs", "sequential"])
def test_keras(rng: Any, model: str, odd: str) -> None:
    keras = keras_or_skip()
    layer, ins = keras.layers.LSTM(H, name="rnn"), [keras.Input((None, D), name=n) for n in "ab"]
    ready(layer, rng)
    own = {
        "layer": lambda: layer,
        "model": lambda: keras.Model(ins[0], layer(ins[0])),
        "two inputs": lambda: keras.Model(
            dict(zip("ab", ins, strict=True)), layer(ins[0] - ins[1])
        ),
        "sequential": lambda: keras.Sequential([ins[0], layer]),
    }[model]()
    with pytest.raises(CodeError, match="capture: the model must run on feed, got ") as caught:
        capture(own, ODD[odd](draw(rng)))
    error = caught.value
    assert error.raised
    assert error.got.startswith(f"{error.raised}: ")
    assert str(error).isprintable()  # one line, and no colours
    assert len(str(error)) < 600
    assert "Arguments received" not in error.got
    assert isinstance(error.__cause__, Exception)


def test_what_a_keras_model_raises_is_told_by_its_kind(rng: Any) -> None:
    keras = keras_or_skip()

    class Own(keras.Model):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.rnn = ready(keras.layers.LSTM(H), rng)

        def call(self, x: Any) -> Any:
            raise KeyError(self.rnn(x).shape and "no such\nkey")

    with pytest.raises(CodeError, match="no such") as caught:
        capture(Own(), draw(rng))
    assert caught.value.raised == "KeyError"


def of_onnx(rng: Any) -> tuple[Any, dict[str, Any]]:
    """A model that reads x and lengths, and what it takes."""
    from tests.interop.onnx_graphs import model_of, node, value, weights

    held = weights(rng)
    own = node("LSTM", ["x", *held, "n"], ["Y"], name="rnn", hidden_size=onnx_graphs.H)
    model = model_of([own], held, [value("n", ["B"], 6)])
    return model, {"x": onnx_graphs.draw_x(rng), "n": np.array([5, 2, 4])}


ODD_ONNX: dict[str, tuple[Any, Any, str]] = {
    "width": ("x", np.ones((5, 3, 3)), "must be able to run the model.*Got: 3 Expected: 2"),
    "rank": ("x", np.ones((5, 3)), "must be able to run the model.*Invalid rank"),
    "too long": ("n", [9, 9, 9], "must be able to run the model.*sequence_lens"),
    "lists": ("x", [[1.0], [1.0, 2.0]], r"feed\['x'\] must be an array, got ValueError: .*shape"),
    "text": ("x", "x", r"feed\['x'\] must be an array for tensor\(float\)"),
    "None": ("x", None, r"feed\['x'\] must be an array for tensor\(float\)"),
    "complex": ("x", np.ones((5, 3, 2), complex), r"feed\['x'\] must be an array for"),
    "no whole number": ("n", [5.0, 1.5, 2.0], r"numbers that tensor\(int32\) has, got .*, 1\.5 am"),
    "too large": (
        "n",
        [5, 2**40, 2],
        r"numbers that tensor\(int32\) has, got .*, 1099511627776 am",
    ),
    "infinite": (
        "x",
        np.full((5, 3, 2), 1e300),
        r"numbers that tensor\(float\) has, got .*1e\+300",
    ),
    "no rows": ("x", np.ones((5, 0, 2)), r"at least one row and one step, got shape \(5, 0, 2\)"),
    "no steps": ("x", np.ones((0, 3, 2)), r"at least one row and one step, got shape \(0, 3, 2\)"),
    "another": ("k" * 5000, 1.0, "feed must hold x, n and nothing else, got x, n, kkk.*…"),
}


@pytest.mark.parametrize("odd", ODD_ONNX)
def test_onnx(rng: Any, odd: str) -> None:
    pytest.importorskip("onnxruntime")
    model, feed = of_onnx(rng)
    name, given, words = ODD_ONNX[odd]
    with pytest.raises((ArgumentError, DataError, DtypeError), match=words) as caught:
        capture(model, {**feed, name: given})
    assert str(caught.value).isprintable()
    assert ".." not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_onnx_tensors_of_other_programs_that_are_no_arrays(rng: Any) -> None:
    pytest.importorskip("onnxruntime")
    torch = pytest.importorskip("torch")
    model, feed = of_onnx(rng)
    wanted = torch.ones((5, 3, 2), requires_grad=True)
    with pytest.raises(DtypeError, match=r"must be an array, got RuntimeError: .*requires grad"):
        capture(model, {**feed, "x": wanted})


ROOT = Path(__file__).parents[2]
PROGRAM = """
import numpy as np
from npstack.core.errors import ArgumentError
from npstack.interop import capture
from tests.interop.onnx_graphs import plain
for kind in ("LSTM", "GRU"):
    model, _ = plain(np.random.default_rng(0), kind)
    try:
        capture(model, np.ones((5, 0, 2), "f4"))
    except ArgumentError:
        print("refused")
"""


def test_an_empty_batch_does_not_end_the_process() -> None:
    """It does so in onnxruntime, which no `except` can catch."""
    pytest.importorskip("onnxruntime")
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stdout.split()) == (0, ["refused"] * 2), done.stderr
