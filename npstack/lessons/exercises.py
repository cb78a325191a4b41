"""Exercise files: a cell to write, stage by stage; or a complete file with a mistake to find."""

from __future__ import annotations

import re
from typing import NamedTuple

from npstack.core.arguments import check_option, check_whole
from npstack.core.errors import ArgumentError, DtypeError, describe, fail
from npstack.lessons.bugs import bug
from npstack.lessons.solutions import parts_of, solved, with_holes
from npstack.lessons.stages import COURSES

BUG = "bug"
EXERCISES = (*COURSES, BUG)
TO_WRITE, TO_FIND = "Write what is missing.", "One line of this file is wrong: find it."
HEAD = re.compile(
    r"# npstack exercise (?:(\w+)(?: --stage (\w+))?|bug --seed (\d{1,40}))\s*$", re.M
)
HEAD_LINES = 5  # among which the head may be: people put their names above


class Exercise(NamedTuple):
    """What an exercise file is for: the name of a course, and its only stage or its seed."""

    course: str
    stage: str | None = None
    seed: int | None = None

    def __str__(self) -> str:
        if self.seed is not None:
            return f"{BUG} --seed {self.seed}"
        return self.course if self.stage is None else f"{self.course} --stage {self.stage}"


def exercise(
    name: str, *, stage: str | None = None, seed: int | None = None, file: str = "FILE"
) -> str:
    """The text of an exercise file.

    Parameters
    ----------
    name : {"lstm", "gru", "bug"}
        A cell to write, stage by stage; or a complete file with one mistake to find.
    stage : str, optional
        Only this stage is to be written: those before it are there, those behind it are left out.
        By default, all are to be written.
    seed : int, optional
        Of ``"bug"``, 0 by default: every seed gives another mistake, as long as there are more.
    file : str
        The name of the file, for its head.

    Examples
    --------
    >>> text = exercise("lstm", stage="time", file="lstm.py")
    >>> print("\\n".join(text.splitlines()[:2]))
    # npstack exercise lstm --stage time
    # Write what is missing. To grade it: npstack grade lstm.py
    >>> text.count("raise NotImplementedError")
    2
    """
    where = "exercise"
    name = check_option(where, "name", name, EXERCISES)
    if not isinstance(file, str):
        advice = 'For example file="lstm.py".'
        fail(DtypeError, where, "file must be a name", describe(file), advice)
    if name == BUG:
        if stage is not None:
            expected = "only a cell may have a stage"
            fail(ArgumentError, where, expected, f"stage={stage!r} with 'bug'", "Leave it out.")
        advice = "Use a whole number, for example seed=3."
        seed = 0 if seed is None else check_whole(where, "seed", seed, advice)
        found = bug(seed)
        return _head(Exercise(found.course, seed=seed), TO_FIND, file) + found.text
    if seed is not None:
        expected = "only 'bug' may have a seed"
        fail(ArgumentError, where, expected, f"seed={seed!r} with {name!r}", "Leave it out.")
    first, *parts = parts_of(name)
    if stage is None:
        return _head(Exercise(name), TO_WRITE, file) + first + "".join(map(with_holes, parts))
    stage = check_option(where, "stage", stage, COURSES[name].stages)
    last = list(COURSES[name].stages).index(stage)
    text = first + "".join(map(solved, parts[:last])) + with_holes(parts[last])
    return _head(Exercise(name, stage), TO_WRITE, file) + text.rstrip() + "\n"


def exercise_of(text: str) -> Exercise:
    """What a file is for: what its head says; without a head, what the names in it say.

    Examples
    --------
    >>> exercise_of(exercise("gru", stage="time"))
    Exercise(course='gru', stage='time', seed=None)
    """
    top = "\n".join(text.splitlines()[:HEAD_LINES])
    for found in HEAD.finditer(top):
        course, stage, seed = found.groups()
        if seed is not None:
            return Exercise(bug(int(seed)).course, seed=int(seed))
        if course in COURSES and (stage is None or stage in COURSES[course].stages):
            return Exercise(course, stage)
    return Exercise("gru" if "b_recurrent" in text else "lstm")


def _head(own: Exercise, task: str, file: str) -> str:
    """The first two lines."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in file)
    return f"# npstack exercise {own}\n# {task} To grade it: npstack grade {shown}\n"
