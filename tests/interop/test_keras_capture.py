"""What recurrent layers of live Keras models read and compute, captured bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from npstack import Directions
from npstack.core.errors import ArgumentError, CodeError, DataError
from npstack.interop import agreement, load
from npstack.interop.keras_models.capture import capture
from tests.interop.keras_layers import KINDS, B, D, H, T, draw, ours, plain, ready
from tests.interop.opening import recurrent_parts
from tests.specification.keras_runs import keras_or_skip
from tests.tools.other_programs import KERAS_COPY_WARNING

pytestmark = [pytest.mark.frameworks, pytest.mark.filterwarnings(KERAS_COPY_WARNING)]
PREFIX = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0]], bool)
HOLES = np.array([[0, 0, 1, 0, 1], [1, 0, 0, 1, 1], [0, 1, 1, 0, 0]], bool)


@pytest.fixture(scope="module")
def keras() -> Any:
    return keras_or_skip()


@pytest.fixture
def rng() -> Any:
    return np.random.default_rng(0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("initial", [True, False])
def test_everything_is_recorded_bit_for_bit(
    keras: Any, rng: Any, kind: str, full: bool, initial: bool
) -> None:
    layer = ready(getattr(keras.layers, kind)(H, return_sequences=full, return_state=True), rng)
    x = draw(rng)
    states = [rng.standard_normal((B, H)).astype("f4") for _ in range(1 + (kind == "LSTM"))]
    feed = {"sequences": x} | ({"initial_state": states} if initial else {})
    found = capture(layer, feed)[""]
    outputs, *final = plain(layer(**feed))
    assert np.array_equal(found.x, x)
    assert np.array_equal(found.outputs, outputs)
    assert all(np.array_equal(a, b) for a, b in zip(found.final, final, strict=True))
    assert (found.initial is None) is not initial
    if initial:
        assert all(np.array_equal(a, b) for a, b in zip(found.initial, states, strict=True))
    assert found.lengths is None


def test_final_states_are_recorded_if_the_layer_does_not_return_them(keras: Any, rng: Any) -> None:
    quiet = ready(keras.layers.LSTM(H), rng)
    loud = keras.layers.LSTM(H, return_state=True)
    loud.build((None, None, D))
    loud.set_weights(quiet.get_weights())
    x = draw(rng)
    _, h, c = plain(loud(x))
    found = capture(quiet, x)[""]
    assert np.array_equal(found.final.h, h)
    assert np.array_equal(found.final.c, c)


@pytest.mark.parametrize("merge", ["concat", "sum", "mul", "ave", None])
@pytest.mark.parametrize("full", [True, False])
def test_two_directions(keras: Any, rng: Any, merge: Any, full: bool) -> None:
    inner = keras.layers.LSTM(H, return_sequences=full, return_state=True)
    layer = ready(keras.layers.Bidirectional(inner, merge_mode=merge), rng)
    x = draw(rng)
    outputs = plain(layer(x))
    found = capture(layer, x)[""]
    joined = outputs[0] if merge else np.stack(outputs[:2], axis=-2)
    assert np.array_equal(found.outputs, joined)
    assert isinstance(found.final, Directions)
    flat = [*found.final.forward, *found.final.backward]
    assert all(np.array_equal(a, b) for a, b in zip(flat, outputs[-4:], strict=True))
    (part,) = recurrent_parts(layer)
    tape = ours(layer, part).forward(x)
    assert tape.outputs.shape == found.outputs.shape
    assert abs(tape.outputs - found.outputs).max() < 1e-6


def test_go_backwards_is_recorded_in_the_order_of_time(keras: Any, rng: Any) -> None:
    options = {"go_backwards": True, "return_sequences": True, "return_state": True}
    layer = ready(keras.layers.GRU(H, **options), rng)
    x = draw(rng)
    found = capture(layer, {"sequences": x, "mask": PREFIX})[""]
    outputs, h = plain(layer(x, mask=PREFIX))
    assert np.array_equal(found.outputs, np.where(PREFIX[..., None], outputs[:, ::-1], 0))
    assert np.array_equal(found.final.h, h)
    tape = ours(layer, recurrent_parts(layer)[0]).forward(x, lengths=found.lengths)
    assert abs(tape.outputs - found.outputs).max() < 1e-6


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("zeros", [True, False])
def test_a_mask_that_is_a_prefix_becomes_lengths(
    keras: Any, rng: Any, kind: str, zeros: bool
) -> None:
    options = {"zero_output_for_mask": zeros, "return_sequences": True}
    layer = ready(getattr(keras.layers, kind)(H, **options), rng)
    x = draw(rng)
    found = capture(layer, {"sequences": x, "mask": PREFIX})[""]
    assert found.lengths is not None
    assert found.lengths.tolist() == [5, 2, 3]
    (direct,) = plain(layer(x, mask=PREFIX))
    assert np.array_equal(found.outputs, np.where(PREFIX[..., None], direct, 0))
    assert np.array_equal(found.x, x)  # as it was, padding included
    assert "moved" not in found.source


def test_a_mask_with_holes_is_recorded_without_the_masked_steps(keras: Any, rng: Any) -> None:
    layer = ready(keras.layers.LSTM(H, return_sequences=True, return_state=True), rng)
    x = draw(rng)
    found = capture(layer, {"sequences": x, "mask": HOLES})[""]
    direct, h, c = plain(layer(x, mask=HOLES))
    assert "masked steps taken out, the others moved to the front (§7.4)" in found.source
    assert found.lengths is not None
    for row, count in enumerate(found.lengths):
        assert count == HOLES[row].sum()
        assert np.array_equal(found.x[row, :count], x[row, HOLES[row]])
        assert np.array_equal(found.outputs[row, :count], direct[row, HOLES[row]])
        assert not found.outputs[row, count:].any()
    assert np.array_equal(found.final.h, h)
    assert np.array_equal(found.final.c, c)
    tape = ours(layer, recurrent_parts(layer)[0]).forward(found.x, lengths=found.lengths)
    assert abs(tape.outputs - found.outputs).max() < 1e-6
    assert abs(tape.final.c - found.final.c).max() < 1e-6


def test_the_final_state_is_recorded_where_keras_makes_the_last_output_zero(
    keras: Any, rng: Any
) -> None:
    layer = ready(keras.layers.LSTM(H, zero_output_for_mask=True), rng)
    x = draw(rng)
    found = capture(layer, {"sequences": x, "mask": PREFIX})[""]
    (direct,) = plain(layer(x, mask=PREFIX))
    assert [bool(row.any()) for row in direct] == [True, False, False]
    assert "the zeros that Keras gives where the last step is masked (§7.6)" in found.source
    assert np.array_equal(found.outputs, found.final.h)
    assert np.array_equal(found.outputs[0], direct[0])
    assert agreement(load(layer).layer, found, draws=4).explained
    assert "§7.6" not in capture(layer, x)[""].source


@pytest.mark.parametrize("mask", ["one row", "all rows", "holes"])
@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("kind", [*KINDS, "concat", "sum", "mul", "ave", None])
def test_rows_that_are_masked_throughout(
    keras: Any, rng: Any, kind: Any, full: bool, mask: str
) -> None:
    pair = kind not in KINDS
    inner = getattr(keras.layers, "LSTM" if pair else kind)(H, return_sequences=full)
    layer = ready(keras.layers.Bidirectional(inner, merge_mode=kind) if pair else inner, rng)
    masked = {"one row": PREFIX, "all rows": 0 * PREFIX, "holes": HOLES}[mask].astype(bool)
    masked[1] = False
    count = {"LSTM": 2}.get(kind, 1) if not pair else 4
    states = [rng.standard_normal((B, H)).astype("f4") for _ in range(count)]
    feed = {"sequences": draw(rng), "mask": masked, "initial_state": states}
    found = capture(layer, feed)[""]
    assert found.lengths is not None
    assert found.lengths[1] == 0
    kept = [*found.final.forward, *found.final.backward] if pair else found.final
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(kept, states, strict=True))
    assert bool(found.outputs[1].any()) is not full  # zeros at steps, else the final state
    assert not any(own[1].any() for own in plain(layer(**feed)))  # what Keras gives
    assert ("(§7.6)" in found.source) is not full
    assert agreement(load(layer).layer, found, draws=4).explained


def test_a_stack_of_cells(keras: Any, rng: Any) -> None:
    cells = [keras.layers.LSTMCell(n) for n in (H, 3, 2)]
    layer = ready(keras.layers.RNN(cells, return_sequences=True, return_state=True), rng)
    x = draw(rng)
    found = capture(layer, x)[""]
    outputs, *states = plain_nested(keras, layer(x))
    assert np.array_equal(found.outputs, outputs)
    assert [state.h.shape[1] for state in found.final] == [H, 3, 2]
    flat = [a for state in found.final for a in state]
    assert all(np.array_equal(a, b) for a, b in zip(flat, states, strict=True))
    tape = ours(layer, recurrent_parts(layer)[0]).forward(x)
    assert abs(tape.outputs - found.outputs).max() < 1e-6


def plain_nested(keras: Any, values: Any) -> list[Any]:
    return [v.detach().numpy() for v in keras.tree.flatten(values)]


def test_the_second_call_of_a_shared_layer(keras: Any, rng: Any) -> None:
    shared = keras.layers.GRU(D, return_sequences=True, name="shared")
    once = keras.layers.LSTM(H, name="once")
    x = keras.Input((None, D))
    model = keras.Model(x, once(shared(shared(x))))
    ready(model, rng)
    given = draw(rng)
    first, second = (capture(model, given, calls=n) for n in (1, 2))
    assert set(first) == {"shared", "once"}
    assert set(second) == {"shared"}
    assert [own["shared"].source for own in (first, second)] == [
        f"keras layer 'shared', call {k} of 2" for k in (1, 2)
    ]
    assert first["once"].source == "keras layer 'once'"
    assert np.array_equal(first["shared"].outputs, second["shared"].x)
    assert np.array_equal(first["once"].x, second["shared"].outputs)
    with pytest.raises(ArgumentError, match=r"must be called 3 times, got at most 2 calls"):
        capture(model, given, calls=3)


def test_masks_travel_through_a_model(keras: Any, rng: Any) -> None:
    model = keras.Sequential(
        [
            keras.Input((T,)),
            keras.layers.Embedding(9, D, mask_zero=True),
            keras.layers.Bidirectional(keras.layers.LSTM(H, return_sequences=True), name="both"),
            keras.layers.GRU(3, name="top"),
        ]
    )
    ready(model, rng)
    symbols = np.array([[1, 2, 3, 4, 5], [6, 7, 0, 0, 0]])
    found = capture(model, symbols)
    for record in found.values():
        assert record.lengths is not None
        assert record.lengths.tolist() == [5, 2]
    assert np.array_equal(found["top"].outputs, plain(model(symbols))[0])
    for part in recurrent_parts(model):
        record = found[part.name]
        tape = ours(model, part).forward(record.x, lengths=record.lengths)
        assert abs(tape.outputs - record.outputs).max() < 1e-6


def test_a_model_is_what_it_was_before(keras: Any, rng: Any) -> None:
    layer = keras.layers.LSTM(H, stateful=True, dropout=0.5)
    layer.build((B, T, D))
    ready(layer, rng)
    x = draw(rng)
    layer(x)
    kept = [np.array(v.numpy()) for v in layer.states]
    first, second = capture(layer, x)[""], capture(layer, x)[""]
    assert all(np.array_equal(v.numpy(), a) for v, a in zip(layer.states, kept, strict=True))
    assert np.array_equal(first.initial.h, kept[0])
    assert np.array_equal(first.outputs, second.outputs)  # evaluated: nothing is dropped
    assert "dropout=0.5, in training only; stateful: it begins" in first.source
    assert not {"inner_loop", "call"} & set(vars(layer))
    assert np.array_equal(first.outputs, plain(layer(x))[0])


def test_a_model_that_fails_is_what_it_was_before(keras: Any, rng: Any) -> None:
    layer = ready(keras.layers.Bidirectional(keras.layers.LSTM(H)), rng)
    with pytest.raises(CodeError, match="the model must run on feed, got "):
        capture(layer, draw(rng, D + 1))
    for own in (layer, layer.forward_layer, layer.backward_layer):
        assert not {"inner_loop", "call"} & set(vars(own))


def test_several_inputs(keras: Any, rng: Any) -> None:
    inputs = {name: keras.Input((None, D), name=name) for name in ("a", "b")}
    rnn = keras.layers.LSTM(H, name="rnn")
    model = keras.Model(inputs, rnn(inputs["a"] - inputs["b"]))
    ready(model, rng)
    feed = {"a": draw(rng), "b": draw(rng)}
    assert np.array_equal(capture(model, feed)["rnn"].x, feed["a"] - feed["b"])
    listed = keras.Model(list(inputs.values()), rnn(inputs["a"] - inputs["b"]))
    assert np.array_equal(capture(listed, list(feed.values()))["rnn"].x, feed["a"] - feed["b"])


def test_positional_arguments(keras: Any, rng: Any) -> None:
    layer = ready(keras.layers.GRU(H), rng)
    x, h = draw(rng), rng.standard_normal((B, H)).astype("f4")
    assert np.array_equal(capture(layer, (x, [h]))[""].initial.h, h)


def test_reduced_precision_is_recorded_in_float32(keras: Any, rng: Any) -> None:
    layer = ready(keras.layers.LSTM(H, return_sequences=True, dtype="mixed_float16"), rng)
    x = draw(rng)
    found = capture(layer, x)[""]
    (direct,) = plain(layer(x))
    assert direct.dtype == np.float16
    assert found.dtype == np.float32
    assert np.array_equal(found.outputs, direct)
    assert "computed in float16" in found.source


def test_a_fused_path_hides_the_states(keras: Any, rng: Any, monkeypatch: Any) -> None:
    layer = ready(keras.layers.Bidirectional(keras.layers.LSTM(H)), rng)
    x = draw(rng)
    fused = layer(x)
    kind = type(layer)
    monkeypatch.setattr(kind, "_can_attempt_fused_lstm", lambda *given, **options: True)
    monkeypatch.setattr(kind, "_call_fused_lstm", lambda *given: fused)
    with pytest.raises(
        DataError, match=r"two layers one by one, got a fused path.*use_cudnn=False"
    ):
        capture(layer, x)


def test_errors(keras: Any, rng: Any) -> None:
    layer = ready(keras.layers.LSTM(H), rng)
    with pytest.raises(ArgumentError, match="calls must be a whole number of at least 1"):
        capture(layer, draw(rng), calls=0)
    with pytest.raises(ArgumentError, match="must be called 1 times, got at most 0 calls"):
        capture(keras.Sequential([keras.Input((D,)), keras.layers.Dense(2)]), np.ones((1, D)))
