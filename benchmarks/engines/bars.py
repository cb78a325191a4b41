"""What must be shown, and whether it is.

A bar for times is met when the far end of the figure's interval is within a factor of 1.15 of it;
a bar for memory or for a slope when the far end itself is.
"""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.engines.figures import Figure

TIMES, EXACT = 1.15, 1.0


class Bar(NamedTuple):
    """A figure and its bound.

    Attributes
    ----------
    what : str
    limit : float
    figure : Figure or None
        None if it has not been measured.
    slack : float
        By which factor the interval may lie beyond the limit.
    at_least : bool
        Whether the limit is a lower one.
    note : str
        In which case the figure was found, for example.
    """

    what: str
    limit: float
    figure: Figure | None
    slack: float = TIMES
    at_least: bool = False
    note: str = ""

    @property
    def met(self) -> bool | None:
        """None if it has not been measured."""
        if self.figure is None:
            return None
        if self.at_least:
            return self.figure.low >= self.limit / self.slack
        return self.figure.high <= self.limit * self.slack

    def cells(self) -> list[str]:
        """A row of the table."""
        sign = "at least" if self.at_least else "at most"
        figure = "" if self.figure is None else f"{self.figure} {self.note}".rstrip()
        verdict = {None: "not measured", True: "met", False: "**not met**"}[self.met]
        return [self.what, f"{sign} {self.limit:g}", figure, verdict]


def table(rows: list[list[str]]) -> str:
    """A table in Markdown; the first row is its head."""
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def table_of_bars(bars: list[Bar]) -> str:
    """What must be shown, what was found, and the verdict; how many bars were not measured."""
    head = ["bar", "must be", "found (90 % interval)", ""]
    measured = [bar.cells() for bar in bars if bar.figure is not None]
    missing = len(bars) - len(measured)
    note = f"Not measured: {missing} of {len(bars)} bars." if missing else ""
    return "\n\n".join(filter(None, [table([head, *measured]) if measured else "", note]))
