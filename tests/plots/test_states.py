"""Pictures of a tape show the states and gates that stand on it."""

import numpy as np
import pytest

from npstack import (
    LSTM,
    Dense,
    Dropout,
    Embedding,
    RepeatVector,
    Sequential,
    StackedLSTM,
    plots,
)
from npstack.plots.scale import FRACTION
from tests.plots.drawn import (
    MASK,
    T,
    assert_drawable,
    assert_named,
    assert_shown,
    cells,
    panels,
    stack_and_tape,
    titles,
)


@pytest.mark.parametrize("row", [0, 1])
def test_activations_show_every_layer_bottom_up_under_the_output_over_the_input(row):
    _, tape = stack_and_tape()
    picture = plots.activations(tape, row=row)
    assert titles(picture)[:4] == ["output", "layer 1 · 4 units", "layer 0 · 5 units", "input"]
    heights = [ax.get_position().y0 for ax in panels(picture)]
    assert heights == sorted(heights, reverse=True)
    for ax, layer in zip(panels(picture)[2:0:-1], tape.layers, strict=True):
        shown = cells(ax)
        assert_shown(shown, layer.states.h[row], MASK[row])
        (mesh,) = ax.collections
        assert mesh.get_clim() == (-1, 1)
        assert mesh.get_cmap().name == "RdBu_r"
    for k, line in enumerate(panels(picture)[3].lines):
        shown = np.where(MASK[row], tape.x[row, :, k], np.nan)
        np.testing.assert_array_equal(line.get_ydata(), shown)
    assert_named(picture)
    assert_drawable(picture)


def test_all_panels_share_one_time_axis():
    _, tape = stack_and_tape()
    years = 1990 + np.arange(T) / 12
    picture = plots.activations(tape, times=years, time_label="year")
    picture.draw_without_rendering()  # lays the panels out
    limits = {ax.get_xlim() for ax in panels(picture)}
    assert len(limits) == 1
    left, right = limits.pop()
    assert left == pytest.approx(1990 - 1 / 24)
    assert right == pytest.approx(1991 - 1 / 24)
    edges = {
        (round(ax.get_position().x0, 9), round(ax.get_position().x1, 9)) for ax in panels(picture)
    }
    assert len(edges) == 1
    labels = [ax.get_xlabel() for ax in panels(picture)]
    assert labels == ["", "", "", "year (row 0)"]


def test_masked_steps_are_hatched_run_by_run_on_every_panel():
    _, tape = stack_and_tape()
    runs = [(-0.5, 1.5), (4.5, 6.5), (10.5, 11.5)]
    for ax in panels(plots.activations(tape, row=1)):
        shaded = [patch for patch in ax.patches if patch.get_hatch()]
        assert [(box.get_x(), box.get_x() + box.get_width()) for box in shaded] == runs
    for ax in panels(plots.activations(tape, row=0)):
        assert not ax.patches


def test_a_layer_that_returns_its_last_step_is_still_shown_over_time():
    _, tape = stack_and_tape(return_sequences=False)
    picture = plots.activations(tape, row=1)
    assert_shown(cells(panels(picture)[1]), tape.layers[1].states.h[1], MASK[1])
    top = panels(picture)[0]
    assert top.get_title(loc="left") == "output after the last step"
    np.testing.assert_array_equal([bar.get_width() for bar in top.patches], tape.outputs[1])
    written = [f"output {k}: {value:.3g}" for k, value in enumerate(tape.outputs[1])]
    shown = [label.get_text() for label in top.get_yticklabels()]
    assert [text.replace("−", "-") for text in shown] == written
    assert top.get_xlabel() == "value"  # not the axis of time, which the others share
    assert panels(picture)[1].get_xlim() == (-0.5, T - 0.5) != top.get_xlim()
    assert_drawable(picture)


def test_activations_of_a_model_with_symbols_dropout_and_head():
    rng = np.random.default_rng(1)
    stack = StackedLSTM(3, [5, 4], dropout=0.3, rng=rng)
    model = Sequential(Embedding(9, 3, rng=rng), Dropout(0.1), stack, Dense(4, 1, rng=rng))
    tape = model.forward(rng.integers(0, 9, (2, T)), mask=MASK, rng=rng)
    picture = plots.activations(tape, row=1, output_labels=["next"])
    names = ["output · next", "layer 1 · 4 units", "layer 0 · 5 units", "input"]
    assert titles(picture)[:4] == names
    (symbols,) = panels(picture)[3].lines
    np.testing.assert_array_equal(symbols.get_ydata(), np.where(MASK[1], tape.x[1], np.nan))
    assert symbols.get_linestyle() == "None"  # symbols have no order to draw a line along
    (output,) = panels(picture)[0].lines
    shown = np.where(MASK[1], tape.outputs[1, :, 0], np.nan)
    np.testing.assert_array_equal(output.get_ydata(), shown)
    assert_drawable(picture)


@pytest.mark.parametrize("return_sequences", [True, False])
def test_one_layer_one_unit_one_step_can_be_drawn(return_sequences):
    layer = LSTM(1, 1, return_sequences=return_sequences, rng=np.random.default_rng(2))
    tape = layer.forward(np.full((1, 1, 1), 0.1))
    for picture in (plots.activations(tape), plots.gates(tape)):
        assert panels(picture)[-1].get_xlim() == (-0.5, 0.5)
        assert_drawable(picture)
    assert titles(plots.activations(tape))[1] == "layer 0 · 1 unit"


def test_wide_inputs_become_a_heat_map():
    rng = np.random.default_rng(3)
    tape = LSTM(9, 8, rng=rng).forward(5 * rng.standard_normal((1, T, 9)))
    picture = plots.activations(tape)
    np.testing.assert_array_equal(cells(panels(picture)[2]), tape.x[0])
    low, high = panels(picture)[2].collections[0].get_clim()
    assert -low == high == np.abs(tape.x).max()
    np.testing.assert_array_equal(cells(panels(picture)[0]), tape.outputs[0])
    assert panels(picture)[0].collections[0].get_clim() == (-1, 1)
    assert_drawable(picture)


def test_gates_show_the_equations_upwards():
    _, tape = stack_and_tape()
    layer = tape.layers[0]
    picture = plots.gates(layer, row=1, title="layer 0")
    shown = {
        "hidden state h": (layer.states.h, "RdBu_r"),
        "cell state c": (layer.states.c, "RdBu_r"),
        "output gate o": (layer.gates.output, FRACTION),
        "candidate g": (layer.gates.candidate, "RdBu_r"),
        "forget gate f": (layer.gates.forget, FRACTION),
        "input gate i": (layer.gates.input, FRACTION),
    }
    assert titles(picture)[:6] == list(shown)
    for ax, (values, colours) in zip(panels(picture), shown.values(), strict=True):
        assert_shown(cells(ax), values[1], MASK[1])
        (mesh,) = ax.collections
        assert mesh.get_cmap().name == colours
        low, high = mesh.get_clim()
        assert (low, high) == (0, 1) if colours == FRACTION else low == -high
    assert_named(picture)
    assert_drawable(picture)


def test_a_large_cell_state_widens_its_scale():
    layer = LSTM(1, 2, rng=np.random.default_rng(0), bias_init="zeros", forget_bias=20.0)
    params = {**layer.params, "b": layer.params["b"] + 3}
    tape = layer.forward(np.ones((1, 20, 1)), params=params)
    assert np.abs(tape.states.c).max() > 5
    (mesh,) = panels(plots.gates(tape))[1].collections
    assert mesh.get_clim()[1] == np.abs(tape.states.c).max()


def test_one_large_unit_does_not_whiten_the_others_and_is_said():
    layer = LSTM(1, 12, rng=np.random.default_rng(0), forget_bias=20.0)
    params = {**layer.params, "b": layer.params["b"].copy()}
    params["b"][2 * 12 + 5] = 9.0  # the candidate of unit 5 is always 1, and nothing is forgotten
    params["b"][5] = 9.0
    tape = layer.forward(0.1 * np.ones((1, 20, 1)), params=params)
    c = tape.states.c[0]
    assert c[:, 5].max() > 15
    ax = panels(plots.gates(tape))[1]
    largest = np.sort(np.abs(c).max(axis=0))
    assert ax.collections[0].get_clim()[1] == largest[9]  # the 90th percentile of 12
    assert ax.get_title(loc="left") == f"cell state c · 2 units go further, to {c[-1, 5]:.3g}"
    bars = [one._colorbar for one in ax.figure.axes if one.get_label() == "<colorbar>"]
    assert [bar.extend for bar in bars] == [*["neither"] * 4, "both", "neither"]  # i f g o c h
    assert_drawable(ax.figure)


def test_the_truth_is_black_beside_the_output_and_ends_where_the_mask_does():
    rng = np.random.default_rng(4)
    model = Sequential(LSTM(3, 5, rng=rng), Dense(5, 1, rng=rng))
    tape = model.forward(rng.standard_normal((2, T, 3)), mask=MASK)
    truth = rng.standard_normal((2, T, 1))
    picture = plots.activations(tape, row=1, truth=truth, output_labels=["forecast"])
    top = panels(picture)[0]
    drawn = {line.get_label(): line for line in top.lines}
    assert list(drawn) == ["truth", "forecast"]
    assert drawn["truth"].get_color() == "#000000"
    for name, values in {"truth": truth, "forecast": tape.outputs}.items():
        shown = np.where(MASK[1], values[1, :, 0], np.nan)
        np.testing.assert_array_equal(drawn[name].get_ydata(), shown)
    assert [text.get_text() for text in top.get_legend().get_texts()] == ["truth", "forecast"]
    assert_drawable(picture)


def test_the_truth_of_a_last_step_is_a_line_across_its_bar():
    _, tape = stack_and_tape(return_sequences=False)
    truth = tape.outputs + 1
    top = panels(plots.activations(tape, truth=truth))[0]
    across = [line for line in top.lines if line.get_linewidth() == 2]
    assert [list(line.get_xdata()) for line in across] == [[value] * 2 for value in truth[0]]
    assert [line.get_color() for line in across] == ["#000000"] * 4
    assert [text.get_text() for text in top.get_legend().get_texts()] == ["truth"]


def test_of_many_classes_the_largest_are_named():
    rng = np.random.default_rng(5)
    layer = LSTM(3, 5, return_sequences=False, rng=rng)
    tape = Sequential(layer, Dense(5, 9, rng=rng)).forward(rng.standard_normal((1, T, 3)))
    names = [f"digit {k}" for k in range(9)]
    top = panels(plots.activations(tape, output_labels=names))[0]
    order = np.argsort(-tape.outputs[0])[:6]
    shown = [label.get_text().partition(":")[0] for label in top.get_yticklabels()]
    assert shown == [f"digit {k}" for k in order]
    assert [bar.get_width() for bar in top.patches] == tape.outputs[0][order].tolist()
    assert top.get_title(loc="left") == "output after the last step · the largest 6 of 9"


def test_an_input_without_time_axis_is_a_bar_for_each_column():
    rng, x = np.random.default_rng(6), np.array([[0.5, 2.0]])
    tape = Sequential(RepeatVector(4), LSTM(2, 3, rng=rng)).forward(x)
    bottom = panels(plots.activations(tape))[-1]
    assert bottom.get_title(loc="left") == "input (no time axis)"
    assert [bar.get_width() for bar in bottom.patches] == [0.5, 2.0]
    picture = plots.activations(Sequential(RepeatVector(4), LSTM(2, 3, rng=rng)).forward(x))
    assert panels(picture)[1].get_xlabel() == "time step"  # the lowest with an axis of time
