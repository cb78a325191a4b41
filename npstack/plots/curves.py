"""Lines: the course of training, and forecasts with the true values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from npstack.core.errors import ArgumentError, ShapeError, describe, fail
from npstack.core.numerics import Array
from npstack.plots.frame import (
    COLOURS,
    DASHES,
    HIGH,
    LABEL,
    MARKERS,
    TRUTH,
    Picture,
    finish,
    legend_above,
    lines,
    logarithmic,
    mark_points,
    new_picture,
    nth_look,
    time_ticks,
    whole_numbers,
)
from npstack.plots.given import LONGEST_NAME, by_name, check_times, numbers, text
from npstack.plots.scale import power_of_ten, with_power, without_power

LOW = 14  # characters upwards along the panel of norms


def training_curves(history: Any, *, loss_label: str = "loss") -> Picture:
    """Loss on training and validation samples, and the gradient's norm, by epoch.

    Parameters
    ----------
    history : History
        The result of `npstack.training.fit.fit`: columns ``epochs``, ``train_loss``,
        ``validation_loss`` and ``gradient_norm``, of one length. None, NaN and infinity leave a
        gap.
    loss_label : str
        Name and unit of the loss, such as ``"cross-entropy, nats"``.

    Returns
    -------
    matplotlib.figure.Figure
        Two panels on one axis of epochs: losses, gradient norm. Their axes are logarithmic, and
        say so, or linear if a number is not above zero.

    Raises
    ------
    ArgumentError, ShapeError, DtypeError
        Not a history, or one without any epoch; columns of different lengths.

    Examples
    --------
    >>> from npstack.training.fit import History
    >>> picture = training_curves(History([1, 2], [1.0, 0.5], [1.1, 0.7], [3.0, 2.0]))
    >>> [line.get_label() for line in picture.axes[0].lines]
    ['training', 'validation']
    """
    where = "plots.training_curves"
    columns = ("epochs", "train_loss", "validation_loss", "gradient_norm")
    if isinstance(history, type) or not all(hasattr(history, name) for name in columns):
        expected = f"history must have the columns {', '.join(columns)}"
        fail(ArgumentError, where, expected, describe(history), "Pass what fit returned.")
    epochs, *found = [_column(where, name, getattr(history, name)) for name in columns]
    lengths = {len(epochs), *map(len, found)}
    if len(lengths) > 1 or not len(epochs):
        expected = f"the columns {', '.join(columns)} must have one number for each epoch"
        got = [len(epochs), *map(len, found)] if len(epochs) else "no epoch"
        kind = ShapeError if len(epochs) else ArgumentError
        fail(kind, where, expected, got, "Pass what fit returned.")
    loss_label = text(where, "loss_label", loss_label)
    picture = new_picture(3.6)
    losses, norms = picture.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    panels, labels = (losses, losses, norms), ("training", "validation", "gradient norm")
    for ax, line, label, colour in zip(panels, found, labels, COLOURS, strict=False):
        if np.isfinite(line).any():
            ax.plot(epochs, line, color=colour, label=label)
    for ax, shown, label in ((losses, found[:2], loss_label), (norms, found[2:], "gradient norm")):
        mark_points(ax, MARKERS)
        scale = " (log)" * logarithmic(ax, *shown)
        finish(ax, ylabel=lines(label + scale, HIGH if ax is losses else LOW))
    norms.set_xlabel("epoch", fontsize=LABEL)
    norms.xaxis.set_major_locator(whole_numbers(8))
    legend_above(losses)
    return picture


def _column(where: str, name: str, values: Any) -> Array:
    """A column of a history: NaN where a number is missing or not finite."""
    column = values
    if isinstance(values, list | tuple | np.ndarray):
        column = [np.nan if isinstance(v, float) and abs(v) == np.inf else v for v in values]
    column = numbers(where, f"history.{name}", column, gaps=name != "epochs")
    if column.ndim != 1:
        expected = f"history.{name} must be a list of numbers"
        fail(ShapeError, where, expected, column.shape, "Pass what fit returned.")
    return column


def against_truth(
    ax: Axes, times: Array, truth: Array, predictions: Sequence[tuple[str, Array]]
) -> None:
    """The truth in black, over it the first method; the others dashed, under both.

    So a method that nearly repeats the truth does not hide it.
    """
    ax.plot(times, truth, color=TRUTH, label="truth")
    for k, (name, line) in enumerate(predictions):
        colour, dashes = nth_look(k).colour, DASHES[k % len(DASHES)]
        above = 2.1 if k == 0 else 2 - k / 100  # of lines in general: 2
        ax.plot(times, line, color=colour, linestyle=dashes, label=name, zorder=above)
    mark_points(ax)
    ax.margins(x=0)
    time_ticks(ax, times)


def forecasts(
    time: Sequence[float] | Array,
    truth: Array,
    predictions: Mapping[str, Array],
    *,
    time_label: str = "time step",
    value_label: str = "value",
    title: str = "",
) -> Picture:
    """Forecasts and the true values.

    Parameters
    ----------
    time : array (N,)
        Of each value, rising.
    truth : array (N,)
        The true values; NaN leaves a gap, here and in the predictions, as does a mask.
    predictions : dict of arrays (N,)
        By the name of the method.
    time_label, value_label : str
        Names and units of the axes.
    title : str
        How far ahead they were made, such as ``"12 months ahead"``.

    Returns
    -------
    matplotlib.figure.Figure
        One panel; the truth in black, under the first method and over the others, which are dashed.

    Raises
    ------
    ArgumentError, ShapeError, DtypeError
        Arrays that do not fit each other, or no prediction.
    NonFiniteError
        Infinity.

    Examples
    --------
    >>> truth = np.array([1.0, 2.0, 3.0])
    >>> picture = forecasts([2000, 2001, 2002], truth, {"persistence": truth - 1})
    >>> [line.get_label() for line in picture.axes[0].lines]
    ['truth', 'persistence']
    """
    where = "plots.forecasts"
    truth = numbers(where, "truth", truth)
    if truth.ndim != 1 or not len(truth):
        expected, advice = (
            "truth must be (N,)",
            "At least one value, one column at a time: truth[:, 0].",
        )
        fail(ShapeError, where, expected, truth.shape, advice)
    times = check_times(where, time, len(truth))
    drawn = []
    for name, values in by_name(where, "predictions", predictions):
        line = numbers(where, f"predictions[{name!r}]", values)
        if line.shape != truth.shape:
            expected = f"predictions[{name!r}] must have the shape of truth, {truth.shape}"
            fail(ShapeError, where, expected, line.shape, "Put NaN where there is no prediction.")
        drawn.append((name, line))
    time_label = text(where, "time_label", time_label)
    title = lines(text(where, "title", title), 50)
    power = power_of_ten(truth, *(line for _, line in drawn))
    value_label = with_power(text(where, "value_label", value_label, LONGEST_NAME), power)
    value_label = lines(value_label, HIGH)
    picture = new_picture(2.5)
    ax = picture.subplots()
    shown = [(name, without_power(line, power)) for name, line in drawn]
    against_truth(ax, times, without_power(truth, power), shown)
    finish(ax, title, time_label, value_label)
    legend_above(ax)
    return picture
