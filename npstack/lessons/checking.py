"""Exercises of the notebooks, which check themselves: ``check("1.2", answer)``.

An answer is a number, an array, a word, or a function. A wrong one is compared with the answers
that known mistakes give; if one of them is the same, the verdict says what went wrong.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from npstack.core.arguments import check_option
from npstack.core.errors import ArgumentError, describe, fail
from npstack.lessons.differences import differs, is_same, kind
from npstack.lessons.given import in_words
from npstack.verify.other_code.child import account, file_of

DRAWS = 4  # arguments on which a function is tried
NO_RESULT = "It returns None: is `return` missing?"


@dataclass(frozen=True)
class Task:
    """An exercise with one right answer.

    Attributes
    ----------
    number : str
        Of the notebook, and of the exercise in it: ``"1.2"``.
    asks : str
        What is asked, in one line.
    right : callable
        Without arguments, returns the right answer; or, with ``draw``, is the right function.
    mistakes : dict
        What to say of a wrong answer: what returns it, as ``right`` does.
    hint : str
        Helps without giving the answer away.
    draw : callable, optional
        Draws the arguments of a function, from a generator: a tuple.
    results : tuple of str
        What a function returns, by name.
    share : float
        Of the largest number of the answer: how far the answer may be off.
    also : tuple of str
        Other words for a right word.
    packed : tuple of str
        The results whose last axis holds the blocks of the gates i, f, g, o.
    letters : bool
        The right word is a set of letters: their order, and what is between them, do not matter.
    simpler : tuple of str and callable, optional
        A simpler case, in words, and what makes its arguments of those that were drawn. It is
        tried if a function is wrong in no known way.
    """

    number: str
    asks: str
    right: Callable[..., Any]
    mistakes: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    hint: str = ""
    draw: Callable[[np.random.Generator], tuple[Any, ...]] | None = None
    results: tuple[str, ...] = ()
    share: float = 1e-6
    also: tuple[str, ...] = ()
    packed: tuple[str, ...] = ()
    letters: bool = False
    simpler: tuple[str, Callable[..., tuple[Any, ...]]] | None = None

    @property
    def arguments(self) -> list[str]:
        """The names of a function's arguments, as they are in ``asks``."""
        found = re.search(r"function \w+\(([^)]*)\)", self.asks)
        return found[1].split(", ") if found else []


@dataclass(frozen=True)
class Verdict:
    """What is said of an answer; true if the answer is right.

    Attributes
    ----------
    number : str
        Of the exercise.
    right : bool
    lines : tuple of str
        What is wrong, and a hint.
    """

    number: str
    right: bool
    lines: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        head = f"{self.number}: {'right' if self.right else 'not yet'}."
        return " ".join([head, *self.lines])


def check(number: str, answer: Any = None) -> Verdict:
    """Check the answer to an exercise of a notebook.

    Parameters
    ----------
    number : str
        Of the exercise, such as ``"1.2"``.
    answer : number, array, str, tuple or callable

    Returns
    -------
    Verdict
        It shows itself; it is true if the answer is right.

    Raises
    ------
    ArgumentError
        There is no such exercise.

    Examples
    --------
    >>> check("1.1", 0.5)
    1.1: not yet. Hint: The sum is x w_f + h' u_f + b_f, and h' is 0 in the first step.
    """
    from npstack.lessons.tasks import TASKS

    if not isinstance(number, str):
        expected = "the number of the exercise must be a string"
        fail(ArgumentError, "check", expected, describe(number), 'For example check("1.2", …).')
    task = TASKS[check_option("check", "number", number, TASKS)]
    return verdict(task, answer)


def verdict(task: Task, answer: Any) -> Verdict:
    """What is said of an answer to a task."""
    asked = f"Asked is: {task.asks}."
    if answer is None or answer is Ellipsis:
        return Verdict(task.number, False, ("There is no answer.", asked))
    if task.draw is None:
        lines = list(_of_value(task, answer))
    elif not callable(answer):
        got = describe(answer)
        lines = [f"Expected is a function, got {got}: give its name, without brackets."]
    else:
        trials = [task.draw(np.random.default_rng(k)) for k in range(DRAWS)]
        try:
            found = [_returned(task, answer, arguments) for arguments in trials]
        except NotImplementedError:
            return Verdict(task.number, False, ("It is not written yet.", asked))
        except _StopsError as error:
            lines = [str(error)]
        else:
            lines = list(_of_results(task, answer, trials, found))
    if lines and task.hint and NO_RESULT not in lines:
        lines.append(f"Hint: {task.hint}")
    return Verdict(task.number, not lines, tuple(line for line in lines if line))


# ---- values ------------------------------------------------------------------------------------


def _of_value(task: Task, answer: Any) -> Iterator[str]:
    right = task.right()
    if callable(answer):
        yield f"Expected is {kind(right)}, not a function: call it."
        return
    if any(_is_right(task, answer, one) for one in (right, *task.also)):
        return
    for words, wrong in task.mistakes.items():
        if _is_right(task, answer, wrong()):
            yield words
            return
    if task.letters and isinstance(answer, str):
        yield _of_letters(_letters(answer), _letters(right))
    else:
        yield from differs("", answer, right, task.share)


def _is_right(task: Task, answer: Any, right: Any) -> bool:
    if task.letters and isinstance(answer, str):
        return _letters(answer) == _letters(right)
    return is_same(answer, right, task.share)


def _letters(text: str) -> set[str]:
    """The letters of a text, without the word "and"."""
    return set(re.findall(r"[a-z]", re.sub(r"\band\b", "", text.lower())))


def _of_letters(found: set[str], right: set[str]) -> str:
    """How many letters are right, but not which."""
    hits = len(found & right)
    if found <= right:
        return f"What is there is right. {len(right) - hits} more must be added."
    if len(found) == 1:
        return "This letter is wrong."
    return f"{hits} of the {len(found)} letters {'is' if hits == 1 else 'are'} right."


# ---- functions ---------------------------------------------------------------------------------


class _StopsError(Exception):
    """A function stops, in words."""


def _returned(task: Task, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """What a function returns; an error in it is told with its line and its arguments."""
    try:
        return _results(task, function(*copy.deepcopy(arguments)))
    except NotImplementedError:
        raise
    except Exception as error:
        told = account(error, file_of(function))
        text = f", `{told['text']}`" if told["text"] else ""
        at = f" in line {told['line']}{text}" if told["line"] else ""
        what = ": ".join(filter(None, (told["raised"], told["message"].rstrip("."))))
        given = in_words(task.arguments, arguments)
        raise _StopsError(f"It stops with {what}{at}. The arguments were {given}.") from error


def _of_results(
    task: Task, function: Any, trials: Sequence[tuple[Any, ...]], found: Sequence[Any]
) -> Iterator[str]:
    if any(len(one) == 1 and one[0] is None for one in found):
        yield NO_RESULT
        return
    wanted = [_returned(task, task.right, arguments) for arguments in trials]
    if _all_same(found, wanted, task):
        return
    for words, wrong in task.mistakes.items():
        if _all_same(found, [_returned(task, wrong, a) for a in trials], task):
            yield words
            return
    yield from _told(task, found, wanted)
    if task.simpler:
        words, made = task.simpler
        try:
            own, right = (
                [_returned(task, f, made(*a)) for a in trials] for f in (function, task.right)
            )
        except (NotImplementedError, _StopsError):
            return
        fits = _all_same(own, right, task)
        yield f"{words}, it is right." if fits else f"{words}, it is already wrong."


def _told(task: Task, found: Sequence[Any], wanted: Sequence[Any]) -> Iterator[str]:
    """Which results of a function are wrong, and how."""
    names = task.results or ("The result",)
    first = next(k for k, own in enumerate(found) if not _all_same([own], [wanted[k]], task))
    if len(found[first]) != len(wanted[first]):
        count = len(found[first])
        got = "one value" if count == 1 else f"{count} values"
        yield f"It should return {', '.join(names)}; it returns {got}."
        return
    if len(names) > 1 and all(
        any(is_same(a, b, task.share) for a in found[first]) for b in wanted[first]
    ):
        yield f"The results are right, their order is not: {', '.join(names)}."
        return
    triples = list(zip(names, found[first], wanted[first], strict=True))
    good = [name for name, answer, right in triples if is_same(answer, right, task.share)]
    for name, answer, right in triples:
        if name not in good:
            yield from differs(name, answer, right, task.share, name in task.packed)
    if good:
        yield f"Right: {', '.join(good)}."


def _results(task: Task, value: Any) -> tuple[Any, ...]:
    """What a function returns, as a tuple."""
    if len(task.results) > 1:
        return tuple(value) if isinstance(value, tuple | list) else (value,)
    return (value,)


def _all_same(found: Sequence[Any], wanted: Sequence[Any], task: Task) -> bool:
    return all(
        len(a) == len(b) and all(is_same(x, y, task.share) for x, y in zip(a, b, strict=True))
        for a, b in zip(found, wanted, strict=True)
    )
