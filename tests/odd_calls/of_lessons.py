"""Exercises and the grader."""

from npstack import lessons
from npstack.lessons.solutions import solution
from tests.odd_calls.calls import Call


def functions():
    space = {}
    exec(solution("lstm"), space)
    return space


def graded(exercise, stage):
    return lessons.grade(functions(), exercise=exercise, stage=stage)


CALLS = {
    "exercise": Call(
        lessons.exercise,
        lambda: {"name": "bug", "seed": 100, "file": "bug.py"},
        {"name": "word", "seed": "index or None", "file": "text"},
    ),
    "exercise, a stage": Call(
        lessons.exercise,
        lambda: {"name": "gru", "stage": "time"},
        {"name": "word", "stage": "word or None"},
    ),
    "check": Call(
        lessons.check,
        lambda: {"number": "1.4", "answer": 180},
        {"number": "word"},
    ),
    "grade": Call(
        graded,
        lambda: {"exercise": "lstm", "stage": "forward"},
        {"exercise": "word", "stage": "word or None"},
    ),
}
