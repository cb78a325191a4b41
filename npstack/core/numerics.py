"""The only transcendental functions of the package, and functions that branch on the real part.

Everything here runs on float32, float64, longdouble, complex numbers and object arrays of mpmath
numbers, and keeps the dtype it is given. Each function is analytic, or branches on the *real part*
of its argument: so the complex step (`npstack.gradcheck`) works through a whole model, with
a derivative that is correct to the last digit or two.

The derivatives of sigmoid, tanh and relu are written in terms of the *output* ``y``, because the
output is what a tape keeps: for ``y = sigmoid(a)``, ``dy/da = y (1 - y)``. All activations by name,
with their slopes, are in `npstack.core.activations`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def _on_objects(function: str, a: Array) -> Array:
    """Apply a function of the objects' context (``mpf.context``), or of `math`."""
    context = next((value.context for value in a.flat if hasattr(value, "context")), math)
    return np.asarray(np.frompyfunc(getattr(context, function), 1, 1)(a), dtype=object)


def _into(found: Array, out: Array | None) -> Array:
    """Copy computed numbers into ``out``, if it is given."""
    if out is None:
        return found
    out[...] = found
    return out


def exp(a: Array, out: Array | None = None) -> Array:
    """Exponential function of any number type; ``out`` may be ``a`` itself."""
    return _into(_on_objects("exp", a), out) if a.dtype == object else np.exp(a, out=out)


def expm1(a: Array) -> Array:
    """``exp(a) - 1`` without the loss of digits at small ``a``, of any number type."""
    return _on_objects("expm1", a) if a.dtype == object else np.expm1(a)


def tanh(a: Array, out: Array | None = None) -> Array:
    """Hyperbolic tangent of any number type; ``out`` is where to put it.

    Examples
    --------
    >>> float(tanh(np.array(0.5)).round(4))
    0.4621
    """
    return _into(_on_objects("tanh", a), out) if a.dtype == object else np.tanh(a, out=out)


def log(a: Array) -> Array:
    """Natural logarithm of any number type."""
    return _on_objects("log", a) if a.dtype == object else np.log(a)


def log1p(a: Array) -> Array:
    """``log(1 + a)`` without the loss of digits at small ``a``, of any number type."""
    return _on_objects("log1p", a) if a.dtype == object else np.log1p(a)


def sqrt(a: Array) -> Array:
    """Square root of any number type."""
    return _on_objects("sqrt", a) if a.dtype == object else np.sqrt(a)


def cos(a: Array) -> Array:
    """Cosine of any number type."""
    return _on_objects("cos", a) if a.dtype == object else np.cos(a)


def real(a: Array) -> Array:
    """Real part of any number type (an array without imaginary part is returned unchanged)."""
    if a.dtype == object:
        return np.asarray(np.frompyfunc(lambda value: value.real, 1, 1)(a), dtype=object)
    return a.real


def is_finite(a: Array) -> NDArray[np.bool_]:
    """Elementwise: neither NaN nor infinite (for complex numbers, in both parts)."""
    if a.dtype == object:
        return _on_objects("isfinite", a).astype(bool)
    return np.isfinite(a)


def sigmoid(a: Array) -> Array:
    """Logistic function ``1 / (1 + exp(-a))`` with full relative precision in both tails.

    The exponential is taken of ``-|a|`` only, so nothing overflows; and for negative ``a`` the
    result is formed as ``exp(a) / (1 + exp(a))``, so a nearly closed gate keeps all its digits.
    The popular ``(1 + tanh(a / 2)) / 2`` is off by 4e7 units in the last place at -20.

    Examples
    --------
    >>> sigmoid(np.array([-40.0, 0.0, 40.0]))
    array([4.24835426e-18, 5.00000000e-01, 1.00000000e+00])
    """
    negative = real(a) < 0
    e = np.where(negative, a, -a)
    e = exp(e, out=e)
    return np.asarray(np.where(negative, e, np.ones_like(e)) / (1 + e))


def sigmoid_derivative(y: Array) -> Array:
    """``dy/da`` for ``y = sigmoid(a)``, from the output ``y``."""
    return np.asarray(y * (1 - y))


def tanh_derivative(y: Array) -> Array:
    """``dy/da`` for ``y = tanh(a)``, from the output ``y``."""
    return np.asarray(1 - y * y)


def relu(a: Array) -> Array:
    """``a`` where its real part is positive, else zero; NaN stays NaN, so that it can be found.

    Examples
    --------
    >>> relu(np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    return np.where(real(a) <= 0, np.zeros_like(a), a)


def relu_derivative(y: Array) -> Array:
    """``dy/da`` for ``y = relu(a)``, from the output ``y``; 0 at the kink."""
    return np.where(real(y) > 0, np.ones_like(y), np.zeros_like(y))


def absolute(a: Array) -> Array:
    """``a`` or ``-a``, whichever has a real part of at least zero; NaN stays NaN.

    Examples
    --------
    >>> absolute(np.array([-1.5, 2.0]))
    array([1.5, 2. ])
    """
    return np.where(real(a) <= 0, 0 - a, a)


def sign(a: Array) -> Array:
    """Derivative of `absolute`: -1, 1, or 0 at the kink, by the real part of ``a``."""
    return np.asarray(np.sign(real(a)), dtype=a.dtype)


def clip(a: Array, limit: float) -> Array:
    """``a`` where its real part lies between ``-limit`` and ``limit``, else the nearer limit.

    Examples
    --------
    >>> clip(np.array([-3.0, 0.5, 3.0]), 1.0)
    array([-1. ,  0.5,  1. ])
    """
    edge = np.full_like(a, limit)
    return np.where(real(a) > limit, edge, np.where(real(a) < -limit, -edge, a))


def clip_backward(y: Array, dy: Array, limit: float) -> Array:
    """The gradient of a clip, from its result ``y``: it is zero at a limit.

    Examples
    --------
    >>> clip_backward(np.array([-1.0, 0.5]), np.array([3.0, 4.0]), 1.0)
    array([0., 4.])
    """
    return np.where(real(absolute(y)) < limit, dy, np.zeros_like(dy))


def dropped(values: Array, kept: NDArray[np.bool_], rate: float) -> Array:
    """Dropout: ``values / (1 - rate)`` where kept, else zero. Linear, and its own derivative.

    It selects values: multiplying by a mask would keep a NaN that is dropped.

    Examples
    --------
    >>> dropped(np.array([1.0, np.inf]), np.array([True, False]), 0.5)
    array([2., 0.])
    """
    return np.where(kept, values / (1 - rate), np.zeros_like(values))


def softplus(a: Array) -> Array:
    """``log(1 + exp(a))``, the integral of `sigmoid`, with full relative precision in both tails.

    Examples
    --------
    >>> softplus(np.array([-40.0, 0.0, 1000.0]))
    array([4.24835426e-18, 6.93147181e-01, 1.00000000e+03])
    """
    return np.asarray(relu(a) + log1p(exp(-absolute(a))))


def _below_top(a: Array) -> tuple[Array, Array, Array]:
    """The largest entry along the last axis, all minus it, and the sum of the others' exponentials.

    The exponential of the largest is exactly 1. It is left out of the sum and added by ``log1p`` or
    ``1 +``, so that it does not remove the digits of the others, and a probability close to one
    has a logarithm that is not zero.
    """
    top = np.expand_dims(real(a).argmax(axis=-1), -1)
    largest = np.take_along_axis(a, top, axis=-1)
    below = a - largest
    others = np.where(np.arange(a.shape[-1]) == top, np.zeros_like(a), exp(below))
    return largest, below, others.sum(axis=-1, keepdims=True)


def logsumexp(a: Array) -> Array:
    """``log(sum(exp(a)))`` along the last axis, which is kept with length 1; nothing overflows.

    Examples
    --------
    >>> logsumexp(np.array([1000.0, 1000.0])).round(4)
    array([1000.6931])
    """
    largest, _, others = _below_top(a)
    return largest + log1p(others)


def log_softmax(a: Array) -> Array:
    """``log(softmax(a))`` along the last axis, with full relative precision close to 0 too.

    Examples
    --------
    >>> log_softmax(np.array([40.0, 0.0]))
    array([-4.24835426e-18, -4.00000000e+01])
    """
    _, below, others = _below_top(a)
    return below - log1p(others)


def softmax(a: Array) -> Array:
    """``exp(a) / sum(exp(a))`` along the last axis: probabilities; nothing overflows.

    Examples
    --------
    >>> softmax(np.array([1000.0, 1000.0, -1000.0]))
    array([0.5, 0.5, 0. ])
    """
    _, below, others = _below_top(a)
    return np.asarray(exp(below) / (1 + others))
