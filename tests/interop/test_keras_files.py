"""Files of Keras 2 and 3: the parts and arrays are those of the live model, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from npstack.core.activations import Activation
from npstack.core.errors import DataError
from npstack.interop.keras_models.files import WITHOUT
from npstack.interop.reading import read
from tests.interop.opening import arrays_of, arrays_of_file, parts_of_file, recurrent_parts

D, H = 2, 4


def arrays(prefix: str, kind: str = "lstm", colon: str = ":0", seed: int = 0) -> dict[str, Any]:
    """Arrays of one layer as HDF5 of Keras 2 has them."""
    rng, k = np.random.default_rng(seed), {"lstm": 4, "gru": 3, "rnn": 1}[kind]
    shapes = {"kernel": (D, k * H), "recurrent_kernel": (H, k * H), "bias": (k * H,)}
    return {
        f"{prefix}/{name}{colon}": rng.standard_normal(shape, np.float32)
        for name, shape in shapes.items()
    }


def old(*layers: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The attributes of a file of Keras 2.2 that holds a Sequential of these layers."""
    return {
        "keras_version": "2.2.0",
        "model_config": {"class_name": "Sequential", "config": list(layers)},
        **more,
    }


def layer(class_name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": class_name, "config": {"units": H, **config}}


# ---- Keras 2, without Keras ----------------------------------------------------------------------


def test_weights_of_keras_2_alone() -> None:
    stored = arrays("lstm_1/lstm_1") | arrays("gru_1/gru_1", "gru", seed=1)
    stored |= {"dense_1/dense_1/kernel:0": np.ones((H, 3), np.float32)}
    found = parts_of_file(stored, {"keras_version": "2.2.0"})
    assert found is not None
    assert {part.name: part[1:7] for part in found} == {
        "lstm_1": ("lstm", D, H, 1, False, "keras2"),
        "gru_1": ("gru", D, H, 1, False, "keras2"),
    }
    assert not any(part.attributes or part.refused for part in found)
    assert [part.assumed for part in found] == [(WITHOUT,), (WITHOUT,)]
    own = arrays_of_file(stored, {}, "lstm_1")
    assert list(own) == ["kernel", "recurrent_kernel", "bias"]
    report = read(own, "keras2").report
    assert "input hard_sigmoid_fifth" in " ".join(report.assumed)  # recorded nowhere


@pytest.mark.parametrize(
    ("version", "layout"),
    [("2.2.0", "keras2"), (None, "keras2"), ("2.3.1", "keras"), ("2.15.0", "keras"), (7, "keras2")],
)
def test_the_version_says_what_is_usual(version: Any, layout: str) -> None:
    found = parts_of_file(arrays("a/a"), {"keras_version": version} if version else {})
    assert found is not None
    assert [part.layout for part in found] == [layout]


@pytest.mark.parametrize(
    ("place", "colon", "attributes", "layout", "said"),
    [
        ("lstm/lstm", ":0", {}, "keras2", "names with ':0'"),
        ("lstm/lstm", ":0", {"format": "pt"}, "keras2", "names with ':0'"),
        ("sequential/lstm/lstm_cell", "", {}, "keras", "names without ':0'"),
        ("lstm", "", {}, "keras", "names without ':0'"),
        ("lstm", "", {"keras_version": "2.2.4"}, "keras2", ""),
    ],
)
def test_without_a_version_the_names_say_it_and_the_part_says_so(
    place: str, colon: str, attributes: dict[str, Any], layout: str, said: str
) -> None:
    found = parts_of_file(arrays(place, colon=colon), attributes)
    assert found is not None
    (part,) = found
    assert part.layout == layout
    assert part.assumed[0] == WITHOUT
    assert bool(part.assumed[1:]) is bool(said)
    assert said in " ".join(part.assumed)


def test_where_all_versions_agree_none_is_assumed() -> None:
    both = arrays("a/a", "rnn") | arrays("cu/cu")
    both["cu/cu/bias:0"] = np.ones(8 * H, np.float32)
    found = parts_of_file(both, {})
    assert found is not None
    assert [(part.layout, part.assumed) for part in found] == [
        ("keras2", (WITHOUT,)),
        ("keras2-cudnn", (WITHOUT,)),
    ]


@pytest.mark.parametrize(
    ("config", "gates"),
    [
        ({}, "hard_sigmoid_fifth"),
        ({"recurrent_activation": "hard_sigmoid"}, "hard_sigmoid_fifth"),
        ({"recurrent_activation": "sigmoid"}, "sigmoid"),
        ({"inner_activation": "sigmoid"}, "sigmoid"),
    ],
)
def test_hard_sigmoids_of_keras_2_have_slope_one_fifth(config: dict[str, Any], gates: str) -> None:
    found = parts_of_file(arrays("lstm_1/lstm_1"), old(layer("LSTM", name="lstm_1", **config)))
    assert found is not None
    (part,) = found
    assert part.attributes["activations"] == {"gates": gates, "candidate": "tanh", "cell": "tanh"}
    assert part.layout == "keras2"


def test_a_configuration_says_the_rest() -> None:
    stored = arrays("one/one") | arrays("two/two", "gru", seed=1) | arrays("three/three", "rnn")
    attributes = old(
        layer("LSTM", name="one", return_sequences=True, dropout=0.5),
        layer("GRU", name="two", go_backwards=True, activation="relu"),
        layer(
            "SimpleRNN", name="three", activation={"class_name": "ELU", "config": {"alpha": 0.5}}
        ),
        layer("LSTM", name="four"),
        layer("Dense", name="five"),
    )
    found = parts_of_file(stored, attributes)
    assert found is not None
    one, two, three, four = found
    assert one.attributes["return_sequences"] is True
    assert two.attributes == {
        "return_sequences": False,
        "backwards": True,
        "reset": "before",
        "activations": {"gates": "hard_sigmoid_fifth", "candidate": "relu"},
    }
    assert three.attributes["activations"] == {"hidden": Activation("elu", alpha=0.5)}
    assert "The file has no weights for it" in four.refused
    with pytest.raises(DataError, match="must be a layer that npstack can hold"):
        arrays_of_file(stored, attributes, "four")


@pytest.mark.parametrize("cell", ["", "/lstm_cell_3"])
def test_two_directions_of_keras_2(cell: str) -> None:
    stored = arrays(f"bi/bi/forward_lstm_1{cell}") | arrays(f"bi/bi/backward_lstm_1{cell}", seed=1)
    inner = layer("LSTM", name="lstm_1", return_sequences=True)
    config = {"name": "bi", "layer": inner, "merge_mode": "sum"}
    attributes = old({"class_name": "Bidirectional", "config": config})
    for own in ({}, attributes):
        found = parts_of_file(stored, own)
        assert found is not None
        (part,) = found
        assert (part.name, part.bidirectional, part.refused) == ("bi", True, "")
        given = arrays_of_file(stored, own, part)
        assert np.array_equal(given["backward/bias"], stored[f"bi/bi/backward_lstm_1{cell}/bias:0"])
        assert np.array_equal(
            given["forward/kernel"], stored[f"bi/bi/forward_lstm_1{cell}/kernel:0"]
        )
    assert part.attributes["merge"] == "sum"
    made = read(given, "keras2", bidirectional=True, **part.attributes).layer
    assert made.forward(np.ones((1, 3, D), np.float32)).outputs.shape == (1, 3, H)


def test_a_model_in_a_model_of_keras_2() -> None:
    stored = arrays("inner/lstm_1")
    inner = {
        "class_name": "Sequential",
        "config": {"name": "inner", "layers": [layer("LSTM", name="lstm_1")]},
    }
    found = parts_of_file(stored, old(inner))
    assert found is not None
    (part,) = found
    assert (part.name, part.refused) == ("inner/lstm_1", "")


def test_cudnn_layers_of_keras_2() -> None:
    stored = arrays("cu/cu")
    stored["cu/cu/bias:0"] = np.arange(8 * H, dtype=np.float32)
    for attributes in ({}, old(layer("CuDNNLSTM", name="cu"))):
        found = parts_of_file(stored, attributes)
        assert found is not None
        (part,) = found
        assert (part.layout, part.refused) == ("keras2-cudnn", "")
        own = arrays_of_file(stored, attributes, part)
        assert read(own, part.layout, **part.attributes).layer.forward(
            np.ones((1, 3, D), np.float32)
        ).final.h.shape == (1, H)


def test_arrays_that_do_not_fit_their_configuration_are_refused() -> None:
    found = parts_of_file(arrays("a/a", "gru"), old(layer("LSTM", name="a")))
    assert found is not None
    assert "Its arrays do not fit its configuration" in found[0].refused


@pytest.mark.parametrize("class_name", ["MyLSTM", "ConvLSTM2D", "RNN"])
def test_other_layers_are_refused(class_name: str) -> None:
    found = parts_of_file(arrays("a/a"), old(layer(class_name, name="a")))
    assert found is not None
    assert found[0].refused


def test_files_of_others_are_none() -> None:
    torch_like = {"rnn.weight_ih_l0": np.ones((8, 2)), "rnn.weight_hh_l0": np.ones((8, 2))}
    assert parts_of_file(torch_like, {}) is None
    assert parts_of_file({}, {}) is None
    flax_like = {"cell/ii/kernel": np.ones((2, 2)), "cell/hi/kernel": np.ones((2, 2))}
    assert parts_of_file(flax_like, {}) is None
    conv = {"c/c/kernel:0": np.ones((3, 3, 2, 8)), "c/c/recurrent_kernel:0": np.ones((3, 3, 2, 8))}
    assert parts_of_file(conv, {}) is None


STACK = {"class_name": "StackedRNNCells"}
BAD: list[Any] = [
    *(3, "LSTM", [], None, [3], {"class_name": 3}, {"config": 3}, {"class_name": "LSTM"}),
    {"class_name": "Bidirectional", "config": {"layer": layer("LSTM"), "merge_mode": []}},
    {"class_name": "Bidirectional", "config": {"layer": 3}},
    {"class_name": "RNN", "config": {"cell": STACK | {"config": {"cells": 3}}}},
    {"class_name": "RNN", "config": {"cell": layer("LSTMCell", units="many")}},
    {"class_name": "Model", "config": {"layers": {"a": 3}}},
    layer("LSTM", units=[1], activation=[[]], dropout="x"),
    layer("LSTM", activation={"class_name": "ELU", "config": {"alpha": {}}}),
]


@pytest.mark.parametrize("number", range(len(BAD)))
@pytest.mark.parametrize("inside", [True, False])
def test_configurations_of_any_form_end_in_parts_or_an_error(number: int, inside: bool) -> None:
    config = {"class_name": "Model", "config": {"layers": [BAD[number]]}} if inside else BAD[number]
    attributes = {"keras_version": "2.2.0", "model_config": config}
    try:
        found = parts_of_file(arrays("lstm_1/lstm_1"), attributes)
    except DataError as error:
        found, told = (), error.expected
        assert told == "the file must hold the configuration of a model of Keras"
    for part in found or ():
        assert str(part)
        if not part.refused:
            arrays_of_file(arrays("lstm_1/lstm_1"), attributes, part)


def test_a_model_without_end_ends() -> None:
    config: dict[str, Any] = layer("LSTM", name="a")
    for _ in range(900):
        config = {"class_name": "Model", "config": {"layers": [config]}}
    found = parts_of_file({}, {"model_config": config})
    assert found == ()


# ---- files that Keras writes ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def keras() -> Any:
    from tests.specification.keras_runs import keras_or_skip

    return keras_or_skip()


def model_of(keras: Any) -> Any:
    """A model in which everything that can be in a file occurs."""
    layers = keras.layers
    encoder = keras.Sequential(
        [keras.Input((None, 3)), layers.LSTM(H, return_sequences=True, name="low")], name="encoder"
    )
    x = keras.Input((None, 3))
    h = encoder(x)
    h = layers.Bidirectional(layers.GRU(5, return_sequences=True), merge_mode="ave", name="bi")(h)
    h = layers.LSTM(2, use_bias=False, return_sequences=True, go_backwards=True, name="bare")(h)
    h = layers.Bidirectional(layers.GRU(3, reset_after=False, return_sequences=True), name="two")(h)
    h = layers.SimpleRNN(4, activation="relu", return_sequences=True, name="third")(h)
    h = layers.Dense(4)(h)
    h = layers.RNN(
        [layers.LSTMCell(n, recurrent_activation="hard_sigmoid") for n in (4, 3, 2)],
        return_sequences=True,
        name="cells",
    )(h)
    h = layers.LSTM(2, return_sequences=True, name="tenth")(h)
    model = keras.Model(x, h)
    rng = np.random.default_rng(0)
    model.set_weights([rng.standard_normal(w.shape) for w in model.get_weights()])
    return model


@pytest.mark.frameworks
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["m.keras", "m.h5", "m.weights.h5"])
def test_files_say_what_the_live_model_says(keras: Any, tmp_path: Path, name: str) -> None:
    from npstack.interop.files.by_suffix import read_file

    model = model_of(keras)
    path = tmp_path / name
    model.save_weights(path) if "weights" in name else model.save(path)
    stored = read_file(path)
    found = parts_of_file(stored.arrays, stored.attributes)
    assert found is not None
    live = {part.name: part for part in recurrent_parts(model)}
    assert {part.name for part in found} == set(live)
    if "weights" not in name:
        assert [part.name for part in found] == list(live)
        assert list(found) == list(live.values())
    for part in found:
        wanted = arrays_of(model, part.name)
        got = arrays_of_file(stored.arrays, stored.attributes, part)
        assert list(got) == list(wanted)
        assert all(np.array_equal(got[key], wanted[key]) for key in wanted)
        assert part[:7] == live[part.name][:7]


@pytest.mark.frameworks
@pytest.mark.filterwarnings("ignore")
def test_a_model_of_ones_own_in_a_file_of_weights(keras: Any, tmp_path: Path) -> None:
    from npstack.interop.files.by_suffix import read_file

    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = keras.layers.LSTM(H)
            self.both = keras.layers.Bidirectional(keras.layers.GRU(2))

        def call(self, x: Any) -> Any:
            return self.encoder(x), self.both(x)

    model = Own()
    model(np.ones((1, 2, 3), "f4"))
    model.save_weights(tmp_path / "own.weights.h5")
    stored = read_file(tmp_path / "own.weights.h5")
    found = parts_of_file(stored.arrays, stored.attributes)
    assert found is not None
    assert {(part.kind, part.bidirectional) for part in found} == {("lstm", False), ("gru", True)}
    for part in found:
        attribute = model.encoder if part.kind == "lstm" else model.both
        own = arrays_of_file(stored.arrays, stored.attributes, part)
        wanted = arrays_of(attribute, "")
        assert all(np.array_equal(own[key], wanted[key]) for key in wanted)
