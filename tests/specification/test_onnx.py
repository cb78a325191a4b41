"""What docs/specification.md says of the ONNX operators, executed by onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.specification import plainly
from tests.specification.onnx_runs import run
from tests.specification.plainly import (
    LENGTHS,
    MASK,
    Acts,
    H,
    differ,
    draw,
    draw_x,
    orders_that_fit,
    reorder,
    same,
)

pytestmark = pytest.mark.frameworks


@pytest.fixture(autouse=True, scope="module")
def _onnxruntime() -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")


def plain(p: dict[str, Any], **parts: Any) -> plainly.Step:
    return plainly.lstm(p["W"], p["U"], p["b"] + p["b2"], **parts)


def plain_gru(p: dict[str, Any], *, reset_after: bool = True, **parts: Any) -> plainly.Step:
    """One bias; if it is reset after, the recurrent one of the candidate apart."""
    if not reset_after:
        return plainly.gru(p["W"], p["U"], p["b"] + p["b2"], reset_after=False, **parts)
    gates_only = np.arange(3 * H) < 2 * H
    b = p["b"] + np.where(gates_only, p["b2"], 0)
    return plainly.gru(p["W"], p["U"], b, p["b2"][2 * H :], **parts)


# ---- packing, biases -----------------------------------------------------------------------------


def test_s2_1_onnxruntime_packs_iofg() -> None:
    p, (x, h, c) = draw(100), draw_x()
    outputs, _ = run("LSTM", [p], x, h, c)
    W, U, b = (reorder(a, "ifgo", "iofg") for a in (p["W"], p["U"], p["b"] + p["b2"]))

    def packed(pack: Any) -> Any:
        return plainly.over_time(plainly.lstm(pack(W), pack(U), pack(b)), x, h, c)[0]

    assert orders_that_fit(outputs, "ifgo", packed) == ["iofg"]


def test_s2_2_onnxruntime_packs_zrn() -> None:
    p, (x, h, _) = draw(101, gates=3), draw_x()
    outputs, _ = run("GRU", [p], x, h)
    stored = {name: reorder(a, "rzn", "zrn") for name, a in p.items()}

    def packed(pack: Any) -> Any:
        step = plain_gru({name: pack(a) for name, a in stored.items()}, reset_after=False)
        return plainly.over_time(step, x, h)[0]

    assert orders_that_fit(outputs, "rzn", packed) == ["zrn"]


def test_s2_4_onnxruntime_adds_two_biases() -> None:
    p, (x, h, c) = draw(102), draw_x()
    moved = p | {"b": p["b"] + p["b2"], "b2": 0 * p["b2"]}
    assert same(run("LSTM", [p], x, h, c)[0], run("LSTM", [moved], x, h, c)[0])


def test_s2_5_onnxruntime_biases_of_a_gru_merge_only_if_it_resets_before() -> None:
    p, (x, h, _) = draw(103, gates=3), draw_x()
    moved = p | {"b": p["b"] + p["b2"], "b2": 0 * p["b2"]}
    for after, judge in ((0, same), (1, differ)):
        options = {"linear_before_reset": after}
        theirs = [run("GRU", [q], x, h, **options)[0] for q in (p, moved)]
        assert judge(*theirs)


# ---- cells ---------------------------------------------------------------------------------------


def test_s3_1_onnxruntime_computes_the_lstm() -> None:
    p, (x, h, c) = draw(104), draw_x()
    outputs, finals = run("LSTM", [p], x, h, c)
    ours, final = plainly.over_time(plain(p), x, h, c)
    assert same(outputs, ours)
    assert all(same(a, b) for a, b in zip(finals, final, strict=True))


def test_s3_3_onnxruntime_output_gate_sees_the_new_cell_and_packs_peepholes_iof() -> None:
    p, (x, h, c) = draw(105), draw_x()
    p |= {"P": np.random.default_rng(105).standard_normal(3 * H)}
    outputs, _ = run("LSTM", [p], x, h, c)
    assert same(outputs, plainly.over_time(plain(p, P=p["P"]), x, h, c)[0])
    stored = reorder(p["P"], "ifo", "iof")

    def packed(pack: Any) -> Any:
        return plainly.over_time(plain(p, P=pack(stored)), x, h, c)[0]

    assert orders_that_fit(outputs, "ifo", packed) == ["iof"]


def test_s3_4_onnxruntime_input_forget_ignores_the_forget_gate() -> None:
    p, (x, h, c) = draw(106), draw_x()
    outputs, _ = run("LSTM", [p], x, h, c, input_forget=1)
    assert same(outputs, plainly.over_time(plain(p, coupled=True), x, h, c)[0])
    other = {**p, "W": p["W"].copy()}
    other["W"][:, H : 2 * H] += 1
    assert np.array_equal(run("LSTM", [other], x, h, c, input_forget=1)[0], outputs)


def test_s3_7_onnxruntime_resets_after_when_told_and_s3_8_before_by_default() -> None:
    p, (x, h, _) = draw(107, gates=3), draw_x()
    for options, reset_after in (({}, False), ({"linear_before_reset": 1}, True)):
        outputs, (final,) = run("GRU", [p], x, h, **options)
        ours, (our_final,) = plainly.over_time(plain_gru(p, reset_after=reset_after), x, h)
        assert same(outputs, ours)
        assert same(final, our_final)


def test_s3_9_onnxruntime_computes_the_elman_network() -> None:
    p, (x, h, _) = draw(108, gates=1), draw_x()
    step = plainly.rnn(p["W"], p["U"], p["b"] + p["b2"])
    assert same(run("RNN", [p], x, h)[0], plainly.over_time(step, x, h)[0])


# ---- clipping ------------------------------------------------------------------------------------


def test_s4_1_onnxruntime_clips_the_preactivations_not_the_cell_state() -> None:
    p, (x, h, c) = draw(109), draw_x()
    outputs, (_, c_n) = run("LSTM", [p], x, h, 3 * c, clip=0.5)
    ours, final = plainly.over_time(plain(p, preactivation=0.5), x, h, 3 * c)
    assert same(outputs, ours)
    assert same(c_n, final[1])
    clipped_input = Acts(cell=lambda a: np.tanh(np.clip(a, -0.5, 0.5)))
    as_written = plain(p, preactivation=0.5, acts=clipped_input)
    assert differ(outputs, plainly.over_time(as_written, x, h, 3 * c)[0])
    assert differ(outputs, plainly.over_time(plain(p, cell=0.5), x, h, 3 * c)[0])


def test_s4_1_onnxruntime_clips_after_the_peepholes() -> None:
    p, (x, h, c) = draw(110), draw_x()
    p |= {"P": np.random.default_rng(110).standard_normal(3 * H)}
    outputs, _ = run("LSTM", [p], x, h, c, clip=0.5)
    assert same(outputs, plainly.over_time(plain(p, P=p["P"], preactivation=0.5), x, h, c)[0])


# ---- activations ---------------------------------------------------------------------------------

ACTIVATIONS = {  # with the alpha and beta that onnxruntime takes if none are given
    "Affine": np.zeros_like,  # alpha = beta = 0
    "LeakyRelu": lambda a: np.where(a >= 0, a, 0.01 * a),
    "ThresholdedRelu": lambda a: np.where(a > 0, a, 0),  # alpha = 0; the operator's own is 1
    "Elu": lambda a: np.where(a >= 0, a, np.expm1(np.minimum(a, 0))),
    "Softsign": lambda a: a / (1 + abs(a)),
    "Softplus": lambda a: np.log1p(np.exp(a)),
    "HardSigmoid": lambda a: np.clip(0.2 * a + 0.5, 0, 1),
    "ScaledTanh": np.zeros_like,  # alpha = beta = 0
    "Relu": lambda a: np.maximum(a, 0),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_s5_3_onnxruntime_activations_and_their_defaults(name: str) -> None:
    p, (x, h, _) = draw(111, gates=1), draw_x()
    step = plainly.rnn(p["W"], p["U"], p["b"] + p["b2"], ACTIVATIONS[name])
    outputs, _ = run("RNN", [p], x[:, :1], h, activations=[name])
    assert same(outputs, plainly.over_time(step, x[:, :1], h)[0])


def test_s5_3_onnxruntime_hands_alpha_and_beta_to_the_functions_that_take_them() -> None:
    p, (x, h, c) = draw(119), draw_x()
    names = ["HardSigmoid", "LeakyRelu", "Tanh"]
    options = {"activation_alpha": [0.3, 0.05], "activation_beta": [0.4]}
    outputs, _ = run("LSTM", [p], x, h, c, activations=names, **options)
    gate = plainly.hard_sigmoid(0.3, 0.4)
    acts = Acts(gate, gate, lambda a: np.where(a >= 0, a, 0.05 * a), gate)
    assert same(outputs, plainly.over_time(plain(p, acts=acts), x, h, c)[0])


def test_s5_2_onnxruntime_hard_sigmoid_has_slope_one_fifth() -> None:
    p, (x, h, c) = draw(112), draw_x()
    gate = plainly.hard_sigmoid(0.2)
    outputs, _ = run("LSTM", [p], x, h, c, activations=["HardSigmoid", "Tanh", "Tanh"])
    acts = Acts(input=gate, forget=gate, output=gate)
    assert same(outputs, plainly.over_time(plain(p, acts=acts), x, h, c)[0])


def test_s5_4_onnxruntime_f_g_h_are_gates_candidate_and_cell() -> None:
    p, (x, h, c) = draw(113), draw_x()
    outputs, _ = run("LSTM", [p], x, h, c, activations=["Sigmoid", "Softsign", "Softplus"])
    acts = Acts(candidate=ACTIVATIONS["Softsign"], cell=ACTIVATIONS["Softplus"])
    assert same(outputs, plainly.over_time(plain(p, acts=acts), x, h, c)[0])


def test_s5_4_onnxruntime_gives_each_direction_activations_of_its_own() -> None:
    layers, (x, h, c) = [draw(121), draw(122)], draw_x()
    names = ["Sigmoid", "Tanh", "Tanh", "Sigmoid", "Softsign", "Tanh"]
    starts, options = [np.stack([a, a]) for a in (h, c)], {"direction": "bidirectional"}
    outputs, _ = run("LSTM", layers, x, *starts, activations=names, **options)
    acts = Acts(candidate=ACTIVATIONS["Softsign"])
    assert same(outputs[:, :, 0], plainly.over_time(plain(layers[0]), x, h, c)[0])
    backward = plainly.over_time(plain(layers[1], acts=acts), x, h, c, backwards=True)[0]
    assert same(outputs[:, :, 1], backward)


# ---- padding, directions -------------------------------------------------------------------------


def test_s7_2_onnxruntime_writes_zeros_into_the_padding_and_s7_3_keeps_the_state() -> None:
    p, (x, h, c) = draw(114), draw_x()
    outputs, finals = run("LSTM", [p], x, h, c, lengths=LENGTHS)
    ours, final = plainly.over_time(plain(p), x, h, c, mask=MASK)
    assert not outputs[~MASK].any()
    assert same(outputs, ours)
    assert all(same(a, b) for a, b in zip(finals, final, strict=True))


def test_s7_5_onnxruntime_zeroes_the_final_state_of_empty_rows() -> None:
    p, (x, h, c) = draw(115), draw_x()
    outputs, (h_n, c_n) = run("LSTM", [p], x, h, c, lengths=[5, 0, 3])
    assert not outputs[1].any()
    assert not h_n[1].any()
    assert not c_n[1].any()
    _, (gru_h,) = run("GRU", [draw(115, gates=3)], x, h, lengths=[5, 0, 3])
    assert not gru_h[1].any()


@pytest.mark.parametrize("direction", ["forward", "reverse"])
def test_s7_7_onnxruntime_never_reads_the_padding_not_even_nan(direction: str) -> None:
    p, (x, h, c) = draw(120), draw_x()
    spoiled = np.where(MASK[..., None], x, np.nan)
    clean, dirty = (
        run("LSTM", [p], v, h, c, lengths=LENGTHS, direction=direction) for v in (x, spoiled)
    )
    assert np.array_equal(clean[0], dirty[0])
    assert all(np.array_equal(a, b) for a, b in zip(clean[1], dirty[1], strict=True))


def test_s8_1_onnxruntime_reverses_the_valid_prefix_and_s8_2_returns_it_in_order() -> None:
    p, (x, h, c) = draw(116), draw_x()
    outputs, finals = run("LSTM", [p], x, h, c, lengths=LENGTHS, direction="reverse")
    ours, final = plainly.over_time(plain(p), x, h, c, mask=MASK, backwards=True)
    assert same(outputs, ours)
    assert all(same(a, b) for a, b in zip(finals, final, strict=True))


def test_s8_4_onnxruntime_gives_the_directions_an_axis_of_their_own() -> None:
    layers, (x, h, c) = [draw(117), draw(118)], draw_x()
    starts = [np.stack([a, -a]) for a in (h, c)]
    outputs, (h_n, _) = run("LSTM", layers, x, *starts, lengths=LENGTHS, direction="bidirectional")
    assert outputs.shape == (3, 5, 2, H)
    for k, backwards in enumerate((False, True)):
        start = (starts[0][k], starts[1][k])
        step = plain(layers[k])
        ours, final = plainly.over_time(step, x, *start, mask=MASK, backwards=backwards)
        assert same(outputs[:, :, k], ours)
        assert same(h_n[k], final[0])
