"""Where the recurrent layers of a PyTorch module are, their arrays, and layers made from arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from npstack import GRU, StackedLSTM
from npstack.core.errors import ArgumentError, DataError
from npstack.interop import CannotRepresent, load, to_module
from npstack.interop.parts import parts_of_arrays
from tests.interop.opening import arrays_of, recurrent_parts

torch = pytest.importorskip("torch")
nn = torch.nn
prune = pytest.importorskip("torch.nn.utils.prune")
pytestmark = [
    pytest.mark.frameworks,
    pytest.mark.filterwarnings("ignore:.*(deprecated|weight_norm).*"),
]


class Model(nn.Module):
    """Recurrent layers of every kind, one of them in two places."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.LSTM(3, 4, 2, bidirectional=True, dropout=0.5, batch_first=True)
        self.head = nn.ModuleDict({"gru": nn.GRU(8, 5), "lin": nn.Linear(5, 2)})
        self.relu = nn.RNN(5, 2, nonlinearity="relu", bias=False)
        self.cells = nn.ModuleList([nn.LSTMCell(2, 3), nn.GRUCell(3, 2), nn.RNNCell(2, 2)])
        self.again = self.first

    def forward(self, x):
        y, _ = self.first(x)
        y, _ = self.head["gru"](y.swapaxes(0, 1))
        y, _ = self.relu(y)
        return self.cells[2](self.cells[1](self.cells[0](y[-1])[0]))


def same(found: dict[str, np.ndarray], expected: dict[str, Any]) -> None:
    """Names in order, and bits."""
    assert list(found) == list(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value.detach().numpy(), strict=True)


# ---- where they are ------------------------------------------------------------------------------


def test_every_kind_is_listed_once_in_the_order_of_the_model() -> None:
    found = recurrent_parts(Model())
    assert [part[:7] for part in found] == [
        ("first", "lstm", 3, 4, 2, True, "pytorch"),
        ("head.gru", "gru", 8, 5, 1, False, "pytorch"),
        ("relu", "rnn", 5, 2, 1, False, "pytorch"),
        ("cells.0", "lstm", 2, 3, 1, False, "pytorch-cell"),
        ("cells.1", "gru", 3, 2, 1, False, "pytorch-cell"),
        ("cells.2", "rnn", 2, 2, 1, False, "pytorch-cell"),
    ]
    assert not any(part.refused for part in found)
    hidden = [part.attributes["activations"] for part in found if part.kind == "rnn"]
    assert hidden == [{"hidden": "relu"}, {"hidden": "tanh"}]


def test_a_layer_itself_has_an_empty_name() -> None:
    (part,) = recurrent_parts(nn.LSTM(2, 4, proj_size=3))
    assert part[:7] == ("", "lstm", 2, 4, 1, False, "pytorch")
    assert recurrent_parts(nn.Linear(1, 1)) == ()


def test_what_is_no_module_is_an_error() -> None:
    with pytest.raises(ArgumentError, match=r"torch\.nn\.Module, got .*read\(arrays"):
        recurrent_parts(torch.ones(3))


class OwnForward(nn.GRU):
    """Its outputs are doubled."""

    def forward(self, x: Any) -> Any:
        return 2 * super().forward(x)[0]


class Lookalike(nn.Module):
    """Parameters with the names of PyTorch, of a layer that somebody else wrote."""

    def __init__(self) -> None:
        super().__init__()
        for name, shape in {"weight_ih": (6, 3), "weight_hh": (6, 2)}.items():
            setattr(self, name, nn.Parameter(torch.ones(shape)))


def quantised() -> Any:
    with pytest.warns(DeprecationWarning, match="quantization"):
        return torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.LSTM(3, 4, 2)), {nn.LSTM})


def frozen() -> Any:
    return torch.jit.freeze(torch.jit.script(Model().eval()))


REFUSED = {
    "quantised": (quantised, "quantised", ("0", "lstm", 3, 4, 2)),
    "of torch.ao": (
        lambda: torch.ao.nn.quantizable.LSTM(3, 4, 2),
        "prepared",
        ("", "lstm", 3, 4, 2),
    ),
    "own forward": (lambda: OwnForward(3, 4), "forward of its own", ("", "gru", 3, 4, 1)),
    "look-alike": (Lookalike, "no layer of torch.nn", ("", "gru", 3, 2, 1)),
    "scripted": (lambda: torch.jit.script(nn.GRU(3, 4, 2)), "state_dict", ("", "gru", 3, 4, 2)),
    "frozen": (frozen, "torch.jit.freeze", ("", "gru", 0, 0, 0)),
    "meta": (lambda: nn.RNN(3, 4, device="meta"), "device meta", ("", "rnn", 3, 4, 1)),
    "weight norm": (
        lambda: nn.utils.weight_norm(nn.LSTM(3, 4), "weight_hh_l0"),
        "remove_weight_norm",
        ("", "lstm", 3, 4, 1),
    ),
    "pruned": (
        lambda: prune.random_unstructured(nn.GRUCell(3, 4), "weight_hh", 0.5),
        "prune.remove",
        ("", "gru", 3, 4, 1),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_brought_in_is_listed_with_the_reason(name: str) -> None:
    make, reason, expected = REFUSED[name]
    model = make()
    (part,) = recurrent_parts(model)
    assert part[:5] == expected
    assert reason in part.refused
    with pytest.raises(DataError, match="that npstack can hold") as raised:
        arrays_of(model, part)
    assert raised.value.advice == part.refused


def test_compiled_layers_inside_a_module_are_listed() -> None:
    inner = Model()
    del inner.again  # compiled, it would be another module
    model = nn.Sequential(nn.Linear(2, 3), torch.jit.script(inner))
    found = recurrent_parts(model)
    assert [(p.name, p.kind, p.layers, p.bidirectional) for p in found] == [
        ("1.first", "lstm", 2, True),
        ("1.head.gru", "gru", 1, False),
        ("1.relu", "rnn", 1, False),
        ("1.cells.0", "lstm", 1, False),
        ("1.cells.1", "gru", 1, False),
        ("1.cells.2", "rnn", 1, False),
    ]
    assert all("TorchScript" in part.refused for part in found)


# ---- their arrays --------------------------------------------------------------------------------

LAYERS = {
    "lstm": lambda: nn.LSTM(3, 4, 2, bidirectional=True),
    "projection": lambda: nn.LSTM(3, 4, 2, proj_size=2, bidirectional=True, dtype=torch.float64),
    "gru without bias": lambda: nn.GRU(3, 4, bias=False),
    "relu": lambda: nn.RNN(3, 4, 2, nonlinearity="relu"),
    "half": lambda: nn.LSTM(3, 4, dtype=torch.float16),
    "cell": lambda: nn.LSTMCell(3, 4),
    "cell without bias": lambda: nn.RNNCell(3, 4, bias=False, nonlinearity="relu"),
}


@pytest.mark.parametrize("name", LAYERS)
def test_arrays_are_those_of_the_state_dict(name: str) -> None:
    layer = LAYERS[name]()
    model = nn.ModuleDict({"below": nn.Linear(2, 3), "it": layer})
    (part,) = recurrent_parts(model)
    same(arrays_of(model, part), dict(layer.state_dict()))
    same(arrays_of(model, "it"), dict(layer.state_dict()))


def test_arrays_are_copies() -> None:
    layer = nn.GRU(2, 3)
    before = layer.weight_ih_l0.detach().clone()
    arrays_of(layer, "")["weight_ih_l0"][:] = 7
    assert torch.equal(layer.weight_ih_l0, before)


def test_bfloat16_becomes_float32_of_the_same_numbers() -> None:
    layer = nn.GRU(2, 3, dtype=torch.bfloat16)
    same(arrays_of(layer, ""), dict(layer.float().state_dict()))


def test_parametrised_weights_are_those_that_the_layer_uses() -> None:
    layer = nn.LSTM(2, 3).eval()
    nn.utils.parametrizations.weight_norm(layer, "weight_hh_l0")
    with torch.no_grad():
        layer.parametrizations.weight_hh_l0.original0.mul_(3)
    found = arrays_of(layer, "")
    np.testing.assert_array_equal(found["weight_hh_l0"], layer.weight_hh_l0.detach().numpy())
    assert list(found) == ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]


def test_parametrisations_in_training_mode_are_left_alone() -> None:
    layer = nn.LSTM(2, 3)
    nn.utils.parametrizations.spectral_norm(layer, "weight_hh_l0")
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    with pytest.raises(ArgumentError, match=r"model\.eval\(\)"):
        arrays_of(layer, "")
    assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())


def test_a_part_of_another_model_is_an_error() -> None:
    with pytest.raises(ArgumentError, match=r"one of '\(the model\)', got 'decoder'"):
        arrays_of(nn.GRU(1, 1), "decoder")


# ---- and back ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_brought_in_and_taken_back_is_the_same(name: str) -> None:
    layer = LAYERS[name]()
    (part,) = recurrent_parts(layer)
    imported = load(layer, biases="kept")
    state = torch.get_rng_state()
    made = to_module(imported, part.layout)
    assert torch.equal(torch.get_rng_state(), state)
    assert type(made) is type(layer)
    layer = layer.to(next(made.parameters()).dtype)  # float16 is computed in float32
    same(arrays_of(made, ""), dict(layer.state_dict()))
    x = torch.linspace(-1, 1, 15).reshape(5, 3).to(next(layer.parameters()).dtype)
    for own, expected in zip(made(x), layer(x), strict=True):
        assert all(map(torch.equal, own, expected))


def test_a_made_layer_is_batch_first_and_trains() -> None:
    layer = StackedLSTM(3, 4, 2, dropout=0.25, rng=np.random.default_rng(0))
    made = to_module(layer)
    assert (made.batch_first, made.dropout, made.training) == (True, 0.25, True)
    made(torch.ones(2, 5, 3, dtype=torch.float64))[0].sum().backward()
    assert all(own.grad is not None for own in made.parameters())
    layer.children["dropouts.0"].each_step = False  # PyTorch has no such dropout
    assert to_module(layer).dropout == 0


def test_a_layer_that_pytorch_has_not_is_refused() -> None:
    with pytest.raises(CannotRepresent, match="one number of units"):
        to_module(StackedLSTM(3, [4, 5], rng=np.random.default_rng(0)))
    with pytest.raises(ArgumentError, match="layout must be"):
        to_module(GRU(3, 4, rng=np.random.default_rng(0)), "keras")


def test_arrays_alone_say_what_they_are() -> None:
    layer = nn.LSTM(3, 4, 2, proj_size=2, bidirectional=True)
    arrays = arrays_of(layer, "")
    assert parts_of_arrays(arrays) == recurrent_parts(layer)
