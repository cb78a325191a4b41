"""What docs/specification.md says of Keras 3's cells and padding, executed (PyTorch backend)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.specification import plainly
from tests.specification.keras_runs import build, keras_or_skip, plain, run, weights
from tests.specification.plainly import (
    MASK,
    D,
    H,
    T,
    differ,
    draw,
    draw_x,
    held,
    orders_that_fit,
    same,
)
from tests.tools.other_programs import KERAS_COPY_WARNING

pytestmark = [pytest.mark.frameworks, pytest.mark.filterwarnings(KERAS_COPY_WARNING)]


@pytest.fixture(scope="module")
def keras() -> Any:
    return keras_or_skip()


def gru_step(p: dict[str, Any], *, reset_after: bool = True, b2: Any = None) -> plainly.Step:
    """From Keras' packing z, r, h to ours."""
    W, U, b = (plainly.reorder(p[name], "zrn", "rzn") for name in ("W", "U", "b"))
    if b2 is None:
        return plainly.gru(W, U, b, reset_after=reset_after)
    b2 = plainly.reorder(b2, "zrn", "rzn")
    gates_only = np.arange(3 * H) < 2 * H
    return plainly.gru(W, U, b + np.where(gates_only, b2, 0), b2[2 * H :])


# ---- packing, biases -----------------------------------------------------------------------------


def test_s2_1_keras_packs_ifgo(keras: Any) -> None:
    p, (x, h, c) = draw(30), draw_x()
    outputs = run(build(keras, "LSTM", weights(p)), x, h, c)[0]

    def packed(pack: Any) -> Any:
        return plainly.over_time(plainly.lstm(*map(pack, weights(p))), x, h, c)[0]

    assert orders_that_fit(outputs, "ifgo", packed) == ["ifgo"]


def test_s2_2_keras_packs_zrn(keras: Any) -> None:
    p, (x, h, _) = draw(31, gates=3), draw_x()
    outputs = run(build(keras, "GRU", weights(p), reset_after=False), x, h)[0]

    def packed(pack: Any) -> Any:
        step = plainly.gru(*map(pack, weights(p)), reset_after=False)
        return plainly.over_time(step, x, h)[0]

    assert orders_that_fit(outputs, "rzn", packed) == ["zrn"]


def test_s2_3_keras_multiplies_from_the_right(keras: Any) -> None:
    shapes = [w.shape for w in build(keras, "LSTM", weights(draw(32))).get_weights()]
    assert shapes == [(D, 4 * H), (H, 4 * H), (4 * H,)]


def test_s2_5_keras_keeps_two_biases_of_a_gru_that_resets_after(keras: Any) -> None:
    p, (x, h, _) = draw(33, gates=3), draw_x()
    both = np.stack([p["b"], p["b2"]])
    outputs = run(build(keras, "GRU", [p["W"], p["U"], both]), x, h)[0]
    assert same(outputs, plainly.over_time(gru_step(p, b2=p["b2"]), x, h)[0])
    merged = np.stack([p["b"] + p["b2"], 0 * p["b2"]])
    assert differ(run(build(keras, "GRU", [p["W"], p["U"], merged]), x, h)[0], outputs)


def test_s2_6_keras_stores_the_forget_bias_beside_any_bias_initializer(keras: Any) -> None:
    constant = keras.initializers.Constant(0.03)
    layer = keras.layers.LSTM(1, bias_initializer=constant, unit_forget_bias=True)
    layer.build((None, None, D))
    assert np.allclose(layer.get_weights()[2], [0.03, 1, 0.03, 0.03])
    assert 'force `bias_initializer="zeros"`' in keras.layers.LSTM.__doc__  # which it does not


# ---- cells ---------------------------------------------------------------------------------------


def test_s3_1_keras_computes_the_lstm(keras: Any) -> None:
    p, (x, h, c) = draw(34), draw_x()
    theirs = run(build(keras, "LSTM", weights(p)), x, h, c)
    ours, final = plainly.over_time(plain(p), x, h, c)
    assert all(same(a, b) for a, b in zip(theirs, (ours, *final), strict=True))


def test_s3_6_keras_normalises_by_the_biased_variance_plus_1e_3(keras: Any) -> None:
    v = 1e-2 * draw_x()[1]
    theirs = keras.layers.LayerNormalization()(v.astype("f4")).detach().numpy()
    assert same(theirs, (v - v.mean(-1, keepdims=True)) / np.sqrt(v.var(-1, keepdims=True) + 1e-3))


def test_s3_7_keras_resets_after_by_default_and_s3_8_before_when_told(keras: Any) -> None:
    p, (x, h, _) = draw(35, gates=3), draw_x()
    after = run(build(keras, "GRU", [p["W"], p["U"], np.stack([p["b"], p["b2"]])]), x, h)
    before = run(build(keras, "GRU", weights(p), reset_after=False), x, h)
    for theirs, step in (
        (after, gru_step(p, b2=p["b2"])),
        (before, gru_step(p, reset_after=False)),
    ):
        ours, final = plainly.over_time(step, x, h)
        assert all(same(a, b) for a, b in zip(theirs, (ours, *final), strict=True))


def test_s3_9_keras_computes_the_elman_network_with_one_bias(keras: Any) -> None:
    p, (x, h, _) = draw(36, gates=1), draw_x()
    theirs = run(build(keras, "SimpleRNN", weights(p)), x, h)[0]
    assert same(theirs, plainly.over_time(plainly.rnn(*weights(p)), x, h)[0])


# ---- activations ---------------------------------------------------------------------------------


def test_s5_2_keras_hard_sigmoid_has_slope_one_sixth(keras: Any) -> None:
    p, (x, h, c) = draw(37), draw_x()
    theirs = run(build(keras, "LSTM", weights(p), recurrent_activation="hard_sigmoid"), x, h, c)
    for alpha, agrees in ((1 / 6, True), (0.2, False)):
        gate = plainly.hard_sigmoid(alpha)
        acts = plainly.Acts(input=gate, forget=gate, output=gate)
        ours = plainly.over_time(plain(p, acts=acts), x, h, c)[0]
        assert same(theirs[0], ours) is agrees
        assert differ(theirs[0], ours) is not agrees


def test_s5_4_keras_activation_is_that_of_the_candidate_and_of_the_cell(keras: Any) -> None:
    p, (x, h, c) = draw(38), draw_x()
    theirs = run(build(keras, "LSTM", weights(p), activation="softsign"), x, h, c)[0]

    def softsign(a: Any) -> Any:
        return a / (1 + abs(a))

    both = plainly.Acts(candidate=softsign, cell=softsign)
    assert same(theirs, plainly.over_time(plain(p, acts=both), x, h, c)[0])


# ---- states --------------------------------------------------------------------------------------


def test_s6_1_keras_takes_and_returns_h_then_c_batch_first(keras: Any) -> None:
    p, (x, h, c) = draw(39), draw_x()
    layer = build(keras, "LSTM", weights(p))
    outputs, h_n, _ = run(layer, x, h, c)
    assert same(h_n, outputs[:, -1])
    assert differ(run(layer, x, c, h)[0], outputs)


def test_s6_5_keras_stateful_goes_on_until_reset(keras: Any) -> None:
    p, (x, _, _) = draw(40), draw_x()
    layer = keras.layers.LSTM(H, stateful=True, return_sequences=True)
    layer.build((3, T, D))
    layer.set_weights(weights(p))
    whole, _ = plainly.over_time(plain(p), np.concatenate([x, x], 1), *np.zeros((2, 3, H)))
    first, second = run(layer, x)[0], run(layer, x)[0]
    assert same(np.concatenate([first, second], 1), whole)
    layer.reset_state()
    assert same(run(layer, x)[0], first)


# ---- padding -------------------------------------------------------------------------------------

HOLES = np.array([[0, 0, 1, 0, 1], [1, 0, 0, 1, 1], [1, 1, 0, 0, 0]], dtype=bool)


def test_s7_1_keras_takes_masks_s7_4_with_holes_and_left_padding(keras: Any) -> None:
    p, (x, h, c) = draw(41), draw_x()
    layer = build(keras, "LSTM", weights(p), zero_output_for_mask=True)
    theirs = run(layer, x, h, c, mask=HOLES)
    ours, final = plainly.over_time(plain(p), x, h, c, mask=HOLES)
    assert all(same(a, b) for a, b in zip(theirs, (ours, *final), strict=True))


def test_s7_2_keras_repeats_outputs_at_masked_steps_zero_before_the_first(keras: Any) -> None:
    p, (x, h, c) = draw(42), draw_x()
    outputs = run(build(keras, "LSTM", weights(p)), x, h, c, mask=HOLES)[0]
    ours, _ = plainly.over_time(plain(p), x, h, c, mask=HOLES)
    assert same(outputs, held(ours, HOLES))
    assert not outputs[0, :2].any()  # zero, and not the initial state


def test_s7_3_keras_holds_the_state_through_masked_steps(keras: Any) -> None:
    p, (x, h, c) = draw(43), draw_x()
    _, h_n, c_n = run(build(keras, "LSTM", weights(p)), x, h, c, mask=MASK)
    _, final = plainly.over_time(plain(p), x, h, c, mask=MASK)
    assert same(h_n, final[0])
    assert same(c_n, final[1])


def test_s7_5_keras_passes_the_initial_state_through_an_empty_row_output_zero(keras: Any) -> None:
    p, (x, h, c) = draw(44), draw_x()
    nothing = np.zeros((3, T), bool)
    outputs, h_n, c_n = run(build(keras, "LSTM", weights(p)), x, h, c, mask=nothing)
    assert same(h_n, h)
    assert same(c_n, c)
    assert not outputs.any()


def test_s7_6_keras_last_output_is_zero_where_the_last_step_is_masked_if_zeroed(keras: Any) -> None:
    p, (x, h, c) = draw(45), draw_x()
    ours, final = plainly.over_time(plain(p), x, h, c, mask=MASK)
    last = {"return_sequences": False, "return_state": False}
    held_output = run(build(keras, "LSTM", weights(p), **last), x, h, c, mask=MASK)[0]
    assert same(held_output, final[0])
    layer = build(keras, "LSTM", weights(p), zero_output_for_mask=True, **last)
    zeroed = run(layer, x, h, c, mask=MASK)[0]
    assert same(zeroed, ours[:, -1])  # zero for two rows, though their state is not
    assert not zeroed[1:].any()


def test_s7_6_keras_last_output_of_an_empty_row_is_zero_not_its_state(keras: Any) -> None:
    p, (x, h, c) = draw(46), draw_x()
    layer = build(keras, "LSTM", weights(p), return_sequences=False)
    last, h_n, _ = run(layer, x, h, c, mask=np.zeros((3, T), bool))
    assert not last.any()
    assert same(h_n, h)


def gradients(keras: Any, x: Any, mask: Any) -> tuple[Any, list[Any]]:
    """Of the sum of squares of the outputs: by x, and by the parameters."""
    import torch

    layer = build(keras, "LSTM", weights(draw(47)), zero_output_for_mask=True)
    given = torch.tensor(x.astype("f4"), requires_grad=True)
    layer(given, mask=torch.tensor(mask))[0].square().sum().backward()
    return given.grad.numpy(), [w.value.grad.numpy() for w in layer.trainable_weights]


def test_s7_7_keras_gradient_is_zero_in_the_padding_but_nan_there_spoils_it(keras: Any) -> None:
    x = draw_x()[0]
    dx, dparams = gradients(keras, x, MASK)
    assert not dx[~MASK].any()
    assert all(np.isfinite(d).all() for d in dparams)
    _, dparams = gradients(keras, np.where(MASK[..., None], x, np.nan), MASK)
    assert all(np.isnan(d).any() for d in dparams)


# ---- dropout -------------------------------------------------------------------------------------


def opened_for_reading(units: int) -> list[Any]:
    """Gates held open or shut by biases, so that the candidate shows what reaches it."""
    W, U = np.zeros((units, 4 * units)), np.zeros((units, 4 * units))
    W[:, 2 * units : 3 * units] = np.eye(units)
    return [W, U, np.repeat([40.0, -40.0, 0.0, 40.0], units)]


def test_s10_4_keras_dropout_is_one_mask_for_all_steps(keras: Any) -> None:
    units = 20
    layer = build(keras, "LSTM", opened_for_reading(units), units, dropout=0.5)
    x = 0.5 + np.random.default_rng(0).random((3, T, units))
    seen = np.arctanh(np.arctanh(run(layer, x, training=True)[0])) / x
    assert np.allclose(seen, np.where(seen > 1, 2, 0), atol=1e-4)
    assert (seen.round() == seen[:, :1].round()).all()
    assert (seen.round()[0] != seen.round()[1]).any()


def test_s10_3_keras_drops_the_recurrent_state_by_one_mask_per_gate_and_row(keras: Any) -> None:
    p, (x, h, c) = draw(48), draw_x()
    cell = keras.layers.LSTMCell(H, recurrent_dropout=0.5, seed=1)
    assert cell.implementation == 1
    cell.build((None, D))
    cell.set_weights(weights(p))
    kept = [a.numpy() for a in cell.get_recurrent_dropout_mask(keras.ops.convert_to_tensor(h))]
    assert len(kept) == 4
    assert {float(v) for a in kept for v in a.flat} == {0.0, 2.0}
    assert any((kept[0] != other).any() for other in kept[1:])
    state = [h.astype("f4"), c.astype("f4")]
    for t in range(T):  # the same masks at every step; the cell state is not dropped
        blocks = zip(kept, np.split(p["U"], 4, axis=1), strict=True)
        a = x[:, t] @ p["W"] + np.concatenate([(k * h) @ U for k, U in blocks], axis=1) + p["b"]
        nothing = np.zeros((H, 4 * H))
        h, c = plainly.lstm(np.eye(4 * H), nothing, nothing[0])(a, h, c)
        _, state = cell(x[:, t].astype("f4"), state, training=True)
        assert same(state[0].detach().numpy(), h)
        assert same(state[1].detach().numpy(), c)


def test_s10_3_keras_gru_does_not_drop_the_leak(keras: Any) -> None:
    p, (x, h, _) = draw(49, gates=3), draw_x()
    cell = keras.layers.GRUCell(H, recurrent_dropout=0.5, reset_after=False, seed=1)
    cell.build((None, D))
    cell.set_weights(weights(p))
    kept = [a.numpy() for a in cell.get_recurrent_dropout_mask(keras.ops.convert_to_tensor(h))]
    W, U, b = (np.split(a, 3, axis=-1) for a in weights(p))
    z, r = (plainly.sigmoid(x[:, 0] @ W[k] + (kept[k] * h) @ U[k] + b[k]) for k in (0, 1))
    n = np.tanh(x[:, 0] @ W[2] + (r * kept[2] * h) @ U[2] + b[2])
    theirs, _ = cell(x[:, 0].astype("f4"), [h.astype("f4")], training=True)
    assert same(theirs.detach().numpy(), z * h + (1 - z) * n)


def test_s10_1_keras_evaluation_is_the_identity(keras: Any) -> None:
    p, (x, h, c) = draw(50), draw_x()
    layer = build(keras, "LSTM", weights(p), dropout=0.5, recurrent_dropout=0.5)
    assert same(run(layer, x, h, c)[0], plainly.over_time(plain(p), x, h, c)[0])


# ---- numbers -------------------------------------------------------------------------------------


def test_s11_4_keras_multiplies_matrices_of_float64_in_float32(keras: Any) -> None:
    p, (x, h, c) = draw(51), draw_x()
    layer = keras.layers.LSTM(H, return_sequences=True, dtype="float64")
    layer.build((None, None, D))
    layer.set_weights(weights(p))
    ours, _ = plainly.over_time(plain(p), x, h, c)
    errors = {}
    for name, mask in {"without mask": None, "with mask": np.ones((3, T), bool)}.items():
        outputs = layer(x, initial_state=[h, c], mask=mask).detach().numpy()
        assert outputs.dtype == np.float64
        errors[name] = plainly.error(outputs, ours)
    assert errors["without mask"] < 1e-14  # a separate loop, written in PyTorch
    assert 1e-9 < errors["with mask"] < 1e-6
    p = draw(52, gates=1)
    simple = keras.layers.SimpleRNN(H, return_sequences=True, dtype="float64")
    simple.build((None, None, D))
    simple.set_weights(weights(p))
    ours, _ = plainly.over_time(plainly.rnn(*weights(p)), x, h)
    assert 1e-9 < plainly.error(simple(x, initial_state=[h]).detach().numpy(), ours) < 1e-6
