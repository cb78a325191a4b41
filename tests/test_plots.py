"""Pictures show what is on the tape, change nothing, and keep matplotlib's global state alone."""

import subprocess
import sys
import textwrap
from itertools import pairwise

import numpy as np
import pytest

from npstack import (
    LSTM,
    ArgumentError,
    Dense,
    Dropout,
    DtypeError,
    Embedding,
    Sequential,
    ShapeError,
    StackedLSTM,
    TapeError,
    analysis,
    plots,
)
from npstack.params import split_gates
from npstack.train import History

T = 12
MASK = np.ones((2, T), dtype=bool)
MASK[1, [0, 1, 5, 6, 11]] = False


def stack_and_tape(**options):
    rng = np.random.default_rng(0)
    stack = StackedLSTM(3, [5, 4], rng=rng, **options)
    return stack, stack.forward(rng.standard_normal((2, T, 3)), mask=MASK)


def titles(picture):
    return [ax.get_title(loc="left") for ax in picture.axes]


def panels(picture):
    """All axes but colour bars."""
    return [ax for ax in picture.axes if ax.get_label() != "<colorbar>"]


def cells(ax):
    """The numbers that a heat map shows, as (T, H)."""
    (mesh,) = ax.collections
    return mesh.get_array().T


def assert_named(picture):
    """Each panel has a name for its vertical axis; the lowest of each column for the other."""
    for ax in panels(picture):
        assert ax.get_ylabel(), ax
    assert panels(picture)[-1].get_xlabel()


def assert_drawable(picture):
    """It can be laid out, and nothing lies outside the paper."""
    picture.draw_without_rendering()
    paper = picture.bbox.padded(1)
    for ax in picture.axes:
        box = ax.get_tightbbox()
        assert box is None or (paper.contains(*box.min) and paper.contains(*box.max)), ax


# ---- activations ---------------------------------------------------------------------------


@pytest.mark.parametrize("row", [0, 1])
def test_activations_show_every_layer_bottom_up_under_the_output_over_the_input(row):
    _, tape = stack_and_tape()
    picture = plots.activations(tape, row=row)
    assert titles(picture)[:4] == ["output", "layer 1 · 4 units", "layer 0 · 5 units", "input"]
    heights = [ax.get_position().y0 for ax in panels(picture)]
    assert heights == sorted(heights, reverse=True)
    for ax, layer in zip(panels(picture)[2:0:-1], tape.layers, strict=True):
        shown = cells(ax)
        np.testing.assert_array_equal(shown.data, layer.states.h[row])
        np.testing.assert_array_equal(shown.mask, np.broadcast_to(~MASK[row, :, None], shown.shape))
        (mesh,) = ax.collections
        assert mesh.get_clim() == (-1, 1)
        assert mesh.get_cmap().name == "RdBu_r"
    for k, line in enumerate(panels(picture)[3].lines):
        np.testing.assert_array_equal(line.get_ydata().data, tape.x[row, :, k])
        np.testing.assert_array_equal(np.ma.getmaskarray(line.get_ydata()), ~MASK[row])
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
    assert labels == ["", "", "", "year"]


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
    np.testing.assert_array_equal(cells(panels(picture)[1]).data, tape.layers[1].states.h[1])
    points = [line.get_xydata()[0] for line in panels(picture)[0].lines]
    expected = [(10, value) for value in tape.outputs[1]]  # step 10 is the last valid one
    np.testing.assert_array_equal(points, expected)


def test_activations_of_a_model_with_symbols_dropout_and_head():
    rng = np.random.default_rng(1)
    stack = StackedLSTM(3, [5, 4], dropout=0.3, rng=rng)
    model = Sequential(Embedding(9, 3, rng=rng), Dropout(0.1), stack, Dense(4, 1, rng=rng))
    tape = model.forward(rng.integers(0, 9, (2, T)), mask=MASK, rng=rng)
    picture = plots.activations(tape, row=1, output_labels=["next"])
    names = ["output · next", "layer 1 · 4 units", "layer 0 · 5 units", "input"]
    assert titles(picture)[:4] == names
    (symbols,) = panels(picture)[3].lines
    np.testing.assert_array_equal(symbols.get_ydata().data, tape.x[1])
    assert symbols.get_linestyle() == "None"  # symbols have no order to draw a line along
    (output,) = panels(picture)[0].lines
    np.testing.assert_array_equal(output.get_ydata().data, tape.outputs[1, :, 0])
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


# ---- gates, saturation, gradient norms --------------------------------------------------------


def test_gates_show_the_equations_upwards():
    _, tape = stack_and_tape()
    layer = tape.layers[0]
    picture = plots.gates(layer, row=1, title="layer 0")
    shown = {
        "hidden state h": (layer.states.h, "RdBu_r"),
        "cell state c": (layer.states.c, "RdBu_r"),
        "output gate o": (layer.gates.output, "cividis"),
        "candidate g": (layer.gates.candidate, "RdBu_r"),
        "forget gate f": (layer.gates.forget, "cividis"),
        "input gate i": (layer.gates.input, "cividis"),
    }
    assert titles(picture)[:6] == list(shown)
    for ax, (values, colours) in zip(panels(picture), shown.values(), strict=True):
        np.testing.assert_array_equal(cells(ax).data, values[1])
        np.testing.assert_array_equal(cells(ax).mask[:, 0], ~MASK[1])
        (mesh,) = ax.collections
        assert mesh.get_cmap().name == colours
        low, high = mesh.get_clim()
        assert (low, high) == (0, 1) if colours == "cividis" else low == -high
    assert_named(picture)
    assert_drawable(picture)


def test_a_large_cell_state_widens_its_scale():
    layer = LSTM(1, 2, rng=np.random.default_rng(0), bias_init="zeros", forget_bias=20.0)
    params = {**layer.params, "b": layer.params["b"] + 3}
    tape = layer.forward(np.ones((1, 20, 1)), params=params)
    assert np.abs(tape.states.c).max() > 5
    (mesh,) = panels(plots.gates(tape))[1].collections
    assert mesh.get_clim()[1] == np.abs(tape.states.c).max()


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
            np.testing.assert_array_equal(line.get_ydata().data, values)
            np.testing.assert_array_equal(np.ma.getmaskarray(line.get_ydata()), values == 0)
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


# ---- diagram -----------------------------------------------------------------------------------


def texts(picture):
    return [(text.get_text(), *text.get_position()) for text in picture.axes[0].texts]


def boxes(picture, word):
    """Corner positions (column, row) of all boxes that hold a word."""
    return sorted((x, y) for text, x, y in texts(picture) if text == word)


def test_the_diagram_shows_layers_bottom_up_with_their_shapes():
    rng = np.random.default_rng(4)
    stack = StackedLSTM(2, [5, 4], dropout=0.1, return_sequences=False, rng=rng)
    picture = plots.diagram(Sequential(stack, Dense(4, 1, rng=rng)))
    shapes = sorted((y, text) for text, _, y in texts(picture) if text.startswith("(B"))
    wanted = ["(B, T, 2)", "(B, T, 5)", "(B, T, 5)", "(B, 4)", "(B, 1)"]
    assert [text for _, text in shapes] == wanted
    assert boxes(picture, "LSTM") == [(0, 0), (0, 2), (1, 0), (1, 2), (3, 0), (3, 2)]
    assert boxes(picture, "Dropout")[:3] == [(-0.8, 1), (0, 1), (1, 1)]
    assert (3, 3) in boxes(picture, "Dense")  # on the last step alone
    assert (0, 3) not in boxes(picture, "Dense")
    states = [text for text, _, _ in texts(picture) if text.startswith("h, c")]
    assert states == ["h, c  (B, 5)", "h, c  (B, 4)"]
    names = [text for text, _, _ in texts(picture) if text.startswith("layer")]
    assert names == ["layer 0 · LSTM\n2 → 5", "layer 1 · LSTM\n5 → 4"]
    assert_drawable(picture)


def test_the_diagram_of_a_sequence_model_has_outputs_at_every_step():
    rng = np.random.default_rng(5)
    model = Sequential(Embedding(9, 3, rng=rng), LSTM(3, 4, rng=rng), Dense(4, 2, rng=rng))
    picture = plots.diagram(model)
    words = [text for text, _, _ in texts(picture)]
    assert {"x(0)", "x(1)", "x(T-1)", "y(0)", "y(1)", "y(T-1)"} <= set(words)
    assert [word for word in words if word.startswith("(B")] == [
        "(B, T)",
        "(B, T, 3)",
        "(B, T, 4)",
        "(B, T, 2)",
    ]


# ---- what pictures leave alone -----------------------------------------------------------------


def test_pictures_touch_no_global_state(tmp_path):
    program = """
        import sys
        import numpy as np
        import npstack
        import npstack.plots
        assert "matplotlib" not in sys.modules
        assert "activations" in dir(npstack.plots)
        assert "matplotlib" not in sys.modules
        layer = npstack.LSTM(1, 2, rng=np.random.default_rng(0))
        tape = layer.forward(np.ones((1, 4, 1)))
        picture = npstack.plots.activations(tape)
        import matplotlib
        before = matplotlib.rcParams.copy()
        npstack.plots.gates(tape).savefig(sys.argv[1])
        npstack.plots.diagram(layer)._repr_png_()
        assert "matplotlib.pyplot" not in sys.modules
        assert dict.items(matplotlib.rcParams) == dict.items(before)
        try:
            npstack.plots.nothing
        except AttributeError as error:
            assert "nothing" in str(error)
        else:
            raise SystemExit("npstack.plots offers what it does not have")
    """
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(program)]
    command.append(str(tmp_path / "gates.png"))
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_notebook_shows_a_picture_as_png():
    _, tape = stack_and_tape()
    assert plots.activations(tape, row=1)._repr_png_()[:8] == b"\x89PNG\r\n\x1a\n"


def test_arrays_on_the_tape_stay_as_they_are_and_may_be_write_protected():
    stack, tape = stack_and_tape()
    for layer in tape.layers:
        for values in (*layer.states, *layer.gates, layer.x, layer.mask, layer.outputs):
            values.flags.writeable = False
    kept = [values.copy() for layer in tape.layers for values in (*layer.states, *layer.gates)]
    plots.activations(tape)._repr_png_()
    plots.gates(tape.layers[1], row=1)._repr_png_()
    plots.saturation(tape)._repr_png_()
    plots.weights(tape.layers[0].params)._repr_png_()
    now = [values for layer in tape.layers for values in (*layer.states, *layer.gates)]
    for before, after in zip(kept, now, strict=True):
        np.testing.assert_array_equal(before, after)
    assert stack.forward(tape.x, mask=MASK).outputs.tobytes() == tape.outputs.tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.longdouble])
def test_tapes_of_other_floating_types_can_be_drawn(dtype):
    layer = LSTM(1, 3, rng=np.random.default_rng(6), dtype=dtype)
    tape = layer.forward(np.ones((1, T, 1), dtype))
    assert_drawable(plots.activations(tape))
    assert_drawable(plots.gates(tape))


# ---- wrong calls ---------------------------------------------------------------------------------


def wrong_calls():
    rng = np.random.default_rng(7)
    stack, tape = stack_and_tape()
    dense = Dense(3, 1, rng=rng).forward(np.ones((2, T, 3)))
    history = History([1], [1.0], [None], [1.0])
    history.epochs.clear()
    nine = np.zeros(9)
    params = stack.params
    own = {"W": params["layers.0.W"], "U": params["layers.0.U"], "b": params["layers.0.b"]}
    bad = {**own, "U": own["U"][1:]}
    return {
        "row too large": (lambda: plots.activations(tape, row=2), ArgumentError, "B-1 = 1"),
        "row negative": (lambda: plots.gates(tape.layers[0], row=-1), ArgumentError, "B-1 = 1"),
        "row a float": (lambda: plots.activations(tape, row=1.0), ArgumentError, "whole number"),
        "no recurrent layer": (lambda: plots.activations(dense), TapeError, "recurrent layer"),
        "an array": (lambda: plots.activations(np.ones(3)), TapeError, "recurrent layer"),
        "times of other length": (
            lambda: plots.activations(tape, times=nine),
            ShapeError,
            r"times must be \(T=12",
        ),
        "times that fall": (
            lambda: plots.activations(tape, times=-np.arange(T)),
            ArgumentError,
            "rising",
        ),
        "times that stand still": (
            lambda: plots.activations(tape, times=np.minimum(np.arange(T), 5)),
            ArgumentError,
            "rising",
        ),
        "times that are words": (
            lambda: plots.activations(tape, times=["May"] * T),
            ArgumentError,
            "decimal",
        ),
        "labels of other number": (
            lambda: plots.activations(tape, input_labels=["one"]),
            ShapeError,
            "input_labels must name 3",
        ),
        "gates of a stack": (lambda: plots.gates(tape), TapeError, r"tape\.layers\[0\]"),
        "saturation of words": (lambda: plots.saturation("tape"), DtypeError, "analysis"),
        "saturation of nothing": (lambda: plots.saturation(()), DtypeError, "analysis"),
        "saturation without layer": (lambda: plots.saturation(dense), TapeError, "recurrent"),
        "norms as array": (lambda: plots.gradient_norms(np.ones((2, 3))), ShapeError, r"\(L, T\)"),
        "norms one-dimensional": (
            lambda: plots.gradient_norms({"h": nine}),
            ShapeError,
            r"\(L, T\)",
        ),
        "weights of a stack": (lambda: plots.weights(params), ArgumentError, "'layers.0'"),
        "weights of no layer": (
            lambda: plots.weights(params, layer="layers.7"),
            ArgumentError,
            "'layers.1'",
        ),
        "gradients of other shape": (lambda: plots.weights(own, bad), ShapeError, "gradients"),
        "history without epochs": (lambda: plots.training_curves(history), ArgumentError, "epoch"),
        "not a history": (lambda: plots.training_curves([1.0]), ArgumentError, "train_loss"),
        "truth with columns": (
            lambda: plots.forecasts(nine, np.zeros((9, 1)), {"a": nine}),
            ShapeError,
            "truth",
        ),
        "prediction of other length": (
            lambda: plots.forecasts(np.arange(9), nine, {"a": nine[1:]}),
            ShapeError,
            r"predictions\['a'\]",
        ),
        "no prediction": (
            lambda: plots.forecasts(np.arange(9), nine, {}),
            ArgumentError,
            "dictionary",
        ),
        "diagram of a tape": (lambda: plots.diagram(tape), DtypeError, "must be a layer"),
    }


@pytest.mark.parametrize("name", wrong_calls())
def test_wrong_calls_are_refused_in_words(name):
    call, error, words = wrong_calls()[name]
    with pytest.raises(error, match=words):
        call()
