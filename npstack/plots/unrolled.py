"""A model as a diagram: layers upwards, time to the right, shapes on the arrows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from npstack.core.errors import DtypeError, describe, fail
from npstack.layers import Layer
from npstack.layers.walk import walk
from npstack.plots.frame import COLOURS, SMALL, Picture, new_picture
from npstack.plots.given import check_panels

COLUMNS = ("0", "1", "…", "T-1")  # the time steps that are drawn
LAST = len(COLUMNS) - 1
DOTS = COLUMNS.index("…")
ALL, ONLY_LAST = range(len(COLUMNS)), (LAST,)
BOX = (0.7, 0.46)  # width and height, with neighbours at distance 1
RECURRENT, PLAIN, ARROW = COLOURS[0], "#6B6B6B", "#333333"


class _Row(NamedTuple):
    """One layer in the diagram: ``shape`` is its output, at all steps or only at the last.

    ``ways``: the directions of its state, ``"→"``, ``"←"`` or both. ``fed``: the columns with an
    input from below.
    """

    name: str
    sizes: str
    state: str
    ways: str
    shape: str
    columns: Sequence[int]
    fed: Sequence[int]


def diagram(model: Layer) -> Picture:
    """The model unrolled: one row of boxes per layer, layer 0 at the bottom, time to the right.

    Each layer passes its whole sequence of hidden states upwards, one at each step, and its state
    (h, c) to the right, to itself at the next step. A layer that returns only its last step has one
    arrow upwards. Shapes use the letters B batch, T time steps, and sizes.

    Parameters
    ----------
    model : Layer
        A layer, a stack or a whole model.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    DtypeError, ArgumentError
        Not a model; more than 100 layers one above the other.

    Examples
    --------
    >>> import numpy as np
    >>> from npstack import StackedLSTM
    >>> stack = StackedLSTM(1, [100, 50], rng=np.random.default_rng(0))
    >>> shapes = [text.get_text() for text in diagram(stack).axes[0].texts]
    >>> [shape for shape in shapes if shape.startswith("(B, T")]
    ['(B, T, 1)', '(B, T, 100)', '(B, T, 50)']
    """
    if not isinstance(model, Layer):
        advice = "Build it first, for example LSTM(1, 8, rng=rng)."
        fail(DtypeError, "plots.diagram", "model must be a layer", describe(model), advice)
    sides = {"": model}
    if model.interface.takes_pair:
        sides = {
            "encoder, which reads the source": model.children["encoder"],
            "decoder, which begins with the encoder's states": model.children["decoder"],
        }
    rows = [list(_rows(side)) for side in sides.values()]
    tallest = max(map(len, rows))
    check_panels("plots.diagram", "layers", tallest, "model.summary() lists all of them.")
    picture = new_picture(1.2 + 0.9 * tallest, width=8.0 * len(sides))
    panels = picture.subplots(1, len(sides), squeeze=False)[0]
    for ax, (title, side), own in zip(panels, sides.items(), rows, strict=True):
        _draw_input(ax, side)
        for height, row in enumerate(own):
            _draw_row(ax, height, row)
        _draw_output(ax, side, len(own))
        ax.set_title(title, fontsize=SMALL, loc="left")
        ax.set_xlim(-2.3, LAST + 1.9)
        ax.set_ylim(-1.25, tallest + 0.1)
        ax.set_axis_off()
    return picture


def _size(size: int | None) -> str:
    return "D" if size is None else str(size)  # a layer that accepts any size


def _rows(model: Layer) -> Iterator[_Row]:
    """Layers bottom first."""
    size, number = _size(model.input_size), 0
    columns: Sequence[int] = ALL
    steps = "T"
    for visit in walk(model, enter=lambda layer: layer.in_series):
        layer = visit.layer
        if layer.in_series:
            continue
        own = layer.interface
        where, state, ways = columns, "", ""
        name, sizes = type(layer).__name__, ""
        if own.output_size is not None:
            size = str(own.output_size)
            sizes = f"{_size(own.input_size)} → {size}"
        if list(layer.children) == [""]:
            name = f"{name}({type(layer.children['']).__name__})"
        if layer.recurrent:
            name, state = f"layer {number} · {name}", _state(layer)
            ways = "→←" if not own.causal else "←" if visit.turned else "→"
            number += len(layer.recurrent)
        if own.makes_time:
            columns = where = ALL
            steps = str(getattr(layer, "steps", "T'"))
        elif not own.keeps_time:
            columns = ONLY_LAST
        more = f"{len(layer.children)}, " if own.extra_axis and len(layer.children) > 1 else ""
        shape = f"(B, {steps}, {more}{size})" if columns is ALL else f"(B, {more}{size})"
        yield _Row(name, sizes, state, ways, shape, where, ONLY_LAST if own.makes_time else where)


def _state(layer: Layer) -> str:
    """The fields of the state with their shapes, which may differ; nothing if there are many."""
    if layer.cell is None:
        return ""
    fields = layer.cell.state_sizes._asdict()
    if len(set(fields.values())) == 1:
        return f"{', '.join(fields)}  (B, {layer.output_size})"
    return ", ".join(f"{name} (B, {size})" for name, size in fields.items())


def _draw_row(ax: Axes, height: int, row: _Row) -> None:
    width, tall = BOX
    colour = RECURRENT if row.ways else PLAIN
    symbol = row.name.rpartition(" ")[2].partition("(")[0]
    for column in row.columns:
        if column == DOTS:
            _text(ax, column, height, "…", colour)
            continue
        corner = (column - width / 2, height - tall / 2)
        style = "round,pad=0,rounding_size=0.08"
        ax.add_patch(FancyBboxPatch(corner, width, tall, style, fc="white", ec=colour))
        _text(ax, column, height, symbol, colour, size=SMALL if len(symbol) < 10 else SMALL - 2)
        if column in row.fed:
            _arrow(ax, (column, height - 1 + tall / 2), (column, height - tall / 2))
    if row.ways:
        for column in range(-1, len(COLUMNS)):
            left, right = column + width / 2, column + 1 - width / 2
            gap = 0.1 if len(row.ways) > 1 else 0.0
            if "→" in row.ways:
                _arrow(ax, (left, height + gap), (right, height + gap))
            if "←" in row.ways:
                _arrow(ax, (right, height - gap), (left, height - gap))
        _text(ax, LAST + 0.72, height, row.state, ARROW, ha="left")
    _text(ax, -0.8, height, f"{row.name}\n{row.sizes}".strip(), colour, ha="right")
    _text(ax, LAST + 0.08, height + 0.5, row.shape, ARROW, ha="left")


def _draw_input(ax: Axes, model: Layer) -> None:
    for column, step in enumerate(COLUMNS):
        _text(ax, column, -1, "…" if column == DOTS else f"x({step})", ARROW)
    shape = "(B, T)" if model.interface.takes_symbols else f"(B, T, {_size(model.input_size)})"
    _text(ax, LAST + 0.08, -0.5, shape, ARROW, ha="left")
    _text(ax, -0.8, -1, "input", ARROW, ha="right")


def _draw_output(ax: Axes, model: Layer, top: int) -> None:
    over_time = model.interface.keeps_time or model.interface.makes_time
    for column in ALL if over_time else ONLY_LAST:
        word = f"y({COLUMNS[column]})" if over_time else "y"
        _text(ax, column, top - 0.1, "…" if column == DOTS else word, ARROW)
        if column != DOTS:
            _arrow(ax, (column, top - 1 + BOX[1] / 2), (column, top - BOX[1] / 2))
    _text(ax, -0.8, top - 0.1, "output", ARROW, ha="right")


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    arrow = {"arrowstyle": "-|>", "color": ARROW, "linewidth": 0.9, "shrinkA": 1, "shrinkB": 1}
    ax.annotate("", end, start, arrowprops=arrow)


def _text(
    ax: Axes, x: float, y: float, text: str, colour: str, ha: str = "center", size: float = SMALL
) -> None:
    ax.text(x, y, text, ha=ha, va="center", fontsize=size, color=colour)
