"""Records of CSV files: the delimiter, the names of the fields, and comments.

A record is a line, or several lines if a field in quotation marks contains line breaks. No record
is ever left out:

- A comment begins with ``#`` and stands before the first record. A line with the same number of
  fields as the table is a record, not a comment, unless the table has one column and its name
  follows.
- In a table of one column, an empty line is a record without a value; in other tables it is
  ignored.
- The first record holds names if it has words where the records below have numbers. If it could be
  either, the caller must say which.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from npstack.core.arguments import check_flag
from npstack.core.errors import ArgumentError, DataError, describe, fail
from npstack.data.lines import THOUSANDS, is_infinite, number, text_lines
from npstack.files.strict_json import brief

LONGEST = 2**20  # bytes of a line, and characters of a record
MOST_BYTES = 2**30  # of a file
LOOK = 10  # lines that tell how the table is written
DELIMITERS = "\t;|, "  # in the order in which a guess prefers them
MISSING = {"", "na", "n/a", "#n/a", "nan", "null", "none", "?"}  # in any case
QUOTES = "A field that begins with a quotation mark ends with one; one inside is written twice."

HEADER = "Are these names? Use header=True. Are they values? Use header=False."
FIRST = "Give every column a name, none of them a number, in the first line."
NUMBER, NAME, UNCLEAR = "a number", "a name", "a number or a name"

Line = tuple[int, str]
Record = tuple[int, list[str]]


class Header(NamedTuple):
    """The delimiter of a file, and the names of its fields."""

    delimiter: str
    names: tuple[str, ...]
    line: int


def is_missing(field: str) -> bool:
    """Whether a field says that there is no value."""
    return field.lower() in MISSING


def records(
    path: str | Path,
    where: str,
    delimiter: str | None,
    decimal: str,
    comment: str,
    header: bool | None,
    most_bytes: int = MOST_BYTES,
) -> tuple[Header, Iterator[Record]]:
    """Names, and an iterator over line numbers and fields; all records have the same number."""
    _check_delimiter(where, delimiter)
    if not isinstance(comment, str):
        advice = "Use comment='#', or comment='' if there are none."
        fail(ArgumentError, where, "comment must be a str", describe(comment), advice)
    if header is not None:
        header = check_flag(where, "header", header)

    def lines() -> Iterator[Line]:
        return text_lines(path, where, LONGEST, most_bytes)

    first = list(islice(_from_first_record(lines(), comment), LOOK))
    if not first:
        expected, got = "the file must hold a table", "nothing"
        advice, typed = "Is it the right file, and complete?", None
        if any(text.strip() for _, text in lines()):
            got, advice = "comments only", "Are these lines records? Then use comment=''."
            typed = f"Are these lines records? Then begin none of them with {comment!r}."
        fail(DataError, where, expected, got, advice, typed=typed)
    delimiter = delimiter or _guess(where, first, decimal)
    known = list(_seen(first, delimiter))
    content = _without_comments(where, lines(), comment, delimiter, known, header)
    stream = _split(where, content, delimiter)
    n, fields = next(stream)
    empty = n
    while not fields:
        n, fields = next(stream)
    count, below = len(fields), known[1:] if n == first[0][0] else known
    spare = count > 1 and not any(row[-1] for row in (fields, *known))
    cut = -1 if spare else None
    told = [row[:cut] for row in below if len(row) == count]
    has_names = _has_names(f"{where}, line {n}", fields[:cut], told, decimal, header)
    if count == 1 and empty < n and not has_names:
        expected, got = "a column without a name must begin with a value", "an empty line"
        advice = "Is a value missing there? Write NA. If not, take the empty line out."
        fail(DataError, f"{where}, line {empty}", expected, got, advice)
    shown = fields[:cut] if has_names else fields  # no column: a delimiter ends every line
    head = Header(delimiter, _names(f"{where}, line {n}", shown, has_names), n)
    if has_names:
        return head, _rows(where, head, stream, count, comment, fields[:cut])
    return head, _rows(where, head, chain([(n, fields)], stream), count, comment, None)


def _check_delimiter(where: str, delimiter: object) -> None:
    """One character that separates; None leaves it to the guess."""
    one = delimiter if isinstance(delimiter, str) and len(delimiter) == 1 else ""
    if delimiter is not None and (not one or one.isalnum() or one in '"\r\n\0.'):
        expected = "delimiter must be one character, and no letter, digit, dot, quote or line end"
        fail(ArgumentError, where, expected, describe(delimiter), "Use delimiter=';'.")


# ---- what is a record ----------------------------------------------------------------------------


def _from_first_record(lines: Iterable[Line], comment: str) -> Iterator[Line]:
    """From the first line on that is neither empty nor like a comment."""
    begun = False
    for n, text in lines:
        begun = begun or bool(text.strip() and not _is_marked(text, comment))
        if begun:
            yield n, text


def _is_marked(text: str, comment: str) -> bool:
    return bool(comment) and text.lstrip().startswith(comment)


def _without_comments(
    where: str,
    lines: Iterable[Line],
    comment: str,
    delimiter: str,
    known: list[list[str]],
    header: bool | None,
) -> Iterator[Line]:
    """All lines but comments, which stand before the first record and have other fields."""
    count = len(known[0]) if known else 0
    kinds = set(map(_kind, known[0])) if known else set()
    named = header is not False and NAME in kinds and NUMBER not in kinds
    begun = False
    for n, text in lines:
        if not begun and _is_marked(text, comment):
            fields = next(iter(_seen([(n, text)], delimiter)))
            if len(fields) != count or (count == 1 and named):
                continue
            if named:
                expected = f"a comment must not have {count} fields like the table"
                advice = (
                    "Is it a comment? Take it out. Are these the names? Take the next line out."
                )
                fail(DataError, f"{where}, line {n}", expected, brief(text), advice)
        begun = begun or bool(text.strip())
        yield n, text


def _reader(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    """Fields as they stand; of lines that have their ends."""
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)


def _blank(text: str, delimiter: str) -> bool:
    return not text.strip() and (delimiter == " " or delimiter not in text)


def _seen(lines: list[Line], delimiter: str) -> Iterator[list[str]]:
    """Fields of the records in some lines, but empty ones; what cannot be read is one field."""
    texts = [text.strip() if delimiter == " " else text for _, text in lines]
    reader = _reader((f"{text}\n" for text in texts if not _blank(text, delimiter)), delimiter)
    while True:
        try:
            yield [field.strip() for field in next(reader)]
        except csv.Error:  # quotation marks that this delimiter does not explain
            yield [""]
        except StopIteration:
            return


def _split(where: str, lines: Iterable[Line], delimiter: str) -> Iterator[Record]:
    """Fields of every record, without blanks around them; none of an empty line."""
    begun: list[int] = []
    text, room = "", LONGEST

    def feed() -> Iterator[str]:
        nonlocal text, room
        for n, text in lines:
            begun.append(n)
            room -= len(text)
            if room < 0:
                expected = f"a record must have at most {LONGEST:,} characters"
                fail(DataError, f"{where}, line {begun[0]}", expected, "a longer one", QUOTES)
            yield (text.strip() if delimiter == " " else text) + "\n"

    reader = _reader(feed(), delimiter)
    while True:
        begun.clear()
        room = LONGEST
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            at, expected = f"{where}, line {begun[0]}", "fields must be as in CSV files"
            fail(DataError, at, expected, brief(error), QUOTES)
        empty = len(begun) == 1 and _blank(text, delimiter)
        yield begun[0], [] if empty else [field.strip() for field in fields]


def _rows(
    where: str,
    head: Header,
    stream: Iterator[Record],
    count: int,
    comment: str,
    names: list[str] | None,
) -> Iterator[Record]:
    """Fields of every record, all of them there."""
    width = len(head.names)
    for n, fields in stream:
        if not fields:
            if count > 1:
                continue
            fields = [""]
        at = f"{where}, line {n}"
        if len(fields) != count:
            expected = f"a record must have {count} fields like line {head.line}"
            advice = f"Is {head.delimiter!r} the delimiter? A decimal comma needs another."
            if _is_marked(fields[0], comment):
                advice = "Is it a comment? Take it out: comments come before the first record."
            fail(DataError, at, expected, len(fields), advice)
        if count > width and fields.pop():
            expected = f"field {count} must be empty like those above it"
            fail(DataError, at, expected, "a value", "Give every column a name, in the first line.")
        if fields == names:
            advice = "Were files joined? Take the line out."
            fail(DataError, at, "names must be in the first record", "them again", advice)
        yield n, fields


# ---- how the table is written --------------------------------------------------------------------


def _guess(where: str, lines: list[Line], decimal: str) -> str:
    """The delimiter that gives most of the lines one and the same number of fields."""
    best, most = "", 0
    for delimiter in DELIMITERS.replace(decimal, ""):
        counts = Counter(len(fields) for fields in _seen(lines, delimiter))
        agree = max((times for count, times in counts.items() if count > 1), default=0)
        if agree > most and (delimiter != " " or agree > counts[1]):  # names may have blanks
            best, most = delimiter, agree
    if best or decimal != ",":
        return best or ","
    if any('"' in text for _, text in lines):
        return ","  # numbers with a decimal comma stand in quotation marks
    n, text = lines[0]
    if "," in text and math.isnan(number(text.strip(), decimal)):
        expected = "with a decimal comma, another sign must separate the fields"
        advice = (
            "Is ',' no decimal sign here? Use decimal='.'. Is it one column? Use delimiter=';'."
        )
        typed = "Is ',' no decimal sign here? Use --decimal . instead."
        fail(DataError, f"{where}, line {n}", expected, brief(text), advice, typed=typed)
    return ";"  # one column


def _kind(field: str) -> str:
    """Whether a field is a number in some manner of writing, a name, or could be either."""
    decimals = (number(field, decimal) for decimal in ".,")
    if THOUSANDS.fullmatch(field) or not all(map(math.isnan, decimals)):
        return NUMBER
    is_name = any(map(str.isalpha, field)) and not is_missing(field) and not is_infinite(field)
    return NAME if is_name else UNCLEAR


def _has_names(
    at: str, fields: list[str], below: list[list[str]], decimal: str, header: bool | None
) -> bool:
    """Whether the first record holds names; if it could be either, the caller has to say."""
    if header is not None:
        return header
    kinds = [_kind(field) for field in fields]
    if NUMBER in kinds and NAME not in kinds:
        return False
    expected = "the first record must be names or numbers"
    if NUMBER in kinds:
        one, other = (brief(fields[kinds.index(kind)]) for kind in (NUMBER, NAME))
        fail(DataError, at, expected, f"{one} beside {other}", HEADER, typed=FIRST)
    over_numbers = any(
        kind == NAME and _kind(row[j]) == NUMBER for row in below for j, kind in enumerate(kinds)
    )
    if UNCLEAR in kinds and not over_numbers:
        got = f"{brief(fields[kinds.index(UNCLEAR)])}, which may be a missing value"
        fail(DataError, at, expected, got, HEADER, typed=FIRST)
    return True


def _names(at: str, fields: list[str], has_names: bool) -> tuple[str, ...]:
    """What the columns are called, each otherwise."""
    names = tuple(
        field if has_names and field else f"column {j + 1}" for j, field in enumerate(fields)
    )
    if len(set(names)) < len(names):
        name, times = Counter(names).most_common(1)[0]
        places = [str(j + 1) for j, other in enumerate(names) if other == name]
        rest = f", {times} in all" if times > 3 else ""
        expected, got = "names of columns must differ", f"{brief(name)} in columns "
        got += f"{' and '.join(places[:3])}{rest}"
        fail(DataError, at, expected, got, "Rename one.")
    return names
