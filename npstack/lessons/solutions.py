"""Right solutions, and exercises cut from them.

A solution is one file in ``texts``, in the style of courses: functions, and NumPy. In an exercise,
an error that says so is in the place of what is between ``# HOLE …`` and ``# END``. So an exercise
and its solution cannot differ.
"""

from __future__ import annotations

import re
from importlib.resources import files

HOLE, END, STAGE = "# HOLE ", "# END", "# ---- stage "
PART = re.compile(rf"^(?={STAGE})", re.MULTILINE)
DEFINITION = re.compile(r"def (\w+)")


def parts_of(name: str) -> list[str]:
    """A solution with its marks: what all stages use, then each stage."""
    path = files("npstack.lessons") / "texts" / f"{name}.txt"
    return PART.split(path.read_text(encoding="utf-8"))


def solution(name: str) -> str:
    """A whole solution.

    Examples
    --------
    >>> print(solution("lstm").splitlines()[0])
    \"""An LSTM in plain NumPy, stage by stage.
    """
    return "".join(map(solved, parts_of(name)))


def solved(part: str) -> str:
    """A part of a solution without its marks."""
    lines = part.splitlines(keepends=True)
    return "".join(line for line in lines if not line.lstrip().startswith((HOLE, END)))


def with_holes(part: str) -> str:
    """A part of an exercise: the sentence of each hole, and an error in its place.

    Examples
    --------
    >>> part = "def f(x):\\n    # HOLE Double x.\\n    y = 2 * x\\n    # END\\n    return y"
    >>> print(with_holes(part))
    def f(x):
        # Double x.
        raise NotImplementedError("f is not written yet.")
        return y
    """
    made, function, hidden = [], "", False
    for line in part.splitlines(keepends=True):
        if found := DEFINITION.match(line):
            function = found[1]
        if line.lstrip().startswith(HOLE):
            indent, sentence = line.split(HOLE)
            made.append(f"{indent}# {sentence}")
            made.append(f'{indent}raise NotImplementedError("{function} is not written yet.")\n')
            hidden = True
        elif line.lstrip().startswith(END):
            hidden = False
        elif not hidden:
            made.append(line)
    return "".join(made)
