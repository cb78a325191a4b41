"""Tables for forecasts: CSV files, and NPZ files whose arrays are columns."""

from __future__ import annotations

import math
from datetime import datetime
from itertools import islice
from pathlib import Path

import numpy as np

from npstack.cli.tasks.common import Options
from npstack.core.errors import ArgumentError, DataError, fail
from npstack.data import Table, load_csv, load_npz
from npstack.data.lines import number
from npstack.data.records import is_missing, records
from npstack.data.table import find_column
from npstack.files.paths import of_file

LOOK = 100  # records for finding the columns with numbers


def numeric_columns(path: Path, decimal: str, wanted: str | None) -> list[str]:
    """Columns with numbers (or nothing) in the first records, and the chosen one."""
    where = of_file("load_csv", path)
    head, rows = records(path, where, None, decimal, "#", None)
    first = [fields for _, fields in islice(rows, LOOK)]

    def holds_numbers(j: int) -> bool:
        told = [fields[j] for fields in first if not is_missing(fields[j])]
        return bool(told) and not any(math.isnan(number(field, decimal)) for field in told)

    found = [name for j, name in enumerate(head.names) if holds_numbers(j) or name == wanted]
    if wanted is not None:
        find_column(where, wanted, head.names)
    return found or list(head.names)  # load_csv reports the error


def read_table(
    path: Path, options: Options, columns: list[str] | None, also: str | None = None
) -> Table:
    """Columns of a CSV file; or of an NPZ file, where arrays (N,) are columns.

    Parameters
    ----------
    path : Path
    options : dict
        ``decimal`` and ``missing``.
    columns : list of str or None
        None takes all columns with numbers.
    also : str, optional
        One more, if it is not among them.
    """
    if also is not None and columns is not None and also not in columns:
        columns = [*columns, also]
    if path.suffix != ".npz":
        if columns is None:
            columns = numeric_columns(path, options["decimal"], also)
        return load_csv(
            path, columns=columns, decimal=options["decimal"], missing=options["missing"]
        )
    arrays = load_npz(path)
    names = list(arrays) if columns is None else columns
    for name in names:
        find_column(str(path), name, list(arrays))
    found = {name: arrays[name] for name in names if arrays[name].dtype.kind in "biuf"}
    sizes = {value.shape for value in found.values()}
    if len(sizes) != 1 or len(next(iter(sizes))) != 1:
        expected = "arrays of numbers must all have one shape (N,): each is a column"
        advice = "np.savez(path, time=…, value=…) writes such files."
        fail(DataError, str(path), expected, ", ".join(map(str, sizes)) or "none", advice)
    values = np.column_stack([value.astype(float) for value in found.values()])
    mask = np.isfinite(values)
    if not mask.all() and options["missing"] == "refuse":
        step, column = np.argwhere(~mask)[0]
        got = f"{values[step, column]} in {list(found)[column]!r} at step {step}"
        advice = "--missing mask leaves such steps out."
        fail(DataError, str(path), "every value must be a finite number", got, advice)
    return Table(np.where(mask, values, np.nan), tuple(found), mask)


def dates(path: Path, options: Options, count: int) -> list[str]:
    """The dates of a CSV file, one for each of its steps, as they are written; none if it has none.

    The first column with dates in the form 2004-01, 2004-01-31 or 2004-01-31T12:00 in the first
    records.
    """
    if path.suffix == ".npz":
        return []
    _, rows = records(path, of_file("load_csv", path), None, options["decimal"], "#", None)
    fields = [own for _, own in rows]
    columns = zip(*fields[:LOOK], strict=True)
    place = next((j for j, column in enumerate(columns) if all(map(is_date, column))), None)
    return [] if place is None or len(fields) != count else [own[place] for own in fields]


def is_date(field: str) -> bool:
    """Whether a field is a date, with its year first.

    Examples
    --------
    >>> [is_date(field) for field in ("2004-01", "2004-01-31 12:00", "20040131", "2004")]
    [True, True, False, False]
    """
    if "-" not in field[1:]:
        return False
    try:
        datetime.fromisoformat(field + "-01" * (len(field) == len("2004-01")))
    except ValueError:
        return False
    return True


def find_target(path: Path, table: Table, target: str | None) -> int:
    """Number of the target column, which need not be named if there is only one column."""
    if target is None:
        if len(table.names) == 1:
            return 0
        expected = f"--target must name one of {', '.join(map(repr, table.names))}"
        fail(ArgumentError, str(path), expected, "none", f"Use --target {table.names[0]}.")
    return find_column(str(path), target, table.names)
