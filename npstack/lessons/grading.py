"""The grader: from functions to a mark for each stage of an exercise."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

from npstack.core.arguments import check_option
from npstack.core.errors import ArgumentError, DtypeError, describe, fail
from npstack.lessons.attempts import Functions, Place
from npstack.lessons.bugs import bug
from npstack.lessons.equations import Pairs
from npstack.lessons.exercises import Exercise
from npstack.lessons.marking import Trial, mark
from npstack.lessons.sheet import OUT, RIGHT, Grade, Mark
from npstack.lessons.stages import COURSES, Course, Stage
from npstack.verify.other_code.child import parameters_of

OF_BUG, FIND = 100, "find the wrong line, and write it right"
Forbidden = Callable[[Stage], str]  # why a stage does not count; empty if it does


def none_forbidden(stage: Stage) -> str:
    """Every stage counts."""
    return ""


def marks_of(
    own: Exercise,
    functions: Functions,
    forbidden: Forbidden = none_forbidden,
    names: Mapping[str, str] | None = None,
) -> list[Mark]:
    """A mark for each stage of an exercise; ``names`` are a submission's own names of weights."""
    course = COURSES[own.course]
    marks = _marks(course, functions, forbidden, names or {})
    if own.seed is not None:
        return [_mark_of_bug(own.seed, marks)]
    return [found for found in marks if own.stage in (None, found.stage)]


def _marks(
    course: Course, functions: Functions, forbidden: Forbidden, names: Mapping[str, str]
) -> Iterator[Mark]:
    """A mark for each stage of a course."""
    stops: dict[Place, str] = {}
    pairs = Pairs(course, functions)
    for stage in course.stages.values():
        trial = Trial(course, stage, functions)
        reason = forbidden(stage)
        if reason:
            yield Mark(stage.name, stage.title, 0, stage.points, OUT, lines=(reason,))
        else:
            yield _respelt(mark(trial, pairs, stops), names, trial.quoted())
        stops = trial.stops() | stops


def _mark_of_bug(seed: int, marks: Iterator[Mark]) -> Mark:
    """The mark of a file with one mistake: everything, if all is right."""
    for found in marks:
        if found.verdict != RIGHT:
            lines = (f"In stage {found.stage}, {found.title}:", *found.lines)
            hint = "" if found.verdict == OUT else bug(seed).mistake.hint
            whole = replace(found, stage="bug", title=FIND, points=0, most=OF_BUG, lines=lines)
            return replace(whole, equation="", hint=hint)
    return Mark("bug", FIND, OF_BUG, OF_BUG, RIGHT)


def grade(
    submission: Any,
    *,
    exercise: str | None = None,
    stage: str | None = None,
    seconds: float = 10.0,
) -> Grade:
    """Grade an answer to an exercise.

    Parameters
    ----------
    submission : str, Path, module, or dict of callable
        A file, which runs in a process of its own; or the functions by name,
        ``{"step_forward": step_forward, …}``, as in ``globals()``.
    exercise : {"lstm", "gru"}, optional
        What the functions compute. A file says it itself.
    stage : str, optional
        Grade this stage only.
    seconds : float
        Of a file: what a single call may take.

    Returns
    -------
    Grade
        ``print`` shows it; ``grade.passed``, ``grade.points``, ``grade.marks``.

    Raises
    ------
    ArgumentError, DtypeError
        It is neither a file nor functions by name.
    DataError, OSError
        The file cannot be read.

    Notes
    -----
    Results are compared with npstack's. If they differ, and are right for the submission's own
    functions of earlier stages, they are right: a mistake costs points once. The functions get
    copies of the arguments.

    Examples
    --------
    >>> import numpy as np
    >>> def step_forward(x, h, c, Wx, Wh, b):
    ...     i, f, g, o = np.split(x @ Wx + h @ Wh + b, 4, axis=1)
    ...     i, f, o = (1 / (1 + np.exp(-a)) for a in (i, f, o))
    ...     c = f * c + i * np.tanh(g)
    ...     return o * np.tanh(c), c, None
    >>> print(grade({"step_forward": step_forward}, exercise="lstm", stage="forward"))
    your functions (lstm --stage forward): 20 of 20 points
      forward   one step forward                             20 of 20  right
    """
    where = "grade"
    if exercise is not None:
        exercise = check_option(where, "exercise", exercise, COURSES)
    if stage is not None and exercise is None:
        expected, advice = "stage must come with exercise", 'For example exercise="lstm".'
        fail(ArgumentError, where, expected, "stage alone", advice)
    if stage is not None:
        stage = check_option(where, "stage", stage, COURSES[str(exercise)].stages)
    own = None if exercise is None else Exercise(exercise, stage)
    if isinstance(submission, str | os.PathLike):
        from npstack.lessons.submissions import grade_file

        return grade_file(submission, own, seconds=seconds)
    if isinstance(submission, ModuleType):
        submission = vars(submission)
    if not isinstance(submission, Mapping):
        expected = "submission must be a file, or functions by name"
        fail(DtypeError, where, expected, describe(submission), "Use globals(), for example.")
    if own is None:
        expected = "exercise must say what the functions compute"
        fail(ArgumentError, where, expected, "none", 'Add exercise="lstm".')
    functions = {name: made for name, made in submission.items() if callable(made)}
    names = _own_names(COURSES[own.course], functions)
    return Grade("your functions", str(own), tuple(marks_of(own, functions, names=names)))


def _own_names(course: Course, functions: Functions) -> dict[str, str]:
    """What a forward step calls its weights, where this is not the name that courses use."""
    step = course.stages["forward"].forward
    names = parameters_of(functions.get(step)) or []
    if len(names) != 1 + len(course.states) + len(course.weights):
        return {}
    own = names[-len(course.weights) :]
    return {a: b for a, b in zip(course.weights, own, strict=True) if a != b}


def _respelt(found: Mark, names: Mapping[str, str], quoted: Iterable[str]) -> Mark:
    """A mark that has a submission's own names of weights, except in what is quoted."""
    if not names:
        return found
    kept, own = ("|".join(map(re.escape, words)) for words in (quoted, names))
    pattern = re.compile(rf"{kept}|\b(d?)({own})\b" if kept else rf"\b(d?)({own})\b")

    def respelt(text: str) -> str:
        return pattern.sub(lambda m: m[1] + names[m[2]] if m[2] else m[0], text)

    return replace(
        found,
        right=tuple(map(respelt, found.right)),
        wrong=tuple(map(respelt, found.wrong)),
        lines=tuple(map(respelt, found.lines)),
        equation=respelt(found.equation),
        hint=respelt(found.hint),
    )
