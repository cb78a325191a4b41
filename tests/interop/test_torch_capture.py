"""What the layers of a PyTorch module read and compute, against a direct run of the same layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from npstack.core.errors import ArgumentError
from npstack.interop.pytorch_models.capture import capture
from npstack.interop.reading import read
from npstack.interop.recording import Recorded
from npstack.layers import Directions
from tests.interop.opening import arrays_of, recurrent_parts
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
    rows,
    same,
    torch,
)

pytestmark = pytest.mark.frameworks
rnn = nn.utils.rnn
LENGTHS = [2, 6, 1, 4, 6]


def npstack_agrees(layer: Any, recorded: Recorded) -> None:
    """The recorded states have the form that the layer read in takes and gives, to rounding."""
    (part,) = recurrent_parts(layer)
    ours = read(
        arrays_of(layer, part),
        part.layout,
        cell=part.kind,
        bidirectional=part.bidirectional,
        **part.attributes,
    ).layer
    lengths = recorded.lengths
    tape = ours.forward(recorded.x, recorded.initial, lengths=lengths)
    np.testing.assert_allclose(tape.outputs, recorded.outputs, rtol=0, atol=1e-14)
    assert type(tape.final) is type(recorded.final)
    for own, other in zip(flat(tape.final), flat(recorded.final), strict=True):
        np.testing.assert_allclose(own, other, rtol=0, atol=1e-14)


LAYERS = {
    "lstm": (nn.LSTM, {}),
    "lstm, two layers": (nn.LSTM, {"num_layers": 2}),
    "lstm, two directions": (nn.LSTM, {"bidirectional": True}),
    "lstm, all": (nn.LSTM, {"num_layers": 3, "bidirectional": True, "proj_size": 2}),
    "gru": (nn.GRU, {"bias": False}),
    "gru, both": (nn.GRU, {"num_layers": 2, "bidirectional": True}),
    "tanh": (nn.RNN, {"num_layers": 2}),
    "relu": (nn.RNN, {"nonlinearity": "relu", "bidirectional": True}),
}


@pytest.mark.parametrize("with_state", [False, True], ids=["zeros", "states"])
@pytest.mark.parametrize("batch_first", [False, True], ids=["time first", "batch first"])
@pytest.mark.parametrize("name", LAYERS)
def test_batches(name: str, batch_first: bool, with_state: bool) -> None:
    kind, options = LAYERS[name]
    layer = made(kind, batch_first=batch_first, **options)
    model = Inside(layer)
    x = drawn(B, T, 2)
    hx = initial(layer, B) if with_state else None
    (found,) = capture(model, {"x": x if batch_first else x.swapaxes(0, 1), "hx": hx}).values()
    with torch.no_grad():
        inner = torch.tanh(model.below(x if batch_first else x.swapaxes(0, 1)))
        outputs, final = layer(inner, hx)
    turn = (lambda a: a) if batch_first else (lambda a: a.swapaxes(0, 1))
    same((found.x, found.outputs), (turn(inner).numpy(), turn(outputs).numpy()))
    same(flat(found.final), rows(final))
    assert found.lengths is None
    assert (found.initial is None) == (hx is None)
    if hx is not None:
        same(flat(found.initial), rows(hx))
    npstack_agrees(layer, found)


@pytest.mark.parametrize("enforced", [False, True], ids=["any order", "sorted"])
@pytest.mark.parametrize("name", LAYERS)
def test_packed_sequences(name: str, enforced: bool) -> None:
    kind, options = LAYERS[name]
    layer = made(kind, **options)
    lengths = sorted(LENGTHS, reverse=True) if enforced else LENGTHS
    x, hx = drawn(B, T, D), initial(layer, B)
    packed = rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=enforced)
    found = capture(layer, (packed, hx))[""]
    with torch.no_grad():
        result, final = layer(packed, hx)
    outputs, _ = rnn.pad_packed_sequence(result, batch_first=True)
    assert found.lengths is not None
    assert found.lengths.tolist() == lengths
    for row, length in enumerate(lengths):
        same((found.x[row, :length],), (x[row, :length].numpy(),))
        assert not found.x[row, length:].any()
        assert not found.outputs[row, length:].any()
    same((found.outputs,), (outputs.numpy(),))
    same(flat(found.initial), rows(hx))
    same(flat(found.final), rows(final))
    npstack_agrees(layer, found)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_a_sequence_without_a_batch(name: str, batch_first: bool) -> None:
    kind, options = LAYERS[name]
    layer = made(kind, batch_first=batch_first, **options)
    x, hx = drawn(T, D), initial(layer)
    found = capture(layer, (x, hx))[""]
    with torch.no_grad():
        outputs, final = layer(x, hx)
    same((found.x, found.outputs), (x[None].numpy(), outputs[None].numpy()))
    same(flat(found.initial), [own[None] for own in rows(hx)])
    same(flat(found.final), [own[None] for own in rows(final)])
    npstack_agrees(layer, found)


def test_two_directions_of_two_layers_are_named() -> None:
    layer = made(nn.LSTM, num_layers=2, bidirectional=True)
    found = capture(layer, drawn(T, B, D))[""].final
    with torch.no_grad():
        h, c = layer(drawn(T, B, D))[1]
    assert [type(own) for own in found] == [Directions, Directions]
    same((found[1].backward.h, found[1].backward.c), (h[3].numpy(), c[3].numpy()))
    same((found[1].forward.h, found[0].backward.c), (h[2].numpy(), c[1].numpy()))


# ---- several calls -------------------------------------------------------------------------------


class Twice(nn.Module):
    """One layer in two places: the second call goes on where the first has ended."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = made(nn.GRU, bias=False)
        self.up = nn.Linear(H, D, dtype=torch.float64)
        self.unused = made(nn.LSTM)

    def forward(self, x: Any) -> Any:
        y, h = self.layer(x)
        return self.layer(self.up(y), h)[0]


def test_a_later_call_is_recorded_if_asked() -> None:
    model, x = Twice(), drawn(T, B, D)
    first, second = capture(model, x), capture(model, x, calls=2)
    assert list(first) == list(second) == ["layer"]
    with torch.no_grad():
        y, h = model.layer(x)
        z, _ = model.layer(model.up(y), h)
    same((first["layer"].outputs, second["layer"].outputs), (y.swapaxes(0, 1), z.swapaxes(0, 1)))
    same(flat(second["layer"].initial), rows(h))
    assert first["layer"].source.endswith("Twice.layer, call 1 of 2")
    assert second["layer"].source.endswith("Twice.layer, call 2 of 2")
    once = capture(Inside(made(nn.GRU)), drawn(T, B, 2))["layer"]
    assert "call" not in once.source


def test_calls_that_there_are_not_are_an_error() -> None:
    with pytest.raises(ArgumentError, match="called 3 times, got calls: 'layer' 2, 'unused' 0"):
        capture(Twice(), drawn(T, B, D), calls=3)
    with pytest.raises(ArgumentError, match="no such layer"):
        capture(nn.Linear(2, 2), torch.ones(1, 2))
    with pytest.raises(ArgumentError, match="calls must be a whole number of at least 1"):
        capture(Twice(), drawn(T, B, D), calls=0)


def test_a_forward_that_no_hook_sees_is_said() -> None:
    class Direct(Inside):
        def forward(self, x: Any) -> Any:
            return self.layer.forward(x)

    with pytest.raises(ArgumentError, match=r"layer\.forward\(x\) is seen by no hook"):
        capture(Direct(made(nn.GRU)), drawn(T, B, D))


# ---- cells ---------------------------------------------------------------------------------------

CELLS = {
    "lstm": (nn.LSTMCell, {}),
    "gru": (nn.GRUCell, {"bias": False}),
    "tanh": (nn.RNNCell, {}),
    "relu": (nn.RNNCell, {"nonlinearity": "relu"}),
}


class Loop(nn.Module):
    """A cell over time, twice, the two sequences in turns."""

    def __init__(self, cell: Any) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: Any, states: Any = None) -> Any:
        one, other = states, None
        made = []
        for t in range(x.shape[-2]):
            one = self.cell(x[..., t, :], one)
            other = self.cell(-x[..., t, :], other)
            made.append((one, other))
        return made


def fields(state: Any) -> list[np.ndarray]:
    return [own.numpy() for own in (state if isinstance(state, tuple) else (state,))]


@pytest.mark.parametrize("batched", [True, False], ids=["batch", "no batch"])
@pytest.mark.parametrize("name", CELLS)
def test_the_steps_of_a_cell_are_one_call(name: str, batched: bool) -> None:
    kind, options = CELLS[name]
    model = Loop(made(kind, **options))
    x = drawn(B, T, D) if batched else drawn(T, D)
    batch = (B,) if batched else ()
    hx = drawn(*batch, H, seed=5)
    states = (hx, drawn(*batch, H, seed=6)) if name == "lstm" else hx
    with torch.no_grad():
        steps = model(x, states)
    first, second = (capture(model, (x, states), calls=k)["cell"] for k in (1, 2))
    lead = (lambda a: a) if batched else (lambda a: a[None])
    for which, found, sign in ((0, first, 1), (1, second, -1)):
        same((found.x,), (lead(sign * x.numpy()),))
        hidden = [fields(step[which])[0] for step in steps]
        same((found.outputs,), (lead(np.stack(hidden, axis=-2)),))
        same(flat(found.final), map(lead, fields(steps[-1][which])))
        npstack_agrees(model.cell, found)
    same(flat(first.initial), map(lead, fields(states)))
    assert second.initial is None
    assert first.source.endswith("Loop.cell, call 1 of 2")
