"""A sheet on which wires, operations and numbers are placed, in points at a width of 80 mm.

Every text is at least 7 points high when the picture is printed 80 mm wide; the figure itself is
larger.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.patches import Circle, FancyBboxPatch, Polygon, Rectangle

from npstack.plots.frame import TRUTH, Picture, new_picture

WIDTH = 227.0  # points, 80 mm
LETTERS = 7.0  # points at this width
TIMES = 1.25  # how much larger the figure is
POINTS = 72.0  # to the inch
FORWARD, BACKWARD, QUIET = TRUTH, "#D81B60", "#6B6B6B"  # no colour of a gate

Place = tuple[float, float]


def shown(value: float) -> str:
    """A number with two to four digits, at most seven characters if it is below 10 in size.

    Examples
    --------
    >>> [shown(v) for v in (0.0, 1.0, -0.12345, -0.012345, 0.00012345, 123.46, 1.2e-10)]
    ['0', '1.000', '−0.123', '−0.0123', '1.2e-4', '123.5', '1.2e-10']
    """
    size = abs(value)
    if size == 0:
        return "0"
    if not 1e-3 <= size < 1e4:
        digits, power = f"{value:.1e}".split("e")
        return f"{digits.replace('-', '−')}e{int(power)}"  # a short sign: it needs less room
    places = 4 if size < 0.1 else 3 if size < 10 else 2 if size < 100 else 1
    return f"{value:.{places}f}".replace("-", "−")


class Sheet:
    """An empty sheet.

    Parameters
    ----------
    height, width : float
        In points, at a width of 80 mm.
    """

    def __init__(self, height: float, width: float = WIDTH) -> None:
        inch = TIMES / POINTS
        self.picture: Picture = new_picture(height * inch, width * inch)
        self.picture.set_layout_engine("none")  # every place is given
        self.ax = self.picture.add_axes((0.0, 0.0, 1.0, 1.0))
        self.ax.set_xlim(0, width)
        self.ax.set_ylim(0, height)
        self.ax.set_axis_off()

    def text(self, at: Place, words: str, colour: str = FORWARD, **style: Any) -> None:
        """Words, left of which is ``at`` unless ``ha`` is given; italic where they go backward."""
        given = {"ha": "left", "va": "center", "fontsize": LETTERS * TIMES, **style}
        if colour == BACKWARD:
            given["style"] = "italic"
        self.ax.text(*at, words, color=colour, zorder=5, **given)

    def wire(
        self, *corners: Place, arrow: bool = True, colour: str = FORWARD, thick: float = 0.7
    ) -> None:
        """A line through corners, with an arrow at its end."""
        self.ax.plot(*zip(*corners, strict=True), color=colour, linewidth=thick * TIMES, zorder=1)
        if arrow:
            (x0, y0), (x1, y1) = corners[-2:]
            long = max(abs(x1 - x0), abs(y1 - y0))
            dx, dy = (x1 - x0) / long * 4, (y1 - y0) / long * 4
            tips = [(x1, y1), (x1 - dx - dy / 2, y1 - dy + dx / 2)]
            tips.append((x1 - dx + dy / 2, y1 - dy - dx / 2))
            self.ax.add_patch(Polygon(tips, fc=colour, ec="none", zorder=2))

    def dot(self, at: Place, colour: str = FORWARD) -> None:
        """Where a wire divides."""
        self.ax.add_patch(Circle(at, 1.6, fc=colour, ec="none", zorder=3))

    def operation(self, at: Place, symbol: str, colour: str = FORWARD) -> None:
        """A circle with a sign in it, or a wider box with the name of a function."""
        x, y = at
        half = 5.5 if len(symbol) == 1 else 9.0
        style = f"round,pad=0,rounding_size={5.4 if len(symbol) == 1 else 2.5}"
        corner = (x - half, y - 5.5)
        box = FancyBboxPatch(
            corner, 2 * half, 11, style, fc="white", ec=colour, lw=TIMES * 0.9, zorder=3
        )
        self.ax.add_patch(box)
        self.text((x, y), symbol, ha="center")

    def box(self, corner: Place, width: float, height: float, colour: str = FORWARD) -> None:
        """A white box with a coloured edge."""
        box = Rectangle(corner, width, height, fc="white", ec=colour, lw=TIMES * 1.2, zorder=2)
        self.ax.add_patch(box)

    def row(self, ends: Place, y: float, name: str, value: str, colour: str = FORWARD) -> None:
        """A name at the left end and its number at the right one."""
        self.text((ends[0], y), name, colour)
        self.text((ends[1], y), value, colour, ha="right")


def listed(values: Sequence[float], most: int = 3) -> str:
    """A few numbers, or how many there are.

    Examples
    --------
    >>> listed([0.5, -1.0]), listed([0.0] * 24)
    ('0.500 −1.000', '(24 numbers)')
    """
    if len(values) > most:
        return f"({len(values)} numbers)"
    return " ".join(shown(float(v)) for v in values)
