"""Every submission gets the grade that it deserves, whatever it does."""

import json

import numpy as np
import pytest

from npstack.cli import main as cli
from npstack.core.errors import ArgumentError, DataError, DtypeError
from npstack.lessons import grade
from npstack.lessons.exercises import exercise
from npstack.lessons.solutions import solution
from npstack.lessons.source import read
from npstack.lessons.stages import COURSES
from npstack.lessons.submissions import grade_folder
from tests.full_runs import grading
from tests.lessons.judged import ALL, SECONDS, judged, put
from tests.lessons.submissions import LSTM, edited

SAMPLE = 4
NAMED = {one.name: one for one in ALL}


def functions_of(text):
    """The functions of a program that runs here."""
    space = {}
    exec(text, space)
    return space


def said(found):
    """A printed grade on one line."""
    return " ".join(str(found).split())


@pytest.mark.parametrize("number", range(SAMPLE))
def test_a_sample_is_graded_as_it_deserves(number, tmp_path):
    quick = [one for one in ALL if "endless" not in one.name]
    chosen = np.random.default_rng(4).permutation(len(quick))[number]
    ((one, found, wrong),) = judged(tmp_path, [quick[chosen]])
    assert not wrong, (one.name, wrong, str(found))


@pytest.mark.slow
def test_all_are_graded_as_they_deserve():
    before = grading.left_over()  # another test in this process may have some
    found = grading.figures(grading.run(), before)
    grading.require(found)


def test_one_that_ends_its_process_harms_no_other(tmp_path):
    names = ["ends_at_start", "kills_itself", "replaces_harmlessly", "right_gru"]
    before = grading.left_over()
    found = list(judged(tmp_path, [NAMED[name] for name in names]))
    assert [one.name for one, _, _ in found] == names
    assert not [wrong for _, _, wrong in found if wrong]
    assert np.tanh(0.5) < 0.5
    assert not grading.left_over() - before


@pytest.mark.parametrize("name", COURSES)
def test_functions_that_run_here_are_graded_like_a_file(name, tmp_path):
    right = grade(functions_of(solution(name)), exercise=name)
    assert right.passed
    assert right.points == right.most == 100
    path = tmp_path / "mine.py"
    path.write_text(exercise(name))
    assert not grade(path).passed
    assert grade(path).exercise == name


def test_a_mistake_in_a_step_costs_points_once():
    wrong = edited(LSTM, ("df = dc * c_before", "df = dc * c"))
    found = grade(functions_of(wrong), exercise="lstm")
    assert [mark.verdict for mark in found.marks] == ["right", "wrong", "right", "right", "right"]
    assert "equation (5), backward" in said(found)
    assert "own functions of earlier stages" in said(found)
    (mark,) = (own for own in found.marks if own.verdict == "wrong")
    assert mark.hint  # which does not give the line away
    assert "dc *" not in said(found)
    assert mark.mistakes[0].startswith("an LSTM whose equation (5)")  # for teachers, in JSON


def test_slow_functions_are_graded_without_an_equation(monkeypatch):
    monkeypatch.setattr("npstack.lessons.equations.PATIENCE", 0.0)
    wrong = edited(LSTM, ("df = dc * c_before", "df = dc * c"))
    found = grade(functions_of(wrong), exercise="lstm", stage="backward")
    assert found.points == 5
    assert "equation" not in said(found).partition("Hint:")[0]


def test_two_wrong_places_are_both_wrong():
    wrong = edited(
        LSTM,
        ("df = dc * c_before", "df = dc * c"),
        ("step_backward(dh + dhs[:, t], dc,", "step_backward(dhs[:, t], dc,"),
    )
    found = grade(functions_of(wrong), exercise="lstm")
    assert [mark.verdict for mark in found.marks][1:3] == ["wrong", "wrong"]


@pytest.mark.parametrize(
    ("text", "imports"),
    [
        ("import npstack.cells as c", {"": 1}),
        ("def f():\n    from npstack import LSTM", {"f": 2}),
        ("import importlib as i\ni.import_module('npstack.cells')", {"": 2}),
        ("exec('import npstack')", {"": 1}),
        ("import numpy\n# import npstack\ntext = 'import npstack'", {}),
        ("import npstacked", {}),
    ],
)
def test_imports_are_found_in_the_text(text, imports):
    assert read(text).imports == imports


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ((3,), DtypeError, "a file, or functions by name"),
        (({},), ArgumentError, "what the functions compute"),
        (("nowhere.py",), OSError, "nowhere.py"),
        ((".",), DataError, "a folder"),
    ],
)
def test_what_cannot_be_graded_is_refused(given, error, words):
    with pytest.raises(error, match=words):
        grade(*given)


def test_options_of_grade_are_checked():
    with pytest.raises(ArgumentError, match="Did you mean 'lstm'"):
        grade({}, exercise="lstms")
    with pytest.raises(ArgumentError, match="stage must come with exercise"):
        grade({}, stage="time")
    with pytest.raises(ArgumentError, match="stage must be one of"):
        grade({}, exercise="gru", stage="masks")
    with pytest.raises(ArgumentError, match="seconds must be above 0"):
        grade("mine.py", seconds=0)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Three submissions in a folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "all").mkdir()
    (tmp_path / "all/mine.txt").write_text(LSTM)
    put(tmp_path / "all", [NAMED[name] for name in ("right_gru", "hole_masks", "not_utf8")])
    return tmp_path


def test_a_batch_is_a_table_and_json(folder, capsys):
    words = ["grade", "--all", "all", "--json", "grades.json", "--seconds", str(SECONDS)]
    assert cli.main(words) == cli.FAILED
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == [
        *("submission", "exercise", "forward", "backward", "time", "masks", "stack", "points")
    ]
    assert [row.split()[-1] for row in rows] == ["84/100", "0/100", "100/100"]
    kept = json.loads((folder / "grades.json").read_text())
    assert [one["points"] for one in kept] == [84, 0, 100]
    assert kept[0]["stages"][3]["verdict"] == "not written yet"
    assert "UTF-8" in kept[1]["remarks"][0]
    assert cli.main(words) == cli.USAGE  # the file is there


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("grade all/right_gru.py", cli.OK, ""),
        ("grade all/hole_masks.py", cli.FAILED, ""),
        ("grade", cli.USAGE, "give FILE.py, or --all FOLDER, got neither"),
        ("grade all/right_gru.py --all all", cli.USAGE, "got both"),
        ("grade all/right_gru.py --overwrite", cli.USAGE, "--overwrite must go with --json"),
        ("grade all/right_gru.py --json no/such.json", cli.USAGE, "must exist"),
        ("grade all/right_gru.py --seconds 0", cli.USAGE, "above 0"),
        ("grade nowhere.py", cli.BAD_DATA, "nowhere.py"),
        ("grade all/mine.txt", cli.BAD_DATA, "must end in .py"),
        ("grade all", cli.BAD_DATA, "a folder"),
        ("grade all/not_utf8.py", cli.BAD_DATA, "must be UTF-8"),
        ("grade --all nowhere", cli.BAD_DATA, "there must be a folder"),
        ("grade --all .", cli.BAD_DATA, "must hold .py files"),
    ],
)
def test_exit_codes_of_grade(words, code, said, folder, capsys):
    try:
        found = cli.main(words.split())
    except SystemExit as left:
        found = left.code
    assert found == code
    shown = capsys.readouterr()
    assert said in shown.err
    assert bool(shown.err) == bool(said)


def test_a_fault_of_the_grader_ends_no_batch(folder, monkeypatch):
    def broken(*given):
        raise KeyError("inside")

    monkeypatch.setattr("npstack.lessons.submissions.marks_of", broken)
    found = list(grade_folder(folder / "all"))
    assert len(found) == 3
    assert "Please report it" in said(found[0])


def test_an_exception_is_shown_whatever_its_words_are():
    def step_forward(x, h, c, Wx, Wh, b):
        raise ValueError("this is not written yet")

    found = grade({"step_forward": step_forward}, exercise="lstm", stage="forward")
    assert found.marks[0].verdict == "wrong"
    assert "ValueError: this is not written yet" in said(found)


def test_weights_have_the_names_that_the_functions_give_them():
    functions = functions_of(solution("lstm"))
    forward = functions["step_forward"]

    def step_forward(x, h_before, c_before, W, U, b):
        return forward(x, h_before, c_before, W, U, b)

    def step_backward(dh, dc_next, cache):
        dx, dh_before, dc_before, dWx, dWh, db = functions["step_backward"](dh, dc_next, cache)
        return dx, dh_before, dc_before, 2 * dWx, dWh, db

    def mark(forward):
        pair = {"step_forward": forward, "step_backward": step_backward}
        return grade(pair, exercise="lstm", stage="backward").marks[0]

    own, usual = mark(step_forward), mark(forward)
    assert (own.wrong, usual.wrong) == (("dW",), ("dWx",))
    assert "dU" in own.right
    assert "dWh" in usual.right
    assert "dWx" not in " ".join(own.sentences)
    assert any("dW." in line for line in own.lines)


def test_what_is_quoted_keeps_the_names_that_it_has():
    text = "def step_forward(x, h, c, W, U, bias):\n    return x @ W + h @ U + b\n"
    found = said(grade(functions_of(text), exercise="lstm", stage="forward"))
    assert "name 'b' is not defined" in found
    assert "U (1, 4)" in found
    assert "bias (4,)" in found
    assert "Wh" not in found


def of_cells(*texts):
    """The functions of the cells of a notebook: each begins at line 1 of a file of its own."""
    space = {}
    for k, text in enumerate(texts):
        exec(compile(text, f"cell_{k}.py", "exec"), space)
    return space


def test_a_function_is_not_blamed_for_the_same_line_of_another_cell():
    step = "def step_forward(*given):\n    raise NotImplementedError"
    sequence = "def sequence_forward(*given):\n    return given[99]"
    found = grade(of_cells(step, sequence), exercise="lstm", stage="time")
    assert "IndexError: tuple index out of range (line 2 of cell_1.py)" in said(found)
    assert "needs step_forward" not in said(found)


def test_a_function_waits_for_one_in_another_cell_that_does_not_run():
    step = "def step_forward(*given):\n    raise NotImplementedError"
    sequence = (
        "def sequence_forward(x, h, c, *weights):\n"
        "    first = x[:, 0]\n"
        "    return step_forward(first, h, c, *weights)"
    )
    (mark,) = grade(of_cells(step, sequence), exercise="lstm", stage="time").marks
    assert mark.verdict == "cannot be tried yet"
    assert mark.lines[0].startswith("sequence_forward cannot be tried: it needs step_forward")
