"""Pictures of measurements, weights, curves and forecasts show the numbers that they are given."""

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from npstack import analysis, plots
from npstack.core.params import split_gates
from npstack.plots.frame import look
from npstack.plots.scale import by_units
from npstack.training.fit import History
from tests.plots.drawn import (
    T,
    assert_drawable,
    assert_named,
    cells,
    panels,
    stack_and_tape,
    titles,
)

# ---- saturation, gradient norms -----------------------------------------------------------------


def bars_of(ax):
    """The fractions that a panel shows: upwards nearly open, downwards nearly closed."""
    half = len(ax.patches) // 2
    heights = [bar.get_height() for bar in ax.patches]
    return np.array(heights[:half]), -np.array(heights[half:])


def test_saturation_has_a_bar_up_and_a_bar_down_per_unit_and_gate():
    _, tape = stack_and_tape()
    measured = analysis.saturation(tape, open_above=0.7, closed_below=0.5)
    picture = plots.saturation(measured)
    grid = np.array(panels(picture)).reshape(2, 3)
    assert [ax.get_title(loc="left") for ax in grid[0]] == [
        "input gate i",
        "forget gate f",
        "output gate o",
    ]
    said = [line[0].get_ylabel() for line in grid]
    assert said == [f"layer {k}\n{H} units" for k, H in ((1, 4), (0, 5))]
    assert [ax.get_xlabel() for ax in grid[1]] == ["unit"] * 3
    for line, layer in zip(grid[::-1], measured, strict=True):
        for ax, name in zip(line, ("input", "forget", "output"), strict=True):
            opened, closed = bars_of(ax)
            np.testing.assert_array_equal(opened, layer.open[name])
            np.testing.assert_array_equal(closed, layer.closed[name])
            assert {bar.get_facecolor() for bar in ax.patches} == {
                to_rgba(look(name).colour),
                to_rgba("white"),
            }
    assert_drawable(picture)


def test_a_gate_that_is_never_nearly_open_or_closed_is_said_to_be_in_between():
    _, tape = stack_and_tape()
    never = plots.saturation(analysis.saturation(tape, open_above=1.0, closed_below=0.0))
    for ax in panels(never):
        assert [text.get_text() for text in ax.texts] == ["in between"]
    ticks = [text.get_text() for text in panels(never)[0].get_yticklabels()]
    assert ticks == ["closed 100%", "0%", "open 100%"]


def test_saturation_of_a_tape_is_that_of_its_measurement():
    _, tape = stack_and_tape()
    both = [plots.saturation(tape), plots.saturation(analysis.saturation(tape))]
    drawn = [[bar.get_height() for ax in p.axes for bar in ax.patches] for p in both]
    assert drawn[0] == drawn[1]


def test_gradient_norms_are_a_map_of_layers_and_time_for_each_state():
    stack, tape = stack_and_tape(return_sequences=False)
    norms = analysis.gradient_norms(stack, tape, np.ones((2, 4)))
    norms["h"][0, 3] = 0
    picture = plots.gradient_norms(norms, times=np.arange(T) + 2000.0, time_label="year")
    assert titles(picture)[:2] == ["hidden state h: ‖dh‖", "cell state c: ‖dc‖"]
    for ax, name in zip(panels(picture), "hc", strict=True):
        shown = cells(ax)
        assert shown.shape == (T, 2)
        empty = norms[name].T == 0
        np.testing.assert_array_equal(np.ma.getmaskarray(shown), empty)
        np.testing.assert_allclose(10 ** shown.data[~empty], norms[name].T[~empty], rtol=1e-12)
        assert [label.get_text() for label in ax.get_yticklabels()] == ["layer 0", "layer 1"]
        low, high = ax.get_ylim()
        assert low < high  # layer 0 at the bottom
        assert ax.get_xlim() == (1999.5, 2000 + T - 0.5)
    assert len({ax.collections[0].get_clim() for ax in panels(picture)}) == 1
    assert panels(picture)[-1].get_xlabel() == "year"
    assert_drawable(picture)


def bar_of(picture):
    (bar,) = [ax for ax in picture.axes if ax.get_label() == "<colorbar>"]
    return bar


def test_norms_far_below_the_largest_have_the_colour_of_a_floor_that_is_said():
    fading = 10.0 ** np.arange(-39, 1)
    picture = plots.gradient_norms({"h": np.stack([fading, np.ones(40)])})
    (ax,) = panels(picture)
    powers = np.maximum(np.arange(-39, 1), -16)
    np.testing.assert_allclose(cells(ax), np.stack([powers, np.zeros(40)], 1), atol=1e-12)
    bar = bar_of(picture)
    assert ax.collections[0].get_clim() == (-16, 0)
    assert bar.get_xlabel() == "norm of the gradient of the loss\n(below $10^{-16}$: palest)"
    assert bar._colorbar.extend == "min"
    assert "$10^{-16}$" in [label.get_text() for label in bar.get_xticklabels()]
    fading[0] = 0
    fading[1:] = 1.0
    without = bar_of(plots.gradient_norms({"h": fading[np.newaxis]}))
    assert without.get_xlabel() == "norm of the gradient of the loss\n(0: white)"
    assert without._colorbar.extend == "neither"


@pytest.mark.parametrize("reach", [5e-324, 1e-40, 1e-5, 0.01, 0.3, 0.95, 1, 2e5, 1e308])
def test_gradient_norms_of_any_size_get_ticks(reach):
    picture = plots.gradient_norms({"h": np.array([[reach, 1.0]])})
    picture.draw_without_rendering()
    bar = bar_of(picture)
    words = [label.get_text() for label in bar.get_xticklabels()]
    assert 2 <= len(words) <= 9
    assert len(set(words)) == len(words)
    low, high = panels(picture)[0].collections[0].get_clim()
    assert low <= 0 <= high or reach > 1e16
    assert all(low <= tick <= high for tick in bar.get_xticks())


def test_norms_that_are_all_zero_leave_the_map_white():
    picture = plots.gradient_norms({"h": np.zeros((2, 5))})
    (ax,) = panels(picture)
    assert np.ma.getmaskarray(cells(ax)).all()
    assert bar_of(picture).get_xlabel().endswith("(0: white)")
    assert_drawable(picture)


def test_names_of_many_layers_are_left_to_the_axis():
    few, many = (plots.gradient_norms({"h": np.ones((L, 5))}) for L in (16, 17))
    assert len(panels(few)[0].get_yticklabels()) == 16
    assert panels(many)[0].get_ylabel() == "layer"
    long = plots.gradient_norms({"h": np.ones((2, 5))}, names=["the first of the two layers"] * 2)
    words = [label.get_text() for label in panels(long)[0].get_yticklabels()]
    assert words == ["the first of the\ntwo layers"] * 2
    for picture in (few, many, long):
        assert_drawable(picture)


# ---- weights, curves, forecasts ----------------------------------------------------------------


def test_weights_and_gradients_stand_gate_by_gate():
    stack, tape = stack_and_tape()
    grads = stack.backward(tape, np.ones((2, T, 4)))
    picture = plots.weights(stack.params, grads.params, layer="layers.1")
    rows = np.array(panels(picture)).reshape(6, 5)
    names = ["W", "dW", "U", "dU", "b", "db"]
    for line, name in zip(rows, names, strict=True):
        source = grads.params if name.startswith("d") else stack.params
        blocks = split_gates(np.atleast_2d(source[f"layers.1.{name[-1]}"]))
        scales = set()
        for ax, (gate, block) in zip(line, blocks._asdict().items(), strict=False):
            assert ax.get_title(loc="left").startswith(f"{name} · {gate}")
            np.testing.assert_array_equal(cells(ax), block.T)
            scales.add(ax.collections[0].get_clim())
        (limits,) = scales  # one scale of colours for all four gates
        assert limits[1] == by_units(np.concatenate(blocks, axis=1)).high
        counted = [sum(patch.get_xy()[:, 1].max() for patch in line[4].patches)]
        assert counted[0] > 0
        assert len(line[4].patches) == 4
    assert_drawable(picture)


def test_a_column_of_large_gradients_does_not_whiten_the_others_and_is_said():
    stack, _ = stack_and_tape()
    params = stack.children["layers.0"].params
    slopes = {name: np.full_like(value, 0.1) for name, value in params.items()}
    slopes["W"][:, 10] = -7.0  # of the candidate's first unit
    picture = plots.weights(params, slopes)
    row = panels(picture)[5:10]
    assert {ax.collections[0].get_clim() for ax in row[:4]} == {(-0.1, 0.1)}
    assert row[4].get_title(loc="left") == "column 10 goes\nfurther, to −7"
    assert row[4].get_xlim()[0] < -7  # the histogram shows all
    (bar,) = {ax._colorbar.extend for ax in picture.axes[31:32]}
    assert bar == "both"
    assert_drawable(picture)


def test_weights_of_one_layer_need_no_name_and_no_gradients():
    stack, _ = stack_and_tape()
    layer = stack.children["layers.0"]
    picture = plots.weights(layer.params)
    assert len(panels(picture)) == 15
    np.testing.assert_array_equal(cells(panels(picture)[0]), layer.params["W"][:, :5].T)
    zero = plots.weights({name: 0 * value for name, value in layer.params.items()})
    assert_drawable(zero)  # a scale around nothing but zeros


def test_histograms_count_every_weight():
    stack, _ = stack_and_tape()
    picture = plots.weights(stack.params, layer="layers.0")
    for k, name in enumerate("WUb"):
        histogram = panels(picture)[5 * k + 4]
        blocks = split_gates(stack.params[f"layers.0.{name}"])
        for patch, block in zip(histogram.patches, blocks, strict=True):
            xy = patch.get_xy()
            tops = [y for (x, y), (x2, y2) in pairwise(xy) if y == y2 and x != x2]
            assert sum(tops) == block.size


def test_training_curves_show_the_columns_and_leave_gaps_for_none():
    history = History([1, 2, 3], [1.0, 0.5, 0.25], [1.1, None, 0.3], [3.0, 2.0, 1.0])
    picture = plots.training_curves(history)
    train, validation = picture.axes[0].lines
    (norm,) = picture.axes[1].lines
    np.testing.assert_array_equal(train.get_xydata(), [(1, 1.0), (2, 0.5), (3, 0.25)])
    np.testing.assert_array_equal(validation.get_ydata(), [1.1, np.nan, 0.3])
    np.testing.assert_array_equal(norm.get_ydata(), history.gradient_norm)
    assert_named(picture)
    assert_drawable(picture)
    without = plots.training_curves(History([1], [1.0], [None], [3.0]))
    assert [line.get_label() for line in without.axes[0].lines] == ["training"]


def test_forecasts_show_truth_and_every_prediction():
    years = 1990 + np.arange(T) / 12
    truth = np.sin(years)
    predictions = {f"model {k}": truth + k for k in range(9)}
    picture = plots.forecasts(years, truth, predictions, time_label="year", value_label="count")
    (ax,) = picture.axes
    drawn = {line.get_label(): line for line in ax.lines}
    assert list(drawn) == ["truth", *predictions]
    for name, values in {"truth": truth, **predictions}.items():
        np.testing.assert_array_equal(drawn[name].get_xdata(), years)
        np.testing.assert_array_equal(drawn[name].get_ydata(), values)
    looks = {(line.get_color(), line.get_linestyle()) for line in ax.lines}
    assert len(looks) == len(ax.lines)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("year", "count")
    assert_drawable(picture)
