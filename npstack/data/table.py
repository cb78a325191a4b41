"""Tables of numbers in CSV files; every error names line and column."""

from __future__ import annotations

import difflib
import math
from array import array
from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from npstack.core.arguments import check_option
from npstack.core.errors import ArgumentError, DataError, describe, fail
from npstack.core.numerics import Array
from npstack.data.lines import THOUSANDS, is_infinite, number
from npstack.data.records import MOST_BYTES, is_missing, records
from npstack.files.paths import of_file
from npstack.files.strict_json import brief

MOST_NEAR = 1000  # names that are searched for a similar one


class Table(NamedTuple):
    """Columns of numbers.

    Attributes
    ----------
    values : float array (N, D)
        NaN where a value is missing.
    names : tuple of str (D,)
    mask : bool array (N, D)
        True where there is a value; all True unless ``missing="mask"``. ``mask.all(1)`` marks the
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


def load_csv(
    path: str | Path,
    *,
    columns: Sequence[str] | None = None,
    header: bool | None = None,
    delimiter: str | None = None,
    decimal: str = ".",
    missing: str = "refuse",
    comment: str = "#",
    most_bytes: int = MOST_BYTES,
) -> Table:
    """Read columns of numbers from a CSV file (UTF-8, with or without byte order mark).

    Parameters
    ----------
    path : str or Path
    columns : sequence of str, optional
        Names of columns, in the desired order. By default all, which must be numbers. The
        columns of a file without names are called "column 1", "column 2", …
    header : bool, optional
        Whether the first record holds the names. By default, it holds names if its fields are names
        and none is a number, and values if it has numbers and no names; an unclear case is an
        error.
    delimiter : str, optional
        One character; a blank stands for any number of blanks. By default, the one of tab,
        semicolon, bar, comma and blank that divides most of the first ten records into the same
        number of fields.
    decimal : {".", ","}
    missing : {"refuse", "mask"}
        What to do with a field that is empty or says NA, N/A, #N/A, NaN, null, none or ?. In a
        table of one column, an empty line is such a field; in others, empty lines are left out.
    comment : str
        Lines before the first record that begin with this text are left out, unless they have the
        same number of fields as the table. (In a table of one column, they are left out if the name
        of the column follows.) If empty, no line is a comment.
    most_bytes : int
        A larger file is refused.

    Returns
    -------
    Table

    Raises
    ------
    DataError
        With line and column: a field is not a finite number, a record has another number of fields,
        a name occurs twice; not a file, not text, not UTF-8, empty; a line of more than 1 MiB.
        Memory is limited to the numbers that are read and ten lines.
    OSError
        There is no such file, or it cannot be read.

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
    where = of_file("load_csv", path)
    masks = check_option(where, "missing", missing, ["refuse", "mask"]) == "mask"
    decimal = check_option(where, "decimal", decimal, [".", ","])
    head, rows = records(path, where, delimiter, decimal, comment, header, most_bytes)
    names, chosen = head.names, list(range(len(head.names)))
    if columns is not None:
        names = tuple(check_names(where, "columns", columns, names[0]))
        chosen = find_columns(where, names, head.names)
    mask = MASK if len(head.names) > 1 else MASK_LINE
    values = array("d")
    for line, fields in rows:
        for j in chosen:
            value = number(fields[j], decimal)
            if not math.isfinite(value) and not (masks and is_missing(fields[j])):
                at = f"{where}, line {line}, column {j + 1} ({brief(head.names[j])})"
                refuse(at, fields[j], decimal, mask=mask)
            values.append(value)
    if not values:
        advice = "Is the file complete?"
        fail(DataError, where, "the file must hold numbers", "no record with any", advice)
    found = np.array(values).reshape(-1, len(names))
    return Table(found, names, ~np.isnan(found))


class Advice(NamedTuple):
    """The advice for a call, and for the command line (None: the same)."""

    call: str
    typed: str | None = None


MEND = Advice(
    "Correct it, or leave the column out: columns=[…].",
    "Correct it, or leave the column out: --inputs A,B,….",
)
MASK = Advice(
    "Mask what is missing, by missing='mask', or leave the column out: columns=[…].",
    "Mask what is missing, by --missing mask, or leave the column out: --inputs A,B,….",
)
MASK_LINE = Advice(
    "Is a value missing? Then use missing='mask'. Is it an empty line? Take it out.",
    "Is a value missing? Then use --missing mask. Is it an empty line? Take it out.",
)
INFINITE = Advice("Nothing can be computed with infinity: correct it, or leave the field empty.")


def refuse(
    at: str,
    field: str,
    decimal: str,
    mend: Advice = MEND,
    mask: Advice = MASK,
) -> None:
    """Raise for a field that is not a finite number, with a guess of the intended number."""
    sign = "," if decimal == "." else "."
    advice, typed = mend
    grouped = THOUSANDS.fullmatch(field)
    if is_missing(field):
        advice, typed = mask
    elif is_infinite(field) or math.isinf(number(field, decimal)):
        advice, typed = INFINITE
    elif grouped and grouped[1] == sign and field.count(sign) == 1 and not grouped[2]:
        whole, part = field.replace(sign, ""), field.replace(sign, decimal)
        advice = typed = f"It could mean {whole} or {part}: write the one that it means."
    elif grouped:
        advice = typed = "Leave separators of thousands out."
    elif not math.isnan(number(field, sign)):
        asked, one = f"Is every {sign!r} a decimal sign?", field.replace(sign, decimal)
        advice = f"{asked} Then use decimal={sign!r}. If not, and this one is: write {one}."
        typed = f"{asked} Then use --decimal {sign}. If not, and this one is: write {one}."
    fail(DataError, at, "this field must be a finite number", brief(field), advice, typed=typed)


def find_column(
    where: str, name: object, names: Sequence[str], advice: Advice | None = None
) -> int:
    """The number of a column, or an error with a suggestion."""
    return find_columns(where, [name], names, advice)[0]


def find_columns(
    where: str, wanted: Iterable[object], names: Sequence[str], advice: Advice | None = None
) -> list[int]:
    """The numbers of columns; the cost does not depend on how many are given."""
    places = {name: j for j, name in enumerate(names)}
    found = []
    for name in wanted:
        if not isinstance(name, str) or name not in places:
            some = ", ".join(map(brief, names[:10])) + (", …" if len(names) > 10 else "")
            near = difflib.get_close_matches(str(name), names[:MOST_NEAR], n=1)
            other = f"Did you mean {brief(near[0])}?" if near else "Pick one of these."
            call, typed = advice or Advice(other)
            fail(DataError, where, f"columns must be among {some}", brief(name), call, typed=typed)
        found.append(places[name])
    return found


def check_names(where: str, name: str, wanted: object, example: str) -> list[str]:
    """Check names, each once; a single name is a list of one."""
    no_list = (bytes, Mapping, Set, np.ma.MaskedArray)
    found: list[Any] = [wanted] if isinstance(wanted, str) else []
    if not found and isinstance(wanted, Iterable) and not isinstance(wanted, no_list):
        found = list(wanted) if np.ndim(getattr(wanted, "shape", [0])) == 1 else []
    if not found or not all(isinstance(own, str) for own in found) or len(set(found)) < len(found):
        expected, advice = f"{name} must be names, each once", f"Use {name}=[{brief(example)}]."
        fail(ArgumentError, where, expected, describe(wanted), advice)
    return found
