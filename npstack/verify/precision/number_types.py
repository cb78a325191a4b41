"""Numbers with more digits than those of a layer: the widest float of the machine, or mpmath's."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from npstack.core.arguments import check_whole
from npstack.core.errors import ArgumentError, DtypeError, describe, fail, optional_package
from npstack.core.numerics import Array

GUARD = 10  # decimal digits with which mpmath computes, beyond those that are asked for


@dataclass(frozen=True)
class Floats:
    """Floats of NumPy.

    Attributes
    ----------
    dtype : dtype
    eps : float
        Of longdouble, 1.1e-19 on most Intel and AMD processors and 1.9e-34 on some others; that of
        float64 on Windows and on Apple's ARM, where nothing wider exists.
    step : number
        Of the complex step: a power of two, so small that its square vanishes beside anything.

    Examples
    --------
    >>> Floats(np.dtype(np.float64)).wide(np.ones(1, np.float32)).dtype
    dtype('float64')
    """

    dtype: np.dtype[Any]

    @property
    def eps(self) -> float:
        """The distance from 1 to the next number."""
        return float(np.finfo(self.dtype).eps)

    @property
    def step(self) -> Any:
        """Of the complex step."""
        return np.ldexp(self.dtype.type(1), int(np.finfo(self.dtype).minexp) // 4)

    def wide(self, value: Array) -> Array:
        """Cast floating-point numbers; integers do not change."""
        return value.astype(self.dtype) if value.dtype.kind == "f" else value

    def complex(self, value: Array) -> Array:
        """Numbers to which an imaginary one can be added."""
        kind = np.result_type(self.dtype, np.complex64)
        return value.astype(kind) if value.dtype.kind == "f" else value

    def imaginary(self) -> Any:
        """The step times i."""
        return self.complex(np.array(self.step))[()] * 1j

    def collected(self, values: list[Any]) -> Array:
        """An array of numbers."""
        return np.array(values, dtype=self.dtype)

    def kept(self, value: Array) -> Array:
        """As it is returned to the user."""
        return value


def longdouble() -> Floats:
    """The widest floats of the machine.

    Examples
    --------
    >>> longdouble().eps <= 2.0**-52
    True
    """
    return Floats(np.dtype(np.longdouble))


@dataclass(frozen=True)
class Digits:
    """mpmath's numbers, in a context of their own: no setting of the process changes.

    Attributes
    ----------
    digits : int
        Decimal digits.
    context : mpmath context
    """

    digits: int
    context: Any

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the results."""
        return np.dtype(object)

    @property
    def eps(self) -> float:
        """The relative distance between two numbers with so many digits."""
        return float(10.0**-self.digits)

    @property
    def step(self) -> Any:
        """Of the complex step; the exponents of mpmath have no limit."""
        return self.context.ldexp(1, -4 * self.context.prec)

    def wide(self, value: Array) -> Array:
        """Convert floating-point numbers, exactly; integers do not change."""
        return each(self.context.convert, value) if value.dtype.kind in "fO" else value

    complex = wide  # its real and complex numbers may stand in one array

    def imaginary(self) -> Any:
        """The step times i."""
        return self.context.mpc(0, self.step)

    def collected(self, values: list[Any]) -> Array:
        """An array of numbers."""
        return each(self.context.convert, np.array(values, dtype=object))

    def kept(self, value: Array) -> Array:
        """As it is returned to the user: numbers of ``mpmath.mp``, with all their digits."""
        if value.dtype != object:
            return value
        make = importlib.import_module("mpmath").mp.make_mpf
        return each(lambda number: make(self.context.convert(number)._mpf_), value)


def each(function: Callable[[Any], Any], value: Array) -> Array:
    """A function of every number, as an array of Python's objects."""
    found = np.empty(value.size, dtype=object)
    found[:] = [function(number) for number in value.ravel()]
    return found.reshape(value.shape)


NumberType = Floats | Digits


def number_type(where: str, digits: int | None) -> NumberType:
    """The widest floats, or mpmath's numbers with so many digits.

    Examples
    --------
    >>> number_type("here", 50).eps
    1e-50
    """
    if digits is None:
        return longdouble()
    advice = "Use 50; leave it out for the widest floats of the machine."
    digits = check_whole(where, "digits", digits, advice, least=16, most=300)
    expected = "digits= computes with mpmath, which must be installed"
    advice = "Use: pip install npstack[precision], or leave digits out."
    context = optional_package(where, "mpmath", expected, advice).mp.clone()
    context.dps = digits + GUARD
    return Digits(digits, context)


def check_working(where: str, dtype: np.dtype[Any]) -> float:
    """The eps of the type in which a layer works, which must be a real float."""
    if dtype.kind != "f":
        expected = "the parameters must be float32, float64 or longdouble"
        advice = "Build the layer with dtype=np.float64. Truth itself is computed with more digits."
        fail(DtypeError, where, expected, describe(np.zeros(0, dtype)).split()[0], advice)
    return float(np.finfo(dtype).eps)


def check_wider(where: str, numbers: NumberType, dtype: np.dtype[Any]) -> None:
    """Refuse numbers that have no more digits than those that they are to judge."""
    if numbers.eps >= check_working(where, dtype):
        expected = f"there must be a type with more digits than {dtype}"
        got = f"an eps of {numbers.eps:.2g} at most"
        fail(ArgumentError, where, expected, got, "Use digits=50, which computes with mpmath.")
