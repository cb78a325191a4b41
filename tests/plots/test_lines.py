"""Lines, their axes and their names: nothing is left out of a picture without a word."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from npstack import plots
from npstack.plots.frame import COLOURS, floor_of, look
from npstack.plots.tagged import INK
from npstack.training.history import History
from tests.plots.drawn import assert_drawable, panels

LINE = np.arange(100.0)


def legend(picture):
    return [text.get_text() for text in panels(picture)[0].get_legend().get_texts()]


def luminance(colour):
    """Relative luminance, as for the contrast of web pages (WCAG 2)."""
    sRGB = np.array(to_rgb(colour))
    linear = np.where(sRGB <= 0.04045, sRGB / 12.92, ((sRGB + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def contrast(colour):
    return 1.05 / (luminance(colour) + 0.05)


def test_lines_and_letters_are_dark_enough_on_white():
    assert all(contrast(colour) >= 3 for colour in COLOURS)
    assert all(contrast(colour) >= 4.5 for colour in INK)


def test_the_three_gates_differ_in_grey_and_by_marker():
    grey = [116 * np.cbrt(luminance(look(g).colour)) - 16 for g in ("input", "forget", "output")]
    assert np.diff(sorted(grey)).min() >= 10  # lightness L*, 0 to 100
    parts = ("input", "forget", "candidate", "output", "c", "h")
    assert len({look(part).colour for part in parts}) == len({look(p).marker for p in parts}) == 6


def test_a_label_that_is_too_long_for_its_axis_takes_more_lines():
    tall = "the number of spots on the sun"
    (ax,) = plots.forecasts(LINE, LINE, {"a": LINE}, time_label="word " * 15, value_label=tall).axes
    assert ax.get_xlabel().count("\n") == 1
    assert ax.get_ylabel() == "the number of spots on the\nsun"
    assert_drawable(ax.figure)


def test_values_at_or_below_zero_make_the_axis_linear():
    losses = History([1, 2, 3], [1.0, 0.5, 0.0], [1.0, 0.75, 0.5], [2.0, 1.0, 0.5])
    above, below = plots.training_curves(losses).axes
    assert (above.get_yscale(), below.get_yscale()) == ("linear", "log")
    low, high = above.get_ylim()
    assert low <= 0 < 1 <= high


def test_norms_that_are_all_zero_are_a_line_at_zero():
    (ax,) = plots.truncated_bptt(np.zeros((1, 5)), np.zeros((1, 5)), k=5).axes
    assert ax.lines[0].get_ydata().tolist() == [0] * 5
    assert ax.get_yscale() == "linear"


@pytest.mark.parametrize("reach", [1e-200, 1e-40, 1e-5, 1e-3, 0.01, 0.1, 0.3, 0.6, 0.95, 1, 2e5])
def test_a_logarithmic_axis_of_any_reach_gets_ticks(reach):
    norms = np.geomspace(reach, 1, 9)[np.newaxis]
    picture = plots.truncated_bptt(norms, norms, k=9)
    picture.draw_without_rendering()
    (ax,) = picture.axes
    low, high = ax.get_ylim()
    words = [
        tick.get_text() for tick in ax.get_yticklabels() if low <= tick.get_position()[1] <= high
    ]
    assert 2 <= len(words) <= 12
    assert len(set(words)) == len(words)


@pytest.mark.parametrize("ends", [(5e-324, 1e308), (1e-320, 1e-318), (1e307, 1e308), (2.0, 2.0)])
def test_a_logarithmic_axis_holds_what_it_shows_and_has_ticks(ends):
    values = np.geomspace(*ends, 7) if ends[0] > 1e-300 else np.array([*ends, *ends, 1e-319, 1, 1])
    values = np.minimum(values, ends[1])
    picture = plots.truncated_bptt(values[np.newaxis], values[np.newaxis], k=7)
    picture.draw_without_rendering()
    (ax,) = picture.axes
    low, high = ax.get_ylim()
    floor = floor_of(values)
    assert 0 <= low <= max(values.min(), floor) <= values.max() <= high
    assert (ax.lines[0].get_ydata() == np.maximum(values, floor)).all()
    assert 1 <= len([tick for tick in ax.get_yticks() if low <= tick <= high]) <= 12


def test_a_value_between_two_gaps_is_a_point():
    values = LINE.copy()
    values[[10, 12, 50, 51, 53, 98]] = np.nan  # 11, 52 and 99 have no neighbours
    picture = plots.forecasts(LINE, LINE, {"a": values})
    truth, line = panels(picture)[0].lines
    assert line.get_markevery() == [11, 52, 99]
    assert truth.get_marker() in ("None", "")
    few = plots.forecasts(LINE[:3], LINE[:3], {"a": LINE[:3]})
    assert panels(few)[0].lines[1].get_markevery() == [0, 1, 2]


def test_every_name_is_in_the_legend_as_it_was_given():
    given = ["_hidden", "", "$a$ and $\\nothing$", 7]
    picture = plots.forecasts(LINE, LINE, dict.fromkeys(given, LINE))
    assert legend(picture) == ["truth", "_hidden", " ", r"\$a\$ and \$\nothing\$", "7"]
    assert_drawable(picture)


def test_a_legend_of_long_names_stays_within_the_picture():
    names = [f"a system with the long name number {k}" for k in range(6)]
    picture = plots.forecasts(LINE, LINE, dict.fromkeys(names, LINE + 1))
    assert len(legend(picture)) == 7
    assert_drawable(picture)


def test_errors_below_zero_are_inside_the_axis():
    (ax,) = plots.errors_by_horizon([1, 2, 3], {"bias": [-1.0, -2.0, 1.0]}).axes
    assert ax.get_ylim()[0] <= -2
    (ax,) = plots.errors_by_horizon([1, 2, 3], {"error": [1.0, 2.0, 3.0]}).axes
    assert ax.get_ylim()[0] == 0


def test_many_horizons_do_not_get_a_tick_each():
    picture = plots.errors_by_horizon(np.arange(1, 200), {"a": LINE[:1].repeat(199)})
    picture.draw_without_rendering()
    assert len(picture.axes[0].get_xticks()) <= 12


def test_a_mask_and_none_are_gaps():
    masked = np.ma.masked_equal(LINE, 3)
    listed = [None if value == 3 else value for value in LINE]
    expected = np.where(LINE == 3, np.nan, LINE)
    picture = plots.forecasts(LINE, masked, {"a": listed})
    for line in panels(picture)[0].lines:
        np.testing.assert_array_equal(line.get_ydata(), expected)
