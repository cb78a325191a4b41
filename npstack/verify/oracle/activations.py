"""Activations: each returns its value and its derivative.

The derivatives are written so that no precision is lost for large positive or negative ``a``:
``s(a) s(-a)`` instead of ``y (1 - y)``, and ``1 / cosh(a)^2 = 4 s(2a) s(-2a)`` instead of ``1 -
y^2``. At a kink, use the derivative of the constant side (0); `leaky_relu` and `elu` have no
constant side and use the left derivative.

An activation is given by its name, or by its name and its constants alpha and beta, in this order:
``"tanh"``, ``("leaky_relu", 0.1)``, ``("affine", 2.0, 0.5)``. With a clip of its argument it is
``("clipped", "tanh", 0.8)``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from npstack.verify.oracle.dual import function

Pair = tuple[float, float]  # a value and its derivative


def logistic(a: float) -> float:
    """``s(a) = 1 / (1 + exp(-a))``, never taking the exponential of a positive number."""
    if a < 0:
        e = math.exp(a)
        return e / (1.0 + e)
    return 1.0 / (1.0 + math.exp(-a))


def linear(a: float) -> Pair:
    """``a``."""
    return a, 1.0


def sigmoid(a: float) -> Pair:
    """``1 / (1 + exp(-a))``."""
    return logistic(a), logistic(a) * logistic(-a)


def tanh(a: float) -> Pair:
    """``tanh(a)``."""
    return math.tanh(a), 4.0 * logistic(2.0 * a) * logistic(-2.0 * a)


def relu(a: float) -> Pair:
    """``a`` where positive, else 0."""
    return (a, 1.0) if a > 0 else (0.0, 0.0)


def leaky_relu(a: float, alpha: float = 0.01) -> Pair:
    """``a`` where positive, else ``alpha a``."""
    return (a, 1.0) if a > 0 else (alpha * a, alpha)


def thresholded_relu(a: float, alpha: float = 1.0) -> Pair:
    """``a`` where greater than ``alpha``, else 0."""
    return (a, 1.0) if a > alpha else (0.0, 0.0)


def elu(a: float, alpha: float = 1.0) -> Pair:
    """``a`` where positive, else ``alpha (exp(a) - 1)``."""
    return (a, 1.0) if a > 0 else (alpha * math.expm1(a), alpha * math.exp(a))


def softsign(a: float) -> Pair:
    """``a / (1 + |a|)``."""
    return a / (1.0 + abs(a)), 1.0 / (1.0 + abs(a)) ** 2


def softplus(a: float) -> Pair:
    """``log(1 + exp(a))``."""
    return max(a, 0.0) + math.log1p(math.exp(-abs(a))), logistic(a)


def scaled_tanh(a: float, alpha: float = 1.0, beta: float = 1.0) -> Pair:
    """``alpha tanh(beta a)``."""
    value, slope = tanh(beta * a)
    return alpha * value, alpha * beta * slope


def affine(a: float, alpha: float = 1.0, beta: float = 0.0) -> Pair:
    """``alpha a + beta``."""
    return alpha * a + beta, alpha


def hard_sigmoid_fifth(a: float, alpha: float = 0.2, beta: float = 0.5) -> Pair:
    """``alpha a + beta`` clipped to 0 … 1; slope ``alpha``, by default 1/5."""
    y = alpha * a + beta
    if y <= 0:
        return 0.0, 0.0
    return (1.0, 0.0) if y >= 1 else (y, alpha)


def hard_sigmoid_sixth(a: float) -> Pair:
    """``a / 6 + 1/2`` clipped to 0 … 1; slope 1/6."""
    return hard_sigmoid_fifth(a, 1.0 / 6.0, 0.5)


NAMED = (
    linear,
    sigmoid,
    tanh,
    relu,
    leaky_relu,
    thresholded_relu,
    elu,
    softsign,
    softplus,
    scaled_tanh,
    affine,
    hard_sigmoid_fifth,
    hard_sigmoid_sixth,
)
ACTIVATIONS = {f.__name__: function(f) for f in NAMED}


def activation(given: str | tuple[Any, ...]) -> Callable[[Any], Any]:
    """The function for a name, or for a name and its constants.

    Examples
    --------
    >>> activation("relu")(-3.0), activation(("leaky_relu", 0.5))(-3.0)
    (0.0, -1.5)
    """
    name, *constants = (given,) if isinstance(given, str) else given
    if name == "clipped":
        inner, limit = constants
        return lambda a: activation(inner)(clip(a, limit))
    f = ACTIVATIONS[name]
    return lambda a: f(a, *constants)


def clip(a: Any, limit: float | None) -> Any:
    """``a`` clipped to ``-limit`` … ``limit``; unchanged without a limit.

    Examples
    --------
    >>> clip(-3.0, 2.0), clip(-3.0, None)
    (-2.0, -3.0)
    """
    return a if limit is None else clipped(a, limit)


@function
def clipped(a: float, limit: float) -> Pair:
    """The value and the slope of `clip`."""
    if a <= -limit:
        return -limit, 0.0
    return (limit, 0.0) if a >= limit else (a, 1.0)


@function
def inverse_root(a: float) -> Pair:
    """``1 / sqrt(a)``."""
    return 1.0 / math.sqrt(a), -0.5 / (a * math.sqrt(a))
