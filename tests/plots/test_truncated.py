"""Truncated BPTT: the gradient that is cut, held against the segments by themselves."""

import numpy as np
import pytest

from npstack import (
    LSTM,
    RNN,
    ArgumentError,
    Bidirectional,
    Dense,
    DtypeError,
    NonFiniteError,
    Sequential,
    ShapeError,
    StackedLSTM,
    TapeError,
    mean_squared_error,
    plots,
)
from npstack.analysis import gradient_norms, state_gradients, truncated_gradient_norms
from npstack.core.trees import mapped
from npstack.training.bptt import truncated_gradients
from tests.plots.drawn import assert_drawable, assert_named, titles

MASK = np.ones((2, 7), dtype=bool)
MASK[1, [0, 3, 6]] = False


def stack_and_loss(**options):
    rng = np.random.default_rng(0)
    model = Sequential(StackedLSTM(2, [4, 3], rng=rng, **options), Dense(3, 2, rng=rng))
    x, doutputs = rng.standard_normal((2, 7, 2)), rng.standard_normal((2, 7, 2))
    return model, x, doutputs


@pytest.mark.parametrize("k", [1, 2, 3, 6, 7, 100])
def test_each_segment_has_the_gradient_that_it_has_by_itself(k):
    model, x, doutputs = stack_and_loss()
    tape = model.forward(x, mask=MASK)
    found = truncated_gradient_norms(model, tape, doutputs, k)
    parts, states = [], None
    for first in range(0, 7, k):
        own = slice(first, first + k)
        part = model.forward(x[:, own], states, mask=MASK[:, own])
        states = part.final
        parts.append(gradient_norms(model, part, doutputs[:, own]))
    for name in ("h", "c"):
        expected = np.concatenate([part[name] for part in parts], axis=1)
        assert expected.shape == (2, 7)
        np.testing.assert_allclose(found[name], expected, rtol=1e-13, atol=1e-300)
        whole = gradient_norms(model, tape, doutputs)[name]
        assert np.array_equal(found[name], whole) == (k >= 7)
    assert (found["c"][:, k - 1 :: k] == 0).all()  # nothing from the segment after it


def test_it_is_the_gradient_that_truncated_bptt_learns_from():
    """Of one unit with no other weights, db is the sum of dh (1 - h²) over the steps."""
    rng = np.random.default_rng(1)
    layer, x, y = RNN(1, 1, rng=rng), *rng.standard_normal((2, 1, 6, 1))
    tape = layer.forward(x)
    doutputs = mean_squared_error(tape.outputs, y).gradient
    signs = []
    for first in (0, 2, 4):
        own = np.zeros_like(doutputs)
        own[:, first : first + 2] = doutputs[:, first : first + 2]
        (dstates,) = state_gradients(layer, tape, own)
        signs += np.sign(dstates.h[0, first : first + 2, 0]).tolist()
    (dh,) = truncated_gradient_norms(layer, tape, doutputs, 2)["h"] * signs
    learned = truncated_gradients(layer, (x, y), 2, 2).params["b"]
    np.testing.assert_allclose((dh * (1 - tape.outputs[0, :, 0] ** 2)).sum(), learned, rtol=1e-12)


def test_draws_of_dropout_and_initial_states_are_those_of_the_tape():
    model, x, doutputs = stack_and_loss(dropout=0.5)
    rng = np.random.default_rng(2)
    states = model.forward(rng.standard_normal(x.shape), rng=rng).final  # not zeros
    tape = model.forward(x, states, rng=rng)
    found = truncated_gradient_norms(model, tape, doutputs, 3)
    parts = []
    for own in (slice(0, 3), slice(3, 6), slice(6, 7)):
        draws = mapped(lambda kept, own=own: kept[:, own], tape.noise)
        part = model.forward(x[:, own], states, noise=draws)
        states = part.final
        parts.append(gradient_norms(model, part, doutputs[:, own]))
    for name in ("h", "c"):
        expected = np.concatenate([part[name] for part in parts], axis=1)
        np.testing.assert_allclose(found[name], expected, rtol=1e-13, atol=1e-300)


def test_what_cannot_be_cut_is_refused():
    model, x, doutputs = stack_and_loss()
    tape = model.forward(x)
    rng = np.random.default_rng(3)
    for k in (0, -1, 2.0, True, None):
        with pytest.raises(ArgumentError, match="k must be a whole number of at least 1"):
            truncated_gradient_norms(model, tape, doutputs, k)
    with pytest.raises(ShapeError, match=r"truncated_gradient_norms: doutputs"):
        truncated_gradient_norms(model, tape, doutputs[:, 1:], 2)
    with pytest.raises(ArgumentError, match="neither"):
        truncated_gradient_norms(model, tape, None, 2)
    with pytest.raises(NonFiniteError, match="doutputs"):
        truncated_gradient_norms(model, tape, doutputs * np.nan, 2)
    last = LSTM(2, 3, return_sequences=False, rng=rng)
    with pytest.raises(ArgumentError, match="output at every step"):
        truncated_gradient_norms(last, last.forward(x), np.ones((2, 3)), 2)
    both = Bidirectional(LSTM(2, 3, rng=rng), LSTM(2, 3, rng=rng))
    with pytest.raises(ArgumentError, match="depends on a later one"):
        truncated_gradient_norms(both, both.forward(x), np.ones((2, 7, 6)), 2)
    dense = Dense(2, 1, rng=rng)
    with pytest.raises(ArgumentError, match="at least one recurrent layer"):
        truncated_gradient_norms(dense, dense.forward(x), np.ones((2, 7, 1)), 2)
    with pytest.raises(TapeError, match="truncated_gradient_norms"):
        truncated_gradient_norms(model, dense.forward(x), doutputs, 2)


# ---- the picture -------------------------------------------------------------------------------

FULL = np.array([[6.0, 5, 4, 3, 2], [5, 4, 3, 2, 1]])
CUT = np.array([[3.0, 0.0, 3, 1, 2], [2, 1, 2, 1, 1]])


def test_two_lines_and_the_borders_between_segments():
    years = np.arange(5) + 1990.0
    picture = plots.truncated_bptt(
        FULL, CUT, k=2, times=years, time_label="year", value_label="norm of dc"
    )
    assert titles(picture) == ["layer 1", "layer 0"]
    for ax, full, cut in zip(picture.axes, FULL[::-1], CUT[::-1], strict=True):
        whole, parts, *borders = ax.lines
        assert [line.get_label() for line in (whole, parts)] == [
            "full BPTT",
            "truncated every 2 steps",
        ]
        assert whole.get_linestyle() != parts.get_linestyle()
        np.testing.assert_array_equal(whole.get_xdata(), years)
        np.testing.assert_array_equal(whole.get_ydata(), full)
        shown = np.where(cut == 0, np.nan, cut)
        np.testing.assert_array_equal(
            parts.get_ydata(), [*shown[:2], np.nan, *shown[2:4], np.nan, shown[4]]
        )
        assert parts.get_xdata()[[0, 1, 3, 4, 6]].tolist() == years.tolist()
        assert [border.get_xdata()[0] for border in borders] == [1991.5, 1993.5]
        assert ax.get_yscale() == "log"
        assert ax.get_xlim() == (1989.5, 1994.5)
        assert ax.get_ylabel() == "norm of dc"
    assert_named(picture)
    assert_drawable(picture)


def test_norms_far_below_the_largest_lie_on_a_floor_that_is_said():
    fading = 10.0 ** np.arange(-39, 1)
    full = np.stack([fading, np.ones(40)])
    upper, lower = plots.truncated_bptt(full, np.ones((2, 40)), k=40).axes
    line, _, floor = lower.lines
    np.testing.assert_array_equal(line.get_ydata(), np.maximum(fading, 1e-16))
    assert set(floor.get_ydata()) == {1e-16}
    assert [text.get_text() for text in lower.texts] == ["below $10^{-16}$: drawn on this line"]
    assert not upper.texts  # nothing of that layer lies on it
    assert 1e-22 < lower.get_ylim()[0] < 1e-16


@pytest.mark.parametrize(
    ("full", "cut", "k", "error", "words"),
    [
        (FULL, CUT[:1], 2, ShapeError, r"\(L, T\) of one shape"),
        (FULL[0], CUT[0], 2, ShapeError, r"\(L, T\) of one shape"),
        (FULL[:0], CUT[:0], 2, ShapeError, r"\(L, T\) of one shape"),
        ({"h": FULL}, CUT, 2, DtypeError, "full must be an array"),
        (FULL, -CUT, 2, ArgumentError, "cut must be at least 0"),
        (FULL, CUT + np.inf, 2, NonFiniteError, "cut must be finite"),
        (FULL, CUT, 0, ArgumentError, "k must be"),
        (np.ones((101, 2)), np.ones((101, 2)), 1, ArgumentError, "at most 100 layers"),
    ],
)
def test_wrong_pictures_are_refused_in_words(full, cut, k, error, words):
    with pytest.raises(error, match=words) as raised:
        plots.truncated_bptt(full, cut, k)
    assert raised.value.where == "plots.truncated_bptt"
