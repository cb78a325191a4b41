"""Truncated BPTT: the gradient by full BPTT beside that which is cut."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npstack.core.arguments import check_size
from npstack.core.errors import ShapeError, fail
from npstack.core.numerics import Array
from npstack.plots import given
from npstack.plots.frame import (
    COLOURS,
    FLOOR_LINE,
    UNNAMED,
    Picture,
    edges,
    finish,
    floor_of,
    legend_above,
    lines,
    logarithmic,
    mark_floor,
    mark_points,
    new_picture,
    share_time,
)

HIGH = 18  # characters upwards along one of several panels


def truncated_bptt(
    full: Array,
    cut: Array,
    k: int,
    *,
    times: Sequence[float] | Array | None = None,
    time_label: str = "time step",
    value_label: str = "norm of the gradient of the loss",
) -> Picture:
    """The gradient at each step of full BPTT, and of truncated BPTT with segments of k steps.

    Grey lines are the borders of the segments. The gradient does not cross them from right to left:
    at the last steps of a segment, the truncated gradient lacks what comes from the outputs of the
    segments after it.

    Parameters
    ----------
    full, cut : arrays (L, T)
        Norms of one kind of state, layer 0 first, such as ``["h"]`` of
        `npstack.analysis.gradient_norms` and of `npstack.analysis.truncated_gradient_norms`.
    k : int
        Steps of a segment.
    times, time_label
        As for `activations`.
    value_label : str
        What the norms are of.

    Returns
    -------
    matplotlib.figure.Figure
        One panel per layer, layer 0 at the bottom, on one logarithmic axis. Zeros leave a gap;
        what is more than 16 powers of ten below the largest norm is drawn on a dotted line, which
        says so.

    Raises
    ------
    ShapeError, ArgumentError, DtypeError
        Not two arrays (L, T) of norms; times that do not fit.
    NonFiniteError
        Infinity among the norms.

    Examples
    --------
    >>> full, cut = np.ones((2, 6)), np.array([[0.5, 0.6, 0.7] * 2] * 2)
    >>> picture = truncated_bptt(full, cut, k=3)
    >>> [line.get_label() for line in picture.axes[0].lines][:2]
    ['full BPTT', 'truncated every 3 steps']
    """
    where = "plots.truncated_bptt"
    advice = "Measure them first: analysis.truncated_gradient_norms(model, tape, doutputs, k)."
    found = [given.sizes(where, name, own, advice) for name, own in (("full", full), ("cut", cut))]
    shape = found[0].shape
    if len(shape) != 2 or 0 in shape or found[1].shape != shape:
        expected = "full and cut must be arrays (L, T) of one shape"
        fail(ShapeError, where, expected, [own.shape for own in found], advice)
    k = check_size(where, "k", k, "It is the k of truncated_gradient_norms.")
    given.check_panels(where, "layers", shape[0], "Leave some out: full[:8], cut[:8].")
    moments = given.check_times(where, times, shape[1])
    time_label = given.text(where, "time_label", time_label)
    value_label = given.text(where, "value_label", value_label, given.LONGEST_NAME)
    picture = new_picture(0.8 + 1.1 * shape[0])
    panels = picture.subplots(shape[0], 1, sharex=True, sharey=True, squeeze=False)[:, 0].tolist()
    floor, name = floor_of(*found), f"truncated every {k} step{'s' * (k > 1)}"
    shown = found
    if any((own > 0).any() for own in found):
        shown = [np.where(own > 0, np.maximum(own, floor), np.nan) for own in found]
    within = np.arange(k, shape[1], k)
    borders = edges(moments)[within]
    apart = np.insert(moments, within, borders), np.insert(shown[1], within, np.nan, axis=1)
    for layer, ax in enumerate(reversed(panels)):
        ax.plot(moments, shown[0][layer], color=COLOURS[0], label="full BPTT")
        ax.plot(apart[0], apart[1][layer], "--", color=COLOURS[1], label=name)
        mark_points(ax)
        logarithmic(ax, *shown)
        if any(((own[layer] > 0) & (own[layer] < floor)).any() for own in found):
            mark_floor(ax, floor)
        for border in borders:
            ax.axvline(border, color=FLOOR_LINE, linewidth=0.8, zorder=0, label=UNNAMED)
        finish(ax, f"layer {layer}", ylabel=lines(value_label, HIGH))
    share_time(panels, moments, None, time_label)
    legend_above(panels[0])
    return picture
