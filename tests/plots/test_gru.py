"""Pictures of a GRU: its letters, and what the ends of its update gate mean (§2.2)."""

import numpy as np
import pytest

from npstack import (
    GRU,
    LSTM,
    GRUResetBeforeCell,
    Recorder,
    Recurrent,
    Sequential,
    StackedGRU,
    analysis,
    plots,
)
from tests.plots.drawn import assert_drawable, panels, titles


def rng():
    return np.random.default_rng(0)


X = rng().standard_normal((2, 6, 3))
FORMS = {"after": GRU(3, 4, rng=rng()), "before": Recurrent(GRUResetBeforeCell(3, 4, rng=rng()))}
KEPT = "0 replaces\n1 keeps"
OPEN = "0 closed\n1 open"


@pytest.mark.parametrize("form", FORMS)
def test_the_gates_have_their_letters_and_say_which_end_keeps(form):
    picture = plots.gates(FORMS[form].forward(X), row=1)
    assert_drawable(picture)
    shown = ["hidden state h", "candidate n", "update gate z", "reset gate r"]
    assert titles(picture)[:4] == shown
    assert [ax.get_ylabel() for ax in picture.axes[4:]] == [OPEN, KEPT, "value", "value"]
    assert panels(picture)[-1].get_xlabel() == "time step (row 1)"


def test_the_words_are_true():
    """An update gate that is held at 1 keeps the state; at 0, the candidate replaces it."""
    layer = GRU(3, 4, rng=rng())
    for bias, kept in ((50.0, True), (-50.0, False)):
        b = layer.params["b"].copy()
        b[4:8] = bias
        layer.params = {**layer.params, "b": b}
        tape = layer.forward(X)
        assert np.array_equal(tape.gates.update.round(), np.full((2, 6, 4), float(kept)))
        expected = 0 * tape.gates.candidate if kept else tape.gates.candidate
        assert np.allclose(tape.states.h, expected, rtol=0, atol=1e-12)


def test_saturation_says_it_where_there_is_an_update_gate():
    note = "update gate: 1 keeps the old state, 0 replaces it"
    for measured in (FORMS["after"].forward(X), analysis.saturation(FORMS["after"].forward(X))):
        picture = plots.saturation(measured)
        assert_drawable(picture)
        assert titles(picture)[:2] == ["reset gate r", "update gate z"]
        assert picture.get_supxlabel().splitlines()[1:] == [note]
    assert note not in plots.saturation(LSTM(3, 4, rng=rng()).forward(X)).get_supxlabel()
    both = plots.saturation(Sequential(LSTM(3, 3, rng=rng()), FORMS["after"]).forward(X))
    assert note in both.get_supxlabel()
    named = {"input gate i", "forget gate f", "output gate o", "reset gate r", "update gate z"}
    assert named <= set(titles(both))


def test_gates_over_training_say_it_in_the_legend():
    recorder = Recorder(X)
    stack = StackedGRU(3, [4, 3], rng=rng())
    recorder.record(stack, 0)
    recorder.record(stack, 1)
    picture = plots.gates_over_training(recorder)
    assert_drawable(picture)
    said = [line.get_label() for line in picture.axes[0].lines]
    assert said == ["reset gate r", "update gate z · 1 keeps"]


def test_weights_have_the_letters_too():
    shown = titles(plots.weights(FORMS["after"]))
    assert {"W · reset r", "W · update z", "W · candidate n"} <= set(shown)


@pytest.mark.parametrize("draw", [plots.gates, plots.activations])
def test_the_row_is_named_only_among_several(draw):
    layer = FORMS["after"]
    for batch, said in ((X, "time step (row 0)"), (X[:1], "time step")):
        assert panels(draw(layer.forward(batch)))[-1].get_xlabel() == said


@pytest.mark.parametrize("columns", range(2, 7))
def test_the_legend_of_the_outputs_is_inside_the_picture(columns):
    layer = GRU(8, columns, rng=rng())
    picture = plots.activations(layer.forward(rng().standard_normal((3, 20, 8))))
    picture.canvas.draw()
    legend = picture.axes[0].get_legend().get_window_extent()
    assert legend.x0 >= 0
    assert legend.x1 <= picture.bbox.x1
