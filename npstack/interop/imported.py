"""What a conversion returns: the layer, and a table of what was done with every parameter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from npstack.layers.base import Layer


class Row(NamedTuple):
    """What was done with one array.

    Attributes
    ----------
    parameter : str
        As the framework calls it.
    done : str
        In words.
    clause : str
        Of docs/specification.md.
    lossless : bool
        Whether the stored array can be made from npstack's again, bit for bit.
    """

    parameter: str
    done: str
    clause: str
    lossless: bool


def rounded(row: Row, dtype: object) -> Row:
    """The row of an array whose numbers were rounded to a narrower type."""
    return row._replace(done=f"{row.done}, rounded to {dtype}", lossless=False)


@dataclass(frozen=True)
class Report:
    """What was done in a conversion; ``print(report)`` shows a table.

    Attributes
    ----------
    rows : tuple of Row
        One for each array.
    assumed : tuple of str
        What the arrays do not say, and was taken to be so: a sentence each.
    remarks : tuple of str
        What else the model does, such as dropout between layers: it is not brought in.
    """

    rows: tuple[Row, ...]
    assumed: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def lossless(self) -> bool:
        """Whether no bit was lost."""
        return all(row.lossless for row in self.rows)

    def __str__(self) -> str:
        table = [
            ("array", "what was done", "clause", "lossless"),
            *((*row[:3], "yes" if row.lossless else "no") for row in self.rows),
        ]
        lines = columns(table)
        lines += [f"Assumed: {sentence}" for sentence in self.assumed]
        return "\n".join([*lines, *(f"Not brought in: {remark}" for remark in self.remarks)])


def columns(table: Iterable[tuple[str, ...]]) -> list[str]:
    """The lines of a table, its columns one below the other.

    Examples
    --------
    >>> columns([("a", "long", "x"), ("bcd", "y", "z")])
    ['a    long  x', 'bcd  y     z']
    """
    rows = list(table)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = ([text.ljust(n) for text, n in zip(row, widths, strict=True)] for row in rows)
    return ["  ".join(row).rstrip() for row in padded]


@dataclass(frozen=True)
class Imported:
    """A recurrent layer that came from another framework.

    Attributes
    ----------
    layer : Layer
        Like any layer that was built here.
    report : Report
    source : str
        Where it came from: the layout, and the file or object if it is known.
    """

    layer: Layer
    report: Report
    source: str

    def __str__(self) -> str:
        return f"{self.layer!r} from {self.source}\n{self.report}"
