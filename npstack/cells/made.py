"""What a cell returns, checked at one step of each pass: a user may have written the cell."""

from __future__ import annotations

from typing import Any

import numpy as np

from npstack.cells.base import Cell
from npstack.core.errors import DtypeError, ShapeError, fail, kind_of

EXAMPLE = "docs/cells.md shows how to write a cell."


def check_step(cell: Cell, found: Any, batch: int) -> tuple[Any, Any]:
    """The new state and the record of a step, of the types and shapes that the cell declares."""
    where = f"{type(cell).__name__}.step"
    names = f"{cell.state_type.__name__}, {cell.record_type.__name__}"
    if not isinstance(found, tuple) or hasattr(found, "_fields") or len(found) != 2:
        fail(DtypeError, where, f"it must return a pair ({names})", kind_of(found), EXAMPLE)
    for made, sizes in zip(found, (cell.state_sizes, cell.record_sizes), strict=True):
        if not isinstance(made, type(sizes)):
            expected = f"it must return a pair ({names})"
            fail(DtypeError, where, expected, f"{kind_of(made)} in it", EXAMPLE)
        for field, size, value in zip(sizes._fields, sizes, made, strict=True):
            if getattr(value, "shape", None) != (batch, size):
                expected = f"{type(sizes).__name__}.{field} must have shape (B, …) = {batch, size}"
                fail(ShapeError, where, expected, np.shape(value), EXAMPLE)
    return found[0], found[1]


def check_step_back(cell: Cell, found: Any) -> None:
    """The three things that a step backward returns."""
    where = f"{type(cell).__name__}.step_backward"
    expected = f"it must return dparams (a dictionary), dx and dstate ({cell.state_type.__name__})"
    if not isinstance(found, tuple) or hasattr(found, "_fields") or len(found) != 3:
        got = f"{len(found)} things" if isinstance(found, tuple) else kind_of(found)
        fail(DtypeError, where, expected, got, EXAMPLE)
    for value, kind in zip(found, (dict, np.ndarray, cell.state_type), strict=True):
        if not isinstance(value, kind):
            fail(DtypeError, where, expected, f"{kind_of(value)} in its place", EXAMPLE)
