"""Gradients against the lag, held against the complex step, and the picture of them."""

import numpy as np
import pytest

from npstack import (
    GRU,
    LSTM,
    RNN,
    ArgumentError,
    Bidirectional,
    Dense,
    Embedding,
    NonFiniteError,
    Recurrent,
    RepeatVector,
    Sequential,
    ShapeError,
    StackedGRU,
    StackedLSTM,
    StackedRNN,
    TapeError,
    plots,
)
from npstack.analysis import gradient_against_lag, state_gradients, state_jacobians
from npstack.cells.catalogue import CELLS
from npstack.core.trees import at_step, mapped
from tests.plots.drawn import assert_drawable, assert_named, titles

STEP = 1e-30
EPS = np.finfo(float).eps


def layers():
    rng = np.random.default_rng(3)
    return {
        "LSTM": LSTM(2, 3, rng=rng, bias_init="uniform", forget_bias=None),
        "GRU": GRU(2, 3, rng=rng, bias_init="uniform"),
        "RNN": RNN(2, 3, rng=rng, bias_init="uniform"),
    }


def any_layer(name):
    """A layer of any cell of the package, or one that learns its initial state."""
    if name == "learned initial state":
        return LSTM(2, 3, rng=np.random.default_rng(3), learn_initial=True)
    return Recurrent(CELLS[name](2, 3, np.random.default_rng(3)))


def complex_step(layer, tape, t):
    """The Jacobian of step t by the complex step: it uses the forward step alone."""
    before = at_step(tape.states, t - 1) if t > 0 else tape.initial
    params = {name: value.astype(complex) for name, value in tape.params.items()}
    flat = np.concatenate(before, axis=1)
    ends = np.cumsum(layer.cell.state_sizes)[:-1]
    found = np.zeros((*flat.shape, flat.shape[1]))
    for m in range(flat.shape[1]):
        moved = flat.astype(complex)
        moved[:, m] += 1j * STEP
        state = layer.cell.state_type(*np.split(moved, ends, axis=1))
        x, noise = tape.x[:, t].astype(complex), at_step(tape.noise, t)
        after, _ = layer.cell.step(params, x, state, noise)
        found[:, m] = np.concatenate(after, axis=1).imag / STEP
    return found


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", [*CELLS, "learned initial state"])
def test_state_jacobians_equal_the_complex_step(name, training):
    layer = any_layer(name)
    x = np.random.default_rng(4).standard_normal((4, 5, 2))
    tape = layer.forward(x, rng=np.random.default_rng(5) if training else None)
    found = state_jacobians(layer, tape)
    for t in range(5):
        expected = complex_step(layer, tape, t)
        assert found[:, t].shape == expected.shape
        bar = 16 * EPS * max(1, np.abs(expected).max())
        np.testing.assert_allclose(found[:, t], expected, rtol=0, atol=bar)


def test_the_jacobian_of_an_lstm_has_the_blocks_of_the_derivation():
    layer = layers()["LSTM"]
    tape = layer.forward(np.random.default_rng(6).standard_normal((1, 4, 2)))
    J, t, H = state_jacobians(layer, tape)[0, 2], 2, 3
    i, f, g, o = (gate[0, t] for gate in tape.gates)
    old, tanh_c = tape.states.c[0, t - 1], np.tanh(tape.states.c[0, t])
    Ui, Uf, Ug, Uo = np.split(tape.params["U"], 4, axis=1)
    A = Ui * (g * i * (1 - i)) + Uf * (old * f * (1 - f)) + Ug * (i * (1 - g**2))
    E = Uo * (tanh_c * o * (1 - o))
    s = o * (1 - tanh_c**2)
    blocks = [[A * s + E, A], [np.diag(f * s), np.diag(f)]]
    np.testing.assert_allclose(J, np.block(blocks), rtol=0, atol=8 * EPS)
    assert np.linalg.det(J) == pytest.approx(np.linalg.det(E) * np.prod(f), rel=1e-10)
    assert J.shape == (2 * H, 2 * H)


def test_a_masked_step_keeps_the_state_and_a_reset_forgets_it():
    layer = layers()["LSTM"]
    mask = np.array([[True, False, True, True]])
    resets = np.array([[False, False, False, True]])
    tape = layer.forward(np.ones((1, 4, 2)), mask=mask, resets=resets)
    found = state_jacobians(layer, tape)[0]
    np.testing.assert_array_equal(found[1], np.eye(6))
    np.testing.assert_array_equal(found[3], np.zeros((6, 6)))
    assert np.any(found[2] != 0)


@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN"])
def test_over_several_steps_the_jacobians_multiply(name):
    layer = layers()[name]
    T, H = 9, 3
    x = np.random.default_rng(7).standard_normal((2, T, 2))
    found = gradient_against_lag(layer, x)
    jacobians = state_jacobians(layer, layer.forward(x))
    for row in range(2):
        product = np.eye(jacobians.shape[-1])
        for lag in range(T):
            by_h, by_c = product[:H, :H], product[H:, :H]
            expected = np.linalg.norm(by_h, 2)
            assert found["h"][0, row, lag] == pytest.approx(expected, rel=1e-12)
            if name == "LSTM":
                expected = np.linalg.norm(by_c, 2)
                assert found["c"][0, row, lag] == pytest.approx(expected, rel=1e-12, abs=1e-300)
            product = jacobians[row, T - 1 - lag] @ product


STACKS = {"LSTM": StackedLSTM, "GRU": StackedGRU, "RNN": StackedRNN}


@pytest.mark.parametrize("return_sequences", [True, False])
@pytest.mark.parametrize("kind", STACKS)
def test_gradients_by_the_input_equal_the_complex_step(kind, return_sequences):
    rng = np.random.default_rng(8)
    stack = STACKS[kind](2, [3, 4], return_sequences=return_sequences, rng=rng)
    model = Sequential(stack, Dense(4, 2, rng=rng))
    x = rng.standard_normal((2, 6, 2))
    found = gradient_against_lag(model, x)["x"]
    params = {name: value.astype(complex) for name, value in model.params.items()}
    for row in range(2):
        for lag in range(6):
            columns = []
            for d in range(2):
                moved = x[row : row + 1].astype(complex)
                moved[0, 5 - lag, d] += 1j * STEP
                outputs = model.forward(moved, params=params).outputs
                last = outputs[0] if outputs.ndim == 2 else outputs[0, -1]
                columns.append(last.imag / STEP)
            expected = np.linalg.norm(np.stack(columns), 2)
            assert found[row, lag] == pytest.approx(expected, rel=1e-12)


def test_layers_and_states_are_those_of_the_state_gradients():
    rng = np.random.default_rng(9)
    stack = StackedLSTM(2, [3, 1], return_sequences=False, rng=rng)
    x = rng.standard_normal((1, 5, 2))
    found = gradient_against_lag(stack, x)
    assert {name: own.shape for name, own in found.items()} == {
        "x": (1, 5),
        "h": (2, 1, 5),
        "c": (2, 1, 5),
    }
    dstates = state_gradients(stack, stack.forward(x), np.ones((1, 1)))  # one output
    for k, state in enumerate(dstates):
        for name, own in state._asdict().items():
            expected = np.linalg.norm(own[0], axis=1)[::-1]
            np.testing.assert_allclose(found[name][k, 0], expected, rtol=1e-13)


def test_the_last_hidden_state_depends_on_itself_with_factor_one():
    for layer in layers().values():
        found = gradient_against_lag(layer, np.ones((1, 4, 2)))
        assert found["h"][0, 0, 0] == pytest.approx(1, rel=1e-15)


def test_symbols_have_no_gradient_by_the_input():
    rng = np.random.default_rng(10)
    model = Sequential(Embedding(5, 2, rng=rng), RNN(2, 3, rng=rng))
    found = gradient_against_lag(model, np.array([[0, 4, 2], [1, 1, 0]]))
    assert {name: own.shape for name, own in found.items()} == {"h": (1, 2, 3)}


def test_numbers_of_other_kinds_are_measured():
    layer = LSTM(1, 2, rng=np.random.default_rng(11), dtype=np.float32)
    x = np.random.default_rng(11).standard_normal((1, 4, 1))
    wide = LSTM(1, 2, rng=np.random.default_rng(11))
    wide.params = {name: value.astype(float) for name, value in layer.params.items()}
    found = gradient_against_lag(layer, x.astype(np.float32))
    for name, own in gradient_against_lag(wide, x).items():
        np.testing.assert_allclose(found[name], own, rtol=1e-4)


def test_what_cannot_be_measured_is_refused():
    rng = np.random.default_rng(12)
    x = np.ones((1, 4, 2))
    both = Bidirectional(LSTM(2, 2, rng=rng), LSTM(2, 2, rng=rng))
    with pytest.raises(ArgumentError, match="later one"):
        gradient_against_lag(both, x)
    with pytest.raises(ArgumentError, match="at least one recurrent layer"):
        gradient_against_lag(Dense(2, 1, rng=rng), x)
    again = Sequential(
        LSTM(2, 2, return_sequences=False, rng=rng), RepeatVector(3), LSTM(2, 2, rng=rng)
    )
    with pytest.raises(ArgumentError, match="later one"):
        gradient_against_lag(again, x)
    stack = StackedLSTM(2, [2, 2], rng=rng)
    with pytest.raises(ArgumentError, match="one recurrent layer"):
        state_jacobians(stack, stack.forward(x))
    with pytest.raises(TapeError):
        state_jacobians(stack.layers[0], stack.forward(x))


def test_measuring_changes_nothing():
    layer = layers()["LSTM"]
    tape = layer.forward(np.ones((1, 4, 2)))
    kept = mapped(np.copy, tape.states)
    state_jacobians(layer, tape)
    gradient_against_lag(layer, np.ones((1, 4, 2)))
    for own, then in zip(tape.states, kept, strict=True):
        np.testing.assert_array_equal(own, then)


# ---- the picture -------------------------------------------------------------------------------

RUNS = np.stack([0.9 ** np.arange(40), 0.8 ** np.arange(40), 0.7 ** np.arange(40)])


def test_the_line_is_the_median_and_the_band_holds_all_runs():
    picture = plots.gradient_against_lag({"one layer": {"a": RUNS, "b": np.ones(40)}})
    (ax,) = picture.axes
    assert titles(picture) == ["one layer"]
    assert ax.get_yscale() == "log"
    assert [line.get_label() for line in ax.lines] == ["a", "b"]
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), np.arange(40))
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), RUNS[1])
    (band,) = ax.collections  # the single run has none
    corners = band.get_paths()[0].vertices
    for lag in range(40):
        ends = corners[corners[:, 0] == lag, 1]
        assert (ends.min(), ends.max()) == (RUNS[2, lag], RUNS[0, lag])
    assert not ax.texts
    assert_named(picture)
    assert_drawable(picture)


def test_what_is_below_the_floor_is_drawn_on_it_and_it_is_said():
    with_zero = np.where(np.arange(40) > 30, 0.0, RUNS)
    picture = plots.gradient_against_lag(
        {"above": {"a": RUNS}, "below": {"a": with_zero}}, floor=1e-7
    )
    above, below = picture.axes
    assert above.lines[0].get_ydata().min() == RUNS[1].min()
    assert [text.get_text() for text in above.texts] == []
    assert below.lines[0].get_ydata().min() == 1e-7
    assert [text.get_text() for text in below.texts] == ["below $10^{-7}$: drawn on this line"]
    assert above.get_ylim() == below.get_ylim()
    assert below.get_ylim()[0] < 1e-7
    assert_named(picture)
    assert_drawable(picture)


def test_lines_differ_without_colour():
    many = {f"model {k}": np.full(30, 2.0 + k) for k in range(24)}
    (ax,) = plots.gradient_against_lag({"": many}).axes
    looks = {(line.get_marker(), line.get_linestyle(), line.get_color()) for line in ax.lines}
    assert len(looks) == 24
    assert len({(line.get_marker(), line.get_linestyle()) for line in ax.lines}) == 24


def test_runs_of_other_lengths_share_an_axis():
    picture = plots.gradient_against_lag({"a": {"x": np.ones(5)}, "b": {"x": np.ones((2, 9))}})
    assert [ax.get_xlim() for ax in picture.axes] == [(-0.5, 8.5)] * 2
    assert_drawable(picture)


def test_sizes_that_are_none_are_refused():
    draw = plots.gradient_against_lag
    for wrong, error, words in (
        ({"a": {"x": -np.ones(3)}}, ArgumentError, "at least 0"),
        ({"a": {"x": np.ones((1, 2, 3))}}, ShapeError, r"\(N, T\)"),
        ({"a": {"x": np.ones((0, 3))}}, ShapeError, r"\(N, T\)"),
        ({"a": {"x": [1.0, np.nan]}}, NonFiniteError, "finite"),
        ({"a": {}}, ArgumentError, r"panels\['a'\]"),
        ({"a": np.ones(3)}, ArgumentError, r"panels\['a'\]"),
        ({}, ArgumentError, "panels"),
    ):
        with pytest.raises(error, match=words):
            draw(wrong)
    with pytest.raises(ArgumentError, match="floor"):
        draw({"a": {"x": np.ones(3)}}, floor=0)
