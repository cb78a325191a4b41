"""Tables of numbers in CSV files, read with distrust: every error says line and column."""

from __future__ import annotations

import csv
import difflib
import math
import re
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from npstack.core.arguments import check_option
from npstack.core.errors import ArgumentError, DataError, fail
from npstack.core.numerics import Array
from npstack.data.lines import number, text_lines
from npstack.files.strict_json import brief

LONGEST = 2**20  # bytes of a line
DELIMITERS = "\t;|, "  # in the order in which a guess prefers them
THOUSANDS = re.compile(r"[+-]?\d{1,3}([,._ ']\d{3})+([.,]\d+)?", re.ASCII)
MISSING = {"", "na", "n/a", "nan", "null", "none", "?"}  # in any case


class Table(NamedTuple):
    """Columns of numbers.

    Attributes
    ----------
    values : float array (N, D)
        NaN where a value is missing.
    names : tuple of str (D,)
    mask : bool array (N, D)
        True where there is a value; all of it unless ``missing="mask"``. ``mask.all(1)`` marks the
        steps without a gap, for `windows`.
    """

    values: Array
    names: tuple[str, ...]
    mask: NDArray[np.bool_]

    def column(self, name: str) -> int:
        """The number of a column.

        Examples
        --------
        >>> Table(np.ones((1, 2)), ("a", "b"), np.ones((1, 2), bool)).column("b")
        1
        """
        return find_column("Table.column", name, self.names)


class Header(NamedTuple):
    """How the records of a file are separated, and what their fields are called."""

    delimiter: str
    names: tuple[str, ...]
    line: int


def load_csv(
    path: str | Path,
    *,
    columns: Sequence[str] | None = None,
    header: bool | None = None,
    delimiter: str | None = None,
    decimal: str = ".",
    missing: str = "refuse",
    comment: str = "#",
) -> Table:
    """Read columns of numbers from a CSV file (UTF-8, with or without byte order mark).

    Parameters
    ----------
    path : str or Path
    columns : sequence of str, optional
        Names of columns, in the order that is wanted. By default all, which must be numbers. The
        columns of a file without names are called "column 1", "column 2", …
    header : bool, optional
        Whether the first record holds the names. By default it does if none of its fields is a
        number, and does not if all of them are.
    delimiter : str, optional
        One character; a blank stands for any number of blanks. By default that of tab, semicolon,
        bar, comma and blank which divides the first ten records alike.
    decimal : {".", ","}
    missing : {"refuse", "mask"}
        What to do with a field that is empty or says NA, N/A, NaN, null, none or ?.
    comment : str
        Lines that begin with it are left out, and so are empty ones.

    Returns
    -------
    Table

    Raises
    ------
    DataError
        With line and column: a field is no finite number, a record has another number of fields, a
        name stands twice; no text, not UTF-8, nothing in it; a line of more than 1 MiB. Memory
        stays within the numbers that are read and ten lines.
    OSError
        There is no such file, or it may not be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "rain.csv")
    ...     _ = path.write_text("day;mm;wind\\nMon;1,5;3\\nTue;;4\\n")
    ...     table = load_csv(path, columns=["wind", "mm"], decimal=",", missing="mask")
    >>> table.values
    array([[3. , 1.5],
           [4. , nan]])
    >>> table.mask[1].tolist()
    [True, False]
    """
    where = f"load_csv({str(path)!r})"
    check_option(where, "missing", missing, ["refuse", "mask"])
    check_option(where, "decimal", decimal, [".", ","])
    head, rows = records(path, where, delimiter, decimal, comment, header)
    names = head.names if columns is None else _check_names(where, columns, head.names)
    chosen = [head.names.index(name) for name in names]
    values = array("d")
    for line, fields in rows:
        for j in chosen:
            value = number(fields[j], decimal)
            if not math.isfinite(value) and not (missing == "mask" and is_missing(fields[j])):
                at = f"{where}, line {line}, column {j + 1} ({brief(head.names[j])})"
                refuse(at, fields[j], decimal)
            values.append(value)
    if not values:
        advice = "Is the file complete?"
        fail(DataError, where, "the file must hold numbers", "no record with any", advice)
    found = np.array(values).reshape(-1, len(names))
    return Table(found, names, ~np.isnan(found))


def records(
    path: str | Path,
    where: str,
    delimiter: str | None,
    decimal: str,
    comment: str,
    header: bool | None,
) -> tuple[Header, Iterator[tuple[int, list[str]]]]:
    """Names, and an iterator over line numbers and fields; all records have as many."""
    if delimiter is not None and (not isinstance(delimiter, str) or len(delimiter) != 1):
        got, advice = repr(delimiter), "Use delimiter=';'."
        fail(ArgumentError, where, "delimiter must be one character", got, advice)
    lines = _content(path, where, comment)
    first = list(islice(lines, 10))
    if not first:
        advice = "It has no line, or only comments."
        fail(DataError, where, "the file must hold a table", "nothing", advice)
    if delimiter is None:
        delimiter = _guess(where, first, DELIMITERS.replace(decimal, ""))
    n, text = first[0]
    fields = _fields(f"{where}, line {n}", text, delimiter)
    has_names = _has_names(f"{where}, line {n}", fields, decimal) if header is None else header
    names = tuple(
        fields[j] if has_names and fields[j] else f"column {j + 1}" for j in range(len(fields))
    )
    for name, times in Counter(names).items():
        if times > 1:
            places = " and ".join(str(j + 1) for j, other in enumerate(names) if other == name)
            expected, got = "names of columns must differ", f"{brief(name)} in columns {places}"
            fail(DataError, f"{where}, line {n}", expected, got, "Rename one.")
    head = Header(delimiter, names, n)
    return head, _rows(where, head, chain(first[1:] if has_names else first, lines))


def is_missing(field: str) -> bool:
    """Whether a field says that there is no value."""
    return field.lower() in MISSING


class Advice(NamedTuple):
    """What to do: in a call, and on the command line (None: the same)."""

    call: str
    typed: str | None = None


MEND = Advice(
    *(f"Correct it, or leave the column out: {how}." for how in ("columns=[…]", "--inputs A,B,…"))
)
MASK = Advice(
    *(f"To mask what is missing, use {how}." for how in ("missing='mask'", "--missing mask"))
)


def refuse(
    at: str,
    field: str,
    decimal: str,
    mend: Advice = MEND,
    mask: Advice = MASK,
) -> None:
    """Raise for a field that is no finite number, with a guess of what was meant."""
    other = "," if decimal == "." else "."
    value = number(field, decimal)
    advice, typed = mend
    if is_missing(field):
        advice, typed = mask
    elif math.isinf(value) or field.lower().lstrip("+-") in ("inf", "infinity"):
        typed = None
        advice = "Nothing can be computed with infinity: correct it, or leave the field empty."
    elif not math.isnan(number(field, other)):
        advice, typed = (
            f"Is {other!r} its decimal sign? Then use {option}."
            for option in (f"decimal={other!r}", f"--decimal {other}")
        )
    elif THOUSANDS.fullmatch(field):
        advice, typed = "Leave separators of thousands out.", None
    fail(DataError, at, "a finite number must stand there", brief(field), advice, typed=typed)


def find_column(where: str, name: object, names: Sequence[str]) -> int:
    """The number of a column, or an error with a suggestion."""
    if name not in names:
        near = difflib.get_close_matches(str(name), names, n=1)
        some = ", ".join(map(brief, names[:10])) + (", …" if len(names) > 10 else "")
        advice = f"Did you mean {near[0]!r}?" if near else "Pick one of these."
        fail(DataError, where, f"columns must be among {some}", brief(name), advice)
    return list(names).index(str(name))


def _content(path: str | Path, where: str, comment: str) -> Iterator[tuple[int, str]]:
    """Lines that are neither empty nor comments."""
    for n, line in text_lines(path, where, LONGEST):
        if line.strip() and not (comment and line.lstrip().startswith(comment)):
            yield n, line


def _guess(where: str, lines: list[tuple[int, str]], delimiters: str) -> str:
    """The delimiter that gives most of the lines one and the same number of fields."""
    best, most = ",", 0
    for delimiter in delimiters:
        counts: Counter[int] = Counter()
        for n, line in lines:
            try:
                counts[len(_fields(f"{where}, line {n}", line, delimiter))] += 1
            except DataError:  # quotation marks that this delimiter does not explain
                counts[1] += 1
        agree = max((times for count, times in counts.items() if count > 1), default=0)
        if agree > most:
            best, most = delimiter, agree
    return best


def _fields(at: str, line: str, delimiter: str) -> list[str]:
    """Fields of a line, without blanks around them; quotation marks hold one together."""
    blank = delimiter == " "
    try:
        reader = csv.reader(
            [line.strip() if blank else line],
            delimiter=delimiter,
            skipinitialspace=True,
            strict=True,
        )
        return [field.strip() for field in next(reader)]
    except csv.Error as error:
        advice = "A quotation mark inside a field is written twice."
        fail(DataError, at, "fields must be as in CSV files", brief(error), advice)


def _has_names(at: str, fields: list[str], decimal: str) -> bool:
    """Whether the first record holds names; numbers and words in one record could be either."""
    numbers = [bool(field) and not math.isnan(number(field, decimal)) for field in fields]
    if any(numbers) and not all(numbers):
        got = f"{brief(fields[numbers.index(True)])} beside {brief(fields[numbers.index(False)])}"
        expected = "the first record must be names or numbers"
        advice = "Say header=True or header=False."
        fail(DataError, at, expected, got, advice, typed="Give every column a name.")
    return not all(numbers)


def _rows(
    where: str, head: Header, lines: Iterator[tuple[int, str]]
) -> Iterator[tuple[int, list[str]]]:
    """Fields of every record, all of them there."""
    for n, line in lines:
        fields = _fields(f"{where}, line {n}", line, head.delimiter)
        if len(fields) != len(head.names):
            expected = f"a record must have {len(head.names)} fields like line {head.line}"
            advice = f"Is {head.delimiter!r} the delimiter? A decimal comma needs another."
            fail(DataError, f"{where}, line {n}", expected, len(fields), advice)
        yield n, fields


def _check_names(where: str, columns: object, names: tuple[str, ...]) -> tuple[str, ...]:
    wanted = [columns] if isinstance(columns, str) else list(columns)  # type: ignore[call-overload]
    if not wanted or len(set(wanted)) < len(wanted):
        expected, advice = "columns must be names, each once", f"Use columns=[{names[0]!r}]."
        fail(ArgumentError, where, expected, repr(columns), advice)
    return tuple(names[find_column(where, name, names)] for name in wanted)
