"""The exercises of the notebooks: right answers pass, wrong ones get words that help."""

import re
from pathlib import Path

import numpy as np
import pytest

from npstack import ArgumentError
from npstack.lessons import check
from npstack.lessons.checking import Task, verdict
from npstack.lessons.tasks import TASKS

FOLDER = Path(__file__).parents[2] / "notebooks"
CODE = re.compile(r"^```python.*?\n(.*?)^```$", re.M | re.S)
NOTEBOOKS = sorted(FOLDER.glob("[0-9]*.md"))
WRONG = [(number, words) for number, task in TASKS.items() for words in task.mistakes]


def answer(task, wanted):
    return wanted if task.draw else wanted()


@pytest.mark.parametrize("number", TASKS)
def test_the_right_answer_is_right(number):
    found = check(number, answer(TASKS[number], TASKS[number].right))
    assert found, found
    assert str(found) == f"{number}: right."


@pytest.mark.parametrize(("number", "words"), WRONG)
def test_a_known_mistake_is_named(number, words):
    task = TASKS[number]
    found = check(number, answer(task, task.mistakes[words]))
    assert not found
    assert found.lines[0] == words


@pytest.mark.parametrize("number", TASKS)
def test_an_exercise_is_whole(number):
    task = TASKS[number]
    assert task.hint
    assert task.asks
    assert len(task.mistakes) >= 3
    for nothing in (None, ...):
        assert task.asks in str(check(number, nothing))


@pytest.mark.parametrize("number", TASKS)
def test_words_do_not_give_a_number_away(number):
    task = TASKS[number]
    right = None if task.draw else task.right()
    if isinstance(right, float):
        for text in (task.hint, *task.mistakes):
            numbers = re.findall(r"-?\d+\.\d+", text)
            assert not any(float(n) == pytest.approx(right, rel=0.02) for n in numbers), text


def test_there_are_enough():
    assert len(TASKS) >= 30


def test_an_unknown_number_is_refused():
    with pytest.raises(ArgumentError, match=r"number must be"):
        check("99.1", 3)
    with pytest.raises(ArgumentError, match="must be a string"):
        check(1.1, 3)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (np.array([[-1.0, 2, -3], [-4, -5, -6.5]]), "sign"),
        (2 * np.array([[1.0, -2, 3], [4, 5, 6.5]]), "2 times"),
        (np.array([[1.0, -2, 3], [4, 5, 6.5]]).T, "transposed"),
        (np.array([[1.0, -2, 3], [4, 5, 6.6]]), "off by"),
        (np.array([[1.0, -2, 3], [4, 5, 9]]), "1 of 6 numbers"),
        (np.array([[1.0, -2, np.nan], [4, 5, 6.5]]), "NaN"),
        (np.ones(3), r"shape \(2, 3\)"),
        ("six", "array"),
        (len, "not a function"),
        ([[1, 2], [3]], "array"),
    ],
)
def test_other_wrong_arrays_get_words(given, words):
    task = Task("0.1", "numbers", lambda: np.array([[1.0, -2, 3], [4, 5, 6.5]]))
    found = verdict(task, given)
    assert not found
    assert re.search(words, str(found)), found


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x: (x, x), "b: It is|b is wrong|b: "),
        (lambda x: (2 * x, 2 * x), "a: All numbers are 2 times"),
        (lambda x: x, "should return a, b"),
        (lambda x: 1 / 0, "ZeroDivisionError"),
        (lambda: 3, "TypeError"),
        (3, "without brackets"),
    ],
)
def test_wrong_functions_get_words(function, words):
    task = Task(
        "0.2",
        "a function",
        lambda x: (x, 2 * x),
        draw=lambda rng: (rng.standard_normal((2, 3)),),
        results=("a", "b"),
    )
    found = verdict(task, function)
    assert not found
    assert re.search(words, str(found)), found


def test_a_function_that_is_not_written_says_so():
    def empty(x):
        raise NotImplementedError

    task = Task("0.3", "a function", np.sin, draw=lambda rng: (rng.standard_normal(3),))
    assert "not written yet" in str(verdict(task, empty))


def test_a_function_cannot_change_its_arguments_for_the_next():
    def zeroes(x):
        x[...] = 0
        return x

    task = Task("0.4", "zeros", np.zeros_like, draw=lambda rng: (rng.standard_normal(3),))
    assert verdict(task, zeroes)
    assert not verdict(task, np.sin)


@pytest.mark.parametrize("source", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_asks_its_exercises_and_the_solutions_solve_them(source):
    first = str(int(source.stem[:2])) + "."
    own = [number for number in TASKS if number.startswith(first)]
    pattern = re.compile(r'check\("([\d.]+)"')
    solution = (FOLDER / "solutions" / source.name).read_text(encoding="utf-8")
    assert sorted(set(pattern.findall(source.read_text(encoding="utf-8")))) == sorted(own)
    assert sorted(set(pattern.findall(solution))) == sorted(own)
    space = {}
    for code in CODE.findall(solution):
        exec(code, space)
