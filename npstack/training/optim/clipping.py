"""Clipping: a bound on the gradients of a step, before an optimiser uses them."""

from __future__ import annotations

import numpy as np

from npstack.core.arguments import check_positive
from npstack.core.numerics import Array
from npstack.core.params import Params


def global_norm(grads: Params) -> float:
    """Euclidean norm of all gradients together, as one long vector.

    Examples
    --------
    >>> global_norm({"W": np.array([[3.0]]), "b": np.array([4.0])})
    5.0
    """
    largest = max((float(np.abs(g).max()) for g in grads.values()), default=0.0)
    if largest == 0 or not np.isfinite(largest):
        return largest
    scaled = (g / largest for g in grads.values())  # a square of 1e160 would not be finite
    return largest * float(np.sqrt(sum(float((g * g).sum()) for g in scaled)))


def clip_by_global_norm(grads: Params, max_norm: float) -> dict[str, Array]:
    """Scale all gradients by one factor if their global norm exceeds ``max_norm``.

    The direction is kept (Pascanu, Mikolov & Bengio 2013).

    Examples
    --------
    >>> clip_by_global_norm({"W": np.array([3.0]), "b": np.array([4.0])}, 1.0)
    {'W': array([0.6]), 'b': array([0.8])}
    """
    max_norm = check_positive("clip_by_global_norm", "max_norm", max_norm, "1.0 is usual.")
    norm = global_norm(grads)
    factor = max_norm / norm if norm > max_norm else 1.0
    return {name: np.asarray(g * factor, dtype=g.dtype) for name, g in grads.items()}


def clip_by_value(grads: Params, limit: float) -> dict[str, Array]:
    """Bring every single number of the gradients between ``-limit`` and ``limit``.

    The direction changes: large entries lose what small ones keep.

    Examples
    --------
    >>> clip_by_value({"W": np.array([3.0, -0.5]), "b": np.array([-4.0])}, 1.0)
    {'W': array([ 1. , -0.5]), 'b': array([-1.])}
    """
    limit = check_positive("clip_by_value", "limit", limit, "1.0 is usual.")
    return {name: np.asarray(np.clip(g, -limit, limit), g.dtype) for name, g in grads.items()}
