"""HDF5 that Keras 3 writes of a Sequential: it puts the name of the model into those of arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from npstack.interop.files.by_suffix import read_file
from npstack.interop.reading import read
from tests.interop.opening import arrays_of_file, parts_of_file, recurrent_parts
from tests.specification.keras_runs import keras_or_skip

H = 4
pytestmark = [pytest.mark.frameworks, pytest.mark.filterwarnings("ignore")]


@pytest.mark.parametrize("name", ["outer", "rec", "forward_model", "cells"])
def test_a_sequential_in_hdf5_keeps_its_configuration(tmp_path: Path, name: str) -> None:
    keras = keras_or_skip()
    layers, x = keras.layers, np.random.default_rng(0).standard_normal((2, 5, 3), np.float32)
    options = {"activation": "relu", "recurrent_activation": "hard_sigmoid"}
    stack = layers.RNN([layers.LSTMCell(2), layers.LSTMCell(3)], name="cells")
    model = keras.Sequential(
        [
            keras.Input((None, 3)),
            layers.LSTM(H, go_backwards=True, return_sequences=True, name="rec", **options),
            layers.Bidirectional(layers.GRU(2, return_sequences=True), name="bi"),
            stack,
        ],
        name=name,
    )
    model.set_weights([0.9 * np.sin(w + np.arange(w.size).reshape(w.shape)) for w in
                       model.get_weights()])  # fmt: skip
    model.save(tmp_path / "m.h5")
    stored = read_file(tmp_path / "m.h5")
    found = parts_of_file(stored.arrays, stored.attributes)
    assert found is not None
    assert found == recurrent_parts(model)
    assert [(part.name, part.refused) for part in found] == [("rec", ""), ("bi", ""), ("cells", "")]
    for part, theirs in zip(found, model.layers, strict=True):
        own = arrays_of_file(stored.arrays, stored.attributes, part)
        told = {"cell": part.kind, "bidirectional": part.bidirectional, **part.attributes}
        outputs = np.asarray(read(own, part.layout, **told).layer.forward(x).outputs)
        x = keras.ops.convert_to_numpy(theirs(x))
        if part.name == "rec":  # Keras gives what it read backwards in that order
            outputs = outputs[:, ::-1]
        if x.ndim == 2 and outputs.ndim == 3:
            outputs = outputs[:, -1]
        np.testing.assert_allclose(outputs, x, rtol=0, atol=2e-6)
