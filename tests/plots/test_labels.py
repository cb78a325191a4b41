"""What a picture says about itself: units, bands, thresholds, when a truth comes true."""

import dataclasses
import io

import numpy as np
import pytest
from matplotlib.image import imread

from npstack import (
    LSTM,
    Dense,
    EncoderDecoder,
    Recorder,
    Sequential,
    SourceTarget,
    StackedLSTM,
    analysis,
    plots,
)
from npstack.training.fit import History
from tests.plots.drawn import MASK, T, assert_drawable, cells, panels, stack_and_tape, titles

# ---- many units ---------------------------------------------------------------------------------


def many(units, steps=30, **options):
    layer = LSTM(1, units, rng=np.random.default_rng(0), **options)
    return layer.forward(np.random.default_rng(1).standard_normal((1, steps, 1)))


def stripes_down(picture, ax):
    """Rows of red and of blue in a column of pixels through the middle of a panel."""
    buffer = io.BytesIO()
    picture.savefig(buffer, format="png")
    pixels = imread(io.BytesIO(buffer.getvalue()))
    box = ax.get_window_extent()
    rows = slice(len(pixels) - int(box.y1) - 1, len(pixels) - int(box.y0) + 1)
    red, _, blue, _ = pixels[rows, int((box.x0 + box.x1) / 2)].T
    coloured = np.abs(red - blue) > 0.2  # without the border of the panel
    return 1 + np.count_nonzero(np.diff((red > blue)[coloured]))


@pytest.mark.parametrize("units", [30, 128, 200])
def test_every_unit_has_a_row_of_pixels(units):
    tape = many(units)
    recorder = Recorder(np.ones((1, 9, 1)))
    recorder.record(LSTM(1, units, rng=np.random.default_rng(0)), 0)
    drawn = {
        plots.activations(tape): slice(0, 2),  # the outputs and the layer
        plots.gates(tape): slice(0, 6),
        plots.layers_over_training(recorder): slice(0, 1),
    }
    for picture, own in drawn.items():
        picture.draw_without_rendering()
        for ax in panels(picture)[own]:
            assert ax.get_window_extent().height >= units
            assert cells(ax).shape[1] == units
        assert_drawable(picture)


@pytest.mark.parametrize("units", [61, 128, 200])
def test_no_row_is_lost_between_two_rows_of_pixels(units):
    tape = many(units)
    h = np.broadcast_to(np.where(np.arange(units) % 2, 0.9, -0.9), tape.states.h.shape)
    picture = plots.activations(dataclasses.replace(tape, states=tape.states._replace(h=h)))
    assert stripes_down(picture, panels(picture)[1]) == units


def test_of_too_many_units_a_row_shows_the_largest_of_its_neighbours_and_says_so():
    tape = many(1000)
    output, layer, _ = panels(plots.activations(tape))
    h = tape.states.h[0].reshape(30, 200, 5)
    largest = np.take_along_axis(h, np.abs(h).argmax(-1)[..., np.newaxis], -1)[..., 0]
    for ax, name in ((layer, "unit"), (output, "column")):
        np.testing.assert_array_equal(cells(ax), largest)
        assert ax.get_ylabel() == f"{name}\n(row: the largest of 5)"
        assert ax.get_ylim() == (-0.5, 999.5)  # the numbers beside the rows are those of units


def test_of_too_many_gates_a_row_shows_the_mean_of_its_neighbours_and_says_so():
    tape = many(301)
    picture = plots.gates(tape)
    f = tape.gates.forget[0]
    shown = cells(panels(picture)[4])
    np.testing.assert_allclose(shown[:, :150], f[:, :300].reshape(30, 150, 2).mean(-1), rtol=1e-14)
    np.testing.assert_array_equal(shown[:, 150], f[:, 300])  # the last has no neighbour
    said = [ax.get_ylabel() for ax in panels(picture)]
    assert said[4] == "unit\n(row: the mean of 2)"
    assert said[0] == "unit\n(row: the largest of 2)"
    assert panels(picture)[4].get_ylim() == (-0.5, 300.5)
    assert_drawable(picture)


def test_the_other_maps_of_too_many_units_say_it_too():
    rng, said = np.random.default_rng(0), "(row: the largest of 2)"
    every = [np.arange(300)]
    sides = [StackedLSTM(1, [300], rng=rng) for _ in range(2)]
    tape = EncoderDecoder(*sides).forward(SourceTarget(np.ones((1, 3, 1)), np.ones((1, 2, 1))))
    recorder = Recorder(np.ones((1, 4, 1)))
    recorder.record(sides[0], 0)
    drawn = {
        "unit": panels(plots.handover(tape, "abc", "^x", units=every))[0],
        "unit ": panels(plots.characters(many(300, steps=4), "abcd", units=every))[0],
        "from input": panels(plots.weights(LSTM(300, 2, rng=rng)))[0],
        "layer 0\n300 units": panels(plots.layers_over_training(recorder))[0],
    }
    for name, ax in drawn.items():
        assert ax.get_ylabel() == f"{name.strip()}\n{said}"
        assert ax.collections[0].get_array().shape[0] == 150


def test_columns_of_a_heat_map_have_their_names():
    rng = np.random.default_rng(0)
    model = Sequential(LSTM(1, 3, rng=rng), Dense(3, 12, rng=rng))
    tape = model.forward(rng.standard_normal((1, T, 1)))
    names = [f"{k} ahead" for k in range(1, 13)]
    picture = plots.activations(tape, output_labels=names)
    top = panels(picture)[0]
    assert top.get_ylabel() == "column"
    written = dict(zip(top.get_yticks(), top.get_yticklabels(), strict=True))
    assert {k: label.get_text() for k, label in written.items()} == {
        0: "1 ahead",
        5: "6 ahead",
        11: "12 ahead",
    }
    assert_drawable(picture)


# ---- names --------------------------------------------------------------------------------------


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def note(ax):
    return ax.get_legend().get_title().get_text()


def test_a_truth_has_the_name_that_says_when_it_comes_true():
    rng = np.random.default_rng(4)
    x, later = rng.standard_normal((2, T, 3)), "truth, 12 months later"
    for columns, names in ((1, [later, "output"]), (2, [f"{later} (dashed)"])):
        tape = Sequential(LSTM(3, 5, rng=rng), Dense(5, columns, rng=rng)).forward(x)
        picture = plots.activations(tape, truth=tape.outputs, truth_label=later)
        assert legend(panels(picture)[0])[: len(names)] == names
        assert_drawable(picture)
    _, last = stack_and_tape(return_sequences=False)
    picture = plots.activations(last, truth=last.outputs, truth_label=later)
    assert legend(panels(picture)[0]) == [later]


def test_bands_are_explained_over_the_names():
    runs = {"RNN": np.ones((5, 9)), "LSTM": np.full((5, 9), 0.5)}
    picture = plots.gradient_against_lag({"a": runs}, run="seed")
    assert note(picture.axes[0]) == "line: median of 5 seeds; band: smallest to largest"
    uneven = plots.gradient_against_lag({"a": runs | {"GRU": np.ones((2, 9))}})
    assert note(uneven.axes[0]) == "line: median of the runs; band: smallest to largest"
    assert not note(plots.gradient_against_lag({"a": {"RNN": np.ones(9)}}).axes[0])
    errors = plots.errors_by_horizon([1, 2], {"ours": np.ones((3, 2)), "other": np.ones(2)})
    assert note(errors.axes[0]) == "line: mean; band: smallest to largest"
    assert not note(plots.errors_by_horizon([1, 2], {"other": np.ones(2)}).axes[0])
    recorder = Recorder(np.ones((1, 9, 1)))
    recorder.record(LSTM(1, 4, rng=np.random.default_rng(0)), 0)
    gates = plots.gates_over_training(recorder)
    assert note(gates.axes[0]) == "line: median; band: the middle 80 % of units and steps"
    for drawn in (picture, uneven, errors, gates):
        assert_drawable(drawn)


@pytest.mark.parametrize("thresholds", [(0.9, 0.1), (0.7, 0.45)])
def test_saturation_names_its_thresholds_on_one_axis_for_all_pictures(thresholds):
    _, tape = stack_and_tape()
    given = dict(zip(("open_above", "closed_below"), thresholds, strict=True))
    measured = analysis.saturation(tape, **given)
    pictures = [plots.saturation(own, **given) for own in (tape, measured)]
    heights = [[bar.get_height() for ax in p.axes for bar in ax.patches] for p in pictures]
    assert heights[0] == heights[1]
    for picture in pictures:
        above, below = thresholds
        expected = f"filled bars up: gate above {above}; empty bars down: below {below}"
        assert picture.get_supxlabel() == expected
        assert {ax.get_ylim() for ax in panels(picture)} == {(-1.08, 1.08)}
        assert_drawable(picture)


def test_bars_that_are_too_small_to_be_seen_are_told():
    found = analysis.Saturation({"forget": np.array([0.004, 0.0])}, {"forget": np.zeros(2)})
    (ax,) = panels(plots.saturation((found,)))
    assert [text.get_text() for text in ax.texts] == ["at most 0.4%"]


def test_gradients_say_what_they_are_of():
    norms = {"h": np.ones((2, 5))}
    for of, said in (({}, "the loss"), ({"of": "the last output"}, "the last output")):
        bar = plots.gradient_norms(norms, **of).axes[-1]
        assert bar.get_xlabel() == f"norm of the gradient of {said}"
    long = plots.gradient_norms({"h": np.array([[0.0, 1e-30, 1.0]])}, of="the last of the outputs")
    assert long.axes[-1].get_xlabel().endswith("outputs\n(below $10^{-16}$: palest, 0: white)")
    assert_drawable(long)


def test_masked_steps_are_named_where_there_are_any():
    _, tape = stack_and_tape()
    said = [panels(plots.activations(tape, row=row))[-1].get_xlabel() for row in (0, 1)]
    assert said == ["time step (row 0)", "time step (row 1; hatched: masked steps)"]
    assert not MASK[1].all()


@pytest.mark.parametrize("years", [np.linspace(1950, 1957.5, 60), np.linspace(1950, 1990, 60)])
def test_years_have_whole_numbers(years):
    line = np.arange(60.0)
    tape = many(3, steps=60)
    for picture in (
        plots.forecasts(years, line, {"a": line}),
        plots.activations(tape, times=years, time_label="year"),
    ):
        picture.draw_without_rendering()
        ticks = panels(picture)[-1].get_xticks()
        assert len(ticks) >= 4
        assert (ticks == ticks.round()).all()
    short = plots.forecasts(years[:5] / 10, line[:5], {"a": line[:5]})
    assert len(short.axes[0].get_xticks()) >= 2  # too short for whole numbers


def test_forecasts_do_not_hide_the_truth():
    line = np.arange(60.0)
    predictions = dict.fromkeys(("stack", "ridge", "persistence"), line)
    (one,) = plots.forecasts(line, line, predictions, title="12 months ahead").axes
    assert one.get_title(loc="left") == "12 months ahead"
    table = dict.fromkeys(predictions, line[:, np.newaxis])
    (other,) = plots.forecast_horizons(line, line, table, ["1 step ahead"]).axes
    for ax in (one, other):
        drawn = {own.get_label(): own for own in ax.lines}
        order = sorted(drawn, key=lambda name: drawn[name].get_zorder())
        assert order == ["persistence", "ridge", "truth", "stack"]
        dashes = [drawn[name].get_linestyle() for name in ("truth", *predictions)]
        assert dashes == ["-", "-", "--", ":"]


def test_curves_name_their_loss_and_a_logarithmic_axis():
    history = History([1, 2], [1.0, 0.5], [1.1, 0.7], [3.0, 0.0])
    picture = plots.training_curves(history, loss_label="cross-entropy, nats")
    assert [ax.get_ylabel() for ax in picture.axes] == [
        "cross-entropy, nats (log)",
        "gradient norm",
    ]


def test_weights_name_their_layer():
    stack, _ = stack_and_tape()
    assert plots.weights(stack, layer="layers.1").get_suptitle() == "parameters of layers.1"
    assert plots.weights(stack.children["layers.1"]).get_suptitle() == ""


def test_the_first_character_has_no_bits_and_the_title_says_so():
    tape = many(3, steps=4)
    picture = plots.characters(tape, "abcd", bits=np.ones(4))
    assert titles(picture)[0].endswith("none for the first")
    assert sorted(bar.get_x() + 0.4 for bar in picture.axes[0].patches) == pytest.approx([1, 2, 3])


def test_a_sign_among_what_is_read_can_be_explained():
    rng = np.random.default_rng(0)
    sides = [StackedLSTM(1, [4], rng=rng) for _ in range(2)]
    tape = EncoderDecoder(*sides).forward(SourceTarget(np.ones((1, 3, 1)), np.ones((1, 2, 1))))
    picture = plots.handover(tape, "abc", "^x", label="what is read (^: the start)")
    assert panels(picture)[-1].get_xlabel() == "what is read (^: the start)"
