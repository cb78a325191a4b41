"""The oracle's cells against sums done by hand: one unit, two steps, linear, so no rounding.

What frameworks know too is compared with them in test_oracle_pytorch, _onnxruntime and _keras.
"""

import math
from typing import Any

import numpy as np
import pytest

from npstack.verify import oracle
from npstack.verify.oracle import Layer, run
from tests.verify.oracle_models import cell_params, drawer, error, state

pytestmark = pytest.mark.core

LINEAR = dict.fromkeys(("input", "forget", "candidate", "output", "cell"), "linear")
LSTM = {"W": [[0.5, 0.25, 1.0, 0.5]], "U": [[0.5, 0.5, -1.0, 1.0]], "b": [0.25, 0.0, 0.5, 0.0]}
BEFORE = [{"h": [[0.5]], "c": [[2.0]]}]
X = [[[1.0], [-1.0]]]


def lstm(options: Any = (), params: Any = (), states: Any = BEFORE, **fields: Any) -> list[float]:
    """``h`` after both steps, then ``c`` after the second, with linear activations."""
    resets = fields.pop("resets", None)
    layer = Layer("lstm", options={"activations": LINEAR, **dict(options)}, **fields)
    outputs, finals = run([layer], [{**LSTM, **dict(params)}], X, states, resets=resets)
    assert finals[0]["h"] == [outputs[0][1]]
    return oracle.numbers([outputs, finals[0]["c"]])


def test_plain() -> None:
    # i = .5 + .25 + .25 = 1, f = .5, g = 1, o = 1: c = .5 * 2 + 1 * 1 = 2, h = 2
    # i = -.5 + 1 + .25 = .75, f = .75, g = -1 - 2 + .5 = -2.5, o = 1.5: c = .75 * 2 - .75 * 2.5
    assert lstm() == [2.0, 1.5 * -0.375, -0.375]


def test_forget_bias_is_added() -> None:
    # f = 1: c = 3; then i = 1.25, f = 1.75, g = -3.5, o = 2.5: c = 5.25 - 4.375
    assert lstm({"forget_bias": 0.5}) == [3.0, 2.5 * 0.875, 0.875]


def test_peepholes_of_input_and_forget_see_the_old_cell_that_of_output_the_new() -> None:
    # i = 1 + .5 * 2, f = .5 + .25 * 2, c = 1 * 2 + 2 * 1 = 4, o = 1 - .5 * 4 = -1
    # i = -2.25 + .5 * 4 = -.25, f = -2.25 + .25 * 4 = -1.25, g = 3.5, c = -5 - .875, o = -4.5 - c/2
    c = -5.875
    assert lstm(params={"P": [0.5, 0.25, -0.5]}) == [-4.0, (-4.5 - 0.5 * c) * c, c]


COUPLED = {"W": [[0.5, 1.0, 0.5]], "U": [[0.5, -1.0, 1.0]], "b": [0.25, 0.5, 0.0]}


def test_coupled_forgets_what_it_does_not_write() -> None:
    # i = 1, f = 0, g = 1, o = 1: c = 1; then i = .25, f = .75, g = -1.5, o = .5: c = .75 - .375
    assert lstm({"coupled": True}, COUPLED) == [1.0, 0.5 * 0.375, 0.375]


def test_coupled_peepholes_are_packed_input_output() -> None:
    # i = 1 + .25 * 2 = 1.5, f = -.5, c = -1 + 1.5 = .5, o = 1 + 2 * .5 = 2: h = 1
    # i = -.5 + .5 + .25 + .25 * .5 = .375, f = .625, g = -1.5, c = .3125 - .5625, o = .5 + 2 c
    got = lstm({"coupled": True}, COUPLED | {"P": [0.25, 2.0]})
    assert got == [1.0, 0.0 * -0.25, -0.25]


def test_preactivations_are_clipped_last_of_all() -> None:
    # i = g = o = .75, f = .5: c = 1.5625; then g = -.75, the others are within
    h, c = 0.75 * 1.5625, 0.3359375 * (1.5625 - 0.75)
    assert lstm({"preactivation_clip": 0.75}) == [h, 0.671875 * c, c]
    # After the peephole: i = 2 -> .5, f = 1 -> .5, g = .5: c = 1.25, o = 1 - .625 = .375
    assert lstm({"preactivation_clip": 0.5}, {"P": [0.5, 0.25, -0.5]})[0] == 0.375 * 1.25


def test_the_clipped_cell_is_the_state_and_what_output_and_peephole_see() -> None:
    # c = 2 -> 1.5, h = 1.5; then i = .5, f = .5, g = -2, o = 1: c = .75 - 1
    assert lstm({"cell_clip": 1.5}) == [1.5, -0.25, -0.25]
    # c = 4 -> 1.5, o = 1 - .75
    assert lstm({"cell_clip": 1.5}, {"P": [0.5, 0.25, -0.5]})[0] == 0.25 * 1.5


def test_each_activation_stands_in_its_place() -> None:
    names = {
        "input": ("affine", 2.0, 0.0),
        "forget": ("affine", 1.0, 0.25),
        "candidate": ("affine", -1.0, 0.0),
        "output": ("affine", 0.5, 0.0),
        "cell": ("affine", 1.0, 2.0),
    }
    # i = 2, f = .75, g = -1, o = .5: c = 1.5 - 2 = -.5, h = .5 * (-.5 + 2)
    assert lstm({"activations": names})[0] == 0.75


def test_a_projection_is_what_goes_round() -> None:
    # m = 2, h = 1; then i = .25, f = .25, g = -1.5, o = .5: c = .5 - .375, h = .5 * .5 * c
    assert lstm(params={"R": [[0.5]]}) == [1.0, 0.25 * 0.125, 0.125]
    # h = 1 -> .25; then i = -.125, f = -.125, g = -.75, o = -.25: c = -.25 + .09375
    got = lstm({"projection_clip": 0.25}, {"R": [[0.5]]})
    assert got == [0.25, 0.5 * -0.25 * -0.15625, -0.15625]


def test_a_projected_state_is_narrower_than_the_cell() -> None:
    params = {"W": [[0.1] * 8], "U": [[0.2] * 8], "b": [0.3] * 8, "R": [[1.0], [2.0]]}
    outputs, finals = run([Layer("lstm")], [params], X)
    assert [len(h) for h in outputs[0]] == [1, 1]
    assert [len(finals[0][name][0]) for name in "hc"] == [1, 2]


def test_recurrent_dropout_acts_on_what_the_matrix_sees() -> None:
    # kept, scaled by 2: h' = 1 is seen: i = 1.25, f = .75, g = .5, o = 1.5: c = 1.5 + .625
    # dropped: nothing is seen: i = -.25, f = -.25, g = -.5, o = -.5: c = -.25 * 2.125 + .125
    first, second = 2.125, -0.40625
    per_step = lstm(rate=0.5, kept=[[[True], [False]]])
    assert per_step == [1.5 * first, -0.5 * second, second]
    # Once for all steps: then h' = 6.375 is seen: i = 2.9375, f = 2.9375, g = -6.875, o = 5.875
    once = lstm(rate=0.5, kept=[[True]])
    second = 2.9375 * 2.125 - 2.9375 * 6.875
    assert once == [1.5 * first, 5.875 * second, second]


def test_recurrent_dropout_may_differ_from_gate_to_gate() -> None:
    # f and o see h' scaled by 2, i and g nothing: i = .75, f = .75, g = 1.5, o = 1.5: c = 2.625
    # h' = 3.9375: i = -.25, f = -.25 + 3.9375, g = -.5, o = -.5 + 7.875
    by_gate = ([[False]], [[True]], [[False]], [[True]])
    second = 3.6875 * 2.625 + 0.125
    assert lstm(rate=0.5, kept=by_gate) == [1.5 * 2.625, 7.375 * second, second]
    # i sees h' at the second step only, f at the first; g and o see nothing.
    # i = .75, f = .75, g = 1.5, o = .5: c = 2.625; h' = 1.3125: i = 1.0625, f = -.25, o = -.5
    by_gate = ([[[False], [True]]], [[[True], [False]]], [[False]], [[False]])
    second = -0.25 * 2.625 - 0.5 * 1.0625
    assert lstm(rate=0.5, kept=by_gate) == [0.5 * 2.625, -0.5 * second, second]
    # Coupled, and o alone sees: i = .75, f = .25, g = 1.5, o = 1.5
    by_gate, c = ([[False]], [[False]], [[True]]), 0.5 + 1.125
    assert lstm({"coupled": True}, COUPLED, rate=0.5, kept=by_gate)[:1] == [1.5 * c]


def test_zoneout_keeps_old_numbers_field_by_field() -> None:
    # The cell is kept at the second step, yet h comes from the new one.
    assert lstm(zoneout={"c": [[[False], [True]]]}) == [2.0, 1.5 * -0.375, 2.0]
    # h is kept at both: it stays .5, and the second step has i = 0, f = 0: c = 0
    assert lstm(zoneout={"h": [[True]]}) == [0.5, 0.5, 0.0]


def test_a_reset_begins_anew_with_zeros_or_with_what_is_learned() -> None:
    # i = -.25, f = -.25, g = -.5, o = -.5: c = .125
    assert lstm(resets=[[False, True]]) == [2.0, -0.5 * 0.125, 0.125]
    # h' = 1, c' = 4: i = .25, f = .25, g = -1.5, o = .5: c = 1 - .375
    learned = {"initial.h": [1.0], "initial.c": [4.0]}
    assert lstm(params=learned, resets=[[False, True]]) == [2.0, 0.5 * 0.625, 0.625]


def test_a_learned_state_is_used_where_none_is_given() -> None:
    learned = {"initial.h": [0.5], "initial.c": [2.0]}
    assert lstm(params=learned, states=None) == lstm(params=learned, states=[None]) == lstm()
    other = [{"h": [[0.0]], "c": [[0.0]]}]
    assert lstm(params=learned, states=other) == lstm(states=other) == lstm(states=None) != lstm()


def test_layer_norm() -> None:
    """One unit: what the gates get is ±1 (less 1e-5 of variance), and LN(c) is 0."""
    params = {
        "W": [[3.0, -3.0, 3.0, -3.0]],
        "U": [[-2.0, -2.0, 2.0, 2.0]],
        "gain_x": [1.0, 2.0, 3.0, 4.0],
        "gain_h": [0.5, 0.25, 0.125, 1.0],
        "b": [0.1, 0.2, 0.3, 0.4],
        "gain_c": [7.0],
        "shift_c": [0.75],
    }
    p, q = 3 / math.sqrt(9 + 1e-5), 1 / math.sqrt(1 + 1e-5)  # of x W, and of h' U with h' = 1/2

    def sigmoid(a: float) -> float:
        return 1 / (1 + math.exp(-a))

    i = sigmoid(p * 1 - q * 0.5 + 0.1)
    f = sigmoid(-p * 2 - q * 0.25 + 0.2)
    g = math.tanh(p * 3 + q * 0.125 + 0.3)
    o = sigmoid(-p * 4 + q * 1 + 0.4)
    outputs, finals = run([Layer("layer_norm_lstm")], [params], [[[1.0]]], BEFORE)
    assert math.isclose(finals[0]["c"][0][0], f * 2 + i * g, rel_tol=1e-14)
    assert math.isclose(outputs[0][0][0], o * math.tanh(0.75), rel_tol=1e-14)


def test_layer_norm_of_several_units() -> None:
    """The equations as arrays."""
    draw, H = drawer(12), 3
    params, x = cell_params(draw, "layer_norm_lstm", 2, H), draw(4, 1, 2)
    before = state(draw, "lstm", 4, H)
    p = {name: np.array(value) for name, value in params.items()}

    def norm(v: np.ndarray) -> np.ndarray:
        return (v - v.mean(1, keepdims=True)) / np.sqrt(v.var(1, keepdims=True) + 1e-5)

    def sigmoid(a: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-a))

    a = norm(np.array(x)[:, 0] @ p["W"]) * p["gain_x"]
    a += norm(np.array(before["h"]) @ p["U"]) * p["gain_h"] + p["b"]
    i, f, g, o = np.split(a, 4, 1)
    c = sigmoid(f) * np.array(before["c"]) + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(norm(c) * p["gain_c"] + p["shift_c"])
    _, finals = run([Layer("layer_norm_lstm")], [params], x, [before])
    assert error(finals[0]["h"], h) < 1e-14
    assert error(finals[0]["c"], c) < 1e-14


GRU = {"W": [[0.5, 0.25, 1.0]], "U": [[1.0, 0.5, 0.5]], "b": [0.0, -0.25, -0.5]}


@pytest.mark.parametrize("name", ["lstm", "coupled", "gru", "gru_reset_before", "rnn"])
def test_units_that_do_not_see_one_another_are_cells_of_their_own(name: str) -> None:
    """Where every gate's matrix is diagonal: no number is taken from another unit's place."""
    coupled, kind = name == "coupled", "lstm" if name == "coupled" else name
    parts = {"coupled": coupled, "peepholes": True} if kind == "lstm" else {}
    draw, H = drawer(11), 3
    single = [cell_params(draw, kind, 2, 1, **parts) for _ in range(H)]
    before = [state(draw, kind, 2, 1) for _ in range(H)]
    x = draw(2, 3, 2)
    joined: dict[str, Any] = {}
    for key in single[0]:
        # (…, gates, H): within a gate, unit by unit.
        values = np.stack([np.array(own[key]) for own in single], -1)
        if key == "U":
            values = values[0][None] * np.eye(H)[:, None]
        joined[key] = values.reshape(*values.shape[:-2], -1).tolist()
    layer = Layer(kind, options={"coupled": True} if coupled else {})
    states = [{f: np.concatenate([s[f] for s in before], -1).tolist() for f in before[0]}]
    outputs, finals = run([layer], [joined], x, states)
    for j in range(H):
        alone, last = run([layer], [single[j]], x, [before[j]])
        assert [[h[j : j + 1] for h in row] for row in outputs] == alone
        assert {f: [row[j : j + 1] for row in v] for f, v in finals[0].items()} == last[0]


LINEAR_GRU = {"activations": {"gate": "linear", "candidate": "linear"}}


def gru(kind: str, params: Any, **fields: Any) -> list[float]:
    """``h`` after both steps."""
    layer = Layer(kind, options=LINEAR_GRU, **fields)
    return oracle.numbers(run([layer], [params], X, [{"h": [[1.0]]}])[0])


def test_gru_resets_after_the_product() -> None:
    # r = 1.5, z = .5, q = .75, n = .5 + 1.5 * .75 = 1.625: h = .5 + .8125
    # r = .8125, z = .15625, q = .90625
    n = -1.5 + 0.8125 * 0.90625
    second = 0.15625 * 1.3125 + (1 - 0.15625) * n
    assert gru("gru", GRU | {"b_recurrent": [0.25]}) == [1.3125, second]


def test_gru_resets_before_the_product() -> None:
    # r = 1.5, z = .5, n = .5 + 1.5 * .5 = 1.25: h = .5 + .625; r = .625, z = .0625
    n = -1.5 + 0.625 * 1.125 * 0.5
    assert gru("gru_reset_before", GRU) == [1.125, 0.0625 * 1.125 + (1 - 0.0625) * n]


def test_recurrent_dropout_does_not_touch_the_leak_of_a_gru() -> None:
    fields: Any = {"rate": 0.5, "kept": [[[True], [False]]]}
    # h' = 2 is seen: z = 1, so that h stays 1; nothing is seen: r = -.5, z = -.5, q = .25
    second = -0.5 * 1 + 1.5 * (-1.5 - 0.5 * 0.25)
    assert gru("gru", GRU | {"b_recurrent": [0.25]}, **fields) == [1.0, second]
    assert gru("gru_reset_before", GRU, **fields) == [1.0, -0.5 * 1 + 1.5 * -1.5]


def test_the_gates_of_a_gru_see_what_is_kept_for_each() -> None:
    # r alone sees h' = 2: r = 2.5, z = 0, q = .25, n = 1.125; r = 1.75, z = -.5, n = -1.5 + .4375
    by_gate = ([[True]], [[False]], [[False]])
    second = -0.5 * 1.125 + 1.5 * -1.0625
    b_recurrent = {"b_recurrent": [0.25]}
    assert gru("gru", GRU | b_recurrent, rate=0.5, kept=by_gate) == [1.125, second]
    # z alone: r = .5, z = 1, n = .625; r = -.5, z = -.5 + 1, n = -1.5 - .125
    by_gate = ([[False]], [[True]], [[False]])
    assert gru("gru", GRU | b_recurrent, rate=0.5, kept=by_gate) == [1.0, 0.5 * 1 + 0.5 * -1.625]
    # n alone: r = .5, z = 0, r h' = 1, n = 1; r = -.5, z = -.5, r h' = -1, n = -1.5 - .5
    by_gate = ([[False]], [[False]], [[True]])
    assert gru("gru_reset_before", GRU, rate=0.5, kept=by_gate) == [1.0, -0.5 + 1.5 * -2.0]


@pytest.mark.parametrize("activation", ["tanh", "relu", ("affine", 2.0, 1.0)])
def test_rnn(activation: Any) -> None:
    f = {"tanh": math.tanh, "relu": lambda a: max(a, 0.0)}.get(activation, lambda a: 2 * a + 1)
    params = {"W": [[0.5]], "U": [[-2.0]], "b": [0.25]}
    layer = Layer("rnn", options={"activation": activation})
    outputs, finals = run([layer], [params], X, [{"h": [[0.125]]}])
    first = f(0.5)
    assert outputs == [[[first], [f(-0.25 - 2 * first)]]]
    assert finals == [{"h": [outputs[0][1]]}]


def test_an_rnn_is_a_tanh_by_default() -> None:
    params = {"W": [[0.5]], "U": [[-2.0]], "b": [0.25]}
    assert run([Layer("rnn")], [params], [[[1.0]]])[0] == [[[math.tanh(0.75)]]]


def test_options_that_no_equation_reads_are_refused() -> None:
    with pytest.raises(ValueError, match="gru has no option cell_clip, only activations"):
        run([Layer("gru", options={"cell_clip": 9.0})], [GRU | {"b_recurrent": [0.25]}], X)
    with pytest.raises(ValueError, match=r"activations of lstm are of input, .* not gate"):
        lstm({"activations": {"gate": "linear"}})
