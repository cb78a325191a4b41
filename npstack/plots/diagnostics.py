"""Pictures of measurements of `npstack.analysis`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from npstack import analysis
from npstack.analysis.directions import readings
from npstack.core.arguments import check_number
from npstack.core.errors import ArgumentError, DtypeError, ShapeError, describe, fail
from npstack.core.numerics import Array
from npstack.core.tape import Tape
from npstack.plots import given
from npstack.plots.frame import (
    LABEL,
    SMALL,
    STATES,
    TITLE,
    WIDTH,
    Picture,
    finish,
    gate_name,
    keeps,
    lines,
    look,
    new_picture,
    number,
    share_time,
    whole_numbers,
)
from npstack.plots.scale import as_power, as_powers, heat_map, powers, powers_bar

ZERO = "#6A6A6A"
SMALLEST = 0.02  # the height of a bar that can be seen
THRESHOLDS = "They are the thresholds of analysis.saturation, such as 0.9 and 0.1."
MOST_ROWS, PER_ROW, HIGHEST = 16, 0.27, 3.2  # layers with names; inches of one, and of a panel
LONGEST_ROW = 18  # characters of a layer's name, on one line


def saturation(
    measured: Tape | Sequence[analysis.Saturation],
    *,
    open_above: float = 0.9,
    closed_below: float = 0.1,
) -> Picture:
    """The fractions of time that each gate is nearly open and nearly closed, a bar per unit.

    A bar upwards is the fraction of time that the gate of a unit is nearly open, a bar downwards
    the fraction that it is nearly closed; the rest of the time it is in between. The measure is
    that of Karpathy, Johnson & Fei-Fei (2015), figure 2.

    Parameters
    ----------
    measured : tuple of Saturation, or Tape
        From `npstack.analysis.saturation`; a tape is measured with these thresholds.
    open_above, closed_below : float
        Of a measurement: the thresholds that it was made with. The picture says them.

    Returns
    -------
    matplotlib.figure.Figure
        One row of panels per layer that has gates, layer 0 at the bottom, one column per gate; all
        on one axis, from closed all the time to open all the time.

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
    ['layer 1', 'layer 0']
    """
    where = "plots.saturation"
    titles = None
    if isinstance(measured, Tape):
        titles = [layer.name for layer in readings(measured)]
        measured = analysis.saturation(measured, open_above=open_above, closed_below=closed_below)
    open_above = check_number(where, "open_above", open_above, THRESHOLDS)
    closed_below = check_number(where, "closed_below", closed_below, THRESHOLDS)
    if not isinstance(measured, Sequence) or not measured or not all(map(_is_right, measured)):
        expected = "give a tape or what analysis.saturation returned"
        fail(DtypeError, where, expected, describe(measured), "Pass what forward returned.")
    titles = titles or [f"layer {k}" for k in range(len(measured))]
    gated = [(title, layer) for title, layer in zip(titles, measured, strict=True) if layer.open]
    if not gated:
        fail(ArgumentError, where, "at least one layer must have gates", "none", "Use an LSTM.")
    given.check_panels(where, "layers", len(gated), "Give a part: measured[:8].")
    gates = {name: list(layer.open) for _, layer in gated for name in layer.open}
    keeping = any(keeps(name, own) for name, own in gates.items())
    height = 0.7 + 0.15 * keeping + 1.15 * len(gated)
    picture = new_picture(height, width=max(WIDTH, 1.7 * len(gates)))
    grid = picture.subplots(len(gated), len(gates), sharex="row", sharey=True, squeeze=False)[::-1]
    for line, (title, layer) in zip(grid, gated, strict=True):
        units = len(next(iter(layer.open.values())))
        for ax, name in zip(line, gates, strict=True):
            if name in layer.open:
                _fractions(ax, name, layer, list(gates))
            else:
                ax.set_axis_off()
        finish(line[0], ylabel=f"{title}\n{units} unit{'s' * (units != 1)}")
        line[0].xaxis.set_major_locator(whole_numbers(4))
    for ax, (name, own) in zip(grid[-1], gates.items(), strict=True):
        ax.set_title(gate_name(name, own), loc="left", fontsize=TITLE)
    for ax in grid[0]:
        ax.set_xlabel("unit", fontsize=LABEL)
    _name_directions(grid[0][0])
    above, below = number(open_above), number(closed_below)
    words = f"filled bars up: gate above {above}; empty bars down: below {below}"
    if keeping:
        words += "\nupdate gate: 1 keeps the old state, 0 replaces it"
    picture.supxlabel(words, fontsize=LABEL)
    picture.supylabel("fraction of time", fontsize=LABEL)
    return picture


def _fractions(ax: Axes, name: str, layer: analysis.Saturation, gates: Sequence[str]) -> None:
    """Bars upwards and downwards; where there are none to be seen, the panel says so."""
    opened, closed = layer.open[name], layer.closed[name]
    places, colour = np.arange(len(opened)), look(name, gates).colour
    ax.bar(places, opened, color=colour, width=0.8)
    ax.bar(places, -closed, color="white", edgecolor=colour, linewidth=0.8, width=0.8)
    ax.axhline(0, color=ZERO, linewidth=0.8, zorder=3)
    finish(ax)
    ax.set_xlim(-0.7, len(opened) - 0.3)
    largest = max(opened.max(initial=0), closed.max(initial=0))
    if largest < SMALLEST:
        middle = (len(opened) - 1) / 2
        words = f"at most {largest:.1%}" if largest > 0 else "in between"
        ax.text(middle, 0, words, fontsize=SMALL, color=ZERO, ha="center", va="bottom")


def _fraction(value: float) -> str:
    """Of the axis: upwards open, downwards closed."""
    return f"{'open ' if value > 0 else 'closed '}{abs(value):.0%}" if value else "0%"


def _name_directions(ax: Axes) -> None:
    """One axis for all panels and all pictures, which names both directions."""
    ax.set_ylim(-1.08, 1.08)
    ax.set_yticks([-1, 0, 1])
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
    of: str = "the loss",
) -> Picture:
    """A map of the size of the gradient that reaches each layer at each time step.

    Backpropagation goes from right to left, and from the top layer down. A row that becomes paler
    to the left is a gradient that vanishes, one that becomes darker a gradient that explodes. The
    colours are logarithmic, the same in all panels. What is more than 16 powers of ten below the
    largest norm is lost in the rounding of any sum with it: it has the palest colour, which the
    colour bar says. Where no gradient arrives, and at NaN, the map is white.

    Parameters
    ----------
    norms : dict of arrays (L, T)
        From `npstack.analysis.gradient_norms`: by the name of the state, layer 0 first.
    times, time_label
        As for `activations`.
    names : sequence of str, optional
        Names of the L layers, such as those that `npstack.analysis.directions.readings` gives to
        two directions; ``layer 0``, … by default.
    of : str
        What the gradient is of, such as ``"the last output"``.

    Returns
    -------
    matplotlib.figure.Figure
        One panel per kind of state, in it one row per layer, layer 0 at the bottom; then the colour
        bar.

    Raises
    ------
    ShapeError, ArgumentError, DtypeError
        Not arrays (L, T) of norms by name; times or names that do not fit.
    NonFiniteError
        Infinity among the norms.

    Examples
    --------
    >>> norms = {"h": np.array([[1e-3, 1e-2], [1e-1, 1.0]]), "c": np.full((2, 2), 0.5)}
    >>> picture = gradient_norms(norms)
    >>> [ax.get_title(loc="left") for ax in picture.axes[:2]]
    ['hidden state h: ‖dh‖', 'cell state c: ‖dc‖']
    >>> [label.get_text() for label in picture.axes[0].get_yticklabels()]
    ['layer 0', 'layer 1']
    """
    where = "plots.gradient_norms"
    advice = "Measure them first: analysis.gradient_norms(model, tape, doutputs)."
    if not isinstance(norms, Mapping):
        expected = "norms must be arrays (L, T) by the name of the state"
        fail(ShapeError, where, expected, describe(norms), advice)
    found = [
        (name, given.sizes(where, f"norms[{name!r}]", own, advice))
        for name, own in given.by_name(where, "norms", norms)
    ]
    shape = found[0][1].shape
    if len(shape) != 2 or 0 in shape or any(own.shape != shape for _, own in found):
        expected = "norms must be arrays (L, T) of one shape, by the name of the state"
        fail(ShapeError, where, expected, [own.shape for _, own in found], advice)
    L, T = shape
    given.check_panels(where, "layers", L, "Leave some out: norms[name][:8].")
    given.check_panels(where, "states", len(found), "Leave some out.")
    titles = [f"layer {k}" for k in range(L)]
    if names is not None:
        titles = given.names(where, "names", names, L, "layers")
    moments = given.check_times(where, times, T)
    time_label = given.text(where, "time_label", time_label)
    of = given.text(where, "of", of, given.LONGEST_NAME)
    rows = [lines(title, LONGEST_ROW) for title in titles]
    tallest = max(row.count("\n") + 1 for row in rows) if L <= MOST_ROWS else 1
    height = min(PER_ROW * L * tallest, HIGHEST)
    picture = new_picture(1.1 + len(found) * (0.45 + height))
    panels = picture.subplots(len(found), 1, sharex=True, squeeze=False)[:, 0].tolist()
    arrays = [own for _, own in found]
    scale = powers(*arrays)
    for ax, (name, own) in zip(panels, found, strict=True):
        mesh = heat_map(ax, moments, as_powers(own, scale).T, None, scale)
        finish(ax, f"{STATES.get(name, f'state {name}')}: ‖d{name}‖")
        ax.tick_params(axis="y", length=0)
        if L <= MOST_ROWS:
            ax.set_yticks(range(L), rows)
            for border in range(1, L):
                ax.axhline(border - 0.5, color="white", linewidth=1)
        else:
            ax.set_ylabel("layer", fontsize=LABEL)
    share_time(panels, moments, None, time_label)
    below = any(((own > 0) & (own < 10.0**scale.low)).any() for own in arrays)
    notes = [f"below {as_power(scale.low)}: palest"] * below
    notes += ["0: white"] * any((own == 0).any() for own in arrays)
    label = f"norm of the gradient of {of}" + f"\n({', '.join(notes)})" * bool(notes)
    powers_bar(picture, mesh, panels, label, below)
    return picture
