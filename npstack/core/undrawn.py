"""A generator for what is built without drawing: its parameters are given afterwards."""

from __future__ import annotations

from typing import Any

import numpy as np

from npstack.core.numerics import Array


class Undrawn(np.random.Generator):
    """Zeros in the place of every draw of an initialiser.

    Examples
    --------
    >>> Undrawn().uniform(-1, 1, (1, 2))
    array([[0., 0.]])
    """

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Array:  # type: ignore[override]
        """Zeros."""
        return np.zeros(size or ())

    def standard_normal(self, size: Any = None, *_: Any, **__: Any) -> Array:  # type: ignore[override]
        """Zeros."""
        return np.zeros(size or ())
