"""What baselines are given: numbers that are finite, in arrays that fit together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from npstack.core.arrays import as_array, check_float
from npstack.core.errors import (
    ArgumentError,
    DtypeError,
    NonFiniteError,
    ShapeError,
    describe,
    fail,
)
from npstack.core.masks import check_finite
from npstack.core.numerics import Array


def check_reals(
    where: str, name: str, value: object, letters: str, like: tuple[Array, str] | None = None
) -> Array:
    """Check finite real numbers, with an axis for each letter, none empty; of a partner's dtype."""
    dtype, partner = (None, "") if like is None else (like[0].dtype, like[1])
    array = check_float(where, name, value, dtype, partner)
    if array.dtype.kind != "f":
        advice = f"Use {name}.real, if that is what is meant."
        fail(DtypeError, where, f"{name} must be real numbers", describe(array), advice)
    if array.ndim != len(letters) or not array.size:
        shape = f"({', '.join(letters)}{',' if len(letters) == 1 else ''})"
        advice = "None of its axes may be empty."
        fail(ShapeError, where, f"{name} must be {shape}", array.shape, advice)
    check_finite(where, name, array, None)
    return array


def check_classes(where: str, labels: object, count: int, partner: str) -> NDArray[np.int64]:
    """Check classes (N,), whole numbers, one for each of N rows."""
    array = as_array(where, "labels", labels)
    if array.dtype.kind not in "iu":
        advice = "Number the classes 0, 1, 2, …"
        fail(DtypeError, where, "labels must be integers (N,)", describe(array), advice)
    if array.shape != (count,):
        expected, advice = f"labels must be ({count},)", f"One for each row of {partner}."
        fail(ShapeError, where, expected, array.shape, advice)
    return array.astype(np.int64)


def check_penalties(where: str, penalties: object) -> Array:
    """Check penalties, all above 0: without one, the equations may have no single solution."""
    array = check_reals(where, "penalties", penalties, "P")
    if not (array > 0).all():
        expected, advice = "penalties must be above 0", "Use 10.0 ** np.arange(-2, 5)."
        fail(ArgumentError, where, expected, f"{array.min():g}", advice)
    return array


def check_result(where: str, found: Array) -> None:
    """Check that nothing was too large to be squared or added."""
    if not np.isfinite(found).all():
        advice = "Divide the numbers by a large one first, or scale them: Standardiser."
        fail(NonFiniteError, where, "squares of the numbers must be finite", "infinity", advice)
