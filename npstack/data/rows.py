"""Rows along the first axis: choosing them, their valid steps, and texts about them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from npstack.core.arrays import as_array, check_float
from npstack.core.errors import ArgumentError, DataError, DtypeError, ShapeError, describe, fail
from npstack.core.masks import check_bool_mask, check_finite
from npstack.core.numerics import Array

ROWS_AT_MOST = 100_000_000  # in a file: their numbers alone fill 800 MB


def valid_rows(where: str, values: object, rows: Any, mask: Any) -> tuple[Array, NDArray[np.int64]]:
    """All valid steps of the chosen rows ``(n, D)``, and the numbers of the rows."""
    values = check_float(where, "values", values, None, "")
    if values.dtype.kind == "c":
        got = describe(values)
        fail(DtypeError, where, "values must be real numbers", got, "Scale values.real.")
    if values.dtype == object:
        values = values.astype(np.float64)
    if values.ndim not in (1, 2, 3) or 0 in values.shape:
        advice = "The first axis holds the rows, the last the columns."
        expected = "values must be (N,), (N, D) or (B, T, D), of at least one entry"
        fail(ShapeError, where, expected, values.shape, advice)
    values = values[:, np.newaxis] if values.ndim == 1 else values
    chosen = choose(where, rows, len(values))
    mask = np.ones(values.shape[:-1], dtype=bool) if mask is None else mask
    mask = check_bool_mask(where, mask, values.shape[:-1])[chosen]
    if not mask.any():
        advice = "Scale by rows in which something was observed."
        fail(DataError, where, "rows must hold at least one valid step", "none", advice)
    check_finite(where, "values", values[chosen], mask)
    return values[chosen][mask], chosen


def choose(where: str, rows: Any, count: int) -> NDArray[np.int64]:
    """Numbers of rows, in order and each once, from a slice, a range, numbers or booleans."""
    if rows is None or isinstance(rows, slice):
        try:
            rows = range(count)[rows or slice(None)]
        except (TypeError, ValueError):
            expected, advice = "rows must be a slice of whole numbers", "Use rows=slice(0, 100)."
            fail(ArgumentError, where, expected, describe(rows), advice)
    chosen = as_array(where, "rows", rows)
    if chosen.dtype == bool:
        chosen = np.flatnonzero(check_bool_mask(where, chosen, (count,)))
    wrong = chosen.ndim != 1 or chosen.size == 0 or chosen.dtype.kind not in "iu"
    if wrong or chosen.min() < 0 or chosen.max() >= count:
        expected = f"rows must be a range or numbers between 0 and {count - 1}, at least one"
        advice = "For the first hundred, use rows=range(100)."
        got = describe(chosen) if wrong else f"{chosen.min()} to {chosen.max()}"
        fail(ArgumentError, where, expected, got, advice)
    return np.unique(chosen).astype(np.int64)


def runs(rows: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Unbroken runs of sorted numbers, as pairs of start and stop.

    Examples
    --------
    >>> runs(np.array([0, 1, 2, 7]))
    [(0, 3), (7, 8)]
    """
    parts = np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1)
    return [(int(part[0]), int(part[-1]) + 1) for part in parts if len(part)]


def in_words(rows: NDArray[np.int64]) -> str:
    """Rows for a message, at most three runs of them.

    Examples
    --------
    >>> in_words(np.array([0, 1, 2, 7]))
    'rows 0 to 2, 7'
    """
    found = [f"{a}" if b == a + 1 else f"{a} to {b - 1}" for a, b in runs(rows)]
    more = f" and {len(found) - 3} more runs" if len(found) > 3 else ""
    return f"rows {', '.join(found[:3])}{more}" if found else "no rows"


def rows_of_runs(where: str, given: object, advice: str) -> NDArray[np.int64]:
    """The rows of unbroken runs ``[start, stop]``; with a limit on their number."""
    found: list[NDArray[np.int64]] = []
    behind = 0
    listed = given if isinstance(given, list | tuple) else ()
    for run in listed:
        pair = run if isinstance(run, list | tuple) and len(run) == 2 else (-1, -1)
        start, stop = (n if isinstance(n, int) and not isinstance(n, bool) else -1 for n in pair)
        if not behind <= start < stop <= ROWS_AT_MOST:
            found = []
            break
        found.append(np.arange(start, stop))
        behind = stop
    if not found:
        expected = f"rows must be runs [start, stop] in order, of rows up to {ROWS_AT_MOST:,}"
        fail(ArgumentError, where, expected, describe(given), advice)
    return np.concatenate(found).astype(np.int64)
