"""What all pictures share: colours, the figure, heat maps and traces over time."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from npstack.core.errors import ArgumentError, ShapeError, describe, fail
from npstack.core.numerics import Array

# Okabe & Ito (2008): distinguishable with all common kinds of colour vision. Yellow is left out
# (too pale on white); black is for true values.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P")
TRUTH = "#000000"
SIGNED = "RdBu_r"  # values around 0: white is nothing, red is positive
FRACTION = "cividis"  # values from 0 to 1: yellow is open, blue is closed
GRID, MASK_FILL, MASK_HATCH = "#E4E4E4", "#E4E4E4", "#9A9A9A"

STATES = {"h": "hidden state h", "c": "cell state c"}

WIDTH = 7.5  # inches, a notebook's column
SMALL = 8.5  # points: ticks, legends
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


def legend_above(ax: Axes, columns: int = 4) -> None:
    """A legend over the panel's right end, where it cannot cover data."""
    ax.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        borderaxespad=0.1,
        ncols=columns,
        columnspacing=1.2,
        handlelength=1.4,
        handletextpad=0.5,
        fontsize=SMALL,
        frameon=False,
    )


def layer_title(layer: int | str, units: int) -> str:
    """The same over every panel of a layer, which has a number or a name."""
    name = layer if isinstance(layer, str) else f"layer {layer}"
    return f"{name} · {units} unit{'' if units == 1 else 's'}"


def whole_numbers(count: int) -> MaxNLocator:
    """Ticks at round whole numbers, for steps, units and epochs."""
    return MaxNLocator(count, integer=True, steps=[1, 2, 5, 10], min_n_ticks=1)


def logarithmic(ax: Axes) -> None:
    """A logarithmic axis upwards: the more powers of ten the data span, the fewer lines each."""
    ax.set_yscale("log")
    low, high = ax.get_ylim()
    decades = np.log10(high / low)
    digits = (1, 2, 3, 5) if decades < 1.5 else (1, 3) if decades < 3 else (1,)
    ax.yaxis.set_major_locator(
        MaxNLocator(5) if decades < 0.5 else LogLocator(subs=digits, numticks=8)
    )
    ax.yaxis.set_major_formatter(FuncFormatter(_number))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.grid(axis="y", color=GRID, linewidth=0.6)


def _number(value: float, position: int | None = None) -> str:
    """0.02 as a decimal, 1e-30 as a power of ten."""
    text = f"{value:g}"
    if "e" not in text:
        return text
    digit, exponent = text.split("e")
    return f"${'' if digit == '1' else digit + '·'}10^{{{int(exponent)}}}$"


def colour_bar(picture: Picture, mesh: QuadMesh, axes: Any, label: str) -> None:
    """What the colours of a heat map mean."""
    bar = picture.colorbar(mesh, ax=axes, aspect=25, pad=0.01)
    bar.set_label(label, fontsize=9)
    bar.ax.tick_params(labelsize=SMALL)
    bar.outline.set_visible(False)


def edges(centres: Array) -> Array:
    """Borders between neighbouring positions on an axis, and one at either end."""
    if len(centres) == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    middle = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]])


def check_times(where: str, times: Sequence[float] | Array | None, steps: int) -> Array:
    """Where each time step stands on the axis: 0 … T-1 unless told otherwise."""
    if times is None:
        return np.arange(steps, dtype=float)
    checked = np.asarray(times)
    if checked.shape != (steps,):
        fail(ShapeError, where, f"times must be (T={steps},), one per time step", checked.shape)
    if checked.dtype.kind not in "fiu" or not (np.diff(checked) > 0).all():
        advice = "Calendar time? Use years as decimal numbers."
        fail(ArgumentError, where, "times must be rising numbers", describe(checked), advice)
    return checked.astype(float)


def check_row(where: str, row: object, batch: int) -> int:
    """Which member of the batch to draw."""
    if not isinstance(row, int | np.integer) or isinstance(row, bool) or not 0 <= row < batch:
        expected = f"row must be a whole number from 0 to B-1 = {batch - 1}"
        fail(ArgumentError, where, expected, repr(row))
    return int(row)


def around_zero(values: Array, least: float = 0.0) -> tuple[float, float]:
    """Limits of a colour scale with white at zero, that hold all values."""
    reach = max(least, float(np.abs(values).max())) or 1.0
    return -reach, reach


def heat_map(
    ax: Axes,
    times: Array,
    values: Array,
    mask: Array | None,
    colours: str,
    limits: tuple[float, float],
) -> QuadMesh:
    """Draw ``values (T, H)`` as units × time; masked steps stay empty."""
    hidden = np.zeros(len(values), dtype=bool) if mask is None else ~mask
    cells = np.ma.array(
        np.asarray(values, float).T, mask=np.broadcast_to(hidden, values.shape[::-1])
    )
    units = edges(np.arange(values.shape[1], dtype=float))
    mesh = ax.pcolormesh(
        edges(times), units, cells, cmap=colours, vmin=limits[0], vmax=limits[1], rasterized=True
    )
    ax.yaxis.set_major_locator(whole_numbers(4))
    return mesh


def traces(
    ax: Axes, times: Array, values: Array, mask: Array | None, labels: Sequence[str]
) -> None:
    """Draw ``values (T, D)`` as one line per column; masked steps stay empty."""
    hidden = np.zeros(len(values), dtype=bool) if mask is None else ~mask
    for k, label in enumerate(labels):
        line = np.ma.array(np.asarray(values[:, k], float), mask=hidden)
        ax.plot(times, line, color=COLOURS[k], label=label)
    mark_points(ax, times)


def mark_points(ax: Axes, positions: Sequence[float] | Array) -> None:
    """Thin lines; a point at each value where there are few (one alone would be no line)."""
    for line in ax.lines:
        line.set_linewidth(1.3)
        line.set_marker("." if len(positions) <= 60 else "")


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
