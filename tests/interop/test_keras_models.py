"""Live Keras models: where their recurrent layers are, and their arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from npstack.core.activations import Activation
from npstack.core.errors import ArgumentError, DataError
from npstack.interop.keras_models.capture import capture
from tests.interop.keras_layers import D, H, draw, ours, plain, ready
from tests.interop.opening import arrays_of, recurrent_parts
from tests.specification.keras_runs import keras_or_skip
from tests.tools.other_programs import KERAS_COPY_WARNING

pytestmark = [pytest.mark.frameworks, pytest.mark.filterwarnings(KERAS_COPY_WARNING)]


@pytest.fixture(scope="module")
def keras() -> Any:
    return keras_or_skip()


@pytest.fixture
def rng() -> Any:
    return np.random.default_rng(0)


# ---- parts ---------------------------------------------------------------------------------------


def test_parts_of_a_model_with_models_in_it(keras: Any) -> None:
    layers = keras.layers
    shared = layers.GRU(3, return_sequences=True, name="shared")
    encoder = keras.Sequential(
        [keras.Input((None, D)), layers.LSTM(H, return_sequences=True, name="low")], name="encoder"
    )
    x = keras.Input((None, D))
    h = shared(encoder(x))
    h = layers.Bidirectional(layers.SimpleRNN(2, return_sequences=True), name="both")(h)
    h = layers.Dense(3)(shared(layers.Dense(H)(h)))
    h = layers.RNN([layers.LSTMCell(4), layers.LSTMCell(2)], name="cells")(h)
    model = keras.Model(x, h)
    parts = recurrent_parts(model)
    assert [part[:6] for part in parts] == [
        ("encoder/low", "lstm", D, H, 1, False),
        ("shared", "gru", H, 3, 1, False),
        ("both", "rnn", 3, 2, 1, True),
        ("cells", "lstm", 3, 2, 2, False),
    ]
    assert not any(part.refused for part in parts)
    assert {part.layout for part in parts} == {"keras"}
    assert parts[2].attributes["merge"] == "concat"
    assert parts[3].attributes["return_sequences"] is False


def test_parts_inside_layers_of_ones_own(keras: Any, rng: Any) -> None:
    class Block(keras.layers.Layer):
        def __init__(self) -> None:
            super().__init__(name="block")
            self.rnn = keras.layers.LSTM(H, name="rnn")

        def call(self, x: Any) -> Any:
            return self.rnn(x)

    class Whole(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.block = Block()
            self.wrapped = keras.layers.TimeDistributed(keras.layers.GRU(2, name="gru"), name="td")

        def call(self, x: Any) -> Any:
            return self.block(x), self.wrapped(x[:, None])

    model = Whole()
    assert [part.refused for part in recurrent_parts(model)] == [
        "It has no weights yet. Call the model once."
    ] * 2
    x = draw(rng)
    model(x)
    assert [part.name for part in recurrent_parts(model)] == ["block/rnn", "td/gru"]
    found = capture(model, x)
    assert np.array_equal(found["block/rnn"].outputs, plain(model(x))[0])


def test_a_layer_is_a_model_without_a_name(keras: Any, rng: Any) -> None:
    (part,) = recurrent_parts(ready(keras.layers.LSTM(H), rng))
    assert (part.name, part.hidden_size) == ("", H)


def test_names_that_occur_twice_get_a_number(keras: Any) -> None:
    class Twice(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.one = keras.layers.LSTM(2, name="same")
            self.two = keras.layers.LSTM(2, name="same")

    assert [part.name for part in recurrent_parts(Twice())] == ["same", "same_2"]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("hard_sigmoid", "hard_sigmoid_sixth"),
        ("leaky_relu", Activation("leaky_relu", alpha=0.2)),
        ("linear", "linear"),
        (None, "linear"),
        ("softsign", "softsign"),
        ("softplus", "softplus"),
        ("elu", "elu"),
        ("relu", "relu"),
    ],
)
def test_activations_are_named_and_compute_the_same(
    keras: Any, rng: Any, given: Any, wanted: Any
) -> None:
    layer = ready(keras.layers.SimpleRNN(H, activation=given, return_sequences=True), rng)
    (part,) = recurrent_parts(layer)
    assert part.attributes["activations"] == {"hidden": wanted}
    x = draw(rng)[:, :2]
    tape = ours(layer, part).forward(x)
    assert np.allclose(tape.outputs, plain(layer(x))[0], rtol=1e-5, atol=1e-6)


def test_activations_that_are_layers(keras: Any, rng: Any) -> None:
    own = keras.layers.LeakyReLU(negative_slope=0.25)
    (part,) = recurrent_parts(ready(keras.layers.SimpleRNN(H, activation=own), rng))
    assert part.attributes["activations"]["hidden"] == Activation("leaky_relu", alpha=0.25)


@pytest.mark.parametrize("activation", ["gelu", "function", "registered"])
def test_other_activations_are_refused(keras: Any, rng: Any, activation: str) -> None:
    def mine(a: Any) -> Any:
        return a * 2

    given: Any = activation
    if activation == "function":
        given = mine
    elif activation == "registered":
        given = keras.saving.register_keras_serializable("own", "mine_too")(mine)
    layer = ready(keras.layers.LSTM(H, activation=given), rng)
    (part,) = recurrent_parts(layer)
    assert "is none that npstack has" in part.refused
    assert "OwnActivation" in part.refused
    with pytest.raises(DataError, match="must be a layer that npstack can hold"):
        arrays_of(layer, part)


def test_layers_of_ones_own_and_others_are_refused(keras: Any, rng: Any) -> None:
    class MyLSTM(keras.layers.LSTM):
        pass

    class MyCell(keras.layers.LSTMCell):
        pass

    cases = {
        "MyLSTM is not a layer of Keras that npstack has": MyLSTM(H),
        "Its cell MyCell is none of Keras": keras.layers.RNN(MyCell(H)),
        "Its cells differ in kind or activations": keras.layers.RNN(
            [keras.layers.LSTMCell(H), keras.layers.GRUCell(H)]
        ),
        "ConvLSTM1D is not a layer of Keras that npstack has": keras.layers.ConvLSTM1D(2, 3),
        "Its forward layer reads from the end": keras.layers.Bidirectional(
            keras.layers.LSTM(H, go_backwards=True),
            backward_layer=keras.layers.LSTM(H),
        ),
        "Its two directions differ": keras.layers.Bidirectional(
            keras.layers.LSTM(H),
            backward_layer=keras.layers.LSTM(H, activation="relu", go_backwards=True),
        ),
        "joined at the end only (§8.5)": keras.layers.Bidirectional(
            keras.layers.RNN([keras.layers.LSTMCell(H), keras.layers.LSTMCell(H)])
        ),
    }
    for told, layer in cases.items():
        (part,) = recurrent_parts(layer)
        assert told in part.refused, part.refused


def test_arrays_are_copies_in_the_order_of_keras(keras: Any, rng: Any) -> None:
    layer = ready(keras.layers.Bidirectional(keras.layers.GRU(H)), rng)
    found = arrays_of(layer, "")
    names = ("kernel", "recurrent_kernel", "bias")
    assert list(found) == [f"{way}/{name}" for way in ("forward", "backward") for name in names]
    assert all(
        np.array_equal(a, b) for a, b in zip(found.values(), layer.get_weights(), strict=True)
    )
    found["forward/kernel"][:] = 0
    assert layer.get_weights()[0].all()


def test_a_layer_without_bias_has_no_bias(keras: Any, rng: Any) -> None:
    assert list(arrays_of(ready(keras.layers.LSTM(H, use_bias=False), rng), "")) == [
        "kernel",
        "recurrent_kernel",
    ]


def test_the_stored_forget_bias_stays_in_the_bias(keras: Any) -> None:
    layer = keras.layers.LSTM(1)
    layer.build((None, None, D))
    (part,) = recurrent_parts(layer)
    assert arrays_of(layer, part)["bias"].tolist() == [0, 1, 0, 0]
    assert "forget_bias" not in part.attributes


def test_errors(keras: Any, rng: Any) -> None:
    layer = ready(keras.layers.LSTM(H), rng)
    with pytest.raises(ArgumentError, match=r"part must be one of '\(the model\)', got 'x'"):
        arrays_of(layer, "x")
