"""Tagged statements: tags stand where tokens stand, and every character has one."""

import ast
import sys
import tokenize
from pathlib import Path

import numpy as np
import pytest

from npstack.core.errors import DataError
from npstack.data import library_statements, tagged_statements
from npstack.data.highlighting import TAGS

LETTERS = dict(zip(TAGS, " nkdsco", strict=True))


def spelled(statement):
    return "".join(LETTERS[TAGS[tag]] for tag in statement.tags)


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("x = 12.5", "n o dddd"),
        ("if not x: return", "kk kkk no kkkkkk"),
        ("f(a, 'b c')  # d e", "nono ssssso  ccccc"),
        ("y = [1,\n     2]", "n o odo      do"),
        ("# one\n# two\npass", "ccccc ccccc kkkk"),
        ('"""a\nb"""', "sssssssss"),
        ("é = 'ü'", "n o sss"),
    ],
)
def test_every_character_has_its_tag(text, tags):
    (statement,) = tagged_statements(text + "\n")
    assert statement.text == text
    assert spelled(statement) == tags


def test_statements_begin_behind_their_indentation():
    source = "class A:\n\n    def b(self):\n        # why\n        return 1\n\n\nx = 2"
    texts = [statement.text for statement in tagged_statements(source)]
    assert texts == ["class A:", "def b(self):", "# why\n        return 1", "x = 2"]


def test_only_line_feeds_end_a_line():
    source = "x = 'a\x0cb\x1c\u2028c'\n\x0c\ny = 2\n"
    texts = tagged_statements(source)
    assert [spelled(s) for s in texts] == ["n o ssssssss", "n o d"]


def test_an_f_string_is_a_string_in_every_version():
    (statement,) = tagged_statements("x = f'a{b}c'\n")
    tags = spelled(statement)
    assert tags[4:7] == "sss"
    assert tags[-2:] == "ss"
    assert tags[7:10] == ("sss" if sys.version_info < (3, 12) else "ono")


@pytest.mark.slow
def test_statements_of_a_real_module_hold_all_its_tokens():
    path = Path(ast.__file__)
    with tokenize.open(path) as file:
        source = file.read()
    statements = tagged_statements(source)
    place = 0
    for statement in statements:  # they stand in the module in this order
        place = source.index(statement.text, place) + len(statement.text)
        assert len(statement.tags) == len(statement.text)
        blank = np.array([character.isspace() for character in statement.text])
        assert (statement.tags[~blank] > 0).sum() >= (~blank).sum() - statement.text.count("\\")
    words = sum(s.text[0].isalpha() and spelled(s)[0] in "nks" for s in statements)
    assert words > 500
    names = library_statements()
    assert [s.text for s in names["ast"]] == [s.text for s in statements]


@pytest.mark.parametrize("source", ["x = (1,\n", "'''never closed\n", "if x:\n    a\n  b\n"])
def test_text_that_is_no_python_is_refused(source):
    with pytest.raises(DataError, match="source must be Python"):
        tagged_statements(source)
