"""The ``.ts`` files of the UEA and UCR archives of time series classification."""

from __future__ import annotations

import math
import re
from array import array
from pathlib import Path

import numpy as np

from npstack.core.errors import DataError, fail
from npstack.core.numerics import Array
from npstack.data.labelled import Labelled, label_numbers, padded
from npstack.data.lines import number, text_lines
from npstack.data.records import MOST_BYTES, is_missing
from npstack.files.paths import of_file
from npstack.files.strict_json import brief
from npstack.losses.samples import Samples

FIELD = re.compile(r"(?<=,)[^,]*|^[^,]*")  # a field between commas

LONGEST = 2**24  # bytes of a line: one sequence


def load_ts(path: str | Path, most_bytes: int = MOST_BYTES) -> Labelled:
    """Read labelled sequences of any lengths.

    ::

        @problemName Vowels
        @dimensions 2
        @classLabel true a e
        @data
        1.5,1.2,0.9:0.1,0.3,0.2:a          a sequence of 3 steps: dimension 0, dimension 1, class
        1.1,1.0:0.0,0.1:e                  one of 2 steps

    Parameters
    ----------
    path : str or Path
    most_bytes : int
        A larger file is refused, and so are sequences that would need more once they are padded
        to the longest.

    Returns
    -------
    Labelled
        Classes are those of the header, in its order.

    Raises
    ------
    DataError
        The file is not of this form (the message names the line, the dimension and the step), or
        ``most_bytes`` is too small.
    """
    where = of_file("load_ts", path)
    header: dict[str, list[str]] = {}
    sequences: list[Array] = []
    found: dict[str, int] = {}
    lines, codes = array("q"), array("q")
    data = False
    for n, line in text_lines(path, where, LONGEST, most_bytes):
        at = f"{where}, line {n}"
        line = line.strip()
        if not line or (line.startswith("#") and not data):
            continue
        if not data:
            key, *values = line.split()
            if not key.startswith("@"):
                advice = "Is it a .ts file? load_csv reads tables."
                fail(DataError, at, "the header must be lines '@key value'", brief(line), advice)
            if key[1:].lower() in header:
                advice = "Leave one of the two out."
                fail(DataError, at, "a key must occur once in the header", brief(key), advice)
            header[key[1:].lower()] = values
            if key.lower() == "@data":
                _check_header(at, header)
                data = True
            continue
        *parts, name = line.split(":")
        sequences.append(_sequence(at, parts, sequences[0].shape[1] if sequences else None))
        codes.append(found.setdefault(name.strip(), len(found)))
        lines.append(n)
    if not sequences:
        advice = "Is the file complete?"
        fail(DataError, where, "sequences must follow a line '@data'", "none", advice)
    D = sequences[0].shape[1]
    stated = header.get("dimensions", header.get("dimension", [str(D)]))
    if stated != [str(D)]:
        expected, advice = f"sequences must have @dimensions {' '.join(stated)}", "Correct one."
        fail(DataError, where, expected, D, advice)
    known = tuple(header["classlabel"][1:])
    y, classes = label_numbers(where, tuple(found), codes, lambda k: f"line {lines[k]}", known)
    features, ids = (f"dimension {d}" for d in range(D)), map(str, range(len(y)))
    x, mask = padded(where, sequences, most_bytes)
    return Labelled(Samples(x, y, mask), classes, tuple(features), tuple(ids))


def _check_header(at: str, header: dict[str, list[str]]) -> None:
    if header.get("timestamps", ["false"])[:1] == ["true"]:
        advice = "Resample the sequences to equal steps first."
        fail(DataError, at, "sequences must have no time stamps", "@timeStamps true", advice)
    labels = header.get("classlabel", [])
    once = len(set(labels[1:])) == len(labels[1:]) > 0
    if [label.lower() for label in labels[:1]] != ["true"] or not once:
        expected, advice = "the header must say '@classLabel true' and the classes", "Correct it."
        fail(DataError, at, expected, brief(" ".join(labels)), advice)


def _sequence(at: str, parts: list[str], dimensions: int | None) -> Array:
    """One sequence (T, D) from its dimensions, separated by colons."""
    if not parts or len(parts) != (dimensions or len(parts)):
        expected = f"a sequence must have {dimensions or 'its'} dimensions, and its class, by ':'"
        got, advice = f"{len(parts)} dimensions", "Is the line complete?"
        fail(DataError, at, expected, got, advice)
    columns: list[array[float]] = []
    for d, part in enumerate(parts):
        columns.append(array("d"))
        for t, field in enumerate(FIELD.finditer(part)):
            value = number(field[0].strip())
            if not math.isfinite(value):
                place, advice = f"{at}, dimension {d}, step {t}", "Correct it."
                if is_missing(field[0].strip()):
                    advice = "Fill it in, or leave the step out of every dimension."
                fail(DataError, place, "the value must be a finite number", brief(field[0]), advice)
            columns[d].append(value)
        if len(columns[d]) != len(columns[0]):
            expected = f"dimension {d} must have {len(columns[0])} steps like dimension 0"
            fail(DataError, at, expected, len(columns[d]), "Is the line complete?")
    return np.array(columns).T.copy()
