"""What `explain` has found out, and how it is said."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass

from npstack.verify.mistakes.cases import Case, joined
from npstack.verify.mistakes.entry import CELLS, Mistake

FITS = "Your backward is the derivative of your forward: only the forward is off."
FITS_NOT = "Your backward is not the derivative of your forward."
OPTIONAL = ("x", "h0", "c0")  # gradients that a backward may leave out
COMMENT = re.compile(r"  # .*$", re.MULTILINE)


@dataclass(frozen=True)
class Explanation:
    """What is wrong with a forward and a backward; ``print`` it.

    Attributes
    ----------
    cell : str
        The kind of cell, ``"lstm"`` …
    right : bool
        Whether all numbers that are returned are those of the cell, to rounding.
    case : Case or None
        The smallest case that is wrong.
    wrong, agree : tuple of str
        The gradients that are wrong in this case, and those that are right: ``"W.f"`` is the forget
        gate's part of W, ``"x[0]"`` the first step of x. If the forward is wrong, its outputs.
    missing : tuple of str
        What the backward does not return; it was not compared.
    named : tuple of Mistake
        The mistakes of the catalogue that give all of these numbers, in every case. They differ
        from each other by nothing on these inputs.
    confident : bool
        Whether exactly one group of mistakes gives every number, forward and backward, and nothing
        is missing.
    apart : Case or None
        If several are named: an input on which they are not the same.
    apart_in : tuple of str
        The gradients in which they differ there.
    forward : tuple of Mistake
        The slips that give the numbers of the forward.
    backward_fits : bool or None
        If the forward is wrong: whether the backward is right for this forward.
    first_wrong : tuple of str
        If the backward also returns values such as ``do`` or ``dc``: the first of them that is
        wrong, then those that are right.
    gate : str
        The only gate whose parameters have wrong gradients, in all cases with as few steps.
    relations : tuple of str
        How whole gradients are related to the right ones, if they are.
    tried : int
        The number of mistakes that were tried.
    cases : tuple of Case
        Where.
    notes : tuple of str
    """

    cell: str
    right: bool
    case: Case | None = None
    wrong: tuple[str, ...] = ()
    agree: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    named: tuple[Mistake, ...] = ()
    confident: bool = False
    apart: Case | None = None
    apart_in: tuple[str, ...] = ()
    forward: tuple[Mistake, ...] = ()
    backward_fits: bool | None = None
    first_wrong: tuple[str, ...] = ()
    gate: str = ""
    relations: tuple[str, ...] = ()
    tried: int = 0
    cases: tuple[Case, ...] = ()
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join([*self._verdict(), *self._said(), *self._remarks()])

    def _verdict(self) -> list[str]:
        """Right or wrong, and the smallest case that is wrong."""
        what = CELLS[self.cell]
        if self.right and self._lost:
            return [incomplete(self._lost)]
        if self.right:
            return [f"right: these are the numbers of {what} in all {len(self.cases)} cases"]
        every = (*self.wrong, *self.agree)
        lines = [
            f"wrong; the smallest case that is: {self.case}",
            f"  wrong there: {joined(self.wrong, every)}",
        ]
        if self.agree:
            lines.append(f"  right there: {joined(self.agree, every)}")
        return lines

    def _said(self) -> list[str]:
        """The mistakes that give the numbers, or that none does."""
        if self.right:
            return []
        lines: list[str] = []
        both = self.forward and self.forward != self.named
        if both:
            lines += self._sentences("Your forward is that of", self.forward)
            lines += _lines_of(self.forward)
        if self.named:
            also = "Besides, your" if both else "Your"
            lines += self._sentences(f"{also} numbers are those of", self.named)
            lines += _lines_of(self.named)
            lines.append(self._how_sure())
        if self.first_wrong:
            name, *before = self.first_wrong
            fine = f", after {', '.join(before)}" if before else ""
            lines.append(f"Of the values inside, {name} is the first that is wrong{fine}.")
        lines += [f"As a whole: {relation}." for relation in self.relations]
        if not (self.named or self.forward):
            lines += self._nothing_named()
        if self.backward_fits is not None:
            lines.append(FITS if self.backward_fits else FITS_NOT)
        return lines

    def _sentences(self, begin: str, mistakes: tuple[Mistake, ...]) -> list[str]:
        """The sentences of one mistake, or of several."""
        sentences = [mistake.sentence(self.cell) for mistake in mistakes]
        whole = [f"{begin} {sentences[0]}", *(f"or of {other}" for other in sentences[1:])]
        ends = [";"] * (len(whole) - 1) + ["."]
        lines = [line + end for line, end in zip(whole, ends, strict=True)]
        return [part for line in lines for part in textwrap.wrap(line, 96)]

    def _how_sure(self) -> str:
        """Whether other mistakes would give the same."""
        count = len(self.named)
        if self.confident and count == 1:
            return f"No other of {self.tried} mistakes gives these numbers."
        if count == 1:
            return f"No other of {self.tried} mistakes gives the numbers that were compared."
        if self.apart is None:
            return f"These {count} are the same computation on every input that was tried."
        where = joined(self.apart_in, self.apart_in)
        return f"These {count} are the same here. They differ in {where} with {self.apart}."

    def _nothing_named(self) -> list[str]:
        """What is ruled out."""
        right = "; your forward is right" if self.backward_fits is None else ""
        lines = [f"None of {self.tried} mistakes, each tried alone, gives these numbers{right}."]
        if self.gate:
            gate = f"Of the parameters, only those of the gate {self.gate} get wrong gradients"
            lines.append(f"{gate} in cases with T = {self.case.steps if self.case else 1}.")
        return lines

    def _remarks(self) -> list[str]:
        """What was not compared, and other notes."""
        names = [f"d{name}" for name in self.missing]
        if not names or (self.right and names == self._lost):
            return [*self.notes]
        return [f"not returned, so not compared: {', '.join(names)}", *self.notes]

    @property
    def _lost(self) -> list[str]:
        """The gradients of parameters that are not returned; others may be left out."""
        return [f"d{name}" for name in self.missing if name not in OPTIONAL]


def incomplete(names: Iterable[str]) -> str:
    """What is said of a backward whose only fault is that gradients of parameters are missing.

    Examples
    --------
    >>> incomplete(["dW", "dU", "db"])
    'incomplete: dW, dU and db are not returned; all others are right'
    """
    *before, last = names
    listed = f"{', '.join(before)} and {last} are" if before else f"{last} is"
    return f"incomplete: {listed} not returned; all others are right"


def _lines_of(mistakes: tuple[Mistake, ...]) -> list[str]:
    """The place in npstack's own file, its line, and what the numbers are those of."""
    lines = []
    for mistake in mistakes:
        right, wrong = (COMMENT.sub("", text).splitlines() for text in mistake.lines)
        lines.append(f"    {mistake.where}")
        lines += [f"      npstack: {line}" for line in right]
        lines += [f"      as if:   {line}" for line in wrong]
    return lines
