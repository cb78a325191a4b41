"""A colour means one value: fixed where the range of a function is, else what the bar says."""

import numpy as np
import pytest

from npstack import (
    GRU,
    LSTM,
    RNN,
    EncoderDecoder,
    GRUState,
    LSTMVariantCell,
    Recorder,
    Recurrent,
    Sequential,
    SourceTarget,
    StackedLSTM,
    plots,
)
from npstack.cells import CELLS
from npstack.cells.parts import Activations, CellClip
from npstack.core.activations import ACTIVATIONS, Activation
from npstack.plots.scale import FRACTION, beyond, by_units, scale_of
from npstack.training.history import History
from tests.plots.drawn import assert_drawable, cells, panels, titles


def limits(picture, title):
    """Colours of a panel, and the values at their ends."""
    (mesh,) = panels(picture)[titles(picture).index(title)].collections
    return mesh.get_cmap().name, *mesh.get_clim()


def bars(picture):
    """What is written beside each colour bar."""
    picture.draw_without_rendering()
    found = [ax for ax in picture.axes if ax.get_label() == "<colorbar>"]
    return [[tick.get_text() for tick in ax.get_yticklabels()] for ax in found]


def assert_all_within(picture):
    """No value of a heat map lies beyond the ends of its colours without a word."""
    meshes = [mesh for ax in panels(picture) for mesh in ax.collections if mesh.get_clim()[1]]
    assert meshes
    for mesh in meshes:
        low, high = mesh.get_clim()
        assert low * (1 + 1e-6) <= mesh.get_array().min(), mesh.axes.get_title(loc="left")
        assert mesh.get_array().max() <= high * (1 + 1e-6), mesh.axes.get_title(loc="left")


def x_of(scale, shape=(2, 9, 3)):
    return scale * np.random.default_rng(0).standard_normal(shape)


def scales(tape):
    """The scale of each gate and state of the first row, and its values."""
    arrays = {**tape.gates._asdict(), **tape.states._asdict()}
    return {name: (scale_of(tape, name, own[0]), own[0]) for name, own in arrays.items()}


@pytest.mark.parametrize("name", CELLS)
def test_no_value_of_any_cell_lies_beyond_its_colours(name):
    tape = Recurrent(CELLS[name](3, 4, np.random.default_rng(0))).forward(x_of(3.0))
    for scale, values in scales(tape).values():
        assert scale.low <= values.min() <= values.max() <= scale.high


@pytest.mark.slow
@pytest.mark.parametrize("name", CELLS)
def test_no_value_of_any_cell_lies_beyond_the_colours_of_pictures(name):
    tape = Recurrent(CELLS[name](3, 4, np.random.default_rng(0))).forward(x_of(3.0))
    assert_all_within(plots.activations(tape))
    assert_all_within(plots.gates(tape))


@pytest.mark.parametrize("size", [0.01, 1.0, 8.0])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_colours_follow_the_range_of_an_activation_not_the_data(name, size):
    low, high = Activation(name).range
    rng = np.random.default_rng(1)
    plain = RNN(3, 4, activation=name, recurrent_init="zeros", rng=rng).forward(x_of(size))
    chosen = Activations(input=name, candidate=name)
    tape = Recurrent(LSTMVariantCell(3, 4, chosen, rng=rng)).forward(x_of(size, (1, 2, 3)))
    found = {"h": scales(plain)["h"], **{n: scales(tape)[n] for n in ("input", "candidate")}}
    for place, (scale, values) in found.items():
        reach = max(-low, high)
        if not np.isfinite([low, high]).all():
            reach = np.abs(values).max() or 1.0
        fraction = (low, high) == (0, 1) and place == "input"
        assert scale == ((FRACTION, 0, 1) if fraction else ("RdBu_r", -reach, reach))


def test_a_picture_of_gates_uses_these_scales():
    chosen = Activations(input="relu", candidate=Activation("scaled_tanh", 2.0, 1.0))
    cell = LSTMVariantCell(3, 4, chosen, rng=np.random.default_rng(0))
    tape = Recurrent(cell).forward(x_of(2.0))
    picture = plots.gates(tape)
    assert limits(picture, "forget gate f") == (FRACTION, 0, 1)
    assert limits(picture, "candidate g") == ("RdBu_r", -2, 2)
    largest = tape.gates.input[0].max()
    assert limits(picture, "input gate i") == ("RdBu_r", -largest, largest)
    assert_all_within(picture)
    assert_drawable(picture)


def test_a_scaled_tanh_has_its_own_range_and_float32_does_not_widen_it():
    wide = Activation("scaled_tanh", alpha=1.7159, beta=2 / 3)
    for dtype in (np.float32, np.float64):
        layer = RNN(3, 4, activation=wide, rng=np.random.default_rng(0), dtype=dtype)
        for scale in (0.1, 50.0):
            picture = plots.activations(layer.forward(x_of(scale).astype(dtype)))
            assert limits(picture, "layer 0 · 4 units") == ("RdBu_r", -1.7159, 1.7159)
            assert bars(picture)[-1] == ["−1.72", "0", "1.72"]


def test_layers_of_one_range_share_a_bar_and_others_have_their_own():
    rng = np.random.default_rng(0)
    alike = plots.activations(StackedLSTM(3, [5, 4], rng=rng).forward(x_of(1.0)))
    assert bars(alike) == [["−1", "−0.5", "0", "0.5", "1"]]
    relu = RNN(3, 5, activation="relu", rng=rng)
    tape = Sequential(relu, LSTM(5, 4, rng=rng)).forward(x_of(4.0))
    mixed = plots.activations(tape)
    largest = np.abs(tape.layers[0].states.h[0]).max()
    assert largest > 1
    assert bars(mixed) == [[f"−{largest:.3g}", "0", f"{largest:.3g}"], ["−1", "0", "1"]]
    assert_drawable(mixed)


def test_a_clipped_cell_has_the_range_of_its_clip():
    layer = Recurrent(LSTMVariantCell(3, 4, CellClip(0.75), rng=np.random.default_rng(0)))
    for scale in (0.01, 9.0):
        picture = plots.gates(layer.forward(x_of(scale)))
        assert limits(picture, "cell state c") == ("RdBu_r", -0.75, 0.75)


def test_a_state_that_was_given_widens_the_scale_where_it_reaches_beyond():
    layer = GRU(3, 4, rng=np.random.default_rng(0))
    assert limits(plots.gates(layer.forward(x_of(1.0))), "hidden state h")[1:] == (-1, 1)
    tape = layer.forward(x_of(1.0), states=GRUState(np.full((2, 4), 7.0)))
    low, high = limits(plots.gates(tape), "hidden state h")[1:]
    assert high == -low == np.abs(tape.states.h[0]).max() > 2


def test_masked_steps_do_not_stretch_a_scale():
    layer = RNN(1, 2, activation="relu", recurrent_init="zeros", rng=np.random.default_rng(0))
    x = np.array([[[1.0], [-1.0], [np.nan]]])
    mask = np.array([[True, True, False]])
    tape = layer.forward(
        x, states=type(layer.forward(x[:, :1]).final)(np.full((1, 2), 99.0)), mask=mask
    )
    assert limits(plots.activations(tape), "layer 0 · 2 units")[2] < 3
    nothing = layer.forward(x, mask=np.zeros((1, 3), bool))
    assert limits(plots.activations(nothing), "layer 0 · 2 units") == ("RdBu_r", -1, 1)
    assert_drawable(plots.activations(nothing))


def relu(D, H):
    return RNN(D, H, activation="relu", recurrent_init="zeros", rng=np.random.default_rng(0))


def test_the_other_pictures_of_states_use_the_same_colours():
    tape = relu(3, 4).forward(x_of(5.0, (1, 3, 3)))
    largest = np.abs(tape.states.h[0]).max()
    assert largest > 1
    assert limits(plots.characters(tape, "abc"), "layer 0 · 4 units")[2] == largest
    pair = SourceTarget(np.full((1, 2, 3), 5.0), np.full((1, 2, 3), -3.0))
    tape = EncoderDecoder(relu(3, 4), relu(3, 4)).forward(pair)
    picture = plots.handover(tape, "ab", "cd")
    meshes = panels(picture)[0].collections
    (ends,) = {mesh.get_clim() for mesh in meshes}  # both sides on one scale
    assert ends[1] == max(np.abs(part.states.h[0]).max() for part in tape.parts)
    assert_all_within(picture)


def test_all_epochs_of_a_layer_share_a_scale():
    layer, recorder = relu(3, 4), Recorder(x_of(1.0))
    for epoch in range(3):
        recorder.record(layer, epoch)
        layer.params = {name: 3 * value for name, value in layer.params.items()}
    picture = plots.layers_over_training(recorder)
    ends = {mesh.get_clim() for ax in panels(picture) for mesh in ax.collections}
    assert ends == {(-(reach := np.abs(recorder.tapes[-1].states.h[0]).max()), reach)}


def test_gates_beyond_one_are_not_cut_off_over_training():
    open_wide = Activations(input="relu")
    layer = Recurrent(LSTMVariantCell(3, 4, open_wide, rng=np.random.default_rng(0)))
    recorder = Recorder(x_of(3.0, (1, 4, 3)))
    recorder.record(layer, 0)
    (ax,) = plots.gates_over_training(recorder).axes
    assert ax.get_ylim()[1] > ax.collections[0].get_paths()[0].vertices[:, 1].max() > 1
    assert ax.get_ylabel() == "value of the gate"


def test_outputs_that_are_hidden_states_have_their_colours():
    rng = np.random.default_rng(0)
    tape = LSTM(3, 8, rng=rng).forward(x_of(0.2))
    picture = plots.activations(tape)
    assert limits(picture, "output") == limits(picture, "layer 0 · 8 units")
    np.testing.assert_array_equal(cells(panels(picture)[0]), cells(panels(picture)[1]))


def ends_of_the_range(size):
    """Nine numbers up to a size, and the tape of a layer that hands them on."""
    x = (size * np.linspace(-1, 1, 9)).reshape(1, 9, 1)
    rng = np.random.default_rng(0)
    layer = RNN(1, 2, activation="linear", recurrent_init="zeros", rng=rng)
    return x, layer.forward(x)


@pytest.mark.parametrize("size", [1e308, 5e-324])
def test_numbers_at_the_ends_of_the_range_are_drawn(size):
    x, tape = ends_of_the_range(size)
    picture = plots.activations(tape)
    power = int(np.floor(np.log10(np.abs(x).max())))
    assert panels(picture)[2].get_ylabel() == f"value (in $10^{{{power}}}$)"
    drawn = panels(picture)[2].lines[0].get_ydata()
    assert 1 <= np.abs(drawn).max() < 10
    np.testing.assert_array_equal(np.sign(drawn), np.sign(x.ravel()))
    assert_all_within(picture)
    assert_drawable(picture)


@pytest.mark.slow
@pytest.mark.parametrize("size", [1e308, 1e160, 1e-160, 5e-324])
def test_numbers_at_the_ends_of_the_range_are_drawn_by_every_picture(size):
    x, tape = ends_of_the_range(size)
    W, numbers = np.abs(x).reshape(-1)[:4].reshape(1, 4), x.ravel()
    for picture in (
        plots.gates(tape),
        plots.forecasts(np.arange(9), numbers, {"a": numbers}),
        plots.forecast_horizons(np.arange(9), numbers, {"a": x[0]}, ["1"]),
        plots.errors_by_horizon(np.arange(9), {"a": np.abs(numbers)}),
        plots.weights({"W": W, "U": np.full((1, 4), size), "b": np.ones(4)}),
        plots.characters(tape, "to be not", bits=np.abs(numbers)),
        plots.gradient_norms({"h": np.abs(x[..., 0])}),
        plots.truncated_bptt(np.abs(x[..., 0]), np.abs(x[..., 0]), k=2),
        plots.influence(np.abs(numbers), series=numbers),
        plots.training_curves(History([1, 2], [size, 1.0], [size, size], [1.0, size])),
    ):
        assert_drawable(picture)


def test_units_chosen_for_characters_keep_the_scale_of_their_layer():
    tape = relu(3, 4).forward(x_of(5.0, (1, 3, 3)))
    quiet = int(np.argmin(np.abs(tape.states.h[0]).max(0)))
    picture = plots.characters(tape, "abc", units=[[quiet]])
    assert limits(picture, "layer 0 · 4 units, 1 of them")[2] == np.abs(tape.states.h[0]).max()


def test_a_scale_ends_early_only_for_few_units_that_are_far_larger():
    many = np.ones((3, 20))
    assert by_units(many).high == 1
    many[1, 4] = -2.9
    assert by_units(many).high == 2.9  # not far
    many[1, 4] = -9
    assert by_units(many).high == 1
    assert beyond(many, by_units(many)) == "unit 4 goes further, to −9"
    many[2, 7] = 5
    assert beyond(many, by_units(many)) == "2 units go further, to −9"
    many[0, :5] = 9
    assert by_units(many).high == 9  # five of twenty are not few
    assert beyond(many, by_units(many)) == ""
    assert by_units(many[:, 3:6]).high == 9  # of three units, none is an exception
    only = np.zeros((1, 9))
    only[0, 2] = 4
    assert by_units(only).high == 4  # the others are not small but zero
    assert by_units(only, (-1, 1)).high == 4
    assert by_units(only / 8, (-1, 1)).high == 1
