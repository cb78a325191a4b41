"""Dual numbers: every value with its derivatives by all inputs.

::

    (a, da) + (b, db) = (a + b, da + db)
    (a, da) * (b, db) = (a * b, da * b + a * db)
    f((a, da))        = (f(a), f'(a) * da)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Dual:
    """A value and its derivatives by every input number.

    Examples
    --------
    >>> x, y = Dual(3.0, [1.0, 0.0]), Dual(5.0, [0.0, 1.0])
    >>> z = x * y + 2.0 * x
    >>> z.value, z.slopes
    (21.0, [7.0, 3.0])
    """

    __slots__ = ("slopes", "value")

    def __init__(self, value: float, slopes: list[float]) -> None:
        self.value = value
        self.slopes = slopes

    def __add__(self, other: Number) -> Dual:
        if isinstance(other, Dual):
            slopes = [p + q for p, q in zip(self.slopes, other.slopes, strict=True)]
            return Dual(self.value + other.value, slopes)
        return Dual(self.value + other, self.slopes)

    def __mul__(self, other: Number) -> Dual:
        a = self.value
        if isinstance(other, Dual):
            b = other.value
            slopes = [p * b + a * q for p, q in zip(self.slopes, other.slopes, strict=True)]
            return Dual(a * b, slopes)
        return Dual(a * other, [p * other for p in self.slopes])

    __radd__ = __add__
    __rmul__ = __mul__

    def __sub__(self, other: Number) -> Dual:
        return self + -1.0 * other

    def __rsub__(self, other: float) -> Dual:
        return -1.0 * self + other


Number = float | Dual
Vector = list[Any]  # of numbers


def function(f: Callable[..., tuple[float, float]]) -> Callable[..., Any]:
    """A function of floats and dual numbers, from one that returns its value and derivative.

    Further arguments are constants, without derivatives.

    Examples
    --------
    >>> cube = function(lambda a: (a**3, 3 * a**2))
    >>> cube(2.0), cube(Dual(2.0, [1.0, 10.0])).slopes
    (8.0, [12.0, 120.0])
    """

    def of_number(a: Number, *constants: float) -> Number:
        if isinstance(a, Dual):
            value, slope = f(a.value, *constants)
            return Dual(value, [slope * p for p in a.slopes])
        return f(a, *constants)[0]

    return of_number


def differentiate(f: Callable[[Any], Number], inputs: Any) -> tuple[float, Any]:
    """Value of ``f(inputs)`` and its derivative by every float in ``inputs``.

    ``inputs`` is any nesting of dictionaries and lists; the derivative comes back in the same
    nesting. Whole numbers, booleans and None are not differentiated and come back as they are.

    Examples
    --------
    >>> differentiate(lambda v: v["a"] * v["b"][0] + v["b"][1], {"a": 2.0, "b": [3.0, 4.0]})
    (10.0, {'a': 3.0, 'b': [2.0, 1.0]})
    """
    n = len(numbers(inputs))
    places = iter(range(n))

    def with_own_slope(value: float) -> Dual:
        slopes = [0.0] * n
        slopes[next(places)] = 1.0
        return Dual(value, slopes)

    result = f(mapped(with_own_slope, inputs))
    slopes = iter(result.slopes if isinstance(result, Dual) else [0.0] * n)
    value = result.value if isinstance(result, Dual) else result
    return value, mapped(lambda _: next(slopes), inputs)


def mapped(f: Callable[[Any], Any], tree: Any) -> Any:
    """The same nesting with ``f`` applied to every float and dual number, in order.

    Examples
    --------
    >>> mapped(lambda a: 2.0 * a, {"a": [1.0, 3], "b": None})
    {'a': [2.0, 3], 'b': None}
    """
    if isinstance(tree, float | Dual):
        return f(tree)
    if isinstance(tree, dict):
        return {name: mapped(f, branch) for name, branch in tree.items()}
    return [mapped(f, branch) for branch in tree] if isinstance(tree, list | tuple) else tree


def numbers(tree: Any) -> list[Any]:
    """All floats and dual numbers in a nesting, in order.

    Examples
    --------
    >>> numbers([{"a": 1.0}, [[2.0], 3]])
    [1.0, 2.0]
    """
    found: list[Any] = []
    mapped(found.append, tree)
    return found


def weighted_sum(values: Any, weights: Any) -> Number:
    """The sum of all numbers of ``values``, each times the one at its place in ``weights``.

    Examples
    --------
    >>> weighted_sum([[1.0, 2.0], [3.0]], [[1.0, 10.0], [100.0]])
    321.0
    """
    pairs = zip(numbers(values), numbers(weights), strict=True)
    return sum((value * weight for value, weight in pairs), 0.0)


def mean_squared_error(predictions: Any, targets: Any, mask: Any = None) -> Number:
    """Mean of ``(prediction - target)^2``; with a mask ``[b][t]``, over valid steps only.

    Examples
    --------
    >>> mean_squared_error([[[1.0], [9.0]]], [[[3.0], [4.0]]], [[True, False]])
    4.0
    """
    if mask is not None:
        places = [(b, t) for b, row in enumerate(mask) for t, valid in enumerate(row) if valid]
        predictions, targets = ([v[b][t] for b, t in places] for v in (predictions, targets))
    differences = [p - q for p, q in zip(numbers(predictions), numbers(targets), strict=True)]
    return sum((d * d for d in differences), 0.0) * (1.0 / len(differences))
