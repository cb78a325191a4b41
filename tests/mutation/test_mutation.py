"""The power of the tests: the committed table of mutants is whole, and a slice runs again."""

import ast
import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.mutation import census, mistakes, report, verdicts
from tests.mutation.accidents import ACCIDENTS, Accident, CannotHappen
from tests.mutation.digests import digests
from tests.mutation.operators import PACKAGE

ROOT = Path(__file__).parents[2]


def edits_of(source, alike=None):
    return list(mistakes.edits("piece.py", alike or {}, ast.parse(textwrap.dedent(source))))


def mutants_of(source, alike=None):
    """Every mutant of a piece of source, as operator and text."""
    found = set()
    for edit in edits_of(source, alike):
        with edit.applied() as tree:
            compile(tree, "piece.py", "exec")
            found.add((edit.operator, ast.unparse(tree)))
    return found


# ---- the mistakes ------------------------------------------------------------------------------


def test_every_mutant_of_a_line():
    found = mutants_of("def f(a, b):\n    return a * b\n")
    bodies = {(operator, text.splitlines()[-1].strip()) for operator, text in found}
    assert bodies == {
        *(("arithmetic", f"return a {sign} b") for sign in "+-/@"),
        ("arithmetic", "return a"),
        ("arithmetic", "return b"),
        ("sign", "return -(a * b)"),
        ("result", "return 0"),
        ("result", "return 1"),
        ("statement", "pass"),
    }


def test_names_that_look_alike_are_swapped():
    alike = {"f": {"a": ["b"], "b": ["a"]}}
    found = mutants_of("def f(a, b):\n    return a\n", alike)
    assert ("name", "def f(a, b):\n    return b") in found


def test_slices_keys_and_conditions():
    source = """
    def f(x, t):
        if t > 0 and x:
            return x[:, t]["W"]
    """
    texts = {text for _, text in mutants_of(source)}
    for part in ("x[:, t - 1]", "x[1:, t]", "x[::-1, t]", "x[t,]", '["U"]', "t >= 0", "t > 1"):
        assert any(part.replace('"', "'") in text for text in texts), part
    assert any("t > 0 or x" in text for text in texts)
    assert any("if not (t > 0 and x)" in text for text in texts)


def test_what_is_not_executed_is_not_mutated():
    source = '''
    """Text 1."""
    from typing import Any
    Alias = dict[str, int]
    def f(a: int = None) -> list[0]:
        """Text 2."""
    '''
    assert {operator for operator, _ in mutants_of(source)} == {"statement"}


def test_an_edit_is_taken_back():
    (edit, *_) = edits_of("a = 1\n")
    before = ast.unparse(edit.tree)
    with edit.applied() as tree:
        assert ast.unparse(tree) != before
    assert ast.unparse(edit.tree) == before


@pytest.mark.parametrize("accident", ACCIDENTS, ids=lambda accident: accident.name)
def test_every_accident_can_happen_to_the_code_as_it_is(accident):
    with accident.applied() as tree:
        assert ast.unparse(tree) != ast.unparse(
            ast.parse((PACKAGE / accident.file).read_text(encoding="utf-8"))
        )


def test_an_accident_that_cannot_happen_says_what_to_do():
    lost = Accident("lost", "core/params.py", "no such text", "")
    with pytest.raises(CannotHappen, match=r"(?s)stands 0 times in npstack/core/params.py.*`old`"):
        lost.sources()


# ---- what a function is ------------------------------------------------------------------------

PIECE = """
class A:
    n: int = 1
    def f(self, a, b):
        c = a + b
        return c
    @property
    def g(self): return 1
    @g.setter
    def g(self, value): pass
def h(): return 2
"""
THE_SAME = '''
from x import y
def h() -> int:
    """Text."""
    return 2
class A:
    """Text."""
    n: float = 1
    @property
    def g(self) -> int: return (
        1)
    @g.setter
    def g(self, value: int): pass
    def f(self, a: int, b: int) -> int:
        c: int = (a +  # a remark
            b)
        return c
'''
OTHERS = (
    *(("a + b", "a - b", "A.f"), ("a, b", "a, b=1", "A.f"), ("value)", "value=1)", "A.g")),
    *(("n: int", "m: int", "A"), ("class A", "class A(B)", "A"), ("= 1", "= 2", "A")),
    *(("@property", "@other", "A.g"), ("return 2", "return 3", "h")),
)


def test_moved_told_and_laid_out_otherwise_it_is_the_same_function():
    assert digests(ast.parse(PIECE)) == digests(ast.parse(THE_SAME))
    keys = [sorted(f"{e.site.unit} {e.text}" for e in edits_of(text)) for text in (PIECE, THE_SAME)]
    assert keys[0] == keys[1]


@pytest.mark.parametrize(("old", "new", "where"), OTHERS, ids=[new for _, new, _ in OTHERS])
def test_one_function_changed_is_one_digest_changed(old, new, where):
    before, after = (digests(ast.parse(text)) for text in (PIECE, PIECE.replace(old, new, 1)))
    assert {unit for unit in before if before[unit] != after.get(unit)} == {where}


def test_verdicts_follow_a_function_into_another_module():
    known = {
        "f": verdicts.Entry("1", 1),
        "old:g": verdicts.Entry("2", 2),
        "k": verdicts.Entry("3", 3),
        "old:<module>": verdicts.Entry("4", 4),
    }
    digest = {
        ("new.py", "f"): "1",
        ("new.py", "g"): "2",
        ("new.py", "k"): "changed",
        ("new.py", "<module>"): "4",
        ("other.py", "f"): "other",
    }
    called = census.names(list(digest))
    assert called["new.py", "f"] == "new:f"
    assert called["new.py", "g"] == "g"
    found = {path: e.mutants for (_, path), e in census.matched(called, digest, known).items()}
    assert found == {"f": 1, "g": 2, "<module>": 4}


def test_a_test_that_noticed_must_stand():
    here = "tests/mutation/test_mutation.py"
    assert verdicts.test_of(f"{here}::test_x[1-2]") == f"{here}::test_x"
    assert verdicts.test_of("it does not come to an end") is None
    name = test_a_test_that_noticed_must_stand.__name__
    assert verdicts.stands(f"{here}::{name}")
    assert verdicts.stands(f"tests/moved/test_mutation.py::{name}")
    assert not verdicts.stands(f"{here}::test_that_is_gone")
    assert not verdicts.stands(f"tests/test_gone.py::{name}")


# ---- the table ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def table():
    return verdicts.read()


@pytest.fixture(scope="module")
def same(table):
    """Functions and mutants as they are now, and the entries of those that are as judged."""
    return census.enumerated(verdicts.entries(table), {})


def test_numbers_of_the_table_add_up(table):
    rows = [*verdicts.entries(table).values(), *verdicts.entries(table, "accidents").values()]
    assert table["judged"] == sum(entry.mutants for entry in rows)
    assert table["await judgement"] == sum(table["awaiting"].values())
    assert table["mutants"] == table["judged"] + table["await judgement"]
    carried = sum(entry.mutants for entry in rows if entry.noticed is None)
    assert table["of these carried over"] == carried
    assert not table["awaiting"].keys() & table["functions"].keys()
    for end in verdicts.FATES:
        assert table["fates"][end] == sum(entry.counts()[end] for entry in rows)
    for end in report.COLUMNS:
        found = sum(row[end] for row in table["by operator"].values())
        assert found == {**table, **table["fates"]}[end]


def test_nothing_survives_without_a_reason(table):
    why = verdicts.reasons()
    assert table["fates"]["survived"] == 0
    for unit, row in table["functions"].items():
        for text, reason in row.get("identity", {}).items():
            assert why.get(f"{unit} | {text}") == reason
    assert all(len(reason) > 20 for reason in why.values())


@pytest.mark.slow
def test_verdicts_are_on_the_mutants_of_the_functions_as_they_are(same):
    functions, kept = same
    assert kept, "every function has changed: is the table of another state of the code?"
    wrong = [unit for unit, entry in kept.items() if not census.fits(entry, functions[unit])]
    assert not wrong, f"python -m tests.mutation run --new --overwrite judges them again: {wrong}"


def test_reasons_belong_to_what_exists(same):
    """Reasons of functions that await judgement are checked when they are judged."""
    functions, kept = same
    texts = {unit: {edit.text for edit in functions[unit]} for unit in kept}
    wrong = []
    for key in verdicts.reasons():
        unit, _, text = key.partition(" | ")
        if unit not in functions or (unit in kept and text not in texts[unit]):
            wrong.append(key)
    advice = "Correct or remove these in equivalent.json; python -m tests.mutation report says how."
    assert wrong == [], advice


def test_accidents_of_the_table_are_noticed_by_core(table):
    known = verdicts.entries(table, "accidents")
    assert {*known} <= {accident.name for accident in ACCIDENTS}
    assert len(ACCIDENTS) >= 20
    assert all(entry.counts()["core"] == 1 for entry in known.values())


def test_what_was_confirmed_is_told_whole(table):
    for record in table["confirmed"]:
        assert record["agree"] + len(record["disagree"]) == record["drawn"]


def test_reasons_are_kept_in_order():
    text = verdicts.REASONS.read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


@pytest.mark.slow
def test_reasons_are_not_of_functions_that_changed(table):
    """What awaits judgement changes with every line of code: `report` counts it, no test does."""
    assert report.stale_reasons(census.take(table)) == {}


@pytest.mark.slow
def test_a_slice_of_the_table_runs_again_and_agrees():
    command = [sys.executable, "-m", "tests.mutation", "slice", "1", "8"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
