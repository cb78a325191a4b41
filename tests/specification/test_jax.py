"""What docs/specification.md says of ``jax.experimental.rnn`` and of Flax's cells, executed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.specification import plainly
from tests.specification.flax_runs import f4, fast_compiler
from tests.specification.plainly import (
    LENGTHS,
    MASK,
    D,
    H,
    differ,
    draw,
    draw_x,
    orders_that_fit,
    same,
)

pytestmark = pytest.mark.frameworks
jax: Any = None  # imported when the first test runs: the default tests collect this file, too
rnn: Any = None


@pytest.fixture(autouse=True, scope="module")
def _jax() -> Iterator[None]:
    global jax, rnn
    jax = pytest.importorskip("jax")
    rnn = pytest.importorskip("jax.experimental.rnn")
    with fast_compiler():
        yield


def flat(layers: list[dict[str, Any]]) -> Any:
    """One vector: W_ih and W_hh of every pseudo-layer, then both biases of every pseudo-layer."""
    weights = [p[name].T.ravel() for p in layers for name in ("W", "U")]
    biases = [p[name] for p in layers for name in ("b", "b2")]
    return f4(np.concatenate([*weights, *biases]))


def run(
    layers: list[dict[str, Any]], x: Any, *initial: Any, lengths: Any = LENGTHS, **options: Any
) -> tuple[Any, Any, Any]:
    """Outputs (B, T, …) and final states (layers × directions, B, H) by ``lstm_ref``."""
    bidirectional = options.pop("bidirectional", False)
    sizes = {"input_size": D, "hidden_size": H, "bidirectional": bidirectional}
    sizes["num_layers"] = len(layers) // (2 if bidirectional else 1)
    weights = rnn.unpack_lstm_weights(flat(layers), **sizes)
    h, c = initial or np.zeros((2, len(layers), 3, H))
    sizes |= {"dropout": 0.0} | options
    lengths = jax.numpy.asarray(np.asarray(lengths, np.int32))
    results = rnn.lstm_ref(f4(x), f4(h), f4(c), *weights, seq_lengths=lengths, **sizes)
    return tuple(map(np.asarray, results))


def plain(p: dict[str, Any]) -> plainly.Step:
    return plainly.lstm(p["W"], p["U"], p["b"] + p["b2"])


def test_s2_1_jax_packs_ifgo() -> None:
    p, (x, h, c) = draw(150), draw_x()
    outputs, _, _ = run([p], x, h[None], c[None])

    def packed(pack: Any) -> Any:
        step = plainly.lstm(pack(p["W"]), pack(p["U"]), pack(p["b"] + p["b2"]))
        return plainly.over_time(step, x, h, c, mask=MASK)[0]

    assert orders_that_fit(outputs, "ifgo", packed) == ["ifgo"]


def test_s2_1_jax_swap_lstm_gates_gives_ifog() -> None:
    letters = {letter: 10.0 * k for k, letter in enumerate("ifgo")}
    p = {name: a * 0 + np.repeat(list(letters.values()), H) for name, a in draw(151).items()}
    swapped = rnn.swap_lstm_gates(flat([p]), D, H, 1, False)
    biases = np.asarray(swapped)[-4 * H :: H]
    assert list(biases) == [letters[letter] for letter in "ifog"]


def test_s2_3_jax_keeps_one_flat_vector_weights_before_biases() -> None:
    layers = [draw(152), draw(153, D=H)]
    W_ih, W_hh, b_ih, b_hh = rnn.unpack_lstm_weights(flat(layers), D, H, 2, False)
    for k, p in enumerate(layers):
        assert same(np.asarray(W_ih[k]), p["W"].T)
        assert same(np.asarray(W_hh[k]), p["U"].T)
        assert same(np.asarray(b_ih[k]), p["b"])
        assert same(np.asarray(b_hh[k]), p["b2"])


def test_s2_4_jax_adds_two_biases() -> None:
    p, x = draw(154), draw_x()[0]
    moved = p | {"b": p["b"] + p["b2"], "b2": 0 * p["b2"]}
    assert same(run([p], x)[0], run([moved], x)[0])


def test_s2_6_jax_has_no_forget_bias_s2_7_and_draws_all_uniform() -> None:
    weights = np.asarray(rnn.init_lstm_weight(jax.random.key(0), 20, 25, 1, False))
    biases = weights[-200:]
    assert 0.18 < abs(biases).max() <= 0.2
    assert abs(biases.mean()) < 0.05


def test_s3_1_jax_computes_the_lstm() -> None:
    p, (x, h, c) = draw(155), draw_x()
    theirs = run([p], x, h[None], c[None])
    ours, final = plainly.over_time(plain(p), x, h, c, mask=MASK)
    assert same(theirs[0], ours)
    assert all(same(a[0], b) for a, b in zip(theirs[1:], final, strict=True))


def test_s5_2_jax_hard_sigmoid_has_slope_one_sixth() -> None:
    a = np.linspace(-4, 4, 81)
    assert same(np.asarray(jax.nn.hard_sigmoid(f4(a))), plainly.hard_sigmoid(1 / 6)(a))


def test_s7_2_jax_writes_zeros_into_the_padding_and_s7_3_keeps_the_state() -> None:
    p, (x, h, c) = draw(156), draw_x()
    outputs, h_n, c_n = run([p], x, h[None], c[None])
    _, final = plainly.over_time(plain(p), x, h, c, mask=MASK)
    assert not outputs[~MASK].any()
    assert same(h_n[0], final[0])
    assert same(c_n[0], final[1])


def test_s7_5_jax_returns_the_state_of_the_last_step_for_an_empty_row() -> None:
    p, (x, h, c) = draw(157), draw_x()
    outputs, h_n, _ = run([p], x, h[None], c[None], lengths=[5, 0, 3])
    whole, _ = plainly.over_time(plain(p), x, h, c)
    assert not outputs[1].any()
    assert same(h_n[0, 1], whole[1, -1])  # index -1
    assert differ(h_n[0, 1], h[1])


def test_s7_7_jax_gradient_is_zero_in_the_padding_but_nan_there_spoils_it() -> None:
    p, x = draw(158), draw_x()[0]
    weights = rnn.unpack_lstm_weights(flat([p]), D, H, 1, False)
    zeros, lengths = f4(np.zeros((1, 3, H))), jax.numpy.asarray(LENGTHS.astype(np.int32))

    def loss(x: Any, W: Any) -> Any:
        given = (x, zeros, zeros, {0: W}, *weights[1:], lengths, D, H, 1, 0.0, False)
        return (rnn.lstm_ref(*given)[0] ** 2).sum()

    gradient = jax.grad(loss, argnums=(0, 1))
    dx, dW = map(np.asarray, gradient(f4(x), weights[0][0]))
    assert not dx[~MASK].any()
    assert np.isfinite(dW).all()
    _, dW = gradient(f4(np.where(MASK[..., None], x, np.nan)), weights[0][0])
    assert np.isnan(np.asarray(dW)).any()


def test_s8_1_jax_reverses_the_valid_prefix_s8_2_in_order_s8_5_joined_after_every_layer() -> None:
    layers = [draw(159), draw(160), draw(161, D=2 * H), draw(162, D=2 * H)]
    x, zeros = draw_x()[0], np.zeros((3, H))
    outputs, h_n, _ = run(layers, x, bidirectional=True)
    below, states = x, []
    for pair in (layers[:2], layers[2:]):
        both = [
            plainly.over_time(plain(p), below, zeros, zeros, mask=MASK, backwards=backwards)
            for p, backwards in zip(pair, (False, True), strict=True)
        ]
        below = np.concatenate([out for out, _ in both], axis=-1)
        states += [final[0] for _, final in both]
    assert same(outputs, below)
    assert same(h_n, np.stack(states))


def test_s6_4_jax_orders_final_states_by_layer_then_direction() -> None:
    layers, x = [draw(163), draw(164)], draw_x()[0]
    _, h_n, _ = run(layers, x, bidirectional=True)
    zeros = np.zeros((3, H))
    _, final = plainly.over_time(plain(layers[1]), x, zeros, zeros, mask=MASK, backwards=True)
    assert same(h_n[1], final[0])


def test_s12_3_jax_reference_refuses_dropout() -> None:
    with pytest.raises(NotImplementedError, match="Dropout not supported"):
        run([draw(165)], draw_x()[0], dropout=0.5)


def test_s11_1_jax_sigmoid_keeps_its_digits_in_float32() -> None:
    a = np.linspace(-80, 20, 101)
    theirs = np.asarray(jax.nn.sigmoid(f4(a)))
    assert (abs(theirs / plainly.sigmoid(a) - 1) < 1e-6).all()


def test_s11_4_jax_reference_computes_in_float64_when_jax_may() -> None:
    p, (x, h, c) = draw(166), draw_x()
    with jax.enable_x64(True):
        given = [jax.numpy.asarray(a) for a in (x, h[None], c[None])]
        weights = [{0: jax.numpy.asarray(p[n].T)} for n in ("W", "U", "b", "b2")]
        lengths = jax.numpy.asarray(LENGTHS.astype(np.int32))
        outputs = rnn.lstm_ref(*given, *weights, lengths, D, H, 1, 0.0, False)[0]
    ours, _ = plainly.over_time(plain(p), x, h, c, mask=MASK)
    assert outputs.dtype == np.float64
    assert plainly.error(outputs, ours) < 1e-14
