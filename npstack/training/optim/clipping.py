"""Clipping: a bound on the gradients of a step, before an optimiser uses them."""

from __future__ import annotations

import numpy as np

from npstack.core.arguments import check_positive
from npstack.core.errors import DtypeError, NonFiniteError, describe, fail
from npstack.core.numerics import Array, is_finite
from npstack.core.params import Params
from npstack.core.wide import Wide
from npstack.training.optim.given import check_arrays

LOST = "A gradient with NaN or infinity has no direction: skip this step."


def global_norm(grads: Params) -> float:
    """Euclidean norm of all gradients together, as one long vector.

    NaN if one of them is NaN; infinity beyond the largest number.

    Raises
    ------
    DtypeError
        It is not a dictionary of floating-point arrays.

    Examples
    --------
    >>> global_norm({"W": np.array([[3.0]]), "b": np.array([4.0])})
    5.0
    """
    return _norm(check_arrays("global_norm", "grads", grads))


def _norm(grads: Params) -> float:
    sizes = [float(np.abs(g).max()) for g in grads.values() if g.size]
    largest = max(sizes, default=0.0)
    if any(size != size for size in sizes):
        return np.nan
    if largest == 0 or not np.isfinite(largest):
        return largest
    parts = (np.abs(g) if g.dtype.kind == "c" else g for g in grads.values())
    scaled = (part / largest for part in parts)  # a square of 1e160 would not be finite
    return largest * float(np.sqrt(sum(float((g * g).sum()) for g in scaled)))


def clip_by_global_norm(grads: Params, max_norm: float) -> dict[str, Array]:
    """Scale all gradients by one factor if their global norm exceeds ``max_norm``.

    The direction is kept (Pascanu, Mikolov & Bengio 2013).

    Raises
    ------
    ArgumentError
        ``max_norm`` is not above zero.
    DtypeError
        It is not a dictionary of floating-point arrays.
    NonFiniteError
        NaN or infinity among the gradients.

    Examples
    --------
    >>> clip_by_global_norm({"W": np.array([3.0]), "b": np.array([4.0])}, 1.0)
    {'W': array([0.6]), 'b': array([0.8])}
    """
    where = "clip_by_global_norm"
    max_norm = check_positive(where, "max_norm", max_norm, "1.0 is usual.")
    grads = check_arrays(where, "grads", grads)
    norm = _norm(grads)
    if not np.isfinite(norm):
        for name, g in grads.items():
            if not is_finite(g).all():
                expected, got = "grads must be finite", f"NaN or infinity in {name!r}"
                fail(NonFiniteError, where, expected, got, LOST)
    factor = max_norm / norm if norm > max_norm else 1.0
    return {name: _scaled(g, factor, grads, max_norm) for name, g in grads.items()}


def _scaled(g: Array, factor: float, grads: Params, max_norm: float) -> Array:
    """A gradient times the factor; in two steps if its dtype cannot hold the factor."""
    if g.dtype.kind == "O" or factor >= np.finfo(g.dtype).tiny:
        return np.asarray(g * factor, dtype=g.dtype)
    with np.errstate(all="ignore"):
        squares = [(size * size).sum() for size in map(abs, map(Wide, grads.values()))]
        total = sum(squares[1:], squares[0])
        return np.asarray((Wide(g) * max_norm / total.sqrt()).rounded(g.dtype))


def clip_by_value(grads: Params, limit: float) -> dict[str, Array]:
    """Clip every number of the gradients to ``-limit`` … ``limit``.

    The direction changes: only large entries are reduced. Infinity becomes the limit.

    Raises
    ------
    ArgumentError
        ``limit`` is not above zero.
    DtypeError
        It is not a dictionary of floating-point arrays, or they are complex.
    NonFiniteError
        NaN among the gradients.

    Examples
    --------
    >>> clip_by_value({"W": np.array([3.0, -0.5]), "b": np.array([-4.0])}, 1.0)
    {'W': array([ 1. , -0.5]), 'b': array([-1.])}
    """
    where = "clip_by_value"
    limit = check_positive(where, "limit", limit, "1.0 is usual.")
    clipped = {}
    for name, g in check_arrays(where, "grads", grads).items():
        if g.dtype.kind == "c":
            expected, advice = f"grads[{name!r}] must be real", "Use clip_by_global_norm."
            fail(DtypeError, where, expected, describe(g), advice)
        with np.errstate(over="ignore"):  # a limit beyond the largest number of this dtype
            clipped[name] = np.asarray(np.clip(g, -limit, limit), g.dtype)
        if (clipped[name] != clipped[name]).any():
            fail(NonFiniteError, where, "grads must be numbers", f"NaN in {name!r}", LOST)
    return clipped
