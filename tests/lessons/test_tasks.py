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
FUNCTIONS = [number for number, task in TASKS.items() if task.draw]
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
        (
            lambda x: (x, x),
            r"^0\.2: not yet\. b: All numbers are 0\.5 times the right ones\. Right: a\.$",
        ),
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
        "a function f(x)",
        lambda x: (x, 2 * x),
        draw=lambda rng: (rng.standard_normal((2, 3)),),
        results=("a", "b"),
    )
    found = verdict(task, function)
    assert not found
    assert re.search(words, str(found)), found


@pytest.mark.parametrize("number", FUNCTIONS)
def test_a_function_that_is_not_written_gets_what_is_asked_and_no_hint(number):
    def empty(*given):
        raise NotImplementedError

    found = check(number, empty)
    assert found.lines == ("It is not written yet.", f"Asked is: {TASKS[number].asks}.")


@pytest.mark.parametrize("number", FUNCTIONS)
def test_a_function_that_stops_is_told_its_line_and_its_arguments(number):
    def stops(*given):
        return given[99]

    first = check(number, stops).lines[0]
    assert first.startswith("It stops with IndexError: tuple index out of range in line ")
    assert f"line {stops.__code__.co_firstlineno + 1}, `return given[99]`. " in first
    assert len(TASKS[number].arguments) == len(TASKS[number].draw(np.random.default_rng(0)))
    assert all(name in first for name in TASKS[number].arguments)


@pytest.mark.parametrize("number", FUNCTIONS)
def test_a_function_that_returns_nothing_is_asked_for_its_return(number):
    assert check(number, lambda *given: None).lines == ("It returns None: is `return` missing?",)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (
            "3.8",
            r"dhs of shape \(\d, \d, \d\), caches \(a tuple of \d tuples of 11 arrays\), step_",
        ),
        (
            "3.10",
            r"caches \(a tuple of 2 lists of \d tuples of 11 arrays\), sequence_backward \(a f",
        ),
        ("5.5", r"The arguments were D = \d+, sizes = \(\d+, [\d, ]+\)\."),
        ("5.6", r"layers \(a tuple of 3 tuples of 3 arrays\)"),
    ],
)
def test_arguments_are_described_as_they_are(number, words):
    assert re.search(words, check(number, lambda *given: given[99]).lines[0])


def test_too_few_arguments_are_counted():
    assert "takes 1 positional argument but 3 were given" in check("3.1", lambda dh: dh).lines[0]


def test_one_result_that_is_none_is_not_called_nan():
    right = TASKS["3.8"].right
    found = check("3.8", lambda *given: (*right(*given)[:5], None))
    assert found.lines[0].startswith("db: Expected is an array of shape")
    assert found.lines[0].endswith("got None.")


def test_a_function_cannot_change_its_arguments_for_the_next():
    def zeroes(x):
        x[...] = 0
        return x

    task = Task("0.4", "a function f(x)", np.zeros_like, draw=lambda rng: (rng.standard_normal(3),))
    assert verdict(task, zeroes)
    assert not verdict(task, np.sin)


# ---- what is said of some kinds of answers -----------------------------------------------------


def changed(block, factor):
    """3.5 with one block of da multiplied."""

    def made(*given):
        parts = np.split(TASKS["3.5"].right(*given), 4, axis=1)
        parts[block] = factor * parts[block]
        return np.concatenate(parts, axis=1)

    return made


def test_the_wrong_block_of_gates_is_named():
    assert check("3.5", changed(1, 2)).lines[0] == "da: The block of the forget gate is wrong."
    assert check("3.5", changed(2, 0)).lines[0] == "da: The block of the candidate is wrong."

    def two(*given):
        H = given[0].shape[1]
        return np.hstack([changed(0, 2)(*given)[:, :H], changed(3, 2)(*given)[:, H:]])

    words = "da: The blocks of the input gate and the output gate are wrong."
    assert check("3.5", two).lines[0] == words

    def turned(*given):
        return np.concatenate(np.split(TASKS["3.5"].right(*given), 4, axis=1)[::-1], axis=1)

    assert "their order is not: i, f, g, o" in check("3.5", turned).lines[0]


def test_right_results_in_another_order_are_called_so():
    right = TASKS["3.8"].right
    words = "The results are right, their order is not: dx, dh0, dc0, dW, dU, db."
    assert check("3.8", lambda *given: right(*given)[::-1]).lines[0] == words


def test_one_number_is_wrong_and_two_numbers_are():
    task = Task("0.5", "a pair", lambda: (3, 5, 7))
    assert verdict(task, (3, 5, 8)).lines == ("1 of 3 numbers is wrong.",)
    assert verdict(task, (3, 6, 8)).lines == ("2 of 3 numbers are wrong.",)
    assert verdict(task, (5, 3, 7)).lines == ("The numbers are right, their order is not.",)


class Raises:
    """An object that NumPy cannot take."""

    def __array__(self, *given, **options):
        raise RuntimeError("no array")


@pytest.mark.parametrize(
    "answer",
    [10**400, [10**400], Raises(), 180 + 0j, "180", b"180", ["180"], np.array([b"180"], object)],
    ids=lambda answer: type(answer).__name__,
)
def test_what_is_no_number_is_called_so(answer):
    assert check("1.4", 180)
    assert check("1.4", answer).lines[0].startswith("Expected is a number, got ")


@pytest.mark.parametrize("factor", [1e200, 1e-200, 1e308])
def test_a_factor_is_finite_and_needs_no_warning(factor):
    task = Task("0.6", "numbers", lambda: np.array([2.0, 5.0, 6.5]) * 1e-3)
    found = verdict(task, factor * task.right())
    assert not found
    assert found.lines == (f"All numbers are {factor:.4g} times the right ones.",)
    large = Task("0.7", "numbers", lambda: np.array([1e200, 2e200]))
    assert verdict(large, 2 * large.right()).lines == ()


@pytest.mark.parametrize("answer", ["vanishes", "vanish", "It vanishes."])
def test_a_word_may_have_another_form(answer):
    assert check("6.4", answer)


@pytest.mark.parametrize("answer", ["bd", "b, d", "d b", "B and D", "b;d"])
def test_letters_may_be_in_any_order_and_separated(answer):
    assert check("5.3", answer)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("d", "What is there is right. 1 more must be added."),
        ("be", "1 of the 2 letters is right."),
        ("bcde", "2 of the 4 letters are right."),
        ("ae", "0 of the 2 letters are right."),
        ("e", "This letter is wrong."),
    ],
)
def test_letters_that_are_right_are_counted(answer, words):
    assert check("5.3", answer).lines[0] == words


@pytest.mark.parametrize("number", ["2.6", "3.8", "3.10", "5.6"])
def test_a_wrong_function_is_tried_on_a_simpler_case(number):
    task = TASKS[number]
    words, simpler = task.simpler

    def small(given):
        return all(str(a) == str(b) for a, b in zip(given, simpler(*given), strict=True))

    def doubled(*given):
        found = task.right(*given)
        return tuple(2 * a for a in found) if isinstance(found, tuple) else 2 * found

    def right_if_simple(*given):
        return (task.right if small(given) else doubled)(*given)

    assert f"{words}, it is already wrong." in check(number, doubled).lines
    assert f"{words}, it is right." in check(number, right_if_simple).lines


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
