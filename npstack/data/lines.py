"""Lines and numbers of text files, read with bounded memory; errors name the place."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

from npstack.core.arguments import check_size
from npstack.core.errors import DataError, fail
from npstack.files.paths import open_file

THOUSANDS = re.compile(  # 1: the separator; 2: the decimal sign, another one, and what follows
    r"[+-]?[1-9]\d{0,2}([,._ '\u2019\u00a0\u202f])\d{3}(?:\1\d{3})*((?!\1)[.,]\d+)?", re.ASCII
)
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
RESAVE = "Save the file as UTF-8 text."


def text_lines(
    path: str | Path, where: str, longest: int, most_bytes: int
) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of every line, without its end.

    Parameters
    ----------
    path : str or Path
    where : str
        The function that the user called, and the file.
    longest : int
        Largest size of a line in bytes.
    most_bytes : int
        Largest size of the file in bytes.

    Raises
    ------
    DataError
        Not a file, or one that is too large; not UTF-8 text; a line is too long.
    OSError
        There is no such file, or it cannot be read.
    """
    with open_file(where, path, check_size(where, "most_bytes", most_bytes)) as file:
        number = 0
        while line := file.readline(longest + 1):
            number += 1
            at = f"{where}, line {number}"
            if number == 1:
                check_start(line, where)
                line = line.removeprefix(b"\xef\xbb\xbf")
            if b"\0" in line:
                column = line.index(b"\0") + 1
                got = f"a zero byte at byte {column} of the line"
                fail(DataError, at, "the file must be text", got, "Is it a binary file?")
            if len(line) > longest:
                advice = "Is it one table, with line ends?"
                expected = f"a line must have at most {longest:,} bytes"
                fail(DataError, at, expected, "a longer one", advice)
            text = decode(line, where, number).rstrip("\r\n")
            if "\r" in text:
                got, advice = "a carriage return inside", "Save the file with line feeds."
                fail(DataError, at, "lines must end with a line feed", got, advice)
            yield number, text


def check_start(line: bytes, where: str) -> None:
    """Recognise binary files by their first bytes."""
    kinds = {b"PK\3\4": "a zip file (.npz or .xlsx?)", b"\x93NUMPY": "an .npy file"}
    kinds |= {b"\x1f\x8b": "a gzip file", b"%PDF": "a PDF file"}
    kinds |= dict.fromkeys(UTF_16, "UTF-16 text")
    for start, kind in kinds.items():
        if line.startswith(start):
            advice = RESAVE if start in UTF_16 else "Unpack or convert it first."
            fail(DataError, where, "the file must be UTF-8 text", kind, advice)


def decode(line: bytes, where: str, first: int = 1) -> str:
    """Text from bytes; an error in UTF-8 names line (counted from ``first``) and column."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        before = line[: error.start].decode("utf-8")
        number = first + before.count("\n")
        column = len(before) - (before.rfind("\n") + 1) + 1
        at = f"{where}, line {number}, character {column}"
        got = f"the byte 0x{line[error.start]:02x}"
        fail(DataError, at, "the file must be UTF-8 text", got, RESAVE)


def number(text: str, decimal: str = ".") -> float:
    """The number in a text; NaN if it is not a number, infinity if it is too large.

    Examples
    --------
    >>> number("-1.5e3"), number("12,5", decimal=","), number("12,5"), number("nan")
    (-1500.0, 12.5, nan, nan)
    """
    plain = text if decimal == "." else text.replace(".", " ").replace(decimal, ".")
    return float(plain) if NUMBER.fullmatch(plain) else math.nan


def is_infinite(text: str) -> bool:
    """Whether a text is infinity, as a word or as a number that is too large."""
    return text.lower().lstrip("+-") in ("inf", "infinity") or math.isinf(number(text))
