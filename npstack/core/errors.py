"""What the package raises on purpose, and the one wording that all of it shares.

Every error says where, what was expected, what came, and what to do.
"""

from __future__ import annotations

from typing import NoReturn

import numpy as np


class NpstackError(Exception):
    """Base of every error that the package raises on purpose."""


class ShapeError(NpstackError, ValueError):
    """An array has the wrong shape, or two layers do not fit together."""


class DtypeError(NpstackError, TypeError):
    """An array or argument has the wrong type; nothing is converted silently."""


class NonFiniteError(NpstackError, ValueError):
    """NaN or infinity at a valid position."""


class ArgumentError(NpstackError, ValueError):
    """An argument is unknown, out of range, or contradicts another."""


class TapeError(NpstackError, ValueError):
    """A tape does not belong to the layer that is asked to read it."""


class DataError(NpstackError, ValueError):
    """A file does not hold what it should."""


class LeakageError(DataError):
    """What is kept for validation or test has found its way into training."""


def fail(
    kind: type[NpstackError], where: str, expected: str, got: object, advice: str = ""
) -> NoReturn:
    """Raise ``kind`` in the one wording that all errors share."""
    raise kind(f"{where}: {expected}, got {got}.{' ' if advice else ''}{advice}")


def describe(value: object) -> str:
    """Shape and dtype of an array, else the value with its type.

    Examples
    --------
    >>> describe(np.zeros((2, 3)))
    'float64 of shape (2, 3)'
    """
    if isinstance(value, np.ndarray):
        return f"{value.dtype} of shape {value.shape}"
    return f"{value!r} ({type(value).__name__})"
