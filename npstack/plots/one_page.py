"""The card: an LSTM on one printed page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from npstack.cells import GRUCell, GRUResetBeforeCell, LSTMCell, RNNCell
from npstack.cells.base import Cell
from npstack.core.params import count
from npstack.core.undrawn import Undrawn
from npstack.plots import card_texts as texts
from npstack.plots.frame import GRID, TRUTH, Picture, new_picture
from npstack.version import __version__

A4 = (210 / 25.4, 297 / 25.4)  # inches
POINTS = 72.0  # to the inch
LEFT, MIDDLE, RIGHT, TOP = 40.0, 306.0, 555.0, 806.0
CODE = 254.0  # where lines of code begin
WORDS, QUIET = 8.0, "#555555"
D, H = 10, 20  # of the example
CELLS: dict[str, Any] = {
    "LSTM": LSTMCell,
    "GRU, reset after product": GRUCell,
    "GRU, reset before it": GRUResetBeforeCell,
    "plain (Elman)": RNNCell,
}
SHAPES = {
    "x": "(B, T, D)",
    "W, U, b": "(D, 4H), (H, 4H), (4H,)",
    "i, f, g, o, c, h": "(B, H) at a step, (B, T, H) on a tape",
    "outputs": "(B, T, H); of the last step alone (B, H)",
    "dW, dx, …": "the shape of W, x, …",
}


def card() -> Picture:
    """The LSTM on one page of A4: equations, derivatives, shapes, counts, orders of gates, checks.

    Print it, or save it as ``card.pdf`` or ``card.svg``: its texts and lines stay sharp at any
    size. The right half of the equations has the lines of ``npstack/cells/lstm.py``. Parameters are
    counted on cells that are built for it.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> page = card()
    >>> [round(float(25.4 * side)) for side in page.get_size_inches()]
    [210, 297]
    """
    page = _Page()
    page.heading()
    page.equations("One step forward", texts.FORWARD)
    page.equations("One step backward, from (6) to (1)", texts.BACKWARD)
    for line in texts.NOTE:
        page.small(LEFT, line, 7.5)
    start = page.y
    page.list(LEFT, "Over time, and in a stack", texts.OVER_TIME)
    page.table(LEFT, "Shapes (batch B, steps T, inputs D, units H)", SHAPES.items(), (70,))
    counted = [("cell", "parameters", f"D = {D}, H = {H}"), *parameter_counts()]
    page.table(LEFT, "Parameters of a layer", counted, (104, 186))
    for line in texts.COUNTS_NOTE:
        page.small(LEFT, line)
    left_end, page.y = page.y, start
    orders = [("", "LSTM", "GRU"), ("npstack", *own_orders())]
    orders += [(name, *own) for name, own in texts.ORDERS.items()]
    page.table(MIDDLE, "Order of the gates in W, U, b", orders, (150, 200))
    for line in texts.ORDERS_NOTE:
        page.small(MIDDLE, line)
    page.y = start = min(left_end, page.y) - 4
    page.list(LEFT, "How to check a backward", texts.CHECK)
    page.code(LEFT, texts.COMMANDS)
    page.y = start
    page.table(MIDDLE, "If a gradient is wrong", texts.SIGNS, (126,))
    return page.picture


def own_orders() -> tuple[str, str]:
    """The orders of npstack's own LSTM and GRU, in letters.

    Examples
    --------
    >>> own_orders()
    ('i f g o', 'r z n')
    """
    kinds: tuple[Any, ...] = (LSTMCell, GRUCell)
    return tuple(" ".join(kind.letters[gate] for gate in kind.gates) for kind in kinds)  # type: ignore[return-value]


def parameter_counts() -> Iterator[tuple[str, str, str]]:
    """By cell: the formula, and the number of parameters of a cell that is built.

    Examples
    --------
    >>> next(parameter_counts())
    ('LSTM', '4H(D + H + 1)', '2,480')
    """
    for name, kind in CELLS.items():
        cell: Cell = kind(D, H, rng=Undrawn())
        yield name, cell.parameter_formula, f"{count(cell.params):,}"


class _Page:
    """A page on which sections follow each other downwards."""

    def __init__(self) -> None:
        self.picture: Picture = new_picture(A4[1], A4[0])
        self.picture.set_layout_engine("none")  # every place is given
        self.ax = self.picture.add_axes((0.0, 0.0, 1.0, 1.0))
        self.ax.set_xlim(0, A4[0] * POINTS)
        self.ax.set_ylim(0, A4[1] * POINTS)
        self.ax.set_axis_off()
        self.y = TOP

    def put(self, x: float, words: str, size: float = WORDS, **style: Any) -> None:
        given = {"color": TRUTH, "va": "baseline", "ha": "left", **style}
        self.ax.text(x, self.y, words, fontsize=size, **given)

    def rule(self, left: float, right: float) -> None:
        self.ax.plot([left, right], [self.y, self.y], color=GRID, linewidth=0.8)

    def heading(self) -> None:
        self.put(LEFT, "The LSTM on one page", 15.0, weight="bold")
        words = f"npstack {__version__} · gates in the order i, f, g, o"
        self.put(RIGHT, words, color=QUIET, ha="right")
        self.y -= 8

    def section(self, left: float, title: str) -> None:
        self.y -= 16
        self.put(left, title, 9.5, weight="bold")
        self.y -= 4
        self.rule(left, RIGHT if left > LEFT or self._wide else MIDDLE - 20)
        self.y -= 11

    _wide = False

    def equations(self, title: str, equations: tuple[texts.Equation, ...]) -> None:
        """Number, formula, and the line of the cell."""
        self._wide = True
        self.section(LEFT, title)
        self._wide = False
        for number, formula, code in equations:
            self.put(LEFT, number, color=QUIET)
            self.put(LEFT + 22, formula, 9.0)
            self.put(CODE, code, 7.0, family="monospace", color=QUIET)
            self.y -= 13.5

    def list(self, left: float, title: str, lines: tuple[str, ...]) -> None:
        self.section(left, title)
        for line in lines:
            self.put(left, line)
            self.y -= 11.5

    def code(self, left: float, lines: tuple[str, ...]) -> None:
        for line in lines:
            self.put(left + 10, line, 7.5, family="monospace")
            self.y -= 10.5

    def small(self, left: float, words: str, size: float = 7.0) -> None:
        self.put(left, words, size, color=QUIET)
        self.y -= 10

    def table(self, left: float, title: str, rows: Any, columns: tuple[float, ...]) -> None:
        """Rows of texts; ``columns`` are the distances of all but the first."""
        self.section(left, title)
        for row in rows:
            for at, words in zip((0.0, *columns), row, strict=True):
                self.put(left + at, words)
            self.y -= 11.5
