"""Shared by all pictures: colours, the figure and its axes, lines over time."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from npstack.core.numerics import Array

# Okabe & Ito (2008): distinguishable with all common kinds of colour vision. Yellow is left out
# (too pale on white); black is for true values.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P")
DASHES = ("-", "--", ":", "-.")  # for lines beyond the sixth
TRUTH = "#000000"
UNNAMED = "_child"  # matplotlib's label of a line without a name
GRID, MASK_FILL, MASK_HATCH = "#E4E4E4", "#E4E4E4", "#9A9A9A"

STATES = {"h": "hidden state h", "c": "cell state c"}

WIDTH = 7.5  # inches, a notebook's column
SMALL = 8.5  # points: ticks, legends
CHARACTERS = 13.5  # of that size, to the inch
LEAST, GREATEST = -323.3, 308.0  # powers of ten on a logarithmic axis
MAX_TRACES = len(COLOURS)  # with more columns, a heat map


class Picture(Figure):
    """A matplotlib figure that a notebook shows without pyplot."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=100)
        return buffer.getvalue()


def new_picture(height: float, width: float = WIDTH) -> Picture:
    """A white figure with automatic layout."""
    return Picture(figsize=(width, height), layout="constrained", facecolor="white")


def finish(ax: Axes, title: str = "", xlabel: str = "", ylabel: str = "") -> None:
    """Names and sizes, the same on every panel."""
    ax.set_title(title, loc="left", fontsize=9.5)
    ax.set_xlabel(xlabel, fontsize=9)
    ax.set_ylabel(ylabel, fontsize=9)
    ax.tick_params(labelsize=SMALL)
    ax.spines[["top", "right"]].set_visible(False)


def legend_above(ax: Axes) -> None:
    """A legend above the right end of the panel, where it covers neither data nor the title."""
    artists = [(str(artist.get_label()), artist) for artist in (*ax.lines, *ax.patches)]
    drawn = [artist for name, artist in artists if not name.startswith(UNNAMED)]
    names = [name for name, _ in artists if not name.startswith(UNNAMED)]
    if not drawn:
        return
    picture: Any = ax.figure
    room = picture.get_size_inches()[0] * CHARACTERS - len(ax.get_title(loc="left")) - 12
    legend = ax.legend(
        drawn,
        [" "] * len(drawn),
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        borderaxespad=0.1,
        ncols=max(1, min(len(drawn), int(room / (max(map(len, names)) + 6)))),
        columnspacing=1.2,
        handlelength=1.4,
        handletextpad=0.5,
        fontsize=SMALL,
        frameon=False,
    )
    for written, name in zip(legend.get_texts(), names, strict=True):
        written.set_text(name)  # after the fact: matplotlib leaves names out that begin with _


def layer_title(layer: int | str, units: int) -> str:
    """The same over every panel of a layer, which has a number or a name."""
    name = layer if isinstance(layer, str) else f"layer {layer}"
    return f"{name} · {units} unit{'' if units == 1 else 's'}"


def whole_numbers(count: int) -> MaxNLocator:
    """Ticks at round whole numbers, for steps, units and epochs."""
    return MaxNLocator(count, integer=True, steps=[1, 2, 5, 10], min_n_ticks=1)


def logarithmic(ax: Axes, *values: Array) -> None:
    """A logarithmic axis upwards; a linear one for numbers that are not all above zero.

    The more powers of ten the data span, the fewer lines each.
    """
    shown = np.concatenate([v[np.isfinite(v)] for v in values])
    ax.grid(axis="y", color=GRID, linewidth=0.6)
    if not len(shown) or shown.min() <= 0:
        return
    low, high = np.log10(shown.min()), np.log10(shown.max())
    margin = 0.05 * (high - low) or 0.2
    low, high = max(low - margin, LEAST), min(high + margin, GREATEST)
    ax.set_autoscaley_on(False)  # matplotlib's own margins could overflow
    ax.set_yscale("log")
    ax.set_ylim(10**low, 10**high)
    ax.yaxis.set_major_locator(
        MaxNLocator(5) if high - low < 0.8 else FixedLocator(_decimal_ticks(low, high))
    )
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, position: number(value)))
    ax.yaxis.set_minor_locator(NullLocator())


def _decimal_ticks(low: float, high: float) -> list[float]:
    """Round numbers between two powers of ten; LogLocator computes some beyond both, too."""
    decades = high - low
    digits = (1, 2, 3, 5) if decades < 1.5 else (1, 3) if decades < 3 else (1,)
    step = 1 + int(decades // 8)
    powers = range(step * math.ceil(np.floor(low) / step), math.ceil(high), step)
    ticks = [digit * 10.0**power for power in powers for digit in digits]
    return [tick for tick in ticks if low <= np.log10(tick) <= high]


def number(value: float) -> str:
    """0.02 as a decimal, 1e-30 as a power of ten."""
    text = f"{value:g}"
    if "e" not in text:
        return text
    digit, exponent = text.split("e")
    return f"${'' if digit == '1' else digit + '·'}10^{{{int(exponent)}}}$"


def edges(centres: Array) -> Array:
    """Borders between neighbouring positions on an axis, and one at either end."""
    if len(centres) == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    middle = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]])


def traces(
    ax: Axes, times: Array, values: Array, mask: Array | None, labels: Sequence[str]
) -> None:
    """Draw ``values (T, D)`` as one line per column; masked steps stay empty."""
    shown = values if mask is None else np.where(mask[:, np.newaxis], values, np.nan)
    for k, label in enumerate(labels):
        ax.plot(times, shown[:, k], color=COLOURS[k], label=label)
    mark_points(ax)


def mark_points(ax: Axes) -> None:
    """Thin lines; a point at each value if there are few, else at those without neighbours."""
    for line in ax.lines:
        valid = np.isfinite(np.asarray(line.get_ydata(), dtype=float))
        beside = np.concatenate([[False], valid, [False]])
        alone = valid if len(valid) <= 60 else valid & ~beside[:-2] & ~beside[2:]
        line.set_linewidth(1.3)
        if alone.any():
            line.set(marker=".", markevery=np.flatnonzero(alone).tolist())


def shade_masked(ax: Axes, times: Array, mask: Array | None) -> None:
    """Grey hatching over every run of masked steps."""
    if mask is None:
        return
    borders = edges(times)
    changes = np.flatnonzero(np.diff(np.concatenate([[True], mask, [True]])))
    for start, stop in changes.reshape(-1, 2):
        ax.axvspan(
            borders[start],
            borders[stop],
            zorder=0,
            facecolor=MASK_FILL,
            edgecolor=MASK_HATCH,
            hatch="///",
            linewidth=0,
        )


def share_time(axes: Sequence[Axes], times: Array, mask: Array | None, label: str) -> None:
    """One time axis for all panels (bottom panel last), masked steps shaded on each."""
    borders = edges(times)
    for ax in axes:
        shade_masked(ax, times, mask)
        ax.set_xlim(borders[0], borders[-1])
        ax.tick_params(labelbottom=ax is axes[-1])
    axes[-1].set_xlabel(label, fontsize=9)
    if label == "time step":
        axes[-1].xaxis.set_major_locator(whole_numbers(8))
