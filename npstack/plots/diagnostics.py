"""Pictures of measurements of `npstack.analysis`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from npstack import analysis
from npstack.analysis.directions import readings
from npstack.core.errors import ArgumentError, DtypeError, ShapeError, describe, fail
from npstack.core.numerics import Array
from npstack.core.tape import Tape
from npstack.plots import given
from npstack.plots.frame import (
    DASHES,
    LABEL,
    SMALL,
    STATES,
    TITLE,
    WIDTH,
    Picture,
    finish,
    floor_of,
    gate_name,
    layer_title,
    legend_above,
    logarithmic,
    look,
    mark_floor,
    mark_points,
    new_picture,
    share_time,
    whole_numbers,
)

ZERO = "#6A6A6A"


def saturation(measured: Tape | Sequence[analysis.Saturation]) -> Picture:
    """The fractions of time that each gate is nearly open and nearly closed, a bar per unit.

    A bar upwards is the fraction of time that the gate of a unit is nearly open, a bar downwards
    the fraction that it is nearly closed; the rest of the time it is in between. The measure is
    that of Karpathy, Johnson & Fei-Fei (2015), figure 2.

    Parameters
    ----------
    measured : tuple of Saturation, or Tape
        From `npstack.analysis.saturation`; a tape is measured with the default thresholds.

    Returns
    -------
    matplotlib.figure.Figure
        One row of panels per layer that has gates, layer 0 at the bottom, one column per gate; all
        on one axis of fractions.

    Raises
    ------
    TapeError, DtypeError
        Neither a measurement nor a tape with recurrent layers.

    Examples
    --------
    >>> from npstack import StackedLSTM
    >>> stack = StackedLSTM(1, [8, 4], rng=np.random.default_rng(0))
    >>> picture = saturation(stack.forward(np.ones((2, 30, 1))))
    >>> [ax.get_title(loc="left") for ax in picture.axes[:3]]
    ['input gate i', 'forget gate f', 'output gate o']
    >>> [ax.get_ylabel().splitlines()[0] for ax in picture.axes[::3]]
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
    gates = list(dict.fromkeys(name for _, layer in gated for name in layer.open))
    picture = new_picture(0.7 + 1.15 * len(gated), width=max(WIDTH, 1.7 * len(gates)))
    grid = picture.subplots(len(gated), len(gates), sharex="row", sharey=True, squeeze=False)[::-1]
    for line, (title, layer) in zip(grid, gated, strict=True):
        units = len(next(iter(layer.open.values())))
        for ax, name in zip(line, gates, strict=True):
            if name in layer.open:
                _fractions(ax, name, layer, gates)
            else:
                ax.set_axis_off()
        finish(line[0], ylabel=f"{layer_title(title, units)}\nfraction of time")
        line[0].xaxis.set_major_locator(whole_numbers(4))
    for ax, name in zip(grid[-1], gates, strict=True):
        ax.set_title(gate_name(name, gates), loc="left", fontsize=TITLE)
    for ax in grid[0]:
        ax.set_xlabel("unit", fontsize=LABEL)
    _fit(grid[0][0], [own for _, layer in gated for own in (layer.open, layer.closed)])
    return picture


def _fractions(ax: Axes, name: str, layer: analysis.Saturation, gates: Sequence[str]) -> None:
    """Bars upwards and downwards; where there are none, the panel says so."""
    opened, closed = layer.open[name], layer.closed[name]
    places, colour = np.arange(len(opened)), look(name, gates).colour
    ax.bar(places, opened, color=colour, width=0.8)
    ax.bar(places, -closed, color="white", edgecolor=colour, linewidth=0.8, width=0.8)
    ax.axhline(0, color=ZERO, linewidth=0.8, zorder=3)
    finish(ax)
    ax.set_xlim(-0.7, len(opened) - 0.3)
    if not (opened.any() or closed.any()):
        middle = (len(opened) - 1) / 2
        words = "always in between"
        ax.text(middle, 0, words, fontsize=SMALL, color=ZERO, ha="center", va="bottom")


def _fraction(value: float) -> str:
    """Of the axis: upwards open, downwards closed."""
    return f"{'open ' if value > 0 else 'closed '}{abs(value):.0%}" if value else "0%"


def _fit(ax: Axes, fractions: Sequence[Mapping[str, Array]]) -> None:
    """One axis for all panels, as far as the largest fraction needs; it names both directions."""
    largest = max(float(own.max(initial=0)) for one in fractions for own in one.values())
    reach = min(1.0, max(0.1, np.ceil(largest * 10) / 10))
    ax.set_ylim(-1.08 * reach, 1.08 * reach)
    ax.set_yticks([-reach, 0, reach])
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _fraction(value)))


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
    axis is logarithmic. What is more than 16 powers of ten below the largest norm is lost in the
    rounding of any sum with it: it is drawn on a dotted line, which says so.

    Parameters
    ----------
    norms : dict of arrays (L, T)
        From `npstack.analysis.gradient_norms`: by the name of the state, layer 0 first.
    times, time_label
        As for `activations`.
    names : sequence of str, optional
        Names of the L layers, such as those that `npstack.analysis.directions.readings` gives to
        two directions; ``layer 0``, … by default.

    Returns
    -------
    matplotlib.figure.Figure
        One panel per layer, layer 0 at the bottom, on one axis of norms; in it one line per kind of
        state.

    Raises
    ------
    ShapeError, ArgumentError, DtypeError
        Not arrays (L, T) of norms by name; times or names that do not fit.
    NonFiniteError
        Infinity among the norms; NaN leaves a gap.

    Examples
    --------
    >>> picture = gradient_norms({"h": np.array([[1e-3, 1e-2], [1e-1, 1.0]])})
    >>> [ax.get_title(loc="left") for ax in picture.axes]
    ['layer 1', 'layer 0']
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
    given.check_panels(where, "layers", shape[0], "Leave some out: norms[name][:8].")
    titles = [f"layer {k}" for k in range(shape[0])]
    if names is not None:
        titles = given.names(where, "names", names, shape[0], "layers")
    moments = given.check_times(where, times, shape[1])
    time_label = given.text(where, "time_label", time_label)
    picture = new_picture(0.8 + 1.1 * shape[0])
    panels = picture.subplots(shape[0], 1, sharex=True, sharey=True, squeeze=False)[:, 0].tolist()
    floor = floor_of(*(own for _, own in found))
    shown = dict(found)
    if any((own > 0).any() for _, own in found):
        shown = {name: np.where(own > 0, np.maximum(own, floor), np.nan) for name, own in found}
    for ax, title, *lines in zip(reversed(panels), titles, *shown.values(), strict=True):
        for k, (name, line) in enumerate(zip(shown, lines, strict=True)):
            dashes = DASHES[0] if k == 0 else DASHES[1 + (k - 1) % (len(DASHES) - 1)]
            colour = look(name, list(shown)).colour
            ax.plot(moments, line, dashes, color=colour, label=STATES.get(name, f"state {name}"))
        mark_points(ax)
        logarithmic(ax, *shown.values())
        if any(((line > 0) & (line <= floor)).any() for line in lines):
            mark_floor(ax, floor)
        finish(ax, title, ylabel="norm of the\ngradient")
    share_time(panels, moments, None, time_label)
    legend_above(panels[0])
    return picture
