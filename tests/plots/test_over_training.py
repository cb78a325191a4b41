"""Pictures over training show the recorded tapes, epoch by epoch and layer by layer."""

import numpy as np
import pytest

from npstack import (
    Adam,
    ArgumentError,
    Dense,
    Recorder,
    Sequential,
    ShapeError,
    StackedLSTM,
    TapeError,
    analysis,
    fit,
    plots,
)

T = 7


@pytest.fixture(scope="module")
def recorder():
    rng = np.random.default_rng(0)
    model = Sequential(StackedLSTM(2, [4, 3], rng=rng), Dense(3, 1, rng=rng))
    x = rng.standard_normal((4, T, 2))
    mask = np.ones((2, T), bool)
    mask[1, 5:] = False
    kept = Recorder(x[:2], mask)
    samples = (x, x.sum(axis=2, keepdims=True))
    fit(model, samples, epochs=6, batch_size=2, rng=rng, optimiser=Adam(0.1), recorder=kept)
    return kept


def numbers(ax):
    (mesh,) = ax.collections[:1]
    return mesh.get_array().T


@pytest.mark.parametrize("row", [0, 1])
def test_each_column_is_an_epoch_and_each_row_a_layer_the_last_on_top(recorder, row):
    picture = plots.layers_over_training(recorder, row=row)
    picture.draw_without_rendering()
    axes = [ax for ax in picture.axes if ax.get_label() != "<colorbar>"]
    grid = np.array(axes).reshape(2, 4)
    titles = [ax.get_title(loc="left") for ax in grid[0]]
    assert titles == ["before training", "after epoch 2", "after epoch 4", "after epoch 6"]
    assert [ax.get_ylabel() for ax in grid[:, 0]] == ["layer 1\n3 units", "layer 0\n4 units"]
    hidden = ~recorder.mask[row]
    note = f"row {row}; hatched: masked steps" if hidden.any() else f"row {row}"
    said = {ax.get_xlabel().replace("\n", " ") for ax in grid[1]}
    assert said == {f"time step ({note})"}
    for column, epoch in enumerate([0, 2, 4, 6]):
        for k in (0, 1):
            shown = numbers(grid[1 - k, column])
            h = recorder.tapes[epoch].layers[k].states.h[row]
            assert np.array_equal(shown.mask.all(axis=1), hidden)
            assert np.array_equal(shown.data[~hidden], h[~hidden])


def test_the_epochs_can_be_chosen_and_time_can_have_a_name(recorder):
    years = 1990 + np.arange(T) / 12
    picture = plots.layers_over_training(recorder, epochs=[5, 1], times=years, time_label="year")
    titles = [ax.get_title(loc="left") for ax in picture.axes[:2]]
    assert titles == ["after epoch 5", "after epoch 1"]
    assert picture.axes[3].get_xlabel() == "year (row 0)"
    h = recorder.tapes[5].layers[1].states.h[0]
    assert np.array_equal(numbers(picture.axes[0]).data, h)


def test_one_recorded_epoch_is_enough(recorder):
    model = StackedLSTM(2, [4], rng=np.random.default_rng(0))
    once = Recorder(np.ones((1, T, 2)))
    once.record(model, 0)
    assert len(plots.layers_over_training(once).axes) == 2  # a panel and the colour bar
    plots.gates_over_training(once).draw_without_rendering()


def test_gates_over_training_are_quantiles_of_the_valid_steps(recorder):
    picture = plots.gates_over_training(recorder)
    picture.draw_without_rendering()
    titles = [ax.get_title(loc="left") for ax in picture.axes]
    assert titles == ["layer 1 · 3 units", "layer 0 · 4 units"]
    for k, ax in enumerate(reversed(picture.axes)):
        labels = [line.get_label() for line in ax.lines]
        assert labels == ["input gate i", "forget gate f", "output gate o"]
        for line, name in zip(ax.lines, ("input", "forget", "output"), strict=True):
            assert list(line.get_xdata()) == recorder.epochs
            for tape, middle in zip(recorder.tapes, line.get_ydata(), strict=True):
                values = getattr(tape.layers[k].gates, name)[recorder.mask]
                assert middle == pytest.approx(np.median(values), rel=1e-14)
        band = ax.collections[1].get_paths()[0].vertices[:, 1]
        forget = [tape.layers[k].gates.forget[recorder.mask] for tape in recorder.tapes]
        assert band.min() == pytest.approx(min(np.quantile(v, 0.1) for v in forget))
        assert band.max() == pytest.approx(max(np.quantile(v, 0.9) for v in forget))


def test_quantiles_of_a_tape_and_their_wrong_calls(recorder):
    tape = recorder.tapes[0]
    below, above = analysis.gate_quantiles(tape, [0.0, 1.0])
    assert list(below) == ["input", "forget", "output"]
    values = tape.layers[1].gates.input[recorder.mask]
    assert above["input"].tolist() == [values.min(), values.max()]
    with pytest.raises(ArgumentError, match="from 0 to 1"):
        analysis.gate_quantiles(tape, [1.5])
    stack = StackedLSTM(2, [4], rng=np.random.default_rng(0))
    with pytest.raises(ArgumentError, match="padding alone"):
        analysis.gate_quantiles(stack.forward(np.ones((1, 2, 2)), mask=np.zeros((1, 2), bool)))


@pytest.mark.parametrize("draw", [plots.layers_over_training, plots.gates_over_training])
def test_an_empty_recorder_and_a_tape_instead_are_told(draw, recorder):
    for wrong in (Recorder(np.ones((1, T, 2))), recorder.tapes[0], None):
        with pytest.raises(ArgumentError, match=r"recorder=Recorder\(x\)"):
            draw(wrong)
    dense = Recorder(np.ones((1, 2)))
    dense.record(Dense(2, 1, rng=np.random.default_rng(0)), 0)
    with pytest.raises(TapeError, match="recurrent layer"):
        draw(dense)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"epochs": [9]}, ArgumentError, r"1 to 12 of those recorded, \[0, 1, 2, 3, 4, 5, 6\]"),
        ({"epochs": []}, ArgumentError, "of those recorded"),
        ({"row": 2}, ArgumentError, "row"),
        ({"times": [1.0, 2.0]}, ShapeError, "T=7"),
    ],
)
def test_what_is_not_there_cannot_be_shown(recorder, options, error, words):
    with pytest.raises(error, match=words):
        plots.layers_over_training(recorder, **options)
