"""Who influenced an output: a series or a text in colours of the gradient by each of its steps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from npstack.core.arguments import check_positive, check_whole
from npstack.core.errors import ArgumentError, ShapeError, fail
from npstack.core.numerics import Array
from npstack.plots import given
from npstack.plots.frame import (
    SMALL,
    TRUTH,
    Picture,
    edges,
    finish,
    mark_points,
    new_picture,
    number,
    share_time,
)
from npstack.plots.scale import power_of_ten, powers_bar, with_power, without_power
from npstack.plots.text import FONT, drawable

# From white to a pink on which black letters have a contrast of more than 5.
PINK = colormaps["RdPu"](np.linspace(0.1, 0.55, 9))
COLOURS = LinearSegmentedColormap.from_list("influence", ["white", *PINK])
PER_LINE, MOST = 52, 2000  # characters
LINE = 0.27  # inches upwards


def influence(
    sizes: Array,
    *,
    series: Array | None = None,
    text: str | None = None,
    step: int | None = None,
    floor: float = 1e-3,
    times: Sequence[float] | Array | None = None,
    time_label: str = "time step",
    value_label: str = "value",
    title: str = "",
) -> Picture:
    """A series or a text on a background that shows how much each step influenced an output.

    The darker, the more the output would change with a small change of that step. The colours are
    logarithmic and relative to the largest influence, so they show where it is, not how large.

    Parameters
    ----------
    sizes : array (T,)
        Of the gradient of the output by each step: a row of `npstack.analysis.influence`.
    series : array (T,)
        What was read; of several features, one to be drawn. NaN leaves a gap.
    text : str
        In the place of ``series``: the T characters that were read, at most 2000.
    step : int, optional
        The step of the output: a dashed line, or a frame around the character that was read last.
    floor : float
        A fraction of the largest influence, below 1. What is smaller is white, and the colour bar
        says so.
    times, time_label, value_label
        As for `activations`, for a series: names and units of the axes.
    title : str
        Which output it is.

    Returns
    -------
    matplotlib.figure.Figure
        One panel, then the colour bar.

    Raises
    ------
    ArgumentError, ShapeError, DtypeError
        Neither series nor text, or both; not one size for each of their steps.
    NonFiniteError
        NaN or infinity among the sizes.

    Examples
    --------
    >>> picture = influence(np.array([0.0, 0.01, 1.0]), text="abc", title="what follows c")
    >>> [text.get_text() for text in picture.axes[0].texts]
    ['a', 'b', 'c']
    >>> picture = influence(np.array([0.0, 0.01, 1.0]), series=np.array([5.0, 7.0, 6.0]))
    >>> picture.axes[1].get_xlabel()
    'influence, as a fraction of the largest (below 0.001: white)'
    """
    where = "plots.influence"
    advice = "Measure them first: analysis.influence(model, tape, output)[row]."
    found = given.sizes(where, "sizes", sizes, advice, gaps=False)
    if found.ndim != 1 or not len(found):
        expected = "sizes must be (T,), one number for each step"
        fail(ShapeError, where, expected, found.shape, advice)
    T = len(found)
    three = "floor=1e-3 shows three powers of ten."
    floor = check_positive(where, "floor", floor, three)
    if floor >= 1:
        fail(ArgumentError, where, "floor must be below 1, the largest", floor, three)
    if step is not None:
        step = check_whole(where, "step", step, "It is the step of the output.", most=T - 1)
    title = given.text(where, "title", title)
    if (series is None) == (text is None):
        got = "neither" if series is None else "both"
        expected = "what was read must be given as series or text"
        fail(ArgumentError, where, expected, got, "text for characters, series for numbers.")
    largest = found.max()
    shares = np.log10(np.maximum(found / largest if largest > 0 else found, floor))
    if text is None:
        line = given.numbers(where, "series", series)
        if line.shape != (T,):
            expected = f"series must be (T={T},), one number for each size"
            fail(ShapeError, where, expected, line.shape, "Of several features, draw one.")
        moments = given.check_times(where, times, T)
        power = power_of_ten(line)
        value_label = given.text(where, "value_label", value_label, given.LONGEST_NAME)
        time_label = given.text(where, "time_label", time_label)
        picture = new_picture(2.9)
        ax = picture.subplots()
        _series(ax, moments, without_power(line, power), step)
        finish(ax, title, ylabel=with_power(value_label, power))
        share_time([ax], moments, None, time_label)
        rows, places = shares[np.newaxis], (edges(moments), np.array(ax.get_ylim()))
    else:
        expected = f"have T={T} characters, one for each size"
        told = "Leave padding out of both.", "Draw a part of it."
        given.check_characters(where, text, T, MOST, expected, *told)
        if times is not None:
            advice = "Leave them out: characters have places on lines."
            fail(ArgumentError, where, "times must be those of a series", "a text", advice)
        count = -(-T // PER_LINE)
        picture = new_picture(1.0 + LINE * count)
        ax = picture.subplots()
        _letters(ax, text, step)
        finish(ax, title)
        rows = np.full((count, PER_LINE), np.nan)
        rows.flat[:T] = shares
        places = (np.arange(PER_LINE + 1) - 0.5, np.arange(count + 1) - 0.5)
    ends = {"vmin": np.log10(floor), "vmax": 0.0}
    mesh = ax.pcolormesh(*places, rows, cmap=COLOURS, rasterized=True, zorder=0, **ends)
    words = f"influence, as a fraction of the largest (below {number(floor)}: white)"
    powers_bar(picture, mesh, ax, words if largest > 0 else "no influence")
    return picture


def _series(ax: Axes, moments: Array, line: Array, step: int | None) -> None:
    """A black line; its ends of the axis stay, so that the background fits."""
    ax.plot(moments, line, color=TRUTH)
    mark_points(ax)
    if step is not None:
        ax.axvline(moments[step], color=TRUTH, linestyle="--", linewidth=1)
    ax.set_ylim(ax.get_ylim())


def _letters(ax: Axes, text: str, step: int | None) -> None:
    """Lines of characters, read like a page; a frame around one of them."""
    count = -(-len(text) // PER_LINE)
    ax.set(xlim=(-0.5, PER_LINE - 0.5), ylim=(count - 0.5, -0.5))
    ax.axis("off")
    for border in range(1, count):
        ax.axhline(border - 0.5, color="white", linewidth=3)
    for t, character in enumerate(drawable(text)):
        place = (t % PER_LINE, t // PER_LINE)
        ax.text(*place, character, family=FONT, fontsize=SMALL, ha="center", va="center")
    if step is not None:
        left, top = step % PER_LINE - 0.5, step // PER_LINE - 0.5
        ax.add_patch(Rectangle((left, top), 1, 1, fill=False, linewidth=1.2, clip_on=False))
