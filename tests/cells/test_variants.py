"""LSTM variants: without parts the plain LSTM's bits; with any, the oracle's numbers."""

from typing import Any

import numpy as np
import pytest

from npstack import (
    LSTM,
    LayerNormLSTMCell,
    LSTMGates,
    LSTMState,
    LSTMVariantCell,
    Recurrent,
    check_gradients,
)
from npstack.cells import (
    Activations,
    CellClip,
    Coupled,
    ForgetBias,
    Peepholes,
    PreactivationClip,
    Projection,
)
from npstack.core.numerics import clip, clip_backward
from npstack.verify import check_laws, oracle
from tests.cells.drawn_variants import draw_variant

pytestmark = pytest.mark.core
D, H = 3, 4


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_without_parts_a_variant_has_the_bits_of_the_plain_lstm():
    rng = generator()
    plain, variant = (
        LSTM(D, H, rng=generator(1)),
        Recurrent(LSTMVariantCell(D, H, rng=generator(1))),
    )
    x, mask = rng.standard_normal((4, 6, D)), rng.random((4, 6)) < 0.7
    tapes = [layer.forward(x, mask=mask) for layer in (plain, variant)]
    doutputs = rng.standard_normal(tapes[0].outputs.shape)
    dfinal = LSTMState(*rng.standard_normal((2, 4, H)))
    grads = [
        layer.backward(tape, doutputs, dfinal)
        for layer, tape in zip((plain, variant), tapes, strict=True)
    ]
    assert np.array_equal(tapes[0].outputs, tapes[1].outputs)
    assert np.array_equal(tapes[0].gates, tapes[1].gates)
    assert list(grads[0].params) == list(grads[1].params)
    assert all(np.array_equal(grads[0].params[name], grads[1].params[name]) for name in "WUb")
    assert np.array_equal(grads[0].x, grads[1].x)
    assert np.array_equal(grads[0].initial_states, grads[1].initial_states)


def nested(tree: Any) -> Any:
    """Arrays as lists, for the oracle."""
    if isinstance(tree, dict):
        return {name: nested(value) for name, value in tree.items()}
    return tree.tolist()


def assert_equal_the_oracle(cell: Any, layer: oracle.Layer, seed: int) -> None:
    """Outputs, finals and all gradients, to rounding."""
    rng = generator(seed)
    B, T = 3, 4
    x, mask = rng.standard_normal((B, T, D)), rng.random((B, T)) < 0.8
    state = cell.state_type(*(rng.standard_normal((B, size)) for size in cell.state_sizes))
    params = {name: value + rng.normal(0, 0.3, value.shape) for name, value in cell.params.items()}
    recurrent = Recurrent(cell)
    tape = recurrent.forward(x, state, mask=mask, params=params)
    doutputs = rng.standard_normal(tape.outputs.shape)
    dfinal = type(state)(*(rng.standard_normal(value.shape) for value in state))
    grads = recurrent.backward(tape, doutputs, dfinal)

    def loss(inputs: Any) -> Any:
        outputs, finals = oracle.run(
            [layer], [inputs["params"]], inputs["x"], [inputs["state"]], mask.tolist()
        )
        (final,) = finals
        total = oracle.weighted_sum(outputs, doutputs.tolist())
        for field, weights in dfinal._asdict().items():
            total = total + oracle.weighted_sum(final[field], weights.tolist())
        return total

    inputs = {"params": nested(params), "x": x.tolist(), "state": nested(state._asdict())}
    outputs, _ = oracle.run(
        [layer], [inputs["params"]], inputs["x"], [inputs["state"]], mask.tolist()
    )
    np.testing.assert_allclose(tape.outputs, outputs, rtol=1e-12, atol=1e-13)
    _, slopes = oracle.differentiate(loss, inputs)
    pairs = {name: (value, slopes["params"][name]) for name, value in grads.params.items()}
    pairs["x"] = (grads.x, slopes["x"])
    for field, value in grads.initial_states._asdict().items():
        pairs[f"state {field}"] = (value, slopes["state"][field])
    for name, (ours, theirs) in pairs.items():
        scale = np.abs(theirs).max() + 1e-12
        assert np.abs(ours - theirs).max() <= 1e-11 * scale, name


@pytest.mark.parametrize("seed", range(24))
def test_any_parts_in_any_order_equal_the_oracle(seed):
    variant = draw_variant(generator(seed), D, H)
    assert_equal_the_oracle(variant.cell, variant.layer, seed)


def test_layer_norm_equals_the_oracle():
    cell = LayerNormLSTMCell(D, H, bias_init="uniform", rng=generator())
    assert_equal_the_oracle(cell, oracle.Layer("layer_norm_lstm"), 0)


@pytest.mark.parametrize("seed", range(100, 112))
def test_gradients_of_any_parts_are_right(seed):
    rng = generator(seed)
    layer = Recurrent(draw_variant(rng, 2, int(rng.integers(1, 5))).cell)
    x, mask = rng.standard_normal((2, 3, 2)), rng.random((2, 3)) < 0.8
    report = check_gradients(layer, x, mask=mask)
    wrong = [row for row in report.failures if row.verdict != "undecidable"]
    assert not wrong, f"{layer.cell.parts}\n{report}"


@pytest.mark.parametrize("seed", range(200, 206))
def test_laws_hold_for_any_parts(seed):
    rng = generator(seed)
    report = check_laws(Recurrent(draw_variant(rng, D, H).cell), rng=rng, steps=4)
    assert report.passed, f"\n{report}"


def test_parts_act_in_one_order_however_they_are_given():
    parts = [Peepholes(), PreactivationClip(0.5), ForgetBias(1.0), Projection(2)]
    one, other = (LSTMVariantCell(D, H, *order, rng=generator()) for order in (parts, parts[::-1]))
    assert [type(part) for part in one.parts] == [type(part) for part in other.parts]
    x, state = np.ones((2, D)), one.zero_state(2, float)
    assert np.array_equal(
        one.step(one.params, x, state)[0].h, other.step(one.params, x, state)[0].h
    )


def test_a_clip_cuts_after_the_peephole_and_the_run_time_bias():
    cell = LSTMVariantCell(
        1, 1, Peepholes(), ForgetBias(100.0), PreactivationClip(2.0), rng=generator()
    )
    params = {name: np.full_like(value, 50.0) for name, value in cell.params.items()}
    _, gates = cell.step(params, np.ones((1, 1)), LSTMState(np.ones((1, 1)), np.ones((1, 1))))
    highest = 1 / (1 + np.exp(-2.0))
    assert [float(gate[0, 0]) for gate in gates] == pytest.approx(
        [highest, highest, np.tanh(2.0), highest], rel=1e-15
    )


@pytest.mark.parametrize(
    ("parts", "count", "formula"),
    [
        ((), 128, "4H(D + H + 1), D=3, H=4"),
        ((Coupled(), Peepholes()), 104, "3H(D + H + 1) + 2H, D=3, H=4"),
        ((Peepholes(), Projection(2)), 116, "4H(D + P + 1) + 3H + HP, D=3, H=4, P=2"),
    ],
)
def test_the_number_of_parameters_is_explained(parts, count, formula):
    cell = LSTMVariantCell(D, H, *parts, rng=generator())
    assert sum(value.size for value in cell.params.values()) == count
    assert cell.formula == formula


@pytest.mark.parametrize("dtype", [np.float32, np.longdouble])
def test_variants_keep_the_dtype(dtype):
    parts = (Peepholes(), PreactivationClip(1.0), Projection(2, clip=0.5))
    for cell in (
        LSTMVariantCell(D, H, *parts, rng=generator(), dtype=dtype),
        LayerNormLSTMCell(D, H, rng=generator(), dtype=dtype),
    ):
        layer = Recurrent(cell)
        tape = layer.forward(np.ones((2, 3, D), dtype))
        grads = layer.backward(tape, np.ones_like(tape.outputs))
        assert {tape.outputs.dtype, grads.x.dtype, *(v.dtype for v in grads.params.values())} == {
            np.dtype(dtype)
        }


def test_every_parameter_says_what_its_axes_count():
    parts = (Peepholes(), Projection(2))
    gates = ("input", "forget", "candidate", "output")
    variant = LSTMVariantCell(D, H, *parts, rng=generator())
    assert variant.axes == {
        "W": ("x", gates),
        "U": ("h", gates),
        "b": (gates,),
        "P": (("input", "forget", "output"),),
        "R": ("units", "h"),
    }
    assert list(LayerNormLSTMCell(D, H, rng=generator()).axes.items())[3:] == [
        ("gain_x", (gates,)),
        ("gain_h", (gates,)),
        ("gain_c", ("units",)),
        ("shift_c", ("units",)),
    ]
    assert {name: index[1] for name, index in variant.gate_blocks("P").items()} == {
        "input": slice(0, 4),
        "forget": slice(4, 8),
        "output": slice(8, 12),
    }
    assert variant.gate_blocks("R") == {}


def test_where_parameters_of_parts_and_of_layer_norm_begin():
    cell = LSTMVariantCell(D, 100, Peepholes(), Projection(4), Coupled(), rng=generator())
    assert 0.09 < np.abs(cell.params["P"]).max() <= 0.1  # ±1/√H
    assert 0.45 < np.abs(cell.params["R"]).max() <= 0.5  # ±1/√P
    norm = LayerNormLSTMCell(D, H, rng=generator()).params
    assert [norm[name].tolist() for name in ("gain_c", "shift_c")] == [[1.0] * H, [0.0] * H]
    assert norm["gain_x"].tolist() == norm["gain_h"].tolist() == [1.0] * 4 * H


def test_parameters_stand_in_the_order_in_which_they_act():
    """``W``, ``U``, ``b``, then those of the parts: so gradients, files and tables list them."""
    cell = LSTMVariantCell(D, H, Projection(2), Peepholes(), rng=generator())
    assert list(cell.params) == ["W", "U", "b", "P", "R"]
    norm = LayerNormLSTMCell(D, H, rng=generator())
    assert list(norm.params) == ["W", "U", "b", "gain_x", "gain_h", "gain_c", "shift_c"]


def test_a_stored_forget_bias_is_the_only_one():
    for forget_bias, value in ((2.5, 2.5), (None, 0.0)):
        b = LSTMVariantCell(D, H, rng=generator(), forget_bias=forget_bias).params["b"]
        assert b.tolist() == [0.0] * H + [value] * H + [0.0] * 2 * H
    coupled = LSTMVariantCell(D, H, Coupled(), rng=generator(), forget_bias=2.5)
    assert not coupled.params["b"].any()


def test_a_cell_names_itself_and_its_sizes():
    cell = LSTMVariantCell(D, H, Projection(2), rng=generator())
    assert repr(cell) == "LSTMVariantCell(3 -> 2)"
    assert (cell.output_size, cell.state_sizes) == (2, LSTMState(h=2, c=4))
    assert cell.record_type is LSTMGates
    assert cell.draw_noise(generator(), 2, 3) is None


def test_units_of_any_variant_have_no_order():
    for seed in range(300, 303):
        rng = generator(seed)
        report = check_laws(Recurrent(draw_variant(rng, D, H).cell), rng=rng, steps=3)
        verdicts = {row.law: row.verdict for row in report.rows}
        assert verdicts["permuting_hidden_units"] == "holds", f"\n{report}"


def test_nothing_passes_at_a_limit_of_complex_numbers_either():
    for at in (1.0, -1.0):
        for step in (0.0, 1e-30j, -1e-30j):
            y = clip(np.array([at + step, at / 2 + step]), 1.0)
            assert clip_backward(y, np.ones_like(y), 1.0).tolist() == [0.0, 1.0]


def test_the_usual_run_time_forget_bias_is_one():
    assert ForgetBias().bias == 1.0


def test_what_parts_cost_is_listed_for_each():
    cell = LSTMVariantCell(D, H, Activations(cell="relu"), CellClip(1.0), rng=generator())
    assert cell.formula == "4H(D + H + 1), D=3, H=4"
    assert {name: a.name for name, a in cell.activations.items()} == {
        **dict.fromkeys(("input", "forget", "output"), "sigmoid"),
        "candidate": "tanh",
        "cell": "relu",
    }
