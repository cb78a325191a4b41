"""Python source with a tag for every character: name, keyword, string, comment …

The text is the standard library of the Python that runs this, and the tags are those of its own
`tokenize`. Both differ between versions: state the version with every figure.
"""

from __future__ import annotations

import io
import keyword
import tokenize
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from npstack.core.errors import DataError, DtypeError, describe, fail

TAGS = ("space", "name", "keyword", "number", "string", "comment", "operator")


class Statement(NamedTuple):
    """One logical line, with the comments before it, from its first character on.

    Attributes
    ----------
    text : str
        Without the indentation before it and the line break after it.
    tags : int array (T,)
        For every character its position in `TAGS`; line breaks and blanks between tokens are tagged
        as space.
    """

    text: str
    tags: NDArray[np.int64]


def tagged_statements(source: str) -> list[Statement]:
    """Every statement of a module, with the tag of every character.

    Parameters
    ----------
    source : str
        Python source.

    Raises
    ------
    DataError
        The text is not Python; the message says where.

    Examples
    --------
    >>> first, second = tagged_statements("# why\\nx = 'a b'\\nif x: pass\\n")
    >>> first.text
    "# why\\nx = 'a b'"
    >>> [TAGS[tag] for tag in second.tags]
    ['keyword', 'keyword', 'space', 'name', 'operator', 'space', 'keyword', 'keyword', 'keyword',
    'keyword']
    """
    if not isinstance(source, str):
        expected, advice = "source must be a str", "Read the file first: load_text(path)."
        fail(DtypeError, "tagged_statements", expected, describe(source), advice)
    lines = io.StringIO(source).readlines()  # str.splitlines would split at form feeds as well
    starts = np.cumsum([0, *map(len, lines)])
    tags, first, found = np.zeros(len(source), dtype=np.int64), None, []
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            begin, end = (starts[row - 1] + column for row, column in (token.start, token.end))
            tag = TAGS.index(_tag(token))
            if tag:
                first = begin if first is None else first
                tags[begin:end] = tag
            elif token.type == tokenize.NEWLINE and first is not None:
                found.append(Statement(source[first:begin], tags[first:begin].copy()))
                first = None
    except (tokenize.TokenError, SyntaxError) as error:
        fail(DataError, "tagged_statements", "source must be Python", f"{error}")
    return found


def _tag(token: tokenize.TokenInfo) -> str:
    """The tag of the characters of a token."""
    kind = tokenize.tok_name[token.type]
    if kind == "NAME":
        return "keyword" if keyword.iskeyword(token.string) else "name"
    if "STRING" in kind:  # f-strings come in parts since Python 3.12
        return "string"
    return {"OP": "operator", "NUMBER": "number", "COMMENT": "comment"}.get(kind, "space")


def library_statements() -> dict[str, list[Statement]]:
    """The statements of the single-file modules of the standard library, by name.

    Examples
    --------
    >>> library = library_statements()
    >>> len(library) > 100, len(library["tokenize"]) > 100
    (True, True)
    """
    found = {}
    for path in sorted(Path(tokenize.__file__).parent.glob("*.py")):
        with tokenize.open(path) as file:
            found[path.stem] = tagged_statements(file.read())
    return found
