"""Who influenced an output, held against differences and the complex step, and its pictures."""

import numpy as np
import pytest

from npstack import (
    LSTM,
    ArgumentError,
    Bidirectional,
    Dense,
    DtypeError,
    Embedding,
    EncoderDecoder,
    NonFiniteError,
    RepeatVector,
    Sequential,
    ShapeError,
    SourceTarget,
    StackedLSTM,
    TapeError,
    plots,
)
from npstack.analysis import influence
from tests.plots.drawn import assert_drawable, panels

STEP = 1e-30
MASK = np.array([[1, 1, 0, 1, 1, 1], [0, 1, 1, 1, 1, 0]], dtype=bool)


def by_complex_step(model, x, output, step, mask=None):
    """The same from forward passes alone: one for each number of x."""
    params = {name: value.astype(complex) for name, value in model.params.items()}
    derivatives = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        moved = x.astype(complex)
        moved[place] += 1j * STEP
        outputs = model.forward(moved, mask=mask, params=params).outputs
        own = outputs[place[0]] if outputs.ndim == 2 else outputs[place[0], step]
        derivatives[place] = own[output].imag / STEP
    return np.sqrt((derivatives**2).sum(-1))


def model_of(rng, **options):
    stack = StackedLSTM(2, [4, 3], rng=rng, **options)
    return Sequential(stack, Dense(3, 2, rng=rng))


@pytest.mark.parametrize("step", [None, 5, 3, 0])
def test_influence_equals_the_complex_step(step):
    rng = np.random.default_rng(0)
    model, x = model_of(rng), rng.standard_normal((2, 6, 2))
    found = influence(model, model.forward(x, mask=MASK), 1, step)
    expected = by_complex_step(model, x, 1, 5 if step is None else step, MASK)
    assert found.shape == (2, 6)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-300)
    assert (found[~MASK] == 0).all()
    if step is None:
        assert (found[0][MASK[0]] > 0).all()
        assert not found[1].any()  # its output is masked
    else:
        assert not found[:, step + 1 :].any()


def test_a_model_of_the_last_step_has_one_output_in_time():
    rng = np.random.default_rng(1)
    model, x = model_of(rng, return_sequences=False), rng.standard_normal((2, 6, 2))
    found = influence(model, model.forward(x, mask=MASK), 0)
    np.testing.assert_allclose(found, by_complex_step(model, x, 0, None, MASK), rtol=1e-12)
    with pytest.raises(ArgumentError, match="step must be None"):
        influence(model, model.forward(x), 0, 5)


def test_two_directions_are_influenced_from_both_sides():
    rng = np.random.default_rng(2)
    model = Bidirectional(LSTM(2, 3, rng=rng), LSTM(2, 2, rng=rng))
    x = rng.standard_normal((1, 5, 2))
    for output in (0, 4):
        found = influence(model, model.forward(x), output, 2)
        np.testing.assert_allclose(found, by_complex_step(model, x, output, 2), rtol=1e-12)


@pytest.mark.parametrize("turned", [False, True])
def test_a_symbol_has_the_influence_of_its_vector(turned):
    rng = np.random.default_rng(3)
    embedding = Embedding(7, 2, rng=rng)
    above = (
        Bidirectional(LSTM(2, 3, rng=rng), LSTM(2, 3, rng=rng)) if turned else LSTM(2, 6, rng=rng)
    )
    head = Dense(6, 3, rng=rng)
    symbols = np.array([[0, 4, 2, 4], [1, 1, 0, 5]])
    model = Sequential(embedding, above, head)
    found = influence(model, model.forward(symbols), 2, 3)
    vectors = embedding.params["W"][symbols]
    np.testing.assert_allclose(
        found, by_complex_step(Sequential(above, head), vectors, 2, 3), rtol=1e-12
    )


def test_a_vanished_influence_is_measured_though_its_square_underflows():
    layer = LSTM(1, 1, rng=np.random.default_rng(4))
    params = {name: value * (1e-200 if name == "W" else 1) for name, value in layer.params.items()}
    found = influence(layer, layer.forward(np.ones((1, 3, 1)), params=params), 0)
    assert 0 < found[0, 2] < 1e-199


def test_what_cannot_be_measured_is_refused():
    rng = np.random.default_rng(5)
    layer, x = LSTM(2, 3, rng=rng), np.ones((1, 4, 2))
    tape = layer.forward(x)
    for output in (3, -1, 1.0, True, None):
        with pytest.raises(ArgumentError, match="output must be a whole number from 0 to 2"):
            influence(layer, tape, output)
    for step in (4, -1, 1.0):
        with pytest.raises(ArgumentError, match="step must be a whole number from 0 to 3"):
            influence(layer, tape, 0, step)
    with pytest.raises(TapeError, match=r"analysis\.influence"):
        influence(layer, Dense(2, 1, rng=rng).forward(x), 0)
    vector = Sequential(RepeatVector(3), LSTM(2, 3, rng=rng))
    with pytest.raises(TapeError, match=r"\(B, T, D\)"):
        influence(vector, vector.forward(x[:, 0]), 0)
    pair = EncoderDecoder(LSTM(2, 3, rng=rng), LSTM(2, 3, rng=rng))
    with pytest.raises(TapeError, match="two inputs"):
        influence(pair, pair.forward(SourceTarget(x, x)), 0)
    apart = Bidirectional(LSTM(2, 3, rng=rng), LSTM(2, 3, rng=rng), merge="none")
    with pytest.raises(ArgumentError, match="outputs must be"):
        influence(apart, apart.forward(x), 0)


# ---- the pictures ------------------------------------------------------------------------------

SIZES = np.array([0.0, 1e-9, 0.002, 0.02, 0.2, 2.0])
POWERS = np.array([-3, -3, -3, -2, -1, 0.0])


def background(picture):
    (mesh,) = panels(picture)[0].collections
    return np.asarray(mesh.get_array().filled(np.nan))


def bar_of(picture):
    (bar,) = [ax for ax in picture.axes if ax.get_label() == "<colorbar>"]
    return bar


def test_a_series_stands_on_a_background_of_its_influence():
    series, years = np.array([3.0, 1, np.nan, 5, 2, 4]), np.arange(6) + 1990.0
    picture = plots.influence(
        SIZES, series=series, step=5, times=years, time_label="year", value_label="count", title="a"
    )
    (ax,) = panels(picture)
    line, mark = ax.lines
    np.testing.assert_array_equal(line.get_ydata(), series)
    np.testing.assert_array_equal(line.get_xdata(), years)
    assert list(mark.get_xdata()) == [1995, 1995]
    np.testing.assert_allclose(background(picture), POWERS[np.newaxis], atol=1e-12)
    corners = ax.collections[0].get_coordinates()
    np.testing.assert_array_equal(corners[0, :, 0], np.arange(7) + 1989.5)
    assert (corners[0, 0, 1], corners[1, 0, 1]) == ax.get_ylim()  # the whole panel
    assert ax.get_xlim() == (1989.5, 1995.5)
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title(loc="left")) == ("year", "count", "a")
    assert bar_of(picture).get_xlabel().endswith("(below 0.001: white)")
    assert_drawable(picture)


def test_characters_stand_on_a_background_line_by_line():
    text = "a$\n " * 20  # 80 characters, on two lines
    sizes = np.geomspace(1e-4, 1, 80)
    picture = plots.influence(sizes, text=text, step=60, floor=1e-2)
    (ax,) = panels(picture)
    found = background(picture)
    assert found.shape == (2, 52)
    np.testing.assert_allclose(found.ravel()[:80], np.maximum(np.log10(sizes), -2), atol=1e-12)
    assert np.isnan(found.ravel()[80:]).all()
    shown = {t.get_position(): t.get_text() for t in ax.texts}
    assert len(shown) == 80
    assert [shown[k, 0] for k in range(4)] == ["a", r"\$", "↵", "␣"]
    assert shown[27, 1] == "␣"  # character 79
    (frame,) = ax.patches
    assert (frame.get_x(), frame.get_y()) == (60 - 52 - 0.5, 0.5)
    assert ax.get_ylim() == (1.5, -0.5)  # read from the top
    assert bar_of(picture).get_xlabel().endswith("(below 0.01: white)")
    assert_drawable(picture)


def test_letters_can_be_read_on_every_background():
    mesh = panels(plots.influence(SIZES, text="abcdef"))[0].collections[0]
    colours = mesh.cmap(np.linspace(0, 1, 50))[:, :3]
    assert tuple(colours[0]) == (1, 1, 1)
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance) < 0).all()  # told apart without colour
    assert luminance[-1] + 0.05 > 5 * 0.05  # the contrast with black


def test_no_influence_is_white_and_said():
    picture = plots.influence(np.zeros(3), text="abc")
    assert (background(picture)[0, :3] == -3).all()
    assert bar_of(picture).get_xlabel() == "no influence"
    assert_drawable(picture)


@pytest.mark.parametrize(
    ("sizes", "given", "error", "words"),
    [
        (SIZES, {}, ArgumentError, "as series or text, got neither"),
        (SIZES, {"series": SIZES, "text": "abcdef"}, ArgumentError, "as series or text, got both"),
        (SIZES, {"text": "abc"}, ShapeError, "T=6 characters"),
        (SIZES, {"text": list("abcdef")}, DtypeError, "must be a str"),
        (SIZES, {"text": "abcdef", "times": range(6)}, ArgumentError, "those of a series"),
        (SIZES, {"series": SIZES[1:]}, ShapeError, r"series must be \(T=6"),
        (SIZES, {"series": SIZES[:, np.newaxis]}, ShapeError, "draw one"),
        (SIZES, {"series": SIZES, "times": range(5)}, ShapeError, "times must be"),
        (SIZES, {"series": SIZES, "step": 6}, ArgumentError, "step must be"),
        (SIZES, {"series": SIZES, "floor": 0}, ArgumentError, "floor must be above 0"),
        (SIZES, {"series": SIZES, "floor": 1.0}, ArgumentError, "floor must be below 1"),
        (-SIZES, {"series": SIZES}, ArgumentError, "sizes must be at least 0"),
        (SIZES[np.newaxis], {"series": SIZES}, ShapeError, r"sizes must be \(T,\)"),
        (SIZES * np.nan, {"series": SIZES}, NonFiniteError, "sizes must be finite"),
        (np.ones(2001), {"text": "x" * 2001}, ArgumentError, "at most 2000"),
    ],
)
def test_wrong_pictures_are_refused_in_words(sizes, given, error, words):
    with pytest.raises(error, match=words) as raised:
        plots.influence(sizes, **given)
    assert raised.value.where == "plots.influence"
