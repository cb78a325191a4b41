"""Layers whose cells differ in what they have: written as one object of a framework, or refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from npstack import (
    ArgumentError,
    Bidirectional,
    Dropout,
    DtypeError,
    LSTMCell,
    LSTMVariantCell,
    NoBias,
    Recurrent,
    RecurrentDropoutPerGate,
    Sequential,
    StackedLSTM,
    TwoBiases,
)
from npstack.cells.parts import Peepholes, Projection
from npstack.interop import CannotRepresent, load, read, save, to_model, to_module, to_onnx, write
from tests.specification.onnx_runs import session

F4: Any = {"dtype": np.float32}
RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 5, 3)).astype("f4")


def lstm(size: int = 3) -> LSTMCell:
    return LSTMCell(size, 4, rng=RNG, **F4)


def variant(*parts: Any, size: int = 3) -> LSTMVariantCell:
    return LSTMVariantCell(size, 4, *parts, rng=RNG, **F4)


def two(kind: Any, cell: Any) -> Any:
    made = kind(cell)
    made.params = {n: RNG.uniform(-1, 1, a.shape).astype("f4") for n, a in made.params.items()}
    return made


CELLS = {
    "none": lambda size=3: NoBias(lstm(size)),
    "one": lstm,
    "two": lambda size=3: two(TwoBiases, lstm(size)),
}
PAIRS = [(a, b) for a in CELLS for b in CELLS if a != b]


def pair(a: str, b: str) -> Bidirectional:
    return Bidirectional(Recurrent(CELLS[a]()), Recurrent(CELLS[b]()))


def stack(a: str, b: str) -> Sequential:
    return Sequential(Recurrent(CELLS[a](3)), Recurrent(CELLS[b](4)))


@pytest.mark.parametrize("layout", ["pytorch", "onnx", "keras", "cudnn", "openvino", "mxnet"])
@pytest.mark.parametrize("build", [pair, stack])
@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_biases_that_some_cells_have_and_others_have_not(
    layout: str, build: Any, a: str, b: str
) -> None:
    layer = build(a, b)
    for biases in ("kept", "input", "halves"):
        arrays, _ = write(layer, layout, biases=biases)
        names = {name.rpartition("/")[2] for name in arrays if name.startswith("1/")}
        assert not names or names <= {name.rpartition("/")[2] for name in arrays}
        told = {"bidirectional": build is pair, "activations": {"gates": "sigmoid"}}
        if layout in ("pytorch", "cudnn", "mxnet"):
            told.pop("activations")
        again = read(arrays, layout, **told).layer
        assert abs(again.forward(X).outputs - layer.forward(X).outputs).max() < 1e-6


@pytest.mark.parametrize("back", [False, True])
def test_peepholes_of_one_direction(back: bool) -> None:
    ways = [Recurrent(variant(Peepholes())), Recurrent(lstm())]
    layer = Bidirectional(*(ways[::-1] if back else ways))
    arrays, _ = write(layer, "onnx")
    assert arrays["P"].shape == (2, 12)
    assert not arrays["P"][0 if back else 1].any()
    again = read(arrays, "onnx", bidirectional=True).layer
    assert abs(again.forward(X).outputs - layer.forward(X).outputs).max() < 1e-6


@pytest.mark.frameworks
@pytest.mark.parametrize("build", [pair, stack])
@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_they_run_there(build: Any, a: str, b: str) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxruntime")
    layer = build(a, b)
    expected = layer.forward(X).outputs
    found = {"torch": to_module(layer)(torch.tensor(X))[0].detach().numpy()}
    found["onnx"] = session(to_onnx(layer)).run(None, {"x": X})[0]
    for name, outputs in found.items():
        assert abs(outputs - expected).max() < 1e-6, name


@pytest.mark.frameworks
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("build", [pair, stack])
@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_they_run_in_keras(build: Any, a: str, b: str) -> None:
    pytest.importorskip("keras")
    layer = build(a, b)
    outputs = to_model(layer)(X).detach().numpy()
    assert abs(outputs - layer.forward(X).outputs).max() < 1e-6


def narrow(size: int, width: int) -> Recurrent:
    return Recurrent(variant(Projection(width), size=size))


@pytest.mark.parametrize(
    ("layer", "layout", "words"),
    [
        (Sequential(narrow(3, 3), narrow(3, 2)), "pytorch", "all layers .* projected to 3, 4 pro"),
        (
            Sequential(narrow(3, 3), Recurrent(lstm(3))),
            "pytorch",
            "hidden sizes 4 projected to 3, 4",
        ),
        (Bidirectional(narrow(3, 3), narrow(3, 2)), "pytorch", "both directions .* to 3 and 4 pro"),
        (
            Bidirectional(Recurrent(lstm()), Recurrent(LSTMCell(3, 5, rng=RNG, **F4))),
            "keras",
            "both directions of a layer of keras",
        ),
    ],
)
def test_sizes_that_one_object_cannot_have(layer: Any, layout: str, words: str) -> None:
    with pytest.raises(CannotRepresent, match=words):
        write(layer, layout)


@pytest.mark.frameworks
def test_a_cell_of_pytorch_is_of_one_layer() -> None:
    pytest.importorskip("torch")
    with pytest.raises(ArgumentError, match="must be of one layer, got 2 layers"):
        to_module(StackedLSTM(3, 4, 2, rng=RNG), "pytorch-cell")


def dropped(*rates: float) -> Sequential:
    """Dropout in front of, between and behind two layers."""
    front, inner, behind = (Dropout(rate) for rate in rates)
    return Sequential(front, Recurrent(lstm()), inner, Recurrent(lstm(4)), behind)


@pytest.mark.frameworks
@pytest.mark.filterwarnings("ignore")
def test_dropout_goes_where_there_is_a_place_for_it() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("keras")
    layer = dropped(0.1, 0.25, 0.5)
    assert to_module(layer).dropout == 0.25
    assert [own.rate for own in to_model(layer).layers if hasattr(own, "rate")] == [0.1, 0.25, 0.5]
    two_in_a_row = Sequential(Recurrent(lstm()), Dropout(0.1), Dropout(0.2), Recurrent(lstm(4)))
    assert to_module(two_in_a_row).dropout == 0
    for own in (layer, two_in_a_row, Sequential(Recurrent(lstm()), Dropout(0.5))):
        assert "(dropout)" in str(write(own, "pytorch")[1])


@pytest.mark.frameworks
@pytest.mark.filterwarnings("ignore")
def test_kerass_recurrent_dropout_comes_along() -> None:
    pytest.importorskip("keras")
    per_gate = [Recurrent(RecurrentDropoutPerGate(lstm(), rate)) for rate in (0.25, 0.25, 0.5)]
    assert to_model(per_gate[0]).cell.recurrent_dropout == 0.25
    assert to_model(Bidirectional(*per_gate[:2])).forward_layer.cell.recurrent_dropout == 0.25
    assert to_model(Bidirectional(*per_gate[1:])).forward_layer.cell.recurrent_dropout == 0
    each_step = Recurrent(RecurrentDropoutPerGate(lstm(), 0.25, each_step=True))
    assert to_model(each_step).cell.recurrent_dropout == 0


@pytest.mark.frameworks
def test_tensors_of_pytorch_in_a_dictionary() -> None:
    torch = pytest.importorskip("torch")
    module = torch.nn.LSTM(3, 4)
    expected = load(module).layer.params
    for own in (dict(module.named_parameters()), module.state_dict()):
        found = load(own).layer.params
        assert all((found[name] == value).all() for name, value in expected.items())
    assert load(module.bfloat16().state_dict()).layer.dtype == np.float32
    with pytest.raises(DtypeError, match="weight_ih_l0 must be an array"):
        load(torch.nn.LSTM(3, 4, device="meta").state_dict())


def test_ragged_lists_in_a_dictionary() -> None:
    with pytest.raises(DtypeError, match="a must be an array"):
        load({"a": [np.ones(2), np.ones(3)]})


@pytest.mark.frameworks
def test_a_state_of_nnx_in_a_dictionary() -> None:
    nnx = pytest.importorskip("flax.nnx")
    cell = nnx.LSTMCell(3, 4, rngs=nnx.Rngs(0))
    found = load(nnx.to_pure_dict(nnx.state(cell, nnx.Param)), activations={}).layer
    assert all((found.params[n] == a).all() for n, a in load(cell).layer.params.items())


def test_plain_and_variant_cells_in_one_layer(tmp_path: Any) -> None:
    layers = {
        "plain": Sequential(Recurrent(lstm()), Recurrent(variant(size=4))),
        "one peeps": Sequential(Recurrent(variant(Peepholes())), Recurrent(lstm(4))),
    }
    for name, layer in layers.items():
        save(layer, tmp_path / "t.npz", "lasagne")
        again = load(tmp_path / "t.npz").layer
        assert abs(again.forward(X).outputs - layer.forward(X).outputs).max() < 1e-6, name


@pytest.mark.parametrize("merge", ["sum", "mul"])
def test_a_stack_that_cannot_be_built_without_it(merge: str) -> None:
    ways = [Recurrent(lstm(size)) for size in (3, 3, 4, 4)]
    layer = Sequential(Bidirectional(*ways[:2], merge=merge), Bidirectional(*ways[2:], merge=merge))
    with pytest.raises(CannotRepresent, match="joins two directions by concat"):
        write(layer, "pytorch")


@pytest.mark.parametrize("dtype", [object, np.complex64, np.longdouble, "int32"])
def test_types_that_files_do_not_have(dtype: Any) -> None:
    with pytest.raises((ArgumentError, DtypeError), match="dtype"):
        write(Recurrent(lstm()), "pytorch", dtype=dtype)


def test_what_stands_beside_weights_is_left_out() -> None:
    arrays = write(Recurrent(lstm()), "pytorch")[0]
    found = load({"state_dict": arrays, "epoch": 3, "name": "best", "best": None})
    assert abs(found.layer.forward(X).outputs).max() > 0


def test_names_of_parts_are_taken_as_they_are() -> None:
    one = {f"a:b/{n}": a for n, a in write(Recurrent(lstm()), "keras")[0].items()}
    other = {f"a/{n}": a for n, a in write(Recurrent(LSTMCell(3, 2, rng=RNG)), "keras")[0].items()}
    found = {**one, **{n: a.astype("f4") for n, a in other.items()}}
    assert load(found, "a").layer.hidden_size == 2
    assert load(found, "a:b").layer.hidden_size == 4
    with pytest.raises(ArgumentError, match="must be one of '\\(the model\\)', got 'model'"):
        load(write(Recurrent(lstm()), "pytorch")[0], "model")


@pytest.mark.frameworks
@pytest.mark.filterwarnings("ignore")
def test_noise_that_frameworks_draw_otherwise() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("keras")
    alike = Sequential(Recurrent(lstm()), Dropout(0.2), Dropout(0.2), Recurrent(lstm(4)))
    assert to_module(alike).dropout == 0
    last = Recurrent(lstm(), return_sequences=False)
    model = to_model(Sequential(last, Dropout(0.4, each_step=False)))
    assert model(X, training=True).shape == (2, 4)
    with pytest.raises(ArgumentError, match="narrower than the cell, got 4 of 4"):
        to_module(narrow(3, 4))


@pytest.mark.frameworks
def test_read_takes_tensors() -> None:
    torch = pytest.importorskip("torch")
    module = torch.nn.LSTM(3, 4)
    expected = load(module).layer.params
    found = read(dict(module.named_parameters()), "pytorch").layer.params
    assert all((found[name] == value).all() for name, value in expected.items())
    assert read(module.bfloat16().state_dict(), "pytorch").layer.dtype == np.float32


@pytest.mark.frameworks
def test_keys_of_random_numbers_are_left_out() -> None:
    nnx = pytest.importorskip("flax.nnx")
    layer = nnx.RNN(nnx.LSTMCell(3, 4, rngs=nnx.Rngs(0)), rngs=nnx.Rngs(1))
    assert load(nnx.to_pure_dict(nnx.state(layer)), activations={}).layer.hidden_size == 4
