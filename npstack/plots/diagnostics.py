"""Pictures of measurements of `npstack.analysis`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from npstack import analysis
from npstack.analysis.directions import readings
from npstack.core.errors import ArgumentError, DtypeError, ShapeError, describe, fail
from npstack.core.numerics import Array
from npstack.core.tape import Tape
from npstack.plots.frame import (
    COLOURS,
    GRID,
    MARKERS,
    STATES,
    Picture,
    check_times,
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
    nearly always open, at the upper left nearly always closed, at the lower left never far from
    half open. Above the diagonal nothing can be: the two fractions add up to 1 at most.

    Parameters
    ----------
    measured : tuple of Saturation, or Tape
        From `npstack.analysis.saturation`; of a tape it is asked with the usual thresholds.

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
    names = None
    if isinstance(measured, Tape):
        names = [layer.name for layer in readings(measured)]
        measured = analysis.saturation(measured)
    if not _is_saturation(measured):
        expected = "give a tape or what analysis.saturation returned"
        fail(DtypeError, where, expected, describe(measured))
    names = names or [f"layer {k}" for k in range(len(measured))]
    gated = [(name, layer) for name, layer in zip(names, measured, strict=True) if layer.open]
    if not gated:
        fail(ArgumentError, where, "at least one layer must have gates", "none", "Use an LSTM.")
    picture = new_picture(0.6 + 1.9 * len(gated), width=5.5)
    panels = picture.subplots(len(gated), 1, sharex=True, squeeze=False)[:, 0]
    for ax, (title, layer) in zip(reversed(panels), gated, strict=True):
        ax.plot([0, 1], [1, 0], color=GRID)
        for name, colour, marker in zip(layer.open, COLOURS, MARKERS, strict=False):
            ax.plot(
                layer.open[name],
                layer.closed[name],
                marker,
                color=colour,
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


def _is_saturation(measured: object) -> bool:
    return (
        isinstance(measured, Sequence)
        and len(measured) > 0
        and all(isinstance(layer, analysis.Saturation) for layer in measured)
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
    that vanishes, one that rises a gradient that explodes; where it is exactly zero there is none.

    Parameters
    ----------
    norms : dict of arrays (L, T)
        From `npstack.analysis.gradient_norms`: by the name of the state, layer 0 first.
    times, time_label
        As for `activations`.
    names : sequence of str, optional
        Of the L lines, such as those that `npstack.analysis.directions.readings` gives to two
        directions; ``layer 0``, … by default.

    Returns
    -------
    matplotlib.figure.Figure
        One panel per kind of state, on one axis of norms; one line per layer.

    Raises
    ------
    ShapeError
        Not arrays (L, T) by name; times that do not fit.

    Examples
    --------
    >>> picture = gradient_norms({"h": np.array([[1e-3, 1e-2], [1e-1, 1.0]])})
    >>> [line.get_label() for line in picture.axes[0].lines]
    ['layer 0', 'layer 1']
    """
    where = "plots.gradient_norms"
    shapes = {np.shape(values) for values in norms.values()} if isinstance(norms, Mapping) else {}
    if len(shapes) != 1 or len(shape := next(iter(shapes))) != 2:
        advice = "Measure them first: analysis.gradient_norms(model, tape, doutputs)."
        expected = "norms must be arrays (L, T) by the name of the state"
        fail(ShapeError, where, expected, describe(norms), advice)
    names = [f"layer {k}" for k in range(shape[0])] if names is None else list(names)
    if len(names) != shape[0]:
        fail(ShapeError, where, f"names must name {shape[0]} layers", len(names))
    times = check_times(where, times, shape[1])
    picture = new_picture(0.6 + 2.0 * len(norms))
    panels = picture.subplots(len(norms), 1, sharex=True, sharey=True, squeeze=False)[:, 0].tolist()
    for ax, (name, layers) in zip(panels, norms.items(), strict=True):
        for k, layer in enumerate(layers):
            line = np.ma.masked_equal(layer, 0)  # an axis of powers of ten has no place for zero
            ax.plot(times, line, color=COLOURS[k % len(COLOURS)], label=names[k])
        mark_points(ax, times)
        logarithmic(ax)
        finish(ax, STATES.get(name, f"state {name}"), ylabel=f"norm of d{name}(t)")
    share_time(panels, times, None, time_label)
    legend_above(panels[0], min(shape[0], 6))
    return picture
