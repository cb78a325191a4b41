"""Lines: the course of training, and forecasts with the true values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npstack.core.errors import ArgumentError, ShapeError, describe, fail
from npstack.core.numerics import Array
from npstack.plots.frame import (
    COLOURS,
    TRUTH,
    Picture,
    check_times,
    finish,
    legend_above,
    logarithmic,
    mark_points,
    new_picture,
    whole_numbers,
)

DASHES = ("-", "--", ":", "-.")


def training_curves(history: Any) -> Picture:
    """Loss on training and validation samples, and the gradient's norm, by epoch.

    Parameters
    ----------
    history : History
        The result of `npstack.training.fit.fit`: columns ``epochs``, ``train_loss``,
        ``validation_loss`` and ``gradient_norm``, in which None leaves a gap.

    Returns
    -------
    matplotlib.figure.Figure
        Two panels on one axis of epochs: losses, gradient norm.

    Raises
    ------
    ArgumentError
        Not a history, or one without any epoch.

    Examples
    --------
    >>> from npstack.training.fit import History
    >>> picture = training_curves(History([1, 2], [1.0, 0.5], [1.1, 0.7], [3.0, 2.0]))
    >>> [line.get_label() for line in picture.axes[0].lines]
    ['training', 'validation']
    """
    where = "plots.training_curves"
    columns = ("epochs", "train_loss", "validation_loss", "gradient_norm")
    if not all(hasattr(history, name) for name in columns) or not history.epochs:
        expected = f"history must have the columns {', '.join(columns)} and at least one epoch"
        fail(ArgumentError, where, expected, describe(history), "Pass what fit returned.")
    picture = new_picture(4.2)
    losses, norms = picture.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    curves = [
        (losses, history.train_loss, "training"),
        (losses, history.validation_loss, "validation"),
        (norms, history.gradient_norm, "gradient norm"),
    ]
    for (ax, values, label), colour in zip(curves, COLOURS, strict=False):
        line = np.array(values, dtype=float)  # None becomes NaN, which leaves a gap
        if not np.isnan(line).all():
            ax.plot(history.epochs, line, color=colour, label=label)
        mark_points(ax, history.epochs)
        logarithmic(ax)
    finish(losses, ylabel="loss")
    finish(norms, xlabel="epoch", ylabel="gradient norm")
    norms.xaxis.set_major_locator(whole_numbers(8))
    legend_above(losses)
    return picture


def forecasts(
    time: Sequence[float] | Array,
    truth: Array,
    predictions: Mapping[str, Array],
    *,
    time_label: str = "time step",
    value_label: str = "value",
) -> Picture:
    """Forecasts and the true values.

    Parameters
    ----------
    time : array (N,)
        Of each value, rising.
    truth : array (N,)
        What happened; NaN leaves a gap, here and in the predictions.
    predictions : dict of arrays (N,)
        By the name of who predicts.
    time_label, value_label : str
        Names and units of the axes.

    Returns
    -------
    matplotlib.figure.Figure
        One panel; the truth in black, under the predictions.

    Raises
    ------
    ArgumentError, ShapeError
        Arrays that do not fit each other, or no prediction.

    Examples
    --------
    >>> truth = np.array([1.0, 2.0, 3.0])
    >>> picture = forecasts([2000, 2001, 2002], truth, {"persistence": truth - 1})
    >>> [line.get_label() for line in picture.axes[0].lines]
    ['truth', 'persistence']
    """
    where = "plots.forecasts"
    truth = np.asarray(truth, dtype=float)
    if truth.ndim != 1:
        expected, advice = "truth must be (N,)", "One column at a time: truth[:, 0]."
        fail(ShapeError, where, expected, truth.shape, advice)
    times = check_times(where, time, len(truth))
    if not isinstance(predictions, Mapping) or not predictions:
        expected = "predictions must be a dictionary of at least one array by name"
        fail(ArgumentError, where, expected, describe(predictions))
    picture = new_picture(3.2)
    ax = picture.subplots()
    ax.plot(times, truth, color=TRUTH, linewidth=1.0, label="truth")
    for k, (name, values) in enumerate(predictions.items()):
        line = np.asarray(values, dtype=float)
        if line.shape != truth.shape:
            expected = f"predictions[{name!r}] must have the shape of truth, {truth.shape}"
            fail(ShapeError, where, expected, line.shape)
        colour, dashes = COLOURS[k % len(COLOURS)], DASHES[k // len(COLOURS) % len(DASHES)]
        ax.plot(times, line, color=colour, linestyle=dashes, linewidth=1.2, label=name)
    finish(ax, xlabel=time_label, ylabel=value_label)
    ax.margins(x=0)
    legend_above(ax)
    return picture
