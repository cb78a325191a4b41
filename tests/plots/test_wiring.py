"""A step drawn as wires, and a stack over a few steps: the numbers are the cell's own."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from npstack import (
    LSTM,
    LSTMCell,
    LSTMState,
    Sequential,
    StackedLSTM,
    analysis,
    plots,
)
from npstack.core.params import GATE_LETTERS, split_gates
from npstack.layers import Residual
from npstack.plots import wire_numbers
from npstack.plots.sheet import BACKWARD, TIMES, shown
from npstack.plots.wire_numbers import opened, wires
from tests.plots.drawn import assert_drawable

LETTERS = tuple(GATE_LETTERS.values())


def rng():
    return np.random.default_rng(0)


def stack_with_gradients(sizes=(4, 3), B=2, T=5, **options):
    stack = StackedLSTM(2, list(sizes), rng=rng(), **options)
    tape = stack.forward(rng().standard_normal((B, T, 2)))
    doutputs = np.random.default_rng(1).standard_normal(tape.outputs.shape)
    return stack, tape, doutputs, analysis.state_gradients(stack, tape, doutputs)


def words(picture):
    return [text.get_text() for text in picture.axes[0].texts]


# ---- the numbers -------------------------------------------------------------------------------


def test_forward_numbers_are_those_of_the_tape():
    _, tape, _, _ = stack_with_gradients()
    layer = tape.layers[1]
    found = wires("here", layer, 3, 1, None).forward
    for letter, values in zip(LETTERS, layer.gates, strict=True):
        np.testing.assert_array_equal(found[letter], values[1, 3])
    for name, values in layer.states._asdict().items():
        np.testing.assert_array_equal(found[name], values[1, 3])
        np.testing.assert_array_equal(found[f"{name}'"], values[1, 2])
    np.testing.assert_array_equal(found["x"], layer.x[1, 3])
    np.testing.assert_array_equal(found["b_f"], layer.params["b"][3:6])
    np.testing.assert_allclose(found["kept"], found["f"] * found["c'"], rtol=1e-15)
    np.testing.assert_allclose(found["written"], found["i"] * found["g"], rtol=1e-15)
    np.testing.assert_allclose(found["tanh_c"], np.tanh(found["c"]), rtol=1e-15)
    for letter in LETTERS:
        parts = [found[f"{name}_{letter}"] for name in ("xW", "hU", "b")]
        np.testing.assert_allclose(found[f"a_{letter}"], sum(parts), rtol=1e-13, atol=1e-15)


def test_backward_numbers_add_up_to_the_gradients_of_the_model():
    stack, tape, doutputs, dstates = stack_with_gradients()
    grads = stack.backward(tape, doutputs)
    for number, (layer, own) in enumerate(zip(tape.layers, dstates, strict=True)):
        B, T = layer.mask.shape
        db, dx = 0, np.zeros_like(layer.x)
        for row, step in itertools.product(range(B), range(T)):
            found = wires("here", layer, step, row, own).backward
            db = db + np.concatenate([found[f"a_{letter}"] for letter in LETTERS])
            dx[row, step] = found["x"]
            np.testing.assert_array_equal(found["h"], own.h[row, step])
            np.testing.assert_array_equal(found["later"], own.c[row, step])
            both = found["later"] + found["through_h"]
            np.testing.assert_allclose(found["c"], both, rtol=1e-14, atol=1e-16)
            if step > 0:
                np.testing.assert_allclose(found["c'"], own.c[row, step - 1], rtol=1e-14)
        np.testing.assert_allclose(db, grads.params[f"layers.{number}.b"], rtol=1e-12)
        if number == 0:
            np.testing.assert_allclose(dx, grads.x, rtol=1e-12)


@pytest.mark.parametrize("wire", ["kept", "written", "tanh_c", "i", "f", "g", "o"])
def test_the_gradient_of_every_wire_is_its_derivative(wire):
    """By the complex step: the number on one wire is changed, and what follows is computed."""
    _, tape, _, dstates = stack_with_gradients()
    layer = tape.layers[0]
    found = wires("here", layer, 2, 0, dstates[0])
    at = found.forward
    for unit in range(4):
        nudged = {name: own.astype(complex) for name, own in at.items()}
        nudged[wire][unit] += 1e-30j
        names = {"i", "f", "g", "o", "c'"}
        i, f, g, o, before = (nudged[name] for name in ("i", "f", "g", "o", "c'"))
        kept = f * before if wire in names else nudged["kept"]
        written = i * g if wire in names else nudged["written"]
        c = kept + written
        tanh_c = nudged["tanh_c"] if wire == "tanh_c" else np.tanh(c)
        loss = (o * tanh_c * found.backward["h"] + c * found.backward["later"]).sum()
        assert loss.imag / 1e-30 == pytest.approx(found.backward[wire][unit], rel=1e-13)


def test_the_opened_functions_compute_what_the_cell_computes():
    cell = LSTMCell(3, 4, rng=rng())
    x, *given = (rng().standard_normal((2, n)) for n in (3, 4, 4, 4, 4))
    before, dnew = LSTMState(*given[:2]), LSTMState(*given[2:])
    state, gates = cell.step(cell.params, x, before)
    found = opened("LSTMCell.step")(cell.params, x, before)
    np.testing.assert_array_equal(found["h"], state.h)
    np.testing.assert_array_equal(found["c"], state.c)
    arguments = cell.params, x, before, gates, state, dnew
    dparams, dx, dbefore = cell.step_backward(*arguments)
    back = opened("LSTMCell.step_backward")(*arguments)
    np.testing.assert_array_equal(back["dx"], dx)
    np.testing.assert_array_equal(back["dh_before"], dbefore.h)
    np.testing.assert_array_equal(np.concatenate(split_gates(back["da"]), 1).sum(0), dparams["b"])
    assert {"xW", "hU", "kept", "written", "tanh_c"} <= found.keys()
    assert {"dtanh_c", "through_h", "do", "dc", "df", "di", "dg"} <= back.keys()


def test_what_a_changed_cell_does_not_name_is_a_question_mark(monkeypatch):
    """As after a mistake in the file that takes a part out of an equation."""
    monkeypatch.setattr(wire_numbers, "_NAMED", dict.fromkeys(wire_numbers._NAMED, ()))
    opened.cache_clear()
    try:
        _, tape, _, dstates = stack_with_gradients()
        found = wires("here", tape.layers[0], 1, 0, dstates[0])
        picture = plots.cell_step(tape.layers[0], 1, dstates=dstates[0])
    finally:
        opened.cache_clear()
    assert not {"kept", "written", "xW_i", "tanh_c"} & found.forward.keys()
    assert not {"tanh_c", "through_h"} & found.backward.keys()
    assert {"f c′ ?", "i g ?", "tanh c ?", f"dc {shown(found.backward['c'][0])}"} <= set(
        words(picture)
    )


def test_a_reset_begins_again_and_held_steps_are_passed_over():
    layer = LSTM(1, 2, rng=rng(), learn_initial=True)
    layer.params = {**layer.params, "initial.h": np.array([0.3, -0.2])}
    resets = np.array([[False, False, True, False]])
    mask = np.array([[True, True, True, False]])
    tape = layer.forward(rng().standard_normal((1, 4, 1)), mask=mask, resets=resets)
    found = wires("here", tape, 2, 0, None).forward
    np.testing.assert_array_equal(found["h'"], [0.3, -0.2])
    np.testing.assert_array_equal(found["c'"], [0, 0])
    mask = np.array([[True, False, True, True]])
    tape = layer.forward(rng().standard_normal((1, 4, 1)), mask=mask)
    found = wires("here", tape, 2, 0, None).forward
    np.testing.assert_array_equal(found["c'"], tape.states.c[0, 0])


# ---- one step ----------------------------------------------------------------------------------


def test_every_wire_has_its_number():
    _, tape, _, dstates = stack_with_gradients()
    layer, own = tape.layers[1], dstates[1]
    picture = plots.cell_step(layer, 3, row=1, unit=2, dstates=own, title="layer 1")
    drawn, found = words(picture), wires("here", layer, 3, 1, own)
    for name in (*LETTERS, "c", "h"):
        assert f"{name} {shown(found.forward[name][2])}" in drawn
        assert f"d{name} {shown(found.backward[name][2])}" in drawn
    for wire, label in {"kept": "f c′", "written": "i g", "tanh_c": "tanh c", "c'": "c′"}.items():
        assert f"{label} {shown(found.forward[wire][2])}" in drawn
    for wire in ("tanh_c", "kept", "later", "through_h", *(f"a_{k}" for k in LETTERS)):
        assert shown(found.backward[wire][2]) in drawn
    for wire in (f"{part}_{k}" for k in LETTERS for part in ("xW", "hU", "b", "a")):
        assert shown(found.forward[wire][2]) in drawn
    assert "layer 1 · step 3 · row 1 · unit 2" in drawn


def test_gradients_have_their_own_colour_and_slope():
    _, tape, _, dstates = stack_with_gradients()
    with_them = plots.cell_step(tape.layers[0], 0, dstates=dstates[0]).axes[0].texts
    back = [text for text in with_them if text.get_color() == BACKWARD]
    assert len(back) > 15
    assert {text.get_style() for text in back} == {"italic"}
    without = plots.cell_step(tape.layers[0], 0).axes[0].texts
    assert not [text for text in without if text.get_color() == BACKWARD]
    assert {text.get_style() for text in without} == {"normal"}


def overlapping(picture):
    """Pairs of texts that cover one another."""
    picture.canvas.draw()
    boxes = [(text.get_text(), text.get_window_extent()) for text in picture.axes[0].texts]
    return [
        (one, other)
        for (one, here), (other, there) in itertools.combinations(boxes, 2)
        if one.strip() and other.strip() and _meet(here, there)
    ]


def _meet(here, there):
    wide = min(here.x1, there.x1) - max(here.x0, there.x0)
    high = min(here.y1, there.y1) - max(here.y0, there.y0)
    return wide > 1 and high > 0.25 * min(here.height, there.height)  # boxes have air in them


def crossed(picture):
    """Texts through which a wire runs, at the middle of their height or further in."""
    picture.canvas.draw()
    (ax,) = picture.axes
    found = []
    for text, line in itertools.product(ax.texts, ax.lines):
        box, points = text.get_window_extent(), ax.transData.transform(line.get_xydata())
        low, high = box.y0 + 0.25 * box.height, box.y1 - 0.25 * box.height
        for (x0, y0), (x1, y1) in itertools.pairwise(points):
            across = min(x0, x1) < box.x1 - 1 and max(x0, x1) > box.x0 + 1
            along = min(y0, y1) < high and max(y0, y1) > low
            if across and along and text.get_text() not in ("×", "+", " σ ", "tanh"):
                found.append(text.get_text())
    return found


def largest_numbers():
    """Every number seven characters long."""
    layer = LSTM(3, 5, rng=rng())
    tape = layer.forward(-0.01 * np.ones((2, 4, 3)))
    dstates = analysis.state_gradients(layer, tape, -1e-4 * np.ones((2, 4, 5)))
    return tape, dstates


@pytest.mark.parametrize("backward", [True, False])
@pytest.mark.parametrize("make", [stack_with_gradients, largest_numbers])
def test_texts_stay_apart_and_on_the_paper(make, backward):
    *_, tape, dstates = make() if make is largest_numbers else (lambda m: (m[1], m[3]))(make())
    for own, gradients in zip(tape.layers, dstates, strict=True):
        given = gradients if backward else None
        picture = plots.cell_step(own, 2, dstates=given)
        assert not overlapping(picture)
        assert not crossed(picture)
        assert_drawable(picture)
    for steps in ([0], [1, 2, 3]):
        picture = plots.stack_steps(tape, steps=steps, dstates=dstates if backward else None)
        assert not overlapping(picture)
        assert not crossed(picture)
        assert_drawable(picture)


def test_letters_are_seven_points_high_at_eighty_millimetres():
    _, tape, _, dstates = stack_with_gradients()
    pictures = plots.cell_step(tape.layers[0], 1), plots.stack_steps(tape, dstates=dstates)
    for picture in pictures:
        shrink = 80 / 25.4 / picture.get_size_inches()[0]
        assert shrink == pytest.approx(1 / TIMES, rel=0.01)
        assert min(text.get_fontsize() for text in picture.axes[0].texts) * shrink > 6.95


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((0.0, "0"), (-0.0, "0"), (1.0, "1.000"), (-0.5, "−0.500"), (0.04, "0.0400")),
        *((-0.00123, "−0.0012"), (1e-7, "1.0e-7"), (-3.21e-12, "−3.2e-12"), (12.3, "12.30")),
        *((123.4, "123.4"), (1e4, "1.0e4"), (1e-300, "1.0e-300")),
    ],
)
def test_numbers_are_short(value, text):
    assert shown(value) == text


# ---- a stack -----------------------------------------------------------------------------------


def test_the_stack_shows_two_gradients_that_add():
    _, tape, _, dstates = stack_with_gradients()
    drawn = words(plots.stack_steps(tape, steps=[2, 3, 4], unit=1, dstates=dstates))
    for level, (layer, own) in enumerate(zip(tape.layers, dstates, strict=True)):
        for step in (2, 3, 4):
            found = wires("here", layer, step, 0, own)
            for name in (*LETTERS, "c", "h"):
                assert shown(found.forward[name][1]) in drawn
                assert shown(found.backward[name][1]) in drawn
            if step > 2:
                later = shown(found.backward["h'"][1])
                assert f"← {later}" in drawn
            if level == 1:
                assert f"↓ {shown(found.backward['x'][1])}" in drawn
    below, above = (
        [wires("here", layer, t, 0, own).backward for t in range(5)]
        for layer, own in zip(tape.layers, dstates, strict=True)
    )
    for step in range(4):
        total = above[step]["x"] + below[step + 1]["h'"]
        np.testing.assert_allclose(below[step]["h"], total, rtol=1e-13)


def test_the_first_three_steps_are_drawn_if_none_are_chosen():
    _, tape, _, _ = stack_with_gradients()
    steps = [word for word in words(plots.stack_steps(tape)) if word.startswith("step")]
    assert steps == ["step 0", "step 1", "step 2"]
    _, short, _, _ = stack_with_gradients(T=2)
    assert "step 2" not in words(plots.stack_steps(short))


def test_what_lies_between_layers_takes_the_arrow_from_above_away():
    model = Sequential(
        LSTM(2, 3, rng=rng()), Residual(LSTM(3, 3, rng=rng())), LSTM(3, 3, rng=rng())
    )
    tape = model.forward(rng().standard_normal((1, 3, 2)))
    dstates = analysis.state_gradients(model, tape, np.ones((1, 3, 3)))
    drawn = words(plots.stack_steps(tape, dstates=dstates))
    assert sum(word.startswith("↓") for word in drawn) == 3  # from layer 1 to 0, at three steps


@pytest.mark.parametrize("dtype", [np.float32, np.longdouble])
def test_other_number_types_are_drawn(dtype):
    layer = LSTM(1, 3, rng=rng(), dtype=dtype)
    tape = layer.forward(np.ones((1, 4, 1), dtype))
    dstates = analysis.state_gradients(layer, tape, np.ones((1, 4, 3), dtype))
    assert_drawable(plots.cell_step(tape, 3, dstates=dstates[0]))
    assert_drawable(plots.stack_steps(tape, dstates=dstates))
