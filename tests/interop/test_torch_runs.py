"""What is fed to a PyTorch module for `capture`, and that the module stays what it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from npstack.core.errors import ArgumentError, CodeError
from npstack.interop.pytorch_models.capture import capture
from tests.interop.torch_layers import (
    B,
    D,
    H,
    Inside,
    T,
    drawn,
    flat,
    initial,
    made,
    nn,
    same,
    torch,
)

pytestmark = pytest.mark.frameworks


def test_numpy_arrays_become_tensors_of_the_dtype_of_the_model() -> None:
    model = Inside(made(nn.LSTM)).float()
    x = drawn(T, B, 2).numpy()
    state = [own.numpy() for own in initial(model.layer, B)]
    forms = [(x, (*state,)), {"hx": (*state,), "x": x}, (x.astype(np.float32), (*state,))]
    found = [capture(model, feed)["layer"] for feed in forms]
    assert {own.dtype for own in found} == {np.dtype(np.float32)}
    for own in found[1:]:
        same((own.x, own.outputs), (found[0].x, found[0].outputs))
    assert capture(model, x)["layer"].initial is None


def test_symbols_stay_whole_numbers() -> None:
    model = nn.Sequential(nn.Embedding(7, D), nn.GRU(D, H))
    found = capture(model, np.array([[1, 2, 6]]))["1"]
    np.testing.assert_array_equal(found.x[:, 0], model[0].weight.detach().numpy()[[1, 2, 6]])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_short_numbers(dtype: str) -> None:
    layer = nn.GRU(D, H).to(getattr(torch, dtype))
    found = capture(layer, np.ones((T, B, D)))[""]
    expected = layer(torch.ones(T, B, D, dtype=getattr(torch, dtype)))[0].detach().float()
    np.testing.assert_array_equal(found.outputs, expected.numpy().swapaxes(0, 1))


def test_hooks_are_gone_afterwards_also_after_an_error() -> None:
    model = Inside(made(nn.LSTM))
    capture(model, drawn(T, B, 2))
    with pytest.raises(CodeError, match=r"RuntimeError.*a tuple, or a dict") as raised:
        capture(model, drawn(T, B, 7))
    assert raised.value.raised == "RuntimeError"
    assert all(not module._forward_hooks for module in model.modules())


def test_nothing_of_the_model_changes() -> None:
    model = Inside(made(nn.LSTM)).train()
    model.layer.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    draws = torch.get_rng_state()
    x = drawn(T, B, 2).requires_grad_()
    found = capture(model, x)["layer"]
    assert (model.training, model.below.training, model.layer.training) == (True, True, False)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), draws)
    assert torch.is_grad_enabled()
    assert x.grad is None
    found.outputs[:] = 7  # a copy
    found.x[:] = 7
    assert not (capture(model, x)["layer"].outputs == 7).any()


class Changed(Inside):
    """What the layer read and computed is written over later."""

    def forward(self, x: Any) -> Any:
        inner = torch.tanh(self.below(x))
        y, (h, c) = self.layer(inner)
        for own in (inner, y, h, c):
            own.zero_()
        return y


def test_what_is_changed_in_place_later_was_recorded_before() -> None:
    found = capture(Changed(made(nn.LSTM)), drawn(T, B, 2))["layer"]
    assert found.x.all()
    assert found.outputs.all()
    assert all(own.all() for own in flat(found.final))


UNSETTLED = {
    "dropout": lambda: nn.LSTM(2, 2, 2, dropout=0.5),
    "statistics": lambda: nn.Sequential(nn.BatchNorm1d(2), nn.GRU(2, 2)),
    "parametrisations": lambda: nn.utils.parametrizations.spectral_norm(
        nn.GRU(2, 2), "weight_hh_l0"
    ),
}


@pytest.mark.parametrize("name", UNSETTLED)
def test_training_mode_that_matters_is_an_error(name: str) -> None:
    model = UNSETTLED[name]()
    with pytest.raises(ArgumentError, match=rf"training mode.*{name}|drops 0\.5|statistics"):
        capture(model, torch.ones(3, 2))
    assert capture(model.eval(), torch.ones(3, 2))


def test_dropout_of_one_layer_is_never_drawn() -> None:
    with pytest.warns(UserWarning, match="dropout"):
        layer = nn.LSTM(2, 2, dropout=0.5)
    assert capture(layer, torch.ones(3, 2))


def test_no_graph_of_gradients_is_built() -> None:
    model, enabled = Inside(made(nn.GRU)), []
    model.below.register_forward_hook(lambda *_: enabled.append(torch.is_grad_enabled()))
    capture(model, drawn(T, B, 2))
    assert enabled == [False]
