"""What a submission gets: a mark for each stage, and how it is printed."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any

WIDTH, IN = 100, " " * 12
RIGHT, WRONG, MISSING = "right", "wrong", "not written yet"
WAITS, OUT = "cannot be tried yet", "does not count"


@dataclass(frozen=True)
class Mark:
    """What one stage gets.

    Attributes
    ----------
    stage, title : str
        In one word, and in a few.
    points, most : int
    verdict : {"right", "wrong", "not written yet", "cannot be tried yet", "does not count"}
    right, wrong : tuple of str
        The results of the functions, by name, such as ``"dWx"``.
    lines : tuple of str
        Sentences about it.
    equation : str
        The equation that is wrong, if the numbers say which.
    hint : str
        A hint that does not give the line away.
    mistakes : tuple of str
        For teachers: the mistakes of the catalogue that give exactly these numbers.
    """

    stage: str
    title: str
    points: int
    most: int
    verdict: str
    right: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    equation: str = ""
    hint: str = ""
    mistakes: tuple[str, ...] = ()

    @property
    def sentences(self) -> list[str]:
        """All that is said about it."""
        found = list(self.lines)
        if self.equation:
            found.append(f"Look at {self.equation}.")
        if self.hint:
            found.append(f"Hint: {self.hint}")
        return found

    def __str__(self) -> str:
        amount = f"{self.points:3} of {self.most:2}"
        return f"  {self.stage:<9} {self.title:<43} {amount}  {self.verdict}"


@dataclass(frozen=True)
class Grade:
    """What a submission gets.

    Attributes
    ----------
    name : str
        Of the submission.
    exercise : str
        What it is an answer to: ``"lstm"``, ``"gru --stage time"``, ``"bug --seed 3"``.
    marks : tuple of Mark
        A mark for each stage.
    remarks : tuple of str
        Sentences about the whole file.

    Examples
    --------
    >>> mark = Mark("forward", "one step forward", 20, 20, "right", right=("h", "c"))
    >>> grade = Grade("lstm.py", "lstm --stage forward", (mark,))
    >>> grade.passed, grade.points, grade.most
    (True, 20, 20)
    >>> print(grade)
    lstm.py (lstm --stage forward): 20 of 20 points
      forward   one step forward                             20 of 20  right
    """

    name: str
    exercise: str
    marks: tuple[Mark, ...]
    remarks: tuple[str, ...] = ()

    @property
    def points(self) -> int:
        """The sum over the stages."""
        return sum(mark.points for mark in self.marks)

    @property
    def most(self) -> int:
        """The largest possible sum."""
        return sum(mark.most for mark in self.marks)

    @property
    def passed(self) -> bool:
        """Whether every stage is right."""
        return all(mark.verdict == RIGHT for mark in self.marks)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        marks = [{k: v for k, v in vars(mark).items() if v not in ("", ())} for mark in self.marks]
        whole = {"name": self.name, "exercise": self.exercise}
        counts = {"points": self.points, "most": self.most, "passed": self.passed}
        return {**whole, **counts, "remarks": list(self.remarks), "stages": marks}

    def __str__(self) -> str:
        text = [f"{self.name} ({self.exercise}): {self.points} of {self.most} points"]
        text += [textwrap.fill(remark, WIDTH, subsequent_indent="  ") for remark in self.remarks]
        before: list[str] = []
        for mark in self.marks:
            text.append(str(mark))
            said = mark.sentences
            for line in said if said != before else ():  # once, if it is the same for several
                text.append(
                    textwrap.fill(line, WIDTH, initial_indent=IN, subsequent_indent=IN + "  ")
                )
            before = said
        return "\n".join(text)


def table(grades: list[Grade]) -> str:
    """One line for each submission: points of every stage, and in total.

    Examples
    --------
    >>> mark = Mark("forward", "one step forward", 20, 20, "right")
    >>> print(table([Grade("ada.py", "lstm --stage forward", (mark,))]))
    submission  exercise              forward  points
    ada.py      lstm --stage forward       20   20/20
    """
    stages = list(dict.fromkeys(mark.stage for grade in grades for mark in grade.marks))
    rows = [["submission", "exercise", *stages, "points"]]
    for grade in grades:
        by_stage = {mark.stage: str(mark.points) for mark in grade.marks}
        amounts = [by_stage.get(stage, "") for stage in stages]
        rows.append([grade.name, grade.exercise, *amounts, f"{grade.points}/{grade.most}"])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]

    def line(row: list[str]) -> str:
        words = [f"{w:<{n}}" for w, n in zip(row[:2], widths[:2], strict=True)]
        words += [f"{w:>{n}}" for w, n in zip(row[2:], widths[2:], strict=True)]
        return "  ".join(words).rstrip()

    return "\n".join(map(line, rows))
