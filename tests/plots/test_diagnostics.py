"""Pictures of measurements, weights, curves and forecasts show the numbers that they are given."""

from itertools import pairwise

import numpy as np
import pytest

from npstack import analysis, plots
from npstack.core.params import split_gates
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


def test_saturation_has_one_point_per_unit_and_gate():
    _, tape = stack_and_tape()
    measured = analysis.saturation(tape, open_above=0.7, closed_below=0.5)
    picture = plots.saturation(measured)
    assert titles(picture) == ["layer 1 · 4 units", "layer 0 · 5 units"]
    for ax, layer in zip(reversed(panels(picture)), measured, strict=True):
        points = {line.get_label(): line for line in ax.lines[1:]}
        assert list(points) == ["input gate", "forget gate", "output gate"]
        for name in ("input", "forget", "output"):
            line = points[f"{name} gate"]
            np.testing.assert_array_equal(line.get_xdata(), layer.open[name])
            np.testing.assert_array_equal(line.get_ydata(), layer.closed[name])
    assert_named(picture)
    assert_drawable(picture)


def test_saturation_of_a_tape_is_that_of_its_measurement():
    _, tape = stack_and_tape()
    both = [plots.saturation(tape), plots.saturation(analysis.saturation(tape))]
    drawn = [[line.get_xydata().tolist() for ax in p.axes for line in ax.lines] for p in both]
    assert drawn[0] == drawn[1]


def test_gradient_norms_show_the_measurement_with_gaps_where_it_is_zero():
    stack, tape = stack_and_tape(return_sequences=False)
    norms = analysis.gradient_norms(stack, tape, np.ones((2, 4)))
    norms["h"][0, 3] = 0
    picture = plots.gradient_norms(norms)
    assert titles(picture) == ["hidden state h", "cell state c"]
    for ax, name in zip(panels(picture), norms, strict=True):
        assert ax.get_yscale() == "log"
        assert ax.get_xlim() == (-0.5, T - 0.5)
        assert [line.get_label() for line in ax.lines] == ["layer 0", "layer 1"]
        for line, values in zip(ax.lines, norms[name], strict=True):
            shown = np.where(values == 0, np.nan, values)
            np.testing.assert_array_equal(line.get_ydata(), shown)
    assert_named(picture)
    assert_drawable(picture)


@pytest.mark.parametrize("reach", [1e-200, 1e-40, 1e-5, 1e-3, 0.01, 0.1, 0.3, 0.6, 0.95, 1, 2e5])
def test_gradient_norms_of_any_size_get_ticks(reach):
    picture = plots.gradient_norms({"h": np.geomspace(reach, 1, 9)[np.newaxis]})
    picture.draw_without_rendering()
    (ax,) = picture.axes
    low, high = ax.get_ylim()
    words = [
        tick.get_text() for tick in ax.get_yticklabels() if low <= tick.get_position()[1] <= high
    ]
    assert 2 <= len(words) <= 12
    assert len(set(words)) == len(words)


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
        assert limits[1] == max(np.abs(block).max() for block in blocks)
        counted = [sum(patch.get_xy()[:, 1].max() for patch in line[4].patches)]
        assert counted[0] > 0
        assert len(line[4].patches) == 4
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
