"""One mistake: an expression of the package's own source, and what people write instead.

A list of mistakes is a text like a diff, in blocks. ``@`` names the function, the next line has the
equation, a name and words; ``-`` and ``+`` are what is in the source and what the mistake makes of
it; ``?`` is a hint that does not give the line away::

    @ LSTMCell.step_backward
    (6) do-without-tanh: leaves tanh(c) out of do
    - do = dh * tanh_c
    + do = dh
    ? By which number is o multiplied in the forward?

The maths is written nowhere a second time: a mistake is the package's own line, changed.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from npstack.cells import gru, gru_reset_before, lstm, rnn, variant
from npstack.cells.parts import peepholes
from npstack.layers import recurrent
from npstack.verify.mistakes import written

HOMES: dict[str, ModuleType] = {
    "LSTMCell": lstm,
    "GRUCell": gru,
    "GRUResetBeforeCell": gru_reset_before,
    "RNNCell": rnn,
    "LSTMVariantCell": variant,
    "Peepholes": peepholes,
    "Recurrent": recurrent,
}

CELLS = {
    "lstm": "an LSTM",
    "gru": "a GRU",
    "gru_reset_before": "a GRU that resets before the product",
    "rnn": "a plain recurrent network",
    "peephole": "an LSTM with peepholes",
}

EQUATIONS = {"(a)": "sum of x W, h' U and b", "(t)": "loop over time"}


class Place(NamedTuple):
    """A function of the package: its text without indentation, and where it is."""

    module: ModuleType
    owner: Any
    function: str
    text: str
    file: str
    first: int  # the number of its first line

    @property
    def is_static(self) -> bool:
        """Whether it takes no ``self``."""
        return isinstance(inspect.getattr_static(self.owner, self.function), staticmethod)


@cache
def place_of(name: str) -> Place:
    """The function with a name such as ``LSTMCell.step_backward``."""
    owner_name, _, function = name.partition(".")
    module = HOMES[owner_name]
    owner = getattr(module, owner_name)
    lines, first = inspect.getsourcelines(getattr(owner, function))
    path = Path(*Path(str(module.__file__)).parts[-3:])
    inside = module.__name__.replace(".", "/") + path.suffix
    return Place(module, owner, function, textwrap.dedent("".join(lines)), inside, first)


@dataclass(frozen=True)
class Mistake:
    """What people write instead of one expression.

    Attributes
    ----------
    cell : str
        ``"lstm"``, ``"gru"``, ``"gru_reset_before"``, ``"rnn"``, ``"peephole"``, or ``"any"``: the
        loop over time, where it is the same for all of them.
    name : str
        Unique among the mistakes of a cell.
    equation : str
        ``"(6)"``; ``"(a)"`` is the sum of the pre-activations, ``"(t)"`` the loop over time.
    place : str
        The function that has the expression.
    old, new : str
        The expression, which occurs once in this function, and what is written instead.
    words : str
        What the mistake does, as the predicate of a sentence about the equation.
    hint : str
        A hint that does not give the line away.

    Examples
    --------
    >>> from npstack.verify import CATALOGUE
    >>> mistake = next(own for own in CATALOGUE if own.name == "dc-without-carry")
    >>> mistake.equation, mistake.is_forward
    ('(6)', False)
    >>> mistake.sentence("lstm")
    'an LSTM whose equation (6), backward, lacks the carried dc: one of the two paths of c'
    """

    cell: str
    name: str
    equation: str
    place: str
    old: str
    new: str
    words: str
    hint: str

    @property
    def is_forward(self) -> bool:
        """Whether it is a slip of the forward."""
        return "backward" not in self.place

    @property
    def is_in_loop(self) -> bool:
        """Whether it is one of the loop over time, not of a step."""
        return self.place.startswith("Recurrent.")

    def sentence(self, cell: str) -> str:
        """The program that has this mistake."""
        subject = EQUATIONS.get(self.equation, f"equation {self.equation}")
        backward = "" if self.is_forward else ", backward,"
        return f"{CELLS[cell]} whose {subject}{backward} {self.words}"

    @property
    def where(self) -> str:
        """File and line: ``npstack/cells/lstm.py:169``."""
        own = place_of(self.place)
        before = own.text[: own.text.index(self.old)]
        return f"{own.file}:{own.first + before.count(chr(10))}"

    @property
    def lines(self) -> tuple[str, str]:
        """The whole lines of the source that have the expression, right and wrong."""
        text = place_of(self.place).text
        start = text.index(self.old)
        begin, end = text.rfind("\n", 0, start) + 1, text.find("\n", start + len(self.old))
        right = text[begin:end]
        wrong = right.replace(self.old, self.new)
        return textwrap.dedent(right), textwrap.dedent(wrong)


@cache
def edited(
    place: str, edits: tuple[tuple[str, str], ...], order: tuple[int, ...] = ()
) -> Callable[..., Any]:
    """The function of a place, compiled with other expressions.

    ``order`` is the order in which a program packs the gates: for each of its gates the place that
    this gate has in the package.
    """
    own = place_of(place)
    text = own.text.removeprefix("@staticmethod\n")
    for old, new in edits:
        text = text.replace(old, new)
    space = {**vars(written), **vars(own.module), "ORDER": order}
    exec(compile(text, f"<{place}, changed>", "exec"), space)
    found: Callable[..., Any] = space[own.function]
    return found


def mistakes_of(cell: str, text: str) -> tuple[Mistake, ...]:
    """The mistakes of a cell, from a text as this module's docstring shows it.

    Examples
    --------
    >>> (own,) = mistakes_of("rnn", '''
    ... @ RNNCell.step
    ... (1) no-bias: has no b
    ... - h = self
    ... + h = 0 * self
    ... ? Is something missing?''')
    >>> own.place, own.old, own.new, own.words
    ('RNNCell.step', 'h = self', 'h = 0 * self', 'has no b')
    """
    found, place = [], ""
    old: list[str] = []
    new: list[str] = []
    head = ""
    for line in text.strip("\n").splitlines():
        mark, rest = line[:1], line[2:]
        if mark == "@":
            place = rest
        elif mark == "(":
            head, old, new = line, [], []
        elif mark in "-+" and mark:
            (old if mark == "-" else new).append(rest)
        elif mark == "?":
            equation, _, named = head.partition(" ")
            name, _, words = named.partition(": ")
            changed = "\n".join(old), "\n".join(new)
            found.append(Mistake(cell, name, equation, place, *changed, words, rest))
    return tuple(found)
