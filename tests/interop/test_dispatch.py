"""The same model through the one door: live modules of each framework, and what they write."""

import os

import numpy as np
import pytest

from npstack import interop
from tests.tools.other_programs import KERAS_COPY_WARNING

pytestmark = [pytest.mark.frameworks, pytest.mark.filterwarnings(KERAS_COPY_WARNING)]
os.environ.setdefault("KERAS_BACKEND", "torch")
X = np.random.default_rng(0).standard_normal((2, 5, 3)).astype(np.float32)


def torch_model():
    torch = pytest.importorskip("torch")
    return torch.nn.LSTM(3, 4, 2, batch_first=True, bidirectional=True)


def keras_model():
    keras = pytest.importorskip("keras")
    layers = [keras.Input((5, 3)), keras.layers.GRU(4, return_sequences=True, name="gru")]
    return keras.Sequential(layers)


def onnx_model():
    pytest.importorskip("onnx")
    import npstack as nps

    layer = nps.LSTM(3, 4, rng=np.random.default_rng(0), dtype=np.float32)
    return interop.to_onnx(layer)


MODELS = {"torch": torch_model, "keras": keras_model, "onnx": onnx_model}


@pytest.mark.parametrize("name", MODELS)
def test_listed_brought_in_watched_and_compared(name):
    model = MODELS[name]()
    (part,) = interop.recurrent_parts(model)
    feed = {"x": X} if name == "onnx" else X
    recorded = interop.capture(model, feed)[part.name]
    outputs = interop.load(model).layer.forward(X).outputs
    assert np.abs(outputs - recorded.outputs).max() < 1e-6
    (seen,) = interop.inspect(model, feed)
    assert seen.agreement.explained


@pytest.mark.parametrize("suffix", ["safetensors", "onnx", "weights.h5"])
def test_saved_and_loaded(tmp_path, suffix):
    imported = interop.load(keras_model() if suffix == "weights.h5" else onnx_model())
    path = tmp_path / f"layer.{suffix}"
    interop.save(imported, path)
    again = interop.load(path)
    expected, found = imported.layer.forward(X).outputs, again.layer.forward(X).outputs
    assert np.abs(expected - found).max() < 1e-6
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
