"""Layers of npstack made into layers of Keras: the same numbers, and back with the same bits."""

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
    NoBias,
    Recurrent,
    Reversed,
    StackedLSTM,
)
from npstack.cells.parts import Activations, Coupled, Peepholes, PreactivationClip
from npstack.core.activations import Activation
from npstack.interop import CannotRepresent
from npstack.interop.keras_models.export import register, to_model
from npstack.interop.reading import read
from npstack.interop.writing import write
from tests.interop.opening import arrays_of, recurrent_parts
from tests.specification.keras_runs import keras_or_skip
from tests.tools.other_programs import KERAS_COPY_WARNING

pytestmark = [pytest.mark.frameworks, pytest.mark.filterwarnings(KERAS_COPY_WARNING)]
F4: Any = {"dtype": np.float32}
FIFTH = Activation("hard_sigmoid_fifth")
SCALED = Activation("scaled_tanh", alpha=1.5, beta=0.5)


@pytest.fixture(autouse=True, scope="module")
def keras() -> Any:
    return keras_or_skip()


def layers() -> dict[str, Any]:
    rng = np.random.default_rng(0)

    def pair(kind: Any, merge: str, **options: Any) -> Any:
        return Bidirectional(*(kind(3, 4, rng=rng, **F4, **options) for _ in "ab"), merge=merge)

    def gated(gates: Any, shown: Any) -> Any:
        own = dict.fromkeys(("input", "forget", "output"), gates)
        acts = Activations(**own, **dict.fromkeys(("candidate", "cell"), shown))
        return Recurrent(LSTMVariantCell(3, 4, acts, rng=rng, **F4))

    return {
        "LSTM": LSTM(3, 4, rng=rng, **F4),
        "float64": LSTM(3, 4, rng=rng),
        "last step": LSTM(3, 4, return_sequences=False, rng=rng, **F4),
        "GRU": GRU(3, 4, rng=rng, bias_init="uniform", **F4),
        "GRU, reset before": Recurrent(GRUResetBeforeCell(3, 4, rng=rng, **F4)),
        "RNN": RNN(3, 4, activation="softsign", rng=rng, **F4),
        "Keras 2": gated(FIFTH, "tanh"),
        "hard sigmoids": gated("hard_sigmoid_sixth", "elu"),
        "leaky": RNN(3, 4, activation=Activation("leaky_relu", alpha=0.25), rng=rng, **F4),
        "elu": RNN(3, 4, activation=Activation("elu", alpha=0.25), rng=rng, **F4),
        **{f"two directions, {m}": pair(GRU, m) for m in ("concat", "sum", "mul", "ave", "none")},
        "two directions, own functions": pair(
            RNN, "concat", activation=Activation("leaky_relu", alpha=0.25)
        ),
        "stack": StackedLSTM(3, [4, 2, 5], rng=rng, **F4),
        "stack, last step": StackedLSTM(3, [4, 2], return_sequences=False, rng=rng, **F4),
    }


def run(model: Any, x: Any) -> Any:
    found = model(x, training=False)
    if isinstance(found, tuple):
        return np.stack([own.detach().numpy() for own in found], axis=-2)
    return found.detach().numpy()


@pytest.mark.parametrize("name", layers())
def test_the_same_numbers_and_the_same_bits_back(name: str) -> None:
    layer = layers()[name]
    arrays, _ = write(layer, "keras")
    model = to_model(layer)
    x = np.random.default_rng(1).standard_normal((2, 6, 3)).astype(layer.dtype)
    theirs, ours = run(model, x), layer.forward(x).outputs
    assert theirs.shape == ours.shape
    assert theirs.dtype == ours.dtype
    assert abs(theirs - ours).max() < (1e-14 if name == "float64" else 1e-6)
    parts = recurrent_parts(model)
    for k, part in enumerate(parts):
        assert not part.refused
        back = arrays_of(model, part)
        prefix = f"{k}/" if len(parts) > 1 else ""
        assert all(np.array_equal(back[key], arrays[prefix + key]) for key in back)
    if len(parts) == 1:
        (part,) = parts
        two, own = part.bidirectional, part.attributes
        again = read(back, "keras", cell=part.kind, bidirectional=two, **own).layer
        assert np.array_equal(again.forward(x).outputs, ours)


def test_one_that_reads_from_the_end_returns_what_it_reads() -> None:
    layer = Reversed(LSTM(3, 4, rng=np.random.default_rng(2), **F4))
    x = np.random.default_rng(1).standard_normal((2, 6, 3)).astype("f4")
    theirs = run(to_model(layer), x)
    assert abs(theirs[:, ::-1] - layer.forward(x).outputs).max() < 1e-6


def test_a_layer_without_bias() -> None:
    rng = np.random.default_rng(3)
    model = to_model(Recurrent(NoBias(LSTMCell(3, 4, rng=rng, **F4))))
    assert model.use_bias is False
    assert list(arrays_of(model, "")) == ["kernel", "recurrent_kernel"]


@pytest.mark.filterwarnings("ignore")
def test_own_activations_are_stored_with_a_model(keras: Any, tmp_path: Path) -> None:
    layer = layers()["Keras 2"]
    model = keras.Sequential([keras.Input((None, 3)), to_model(layer)])
    model.save(tmp_path / "m.keras")
    register()
    again = keras.saving.load_model(tmp_path / "m.keras")
    x = np.random.default_rng(1).standard_normal((2, 6, 3)).astype("f4")
    assert np.array_equal(run(again, x), run(model, x))
    (part,) = recurrent_parts(again)
    assert part.attributes["activations"]["gates"] == FIFTH


def variant(*parts: Any) -> Recurrent:
    return Recurrent(LSTMVariantCell(3, 4, *parts, rng=np.random.default_rng(3), **F4))


@pytest.mark.parametrize(
    ("layer", "told"),
    [
        (variant(PreactivationClip(1.0)), "keras has no pre-activation clip"),
        (variant(Activations(forget="tanh")), "keras has one activation for input, forget, output"),
        (variant(Activations(cell="relu")), "keras has one activation for candidate, cell"),
        (RNN(3, 4, activation=SCALED, rng=np.random.default_rng(3)), "no activation scaled_tanh"),
        (variant(Peepholes()), "keras has no peepholes"),
    ],
)
def test_what_keras_cannot_do_is_refused(layer: Any, told: str) -> None:
    with pytest.raises(CannotRepresent, match=told):
        to_model(layer)


def test_coupled_gates_are_two_that_mirror_each_other() -> None:
    layer = variant(Coupled())
    x = np.random.default_rng(1).standard_normal((2, 6, 3)).astype("f4")
    assert abs(run(to_model(layer), x) - layer.forward(x).outputs).max() < 1e-6


def test_dropout_between_layers_comes_along(keras: Any) -> None:
    rng = np.random.default_rng(3)
    for each_step, noise in ((True, None), (False, (None, 1, None))):
        layer = StackedLSTM(3, [4, 2], dropout=0.25, rng=rng, **F4)
        layer.children["dropouts.0"].each_step = each_step
        model = to_model(layer)
        assert [type(own).__name__ for own in model.layers] == ["LSTM", "Dropout", "LSTM"]
        assert (model.layers[1].rate, model.layers[1].noise_shape) == (0.25, noise)
        dropped = model.layers[1](np.ones((2, 5, 4), "f4"), training=True).detach().numpy()
        assert set(np.unique(dropped)) <= {0, np.float32(1 / 0.75)}
        same_at_each_step = bool((dropped == dropped[:, :1]).all())
        assert same_at_each_step is not each_step
