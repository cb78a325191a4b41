"""What docs/specification.md says of PyTorch, executed: each test is named after its clause."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.specification import plainly
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
torch: Any = None  # imported when the first test runs: the default tests collect this file, too


@pytest.fixture(autouse=True, scope="module")
def _pytorch() -> None:
    global torch
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)


def module(kind: str, layers: list[dict[str, Any]], *, hidden: int = H, **options: Any) -> Any:
    """``nn.LSTM``, ``nn.GRU`` or ``nn.RNN`` with given weights, layer-major, forward first."""
    below = len(layers[0]["W"])
    count = len(layers) // (2 if options.get("bidirectional") else 1)
    net = getattr(torch.nn, kind)(below, hidden, count, batch_first=True, **options).double()
    suffixes = ["", "_reverse"] if options.get("bidirectional") else [""]
    names = [f"l{k}{suffix}" for k in range(count) for suffix in suffixes]
    theirs = {"weight_ih": "W", "weight_hh": "U", "bias_ih": "b", "bias_hh": "b2", "weight_hr": "R"}
    with torch.no_grad():
        for name, p in zip(names, layers, strict=True):
            for torch_name, ours in theirs.items():
                if ours in p:
                    getattr(net, f"{torch_name}_{name}").copy_(torch.tensor(p[ours].T.copy()))
    return net


def run(net: Any, x: Any, *initial: Any, lengths: Any = None) -> tuple[np.ndarray, list[Any]]:
    """Outputs (B, T, …) and final states, each (layers × directions, B, H)."""
    pack = torch.nn.utils.rnn.pack_padded_sequence
    unpack = torch.nn.utils.rnn.pad_packed_sequence
    given = torch.tensor(x)
    if lengths is not None:
        given = pack(given, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
    states = [torch.tensor(a if a.ndim == 3 else a[None]) for a in initial]
    start = (tuple(states) if len(states) > 1 else states[0]) if states else None
    with torch.no_grad():
        outputs, after = net(given, start)
    if lengths is not None:
        outputs, _ = unpack(outputs, batch_first=True, total_length=x.shape[1])
    finals = after if isinstance(after, tuple) else (after,)
    return outputs.numpy(), [state.numpy() for state in finals]


def plain_lstm(p: dict[str, Any], **parts: Any) -> plainly.Step:
    return plainly.lstm(p["W"], p["U"], p["b"] + p["b2"], **parts)


def plain_gru(p: dict[str, Any]) -> plainly.Step:
    """One bias of r and z, the recurrent one of n apart."""
    (_, _, b_recurrent), merged = np.split(p["b2"], 3), p["b"] + p["b2"]
    merged[2 * H :] = p["b"][2 * H :]
    return plainly.gru(p["W"], p["U"], merged, b_recurrent)


# ---- packing, biases -----------------------------------------------------------------------------


def test_s2_1_pytorch_packs_ifgo() -> None:
    p, (x, h, c) = draw(0), draw_x()
    outputs, _ = run(module("LSTM", [p]), x, h, c)

    def plain(pack: Any) -> Any:
        step = plainly.lstm(pack(p["W"]), pack(p["U"]), pack(p["b"] + p["b2"]))
        return plainly.over_time(step, x, h, c)[0]

    assert orders_that_fit(outputs, "ifgo", plain) == ["ifgo"]


def test_s2_2_pytorch_packs_rzn() -> None:
    p, (x, h, _) = draw(1, gates=3), draw_x()
    outputs, _ = run(module("GRU", [p]), x, h)

    def plain(pack: Any) -> Any:
        packed = {name: pack(value) for name, value in p.items()}
        return plainly.over_time(plain_gru(packed), x, h)[0]

    assert orders_that_fit(outputs, "rzn", plain) == ["rzn"]


def test_s2_3_pytorch_stores_transposed_kernels() -> None:
    net = torch.nn.LSTM(D, H, proj_size=2)
    shapes = {name: tuple(value.shape) for name, value in net.named_parameters()}
    assert shapes == {
        "weight_ih_l0": (4 * H, D),
        "weight_hh_l0": (4 * H, 2),
        "bias_ih_l0": (4 * H,),
        "bias_hh_l0": (4 * H,),
        "weight_hr_l0": (2, H),
    }


def test_s2_4_pytorch_has_two_biases_of_which_only_the_sum_matters() -> None:
    p, (x, h, c) = draw(2), draw_x()
    moved = p | {"b": p["b"] + p["b2"], "b2": 0 * p["b2"]}
    assert same(run(module("LSTM", [p]), x, h, c)[0], run(module("LSTM", [moved]), x, h, c)[0])


def test_s2_5_pytorch_cannot_merge_the_recurrent_bias_of_the_candidate() -> None:
    p, (x, h, _) = draw(3, gates=3), draw_x()
    outputs, _ = run(module("GRU", [p]), x, h)
    gates_only = np.arange(3 * H) < 2 * H
    merged = p | {"b": p["b"] + np.where(gates_only, p["b2"], 0)}
    merged["b2"] = np.where(gates_only, 0, p["b2"])
    assert same(run(module("GRU", [merged]), x, h)[0], outputs)
    all_merged = p | {"b": p["b"] + p["b2"], "b2": 0 * p["b2"]}
    assert differ(run(module("GRU", [all_merged]), x, h)[0], outputs)


def test_s2_6_pytorch_has_no_forget_bias_s2_7_and_draws_all_uniform() -> None:
    torch.manual_seed(0)
    net = torch.nn.LSTM(20, 25)
    bound = 1 / np.sqrt(25)
    for parameter in net.parameters():
        value = parameter.detach().numpy()
        assert 0.9 * bound < abs(value).max() <= bound
        assert abs(value.mean()) < bound / 3


# ---- cells ---------------------------------------------------------------------------------------


def test_s3_1_pytorch_computes_the_lstm() -> None:
    p, (x, h, c) = draw(4), draw_x()
    outputs, (h_n, c_n) = run(module("LSTM", [p]), x, h, c)
    ours, final = plainly.over_time(plain_lstm(p), x, h, c)
    assert same(outputs, ours)
    assert same(h_n[0], final[0])
    assert same(c_n[0], final[1])


def test_s3_5_pytorch_projects_after_the_output_gate() -> None:
    rng, (x, h, c) = np.random.default_rng(5), draw_x()
    p = draw(5) | {"U": rng.standard_normal((2, 4 * H)), "R": rng.standard_normal((H, 2))}
    outputs, (h_n, c_n) = run(module("LSTM", [p], proj_size=2), x, h[:, :2], c)
    ours, final = plainly.over_time(plain_lstm(p, R=p["R"]), x, h[:, :2], c)
    assert same(outputs, ours)
    assert (h_n.shape, c_n.shape) == ((1, 3, 2), (1, 3, H))
    assert same(c_n[0], final[1])


def test_s3_6_pytorch_normalises_by_the_biased_variance_plus_1e_5() -> None:
    v = 1e-2 * draw_x()[1]
    norm = torch.nn.LayerNorm(H).double()
    ours = (v - v.mean(-1, keepdims=True)) / np.sqrt(v.var(-1, keepdims=True) + 1e-5)
    assert same(norm(torch.tensor(v)).detach().numpy(), ours)


def test_s3_7_pytorch_resets_after_the_product() -> None:
    p, (x, h, _) = draw(6, gates=3), draw_x()
    outputs, (h_n,) = run(module("GRU", [p]), x, h)
    ours, final = plainly.over_time(plain_gru(p), x, h)
    assert same(outputs, ours)
    assert same(h_n[0], final[0])


@pytest.mark.parametrize("name", ["tanh", "relu"])
def test_s3_9_pytorch_computes_the_elman_network(name: str) -> None:
    p, (x, h, _) = draw(7, gates=1), draw_x()
    act = {"tanh": np.tanh, "relu": lambda a: np.maximum(a, 0)}[name]
    outputs, _ = run(module("RNN", [p], nonlinearity=name), x, h)
    ours, _ = plainly.over_time(plainly.rnn(p["W"], p["U"], p["b"] + p["b2"], act), x, h)
    assert same(outputs, ours)


def test_s5_2_pytorch_hardsigmoid_has_slope_one_sixth() -> None:
    a = np.linspace(-4, 4, 81)
    theirs = torch.nn.functional.hardsigmoid(torch.tensor(a)).numpy()
    assert same(theirs, plainly.hard_sigmoid(1 / 6)(a))
    assert differ(theirs, plainly.hard_sigmoid(0.2)(a))


# ---- states, padding -----------------------------------------------------------------------------


def test_s6_1_pytorch_takes_and_returns_h_then_c_time_major_unless_asked() -> None:
    assert torch.nn.LSTM(D, H).batch_first is False
    p, (x, h, c) = draw(8), draw_x()
    outputs, _ = run(module("LSTM", [p]), x, h, c)
    assert differ(run(module("LSTM", [p]), x, c, h)[0], outputs)


def test_s6_4_pytorch_orders_final_states_by_layer_then_direction() -> None:
    layers = [draw(10), draw(11), draw(12, D=2 * H), draw(13, D=2 * H)]
    x, h, c = draw_x()
    states = [np.stack([(k + 1) * a for k in range(4)]) for a in (h, c)]
    _, (h_n, c_n) = run(module("LSTM", layers, bidirectional=True), x, *states)
    below = x
    for k in (0, 2):
        pair = []
        for j, backwards in ((k, False), (k + 1, True)):
            start = (states[0][j], states[1][j])
            out, final = plainly.over_time(
                plain_lstm(layers[j]), below, *start, backwards=backwards
            )
            assert same(h_n[j], final[0])
            assert same(c_n[j], final[1])
            pair.append(out)
        below = np.concatenate(pair, axis=-1)


def test_s7_1_pytorch_takes_lengths_above_zero_sorted_unless_told() -> None:
    pack, x = torch.nn.utils.rnn.pack_padded_sequence, torch.zeros(3, T, D)
    with pytest.raises(RuntimeError, match="has to be greater than 0"):
        pack(x, torch.tensor([5, 3, 0]), batch_first=True)
    with pytest.raises(RuntimeError, match="sorted"):
        pack(x, torch.tensor([1, 3, 5]), batch_first=True)


def test_s7_2_pytorch_writes_zeros_into_the_padding_and_s7_3_keeps_the_state_before_it() -> None:
    p, (x, h, c) = draw(14), draw_x()
    outputs, (h_n, c_n) = run(module("LSTM", [p]), x, h, c, lengths=LENGTHS)
    ours, final = plainly.over_time(plain_lstm(p), x, h, c, mask=MASK)
    assert not outputs[~MASK].any()
    assert same(outputs, ours)
    assert same(h_n[0], final[0])
    assert same(c_n[0], final[1])


def test_s7_5_pytorch_refuses_rows_of_length_zero() -> None:
    pack = torch.nn.utils.rnn.pack_padded_sequence
    with pytest.raises(RuntimeError, match="has to be greater than 0"):
        pack(torch.zeros(2, T, D), torch.tensor([5, 0]), batch_first=True)


def test_s7_7_pytorch_never_reads_the_padding_not_even_nan() -> None:
    p, (x, _, _) = draw(15), draw_x()
    net = module("LSTM", [p])
    given = torch.tensor(np.where(MASK[..., None], x, np.nan), requires_grad=True)
    pack = torch.nn.utils.rnn.pack_padded_sequence
    packed = pack(given, torch.tensor(LENGTHS), batch_first=True)
    out, _ = torch.nn.utils.rnn.pad_packed_sequence(net(packed)[0], batch_first=True)
    out.square().sum().backward()
    assert not given.grad.numpy()[~MASK].any()
    assert all(bool(torch.isfinite(value.grad).all()) for value in net.parameters())


# ---- directions ----------------------------------------------------------------------------------


def test_s8_1_pytorch_reverses_the_valid_prefix_and_s8_2_returns_it_in_order_of_time() -> None:
    layers, (x, h, c) = [draw(16), draw(17)], draw_x()
    states = [np.stack([a, -a]) for a in (h, c)]
    net = module("LSTM", layers, bidirectional=True)
    outputs, (h_n, _) = run(net, x, *states, lengths=LENGTHS)
    ours, final = plainly.over_time(plain_lstm(layers[1]), x, -h, -c, mask=MASK, backwards=True)
    assert same(outputs[..., H:], ours)
    assert same(h_n[1], final[0])
    for row, length in enumerate(LENGTHS):  # the same from the sequence alone, reversed
        turned = x[row : row + 1, :length][:, ::-1]
        alone, _ = plainly.over_time(plain_lstm(layers[1]), turned, -h[[row]], -c[[row]])
        assert same(outputs[row, :length, H:], alone[0, ::-1])


def test_s8_4_pytorch_concatenates_forward_then_backward() -> None:
    layers, (x, _, _) = [draw(18), draw(19)], draw_x()
    zeros = np.zeros((3, H))
    outputs, _ = run(module("LSTM", layers, bidirectional=True), x)
    forward, _ = plainly.over_time(plain_lstm(layers[0]), x, zeros, zeros)
    backward, _ = plainly.over_time(plain_lstm(layers[1]), x, zeros, zeros, backwards=True)
    assert same(outputs, np.concatenate([forward, backward], axis=-1))


def test_s8_5_pytorch_joins_the_directions_after_every_layer() -> None:
    layers = [draw(20), draw(21), draw(22, D=2 * H), draw(23, D=2 * H)]
    x, zeros = draw_x()[0], np.zeros((3, H))
    outputs, _ = run(module("LSTM", layers, bidirectional=True), x, lengths=LENGTHS)
    below = x
    for pair in (layers[:2], layers[2:]):
        both = [
            plainly.over_time(plain_lstm(p), below, zeros, zeros, mask=MASK, backwards=backwards)[0]
            for p, backwards in zip(pair, (False, True), strict=True)
        ]
        below = np.concatenate(both, axis=-1)
    assert same(outputs, below)


def test_s8_6_pytorch_final_state_of_the_backward_direction_is_the_output_at_time_zero() -> None:
    outputs, (h_n, _) = run(module("LSTM", [draw(24), draw(25)], bidirectional=True), draw_x()[0])
    assert same(h_n[1], outputs[:, 0, H:])
    assert differ(h_n[1], outputs[:, -1, H:])


# ---- dropout, numbers ----------------------------------------------------------------------------


def test_s10_2_pytorch_drops_between_layers_a_new_mask_at_every_step_none_on_top() -> None:
    """Gates of the upper layer are held open or shut by biases, so that its input can be read."""
    wide = 20
    lower, upper = draw(26, H=wide), draw(27, D=wide, H=wide)
    opened = np.repeat([40.0, -40.0, 0.0, 40.0], wide)
    upper |= {"U": 0 * upper["U"], "b": opened, "b2": 0 * opened}
    upper["W"] = np.zeros((wide, 4 * wide))
    upper["W"][:, 2 * wide : 3 * wide] = np.eye(wide)
    net = module("LSTM", [lower, upper], hidden=wide, dropout=0.5)
    x, zeros = draw_x(D=D)[0], np.zeros((3, wide))
    below, _ = plainly.over_time(plain_lstm(lower), x, zeros, zeros)
    torch.manual_seed(1)
    seen = np.arctanh(np.arctanh(run(net, x)[0])) / below
    kept = seen > 1
    assert np.allclose(seen, np.where(kept, 2, 0))
    assert 0.4 < kept.mean() < 0.6
    assert (kept[:, 0] != kept[:, 1]).any()
    with pytest.warns(UserWarning, match="non-zero dropout expects num_layers greater than 1"):
        module("LSTM", [lower], hidden=wide, dropout=0.5)


def test_s10_1_pytorch_evaluation_is_the_identity() -> None:
    layers, x = [draw(28), draw(29, D=H)], draw_x()[0]
    net = module("LSTM", layers, dropout=0.5).eval()
    assert same(run(net, x)[0], run(module("LSTM", layers), x)[0])


def test_s11_1_pytorch_sigmoid_keeps_its_digits_in_float32() -> None:
    a = np.linspace(-80, 20, 101)
    theirs = torch.sigmoid(torch.tensor(a.astype("f4"))).numpy()
    assert (abs(theirs / plainly.sigmoid(a) - 1) < 1e-6).all()


def test_s6_3_pytorch_begins_with_zeros_where_no_state_is_given() -> None:
    net, (x, h, c) = module("LSTM", [draw(9)]), draw_x()
    assert np.array_equal(run(net, x)[0], run(net, x, 0 * h, 0 * c)[0])
