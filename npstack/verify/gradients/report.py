"""The result of a gradient check: a table with one row per block."""

from __future__ import annotations

from dataclasses import dataclass

from npstack.verify.gradients.differences import Quotients

PASSED = ("ok", "rounding", "kink", "zero", "undecidable")
VERDICTS = {
    "rounding": "above the bound, and explained by rounding",
    "kink": "at a kink, where any slope between both sides is accepted",
    "zero": "zero, or smaller than what differences resolve; too small to change an output",
    "undecidable": "too little of it can be resolved to decide",
}


@dataclass(frozen=True)
class Row:
    """One block of the report.

    Attributes
    ----------
    parameter, block : str
        Name of the input, and the part of it (a gate, a time step; empty for the whole).
    shape : tuple
        Of the block.
    entry : tuple
        Index, within the input, of the entry with the largest error.
    analytic, reference : float
        The number of the backward and the independent one, at that entry.
    error : float
        ``max|analytic - reference| / max|reference|`` over the block.
    elementwise : float
        Largest ``|analytic - reference| / |reference|`` of a single entry: reported, not judged.
    bound : float
        Largest error that is accepted.
    verdict : str
        ``ok``; ``rounding``: above the bound, but explained by rounding; ``kink``: the function
        has no derivative there; ``zero``: zero, or smaller than what differences resolve, and
        too small to change an output; ``undecidable``: too little of the block can be
        resolved; ``WRONG``, ``MISSING``, ``SHAPE``: failures.
    resolution : float
        The smallest error that would have been noticed, in the units of the gradient.
    given_shape : tuple
        With ``SHAPE``: that of the backward's array.
    """

    parameter: str
    block: str
    shape: tuple[int, ...]
    entry: tuple[int, ...]
    analytic: float
    reference: float
    error: float
    elementwise: float
    bound: float
    verdict: str
    resolution: float
    given_shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class Report:
    """The result of `gradcheck`; ``print(report)`` is a table, failures first.

    Attributes
    ----------
    rows : tuple of Row
    route : str
        ``complex``, ``difference`` or ``direction``.
    notes : tuple of str
        The reason for this route, and the second opinion.
    hints : tuple of str
        What the wrong numbers look like: transposed, of one common factor, …
    curve : Quotients or None
        Error of central differences against their step, along one random direction.
    """

    rows: tuple[Row, ...]
    route: str
    notes: tuple[str, ...]
    curve: Quotients | None
    hints: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether no block failed; undecidable ones do not fail."""
        return not self.failures

    @property
    def failures(self) -> tuple[Row, ...]:
        """The rows that failed."""
        return tuple(row for row in self.rows if row.verdict not in PASSED)

    @property
    def worst(self) -> Row:
        """The row with the largest error, failures before all others."""
        return max(self.rows, key=lambda row: (row.verdict not in PASSED, row.error))

    def __str__(self) -> str:
        head = (
            "parameter",
            "part",
            "shape",
            "worst entry",
            "analytic",
            "reference",
            "error",
            "elementwise",
            "verdict",
        )
        cells = [head] + [
            (
                row.parameter,
                row.block,
                str(row.shape),
                *_numbers(row),
                f"{row.verdict} {row.given_shape}" if row.verdict == "SHAPE" else row.verdict,
            )
            for row in sorted(self.rows, key=lambda row: row.verdict in PASSED)
        ]
        wide = [max(len(line[k]) for line in cells) for k in range(len(head))]
        lines = ["  ".join(f"{c:<{w}}" for c, w in zip(line, wide, strict=True)) for line in cells]
        lines = [line.rstrip() for line in lines]
        lines += [
            f"{verdict}: {meaning}"
            for verdict, meaning in VERDICTS.items()
            if any(row.verdict == verdict for row in self.rows)
        ]
        good = len(self.rows) - len(self.failures)
        lines += [*self.notes, f"{good} of {len(self.rows)} blocks passed", *self.hints]
        return "\n".join(lines)


def _numbers(row: Row) -> tuple[str, ...]:
    """The worst entry of a row, with its numbers and errors; nothing if there is no gradient."""
    if row.verdict in ("MISSING", "SHAPE"):
        return ("",) * 5
    numbers, errors = (row.analytic, row.reference), (row.error, row.elementwise)
    return str(row.entry), *(f"{n:.9g}" for n in numbers), *(f"{e:.1e}" for e in errors)
