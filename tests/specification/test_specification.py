"""The specification is what is cited, and what it calls executed is executed.

Needs no framework: it reads the specification, the citations and the names of the tests. The
experiments themselves are in ``test_specification_*.py``.
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from npstack import LSTM, LSTMState
from tests.specification import plainly
from tests.specification.plainly import D, H, T, draw, draw_x

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/specification.md").read_text(encoding="utf-8")
CITATION = re.compile(r"§(\d+\.\d+)")
CLAUSE = re.compile(r"^### §(\d+\.\d+) \S", re.MULTILINE)
ROW = re.compile(r"^\| (?P<systems>[^|]+) \|.*\| (?P<evidence>[^|]+) \|$")
TEST = re.compile(r"^def (test_s\d+_\d+_\w+)\(", re.MULTILINE)
EXECUTED = {  # systems of the tables, and how test names spell them
    "PyTorch": ("pytorch",),
    "Keras": ("keras",),
    "onnxruntime": ("onnxruntime",),
    "onnx.reference": ("onnx_reference",),
    "JAX": ("jax",),
    "Flax": ("flax",),
    "Flax linen": ("flax_linen", "flax"),
    "Flax nnx": ("flax_nnx", "flax"),
}


def clauses_cited_in_name(name: str) -> list[str]:
    """``test_s7_2_…_and_s7_3_…`` cites 7.2 and 7.3."""
    return [".".join(pair) for pair in re.findall(r"_s(\d+)_(\d+)_", name)]


def claims() -> set[tuple[str, str]]:
    """Clause and system of every row whose evidence is "executed"."""
    rows, clause = set(), ""
    for line in TEXT.splitlines():
        heading = CLAUSE.match(line)
        clause = heading[1] if heading else clause
        row = ROW.match(line)
        if clause and row and row["evidence"] == "executed":
            rows |= {(clause, system) for system in row["systems"].split(", ")}
    return rows


def named_after_clauses() -> dict[str, str]:
    """Every test that is named after a clause, and its file."""
    files = sorted((ROOT / "tests").rglob("*.py"))
    return {
        name: path.name for path in files for name in TEST.findall(path.read_text(encoding="utf-8"))
    }


def test_clauses_are_numbered_in_order_and_once() -> None:
    numbers = [tuple(map(int, number.split("."))) for number in CLAUSE.findall(TEXT)]
    assert len(numbers) > 50
    for before, after in pairwise(numbers):
        assert after in ((before[0], before[1] + 1), (before[0] + 1, 1)), after


def test_every_clause_that_is_cited_exists() -> None:
    files = [*ROOT.glob("npstack/**/*.py"), *ROOT.glob("tests/**/*.py"), *ROOT.glob("*.md")]
    files += [*ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.py")]
    clauses, cited = set(CLAUSE.findall(TEXT)), 0
    for path in files:
        found = CITATION.findall(path.read_text(encoding="utf-8"))
        assert set(found) <= clauses, (path, set(found) - clauses)
        cited += len(found)
    assert cited > 100


def test_every_test_named_after_a_clause_names_one_that_exists() -> None:
    clauses, names = set(CLAUSE.findall(TEXT)), named_after_clauses()
    assert len(names) > 100
    for name, file in names.items():
        assert set(clauses_cited_in_name(name)) <= clauses, (file, name)


def test_tests_that_documents_name_exist() -> None:
    named = re.compile(r"`(test_\w+)…?`")
    tests = "\n".join(path.read_text(encoding="utf-8") for path in ROOT.glob("tests/**/*.py"))
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for name in named.findall(path.read_text(encoding="utf-8")):
            assert f"def {name}" in tests, (path, name)


def test_what_is_called_executed_has_a_test_and_the_other_way_round() -> None:
    tested = [
        (clause, name) for name in named_after_clauses() for clause in clauses_cited_in_name(name)
    ]
    untested, answered = [], set()
    for clause, system in sorted(claims()):
        answers = {
            (c, name)
            for c, name in tested
            if c == clause and any(f"_{word}_" in name for word in EXECUTED[system])
        }
        answered |= answers
        untested += [] if answers else [(clause, system)]
    assert not untested
    ours = {pair for pair in tested if "npstack" in pair[1]}
    assert set(tested) <= answered | ours, "tests of behaviour that no row states"


@pytest.mark.parametrize("kind", ["full", "lengths", "holes", "empty row"])
def test_s3_1_npstack_computes_the_lstm_of_the_specification(kind: str) -> None:
    """The few lines that the frameworks are held against, and the layer, are one."""
    holes = np.random.default_rng(1).random((3, T)) < 0.6
    empty = plainly.MASK & np.array([[True], [False], [True]])
    masks = {"full": None, "lengths": plainly.MASK, "holes": holes, "empty row": empty}
    p, (x, h, c) = draw(0), draw_x()
    layer = LSTM(D, H, rng=np.random.default_rng(0))
    params = {name: p[name] for name in "WUb"}
    tape = layer.forward(x, states=LSTMState(h=h, c=c), mask=masks[kind], params=params)
    step = plainly.lstm(p["W"], p["U"], p["b"])
    outputs, final = plainly.over_time(step, x, h, c, mask=masks[kind])
    assert plainly.same(tape.outputs, outputs)
    assert plainly.same(tape.final.h, final[0])
    assert plainly.same(tape.final.c, final[1])
