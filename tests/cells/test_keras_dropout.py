"""Recurrent dropout per gate against Keras in training, with the draws that Keras made.

Keras multiplies matrices of float64 in float32 (§11.4). With PyTorch's own product in the place of
its product, it is float64 throughout, and every gradient agrees to rounding; as it is, outputs and
gradients agree to float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from npstack import (
    GRUCell,
    GRUResetBeforeCell,
    LSTMCell,
    Recurrent,
    RecurrentDropoutPerGate,
    RNNCell,
    TwoBiases,
)
from npstack.cells import Activations, LSTMVariantCell, NoBias
from npstack.core.trees import mapped
from tests.specification.keras_runs import keras_or_skip
from tests.tools.other_programs import KERAS_COPY_WARNING

pytestmark = [pytest.mark.frameworks, pytest.mark.filterwarnings(KERAS_COPY_WARNING)]
D, H, B, T, RATE = 3, 5, 4, 6, 0.4
BAR = 32  # eps
SOFT = Activations(
    **dict.fromkeys(("input", "forget", "output"), "tanh"),
    **dict.fromkeys(("candidate", "cell"), "softsign"),
)
KINDS: dict[str, tuple[str, dict[str, Any], Any]] = {
    "lstm": ("LSTM", {}, LSTMCell.from_params),
    "lstm, activations": (
        "LSTM",
        {"activation": "softsign", "recurrent_activation": "tanh"},
        lambda W, U, b: LSTMVariantCell.from_params(W, U, b, SOFT),
    ),
    "lstm, no bias": ("LSTM", {"use_bias": False}, lambda W, U: NoBias.from_params(LSTMCell, W, U)),
    "gru": (
        "GRU",
        {"reset_after": True},
        lambda W, U, b: TwoBiases.from_params(GRUCell, W, U, *b),
    ),
    "gru, reset before": ("GRU", {"reset_after": False}, GRUResetBeforeCell.from_params),
    "rnn": ("SimpleRNN", {}, RNNCell.from_params),
}
MASK = np.array(
    [[1, 1, 1, 1, 1, 1], [1, 0, 1, 1, 0, 1], [0, 1, 1, 1, 1, 0], [1, 1, 1, 0, 0, 0]], bool
)


@pytest.fixture(scope="module")
def keras() -> Any:
    return keras_or_skip()


def in_our_order(kind: str, arrays: list[Any]) -> list[Any]:
    """Blocks of gates in the last axis: Keras has z, r, n; it is its own inverse."""
    if kind != "GRU":
        return arrays
    split = (np.split(a, 3, axis=-1) for a in arrays)
    return [np.concatenate([r, z, n], axis=-1) for z, r, n in split]


def both(keras: Any, name: str, dtype: str, mask: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Outputs and all gradients: Keras' in training, and npstack's with its draws."""
    import torch

    kind, options, cell_of = KINDS[name]
    rng = np.random.default_rng(5)
    layer = getattr(keras.layers, kind)(
        H,
        recurrent_dropout=RATE,
        seed=7,
        dtype=dtype,
        return_sequences=True,
        return_state=True,
        zero_output_for_mask=True,
        **options,
    )
    layer.build((B, T, D))
    weights = [rng.uniform(-1, 1, w.shape).astype(dtype) for w in layer.get_weights()]
    layer.set_weights(weights)
    x = rng.standard_normal((B, T, D)).astype(dtype)
    before = [rng.standard_normal((B, H)).astype(dtype) for _ in range(2 if kind == "LSTM" else 1)]
    loss = [rng.standard_normal((B, T, H)).astype(dtype), *map(np.ones_like, before)]

    drawn: list[Any] = []
    draw = layer.cell.get_recurrent_dropout_mask

    def noted(h: Any) -> Any:
        drawn.append(draw(h))
        return drawn[-1]

    layer.cell.get_recurrent_dropout_mask = noted
    read = [torch.tensor(a, requires_grad=True) for a in (x, *before)]
    given = None if mask is None else torch.tensor(mask)
    results = layer(read[0], initial_state=read[1:], mask=given, training=True)
    assert all(masks is drawn[0] for masks in drawn)  # one draw for all steps
    sum((a * torch.tensor(w)).sum() for a, w in zip(results, loss, strict=True)).backward()
    grads = [v.value.grad.numpy() for v in layer.trainable_weights]
    theirs = {
        **{f"result {k}": a.detach().numpy() for k, a in enumerate(results)},
        **{f"d{k}": a.grad.numpy() for k, a in enumerate(read)},
        **{f"dweights {k}": a for k, a in enumerate(in_our_order(kind, grads))},
    }

    masks = drawn[0] if isinstance(drawn[0], list) else [drawn[0]]  # SimpleRNN has one
    kept = [mask.numpy() > 0 for mask in masks]
    assert all(np.allclose(m.numpy(), k / (1 - RATE)) for m, k in zip(masks, kept, strict=True))
    assert len(kept) == 1 or any((kept[0] != other).any() for other in kept[1:])
    if kind == "GRU":
        kept[:2] = kept[1::-1]
    cell = cell_of(*in_our_order(kind, weights))
    own = Recurrent(RecurrentDropoutPerGate(cell, RATE))
    tape = own.forward(x, cell.state_type(*before), mask=mask, noise=(tuple(kept), None))
    back = own.backward(tape, loss[0], mapped(np.ones_like, tape.final))
    params = [back.params[name] for name in "WUb" if name in back.params]
    if name == "gru":
        params[2] = np.stack([params[2], back.params["b_recurrent"]])
    ours = {
        **{f"result {k}": a for k, a in enumerate((tape.outputs, *tape.final))},
        **{f"d{k}": a for k, a in enumerate((back.x, *back.initial_states))},
        **{f"dweights {k}": a for k, a in enumerate(params)},
    }
    return ours, theirs


def errors(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, float]:
    assert ours.keys() == theirs.keys()
    assert all(np.shape(ours[what]) == value.shape for what, value in theirs.items())
    return {
        what: float(np.abs(ours[what] - value).max() / np.abs(value).max())
        for what, value in theirs.items()
    }


MASKS = pytest.mark.parametrize("mask", [None, MASK], ids=["", "mask"])


@MASKS
@pytest.mark.parametrize("name", KINDS)
def test_s10_3_npstack_per_gate_is_keras_to_rounding_where_its_products_are_of_float64(
    keras: Any, name: str, mask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from keras.src import backend

    monkeypatch.setattr(backend.numpy, "matmul", torch.matmul)
    found = errors(*both(keras, name, "float64", mask))
    assert max(found.values()) < BAR * np.finfo(np.float64).eps, found


@MASKS
@pytest.mark.parametrize("name", KINDS)
def test_s10_3_npstack_per_gate_is_keras_as_it_is_in_float32(
    keras: Any, name: str, mask: Any
) -> None:
    found = errors(*both(keras, name, "float32", mask))
    assert max(found.values()) < BAR * np.finfo(np.float32).eps, found
