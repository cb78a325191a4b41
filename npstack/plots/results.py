"""Results on test data: confusion of classes, and forecasts by horizon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import FixedLocator, NullLocator

from npstack.core.errors import ArgumentError, DtypeError, ShapeError, describe, fail
from npstack.core.numerics import Array
from npstack.plots.frame import (
    COLOURS,
    GRID,
    MARKERS,
    SMALL,
    TRUTH,
    Picture,
    check_times,
    colour_bar,
    finish,
    legend_above,
    new_picture,
)

SHARE = "Blues"  # white is never, dark is always
MOST_NUMBERS = 20  # with more classes, numbers in the cells would be too small


def confusion_matrix(
    counts: Array, classes: Sequence[str] | None = None, *, what: str = "class"
) -> Picture:
    """The confusion matrix of a classifier.

    Parameters
    ----------
    counts : int array (K, K)
        From `npstack.training.metrics.confusion_matrix`: row, the class that it is; column, the
        class that was said.
    classes : sequence of str (K,), optional
        Their names; their numbers by default.
    what : str
        The kind of class ("speaker", "digit"), for the axes.

    Returns
    -------
    matplotlib.figure.Figure
        The darker, the greater the share of a row; numbers are counts, and none stands for zero.

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
    counts = np.asarray(counts)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or counts.size == 0:
        fail(ShapeError, where, "counts must be (K, K), one row per class", counts.shape)
    if counts.dtype.kind not in "iu" or counts.min() < 0 or counts.sum() == 0:
        expected, advice = "counts must be whole numbers, not all 0", "They are no shares."
        fail(DtypeError, where, expected, describe(counts), advice)
    K = len(counts)
    names = [str(name) for name in (range(K) if classes is None else classes)]
    if len(names) != K:
        fail(ArgumentError, where, f"classes must be K={K} names", len(names))
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    side = min(8.0, 2.4 + 0.36 * K)
    picture = new_picture(side, width=side + 0.9)
    ax = picture.subplots()
    mesh = ax.pcolormesh(shares, cmap=SHARE, vmin=0, vmax=1, edgecolors=GRID, linewidth=0.4)
    if K <= MOST_NUMBERS:
        for row, column in np.argwhere(counts):
            colour = "white" if shares[row, column] > 0.5 else "black"
            number = str(counts[row, column])
            place: dict[str, Any] = {"ha": "center", "va": "center_baseline"}
            ax.text(column + 0.5, row + 0.5, number, **place, color=colour, fontsize=SMALL)
    ticks = np.arange(0, K, 1 + (K - 1) // 30)
    shown = [names[k] for k in ticks]
    long = max(map(len, shown)) > 3
    ax.set_xticks(ticks + 0.5, shown, rotation=60 if long else 0, ha="right" if long else "center")
    ax.set_yticks(ticks + 0.5, shown)
    ax.invert_yaxis()
    ax.set_aspect("equal")
    right, total = int(np.trace(counts)), int(counts.sum())
    finish(ax, f"{total - right} of {total} wrong", f"predicted {what}", f"true {what}")
    ax.tick_params(length=0)
    colour_bar(picture, mesh, ax, "share of the row")
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
        What happened; NaN leaves a gap, here and in the predictions.
    predictions : dict of arrays (N, A)
        By the name of who predicts; column a is what it said of each time step horizon a before.
    horizons : sequence of str (A,)
        The title of each panel: "6 months ahead".
    time_label, value_label : str
        Names and units of the axes.

    Returns
    -------
    matplotlib.figure.Figure
        One panel per horizon, the nearest at the top; the truth in black.

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
    truth = np.asarray(truth, dtype=float)
    if truth.ndim != 1:
        expected, advice = "truth must be (N,)", "One column at a time: truth[:, 0]."
        fail(ShapeError, where, expected, truth.shape, advice)
    times = check_times(where, time, len(truth))
    lines = _check_named(where, "predictions", predictions, (len(truth), len(horizons)))
    picture = new_picture(0.7 + 1.35 * len(horizons))
    panels = picture.subplots(len(horizons), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for a, (ax, horizon) in enumerate(zip(panels, horizons, strict=True)):
        ax.plot(times, truth, color=TRUTH, linewidth=0.8, label="truth")
        for (name, values), colour in zip(lines.items(), COLOURS, strict=False):
            ax.plot(times, values[:, a], color=colour, linewidth=1.1, label=name)
        finish(ax, str(horizon))
        ax.margins(x=0)
    panels[-1].set_xlabel(time_label, fontsize=9)
    picture.supylabel(value_label, fontsize=9)
    legend_above(panels[0])
    return picture


def errors_by_horizon(
    horizons: Sequence[float] | Array,
    errors: Mapping[str, Array],
    *,
    horizon_label: str = "steps ahead",
    error_label: str = "error",
) -> Picture:
    """How the error grows with the horizon, system beside baselines.

    Parameters
    ----------
    horizons : array (A,)
        Rising.
    errors : dict of arrays (A,) or (S, A)
        By name; of several seeds the mean is drawn, in a band from the least to the greatest.
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
    checked = np.asarray(horizons)
    if checked.ndim != 1 or checked.size == 0:
        fail(ShapeError, where, "horizons must be (A,)", checked.shape)
    places = check_times(where, checked, len(checked))
    curves = _check_named(where, "errors", errors, (len(places),))
    picture = new_picture(3.4, width=6.0)
    ax = picture.subplots()
    for k, (name, values) in enumerate(curves.items()):
        colour, marker = COLOURS[k % len(COLOURS)], MARKERS[k % len(MARKERS)]
        rows = np.atleast_2d(values)
        ax.plot(places, rows.mean(0), color=colour, marker=marker, markersize=4, label=name)
        if len(rows) > 1:
            ax.fill_between(places, rows.min(0), rows.max(0), color=colour, alpha=0.2, linewidth=0)
    ax.xaxis.set_major_locator(FixedLocator(places.tolist()))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_ylim(bottom=0)
    ax.grid(axis="y", color=GRID, linewidth=0.6)
    finish(ax, "", horizon_label, error_label)
    legend_above(ax, 3)  # inside the panel, it would cover a line
    return picture


def _check_named(
    where: str, name: str, given: Mapping[str, Array], shape: tuple[int, ...]
) -> dict[str, Array]:
    """A dictionary of arrays that end in a shape; a row of them may have one axis more."""
    if not isinstance(given, Mapping) or not 1 <= len(given) <= len(COLOURS):
        expected = f"{name} must be a dictionary of 1 to {len(COLOURS)} arrays by name"
        fail(ArgumentError, where, expected, describe(given))
    arrays = {key: np.asarray(values, dtype=float) for key, values in given.items()}
    for key, values in arrays.items():
        several = len(shape) == 1 and values.shape[1:] == shape
        if values.shape != shape and not several:
            letters = "(A,) or (S, A)" if len(shape) == 1 else "(N, A)"
            expected = f"{name}[{key!r}] must be {letters} with {shape} in the end"
            fail(ShapeError, where, expected, values.shape)
    return arrays
