"""What docs/specification.md says of Flax, linen and nnx, executed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.specification import plainly
from tests.specification.flax_runs import Linen, Nnx, f4, fast_compiler, gru_tree, lstm_tree
from tests.specification.plainly import (
    LENGTHS,
    MASK,
    D,
    H,
    T,
    differ,
    draw,
    draw_x,
    orders_that_fit,
    same,
)

pytestmark = pytest.mark.frameworks
jax: Any = None  # imported when the first test runs: the default tests collect this file, too
linen: Any = None
nnx: Any = None
flax = pytest.mark.parametrize("flax", [Linen(), Nnx()], ids=lambda flax: flax.name)
ZEROS = np.zeros((3, H))


@pytest.fixture(autouse=True, scope="module")
def _flax() -> Iterator[None]:
    global jax, linen, nnx
    jax = pytest.importorskip("jax")
    linen = pytest.importorskip("flax.linen")
    nnx = pytest.importorskip("flax.nnx")
    with fast_compiler():
        yield


def plain(p: dict[str, Any]) -> plainly.Step:
    return plainly.lstm(p["W"], p["U"], p["b"])


def lengths(values: Any = LENGTHS) -> Any:
    return jax.numpy.asarray(np.asarray(values, np.int32))


# ---- packing, biases -----------------------------------------------------------------------------


def test_s2_1_flax_linen_names_every_gate() -> None:
    for cell in (linen.LSTMCell(H), linen.OptimizedLSTMCell(H)):
        key, state = jax.random.key(0), f4(np.zeros((3, H)))
        params = jax.eval_shape(cell.init, key, (state, state), f4(np.zeros((3, D))))["params"]
        assert set(params) == {"ii", "if", "ig", "io", "hi", "hf", "hg", "ho"}
        assert all(set(params[name]) == {"kernel"} for name in params if name[0] == "i")
        assert all(set(params[name]) == {"kernel", "bias"} for name in params if name[0] == "h")
        assert params["ii"]["kernel"].shape == (D, H)


def test_s2_1_flax_nnx_fused_cell_packs_ifgo() -> None:
    p, (x, h, c) = draw(170), draw_x()
    _, outputs = Nnx().run([p], x, h, c)

    def packed(pack: Any) -> Any:
        step = plainly.lstm(pack(p["W"]), pack(p["U"]), pack(p["b"]))
        return plainly.over_time(step, x, h, c)[0]

    assert orders_that_fit(np.asarray(outputs), "ifgo", packed) == ["ifgo"]


def test_s2_3_flax_nnx_fused_cell_has_other_shapes_than_its_lstm_cell() -> None:
    fused = nnx.OptimizedLSTMCell(D, H, rngs=nnx.Rngs(0))
    assert fused.dense_i.kernel.shape == (D, 4 * H)
    assert fused.dense_i.bias is None or fused.dense_i.bias[...] is None
    assert fused.dense_h.bias.shape == (4 * H,)
    single = nnx.LSTMCell(D, H, rngs=nnx.Rngs(0))
    assert single.ii.kernel.shape == (D, H)
    assert "parameters are compatible with ``LSTMCell``" in nnx.OptimizedLSTMCell.__doc__


def orthogonal(kernel: Any) -> bool:
    """Rows of length 1 that are orthogonal to one another."""
    kernel = np.asarray(kernel)
    return bool(np.allclose(kernel @ kernel.T, np.eye(len(kernel)), atol=1e-5))


def test_s2_7_flax_linen_draws_each_gate_orthogonal_and_flax_nnx_the_whole() -> None:
    cell = linen.OptimizedLSTMCell(H)
    carry = cell.initialize_carry(jax.random.key(0), (3, D))
    params = cell.init(jax.random.key(0), carry, f4(np.zeros((3, D))))["params"]
    assert all(orthogonal(params[f"h{gate}"]["kernel"]) for gate in "ifgo")
    fused = nnx.OptimizedLSTMCell(D, H, rngs=nnx.Rngs(0)).dense_h.kernel[...]
    assert orthogonal(fused)
    assert not any(orthogonal(block) for block in np.split(np.asarray(fused), 4, axis=1))


def test_s2_6_flax_has_no_forget_bias() -> None:
    cell = nnx.OptimizedLSTMCell(D, H, rngs=nnx.Rngs(0))
    assert not np.asarray(cell.dense_h.bias[...]).any()


def test_s2_2_flax_nnx_packs_rzn_and_s2_5_has_no_recurrent_bias_of_the_candidate() -> None:
    p, (x, h, _) = draw(171, gates=3), draw_x()
    cell = nnx.GRUCell(D, H, rngs=nnx.Rngs(0))
    cell.dense_i.kernel[...], cell.dense_i.bias[...] = f4(p["W"]), f4(p["b"])
    cell.dense_h.kernel[...] = f4(p["U"])
    assert cell.dense_h.bias is None or cell.dense_h.bias[...] is None
    assert "b_{hn}" in nnx.GRUCell.__doc__  # which it does not have
    outputs = np.asarray(nnx.RNN(cell)(f4(x), initial_carry=f4(h)))

    def packed(pack: Any) -> Any:
        step = plainly.gru(pack(p["W"]), pack(p["U"]), pack(p["b"]))
        return plainly.over_time(step, x, h)[0]

    assert orders_that_fit(outputs, "rzn", packed) == ["rzn"]


# ---- cells ---------------------------------------------------------------------------------------


@flax
def test_s3_1_flax_computes_the_lstm_and_s6_1_carries_c_then_h(flax: Any) -> None:
    p, (x, h, c) = draw(172), draw_x()
    (c_n, h_n), outputs = flax.run([p], x, h, c)
    ours, final = plainly.over_time(plain(p), x, h, c)
    assert same(outputs, ours)
    assert same(h_n, final[0])
    assert same(c_n, final[1])


def test_s3_1_flax_linen_optimized_cell_takes_the_parameters_of_the_simple_one() -> None:
    p, (x, h, c) = draw(173), draw_x()
    given = ((f4(c), f4(h)), f4(x[:, 0]))
    tree = {"params": lstm_tree(p)}
    simple, optimized = (
        kind(H).apply(tree, *given)[1] for kind in (linen.LSTMCell, linen.OptimizedLSTMCell)
    )
    assert same(optimized, simple)


def test_s3_6_flax_linen_normalises_by_the_biased_variance_plus_1e_6() -> None:
    v = 1e-2 * draw_x()[1]
    norm = linen.LayerNorm()
    theirs = norm.apply(norm.init(jax.random.key(0), f4(v)), f4(v))
    ours = (v - v.mean(-1, keepdims=True)) / np.sqrt(v.var(-1, keepdims=True) + 1e-6)
    assert plainly.error(theirs, ours) < 1e-4


def test_s3_7_flax_linen_gru_resets_after_s2_5_with_a_bias_of_its_own() -> None:
    p, (x, h, _) = draw(174, gates=3), draw_x()
    tree = {"params": {"cell": gru_tree(p)}}
    outputs = linen.RNN(linen.GRUCell(H)).apply(tree, f4(x), initial_carry=f4(h))
    step = plainly.gru(p["W"], p["U"], p["b"], p["b2"][2 * H :])
    assert same(outputs, plainly.over_time(step, x, h)[0])


@pytest.mark.parametrize("residual", [False, True])
def test_s3_9_flax_linen_simple_cell_adds_the_residual_inside_the_activation(
    residual: bool,
) -> None:
    p, (x, h, _) = draw(175, gates=1), draw_x()
    cell = {"i": {"kernel": f4(p["W"]), "bias": f4(p["b"])}, "h": {"kernel": f4(p["U"])}}
    net = linen.RNN(linen.SimpleCell(H, residual=residual))
    outputs = net.apply({"params": {"cell": cell}}, f4(x), initial_carry=f4(h))
    step = plainly.rnn(p["W"], p["U"] + residual * np.eye(H), p["b"])
    assert same(outputs, plainly.over_time(step, x, h)[0])


# ---- padding -------------------------------------------------------------------------------------


@flax
def test_s7_2_flax_keeps_computing_on_the_padding(flax: Any) -> None:
    p, (x, h, c) = draw(176), draw_x()
    _, outputs = flax.run([p], x, h, c, seq_lengths=lengths())
    unmasked, _ = plainly.over_time(plain(p), x, h, c)
    assert same(outputs, unmasked)
    assert np.asarray(outputs)[~MASK].all()


@flax
def test_s7_3_flax_returns_the_carry_of_the_last_valid_step(flax: Any) -> None:
    p, (x, h, c) = draw(177), draw_x()
    (c_n, h_n), _ = flax.run([p], x, h, c, seq_lengths=lengths())
    _, final = plainly.over_time(plain(p), x, h, c, mask=MASK)
    assert same(h_n, final[0])
    assert same(c_n, final[1])


@flax
def test_s7_5_flax_returns_the_carry_of_the_last_step_for_an_empty_row(flax: Any) -> None:
    p, (x, h, c) = draw(178), draw_x()
    (_, h_n), _ = flax.run([p], x, h, c, seq_lengths=lengths([5, 0, 3]))
    whole, _ = plainly.over_time(plain(p), x, h, c)
    assert same(h_n[1], whole[1, -1])  # index -1
    assert differ(h_n[1], h[1])


def spoiled(x: Any) -> Any:
    return np.where(MASK[..., None], x, np.nan)


@flax
def test_s7_7_flax_nan_in_the_padding_does_not_reach_the_carry(flax: Any) -> None:
    p, x = draw(179), draw_x()[0]
    clean, dirty = (flax.run([p], v, seq_lengths=lengths())[0][1] for v in (x, spoiled(x)))
    assert np.array_equal(clean, dirty)


def test_s7_7_flax_linen_nan_in_the_padding_spoils_the_gradient() -> None:
    p, x = draw(179), draw_x()[0]

    def loss(bias: Any, values: Any) -> Any:
        tree = lstm_tree(p)
        tree["hi"]["bias"] = bias
        given = {"seq_lengths": lengths(), "return_carry": True}
        net = linen.RNN(linen.LSTMCell(H))
        (_, h_n), _ = net.apply({"params": {"cell": tree}}, values, **given)
        return (h_n**2).sum()

    gradient = jax.jit(jax.grad(loss))
    assert np.isfinite(gradient(f4(np.zeros(H)), f4(x))).all()
    assert np.isnan(gradient(f4(np.zeros(H)), f4(spoiled(x)))).any()


# ---- directions ----------------------------------------------------------------------------------


@flax
def test_s8_1_flax_reverses_the_valid_prefix_and_s8_2_returns_it_as_read(flax: Any) -> None:
    p, (x, h, c) = draw(180), draw_x()
    (_, h_n), as_read = flax.run([p], x, h, c, seq_lengths=lengths(), reverse=True)
    ours, final = plainly.over_time(plain(p), x, h, c, mask=MASK, backwards=True)
    assert same(h_n, final[0])
    turned = ours.copy()
    for row, length in enumerate(LENGTHS):
        turned[row, :length] = ours[row, :length][::-1]
    assert same(np.asarray(as_read)[MASK], turned[MASK])
    options = {"seq_lengths": lengths(), "reverse": True, "keep_order": True}
    _, in_order = flax.run([p], x, h, c, **options)
    assert same(np.asarray(in_order)[MASK], ours[MASK])


@flax
@pytest.mark.parametrize("merge", ["concat", "sum"])
def test_s8_3_flax_merges_both_directions_in_order_of_time(flax: Any, merge: str) -> None:
    layers, x = [draw(181), draw(182)], draw_x()[0]
    options = {} if merge == "concat" else {"merge_fn": lambda a, b: a + b}
    (ahead, behind), outputs = flax.run(layers, x, seq_lengths=lengths(), **options)
    ours = [
        plainly.over_time(plain(p), x, ZEROS, ZEROS, mask=MASK, backwards=backwards)
        for p, backwards in zip(layers, (False, True), strict=True)
    ]
    (forward, forward_final), (backward, backward_final) = ours
    both = forward + backward if merge == "sum" else np.concatenate([forward, backward], axis=-1)
    assert same(np.asarray(outputs)[MASK], both[MASK])
    assert np.asarray(outputs)[~MASK].all()  # the padding is computed, too
    assert same(ahead[1], forward_final[0])
    assert same(behind[1], backward_final[0])


# ---- activations, numbers ------------------------------------------------------------------------


def test_s5_4_flax_linen_activation_fn_is_that_of_the_candidate_and_of_the_cell() -> None:
    p, (x, h, c) = draw(183), draw_x()
    cell = linen.LSTMCell(H, activation_fn=jax.nn.soft_sign, gate_fn=jax.nn.hard_sigmoid)
    outputs = linen.RNN(cell).apply(
        {"params": {"cell": lstm_tree(p)}}, f4(x), initial_carry=(f4(c), f4(h))
    )
    gate = plainly.hard_sigmoid(1 / 6)
    acts = plainly.Acts(gate, gate, lambda a: a / (1 + abs(a)), gate, lambda a: a / (1 + abs(a)))
    step = plainly.lstm(p["W"], p["U"], p["b"], acts=acts)
    assert same(outputs, plainly.over_time(step, x, h, c)[0])


def test_s11_4_flax_linen_computes_in_float64_when_jax_may() -> None:
    p, (x, h, c) = draw(184), draw_x()
    with jax.enable_x64(True):
        tree = jax.tree.map(lambda a: a.astype("f8"), lstm_tree(p))
        outputs = linen.RNN(linen.LSTMCell(H)).apply(
            {"params": {"cell": tree}},
            jax.numpy.asarray(x),
            initial_carry=(jax.numpy.asarray(c), jax.numpy.asarray(h)),
        )
    assert outputs.dtype == np.float64
    rounded = {name: a.astype("f4").astype("f8") for name, a in p.items()}
    ours, _ = plainly.over_time(plain(rounded), x, h, c)
    assert plainly.error(outputs, ours) < 1e-14
    assert outputs.shape == (3, T, H)
