"""The scale of colours.

If the range of a function is fixed, the colours are fixed, too, for all data: a gate is drawn on 0
to 1, a tanh on -1 to 1, in every layer and every picture. A value without bounds is drawn on the
range of the data, symmetric around zero, which the colour bar shows.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.ticker import FixedLocator, FuncFormatter

from npstack.core.activations import ANY, Range
from npstack.core.numerics import Array
from npstack.core.tape import RecurrentTape
from npstack.plots.frame import SMALL, Picture, edges, number, whole_numbers

SIGNED = "RdBu_r"  # values around 0: white is zero, red is positive
FRACTION = "cividis"  # values from 0 to 1: yellow is open, blue is closed
ROUNDING = 1e-6  # a bound may be exceeded by that much: float32 rounds it, too
TINY, HUGE = 1e-100, 1e100  # beyond, matplotlib's own computing would under- or overflow


class Scale(NamedTuple):
    """Colours, and the values at their ends."""

    colours: str
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
    return signed(values, ends)


def common(scales: list[Scale]) -> Scale:
    """The widest scale, for panels with comparable colours."""
    return max(scales, key=lambda scale: scale.high)


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


def heat_map(ax: Axes, times: Array, values: Array, mask: Array | None, scale: Scale) -> QuadMesh:
    """Draw ``values (T, H)`` as units × time; masked steps stay empty."""
    hidden = np.zeros(len(values), dtype=bool) if mask is None else ~mask
    power = power_of_ten(np.asarray(scale.high))
    shown = without_power(values, power) if power else values
    cells = np.ma.array(shown.T, mask=np.broadcast_to(hidden, shown.shape[::-1]))
    low, high = (float(without_power(np.asarray(end), power)) for end in scale[1:])
    units = edges(np.arange(values.shape[1], dtype=float))
    mesh = ax.pcolormesh(
        edges(times), units, cells, cmap=scale.colours, vmin=low, vmax=high, rasterized=True
    )
    ax.yaxis.set_major_locator(whole_numbers(4))
    return mesh


def _rounded(value: float) -> str:
    """Three digits, with the minus sign that axes have."""
    written = number(float(f"{value:.3g}"))
    return written if "$" in written else written.replace("-", "−")


def colour_bar(
    picture: Picture, mesh: QuadMesh, axes: Any, label: str, scale: Scale, ticks: int = 3
) -> None:
    """The colour bar of a heat map, with the values at both ends."""
    bar = picture.colorbar(mesh, ax=axes, aspect=25, pad=0.01)
    power = power_of_ten(np.asarray(scale.high))
    bar.set_label(with_power(label, power), fontsize=9)
    low, high = mesh.get_clim()
    places = np.linspace(low, high, ticks)
    bar.ax.yaxis.set_major_locator(FixedLocator(places.tolist()))
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _rounded(value)))
    bar.ax.minorticks_off()
    bar.ax.tick_params(labelsize=SMALL)
    bar.outline.set_visible(False)
