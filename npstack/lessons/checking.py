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

DRAWS = 4  # arguments on which a function is tried
NEARLY = 0.05  # of the largest number: digits that were dropped on the way


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
    if answer is None or answer is Ellipsis:
        return Verdict(task.number, False, ("There is no answer.", f"Asked is: {task.asks}"))
    lines = list(_of_function(task, answer) if task.draw else _of_value(task, answer))
    if lines and task.hint:
        lines.append(f"Hint: {task.hint}")
    return Verdict(task.number, not lines, tuple(line for line in lines if line))


# ---- values ------------------------------------------------------------------------------------


def _of_value(task: Task, answer: Any) -> Iterator[str]:
    right = task.right()
    if callable(answer):
        yield f"Expected is {_kind(right)}, not a function: call it."
        return
    if any(_same(answer, one, task.share) for one in (right, *task.also)):
        return
    for words, wrong in task.mistakes.items():
        if _same(answer, wrong(), task.share):
            yield words
            return
    yield from _differs("", answer, right, task.share)


def _same(answer: Any, right: Any, share: float) -> bool:
    if isinstance(right, str) or isinstance(answer, str):
        return (
            isinstance(answer, str) and isinstance(right, str) and _plain(answer) == _plain(right)
        )
    found, wanted = _array(answer), _array(right)
    if found is None or wanted is None or found.shape != wanted.shape:
        return False
    if wanted.dtype.kind in "biu" and found.dtype.kind in "biu":
        return bool((found == wanted).all())
    largest = np.abs(wanted).max(initial=0.0)
    with np.errstate(all="ignore"):
        return bool((np.abs(found - wanted) <= share * (largest or 1.0)).all())


def _plain(text: str) -> str:
    return re.sub(r"[\s_-]+", " ", text.strip().lower())


def _array(value: Any) -> np.ndarray | None:
    """As an array of numbers; None if it is none."""
    try:
        found = np.asarray(value)
        return found if found.dtype.kind in "biu" else found.astype(float)
    except (TypeError, ValueError):
        return None


def _kind(right: Any) -> str:
    """What kind of answer is expected."""
    if isinstance(right, str):
        return "a word"
    if isinstance(right, bool | np.bool_):
        return "True or False"
    if isinstance(right, tuple):
        return f"a tuple of {len(right)} numbers"
    shape = np.shape(right)
    return f"an array of shape {shape}" if shape else "a number"


def _differs(name: str, answer: Any, right: Any, share: float) -> Iterator[str]:
    """How an answer differs, where something can be said; at least an empty line."""
    of = f"{name}: " if name else ""
    if isinstance(answer, str) and isinstance(right, str):
        yield ""
        return
    found = None if isinstance(answer, str) else _array(answer)
    wanted = None if isinstance(right, str) else _array(right)
    if found is None or wanted is None:
        yield f"{of}Expected is {_kind(right)}, got {describe(answer)}."
    elif found.shape != wanted.shape:
        turned = found.ndim > 1 and found.shape == wanted.shape[::-1]
        more = " It is transposed." if turned else ""
        yield f"{of}Expected is {_kind(right)}, got {_kind(answer)}.{more}"
    else:
        about = "" if wanted.dtype.kind == "b" else _of_numbers(found, wanted, share)
        yield f"{of}{about}" if about else (f"{name} is wrong." if name else "")


def _of_numbers(found: np.ndarray, wanted: np.ndarray, share: float) -> str:
    """How numbers of the right shape differ; nothing where nothing helps."""
    size = float(np.abs(wanted).max(initial=0.0)) or 1.0
    off = np.abs(found.astype(float) - wanted)
    if not np.isfinite(off).all():
        return "There is NaN or infinity in it."
    if _same(-found.astype(float), wanted, share):
        return "The sign is the other way round."
    if (factor := _factor(found, wanted, share)) is not None:
        return f"All numbers are {factor:.4g} times the right ones."
    if wanted.dtype.kind == "f" and off.max() <= NEARLY * size:
        return f"It is off by {off.max() / size:.1g} of the largest number."
    wrong = int((off > share * size).sum())
    return f"{wrong} of {off.size} numbers are wrong." if wrong < off.size else ""


def _factor(found: np.ndarray, wanted: np.ndarray, share: float) -> float | None:
    """One factor for several numbers, if there is one."""
    if wanted.size < 2 or not wanted.any() or not found.any():
        return None
    factor = float((found * wanted).sum() / (wanted * wanted).sum())
    return factor if _same(found, factor * wanted, share) else None


# ---- functions ---------------------------------------------------------------------------------


def _of_function(task: Task, function: Any) -> Iterator[str]:
    if not callable(function):
        yield f"Expected is a function, got {describe(function)}: give its name, without brackets."
        return
    assert task.draw is not None
    trials = [task.draw(np.random.default_rng(k)) for k in range(DRAWS)]
    found = []
    for arguments in trials:
        try:
            found.append(_results(task, function(*copy.deepcopy(arguments))))
        except NotImplementedError:
            yield "It is not written yet."
            return
        except Exception as error:
            shapes = ", ".join(str(np.shape(value)) for value in arguments if np.ndim(value))
            given = f" The arguments have the shapes {shapes}." if shapes else ""
            yield f"It stops with {type(error).__name__}: {str(error).rstrip('.')}.{given}"
            return
    wanted = [_results(task, task.right(*copy.deepcopy(arguments))) for arguments in trials]
    if _all_same(found, wanted, task):
        return
    for words, wrong in task.mistakes.items():
        if _all_same(found, [_results(task, wrong(*copy.deepcopy(a))) for a in trials], task):
            yield words
            return
    yield from _told(task, found, wanted)


def _told(task: Task, found: Sequence[Any], wanted: Sequence[Any]) -> Iterator[str]:
    """Which results of a function are wrong, and how."""
    names = task.results or ("The result",)
    first = next(k for k, own in enumerate(found) if not _all_same([own], [wanted[k]], task))
    if len(found[first]) != len(wanted[first]):
        count = len(found[first])
        got = "one value" if count == 1 else f"{count} values"
        yield f"It should return {', '.join(names)}; it returns {got}."
        return
    good = [
        n for n, a, b in zip(names, found[first], wanted[first], strict=True) if _close(a, b, task)
    ]
    for name, answer, right in zip(names, found[first], wanted[first], strict=True):
        if name not in good:
            yield from _differs(name, answer, right, task.share)
    if good:
        yield f"Right: {', '.join(good)}."


def _results(task: Task, value: Any) -> tuple[Any, ...]:
    """What a function returns, as a tuple."""
    if len(task.results) > 1:
        return tuple(value) if isinstance(value, tuple | list) else (value,)
    return (value,)


def _close(answer: Any, right: Any, task: Task) -> bool:
    return _same(answer, right, task.share)


def _all_same(found: Sequence[Any], wanted: Sequence[Any], task: Task) -> bool:
    return all(
        len(a) == len(b) and all(_close(x, y, task) for x, y in zip(a, b, strict=True))
        for a, b in zip(found, wanted, strict=True)
    )
