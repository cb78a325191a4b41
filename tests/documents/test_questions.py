"""docs/questions.md: every question has a short answer, code that shows it, and a page behind it.

tests/documents/test_docs.py runs the page from its top to its end and follows its links.
"""

import builtins
import doctest
import re
import symtable
from pathlib import Path

import numpy as np
import pytest

from tests.documents.test_docs import python_blocks

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/questions.md").read_text(encoding="utf-8")
PARSER = doctest.DocTestParser()
FIRST, *BLOCKS = [code for _, code in python_blocks(TEXT)]

# What learners asked under the post that the project began with, and no page answered: a part of
# the question that answers it.
ASKED = [
    "hierarchy",
    "three or four",
    "thirty layers",
    "got worse",
    "how much data",
    "m layers cost",
    "time scale",
    "an LSTM or a Dense",
    "a Dense layer at the end",
    "How many units",
    "three series",
    "begin with the final state of layer 1",
    "layer by layer, or freeze",
    "sort numbers",
    "StackedRNNCells",
    "falls at once",
    "always predicts the same class",
    "attention",
    "GPUs",
    "the same as time steps",
    "units of a layer work independently",
    "trained one after another",
]


def questions(text):
    """The text under each question, by the question."""
    _, *parts = re.split(r"^### (.+)\n", re.sub(r"^## .+\n", "", text, flags=re.M), flags=re.M)
    return dict(zip(parts[::2], parts[1::2], strict=True))


QUESTIONS = questions(TEXT)


def divided(body):
    """Answer, code and pages of a question; None if it is not made of these three."""
    form = r"\n(?P<answer>.+?)\n\n```python\n(?P<code>>>> .+?)\n\n```\n\n(?P<pages>More: .+?)\s*"
    found = re.fullmatch(form, body, re.S)
    return found and found.groupdict()


def numbers(text):
    """The numbers in a text, but for names such as k1, layer 0, §3.7, years and what is quoted."""
    names = r"\b(layer|row|step|unit|class) \d+|\(\d{4},|§[\d.]+"
    text = re.sub(rf"`[^`]*`|\"[^\"]*\"|{names}", "", text, flags=re.IGNORECASE)
    return [float(number) for number in re.findall(r"(?<![\w.])\d+(?:\.\d+)?", text)]


def names(code):
    """The global names that a doctest needs, and those that it binds."""
    source = "".join(example.source for example in PARSER.get_examples(code))
    table = symtable.symtable(source, "page", "exec")
    bound = {
        own.get_name() for own in table.get_symbols() if own.is_assigned() or own.is_imported()
    }
    return used(table), bound


def used(table):
    """The global names that are read in a scope and in those inside it."""
    found = {
        own.get_name() for own in table.get_symbols() if own.is_global() and own.is_referenced()
    }
    return found.union(*map(used, table.get_children()))


def names_of_the_first_block():
    found = {}
    exec(FIRST, found)
    return found


def test_there_are_at_least_forty_questions_and_all_that_had_no_answer():
    assert len(QUESTIONS) >= 40
    for part in ASKED:
        assert [question for question in QUESTIONS if part in question], part


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_has_a_short_answer_code_and_a_page(question):
    parts = divided(QUESTIONS[question])
    assert re.search(r"\?( [A-Z][^?]*\.)?$", question), "a question, and one sentence at most"
    assert parts, "an answer, a doctest, and More: [page](link), in this order"
    assert len(parts["answer"].splitlines()) <= 3
    assert len(parts["answer"]) <= 440
    assert re.search(r"\]\([\w./#§-]+\)", parts["pages"])
    shown = [example for example in PARSER.get_examples(parts["code"]) if example.want]
    assert shown, "the output must show the answer"


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_numbers_of_an_answer_are_in_its_code_or_output(question):
    parts = divided(QUESTIONS[question])
    found = [float(n) for n in re.findall(r"\d+(?:\.\d+)?", parts["code"].replace(",", " "))]
    for number in numbers(parts["answer"]):
        assert number in found or number / 100 in found, number


def test_every_block_needs_the_first_one_only_and_leaves_it_as_it_is():
    given = names_of_the_first_block()
    for code in BLOCKS:
        used, bound = names(code)
        assert used - bound <= {*given, *dir(builtins)}, code
        assert not bound & {"np", "npstack", "x", "stack", "model", "tape", "count"}, code


@pytest.mark.slow
def test_every_block_prints_the_same_after_the_first_one_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for code in BLOCKS:
        given = names_of_the_first_block()
        given["rng"] = np.random.default_rng(99)  # what is printed does not depend on its draws
        runner.run(PARSER.get_doctest(code, given, code.splitlines()[0], None, None))
    assert not runner.failures


def test_an_answer_without_code_or_page_and_a_number_from_nowhere_are_noticed():
    code = "```python\n>>> 1 + 1\n2\n\n```"
    page = "More: [data](data.md)."
    (whole,) = questions(f"### Why?\n\nSo.\n\n{code}\n\n{page}\n").values()
    assert divided(whole) == {"answer": "So.", "code": ">>> 1 + 1\n2", "pages": page}
    for body in (f"\nSo.\n\n{page}\n", f"\nSo.\n\n{code}\n", f"\n{code}\n\n{page}\n"):
        assert not divided(body)
    assert numbers("At layer 0, 95 % of k1, §3.7 and `f(7)` are 0.5.") == [95.0, 0.5]
    assert names(">>> def f(a):\n...     return a + b\n>>> c = f(2)\n") == ({"b", "f"}, {"c", "f"})
