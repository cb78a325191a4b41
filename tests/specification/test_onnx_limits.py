"""What onnxruntime and onnx.reference leave out or refuse (docs/specification.md), executed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.specification import plainly
from tests.specification.onnx_runs import node_model, run, weights_of
from tests.specification.plainly import LENGTHS, H, differ, draw, draw_x, same

pytestmark = pytest.mark.frameworks


@pytest.fixture(autouse=True, scope="module")
def _onnxruntime() -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")


def both(kind: str, p: dict[str, Any], *given: Any, **options: Any) -> list[Any]:
    """Outputs of onnxruntime and of onnx.reference."""
    return [run(kind, [p], *given, by=by, **options)[0] for by in ("onnxruntime", "reference")]


def test_s12_1_onnx_reference_agrees_on_the_plain_lstm_gru_and_peepholes() -> None:
    x, h, c = draw_x()
    p = draw(130) | {"P": np.random.default_rng(130).standard_normal(3 * H)}
    assert same(*both("LSTM", p, x, h, c))
    assert same(*both("GRU", draw(131, gates=3), x, h, linear_before_reset=1))


@pytest.mark.parametrize(
    "options",
    [
        {"lengths": LENGTHS},
        {"clip": 0.5},
        {"input_forget": 1},
        {"activations": ["Relu", "Tanh", "Tanh"]},
        {"activations": ["HardSigmoid", "Tanh", "Tanh"]},
    ],
    ids=lambda options: next(iter(options)),
)
def test_s12_1_onnx_reference_ignores_what_it_is_told(options: dict[str, Any]) -> None:
    p, (x, h, c) = draw(132), draw_x()
    ours, reference = both("LSTM", p, x, h, c, **options)
    assert differ(reference, ours)
    assert np.array_equal(reference, both("LSTM", p, x, h, c)[1])


def test_s12_1_onnx_reference_gru_ignores_lengths_and_activations() -> None:
    p, (x, h, _) = draw(133, gates=3), draw_x()
    for options in ({"lengths": LENGTHS}, {"activations": ["Sigmoid", "Relu"]}, {"clip": 0.5}):
        ours, reference = both("GRU", p, x, h, **options)
        assert differ(reference, ours)


def test_s12_2_onnxruntime_refuses_layout_1() -> None:
    with pytest.raises(Exception, match=r"layout == 1\) are not supported"):
        run("LSTM", [draw(134)], draw_x()[0], layout=1)


def test_s12_2_onnx_reference_reads_layout_1() -> None:
    from onnx.reference import ReferenceEvaluator

    p, (x, _, _) = draw(135), draw_x()
    model, results, feeds = node_model("LSTM", weights_of("LSTM", [p]), x, layout=1)
    outputs, h_n, _ = ReferenceEvaluator(model).run(results, feeds)
    step = plainly.lstm(p["W"], p["U"], p["b"] + p["b2"])
    ours, final = plainly.over_time(step, x, *np.zeros((2, 3, H)))
    assert same(outputs[:, :, 0], ours)
    assert same(h_n[:, 0], final[0])


def test_s11_4_onnxruntime_computes_float32_and_float16_and_refuses_float64() -> None:
    p, (x, h, c) = draw(136), draw_x()
    assert run("LSTM", [p], x, h, c, dtype="f2")[0].dtype == np.float16
    with pytest.raises(Exception, match="does not support double"):
        run("LSTM", [p], x, h, c, dtype="f8")


def onnxruntime_sigmoid(a: float) -> float:
    """c = f * 1 of one unit whose input gate is shut and whose forget gate gets ``a``."""
    shut = np.array([-200.0, a, 0.0, 0.0])
    p = {"W": np.zeros((1, 4)), "U": np.zeros((1, 4)), "b": shut, "b2": 0 * shut}
    one = np.ones((1, 1))
    _, (_, c) = run("LSTM", [p], one[None], 0 * one, one)
    return float(c[0, 0])


def test_s11_1_onnxruntime_sigmoid_is_right_absolutely_but_shut_for_good_from_minus_18() -> None:
    for a in np.linspace(-30, 30, 25):
        assert abs(onnxruntime_sigmoid(a) - plainly.sigmoid(a)) < 2e-7
    assert 1e-4 < abs(onnxruntime_sigmoid(-10.0) / plainly.sigmoid(-10.0) - 1) < 1e-3
    assert onnxruntime_sigmoid(-17.0) > 2 * plainly.sigmoid(-17.0)
    assert onnxruntime_sigmoid(-18.0) == 0


def test_s6_3_onnxruntime_begins_with_zeros_where_no_state_is_given() -> None:
    p, (x, h, c) = draw(137), draw_x()
    assert np.array_equal(run("LSTM", [p], x)[0], run("LSTM", [p], x, 0 * h, 0 * c)[0])


@pytest.mark.parametrize("name", ["Tanh", "Elu"])
def test_s11_1_onnxruntime_tanh_and_elu_are_right_absolutely_not_relatively(name: str) -> None:
    a = np.concatenate([np.linspace(-5, 5, 999), [-1e-4, 1e-4]])
    one, zero = np.ones((1, 1)), np.zeros((1, 1))
    p = {"W": one, "U": zero, "b": zero[0], "b2": zero[0]}
    outputs, _ = run("RNN", [p], a[:, None, None], activations=[name])
    a = a.astype("f4").astype("f8")
    right = np.tanh(a) if name == "Tanh" else np.where(a > 0, a, np.expm1(np.minimum(a, 0)))
    errors = abs(outputs.ravel() - right)
    assert errors.max() < 2e-7
    assert max(errors[-2:] / abs(right[-2:])) > 1e-4
