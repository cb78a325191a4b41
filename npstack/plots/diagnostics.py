"""Pictures of measurements of `npstack.analysis`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from npstack import analysis
from npstack.analysis.directions import readings
from npstack.core.errors import ArgumentError, DtypeError, ShapeError, describe, fail
from npstack.core.numerics import Array
from npstack.core.tape import Tape
from npstack.plots import given
from npstack.plots.frame import (
    COLOURS,
    DASHES,
    GRID,
    MARKERS,
    STATES,
    Picture,
    finish,
    layer_title,
    legend_above,
    logarithmic,
    mark_points,
    new_picture,
    share_time,
)


def saturation(measured: Tape | Sequence[analysis.Saturation]) -> Picture:
    """The fractions of time that each gate is nearly open and nearly closed, a point per unit.

    After Karpathy, Johnson & Fei-Fei (2015), figure 2. A point at the lower right is a gate that is
    nearly always open, at the upper left one that is nearly always closed, at the lower left one
    that is always in between. No point lies above the diagonal, because the two fractions add up to
    at most 1.

    Parameters
    ----------
    measured : tuple of Saturation, or Tape
        From `npstack.analysis.saturation`; a tape is measured with the default thresholds.

    Returns
    -------
    matplotlib.figure.Figure
        One panel per layer that has gates, layer 0 at the bottom.

    Raises
    ------
    TapeError, DtypeError
        Neither a measurement nor a tape with recurrent layers.

    Examples
    --------
    >>> from npstack import StackedLSTM
    >>> stack = StackedLSTM(1, [8, 4], rng=np.random.default_rng(0))
    >>> picture = saturation(stack.forward(np.ones((2, 30, 1))))
    >>> [ax.get_title(loc="left") for ax in picture.axes]
    ['layer 1 · 4 units', 'layer 0 · 8 units']
    """
    where = "plots.saturation"
    titles = None
    if isinstance(measured, Tape):
        titles = [layer.name for layer in readings(measured)]
        measured = analysis.saturation(measured)
    if not isinstance(measured, Sequence) or not measured or not all(map(_is_right, measured)):
        expected = "give a tape or what analysis.saturation returned"
        fail(DtypeError, where, expected, describe(measured), "Pass what forward returned.")
    titles = titles or [f"layer {k}" for k in range(len(measured))]
    gated = [(title, layer) for title, layer in zip(titles, measured, strict=True) if layer.open]
    if not gated:
        fail(ArgumentError, where, "at least one layer must have gates", "none", "Use an LSTM.")
    given.check_panels(where, "layers", len(gated), "Give a part: measured[:8].")
    picture = new_picture(0.6 + 1.9 * len(gated), width=5.5)
    panels = picture.subplots(len(gated), 1, sharex=True, squeeze=False)[:, 0]
    for ax, (title, layer) in zip(reversed(panels), gated, strict=True):
        ax.plot([0, 1], [1, 0], color=GRID)
        for k, name in enumerate(layer.open):
            ax.plot(
                layer.open[name],
                layer.closed[name],
                MARKERS[k % len(MARKERS)],
                color=COLOURS[k % len(COLOURS)],
                fillstyle="none",  # points do not hide each other
                label=f"{name} gate",
            )
        units = len(next(iter(layer.open.values())))
        finish(ax, layer_title(title, units), ylabel="fraction of time\nnearly closed")
        ax.set_xlim(-0.03, 1.03)
        ax.set_ylim(-0.05, 1.05)
    panels[-1].set_xlabel("fraction of time nearly open", fontsize=9)
    legend_above(panels[0])
    return picture


def _is_right(layer: object) -> bool:
    """Whether it is a result of `analysis.saturation` for a layer: fractions, unit by unit."""
    if not isinstance(layer, analysis.Saturation):
        return False
    pairs = [layer.open, layer.closed]
    if not all(isinstance(one, dict) for one in pairs) or layer.open.keys() != layer.closed.keys():
        return False
    arrays = [np.asarray(own) for one in pairs for own in one.values()]
    return all(
        own.dtype.kind == "f"
        and own.shape == arrays[0].shape
        and own.ndim == 1
        and ((own >= 0) & (own <= 1)).all()
        for own in arrays
    )


def gradient_norms(
    norms: Mapping[str, Array],
    *,
    times: Sequence[float] | Array | None = None,
    time_label: str = "time step",
    names: Sequence[str] | None = None,
) -> Picture:
    """The size of the gradient that reaches each layer at each time step.

    Backpropagation goes from right to left. A line that falls steadily to the left is a gradient
    that vanishes, one that rises a gradient that explodes. Zeros leave a gap, as the
    axis is logarithmic.

    Parameters
    ----------
    norms : dict of arrays (L, T)
        From `npstack.analysis.gradient_norms`: by the name of the state, layer 0 first.
    times, time_label
        As for `activations`.
    names : sequence of str, optional
        Names of the L lines, such as those that `npstack.analysis.directions.readings` gives to two
        directions; ``layer 0``, … by default.

    Returns
    -------
    matplotlib.figure.Figure
        One panel per kind of state, on one axis of norms; one line per layer.

    Raises
    ------
    ShapeError, ArgumentError, DtypeError
        Not arrays (L, T) of norms by name; times or names that do not fit.
    NonFiniteError
        Infinity among the norms; NaN leaves a gap.

    Examples
    --------
    >>> picture = gradient_norms({"h": np.array([[1e-3, 1e-2], [1e-1, 1.0]])})
    >>> [line.get_label() for line in picture.axes[0].lines]
    ['layer 0', 'layer 1']
    """
    where = "plots.gradient_norms"
    advice = "Measure them first: analysis.gradient_norms(model, tape, doutputs)."
    if not isinstance(norms, Mapping):
        expected = "norms must be arrays (L, T) by the name of the state"
        fail(ShapeError, where, expected, describe(norms), advice)
    found = [
        (name, given.numbers(where, f"norms[{name!r}]", own))
        for name, own in given.by_name(where, "norms", norms)
    ]
    shape = found[0][1].shape
    if len(shape) != 2 or 0 in shape or any(own.shape != shape for _, own in found):
        expected = "norms must be arrays (L, T) of one shape, by the name of the state"
        fail(ShapeError, where, expected, [own.shape for _, own in found], advice)
    below = [own[own < 0] for _, own in found]
    if any(map(len, below)):
        fail(ArgumentError, where, "norms must be at least 0", np.concatenate(below)[0], advice)
    given.check_panels(where, "kinds of state", len(found), "Leave some out.")
    lines = [f"layer {k}" for k in range(shape[0])]
    if names is not None:
        lines = given.names(where, "names", names, shape[0], "layers")
    moments = given.check_times(where, times, shape[1])
    time_label = given.text(where, "time_label", time_label)
    picture = new_picture(0.6 + 2.0 * len(found))
    panels = picture.subplots(len(found), 1, sharex=True, sharey=True, squeeze=False)[:, 0].tolist()
    shown = [own for _, own in found]
    if any((own > 0).any() for own in shown):
        shown = [np.where(own > 0, own, np.nan) for own in shown]
    for ax, (name, _), layers in zip(panels, found, shown, strict=True):
        for k, line in enumerate(layers):
            style = DASHES[k // len(COLOURS) % len(DASHES)]
            ax.plot(moments, line, style, color=COLOURS[k % len(COLOURS)], label=lines[k])
        mark_points(ax)
        logarithmic(ax, *shown)
        finish(ax, STATES.get(name, f"state {name}"), ylabel=f"norm of d{name}(t)")
    share_time(panels, moments, None, time_label)
    legend_above(panels[0])
    return picture
