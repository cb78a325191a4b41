"""The picture of a text: characters, surprise, and the units that are chosen, slowest first."""

from dataclasses import replace

import numpy as np
import pytest

from npstack import ArgumentError, ShapeError, analysis, plots
from npstack.layers.stacked import StackedLSTM
from npstack.text import Vocabulary, character_model, read
from tests.text.rhyme import IDS, TEXT, small_model


@pytest.fixture
def model():
    return small_model(np.random.default_rng(0))


def test_characters_stand_under_every_layer_and_surprise_over_the_character_it_is_of(model):
    text = "the cat\tsat\n$ \u2603"
    vocabulary = Vocabulary.of(TEXT + text)
    model = character_model(len(vocabulary), [7, 5], rng=np.random.default_rng(0))
    ((tape, bits),) = read(model, vocabulary.encode(text))
    picture = plots.characters(tape, text, bits=bits)
    picture.canvas.draw()
    surprise, upper, lower, _ = picture.axes
    assert [ax.get_title(loc="left") for ax in (upper, lower)] == [
        "layer 1 · 5 units",
        "layer 0 · 7 units",
    ]
    for ax in (surprise, upper, lower):
        shown = [label.get_text() for label in ax.get_xticklabels()]
        assert "".join(shown) == "the␣cat⇥sat↵\\$␣\u2603"
    heights = {round(bar.get_center()[0]): bar.get_height() for bar in surprise.patches}
    assert heights == pytest.approx(dict(enumerate(bits, start=1)))
    mesh = lower.collections[0]
    np.testing.assert_array_equal(
        np.asarray(mesh.get_array()).reshape(7, -1), tape.layers[0].states.h[0].T
    )


def test_the_picture_shows_the_row_that_is_asked_for_and_does_without_bits(model):
    two = np.stack([IDS[:6], IDS[10:16]])
    tape = model.forward(two)
    picture = plots.characters(tape, TEXT[10:16], row=1)
    assert len(picture.axes) == 3
    mesh = picture.axes[0].collections[0]
    np.testing.assert_array_equal(
        np.asarray(mesh.get_array()).reshape(5, -1), tape.layers[1].states.h[1].T
    )


def test_the_picture_shows_the_units_that_are_chosen_from_the_bottom_up(model):
    tape = model.forward(IDS[np.newaxis, :6])
    units = [np.array([6, 0, 2]), np.array([1, 4])]
    picture = plots.characters(tape, TEXT[:6], units=units, unit_label="some")
    upper, lower, _ = picture.axes
    assert lower.get_title(loc="left") == "layer 0 · 7 units, 3 of them"
    assert {ax.get_ylabel() for ax in (upper, lower)} == {"some"}
    for ax, layer, chosen in zip((lower, upper), tape.layers, units, strict=True):
        drawn = np.asarray(ax.collections[0].get_array()).reshape(len(chosen), -1)
        np.testing.assert_array_equal(drawn, layer.states.h[0].T[chosen])


def test_so_many_of_the_slowest_units_stand_from_the_bottom_up(model):
    tape = model.forward(IDS[np.newaxis, :20])
    picture = plots.characters(tape, TEXT[:20], units=3)
    upper, lower, _ = picture.axes
    for ax, layer, order in zip(
        (lower, upper), tape.layers, analysis.slowest_first(tape), strict=True
    ):
        drawn = np.asarray(ax.collections[0].get_array()).reshape(3, -1)
        np.testing.assert_array_equal(drawn, layer.states.h[0].T[order[:3]])
        assert [label.get_text() for label in ax.get_yticklabels()] == [str(k) for k in order[:3]]
    assert lower.get_title(loc="left") == "layer 0 · 7 units, the 3 slowest"
    every = plots.characters(tape, TEXT[:20], units=99)
    assert every.axes[1].get_title(loc="left") == "layer 0 · 7 units, the slowest at the bottom"
    for wrong in (0, -1):
        with pytest.raises(ArgumentError, match="units"):
            plots.characters(tape, TEXT[:20], units=wrong)


def test_of_many_units_some_are_drawn_evenly_spread():
    model = character_model(9, [30], rng=np.random.default_rng(0))
    tape = model.forward(np.arange(9)[np.newaxis])
    panel = plots.characters(tape, "abcdefghi").axes[0]
    assert panel.get_title(loc="left") == "layer 0 · 30 units, 8 of them"
    units = [int(label.get_text()) for label in panel.get_yticklabels()]
    assert units == [0, 4, 8, 12, 17, 21, 25, 29]


def test_units_that_hold_their_value_stand_first():
    steady = np.linspace(-1, 1, 8)
    h = np.stack([(-1.0) ** np.arange(8), steady, np.full(8, 0.3), steady**3 + 0.1 * h_noise()], -1)
    layer = StackedLSTM(1, 4, rng=np.random.default_rng(0))
    tape = layer.forward(np.zeros((1, 8, 1)), mask=np.array([[True] * 7 + [False]]))
    (recurrent,) = tape.layers
    states = recurrent.states._replace(h=h[np.newaxis])
    (order,) = analysis.slowest_first(replace(recurrent, states=states))
    assert order.tolist() == [2, 1, 3, 0]
    holes = layer.forward(np.zeros((1, 2, 1)), mask=np.array([[True, False]]))
    with pytest.raises(ArgumentError, match="neighbouring valid steps"):
        analysis.slowest_first(holes)


def h_noise():
    return np.array([0, 1, -1, 1, 0, -1, 1, 0])


def test_wrong_pictures_are_refused_in_words(model):
    tape = model.forward(IDS[np.newaxis, :5])
    with pytest.raises(ShapeError, match="T=5 characters"):
        plots.characters(tape, "the")
    with pytest.raises(ShapeError, match="bits must be"):
        plots.characters(tape, TEXT[:5], bits=np.zeros(3))
    for units in ([[0]], [[0], [0, 0]], [[0], [5]], [[], [0]]):
        with pytest.raises(ArgumentError, match=r"units of each of the layers of \[7, 5\]"):
            plots.characters(tape, TEXT[:5], units=units)
    long = model.forward(np.zeros((1, 201), int))
    with pytest.raises(ArgumentError, match="shorter text"):
        plots.characters(long, "x" * 201)
