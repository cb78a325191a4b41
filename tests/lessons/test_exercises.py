"""Exercises are cut from right solutions; files with a mistake come from the catalogue."""

import ast

import numpy as np
import pytest

from npstack.cli import main as cli
from npstack.cli.commands import exercise as command
from npstack.core.errors import ArgumentError
from npstack.lessons import grade
from npstack.lessons.bugs import bug, bugs
from npstack.lessons.exercises import EXERCISES, Exercise, exercise, exercise_of
from npstack.lessons.marking import Trial
from npstack.lessons.solutions import parts_of, solution
from npstack.lessons.stages import COURSES

STAGES = [(course.name, stage) for course in COURSES.values() for stage in course.stages]
SAMPLE = 8


def space_of(text):
    """What a program defines."""
    space = {}
    exec(text, space)
    return space


def code_of(text, function):
    """A function of a program as source, without comments."""
    (found,) = (n for n in ast.parse(text).body if getattr(n, "name", "") == function)
    return ast.unparse(found)


def imported(text):
    """The modules that a program imports."""
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import)]
    assert not [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.ImportFrom)]
    return {alias.name for node in nodes for alias in node.names}


@pytest.mark.parametrize("name", COURSES)
def test_an_exercise_runs_and_every_hole_says_so(name):
    text = exercise(name)
    space = space_of(text)
    wanted = {own for stage in COURSES[name].stages.values() for own in stage.counted}
    assert wanted == {own for own in space if own.endswith(("_forward", "_backward"))}
    assert text.count("raise NotImplementedError") == len(wanted)
    for own in wanted:
        assert f'NotImplementedError("{own} is not written yet.")' in text
    with pytest.raises(NotImplementedError, match="step_forward is not written yet"):
        space["step_forward"](*[np.ones((1, 1))] * 6)
    assert imported(text) == {"numpy"}
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize(("name", "stage"), STAGES)
def test_a_stage_comes_with_what_it_needs(name, stage):
    text, whole = exercise(name, stage=stage), solution(name)
    course = COURSES[name]
    names = list(course.stages)
    before = [own for s in names[: names.index(stage)] for own in course.stages[s].counted]
    assert all(code_of(text, own) == code_of(whole, own) for own in before)
    found = [n.name for n in ast.parse(text).body if isinstance(n, ast.FunctionDef)]
    assert found[-1] == course.stages[stage].counted[-1]
    assert exercise_of(text) == Exercise(name, stage)
    marks = grade(space_of(text), exercise=name).marks
    assert [m.verdict == "right" for m in marks] == [
        s in names[: names.index(stage)] for s in names
    ]


@pytest.mark.parametrize("name", COURSES)
def test_a_solution_is_marked_like_its_course(name):
    first, *parts = parts_of(name)
    assert "HOLE" not in first
    assert [part.split()[3].rstrip(":") for part in parts] == list(COURSES[name].stages)
    assert all(part.count("# HOLE ") == part.count("# END\n") >= 1 for part in parts)
    assert "HOLE" not in solution(name)
    assert "HOLE" not in exercise(name)


@pytest.mark.parametrize("name", COURSES)
def test_the_points_of_a_course_are_a_hundred(name):
    assert sum(stage.points for stage in COURSES[name].stages.values()) == 100


def test_every_seed_gives_another_mistake():
    count = len(bugs())
    assert count >= 150
    assert len({bug(seed).text for seed in range(count)}) == count
    assert bug(count) == bug(0)
    assert {bug(seed).course for seed in range(8)} == set(COURSES)
    assert {bug(seed).mistake.is_forward for seed in range(20)} == {True, False}


def test_a_mistake_changes_one_place():
    for one in bugs():
        right, wrong = (t.splitlines() for t in (solution(one.course), one.text))
        changed = [
            k for k, pair in enumerate(zip(right, wrong, strict=False)) if pair[0] != pair[1]
        ]
        assert len(right) == len(wrong)
        assert len(changed) == 1, one.mistake


def is_noticed(one):
    """Whether the stage of a mistake has a wrong number."""
    course, way = COURSES[one.course], "forward" if one.mistake.is_forward else "backward"
    trial = Trial(course, course.stages[way], space_of(one.text))
    return bool(trial.wrong_in(f"step_{way}"))


@pytest.mark.parametrize("number", range(SAMPLE))
def test_a_mistake_is_noticed_where_it_is(number):
    assert is_noticed(bug(number))


@pytest.mark.slow
def test_every_mistake_is_noticed_where_it_is():
    assert not [one.mistake for one in bugs() if not is_noticed(one)]


def test_what_a_file_is_for_is_in_its_head_or_in_its_names():
    assert exercise_of("# by Ada\n" + exercise("bug", seed=5)).seed == 5
    assert exercise_of(exercise("gru")) == Exercise("gru")
    assert exercise_of(solution("gru")) == Exercise("gru")
    assert exercise_of(solution("lstm")) == Exercise("lstm")
    assert exercise_of("# npstack exercise gru --stage masks\n") == Exercise("lstm")
    assert exercise_of("\n" * 9 + exercise("gru")) == Exercise("gru")


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("lstms", {}, "Did you mean 'lstm'"),
        ("lstm", {"stage": "tim"}, "Did you mean 'time'"),
        ("lstm", {"seed": 3}, "only 'bug' may have a seed"),
        ("bug", {"stage": "time"}, "only a cell may have a stage"),
        ("bug", {"seed": -1}, "seed must be a whole number"),
    ],
)
def test_wrong_exercises_are_refused(name, options, words):
    with pytest.raises(ArgumentError, match=words):
        exercise(name, **options)


def test_small_numpy_integers_are_seeds():
    assert exercise("bug", seed=np.int8(100)) == exercise("bug", seed=100)


# ---- the command -------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def typed(words):
    """The exit code of a command."""
    try:
        return cli.main(words.split())
    except SystemExit as left:
        return left.code


def test_the_options_are_those_of_the_lessons():
    assert command.NAMES == EXERCISES
    assert set(command.STAGES) == {stage for _, stage in STAGES}


@pytest.mark.parametrize(
    ("words", "file", "head"),
    [
        ("lstm", "lstm.py", "# npstack exercise lstm"),
        ("gru mine.py --stage time", "mine.py", "# npstack exercise gru --stage time"),
        ("bug --seed 3", "bug_3.py", "# npstack exercise bug --seed 3"),
        ("bug .", "bug_0.py", "# npstack exercise bug --seed 0"),
    ],
)
def test_a_file_is_written_once(words, file, head, folder, capsys):
    assert typed(f"exercise {words}") == cli.OK
    assert f"npstack grade {file}" in capsys.readouterr().out
    text = (folder / file).read_text()
    assert text.splitlines()[0] == head
    assert text.splitlines()[1].endswith(f"npstack grade {file}")
    assert [path.name for path in folder.iterdir()] == [file]
    (folder / file).write_text("my answer")
    assert typed(f"exercise {words}") == cli.USAGE
    assert "which exists" in capsys.readouterr().err
    assert (folder / file).read_text() == "my answer"
    assert typed(f"exercise {words} --overwrite") == cli.OK
    assert (folder / file).read_text() == text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "required: {lstm,gru,bug}"),
        ("rnn", "lstm"),
        ("lstm --seed 1", "--seed must go with bug"),
        ("bug --stage time", "--stage must go with a cell"),
        ("gru --stage masks", "--stage of gru must be forward, backward, time"),
        ("lstm mine.txt", "ends in .py"),
        ("lstm no/mine.py", "must exist"),
        ("bug --seed -1", "whole number"),
    ],
)
def test_wrong_calls_write_nothing(words, said, folder, capsys):
    assert typed(f"exercise {words}") == cli.USAGE
    assert said in capsys.readouterr().err
    assert not list(folder.iterdir())
