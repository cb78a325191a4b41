"""The result of `check_precision`: one row per block."""

from __future__ import annotations

from dataclasses import dataclass

from npstack.verify.precision.ladder import Judged

BAR = 64  # eps; an error above it needs an explanation
ERRORS = ("error", "allowed", "wider_error", "wider_allowed")  # columns of the table
FAILED = ("WRONG", "unexplained", "MISSING")


@dataclass(frozen=True)
class PrecisionRow:
    """One block.

    Attributes
    ----------
    label : str
        ``outputs``, ``final.0.h``, ``dW.f``, ``dx.t=3``, ``dinitial.0.c`` …
    conditioning : float
        How far the truth moves by half a unit in the last place of its inputs, relative to its
        largest number.
    judged : Judged or None
        The errors and what they may be; None if there is no such gradient.
    eps : float
        Of the layer's numbers.
    """

    label: str
    conditioning: float
    judged: Judged | None
    eps: float

    @property
    def verdict(self) -> str:
        """The verdict.

        ``ok``: within 64 eps. ``rounding``: above, and explained. ``undecidable``: rounding may
        change more than a thousandth of the block, in wider numbers, too. ``WRONG``: the error does
        not shrink with the eps. ``unexplained``: conditioning does not explain the error, and there
        is no run with wider numbers that would decide. ``MISSING``: there is no gradient.
        """
        judged = self.judged
        if judged is None:
            return "MISSING"
        if judged.explained is None:
            return "undecidable"
        if judged.explained:
            return "ok" if judged.error <= BAR * self.eps else "rounding"
        return "unexplained" if judged.wider_error is None else "WRONG"


@dataclass(frozen=True)
class PrecisionReport:
    """The result of `check_precision`; ``print(report)`` is a table, failures first.

    Attributes
    ----------
    rows : tuple of PrecisionRow
    eps, wider_eps : float
        Of the layer's numbers, and of those of truth.
    notes : tuple of str
    """

    rows: tuple[PrecisionRow, ...]
    eps: float
    wider_eps: float
    notes: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether no block failed; undecidable ones do not fail."""
        return not self.failures

    @property
    def failures(self) -> tuple[PrecisionRow, ...]:
        """The rows that failed."""
        return tuple(row for row in self.rows if row.verdict in FAILED)

    @property
    def undecidable(self) -> tuple[PrecisionRow, ...]:
        """The rows about which nothing can be said in these numbers."""
        return tuple(row for row in self.rows if row.verdict == "undecidable")

    def __str__(self) -> str:
        head = ("block", "conditioning", "error", "allowed", "wider error", "allowed", "verdict")
        cells: list[tuple[str, ...]] = [head]
        for row in sorted(self.rows, key=lambda row: row.verdict not in FAILED):
            errors = [getattr(row.judged, name, None) for name in ERRORS]
            shown = ("" if error is None else f"{error:.1e}" for error in errors)
            cells.append((row.label, f"{row.conditioning:.1e}", *shown, row.verdict))
        wide = [max(len(line[k]) for line in cells) for k in range(len(head))]
        lines = ["  ".join(f"{c:<{w}}" for c, w in zip(line, wide, strict=True)) for line in cells]
        good, unknown = len(self.rows) - len(self.failures), len(self.undecidable)
        undecided = f", {unknown} of them undecidable" if unknown else ""
        eps = f"eps {self.eps:.1e}, wider numbers {self.wider_eps:.1e}"
        return "\n".join(
            [
                *(line.rstrip() for line in lines),
                *self.notes,
                f"{good} of {len(self.rows)} blocks passed{undecided} ({eps})",
            ]
        )
