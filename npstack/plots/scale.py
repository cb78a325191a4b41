"""The scale of colours.

If the range of a function is fixed, the colours are fixed, too, for all data: a gate is drawn on 0
to 1, a tanh on -1 to 1, in every layer and every picture. A value without bounds is drawn on the
range of the data, symmetric around zero, which the colour bar shows. If few units are far larger
than the others, which would all be white, the colours end at the 90th percentile of the units'
largest values: the colour bar has pointed ends, and `beyond` says in words which units go further.

Sizes of gradients span many powers of ten: their colours are logarithmic, from a floor upwards.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.ticker import FixedLocator, FuncFormatter

from npstack.core.activations import ANY, Range
from npstack.core.numerics import Array
from npstack.core.tape import RecurrentTape
from npstack.plots.frame import LABEL, SMALL, Picture, edges, floor_of, number, whole_numbers

SIGNED = "RdBu_r"  # values around 0: white is zero, red is positive
FRACTION = "YlGn"  # values from 0 to 1: pale is closed, dark green is open
# Sizes of gradients by their power of ten: pale pink, which is not white, is small, purple large.
POWERS = LinearSegmentedColormap.from_list("powers", colormaps["RdPu"](np.linspace(0.12, 1, 64)))
PERCENTILE, FAR = 0.9, 3.0  # of the units; how far beyond is too far
MOST_ROWS = 200  # of a heat map of units
PER_ROW, ABOVE = 0.0105, 0.4  # inches: of a row, a pixel at 100 dpi; of a panel's title and ticks
BAR = 0.13  # inches upwards, of a colour bar below the panels
FEWEST = 4  # units: of two or three, a large one is not an exception
ROUNDING = 1e-6  # a bound may be exceeded by that much: float32 rounds it, too
TINY, HUGE = 1e-100, 1e100  # beyond, matplotlib's own computing would under- or overflow


class Scale(NamedTuple):
    """Colours, and the values at their ends."""

    colours: str | Colormap
    low: float
    high: float


def signed(values: Array, ends: Range = ANY) -> Scale:
    """White at zero, up to the larger end of the range, or to the largest value without a range."""
    known, largest = max(map(abs, ends)), float(np.abs(values).max(initial=0))
    reach = known if largest <= known * (1 + ROUNDING) and np.isfinite(known) else largest
    return Scale(SIGNED, -(reach or 1.0), reach or 1.0)


def scale_of(tape: RecurrentTape, name: str, values: Array) -> Scale:
    """The scale of a gate or of a field of the state; ``values`` are what is shown of it."""
    ends: Range = next(((low, high) for own, low, high in tape.ranges if own == name), ANY)
    is_gate = name in tape.gates._fields and name != "candidate"
    low, high = values.min(initial=0), values.max(initial=0)
    if is_gate and ends[0] >= 0 and ends[1] <= 1 and low >= 0 and high <= 1 + ROUNDING:
        return Scale(FRACTION, 0.0, 1.0)
    return by_units(values, ends)


def by_units(values: Array, ends: Range = ANY) -> Scale:
    """As `signed`, but ending at the `PERCENTILE` of the units (the last axis) if few are larger.

    Examples
    --------
    >>> by_units(np.array([[0.5, -0.4, 0.3, 9.0]])).high
    0.5
    >>> by_units(np.array([[0.5, -0.4, 0.3, 0.9]])).high
    0.9
    """
    scale = signed(values, ends)
    if scale.high == max(map(abs, ends)) or not values.size or values.shape[-1] < FEWEST:
        return scale
    largest = np.abs(values.reshape(-1, values.shape[-1])).max(axis=0)
    usual = float(np.quantile(largest, PERCENTILE, method="lower"))
    return signed(np.asarray(usual)) if 0 < FAR * usual < scale.high else scale


def beyond(values: Array, scale: Scale, names_of: Array | None = None, what: str = "unit") -> str:
    """Which units (the last axis) go beyond the colours, and how far; empty if none does.

    ``names_of`` are the numbers of the units, if they are not 0, 1, 2, …

    Examples
    --------
    >>> values = np.array([[0.5, -0.4, 0.3, 9.0]])
    >>> beyond(values, by_units(values))
    'unit 3 goes further, to 9'
    """
    if not values.size:
        return ""
    largest = np.abs(values.reshape(-1, values.shape[-1])).max(axis=0)
    reach = max(-scale.low, scale.high)
    far = np.flatnonzero(largest > reach * (1 + ROUNDING))
    if not len(far):
        return ""
    found = values[..., far].ravel()
    end = _rounded(float(found[np.abs(found).argmax()]))
    first = far[0] if names_of is None else names_of[far[0]]
    who = f"{what} {first} goes" if len(far) == 1 else f"{len(far)} {what}s go"
    return f"{who} further, to {end}"


def common(scales: list[Scale]) -> Scale:
    """The widest scale, for panels with comparable colours."""
    return max(scales, key=lambda scale: scale.high)


def powers(*sizes: Array) -> Scale:
    """From the smallest to the largest size above zero, in powers of ten, but not below the floor.

    Examples
    --------
    >>> powers(np.array([0.0, 0.02, 3.0]))[1:], powers(np.array([1e-30, 0.5]))[1:]
    ((-2.0, 1.0), (-17.0, 0.0))
    """
    above = np.concatenate([own[own > 0] for own in sizes])
    if not len(above):
        return Scale(POWERS, -1.0, 0.0)
    low = max(float(above.min()), floor_of(*sizes))
    least, most = int(np.floor(np.log10(low))), int(np.ceil(np.log10(above.max())))
    return Scale(POWERS, float(least), float(max(most, least + 1)))


def as_powers(sizes: Array, scale: Scale) -> Array:
    """The power of ten of each size, at least that of the floor; NaN for zero."""
    above = sizes > 0
    found = np.log10(np.where(above, sizes, 1.0))
    return np.where(above, np.maximum(found, scale.low), np.nan)


def powers_bar(picture: Picture, mesh: QuadMesh, axes: Any, label: str, cut: bool = False) -> None:
    """The colour bar of powers of ten, below all panels; a pointed end says that some are less."""
    low, high = np.asarray(mesh.get_clim(), dtype=float).tolist()
    step = 1 + int(high - low) // 8
    ticks = [low + power for power in range(0, int(high - low) + 1, step)]
    bar = picture.colorbar(
        mesh,
        ax=axes,
        orientation="horizontal",
        aspect=30,
        fraction=BAR / picture.get_size_inches()[1],
        extend="min" if cut else "neither",
        extendfrac=0.03,
    )
    bar.set_label(label, fontsize=LABEL)
    bar.ax.xaxis.set_major_locator(FixedLocator(ticks))
    bar.ax.xaxis.set_major_formatter(FuncFormatter(lambda power, _: as_power(power)))
    bar.ax.minorticks_off()
    bar.ax.tick_params(labelsize=SMALL)
    bar.outline.set_visible(False)


def as_power(exponent: float) -> str:
    """The number with this logarithm: 0.001 as it is, what is less as a power of ten."""
    if abs(exponent) < 4 or exponent != round(exponent):
        return number(float(f"{10.0**exponent:.2g}"))
    return f"$10^{{{exponent:.0f}}}$"


def power_of_ten(*arrays: Array) -> int:
    """The power to take off numbers that are too large or too small for matplotlib; else 0."""
    largest = max(float(np.nanmax(np.abs(a), initial=0)) for a in arrays)
    if largest == 0 or TINY <= largest <= HUGE:
        return 0
    return int(np.floor(np.log10(largest)))


def without_power(values: Array, power: int) -> Array:
    """``values / 10**power``, in two steps: the smallest numbers have no inverse."""
    half = power // 2
    return values / 10.0**half / 10.0 ** (power - half)


def with_power(label: str, power: int) -> str:
    """An axis's name, with the unit that its numbers are in."""
    return f"{label} (in $10^{{{power}}}$)".lstrip() if power else label


def height_of_units(units: int, usual: float) -> float:
    """The height of a heat map in inches: at least a row of pixels for each row of units."""
    return max(usual, ABOVE + PER_ROW * -(-units // _neighbours(units)))


def _neighbours(units: int) -> int:
    """How many units share a row: one, unless there are too many of them."""
    return -(-units // MOST_ROWS)


def rows_note(values: Array, scale: Scale) -> str:
    """What an axis of the units ``values (…, H)`` says if several of them share a row.

    Examples
    --------
    >>> rows_note(np.ones((3, 1000)), Scale(SIGNED, -1, 1))
    '\\n(row: the largest of 5)'
    >>> rows_note(np.ones((3, 200)), Scale(SIGNED, -1, 1))
    ''
    """
    count = _neighbours(values.shape[-1])
    what = "mean" if scale.colours == FRACTION else "largest"
    return f"\n(row: the {what} of {count})" if count > 1 else ""


def _rows(values: Array, scale: Scale) -> Array:
    """Units ``(T, H)`` that share rows: at each step the mean of gates, else the value farthest
    from zero.
    """
    T, H = values.shape
    count = _neighbours(H)
    if count == 1:
        return values
    full = np.full((T, -(-H // count) * count), np.nan)
    full[:, :H] = values
    groups = full.reshape(T, -1, count)
    if scale.colours == FRACTION:
        return np.asarray(np.nanmean(groups, axis=-1))
    largest = np.nanargmax(np.abs(groups), axis=-1)[..., np.newaxis]
    return np.asarray(np.take_along_axis(groups, largest, axis=-1)[..., 0])


def heat_map(ax: Axes, times: Array, values: Array, mask: Array | None, scale: Scale) -> QuadMesh:
    """Draw ``values (T, H)`` as units × time; masked steps stay empty.

    Of more than `MOST_ROWS` units, some neighbours share a row; `rows_note` says which.
    """
    units = edges(np.arange(values.shape[1], dtype=float))
    units = np.append(units[: -1 : _neighbours(values.shape[1])], units[-1])
    values = _rows(values, scale)
    hidden = np.zeros(len(values), dtype=bool) if mask is None else ~mask
    power = power_of_ten(np.asarray(scale.high))
    shown = without_power(values, power) if power else values
    cells = np.ma.array(shown.T, mask=np.broadcast_to(hidden, shown.shape[::-1]))
    low, high = (float(without_power(np.asarray(end), power)) for end in scale[1:])
    mesh = ax.pcolormesh(
        edges(times), units, cells, cmap=scale.colours, vmin=low, vmax=high, rasterized=True
    )
    ax.yaxis.set_major_locator(whole_numbers(4))
    return mesh


def _rounded(value: float) -> str:
    """Three digits, with the minus sign that axes have."""
    written = number(float(f"{value:.3g}"))
    return written if "$" in written else written.replace("-", "−")


def _goes_beyond(mesh: Any) -> bool:
    """Whether a heat map has values beyond its colours."""
    low, high = mesh.get_clim()
    if not isinstance(mesh, QuadMesh) or low is None:
        return False
    shown: Any = mesh.get_array()
    return bool(np.ma.max(np.abs(shown)) > max(-low, high) * (1 + ROUNDING))


def colour_bar(
    picture: Picture,
    mesh: QuadMesh,
    axes: Any,
    label: str,
    scale: Scale,
    ticks: int = 3,
    maps: Any = None,
) -> None:
    """The colour bar beside heat maps, with the values at both ends.

    The ends are pointed if values go further, in ``axes`` or, if given, in ``maps``.
    """
    low, high = mesh.get_clim()
    cut = any(_goes_beyond(own) for ax in np.ravel(maps or axes) for own in ax.collections)
    ends = "both" if cut else "neither"
    aspect = 25 if np.size(axes) > 1 else 12
    bar = picture.colorbar(mesh, ax=axes, aspect=aspect, pad=0.01, extend=ends, extendfrac=0.08)
    power = power_of_ten(np.asarray(scale.high))
    bar.set_label(with_power(label, power), fontsize=LABEL)
    places = np.linspace(low, high, ticks)
    bar.ax.yaxis.set_major_locator(FixedLocator(places.tolist()))
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _rounded(value)))
    bar.ax.minorticks_off()
    bar.ax.tick_params(labelsize=SMALL)
    bar.outline.set_visible(False)
