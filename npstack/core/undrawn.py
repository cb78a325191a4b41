"""A generator for objects that are built without drawing: their parameters are given later."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from npstack.core.errors import ArgumentError, fail
from npstack.core.numerics import Array


class Undrawn(np.random.Generator):
    """Zeros instead of every draw of an initialiser.

    Parameters
    ----------
    numbers : int, optional
        The largest number of values; more are refused before memory is allocated.

    Examples
    --------
    >>> Undrawn().uniform(-1, 1, (1, 2))
    array([[0., 0.]])
    """

    def __init__(self, numbers: int | None = None) -> None:
        super().__init__(np.random.PCG64(0))
        self.numbers, self.left = numbers, numbers

    def _zeros(self, size: Any) -> Array:
        asked = math.prod(size) if isinstance(size, tuple) else int(size or 1)
        if self.left is not None:
            self.left -= asked
            if self.left < 0:
                expected = f"its parameters must be at most {self.numbers:,} numbers"
                fail(ArgumentError, "parameters", expected, "more", "Is this another model's?")
        return np.zeros(size or ())

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Array:  # type: ignore[override]
        """Zeros."""
        return self._zeros(size)

    def standard_normal(self, size: Any = None, *_: Any, **__: Any) -> Array:  # type: ignore[override]
        """Zeros."""
        return self._zeros(size)
