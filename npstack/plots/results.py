"""Results on test data: confusion of classes, and forecasts by horizon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import FixedLocator, NullLocator

from npstack.core.arrays import as_array
from npstack.core.errors import ArgumentError, DtypeError, ShapeError, describe, fail
from npstack.core.numerics import Array
from npstack.plots import given
from npstack.plots.curves import against_truth
from npstack.plots.frame import (
    COLOURS,
    GRID,
    HIGH,
    LABEL,
    SMALL,
    WIDE,
    Picture,
    finish,
    legend_above,
    lines,
    new_picture,
    nth_look,
    whole_numbers,
)
from npstack.plots.scale import Scale, colour_bar, power_of_ten, with_power, without_power

SHARE = "Blues"  # white is never, dark is always
MOST_NUMBERS = 20  # with more classes, numbers in the cells would be too small
MOST_CLASSES = 500
MOST_TICKS = 15


def confusion_matrix(
    counts: Array, classes: Sequence[str] | None = None, *, what: str = "class"
) -> Picture:
    """The confusion matrix of a classifier.

    Parameters
    ----------
    counts : int array (K, K)
        From `npstack.training.metrics.confusion_matrix`, for at most 500 classes: row, the true
        class; column, the predicted class.
    classes : sequence of str (K,), optional
        Their names; their numbers by default.
    what : str
        The kind of class ("speaker", "digit"), for the axes.

    Returns
    -------
    matplotlib.figure.Figure
        Darker cells are larger shares of a row; numbers are counts, and zeros are left out. With
        more than 20 classes, only colours.

    Raises
    ------
    ShapeError, DtypeError, ArgumentError
        Not a square of counts, or names that do not fit it.

    Examples
    --------
    >>> picture = confusion_matrix(np.array([[8, 0], [1, 3]]), ["cat", "dog"])
    >>> [text.get_text() for text in picture.axes[0].texts]
    ['8', '1', '3']
    """
    where = "plots.confusion_matrix"
    counts = as_array(where, "counts", counts)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or counts.size == 0:
        expected, advice = "counts must be (K, K)", "A row and a column for each class."
        fail(ShapeError, where, expected, counts.shape, advice)
    K = len(counts)
    if K > MOST_CLASSES:
        expected = f"counts must be of at most {MOST_CLASSES} classes to be readable"
        fail(ShapeError, where, expected, K, "Draw some of them: counts[:50, :50].")
    if counts.dtype.kind not in "iu" or counts.min() < 0 or not counts.any():
        expected, advice = "counts must be whole numbers, not all 0", "Pass counts, not shares."
        fail(DtypeError, where, expected, describe(counts), advice)
    labels = given.names(where, "classes", range(K) if classes is None else classes)
    if len(labels) != K:
        expected, advice = f"classes must be K={K} names", "In the order of the rows of counts."
        fail(ArgumentError, where, expected, len(labels), advice)
    what = given.text(where, "what", what)
    sums = counts.sum(1, keepdims=True, dtype=float)
    shares = counts / np.where(sums > 0, sums, 1)
    side, longest = min(8.0, 2.0 + 0.36 * K), max(map(len, labels))
    room = 0.08 * max(longest, 4)  # for the names
    right, total = sum(map(int, np.diag(counts))), sum(map(int, counts.ravel()))
    wrong, all_of_them = (f"{n}" if n < 1e7 else f"{n:.3g}" for n in (total - right, total))
    picture = new_picture(side + 0.8 * room, width=side + room + 1.1)
    ax = picture.subplots()
    edge: dict[str, Any] = {"edgecolors": GRID, "linewidth": 0.4} if K <= MOST_NUMBERS else {}
    mesh = ax.pcolormesh(shares, cmap=SHARE, vmin=0, vmax=1, **edge)
    if K <= MOST_NUMBERS:
        points = 72 * 0.7 * side / K  # the width of a cell; a digit is 0.65 of its height wide
        size = min(SMALL, points / (0.65 * len(str(counts.max()))))
        for row, column in np.argwhere(counts):
            colour = "white" if shares[row, column] > 0.5 else "black"
            place: dict[str, Any] = {"ha": "center", "va": "center_baseline"}
            written = str(counts[row, column])
            ax.text(column + 0.5, row + 0.5, written, **place, color=colour, fontsize=size)
    ticks = np.arange(0, K, 1 + (K - 1) // 30)
    shown = [labels[k] for k in ticks]
    long = max(map(len, shown)) > 3
    ax.set_xticks(ticks + 0.5, shown, rotation=60 if long else 0, ha="right" if long else "center")
    ax.set_yticks(ticks + 0.5, shown)
    ax.invert_yaxis()
    ax.set_aspect("equal")
    finish(ax, f"{wrong} of {all_of_them} wrong", f"predicted {what}", f"true {what}")
    ax.tick_params(length=0)
    colour_bar(picture, mesh, ax, "share of the row", Scale(SHARE, 0, 1), 5)
    return picture


def forecast_horizons(
    time: Sequence[float] | Array,
    truth: Array,
    predictions: Mapping[str, Array],
    horizons: Sequence[str],
    *,
    time_label: str = "time step",
    value_label: str = "value",
) -> Picture:
    """Forecasts of the same time steps at several horizons.

    Parameters
    ----------
    time : array (N,)
        Of each value, rising.
    truth : array (N,)
        The true values; NaN leaves a gap, here and in the predictions, as does a mask.
    predictions : dict of arrays (N, A)
        By the name of the method, at most 6; column a has the forecasts at horizon a.
    horizons : sequence of str (A,)
        The title of each panel: "6 months ahead".
    time_label, value_label : str
        Names and units of the axes.

    Returns
    -------
    matplotlib.figure.Figure
        One panel per horizon, the nearest at the top; lines as those of `forecasts`.

    Raises
    ------
    ArgumentError, ShapeError
        Arrays that do not fit each other, or no prediction.

    Examples
    --------
    >>> truth = np.array([1.0, 2.0, 3.0])
    >>> said = {"persistence": np.array([[np.nan, np.nan], [1.0, np.nan], [2.0, 1.0]])}
    >>> picture = forecast_horizons([2000, 2001, 2002], truth, said, ["1 year", "2 years"])
    >>> [ax.get_title(loc="left") for ax in picture.axes]
    ['1 year', '2 years']
    """
    where = "plots.forecast_horizons"
    truth = given.numbers(where, "truth", truth)
    if truth.ndim != 1 or not len(truth):
        expected, advice = (
            "truth must be (N,)",
            "At least one value, one column at a time: truth[:, 0].",
        )
        fail(ShapeError, where, expected, truth.shape, advice)
    times = given.check_times(where, time, len(truth))
    titles = given.names(where, "horizons", horizons)
    if not titles:
        expected, advice = "horizons must name at least one horizon", 'Use ["1 step ahead"].'
        fail(ShapeError, where, expected, "none", advice)
    given.check_panels(where, "horizons", len(titles), "Draw some of them: array[:, :12].")
    drawn = _check_named(where, "predictions", predictions, (len(truth), len(titles)))
    time_label = given.text(where, "time_label", time_label)
    power = power_of_ten(truth, *(values for _, values in drawn))
    value_label = with_power(
        given.text(where, "value_label", value_label, given.LONGEST_NAME), power
    )
    picture = new_picture(0.7 + 1.2 * len(titles))
    panels = picture.subplots(len(titles), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for a, (ax, title) in enumerate(zip(panels, titles, strict=True)):
        shown = [(name, without_power(values[:, a], power)) for name, values in drawn]
        against_truth(ax, times, without_power(truth, power), shown)
        finish(ax, title)
    panels[-1].set_xlabel(lines(time_label, WIDE), fontsize=LABEL)
    picture.supylabel(value_label, fontsize=LABEL)
    legend_above(panels[0])
    return picture


def errors_by_horizon(
    horizons: Sequence[float] | Array,
    errors: Mapping[str, Array],
    *,
    horizon_label: str = "steps ahead",
    error_label: str = "error",
) -> Picture:
    """The error by horizon, of a model and of baselines.

    Parameters
    ----------
    horizons : array (A,)
        Rising.
    errors : dict of arrays (A,) or (S, A)
        By name, at most 6; for several seeds, the mean is drawn, with a band from minimum to
        maximum.
    horizon_label, error_label : str
        Names and units of the axes.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ArgumentError, ShapeError
        Errors that do not fit the horizons, or none.

    Examples
    --------
    >>> errors = {"persistence": np.array([1.0, 3.0]), "ours": np.array([[1.0, 2.0], [1.2, 1.8]])}
    >>> picture = errors_by_horizon([1, 12], errors, horizon_label="months ahead")
    >>> [line.get_label() for line in picture.axes[0].lines]
    ['persistence', 'ours']
    """
    where = "plots.errors_by_horizon"
    places = given.rising(where, "horizons", horizons, "Steps ahead: [1, 6, 24].")
    curves = _check_named(where, "errors", errors, (len(places),))
    power = power_of_ten(*(values for _, values in curves))
    error_label = with_power(
        given.text(where, "error_label", error_label, given.LONGEST_NAME), power
    )
    error_label = lines(error_label, HIGH)
    horizon_label = given.text(where, "horizon_label", horizon_label)
    picture = new_picture(3.0)
    ax = picture.subplots()
    for k, (name, values) in enumerate(curves):
        colour, marker, _ = nth_look(k)
        rows = np.atleast_2d(without_power(values, power))
        ax.plot(places, rows.mean(0), color=colour, marker=marker, markersize=4, label=name)
        if len(rows) > 1:
            ax.fill_between(places, rows.min(0), rows.max(0), color=colour, alpha=0.2, linewidth=0)
    few = len(places) <= MOST_TICKS
    ax.xaxis.set_major_locator(FixedLocator(places.tolist()) if few else whole_numbers(8))
    ax.xaxis.set_minor_locator(NullLocator())
    if all(values[~np.isnan(values)].min(initial=0) >= 0 for _, values in curves):
        ax.set_ylim(bottom=0)
    ax.grid(axis="y", color=GRID, linewidth=0.6)
    finish(ax, "", horizon_label, error_label)
    several = any(values.ndim > 1 and len(values) > 1 for _, values in curves)
    note = "line: mean; band: smallest to largest" * several
    legend_above(ax, note)  # inside the panel, it would cover a line
    return picture


def _check_named(
    where: str, name: str, arrays: Mapping[str, Array], shape: tuple[int, ...]
) -> list[tuple[str, Array]]:
    """Arrays whose shapes end in the given one, by name; they may have one more axis in front."""
    found = []
    listed = given.by_name(where, name, arrays)
    if len(listed) > len(COLOURS):
        expected = f"{name} must be a dictionary of 1 to {len(COLOURS)} arrays by name"
        fail(ArgumentError, where, expected, f"{len(listed)} of them", "Draw two pictures.")
    for key, own in listed:
        values = given.numbers(where, f"{name}[{key!r}]", own)
        several = len(shape) == 1 and values.ndim == 2 and len(values) and values.shape[1:] == shape
        if values.shape != shape and not several:
            letters = "(A,) or (S, A)" if len(shape) == 1 else "(N, A)"
            expected = f"{name}[{key!r}] must be {letters} with {shape} in the end"
            fail(ShapeError, where, expected, values.shape, "A counts the horizons.")
        found.append((key, values))
    return found
