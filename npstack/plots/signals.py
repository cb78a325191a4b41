"""Inputs and outputs of a model over time: lines, points or a heat map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from npstack.core.activations import ANY, Range
from npstack.core.errors import ArgumentError, ShapeError, TapeError, fail
from npstack.core.numerics import Array
from npstack.core.tape import Tape
from npstack.plots.frame import (
    COLOURS,
    MAX_TRACES,
    TRUTH,
    UNNAMED,
    Picture,
    finish,
    legend_above,
    traces,
    whole_numbers,
)
from npstack.plots.given import names, numbers, on_tape
from npstack.plots.scale import (
    colour_bar,
    heat_map,
    height_of_units,
    power_of_ten,
    rows_note,
    signed,
    with_power,
    without_power,
)

OTHERS = "#B0B0B0"  # of many points: all but the largest


class Signal(NamedTuple):
    """One row of the input or of the outputs.

    Attributes
    ----------
    name : str
        ``"input"`` or ``"output"``.
    values : array (T, K), or (K,) of what has no time axis
    labels : list of str
        Of the columns.
    named : bool
        Whether the labels were given.
    symbols : bool
        Whether the values are numbers of symbols, which have no order.
    """

    name: str
    values: Array
    labels: list[str]
    named: bool
    symbols: bool


def signal(
    where: str, name: str, values: Array, mask: Array, labels: Sequence[str] | None
) -> Signal:
    """A row of a tape's input or outputs, checked, with a name for each column."""
    symbols = values.dtype.kind in "iu"
    if symbols:
        values = values[:, np.newaxis]  # one per step
    shown = on_tape(where, name, values, mask if values.ndim > 1 else None)
    columns = values.shape[-1]
    own = [f"{name} {k}" for k in range(columns)] if columns > 1 else [name]
    if labels is not None:
        own = names(where, f"{name}_labels", labels, columns, "columns")
    return Signal(name, shown, own, labels is not None, symbols)


def outputs_of_row(where: str, tape: Tape, outputs: Array, row: int, steps: int) -> Array:
    """One row of the outputs in the order of time, ``(T, K)``; ``(K,)`` after the last step."""
    own: Array = outputs[row]
    if own.ndim > 1 and len(own) == steps:
        own = own[::-1] if tape.turned else own
        return own.reshape(steps, -1)  # branches that are not joined are put side by side
    last = last_part(tape)
    if own.ndim > 1 and last.mask is not None and last.mask.shape[1] != steps:
        expected = f"the outputs must be on the time axis of the input, T={steps}"
        advice = "A RepeatVector begins another: take the parts by themselves, tape.parts[k]."
        fail(TapeError, where, expected, f"T={last.mask.shape[1]}", advice)
    return own.ravel()


def last_part(tape: Tape) -> Tape:
    """The tape of the last layer."""
    return last_part(tape.parts[-1]) if tape.parts else tape


def truth_of_row(where: str, tape: Tape, truth: object, row: int, steps: int) -> Array:
    """One row of the targets."""
    checked = numbers(where, "truth", truth)
    if checked.shape != tape.outputs.shape:
        expected = f"truth must have the shape of tape.outputs, {tape.outputs.shape}"
        fail(ShapeError, where, expected, checked.shape, "Give the targets of the whole batch.")
    own = outputs_of_row(where, tape, checked, row, steps)
    if own.shape[-1] > MAX_TRACES:
        expected = f"truth can be drawn for at most {MAX_TRACES} columns"
        fail(ArgumentError, where, expected, own.shape[-1], "Leave it out.")
    return own


def draw_signal(
    picture: Picture,
    ax: Axes,
    drawn: Signal,
    times: Array,
    mask: Array,
    truth: Array | None = None,
    ends: Range = ANY,
    truth_label: str = "",
) -> None:
    """Draw it; ``ends`` are the range of its values where it is known."""
    name, unit, columns = drawn.name, "value", len(drawn.labels)
    given = [drawn.values] if truth is None else [drawn.values, truth]
    power = power_of_ten(*given)
    values, *others = [without_power(own, power) for own in given]
    if values.ndim == 1:
        _bars(ax, drawn, values, others, truth_label)
        name += " after the last step" if name == "output" else " (no time axis)"
        if columns > MAX_TRACES:
            name += f" · the largest {MAX_TRACES} of {columns}"
    elif columns > MAX_TRACES:
        scale = signed(drawn.values[mask], ends)
        mesh = heat_map(ax, times, drawn.values, mask, scale)
        colour_bar(picture, mesh, ax, name, scale)
        if drawn.named:
            ends_and_middle = sorted({0, (columns - 1) // 2, columns - 1})
            ax.set_yticks(ends_and_middle, [drawn.labels[k] for k in ends_and_middle])
        unit, power = "column" + rows_note(drawn.values, scale), 0
    else:
        _lines(ax, drawn.labels, times, mask, values, others, truth_label)
    if drawn.symbols and values.ndim > 1:
        ax.lines[0].set(linestyle="", marker=".", markevery=None)
        ax.yaxis.set_major_locator(whole_numbers(4))
        unit = "symbol"
    if values.ndim == 1:
        finish(ax, name, with_power(unit, power), "column")
        if truth is not None:
            legend_above(ax, bar=True)
        return
    if columns == 1 and drawn.named and truth is None:
        name += f" · {drawn.labels[0]}"
    finish(ax, name, ylabel=with_power(unit, power))
    if truth is not None or 1 < columns <= MAX_TRACES:
        legend_above(ax, bar=True)


def _lines(
    ax: Axes,
    labels: list[str],
    times: Array,
    mask: Array,
    values: Array,
    truth: list[Array],
    truth_label: str,
) -> None:
    """A line for each column; the truth in black where there is one, else dashed."""
    alone = len(labels) == 1
    for right in truth:
        shown = np.where(mask[:, np.newaxis], right, np.nan)
        for k, column in enumerate(shown.T):
            name = truth_label if alone else f"{truth_label} (dashed)"
            label = name if k == 0 else UNNAMED
            style = {"color": TRUTH} if alone else {"color": COLOURS[k], "linestyle": "--"}
            ax.plot(times, column, label=label, **style)  # type: ignore[arg-type]
    traces(ax, times, values, mask, labels)


def _bars(ax: Axes, drawn: Signal, values: Array, truth: list[Array], truth_label: str) -> None:
    """A bar for each column with its number, the first at the top; of many, the largest.

    The truth is a black line across the bar.
    """
    shown = _named(drawn, values)
    few = len(shown) == len(values)
    for place, k in enumerate(shown):
        colour = COLOURS[0] if few or place == 0 else OTHERS
        ax.barh(place, values[k], height=0.7, color=colour)
    for right in truth:
        for place, k in enumerate(shown):
            label = truth_label if place == 0 else UNNAMED
            ends = [place - 0.42, place + 0.42]
            ax.plot([right[k]] * 2, ends, color=TRUTH, linewidth=2, label=label)
    written = [f"{drawn.labels[k]}: {values[k]:.3g}".replace(": -", ": −") for k in shown]
    ax.set_yticks(range(len(shown)), written)
    ax.set_ylim(len(shown) - 0.4, -0.6)
    ax.axvline(0, color=TRUTH, linewidth=0.8, label=UNNAMED)
    ax.xaxis.set_major_locator(MaxNLocator(5))


def _named(drawn: Signal, values: Array) -> list[int]:
    """The columns that get a bar: all, or the largest in falling order."""
    if len(values) <= MAX_TRACES:
        return list(range(len(values)))
    return [int(k) for k in np.argsort(-values, kind="stable")[:MAX_TRACES]]


def over_time(drawn: object) -> bool:
    """Whether a panel has an axis of time: that of a layer has."""
    return not isinstance(drawn, Signal) or drawn.values.ndim > 1


def height_of(drawn: Signal, usual: float) -> float:
    """The height of its panel in inches."""
    if over_time(drawn):
        columns = len(drawn.labels)
        return height_of_units(columns, usual) if columns > MAX_TRACES else usual
    return 0.55 + 0.17 * min(len(drawn.labels), MAX_TRACES)
