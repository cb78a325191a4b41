"""Arguments in words: numbers by value, arrays by shape, everything else by its structure."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Number
from typing import Any

import numpy as np

FEW = 6  # numbers of a tuple that is shown


def in_words(names: Sequence[str], values: Sequence[Any]) -> str:
    """Arguments by name.

    Examples
    --------
    >>> in_words(["D", "sizes"], [3, (4, 2)])
    'D = 3, sizes = (4, 2)'
    >>> caches = [(np.ones(2), np.ones(3)), (np.ones(2), np.ones(3))]
    >>> in_words(["x", "caches", "step"], [np.ones((2, 3)), caches, max])
    'x of shape (2, 3), caches (a list of 2 tuples of 2 arrays), step (a function)'
    """
    return ", ".join(_one(name, own) for name, own in zip(names, values, strict=True))


def _one(name: str, value: Any) -> str:
    if isinstance(value, np.ndarray) and value.ndim:
        return f"{name} of shape {value.shape}"
    if isinstance(value, Number | np.ndarray) or _is_short(value):
        return f"{name} = {value}"
    return f"{name} (a {_structure(value)})"


def _is_short(value: Any) -> bool:
    """Whether it is a tuple of a few whole numbers."""
    return isinstance(value, tuple) and len(value) <= FEW and all(isinstance(n, int) for n in value)


def _structure(value: Any, many: bool = False) -> str:
    """What something is made of; ``many``: in the plural."""
    if isinstance(value, tuple | list):
        parts = list(dict.fromkeys(_structure(part, True) for part in value))
        inside = parts[0] if len(parts) == 1 else "values"
        return f"{type(value).__name__}{'s' * many} of {len(value)} {inside}"
    kind = "function" if callable(value) else "array" if np.ndim(value) else "number"
    return kind + "s" * many
