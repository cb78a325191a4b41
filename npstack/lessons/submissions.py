"""Files that somebody submits: each runs in a process of its own, and returns arrays.

What is right stays in this process. The limits protect from accidents: a file that never ends,
takes all the memory or prints without end. They are not a sandbox against malice.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from npstack.core.arguments import check_positive
from npstack.core.errors import CodeError, DataError, NpstackError, fail
from npstack.files.paths import check_path, of_file, open_file
from npstack.lessons.exercises import Exercise, exercise_of
from npstack.lessons.grading import FIND, OF_BUG, marks_of
from npstack.lessons.sheet import WAITS, Grade, Mark
from npstack.lessons.source import Source, read
from npstack.lessons.stages import COURSES, Stage
from npstack.verify.other_code.program import Limits, Program

MOST_BYTES = 1_000_000
IMPORTED = "It imports npstack{where}. Exercises are written with NumPy alone."


def grade_folder(
    folder: str | Path, own: Exercise | None = None, *, seconds: float = 10.0
) -> Iterator[Grade]:
    """Grade every Python file of a folder, by name; one that cannot be read gets no points."""
    where = of_file("grade", folder)
    place = check_path(where, folder)
    if not place.is_dir():
        got = "a file" if place.exists() else "nothing of this name"
        fail(DataError, where, "there must be a folder", got, "Is the name right?")
    paths = sorted(path for path in place.iterdir() if path.suffix == ".py")
    if not paths:
        fail(DataError, where, "the folder must hold .py files", "none", "Is it the right one?")
    for path in paths:
        try:
            yield grade_file(path, own, seconds=seconds)
        except (NpstackError, OSError) as error:
            yield _ungraded(path.name, own or Exercise("lstm"), str(error))
        except Exception as error:  # the other submissions are graded nevertheless
            reason = f"The grader has a fault: {type(error).__name__}: {error}. Please report it."
            yield _ungraded(path.name, own or Exercise("lstm"), reason)


def grade_file(
    path: str | os.PathLike[str], own: Exercise | None = None, *, seconds: float = 10.0
) -> Grade:
    """Grade a file."""
    where = of_file("grade", path)
    seconds = check_positive(where, "seconds", seconds, "Use seconds=10.")
    text = _text(where, path)
    own = exercise_of(text) if own is None else own
    source = read(text)
    name = Path(path).name
    if source.error:
        return _ungraded(name, own, f"It is not Python: {source.error}.")
    try:
        program = Program(Path(path), Limits(seconds))
    except CodeError as error:
        return _ungraded(name, own, str(error))
    with program:
        marks = marks_of(own, program.functions, lambda stage: _forbidden(stage, source, program))
        return Grade(name, str(own), tuple(marks), _remarks(program))


def _text(where: str, path: object) -> str:
    """The text of a file."""
    with open_file(where, path, MOST_BYTES, "Is it the right file?") as file:
        content = file.read()
    if Path(str(path)).suffix != ".py":
        expected = "the name must end in .py"
        fail(DataError, where, expected, repr(Path(str(path)).name), "Is it the right file?")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        got = f"the byte {content[error.start]:#04x} at {error.start}"
        fail(DataError, where, "the file must be UTF-8 text", got, "Save it as UTF-8.")


def _ungraded(name: str, own: Exercise, reason: str) -> Grade:
    """The grade of a file of which no function can be called."""
    if own.seed is not None:
        return Grade(name, str(own), (Mark("bug", FIND, 0, OF_BUG, WAITS),), (reason,))
    stages = COURSES[own.course].stages.values()
    chosen = [stage for stage in stages if own.stage in (None, stage.name)]
    marks = (Mark(stage.name, stage.title, 0, stage.points, WAITS) for stage in chosen)
    return Grade(name, str(own), tuple(marks), (reason,))


def _forbidden(stage: Stage, source: Source, program: Program) -> str:
    """Why a stage does not count: npstack is imported in it, or was before."""
    for function, line in source.imports.items():
        if function in stage.counted or not _of_a_stage(function):
            return IMPORTED.format(where=f" (line {line})")
    return IMPORTED.format(where="") if program.imports_npstack else ""


def _of_a_stage(function: str) -> bool:
    """Whether a function is one that an exercise asks for."""
    return any(function in s.counted for course in COURSES.values() for s in course.stages.values())


def _remarks(program: Program) -> tuple[str, ...]:
    """What else is to be said about a file."""
    if not program.replaced:
        return ()
    names = ", ".join(program.replaced)
    return (f"It replaces functions of NumPy ({names}): its results are graded as they are.",)
