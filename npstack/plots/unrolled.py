"""A model as a diagram: layers upwards, time to the right, shapes on the arrows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from npstack.core.errors import DtypeError, describe, fail
from npstack.core.params import GATE_LETTERS, LSTMGates
from npstack.layers import Layer
from npstack.layers.walk import walk
from npstack.plots.frame import SMALL, STATES, Picture, gate_name, letters_of, look, new_picture
from npstack.plots.given import check_panels

COLUMNS = ("0", "1", "…", "T-1")  # the time steps that are drawn
LAST = len(COLUMNS) - 1
DOTS = COLUMNS.index("…")
ALL, ONLY_LAST = range(len(COLUMNS)), (LAST,)
BOX = (0.74, 0.52)  # width and height, with neighbours at distance 1
INSIDE = 0.12  # above the middle, the name; below it, the gates
RECURRENT, PLAIN, ARROW = "#333333", "#6B6B6B", "#333333"


class _Row(NamedTuple):
    """One layer in the diagram: ``shape`` is its output, at all steps or only at the last.

    ``ways``: the directions of its state, ``"→"``, ``"←"`` or both. ``gates``, ``fields``: what is
    computed inside its boxes, and what its state consists of. ``fed``, ``up``: the columns with an
    input from below, and with an output.
    """

    name: str
    sizes: str
    state: str
    ways: str
    gates: Sequence[str]
    fields: Sequence[str]
    shape: str
    columns: Sequence[int]
    fed: Sequence[int]
    up: Sequence[int]


def diagram(model: Layer) -> Picture:
    """The model unrolled: one row of boxes per layer, layer 0 at the bottom, time to the right.

    Each layer passes its whole sequence of hidden states h upwards, one at each step, and its state
    (h, c) to the right, to itself at the next step: the cell state c stays in its layer. In each
    box are the gates that the cell computes at that step. A layer that returns only its last step
    has one arrow upwards. Shapes use the letters B batch, T time steps, and sizes.

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
    picture = new_picture(1.1 + 0.85 * tallest, width=6.4 * len(sides))
    panels = picture.subplots(1, len(sides), squeeze=False)[0]
    for ax, (title, side), own in zip(panels, sides.items(), rows, strict=True):
        _draw_input(ax, side)
        for height, row in enumerate(own):
            _draw_row(ax, height, row)
        _draw_output(ax, side, len(own))
        named = any(row.gates and set(row.gates) <= set(GATE_LETTERS) for row in own)
        if named:
            _draw_names(ax)
        ax.set_title(title, fontsize=SMALL, loc="left")
        ax.set_xlim(-2.3, LAST + 1.9)
        ax.set_ylim(-1.75 if named else -1.25, tallest + 0.1)
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
        gates, fields = _inside(layer)
        fed = ONLY_LAST if own.makes_time else where
        yield _Row(name, sizes, state, ways, gates, fields, shape, where, fed, columns)


def _inside(layer: Layer) -> tuple[Sequence[str], Sequence[str]]:
    """The gates of a layer's cell in the order of its parameters, and the fields of its state."""
    if layer.cell is None:
        return (), ()
    packed = [axes[-1] for axes in layer.cell.axes.values() if isinstance(axes[-1], tuple)]
    gates = packed[0] if packed and letters_of(packed[0]) else ()
    return gates, layer.cell.state_type._fields


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
        size = SMALL if len(symbol) < 8 else SMALL - 2 if len(symbol) < 12 else SMALL - 3.5
        _text(ax, column, height + (INSIDE if row.gates else 0), symbol, colour, size=size)
        _draw_gates(ax, column, height - INSIDE, row.gates)
        if column in row.fed:
            _arrow(ax, (column, height - 1 + tall / 2), (column, height - tall / 2))
    if row.ways:
        for column in range(-1, len(COLUMNS)):
            _draw_states(ax, row, height, column + width / 2, column + 1 - width / 2)
        _text(ax, LAST + 0.72, height, row.state, ARROW, ha="left")
    if row.fields:
        _text(ax, row.up[0] - 0.08, height + 0.5, "h", look("h").colour, size=SMALL - 1)
    _text(ax, -0.8, height, f"{row.name}\n{row.sizes}".strip(), colour, ha="right")
    _text(ax, LAST + 0.08, height + 0.5, row.shape, ARROW, ha="left")


def _draw_gates(ax: Axes, column: int, height: float, gates: Sequence[str]) -> None:
    """The letters of the gates, each in its colour, on one line."""
    letters = letters_of(gates)
    step = 0.15 if len(gates) > 3 else 0.19
    for k, gate in enumerate(gates):
        x = column + (k - (len(gates) - 1) / 2) * step
        _text(ax, x, height, letters[gate], look(gate).colour, weight="bold")


def _draw_names(ax: Axes) -> None:
    """What the letters mean, on one line under the input."""
    x = -2.2
    for part in (*LSTMGates._fields, "c", "h"):
        name = STATES.get(part) or gate_name(part, LSTMGates._fields)
        word, _, letter = name.rpartition(" ")
        _text(ax, x, -1.55, letter, look(part).colour, ha="left", weight="bold", size=SMALL - 1)
        _text(ax, x + 0.12, -1.55, word, ARROW, ha="left", size=SMALL - 1)
        x += 0.3 + 0.075 * len(word)


def _draw_states(ax: Axes, row: _Row, height: float, left: float, right: float) -> None:
    """Arrows between two steps: one for each field of the state, or one for each direction."""
    if len(row.ways) > 1:
        _arrow(ax, (left, height + 0.1), (right, height + 0.1))
        _arrow(ax, (right, height - 0.1), (left, height - 0.1))
        return
    start, end = (left, right) if row.ways == "→" else (right, left)
    fields = row.fields[::-1] if len(row.fields) == 2 else ("",)  # c above h
    for k, field in enumerate(fields):
        y = height + (INSIDE - 2 * INSIDE * k if len(fields) > 1 else 0)
        colour = look(field).colour if field in STATES else ARROW
        _arrow(ax, (start, y), (end, y), colour)
        _text(ax, (left + right) / 2, y + 0.1, field, colour, size=SMALL - 1)


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


def _arrow(
    ax: Axes, start: tuple[float, float], end: tuple[float, float], colour: str = ARROW
) -> None:
    arrow = {"arrowstyle": "-|>", "color": colour, "linewidth": 1, "shrinkA": 1, "shrinkB": 1}
    ax.annotate("", end, start, arrowprops=arrow)


def _text(
    ax: Axes,
    x: float,
    y: float,
    text: str,
    colour: str,
    ha: str = "center",
    size: float = SMALL,
    weight: str = "normal",
) -> None:
    ax.text(x, y, text, ha=ha, va="center", fontsize=size, color=colour, weight=weight)
