"""The power of the tests: the committed table of mutants is whole, and a slice of it runs again."""

import ast
import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.mutation import mistakes
from tests.mutation import verdicts as table
from tests.mutation.accidents import ACCIDENTS
from tests.mutation.operators import PACKAGE

ROOT = Path(__file__).parents[2]
with_table = pytest.mark.skipif(
    not table.TABLE.exists(), reason="no table yet: python -m tests.mutation run has not been kept"
)


def mutants_of(tmp_path, monkeypatch, source, alike=None):
    """Every mutant of a piece of source, as operator and text."""
    (tmp_path / "piece.py").write_text(textwrap.dedent(source))
    monkeypatch.setattr(mistakes, "PACKAGE", tmp_path)
    found = set()
    for edit in mistakes.edits("piece.py", alike or {}):
        with edit.applied() as tree:
            compile(tree, "piece.py", "exec")
            found.add((edit.operator, ast.unparse(tree)))
    return found


def test_every_mutant_of_a_line(tmp_path, monkeypatch):
    found = mutants_of(tmp_path, monkeypatch, "def f(a, b):\n    return a * b\n")
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


def test_names_that_look_alike_are_swapped(tmp_path, monkeypatch):
    alike = {"f": {"a": ["b"], "b": ["a"]}}
    found = mutants_of(tmp_path, monkeypatch, "def f(a, b):\n    return a\n", alike)
    assert ("name", "def f(a, b):\n    return b") in found


def test_slices_keys_and_conditions(tmp_path, monkeypatch):
    source = """
    def f(x, t):
        if t > 0 and x:
            return x[:, t]["W"]
    """
    texts = {text for _, text in mutants_of(tmp_path, monkeypatch, source)}
    for part in ("x[:, t - 1]", "x[1:, t]", "x[::-1, t]", "x[t,]", '["U"]', "t >= 0", "t > 1"):
        assert any(part.replace('"', "'") in text for text in texts), part
    assert any("t > 0 or x" in text for text in texts)
    assert any("if not (t > 0 and x)" in text for text in texts)


def test_what_is_not_executed_is_not_mutated(tmp_path, monkeypatch):
    source = '''
    """Text 1."""
    from typing import Any
    Alias = dict[str, int]
    def f(a: int = None) -> list[0]:
        """Text 2."""
    '''
    assert {operator for operator, _ in mutants_of(tmp_path, monkeypatch, source)} == {"statement"}


def test_an_edit_is_taken_back():
    (edit, *_) = mistakes.edits("losses/functions.py", {})
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


@with_table
def test_table_is_whole_and_nothing_survives_without_a_reason():
    made = table.read()
    fates = table.known_fates(made)
    assert made["survived"] == []
    assert len(fates) == made["mutants"]
    for kind in ("by operator", "by file"):
        assert sum(row["mutants"] for row in made[kind].values()) == made["mutants"]
    assert made["identity"].keys() <= table.reasons().keys()
    assert all(len(reason) > 20 for reason in table.reasons().values())
    accidents = made["by operator"]["accident"]
    assert accidents["core"] == accidents["mutants"] == len(ACCIDENTS) >= 20


@with_table
@pytest.mark.slow
def test_a_slice_of_the_table_runs_again_and_agrees():
    command = [sys.executable, "-m", "tests.mutation", "slice", "1", "15"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_reasons_are_kept_in_order():
    text = table.REASONS.read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
