"""Numbers with an unlimited range, for sums and squares that overflow or underflow as floats.

The square of 1e200 is not a float, although its root is, and a weighted mean of such squares may
be. So sums, squares and divisions are computed with plain floats first; if these leave their range,
the same formula is computed again with `Wide` numbers. They are scaled exactly, by powers of two,
so that both ways give the same digits where plain floats are sufficient.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from npstack.core import numerics
from npstack.core.numerics import Array

NOTHING = -(2**40)  # the exponent of a zero: it is far below every other number
FARTHEST = 2**17  # beyond every exponent of every float


class Wide:
    """An array of numbers ``part · 2**exponent``, the parts from 1/2 to 1 in size.

    They add, subtract, multiply and divide, with each other and with arrays and numbers. float32
    becomes float64. Zero, NaN and infinity do not change.

    Examples
    --------
    >>> large = Wide(np.array([3e200, 4e200]))
    >>> print(f"{(large * large).sum().sqrt().rounded(np.float64):.3g}")
    5e+200
    """

    __array_ufunc__ = None  # for an array on the left

    part: Array
    exponent: NDArray[np.int64]

    def __init__(self, given: Any, exponent: Any = 0) -> None:
        if isinstance(given, Wide):
            self.part, self.exponent = given.part, given.exponent
            return
        values = np.asarray(given)
        values = values.astype(np.result_type(values.dtype, np.float64), copy=False)
        size = values
        if values.dtype.kind == "c":
            size = np.maximum(abs(values.real), abs(values.imag))
        own = np.where(np.isfinite(size), np.frexp(size)[1], 0).astype(np.int64)
        self.part = _shifted(values, -own)
        self.exponent = np.where(size == 0, NOTHING, own + exponent)

    def __add__(self, other: Any) -> Wide:
        other = Wide(other)
        top = np.maximum(self.exponent, other.exponent)
        ours, theirs = (_shifted(wide.part, wide.exponent - top) for wide in (self, other))
        return Wide(ours + theirs, top)

    def __neg__(self) -> Wide:
        return self * -1

    def __sub__(self, other: Any) -> Wide:
        return self + -Wide(other)

    def __rsub__(self, other: Any) -> Wide:
        return Wide(other) - self

    def __mul__(self, other: Any) -> Wide:
        other = Wide(other)
        return Wide(self.part * other.part, self.exponent + other.exponent)

    def __truediv__(self, other: Any) -> Wide:
        other = Wide(other)
        return Wide(self.part / other.part, self.exponent - other.exponent)

    def __rtruediv__(self, other: Any) -> Wide:
        return Wide(other) / self

    __radd__, __rmul__ = __add__, __mul__

    def __getitem__(self, index: Any) -> Wide:
        return Wide(self.part[index], self.exponent[index])

    def sum(self, axis: int | None = None) -> Wide:
        """The sum along an axis, or of all."""
        top = self.exponent.max(axis=axis, keepdims=True, initial=NOTHING)
        total = _shifted(self.part, self.exponent - top).sum(axis=axis, keepdims=True)
        return Wide(np.squeeze(total, axis), np.squeeze(top, axis))

    def sqrt(self) -> Wide:
        """The square root."""
        odd = self.exponent % 2
        return Wide(numerics.sqrt(_shifted(self.part, odd)), (self.exponent - odd) // 2)

    def __abs__(self) -> Wide:
        return Wide(np.abs(self.part), self.exponent)

    def rounded(self, dtype: DTypeLike) -> Any:
        """The nearest numbers of a dtype; NumPy reports an overflow as usual."""
        with np.errstate(under="ignore"):
            return _shifted(self.part, self.exponent).astype(dtype)


def absolute(values: Any) -> Any:
    """`numerics.absolute`, of arrays and of wide numbers."""
    if isinstance(values, Wide):
        return Wide(numerics.absolute(values.part), values.exponent)
    return numerics.absolute(values)


def sign(values: Any) -> Array:
    """`numerics.sign`, of arrays and of wide numbers."""
    return numerics.sign(values.part if isinstance(values, Wide) else values)


def clip(values: Any, limit: float) -> Array:
    """`numerics.clip`, of arrays and of wide numbers: within the limit they need not be wide."""
    return numerics.clip(
        values.rounded(values.part.dtype) if isinstance(values, Wide) else values, limit
    )


def careful(plain: Array, sound: Any, formula: Callable[[], Wide]) -> Array:
    """The result in plain floats or, if that overflows or underflows, in wide numbers.

    Examples
    --------
    >>> values = np.array([[1e308, 1e308], [1.0, 3.0]])
    >>> with np.errstate(over="ignore"):
    ...     plain = values.mean(axis=1)
    >>> careful(plain, np.isfinite(plain), lambda: Wide(values).sum(axis=1) / 2)
    array([1.e+308, 2.e+000])
    """
    if plain.dtype.kind == "O" or np.all(sound):
        return plain
    with np.errstate(all="ignore"):
        wide = formula()
    return np.where(sound, plain, wide.rounded(plain.dtype))


def mean(values: Array, dtype: DTypeLike | None = None) -> Array:
    """The mean along the first axis, in a dtype or in their own.

    Examples
    --------
    >>> mean(np.array([1e308, 1.5e308]))
    array(1.25e+308)
    """
    with np.errstate(over="ignore", invalid="ignore"):
        plain = np.asarray(values.mean(0, dtype))
    return careful(plain, numerics.is_finite(plain), lambda: Wide(values).sum(0) / len(values))


def deviation(values: Array, dtype: DTypeLike | None = None) -> Array:
    """The standard deviation (divided by n) along the first axis, in a dtype or in their own.

    Examples
    --------
    >>> deviation(np.array([[1e200, 1e-200], [3e200, 3e-200]]))
    array([1.e+200, 1.e-200])
    """
    with np.errstate(over="ignore", invalid="ignore"):
        plain = np.asarray(values.std(0, dtype))
        sound = squares_are_sound(plain * plain, plain.dtype)
        sound |= (plain == 0) & (values == values[:1]).all(0)

    def spread() -> Wide:
        wide = Wide(values)
        differences = wide - wide.sum(0) / len(values)
        return ((differences * differences).sum(0) / len(values)).sqrt()

    return careful(plain, sound, spread)


def squares_are_sound(mean: Any, dtype: np.dtype[Any]) -> Any:
    """Whether means of squares have neither overflowed, nor lost their digits where they are tiny.

    A square loses at most half of the smallest number, which does not affect a normal mean.
    """
    if dtype.kind == "O":
        return True
    size = abs(mean.real)
    return (size >= np.finfo(dtype).tiny) & (size < np.inf)


def _shifted(values: Array, by: Any) -> Array:
    """``values · 2**by``, for complex numbers too."""
    by = np.clip(by, -FARTHEST, FARTHEST).astype(np.intc)
    if values.dtype.kind != "c":
        return np.asarray(np.ldexp(values, by))
    found = np.empty(np.broadcast(values, by).shape, values.dtype)
    found.real, found.imag = np.ldexp(values.real, by), np.ldexp(values.imag, by)
    return found
