"""Checks of the arguments of optimisers and clipping: floating-point arrays by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from npstack.core.arrays import check_float
from npstack.core.errors import DtypeError, NonFiniteError, describe, fail
from npstack.core.numerics import Array, is_finite
from npstack.core.params import Params

ADVICE = "Pass what a model has: model.params, model.backward(…).params."
USUAL = frozenset(np.dtype(code) for code in "fdg")
SMALLER = "Clip the gradients (clip_by_global_norm), or take smaller steps."


def check_names(where: str, name: str, arrays: object, advice: str = ADVICE) -> None:
    """Check for a dictionary with strings as names."""
    if not isinstance(arrays, Mapping):
        fail(DtypeError, where, f"{name} must be a dictionary of arrays", describe(arrays), advice)
    for key in arrays:
        if not isinstance(key, str):
            expected = f"{name} must have strings for names"
            fail(DtypeError, where, expected, describe(key), advice)


def check_arrays(
    where: str, name: str, arrays: Params, names: Iterable[str] | None = None
) -> dict[str, Array]:
    """Check the arrays of some names, or of all: plain floating-point arrays."""
    check_names(where, name, arrays)
    found = {}
    for key in arrays if names is None else names:
        value = arrays[key]
        if type(value) is not np.ndarray or value.dtype not in USUAL:  # those need no look
            value = check_float(where, f"{name}[{key!r}]", value, None, "")
        found[key] = value
    return found


def check_still_finite(where: str, new: Params, old: Params, memory: Mapping[str, Params]) -> None:
    """Check that an update turned no number into NaN or infinity; the error lists the names."""
    odd = [name for name, values in new.items() if not is_finite(values).all()]
    odd = [name for name in odd if (is_finite(old[name]) & ~is_finite(new[name])).any()]
    if odd:
        kept = [k for k, of in memory.items() if not all(is_finite(of[n]).all() for n in odd)]
        what = f"what is kept ({', '.join(kept)})" if kept else "parameters"
        got = f"NaN or infinity first in the new value of {', '.join(odd)}"
        fail(NonFiniteError, where, f"{what} must stay finite", got, SMALLER)
