"""A layer that was brought in is like any other: saved and loaded, differentiated, trained."""

import numpy as np
import pytest

from npstack import (
    ArgumentError,
    Bidirectional,
    OwnActivation,
    Stacked,
    StackedBidirectional,
    check_gradients,
    load_model,
    save_model,
)
from npstack.interop.reading import read
from npstack.interop.writing import write
from tests.interop.by_formula import FORMULAS
from tests.interop.test_layouts import drawn, options
from tests.interop.unrepresentable import bump, bump_slope

ALL = sorted(FORMULAS)


@pytest.mark.parametrize(("layout", "cell"), ALL)
def test_it_is_saved_and_loaded(layout, cell, tmp_path):
    for k, groups in enumerate(FORMULAS[layout, cell].choices()):
        arrays, x, _ = drawn(layout, cell, groups=groups)
        for biases in ("sum", "kept"):
            layer = read(arrays, layout, biases=biases, **options(layout, cell)).layer
            save_model(tmp_path / f"{k}{biases}.npz", layer)
            again = load_model(tmp_path / f"{k}{biases}.npz")
            assert type(again) is type(layer)
            assert (again.forward(x).outputs == layer.forward(x).outputs).all()


@pytest.mark.parametrize(("layout", "cell"), ALL)
def test_its_gradients_are_right(layout, cell):
    groups = list(FORMULAS[layout, cell].choices())[-1]
    arrays, x, _ = drawn(layout, cell, D=2, H=3, groups=groups)
    layer = read(arrays, layout, biases="kept", **options(layout, cell)).layer
    assert check_gradients(layer, x[:2, :3]).passed


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("two", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
def test_it_has_the_class_that_it_would_have_here(cell, two, layers, tmp_path):
    formula = FORMULAS["pytorch", cell]
    arrays = {}
    for k in range(layers):
        D = 3 if k == 0 else 8 if two else 4
        for way in ("", "_reverse") if two else ("",):
            own = formula.drawn(np.random.default_rng(k), D, 4, ("bias",))
            arrays |= {f"{n.replace('l0', f'l{k}')}{way}": a for n, a in own.items()}
    layer = read(arrays, "pytorch", cell=cell, bidirectional=two).layer
    name = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN"}[cell]
    expected = {
        (1, False): name,
        (1, True): Bidirectional.__name__,
        (2, False): f"Stacked{name}",
        (2, True): StackedBidirectional.__name__,
    }
    assert type(layer).__name__ == expected[layers, two]
    assert isinstance(layer, Stacked) == (layers == 2)
    save_model(tmp_path / "m.npz", layer)
    x = np.random.default_rng(9).standard_normal((2, 5, 3))
    again = load_model(tmp_path / "m.npz")
    assert (again.forward(x).outputs == layer.forward(x).outputs).all()
    written, _ = write(again, "pytorch")
    assert list(written) == list(arrays)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_with_a_clip_and_other_activations(cell, dtype, tmp_path):
    arrays, x, _ = drawn("onnx", cell, groups=("bias",))
    arrays = {name: value.astype(dtype) for name, value in arrays.items()}
    chosen = {"hidden": "relu"} if cell == "rnn" else {"gates": "hard_sigmoid_fifth"}
    layer = read(arrays, "onnx", cell=cell, clip=0.7, activations=chosen).layer
    save_model(tmp_path / "m.npz", layer)
    again, x = load_model(tmp_path / "m.npz"), x.astype(dtype)
    assert again.forward(x).outputs.dtype == dtype
    assert (again.forward(x).outputs == layer.forward(x).outputs).all()
    plain = read(arrays, "onnx", cell=cell).layer
    assert (plain.forward(x).outputs != layer.forward(x).outputs).any()


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_with_an_activation_of_the_users_own(cell, tmp_path):
    own = OwnActivation("bump", bump, bump_slope)
    arrays, x, _ = drawn("onnx", cell)
    place = {"lstm": "candidate", "gru": "candidate", "rnn": "hidden"}[cell]
    layer = read(arrays, "onnx", cell=cell, activations={place: own}).layer
    assert check_gradients(layer, x[:2, :3]).passed
    with pytest.raises(ArgumentError, match="cannot be written into a file"):
        save_model(tmp_path / "m.npz", layer)
