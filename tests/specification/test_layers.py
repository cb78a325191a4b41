"""npstack's layers around layers, compared with PyTorch and Keras, by clause."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from npstack import (
    LSTM,
    Bidirectional,
    Dense,
    Directions,
    LSTMState,
    RepeatVector,
    Reversed,
    Sequential,
    StackedLSTM,
    TimeDistributed,
)
from npstack.layers import Layer
from npstack.layers.parallel import MERGES
from tests.specification.keras_runs import keras_or_skip, run
from tests.specification.plainly import LENGTHS, MASK, B, D, H, T, draw_x, same
from tests.tools.other_programs import KERAS_COPY_WARNING

pytestmark = [pytest.mark.frameworks, pytest.mark.filterwarnings(KERAS_COPY_WARNING)]


@pytest.fixture(scope="module")
def keras() -> Any:
    return keras_or_skip()


def lstm(D: int, H: int = H, **options: Any) -> LSTM:
    return LSTM(D, H, rng=np.random.default_rng(0), **options)


def filled(model: Layer, seed: int) -> Layer:
    """The model with parameters of which none is zero and no two are equal."""
    rng = np.random.default_rng(seed)
    model.params = {name: rng.standard_normal(v.shape) / 2 for name, v in model.params.items()}
    return model


def two_layers(**options: Any) -> tuple[Layer, list[str]]:
    """Two layers of two directions, and the prefixes of their parameters, as PyTorch counts."""
    below = Bidirectional(lstm(D), lstm(D))
    above = Bidirectional(lstm(2 * H, **options), lstm(2 * H, **options))
    prefixes = [f"{k}.{way}" for k in range(2) for way in ("forward", "backward")]
    return filled(Sequential(below, above), 1), prefixes


# ---- PyTorch: values and gradients in float64 ----------------------------------------------------


@pytest.mark.parametrize("last", [False, True])
def test_s8_5_npstack_stacks_of_two_directions_are_those_of_pytorch(last: bool) -> None:
    torch = pytest.importorskip("torch")
    model, prefixes = two_layers(return_sequences=not last)
    net = torch.nn.LSTM(D, H, 2, batch_first=True, bidirectional=True).double()
    suffixes = [f"l{k}{way}" for k in range(2) for way in ("", "_reverse")]
    theirs = {"weight_ih": "W", "weight_hh": "U", "bias_ih": "b"}
    with torch.no_grad():
        for prefix, suffix in zip(prefixes, suffixes, strict=True):
            getattr(net, f"bias_hh_{suffix}").zero_()
            for name, own in theirs.items():
                value = np.array(model.params[f"{prefix}.{own}"].T)
                getattr(net, f"{name}_{suffix}").copy_(torch.tensor(value))
    rng = np.random.default_rng(2)
    x, (h, c) = rng.standard_normal((B, T, D)), rng.standard_normal((2, 4, B, H))
    states = tuple(Directions(*(LSTMState(h[k], c[k]) for k in pair)) for pair in ((0, 1), (2, 3)))
    tape = model.forward(x, states, lengths=LENGTHS)
    doutputs = rng.standard_normal(tape.outputs.shape)
    dh, dc = rng.standard_normal((2, 4, B, H))
    dfinal = tuple(Directions(*(LSTMState(dh[k], dc[k]) for k in p)) for p in ((0, 1), (2, 3)))
    grads = model.backward(tape, doutputs, dfinal)

    given = [torch.tensor(a, requires_grad=True) for a in (x, h, c)]
    pack = torch.nn.utils.rnn.pack_padded_sequence
    packed = pack(given[0], torch.tensor(LENGTHS), batch_first=True, enforce_sorted=False)
    outputs, (h_n, c_n) = net(packed, (given[1], given[2]))
    outputs, _ = torch.nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True, total_length=T)
    if last:
        outputs = torch.cat([h_n[2], h_n[3]], dim=-1)
    loss = (outputs * torch.tensor(doutputs)).sum()
    loss = loss + (h_n * torch.tensor(dh)).sum() + (c_n * torch.tensor(dc)).sum()
    loss.backward()

    assert same(outputs.detach().numpy(), tape.outputs)
    ends = [state for pair in tape.final for state in pair]
    begins = [state for pair in grads.initial_states for state in pair]
    for k in range(4):
        assert same(h_n[k].detach().numpy(), ends[k].h)
        assert same(c_n[k].detach().numpy(), ends[k].c)
        assert same(given[1].grad[k].numpy(), begins[k].h)
        assert same(given[2].grad[k].numpy(), begins[k].c)
    assert same(given[0].grad.numpy(), grads.x)
    for prefix, suffix in zip(prefixes, suffixes, strict=True):
        for name, own in theirs.items():
            assert same(
                getattr(net, f"{name}_{suffix}").grad.numpy().T, grads.params[f"{prefix}.{own}"]
            )


# ---- Keras: values -------------------------------------------------------------------------------


def keras_weights(model: Layer) -> list[Any]:
    """Ours in Keras' order, which is that of the model: kernel, recurrent kernel, bias."""
    return [value.astype("f4") for value in model.params.values()]


def only(results: list[Any]) -> Any:
    return results[0]


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("merge", MERGES)
def test_s8_3_npstack_merges_as_keras_does_s8_6_last_steps_too(
    keras: Any, merge: str, last: bool
) -> None:
    ahead, back = (lstm(D, return_sequences=not last) for _ in range(2))
    model, x = filled(Bidirectional(ahead, back, merge=merge), 3), draw_x()[0]
    mode = None if merge == "none" else merge
    pair = keras.layers.Bidirectional(
        keras.layers.LSTM(H, return_sequences=not last), merge_mode=mode
    )
    pair.build((None, None, D))
    pair.set_weights(keras_weights(model))
    theirs = run(pair, x, mask=MASK)
    theirs = np.stack(theirs, axis=-2) if merge == "none" else only(theirs)
    assert same(theirs, model.forward(x, mask=MASK).outputs.astype("f4"))


@pytest.mark.parametrize("return_sequences", [True, False])
def test_s8_2_npstack_as_read_is_go_backwards_of_keras(keras: Any, return_sequences: bool) -> None:
    inner = lstm(D, return_sequences=return_sequences)
    model, x = filled(Reversed(inner, order="as_read"), 4), draw_x()[0]
    layer = keras.layers.LSTM(
        H, return_sequences=return_sequences, go_backwards=True, zero_output_for_mask=True
    )
    layer.build((None, None, D))
    layer.set_weights(keras_weights(model))
    theirs = only(run(layer, x, mask=MASK))
    assert same(theirs, model.forward(x, mask=MASK).outputs.astype("f4"))


def test_s8_5_npstack_whole_stacks_are_those_of_keras(keras: Any) -> None:
    rng = np.random.default_rng(0)
    stacks = [StackedLSTM(D, [H, 2], rng=rng) for _ in range(2)]
    model, x = filled(Bidirectional(*stacks), 5), draw_x()[0]
    cells = [keras.layers.LSTMCell(H), keras.layers.LSTMCell(2)]
    pair = keras.layers.Bidirectional(
        keras.layers.RNN(cells, return_sequences=True, zero_output_for_mask=True)
    )
    pair.build((None, None, D))
    pair.set_weights(keras_weights(model))
    theirs = only(run(pair, x, mask=MASK))
    assert same(theirs, model.forward(x, mask=MASK).outputs.astype("f4"))


def test_s9_1_npstack_repeats_and_distributes_as_keras_does(keras: Any) -> None:
    model = filled(
        Sequential(
            lstm(D, return_sequences=False),
            RepeatVector(3),
            lstm(H),
            TimeDistributed(Dense(H, 2, activation="tanh", rng=np.random.default_rng(0))),
        ),
        6,
    )
    x = draw_x()[0]
    layers = keras.layers
    theirs = keras.Sequential(
        [
            layers.Input((T, D)),
            layers.LSTM(H),
            layers.RepeatVector(3),
            layers.LSTM(H, return_sequences=True),
            layers.TimeDistributed(layers.Dense(2, activation="tanh")),
        ]
    )
    theirs.set_weights(keras_weights(model))
    assert same(theirs(x.astype("f4")).detach().numpy(), model.forward(x).outputs.astype("f4"))
