"""What docs/specification.md says of Keras 3's directions, stacks and draws, executed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.specification import plainly
from tests.specification.keras_runs import build, keras_or_skip, plain, run, weights
from tests.specification.plainly import MASK, D, H, T, differ, draw, draw_x, same
from tests.tools.other_programs import KERAS_COPY_WARNING

pytestmark = [pytest.mark.frameworks, pytest.mark.filterwarnings(KERAS_COPY_WARNING)]
ZEROS = np.zeros((3, H))


@pytest.fixture(scope="module")
def keras() -> Any:
    return keras_or_skip()


def both_ways(layers: list[Any], x: Any, mask: Any = None) -> tuple[Any, Any, list[Any]]:
    """Plain outputs of a forward and a backward layer in order of time, and their final states."""
    forward, ahead = plainly.over_time(plain(layers[0]), x, ZEROS, ZEROS, mask=mask)
    backward, behind = plainly.over_time(
        plain(layers[1]), x, ZEROS, ZEROS, mask=mask, backwards=True
    )
    return forward, backward, [*ahead, *behind]


def bidirectional(keras: Any, layers: list[Any], merge: Any = "concat", **options: Any) -> Any:
    """``keras.layers.Bidirectional`` around an LSTM, with given weights."""
    options = {"return_sequences": True, "return_state": True} | options
    pair = keras.layers.Bidirectional(keras.layers.LSTM(H, **options), merge_mode=merge)
    pair.build((None, None, len(layers[0]["W"])))
    pair.set_weights([a for p in layers for a in weights(p)])
    return pair


# ---- reversal ------------------------------------------------------------------------------------


def test_s8_1_keras_reverses_the_whole_axis_with_its_mask_to_the_same_states(keras: Any) -> None:
    p, (x, h, c) = draw(60), draw_x()
    layer = build(keras, "LSTM", weights(p), go_backwards=True)
    _, h_n, c_n = run(layer, x, h, c, mask=MASK)
    _, final = plainly.over_time(plain(p), x, h, c, mask=MASK, backwards=True)
    assert same(h_n, final[0])
    assert same(c_n, final[1])


def test_s8_2_keras_returns_outputs_as_read_padding_in_front(keras: Any) -> None:
    p, (x, h, c) = draw(61), draw_x()
    layer = build(keras, "LSTM", weights(p), go_backwards=True, zero_output_for_mask=True)
    outputs = run(layer, x, h, c, mask=MASK)[0]
    ours, _ = plainly.over_time(plain(p), x, h, c, mask=MASK, backwards=True)
    assert same(outputs, ours[:, ::-1])
    assert differ(outputs, ours)
    assert not outputs[2, : T - 1].any()
    assert outputs[2, -1].any()


def test_s8_2_keras_layer_stacked_on_a_reversed_one_reads_it_reversed(keras: Any) -> None:
    lower, upper, (x, _, _) = draw(62), draw(63, D=H), draw_x()
    below = run(build(keras, "LSTM", weights(lower), go_backwards=True), x)[0]
    theirs = run(build(keras, "LSTM", weights(upper)), below)[0]
    back, _ = plainly.over_time(plain(lower), x, ZEROS, ZEROS, backwards=True)
    ours, _ = plainly.over_time(plain(upper), back[:, ::-1], ZEROS, ZEROS)
    assert same(theirs, ours)


def test_s8_2_keras_layer_above_a_reversed_one_gets_the_mask_as_it_was(keras: Any) -> None:
    lower, upper, (x, _, _) = draw(62), draw(63, D=H), draw_x()
    first = build(keras, "LSTM", weights(lower), go_backwards=True, return_state=False)
    second = build(keras, "LSTM", weights(upper), return_state=False, zero_output_for_mask=True)
    given = keras.ops.convert_to_tensor(np.where(MASK[..., None], x, 0).astype("f4"))
    theirs = second(first(keras.layers.Masking()(given))).detach().numpy()
    back, _ = plainly.over_time(plain(lower), x, ZEROS, ZEROS, mask=MASK, backwards=True)
    read = plainly.held(back[:, ::-1], MASK[:, ::-1])
    as_it_was, _ = plainly.over_time(plain(upper), read, ZEROS, ZEROS, mask=MASK)
    assert same(theirs, as_it_was)
    turned, _ = plainly.over_time(plain(upper), read, ZEROS, ZEROS, mask=MASK[:, ::-1])
    assert differ(theirs, turned)


def test_s8_1_keras_cannot_unroll_a_masked_sequence_backwards(keras: Any) -> None:
    layer = build(keras, "LSTM", weights(draw(64)), go_backwards=True, unroll=True)
    with pytest.raises(AttributeError, match="'tuple' object has no attribute 'shape'"):
        run(layer, draw_x()[0], mask=MASK)


# ---- two directions ------------------------------------------------------------------------------


@pytest.mark.parametrize("merge", ["concat", "sum", "mul", "ave", None])
def test_s8_3_keras_merges_after_putting_the_backward_outputs_in_order(
    keras: Any, merge: Any
) -> None:
    layers, x = [draw(65), draw(66)], draw_x()[0]
    theirs = run(bidirectional(keras, layers, merge), x, mask=MASK)
    forward, backward, states = both_ways(layers, x, MASK)
    merged = {
        "concat": lambda a, b: np.concatenate([a, b], axis=-1),
        "sum": lambda a, b: a + b,
        "mul": lambda a, b: a * b,
        "ave": lambda a, b: (a + b) / 2,
    }
    outputs = [forward, backward] if merge is None else [merged[merge](forward, backward)]
    assert all(same(a, b) for a, b in zip(theirs, [*outputs, *states], strict=True))


def test_s8_6_keras_joins_the_last_states_of_the_two_directions(keras: Any) -> None:
    layers, x = [draw(67), draw(68)], draw_x()[0]
    last = run(bidirectional(keras, layers, return_sequences=False), x, mask=MASK)[0]
    _, _, states = both_ways(layers, x, MASK)
    assert same(last, np.concatenate([states[0], states[2]], axis=-1))


def test_s7_2_keras_bidirectional_forces_zeros_at_masked_steps(keras: Any) -> None:
    layers, x = [draw(69), draw(70)], draw_x()[0]
    outputs = run(bidirectional(keras, layers, zero_output_for_mask=False), x, mask=MASK)[0]
    assert not outputs[~MASK].any()


# ---- stacks --------------------------------------------------------------------------------------


def test_s8_5_keras_nested_bidirectional_joins_after_every_layer(keras: Any) -> None:
    layers = [draw(71), draw(72), draw(73, D=2 * H), draw(74, D=2 * H)]
    x = draw_x()[0]
    below = run(bidirectional(keras, layers[:2]), x, mask=MASK)[0]
    theirs = run(bidirectional(keras, layers[2:]), below, mask=MASK)[0]
    joined = np.concatenate(both_ways(layers[:2], x, MASK)[:2], axis=-1)
    assert same(theirs, np.concatenate(both_ways(layers[2:], joined, MASK)[:2], axis=-1))


def test_s8_5_keras_bidirectional_around_stacked_cells_is_two_whole_stacks(keras: Any) -> None:
    layers, x = [draw(75), draw(76, D=H), draw(77), draw(78, D=H)], draw_x()[0]
    cells = [keras.layers.LSTMCell(H), keras.layers.LSTMCell(H)]
    pair = keras.layers.Bidirectional(keras.layers.RNN(cells, return_sequences=True))
    pair.build((None, None, D))
    pair.set_weights([a for p in layers for a in weights(p)])
    ends = []
    for lower, upper, backwards in ((0, 1, False), (2, 3, True)):
        out, _ = plainly.over_time(plain(layers[lower]), x, ZEROS, ZEROS, backwards=backwards)
        out, _ = plainly.over_time(plain(layers[upper]), out, ZEROS, ZEROS, backwards=backwards)
        ends.append(out)
    assert same(run(pair, x)[0], np.concatenate(ends, axis=-1))


def test_s9_1_keras_stack_of_cells_is_the_stack_of_layers_masks_included(keras: Any) -> None:
    lower, upper, x = draw(79), draw(80, D=H, H=2), draw_x()[0]
    cells = [keras.layers.LSTMCell(H), keras.layers.LSTMCell(2)]
    stack = keras.layers.RNN(cells, return_sequences=True, zero_output_for_mask=True)
    stack.build((None, None, D))
    stack.set_weights([*weights(lower), *weights(upper)])
    below, _ = plainly.over_time(plain(lower), x, ZEROS, ZEROS, mask=MASK)
    ours, _ = plainly.over_time(plain(upper), below, *np.zeros((2, 3, 2)), mask=MASK)
    assert same(run(stack, x, mask=MASK)[0], ours)
    first = run(build(keras, "LSTM", weights(lower)), x, mask=MASK)[0]
    top = build(keras, "LSTM", weights(upper), 2, zero_output_for_mask=True)
    assert same(run(top, first, mask=MASK)[0], ours)


def test_s9_2_keras_refuses_a_recurrent_layer_on_a_last_step(keras: Any) -> None:
    last = run(build(keras, "LSTM", weights(draw(81)), return_sequences=False), draw_x()[0])[0]
    with pytest.raises(ValueError, match="expected ndim=3, found ndim=2"):
        keras.layers.LSTM(H)(last)


# ---- initial values, numbers ---------------------------------------------------------------------


def test_s2_7_keras_draws_its_packed_matrices_as_one(keras: Any) -> None:
    layer = keras.layers.LSTM(50)
    layer.build((None, None, 8))
    W, U, b = layer.get_weights()
    packed, per_gate = (np.sqrt(6 / (8 + columns)) for columns in (200, 50))
    assert 0.9 * packed < abs(W).max() <= packed < 0.6 * per_gate
    assert np.allclose(U @ U.T, np.eye(50), atol=1e-5)
    assert not np.allclose(U[:, :50] @ U[:, :50].T, np.eye(50), atol=0.1)
    assert (b == np.repeat([0, 1, 0, 0], 50)).all()


def test_s11_1_keras_sigmoid_keeps_its_digits_in_float32(keras: Any) -> None:
    a = np.linspace(-80, 20, 101)
    theirs = keras.ops.sigmoid(a.astype("f4")).numpy()
    assert (abs(theirs / plainly.sigmoid(a) - 1) < 1e-6).all()


def test_s6_3_keras_begins_with_zeros_where_no_state_is_given(keras: Any) -> None:
    layer, x = build(keras, "LSTM", weights(draw(82))), draw_x()[0]
    assert np.array_equal(run(layer, x)[0], run(layer, x, ZEROS, ZEROS)[0])


def test_s9_1_keras_list_of_one_lstm_cell_crashes_under_a_mask(keras: Any) -> None:
    layer = keras.layers.RNN([keras.layers.LSTMCell(H)])
    x = draw_x()[0].astype("f4")
    assert layer(x).shape == (3, H)
    with pytest.raises(IndexError, match="list index out of range"):
        layer(x, mask=MASK)
