"""A whole solution with one mistake of the catalogue, another one for each seed.

The catalogue changes lines of npstack's own cells. A solution has the same lines with the names
that courses use, so that a change of one is a change of the other: no mistake is written twice.
"""

from __future__ import annotations

import ast
import builtins
import re
from functools import cache
from typing import NamedTuple

import numpy as np

from npstack.lessons.solutions import solution
from npstack.lessons.stages import COURSES
from npstack.verify.mistakes.catalogue import CATALOGUE
from npstack.verify.mistakes.entry import Mistake

OURS_TO_COURSES = {
    r"\bdnew_state\.c\b": "dc_next",
    r"\bdnew_state\.h\b": "dh",
    r"\bnew_state\.(\w+)": r"\1",
    r"\bstate\.(\w+)": r"\1_before",
    r"\bread\b": "h_before",
    r'params\["W"\]': "Wx",
    r'params\["U"\]': "Wh",
    r'params\["(\w+)"\]': r"\1",
    r'"W": ': "dWx = ",
    r'"U": ': "dWh = ",
    r'"(b\w*)": ': r"d\1 = ",
    r"\b(a\.|(?=\w+=[^=]))candidate\b": r"\1g",
    r"\ba\.(\w)\w*": r"a_\1",
    r"\b(i|f|o|g)(nput|orget|utput|)=(?=\S)": r"da_\1 = ",
    r"\bself\.gate\.function\(": "sigmoid(",
    r"\bself\.candidate\.function\(": "tanh(",
    r"\bself\.gate\.derivative\(\w+, (\w+)\)": r"sigmoid_derivative(\1)",
    r"\bself\.candidate\.derivative\([^,]+, (\w+)\)": r"tanh_derivative(\1)",
    r"(?<![\w.])tanh\(": "np.tanh(",
}
DOCSTRING = '"""'
MIXER = 13  # so that seeds that follow each other give mistakes of different kinds


class Bug(NamedTuple):
    """A mistake, the course whose solution has it, and the complete text."""

    mistake: Mistake
    course: str
    text: str


def bug(seed: int) -> Bug:
    """The bug of a seed; after the last one, they begin again."""
    found = bugs()
    order = np.random.default_rng(MIXER).permutation(len(found))
    return found[int(order[seed % len(found)])]


@cache
def bugs() -> tuple[Bug, ...]:
    """Every mistake of the catalogue that a solution can have.

    Examples
    --------
    >>> len(bugs()) > 50
    True
    """
    return tuple(
        Bug(mistake, name, text)
        for mistake in CATALOGUE
        for name in COURSES
        if mistake.cell == name and (text := changed(solution(name), mistake))
    )


def changed(text: str, mistake: Mistake) -> str | None:
    """A solution with one wrong line; None if it has no such line, or lacks a name in it."""
    if "\n" in mistake.old:  # more than one line
        return None
    old, new = (in_courses(part) for part in (mistake.old, mistake.new))
    line = re.compile(rf"(?<![\w.]){re.escape(old)}(?!\w)")
    pieces = text.split(DOCSTRING)  # every second one is code
    places = [k for k in range(0, len(pieces), 2) for _ in line.findall(pieces[k])]
    if len(places) != 1:
        return None
    (k,) = places
    pieces[k] = line.sub(lambda found: new, pieces[k])
    wrong = DOCSTRING.join(pieces)
    return wrong if _is_complete(wrong, text) else None


def in_courses(expression: str) -> str:
    """An expression of npstack's cells with the names of a solution.

    Examples
    --------
    >>> in_courses('dnew_state.c + dh * o * tanh_derivative(tanh_c) @ params["U"].T')
    'dc_next + dh * o * tanh_derivative(tanh_c) @ Wh.T'
    """
    for ours, theirs in OURS_TO_COURSES.items():
        expression = re.sub(ours, theirs, expression)
    return expression


def _is_complete(wrong: str, text: str) -> bool:
    """Whether a program reads only names that the solution has at the same place."""
    try:
        functions = [n for n in ast.parse(wrong).body if isinstance(n, ast.FunctionDef)]
    except SyntaxError:  # a line that the solution has in two
        return False
    known = _known(text)[-len(functions) :]
    read = ({n.id for n in ast.walk(own) if isinstance(n, ast.Name)} for own in functions)
    return all(names <= there for names, there in zip(read, known, strict=True))


@cache
def _known(text: str) -> list[set[str]]:
    """The names that each statement of a program may read: its own, functions, what Python has."""
    tree = ast.parse(text)
    common = {n.name for n in tree.body if isinstance(n, ast.FunctionDef)} | set(dir(builtins))
    found = []
    for part in tree.body:
        own = {n.arg for n in ast.walk(part) if isinstance(n, ast.arg)} | {"np"}
        found.append(common | own | {n.id for n in ast.walk(part) if isinstance(n, ast.Name)})
    return found
