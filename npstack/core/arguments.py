"""Checks of arguments that are not arrays: sizes, numbers, flags, words, generators, dtypes.

Each check returns the value to use, in Python's own type: ``np.int8(100)`` is a valid size, but 3
times it would be 44. The value that is used must be the one that was checked.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from npstack.core.errors import ArgumentError, DtypeError, describe, fail

FLOAT_DTYPES = [np.dtype(code) for code in "fdgFDGO"]  # float32 … longdouble, complex, objects


def is_whole(value: object) -> bool:
    """Whether it is a whole number, Python's or NumPy's."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def check_size(
    where: str, name: str, value: object, advice: str = "Use an int, for example 8."
) -> int:
    """Check a whole number of at least 1."""
    return check_whole(where, name, value, advice, least=1)


def check_whole(
    where: str, name: str, value: object, advice: str, *, least: int = 0, most: int | None = None
) -> int:
    """Check a whole number within bounds, Python's or NumPy's."""
    number = int(value) if is_whole(value) else least - 1  # type: ignore[call-overload]
    if number < least or (most is not None and number > most):
        bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
        fail(
            ArgumentError, where, f"{name} must be a whole number {bounds}", describe(value), advice
        )
    return number


def _as_float(value: object) -> float:
    """A real number as a float; NaN if it is not a number, infinity if it is too large."""
    try:
        return float(value) if isinstance(value, Real) else np.nan
    except OverflowError:
        return np.inf


def check_number(where: str, name: str, value: object, advice: str) -> float:
    """Check a finite real number."""
    number = _as_float(value)
    if not np.isfinite(number) or isinstance(value, bool):
        fail(ArgumentError, where, f"{name} must be a finite number", describe(value), advice)
    return number


def check_not_negative(where: str, name: str, value: object, advice: str) -> float:
    """Check a finite number of at least 0."""
    number = check_number(where, name, value, advice)
    if number < 0:
        fail(ArgumentError, where, f"{name} must be at least 0", describe(value), advice)
    return number


def check_positive(where: str, name: str, value: object, advice: str) -> float:
    """Check a finite number above zero."""
    number = check_number(where, name, value, advice)
    if number <= 0:
        fail(ArgumentError, where, f"{name} must be above 0", describe(value), advice)
    return number


def check_fraction(where: str, name: str, value: object, advice: str) -> float:
    """Check a number with 0 ≤ value < 1."""
    number = np.nan if isinstance(value, bool) else _as_float(value)
    if not 0 <= number < 1:
        expected = f"{name} must be a number with 0 <= {name} < 1"
        fail(ArgumentError, where, expected, describe(value), advice)
    return number


def check_flag(where: str, name: str, value: object) -> bool:
    """Check for True or False, Python's or NumPy's, and no other value."""
    if not isinstance(value, bool | np.bool_):
        expected, advice = f"{name} must be True or False", f"Use {name}=True or {name}=False."
        fail(ArgumentError, where, expected, describe(value), advice)
    return bool(value)


def check_option(where: str, name: str, value: object, options: Iterable[str]) -> str:
    """Check for one of a list of words; a similar word gets a suggestion."""
    options = list(options)
    if not isinstance(value, str) or value not in options:
        near = difflib.get_close_matches(value, options, n=1) if isinstance(value, str) else []
        fail(
            ArgumentError,
            where,
            f"{name} must be one of {', '.join(map(repr, options))}",
            repr(value) if isinstance(value, str) else describe(value),
            f"Did you mean {near[0]!r}?" if near else "Pick one of these.",
        )
    return str(value)


def check_generator(where: str, rng: object) -> np.random.Generator:
    """Check a NumPy random generator; there is no global one."""
    if not isinstance(rng, np.random.Generator):
        fail(
            DtypeError,
            where,
            "rng must be a numpy.random.Generator",
            describe(rng),
            "Use rng=np.random.default_rng(0).",
        )
    return rng


def check_dtype(where: str, dtype: DTypeLike) -> np.dtype[Any]:
    """Check a dtype that the package supports."""
    try:
        checked: np.dtype[Any] = np.dtype(dtype)
        got = str(checked)
    except TypeError:
        checked, got = np.dtype(bool), repr(dtype)  # not a dtype: refused like bool
    if checked not in FLOAT_DTYPES:
        expected = "dtype must be float32, float64, longdouble, a complex type or object (mpmath)"
        fail(DtypeError, where, expected, got, "Use dtype=np.float64.")
    return checked
