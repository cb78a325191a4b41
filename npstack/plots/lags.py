"""How far back a gradient reaches: a picture of measurements over the lag."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from npstack.core.arguments import check_positive
from npstack.core.errors import ShapeError, fail
from npstack.core.numerics import Array
from npstack.plots import given
from npstack.plots.frame import (
    HIGH,
    LABEL,
    Picture,
    finish,
    legend_above,
    lines,
    logarithmic,
    mark_floor,
    new_picture,
    nth_look,
    whole_numbers,
)

BAND = 0.18  # opacity


def gradient_against_lag(
    panels: Mapping[str, Mapping[str, Array]],
    *,
    floor: float = 1e-16,
    value_label: str = "gradient of the last hidden state",
    run: str = "run",
) -> Picture:
    """Gradients by the number of steps that they have passed, several models in one panel.

    Parameters
    ----------
    panels : dict of dicts of arrays (N, T), or (T,)
        By the title of the panel, the first at the top, and in it by the name of the model: sizes
        at lag 0 … T - 1 in N runs (seeds, rows), such as ``"x"`` or ``"h"`` of
        `npstack.analysis.gradient_against_lag`.
    floor : float
        Smaller sizes, and zeros, are drawn at this height, on a dotted line that says so. By
        default 1e-16: that small beside a gradient of size 1, it is lost in the rounding of the
        sum.
    value_label : str
        What the sizes are, beside the axis.
    run : str
        What the N rows are, in the singular, such as ``"seed"``.

    Returns
    -------
    matplotlib.figure.Figure
        One panel below the other, on one axis of lags and one logarithmic axis of sizes. A line is
        the median of the runs, the band around it reaches from the smallest to the largest;
        the legend says so.

    Raises
    ------
    ShapeError, ArgumentError, DtypeError
        Not arrays (N, T) of sizes by name.
    NonFiniteError
        NaN or infinity among the sizes.

    Examples
    --------
    >>> fading = 0.5 ** np.arange(60.0)
    >>> runs = {"RNN": np.stack([fading, 2 * fading]), "LSTM": np.ones(60)}
    >>> picture = gradient_against_lag({"one layer": runs})
    >>> [line.get_label() for line in picture.axes[0].lines][:2]
    ['RNN', 'LSTM']
    >>> [text.get_text() for text in picture.axes[0].texts]
    ['below $10^{-16}$: drawn on this line']
    """
    where = "plots.gradient_against_lag"
    floor = check_positive(where, "floor", floor, "Use floor=1e-16.")
    found = [
        (title, _curves(where, f"panels[{title!r}]", curves))
        for title, curves in given.by_name(where, "panels", panels)
    ]
    given.check_panels(where, "panels", len(found), "Leave some out.")
    value_label = given.text(where, "value_label", value_label, given.LONGEST_NAME)
    run = given.text(where, "run", run, given.LONGEST_NAME)
    counts = {len(own) for _, curves in found for _, own in curves}
    runs = f"{max(counts)} {run}s" if len(counts) == 1 else f"the {run}s"
    note = f"line: median of {runs}; band: smallest to largest" * (counts != {1})
    longest = max(own.shape[1] for _, curves in found for _, own in curves)
    shown = [np.maximum(own, floor).ravel() for _, curves in found for _, own in curves]
    picture = new_picture(0.6 + 2.3 * len(found))
    axes = picture.subplots(len(found), 1, sharex=True, sharey=True, squeeze=False)[:, 0].tolist()
    for ax, (title, curves) in zip(axes, found, strict=True):
        for k, (name, own) in enumerate(curves):
            _draw(ax, k, name, np.maximum(own, floor))
        logarithmic(ax, *shown)
        finish(ax, title, ylabel=lines(value_label, HIGH))
        if any((own < floor).any() for _, own in curves):
            mark_floor(ax, floor)
    axes[-1].set_xlabel("lag: steps before the last one", fontsize=LABEL)
    axes[-1].set_xlim(-0.5, longest - 0.5)
    axes[-1].xaxis.set_major_locator(whole_numbers(8))
    legend_above(axes[0], note)
    return picture


def _curves(where: str, name: str, curves: object) -> list[tuple[str, Array]]:
    """The arrays of a panel as (N, T), by name."""
    advice = "Measure them first: analysis.gradient_against_lag(model, x)."
    found = []
    for key, value in given.by_name(where, name, curves):
        own = given.sizes(where, f"{name}[{key!r}]", value, advice, gaps=False)
        if own.ndim not in (1, 2) or own.size == 0:
            expected = f"{name}[{key!r}] must be (N, T), a row for each run, or (T,)"
            fail(ShapeError, where, expected, own.shape, advice)
        found.append((key, np.atleast_2d(own)))
    return found


def _draw(ax: Axes, k: int, name: str, runs: Array) -> None:
    """One model: the median, and the band of all runs. Lines also differ without colour."""
    lags, (colour, marker, dashes) = np.arange(runs.shape[1]), nth_look(k)
    every = max(1, len(lags) // 6)
    ax.plot(
        lags,
        np.median(runs, axis=0),
        dashes,
        color=colour,
        label=name,
        linewidth=1.3,
        marker=marker,
        markersize=4.5,
        markevery=(k % every, every),  # side by side, not on top of each other
    )
    if len(runs) > 1:
        low, high = runs.min(axis=0), runs.max(axis=0)
        ax.fill_between(lags, low, high, color=colour, alpha=BAND, linewidth=0)
