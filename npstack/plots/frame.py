"""Shared by all pictures: colours, the figure and its axes, lines over time."""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from matplotlib.transforms import ScaledTranslation

from npstack.cells.gru import GRU_LETTERS
from npstack.core.numerics import Array
from npstack.core.params import GATE_LETTERS

# The hues of Okabe & Ito (2008), but dark enough for thin lines on white (contrast 3 and more), and
# the first three of different lightness, so that they differ in grey, too. Black: true values.
COLOURS = ("#1B66C2", "#E85D00", "#7B1450", "#2E9E6B", "#4A3300", "#2D9CB3")
MARKERS = ("o", "s", "^", "D", "v", "P")
DASHES = ("-", "--", ":", "-.")  # for lines beyond the sixth
TRUTH = "#000000"
UNNAMED, BAR = "_child", "_nolegend_"  # matplotlib's labels of lines and bars without a name
GRID, MASK_FILL, MASK_HATCH = "#E4E4E4", "#E4E4E4", "#9A9A9A"

STATES = {"h": "hidden state h", "c": "cell state c"}
# The place of each part of a cell in COLOURS and MARKERS, the same in every picture. The gates of a
# GRU have the looks of those of an LSTM that do the same: let in, keep.
PARTS = {"input": 0, "forget": 1, "output": 2, "candidate": 3, "c": 4, "h": 5}
PARTS |= {"reset": 0, "update": 1}

WIDTH = 5.2  # inches: at 80 mm, a text of 9 points has 5.5
DPI = 144  # in a notebook
TITLE, LABEL, SMALL = 10.0, 9.5, 9.0  # points; the last for ticks and legends
CHARACTERS = 12.7  # of the smallest size, to the inch
WIDE, HIGH = 50, 26  # characters of a label along a panel, and upwards along a single one
FLOOR = 16  # powers of ten below the largest: beside it, what is smaller is lost in rounding
FLOOR_LINE = "#6A6A6A"
FEW_WHOLE = 4  # an axis of time that is at least as long has ticks at whole numbers
LEAST, GREATEST = -323.3, 308.0  # powers of ten on a logarithmic axis
MAX_TRACES = len(COLOURS)  # with more columns, a heat map


class Picture(Figure):
    """A matplotlib figure that a notebook shows without pyplot."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=DPI)
        return buffer.getvalue()


def new_picture(height: float, width: float = WIDTH) -> Picture:
    """A white figure with automatic layout."""
    return Picture(figsize=(width, height), layout="constrained", facecolor="white")


def finish(ax: Axes, title: str = "", xlabel: str = "", ylabel: str = "") -> None:
    """Names and sizes, the same on every panel."""
    ax.set_title(title, loc="left", fontsize=TITLE)
    ax.set_xlabel(lines(xlabel, WIDE), fontsize=LABEL)
    ax.set_ylabel(ylabel, fontsize=LABEL)
    ax.tick_params(labelsize=SMALL)
    ax.spines[["top", "right"]].set_visible(False)


def legend_above(ax: Axes, note: str = "", *, bar: bool = False) -> None:
    """A legend above the right end of the panel, where it covers neither data nor the title.

    A note says what lines and bands are; it stands over the names. Beside a colour bar (``bar``)
    the panel ends further to the left.
    """
    named = [patch for patch in ax.patches if patch.get_label() != BAR]
    artists = [(str(artist.get_label()), artist) for artist in (*ax.lines, *named)]
    drawn = [artist for name, artist in artists if not name.startswith(UNNAMED)]
    names = [name for name, _ in artists if not name.startswith(UNNAMED)]
    if not drawn:
        return
    picture: Any = ax.figure
    width, title = picture.get_size_inches()[0] * CHARACTERS - 12, len(ax.get_title(loc="left"))
    width -= 12 if bar else 0
    widths = [len(name) + 6 for name in names]
    beside = sum(widths) <= width - title  # else over the title, with the whole width
    rows = ax.get_title(loc="left").count("\n") + 1
    lift = 0 if beside or not title else (0.3 + 1.3 * rows) * TITLE / 72
    up = ScaledTranslation(0, lift, picture.dpi_scale_trans)
    legend = ax.legend(
        drawn,
        [" "] * len(drawn),
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        bbox_transform=ax.transAxes + up,
        borderaxespad=0.1,
        ncols=_columns(widths, width),
        columnspacing=1.2,
        handlelength=1.4,
        handletextpad=0.5,
        fontsize=SMALL,
        frameon=False,
        title=lines(note, int(width)) or None,
        title_fontsize=SMALL,
        alignment="right",
    )
    for written, name in zip(legend.get_texts(), names, strict=True):
        written.set_text(name)  # after the fact: matplotlib leaves names out that begin with _


def _columns(widths: Sequence[int], room: float) -> int:
    """How many columns of a legend fit side by side; it is filled column by column."""
    for count in range(len(widths), 1, -1):
        columns = np.array_split(np.asarray(widths), count)  # as matplotlib fills them
        if sum(own.max() for own in columns) <= room:
            return count
    return 1


class Look(NamedTuple):
    """How a part of a cell or a line is drawn: by colour, by marker in grey, by dashes if many."""

    colour: str
    marker: str
    dashes: str


def nth_look(k: int) -> Look:
    """The look of line k of several."""
    more = k // len(COLOURS)
    return Look(COLOURS[k % len(COLOURS)], MARKERS[k % len(MARKERS)], DASHES[more % len(DASHES)])


def look(part: str, others: Sequence[str] = ()) -> Look:
    """The look of a gate or a state; ``others`` are all names, for cells with their own names.

    Examples
    --------
    >>> look("forget") == look("forget", ("input", "forget", "output"))
    True
    """
    place = PARTS.get(part)
    if place is None:
        place = list(others).index(part) if part in others else len(PARTS)
    return nth_look(place)


def letters_of(gates: Collection[str]) -> Mapping[str, str]:
    """The letters of these gates if they are those of an LSTM or a GRU; none of another cell.

    Examples
    --------
    >>> letters_of(("reset", "update"))["update"], letters_of(("reset", "candidate"))
    ('z', {})
    """
    if set(gates) <= set(GATE_LETTERS):
        return GATE_LETTERS
    return GRU_LETTERS if {"reset", "update"} <= set(gates) <= set(GRU_LETTERS) else {}


def gate_name(name: str, gates: Collection[str]) -> str:
    """``input gate i`` of an LSTM, ``update gate z`` of a GRU, ``update gate`` of another cell."""
    word = name if name == "candidate" else f"{name} gate"
    return f"{word} {letters_of(gates).get(name, '')}".rstrip()


def keeps(name: str, gates: Collection[str]) -> bool:
    """Whether it is the update gate of a GRU, of which "open" could mean either end.

    At 1 the old state is kept, at 0 the candidate replaces it (§2.2).
    """
    return name == "update" and letters_of(gates) is GRU_LETTERS


def layer_title(layer: int | str, units: int) -> str:
    """The same over every panel of a layer, which has a number or a name."""
    name = layer if isinstance(layer, str) else f"layer {layer}"
    return f"{name} · {units} unit{'' if units == 1 else 's'}"


def lines(label: str, longest: int) -> str:
    """A label on as many lines as it needs."""
    return "\n".join(textwrap.wrap(label, longest))


def with_note(title: str, note: str) -> str:
    """A title, and what has to be said about its panel."""
    return f"{title} · {note}" if note else title


def whole_numbers(count: int) -> MaxNLocator:
    """Ticks at round whole numbers, for steps, units and epochs."""
    return MaxNLocator(count, integer=True, steps=[1, 2, 5, 10], min_n_ticks=1)


def logarithmic(ax: Axes, *values: Array) -> bool:
    """A logarithmic axis upwards; a linear one for numbers that are not all above zero.

    The more powers of ten the data span, the fewer lines each. Returns whether it is logarithmic.
    """
    shown = np.concatenate([v[np.isfinite(v)] for v in values])
    ax.grid(axis="y", color=GRID, linewidth=0.6)
    if not len(shown) or shown.min() <= 0:
        return False
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
    return True


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


def floor_of(*values: Array) -> float:
    """The power of ten below which sizes are not told apart; 0 if there is none."""
    largest = max(float(np.nanmax(own, initial=0)) for own in values)
    power = np.floor(np.log10(largest)) - FLOOR if largest > 0 else -np.inf
    return 10.0 ** float(power) if power > LEAST + FLOOR else 0.0


def mark_floor(ax: Axes, floor: float) -> None:
    """A dotted line at the floor of a logarithmic axis, and under it what lies on it."""
    high = ax.get_ylim()[1]
    ax.set_ylim(floor * (floor / high) ** 0.22, high)  # room for a line of text
    ax.axhline(floor, color=FLOOR_LINE, linestyle=":", linewidth=0.9, label=UNNAMED)
    ax.annotate(
        f"below {number(floor)}: drawn on this line",
        (0.01, floor),
        xycoords=("axes fraction", "data"),
        xytext=(0, -2),
        textcoords="offset points",
        va="top",
        fontsize=SMALL,
        color=FLOOR_LINE,
    )


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


def mark_points(ax: Axes, markers: Sequence[str] = (".",)) -> None:
    """Thin lines; a point at each value if there are few, else at those without neighbours."""
    for k, line in enumerate(ax.lines):
        valid = np.isfinite(np.asarray(line.get_ydata(), dtype=float))
        beside = np.concatenate([[False], valid, [False]])
        alone = valid if len(valid) <= 60 else valid & ~beside[:-2] & ~beside[2:]
        line.set_linewidth(1.3)
        if alone.any():
            marker = markers[k % len(markers)]
            line.set(marker=marker, markevery=np.flatnonzero(alone).tolist())
            line.set_markersize(6 if marker == "." else 4)


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


def time_ticks(ax: Axes, times: Array, count: int = 8) -> None:
    """Ticks at whole numbers, such as years, unless the axis is too short for them."""
    whole = times[-1] - times[0] >= FEW_WHOLE or not np.any(times % 1)
    ticks = whole_numbers(count) if whole else MaxNLocator(count, steps=[1, 2, 5, 10])
    ax.xaxis.set_major_locator(ticks)


def row_of_batch(row: int, batch: int) -> str:
    """Which row is drawn, if there are several."""
    return f"row {row}" if batch > 1 else ""


def share_time(
    axes: Sequence[Axes],
    times: Array,
    mask: Array | None,
    label: str,
    longest: int = WIDE,
    note: str = "",
) -> None:
    """One time axis for all panels (bottom panel last), masked steps shaded on each."""
    borders = edges(times)
    notes = [note] * bool(note)
    if mask is not None and not mask.all():
        notes.append("hatched: masked steps")
    if notes:
        label += f" ({'; '.join(notes)})"
    for ax in axes:
        shade_masked(ax, times, mask)
        ax.set_xlim(borders[0], borders[-1])
        ax.tick_params(labelbottom=ax is axes[-1])
    axes[-1].set_xlabel(lines(label, longest), fontsize=LABEL)
    time_ticks(axes[-1], times, max(2, 8 * longest // WIDE))
