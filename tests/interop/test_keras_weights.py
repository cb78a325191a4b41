"""Layers of npstack in files that Keras loads by itself: ``model.load_weights(path)``."""

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
    Recurrent,
    Reversed,
    Sequential,
    StackedGRU,
    StackedLSTM,
    StackedRNN,
)
from npstack.interop import CannotRepresent, load, recurrent_parts, save
from npstack.interop.files.by_suffix import read_file, write_file
from npstack.interop.keras_models.weights import stored_names, written_names
from npstack.interop.pieces import part_for
from npstack.interop.reading import read
from npstack.interop.writing import write
from npstack.layers import Layer
from tests.tools.other_programs import KERAS_COPY_WARNING

D = 3
RNG = np.random.default_rng(0)
OPTIONS: dict[str, Any] = {"rng": RNG, "bias_init": "uniform", "dtype": np.float32}


def two(kind: Any, size: int = D, **how: Any) -> Layer:
    return Bidirectional(kind(size, 4, **OPTIONS), kind(size, 4, **OPTIONS), **how)


def bare(cell: str) -> Layer:
    """A layer without biases."""
    kind = {"lstm": LSTM, "gru": GRU, "rnn": RNN}[cell]
    arrays, _ = write(kind(D, 4, **OPTIONS), "keras")
    del arrays["bias"]
    return read(arrays, "keras", cell=cell, biases="kept").layer


LAYERS = {
    "LSTM": LSTM(D, 4, **OPTIONS),
    "float64": LSTM(D, 4, rng=RNG),
    "GRU": GRU(D, 4, **OPTIONS),
    "GRU, reset before": Recurrent(GRUResetBeforeCell(D, 4, **OPTIONS)),
    "RNN": RNN(D, 4, **OPTIONS),
    **{f"{cell} without bias": bare(cell) for cell in ("lstm", "gru", "rnn")},
    "from the end": Reversed(LSTM(D, 4, **OPTIONS)),
    "two directions": two(LSTM),
    "two directions, sum": two(GRU, merge="sum"),
    "stack of two": StackedGRU(D, [4, 5], **OPTIONS),
    "stack of three": StackedRNN(D, [4, 5, 2], return_sequences=False, **OPTIONS),
    "stack of twelve": StackedLSTM(D, 2, 12, **OPTIONS),
    "stack with dropout": StackedLSTM(D, [4, 5], dropout=0.3, **OPTIONS),
    "stack of two directions": Sequential(two(GRU), two(GRU, 8), two(GRU, 8)),
}


def stored(layer: Layer) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arrays of `write`, and the same under the names of Keras."""
    arrays, _ = write(layer, "keras", biases="kept")
    part = part_for(layer, "keras")
    return arrays, stored_names(arrays, part.kind, bidirectional=part.bidirectional)


@pytest.mark.parametrize("name", LAYERS)
def test_names_there_and_back(name: str) -> None:
    arrays, there = stored(LAYERS[name])
    assert all(key.startswith("layers/") for key in there)
    part = part_for(LAYERS[name], "keras")
    for given in (there, arrays):  # names of `write` stay, as files of npstack had them before
        back = written_names(given, part.kind, bidirectional=part.bidirectional)
        assert list(back) == list(arrays)
        assert all(back[key] is arrays[key] for key in arrays)


@pytest.mark.parametrize(
    "name",
    [
        "layers/gru/cell/vars/0",
        "layers/lstm_0/cell/vars/0",
        "layers/lstm_01/cell/vars/0",
        "layers/lstm/cell/vars/3",
        "layers/lstm/cell/seed_generator/vars/0",
        "model/layers/lstm/cell/vars/0",
    ],
)
def test_other_names_stay(name: str) -> None:
    assert list(written_names({name: np.ones(1)}, "lstm", bidirectional=False)) == [name]
    assert list(stored_names({name: np.ones(1)}, "lstm", bidirectional=False)) == [name]


def test_a_model_has_a_group_in_the_file(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    write_file(tmp_path / "a.weights.h5", stored(LAYERS["LSTM"])[1])
    write_file(tmp_path / "b.weights.h5", {"vars": np.ones(2), "a/vars/0": np.ones(3)})
    write_file(tmp_path / "c.weights.h5", {"kernel": np.ones(2)})
    with h5py.File(tmp_path / "a.weights.h5") as file:
        assert isinstance(file["vars"], h5py.Group)
        assert not len(file["vars"])
    with h5py.File(tmp_path / "b.weights.h5") as file:
        assert file["vars"].shape == (2,)
    with h5py.File(tmp_path / "c.weights.h5") as file:
        assert list(file) == ["kernel"]


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("layout", ["keras", "keras2"])
def test_what_is_saved_comes_back(tmp_path: Path, name: str, layout: str) -> None:
    pytest.importorskip("h5py")
    path, layer = tmp_path / "layer.weights.h5", LAYERS[name]
    try:
        save(layer, path, layout, biases="kept")
    except CannotRepresent:
        assert layout == "keras2"
        return
    found = read_file(path)
    assert all(key.startswith("layers/") for key in found.arrays) is (layout == "keras")
    (part,) = recurrent_parts(path)
    assert (part.input_size, part.layout) == (D, layout)
    x = RNG.standard_normal((2, 5, D)).astype(layer.dtype)
    again = load(path, biases="kept").layer
    assert np.array_equal(again.forward(x).outputs, layer.forward(x).outputs)
    written, _ = write(again, layout, biases="kept")
    expected, _ = write(layer, layout, biases="kept")
    assert {*written} == {*expected}
    assert all(written[key].tobytes() == expected[key].tobytes() for key in expected)


def test_files_with_the_names_of_write_are_read_as_before(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    layer = LAYERS["stack of two"]
    save(layer, tmp_path / "new.weights.h5")
    found = read_file(tmp_path / "new.weights.h5")
    write_file(tmp_path / "old.weights.h5", write(layer, "keras")[0], found.attributes)
    assert {*read_file(tmp_path / "old.weights.h5").arrays} != {*found.arrays}
    x = RNG.standard_normal((2, 5, D)).astype("f4")
    one, other = (
        load(tmp_path / f"{k}.weights.h5").layer.forward(x).outputs for k in ("old", "new")
    )
    assert np.array_equal(one, other)


# ---- Keras ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keras() -> Any:
    from tests.specification.keras_runs import keras_or_skip

    return keras_or_skip()


def zeros(keras: Any, layer: Layer) -> Any:
    """A ``keras.Sequential`` of the same layers, with other numbers."""
    from npstack.interop import to_model

    made = to_model(layer)
    if not isinstance(made, keras.Sequential):
        made = keras.Sequential([keras.Input((None, D), dtype=made.dtype), made])
    made.set_weights([np.zeros_like(own) for own in made.get_weights()])
    return made


@pytest.mark.frameworks
@pytest.mark.filterwarnings(KERAS_COPY_WARNING)
@pytest.mark.parametrize("name", LAYERS)
def test_keras_loads_every_bit(keras: Any, tmp_path: Path, name: str) -> None:
    model = zeros(keras, LAYERS[name])
    arrays, there = stored(LAYERS[name])
    write_file(tmp_path / "ours.weights.h5", there)
    model.load_weights(tmp_path / "ours.weights.h5")
    weights = model.get_weights()
    assert len(weights) == len(arrays)
    for own, value in zip(weights, arrays.values(), strict=True):
        assert (own.dtype, own.shape) == (value.dtype, value.shape)
        assert own.tobytes() == value.tobytes()
    model.save_weights(tmp_path / "theirs.weights.h5")
    theirs = read_file(tmp_path / "theirs.weights.h5").arrays
    assert {*theirs} == {*there}
    part = part_for(LAYERS[name], "keras")
    back = written_names(theirs, part.kind, bidirectional=part.bidirectional)
    assert {*back} == {*arrays}
    assert all(back[key].tobytes() == arrays[key].tobytes() for key in arrays)


@pytest.mark.frameworks
@pytest.mark.filterwarnings("ignore")
def test_models_of_ones_own(keras: Any, tmp_path: Path) -> None:
    path = tmp_path / "ours.weights.h5"
    arrays, there = stored(LAYERS["stack of two"])
    write_file(path, there)
    layers = keras.layers
    x = keras.Input((None, D))
    y = layers.GRU(5, dropout=0.1)(layers.GRU(4, return_sequences=True)(x))
    model = keras.Model(x, y)
    model.load_weights(path)
    larger = keras.Sequential([x, layers.GRU(4, return_sequences=True), layers.GRU(5)])
    larger.add(layers.Dense(1))
    with pytest.raises(ValueError, match="Dense"):
        larger.load_weights(path)
    larger.set_weights([np.zeros_like(own) for own in larger.get_weights()])
    larger.load_weights(path, skip_mismatch=True)
    for own, value in zip(model.get_weights(), arrays.values(), strict=True):
        assert own.tobytes() == value.tobytes()
    for own, value in zip(larger.get_weights(), arrays.values(), strict=False):
        assert own.tobytes() == value.tobytes()


@pytest.mark.frameworks
@pytest.mark.filterwarnings(KERAS_COPY_WARNING)
@pytest.mark.parametrize("name", LAYERS)
def test_keras_loads_what_save_wrote(keras: Any, tmp_path: Path, name: str) -> None:
    model = zeros(keras, LAYERS[name])
    save(LAYERS[name], tmp_path / "layer.weights.h5", biases="kept")
    model.load_weights(tmp_path / "layer.weights.h5")
    arrays, _ = write(LAYERS[name], "keras", biases="kept")
    for own, value in zip(model.get_weights(), arrays.values(), strict=True):
        assert own.tobytes() == value.tobytes()
