"""The ``.ts`` files of the UEA and UCR archives of time series classification."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from npstack.core.errors import DataError, fail
from npstack.core.numerics import Array
from npstack.data.labelled import Labelled, label_numbers, labelled
from npstack.data.lines import number, text_lines
from npstack.files.strict_json import brief

LONGEST = 2**26  # bytes of a line: one sequence


def load_ts(path: str | Path) -> Labelled:
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

    Returns
    -------
    Labelled
        Classes are those of the header, in its order.

    Raises
    ------
    DataError
        With the line, and the dimension and step.
    """
    where = f"load_ts({str(path)!r})"
    header: dict[str, list[str]] = {}
    sequences: list[Array] = []
    tags: list[tuple[str, str]] = []
    data = False
    for n, line in text_lines(path, where, LONGEST):
        at = f"{where}, line {n}"
        line = line.strip()
        if not line or (line.startswith("#") and not data):
            continue
        if not data:
            key, *values = line.split()
            if not key.startswith("@"):
                advice = "Is it a .ts file? load_csv reads tables."
                fail(DataError, at, "the header must be lines '@key value'", brief(line), advice)
            header[key[1:].lower()] = values
            if key.lower() == "@data":
                _check_header(at, header)
                data = True
            continue
        *parts, name = line.split(":")
        sequences.append(_sequence(at, parts, sequences[0].shape[1] if sequences else None))
        tags.append((name.strip(), f"line {n}"))
    if not sequences:
        advice = "Is the file complete?"
        fail(DataError, where, "sequences must follow a line '@data'", "none", advice)
    D = sequences[0].shape[1]
    stated = header.get("dimensions", header.get("dimension", [str(D)]))
    if stated != [str(D)]:
        expected, advice = f"sequences must have @dimensions {' '.join(stated)}", "Correct one."
        fail(DataError, where, expected, D, advice)
    y, classes = label_numbers(where, tags, header["classlabel"][1:])
    features, ids = (f"dimension {d}" for d in range(D)), map(str, range(len(y)))
    return labelled(sequences, y, classes, tuple(features), tuple(ids))


def _check_header(at: str, header: dict[str, list[str]]) -> None:
    if header.get("timestamps", ["false"])[:1] == ["true"]:
        advice = "Resample the sequences to equal steps first."
        fail(DataError, at, "sequences must have no time stamps", "@timeStamps true", advice)
    labels = header.get("classlabel", [])
    if [label.lower() for label in labels[:1]] != ["true"] or len(labels) < 2:
        expected, advice = "the header must say '@classLabel true' and the classes", "Add it."
        fail(DataError, at, expected, brief(" ".join(labels)), advice)


def _sequence(at: str, parts: list[str], dimensions: int | None) -> Array:
    """One sequence (T, D) from its dimensions, separated by colons."""
    if not parts or len(parts) != (dimensions or len(parts)):
        expected = f"a sequence must have {dimensions or 'its'} dimensions, and its class, by ':'"
        got, advice = f"{len(parts)} dimensions", "Is the line complete?"
        fail(DataError, at, expected, got, advice)
    columns: list[list[float]] = []
    for d, part in enumerate(parts):
        fields = part.split(",")
        if d and len(fields) != len(columns[0]):
            expected = f"dimension {d} must have {len(columns[0])} steps like dimension 0"
            fail(DataError, at, expected, len(fields), "Is the line complete?")
        columns.append([number(field.strip()) for field in fields])
        for t, value in enumerate(columns[d]):
            if not math.isfinite(value):
                place, advice = f"{at}, dimension {d}, step {t}", "Correct the file."
                fail(DataError, place, "a finite number must stand there", brief(fields[t]), advice)
    return np.array(columns).T.copy()
