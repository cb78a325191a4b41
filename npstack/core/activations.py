"""The activations that a gate or a layer can have: one table of names, functions and slopes.

==================== ================================ ========================= ==================
name                 y, for the pre-activation a      slope dy/da               at the kink
==================== ================================ ========================= ==================
linear               a                                1
sigmoid              1 / (1 + exp(-a))                y (1 - y)
tanh                 tanh(a)                          1 - y^2
relu                 a if a > 0, else 0               1 if a > 0, else 0        0 at a = 0
leaky_relu           a if a > 0, else alpha a         1 if a > 0, else alpha    alpha at a = 0
thresholded_relu     a if a > alpha, else 0           1 if a > alpha, else 0    0 at a = alpha
elu                  a if a > 0, else                 1 if a > 0, else          alpha at a = 0
                     alpha (exp(a) - 1)               alpha exp(a)
softsign             a / (1 + |a|)                    1 / (1 + |a|)^2
softplus             log(1 + exp(a))                  sigmoid(a)
scaled_tanh          alpha tanh(beta a)               alpha beta / cosh(beta a)^2
affine               alpha a + beta                   alpha
hard_sigmoid_fifth   alpha a + beta, cut to [0, 1]    alpha if 0 < y < 1        0 at both
hard_sigmoid_sixth   a/6 + 1/2, cut to [0, 1]         1/6 if 0 < y < 1          0 at both
==================== ================================ ========================= ==================

Every function is analytic or branches on the real part of ``a``. Its slope at a kink is that of the
branch which is used there, so the complex step agrees with the slope everywhere; PyTorch uses the
same slopes. A slope is computed from ``a`` if the output ``y`` has lost digits: the output of an
elu is -1 at -40, its slope there 4e-18. The slopes of sigmoid and tanh are computed from ``y``
only, because a tape keeps the gates and not their pre-activations.

Frameworks disagree about some names. `hard_sigmoid` has two meanings: with slope 1/5
(`hard_sigmoid_fifth`) or slope 1/6 (`hard_sigmoid_sixth`), see `check_activation`. A
leaky_relu without alpha has 0.01 in PyTorch and ONNX, 0.2 in Keras 3. ONNX gives its recurrent
nodes the defaults of its operators, but onnxruntime uses 0 for a missing parameter of affine,
scaled_tanh or thresholded_relu: give these parameters explicitly.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from npstack.core.arguments import check_number, check_option
from npstack.core.config import TYPE, Configured
from npstack.core.errors import ArgumentError, describe, fail
from npstack.core.numerics import (
    Array,
    absolute,
    exp,
    expm1,
    real,
    relu,
    relu_derivative,
    sigmoid,
    sigmoid_derivative,
    softplus,
    tanh,
    tanh_derivative,
)

# ---- functions with their slopes -----------------------------------------------------------------


def _leaky_relu_slope(a: Array, y: Array, alpha: float) -> Array:
    return np.where(real(a) > 0, np.ones_like(a), np.full_like(a, alpha))


def _leaky_relu(a: Array, alpha: float) -> Array:
    return a * _leaky_relu_slope(a, a, alpha)  # not alpha * a everywhere: that could overflow


def _thresholded_relu(a: Array, alpha: float) -> Array:
    return np.where(real(a) <= alpha, np.zeros_like(a), a)  # NaN is not <=: it stays


def _thresholded_relu_slope(a: Array, y: Array, alpha: float) -> Array:
    return np.where(real(a) > alpha, np.ones_like(a), np.zeros_like(a))


def _up_to_zero(a: Array) -> Array:
    """``a`` where its real part is at most zero, else zero, whose exponential cannot overflow."""
    return np.where(real(a) > 0, np.zeros_like(a), a)


def _elu(a: Array, alpha: float) -> Array:
    return np.where(real(a) > 0, a, alpha * expm1(_up_to_zero(a)))


def _elu_slope(a: Array, y: Array, alpha: float) -> Array:
    return np.where(real(a) > 0, np.ones_like(a), alpha * exp(_up_to_zero(a)))


def _softsign_slope(a: Array, y: Array) -> Array:
    root = 1 / (1 + absolute(a))
    return root * root  # not 1 / (1 + |a|)^2: the square could overflow


def _scaled_tanh(a: Array, alpha: float, beta: float) -> Array:
    return alpha * tanh(beta * a)


def _scaled_tanh_slope(a: Array, y: Array, alpha: float, beta: float) -> Array:
    # 1 / cosh(z)^2 = 4 s(2z) s(-2z) for the sigmoid s: 1 - tanh(z)^2 would cancel in the tails.
    z = (2 * beta) * a
    return (4 * alpha * beta) * sigmoid(z) * sigmoid(-z)


def _affine(a: Array, alpha: float, beta: float) -> Array:
    return alpha * a + beta


def _cut(z: Array) -> Array:
    """``z`` where its real part lies between 0 and 1, else the nearer bound; NaN stays NaN."""
    return np.where(real(z) <= 0, np.zeros_like(z), np.where(real(z) >= 1, np.ones_like(z), z))


def _cut_slope(y: Array) -> Array:
    """1 where ``y = _cut(z)`` is neither 0 nor 1, else 0."""
    # From y, not ones_like(y): divided by 6, a 1 among mpmath numbers must be an mpmath number.
    return np.where((real(y) > 0) & (real(y) < 1), 0 * y + 1, 0 * y)


# ---- the table -----------------------------------------------------------------------------------


INF = float("inf")
Range = tuple[float, float]  # the smallest and the largest value, or infinity
ANY, POSITIVE, FRACTION, SIGNED = (-INF, INF), (0, INF), (0, 1), (-1, 1)


class Kind(NamedTuple):
    """The entry of a name in the table.

    ``function(a, …)``, ``derivative(a, y, …)`` and ``range(…)`` take the parameters last: alpha,
    then beta, one for each entry of ``defaults``. The range is the smallest interval that contains
    every output; it is given directly if no parameter changes it. With ``slope_from_output``, the
    derivative does not read ``a``.
    """

    function: Callable[..., Any]
    derivative: Callable[..., Any]
    range: Range | Callable[..., Range]
    defaults: tuple[float, ...] = ()
    slope_from_output: bool = False


ACTIVATIONS: dict[str, Kind] = {
    "linear": Kind(np.copy, lambda a, y: np.ones_like(y), ANY, slope_from_output=True),
    "sigmoid": Kind(sigmoid, lambda a, y: sigmoid_derivative(y), FRACTION, slope_from_output=True),
    "tanh": Kind(tanh, lambda a, y: tanh_derivative(y), SIGNED, slope_from_output=True),
    "relu": Kind(relu, lambda a, y: relu_derivative(y), POSITIVE, slope_from_output=True),
    "leaky_relu": Kind(
        _leaky_relu, _leaky_relu_slope, lambda alpha: ANY if alpha > 0 else POSITIVE, (0.01,)
    ),
    "thresholded_relu": Kind(
        _thresholded_relu, _thresholded_relu_slope, lambda alpha: (min(alpha, 0), INF), (1.0,)
    ),
    "elu": Kind(_elu, _elu_slope, lambda alpha: (min(-alpha, 0), INF), (1.0,)),
    "softsign": Kind(lambda a: a / (1 + absolute(a)), _softsign_slope, SIGNED),
    "softplus": Kind(softplus, lambda a, y: sigmoid(a), POSITIVE),
    "scaled_tanh": Kind(
        _scaled_tanh,
        _scaled_tanh_slope,
        lambda alpha, beta: (-abs(alpha), abs(alpha)) if beta else (0, 0),
        (1.0, 1.0),
    ),
    "affine": Kind(
        _affine,
        lambda a, y, alpha, beta: np.full_like(y, alpha),
        lambda alpha, beta: ANY if alpha else (beta, beta),
        (1.0, 0.0),
        slope_from_output=True,
    ),
    "hard_sigmoid_fifth": Kind(
        lambda a, alpha, beta: _cut(alpha * a + beta),
        lambda a, y, alpha, beta: alpha * _cut_slope(y),
        lambda alpha, beta: FRACTION if alpha else (min(max(beta, 0), 1),) * 2,
        (0.2, 0.5),
        slope_from_output=True,
    ),
    "hard_sigmoid_sixth": Kind(
        lambda a: _cut(a / 6 + 0.5),
        lambda a, y: _cut_slope(y) / 6,
        FRACTION,
        slope_from_output=True,
    ),
}
_PARAMETERS = ("alpha", "beta")


@dataclass(frozen=True)
class Activation(Configured):
    """One activation of the table, with its parameters.

    Two activations with the same name and parameters are equal and have the same hash. Where a
    layer takes an activation, a name stands for the activation with default parameters. `Clipped`
    and `OwnActivation` are accepted there, too.

    Parameters
    ----------
    name : str
        A name in the table at the top of this module.
    alpha, beta : float, optional
        Any finite numbers, also negative ones. Defaults: 0.01 for leaky_relu, 0.2 and 0.5 for
        hard_sigmoid_fifth, 1 and 0 for affine, otherwise 1. A parameter that the function does
        not have is an error.

    Raises
    ------
    ArgumentError
        An unknown name or parameter, or one that is not a finite number.

    Examples
    --------
    >>> elu = Activation("elu", alpha=0.5)
    >>> a = np.array([-40.0, 0.0, 2.0])
    >>> y = elu.function(a)
    >>> y
    array([-0.5,  0. ,  2. ])
    >>> elu.derivative(a, y)
    array([2.12417713e-18, 5.00000000e-01, 1.00000000e+00])
    >>> Activation("elu") == Activation("elu", alpha=1)
    True
    """

    name: str
    alpha: float | None = None
    beta: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", _check_name("Activation", "name", self.name))
        defaults = ACTIVATIONS[self.name].defaults
        for place, parameter in enumerate(_PARAMETERS):
            value = getattr(self, parameter)
            if place < len(defaults):
                value = defaults[place] if value is None else value
                advice = "Leave it out for the default."
                number = check_number("Activation", parameter, value, advice)
                object.__setattr__(self, parameter, number)
            elif value is not None:
                with_it = [n for n, kind in ACTIVATIONS.items() if place < len(kind.defaults)]
                expected, got = f"{self.name} takes no {parameter}", f"{parameter}={value!r}"
                advice = f"Leave it out, or take one that has it: {', '.join(with_it)}."
                fail(ArgumentError, "Activation", expected, got, advice)

    @property
    def slope_from_output(self) -> bool:
        """Whether `derivative` reads only the output, so that its ``a`` may be None.

        Examples
        --------
        >>> Activation("tanh").slope_from_output, Activation("elu").slope_from_output
        (True, False)
        """
        return ACTIVATIONS[self.name].slope_from_output

    @property
    def range(self) -> Range:
        """The smallest and the largest possible output, or infinity.

        Examples
        --------
        >>> Activation("tanh").range, Activation("elu", alpha=0.5).range
        ((-1.0, 1.0), (-0.5, inf))
        """
        own = ACTIVATIONS[self.name].range
        low, high = own(*self._parameters) if callable(own) else own
        return float(low), float(high)

    def function(self, a: Array) -> Array:
        """The output ``y``, of the shape and dtype of the pre-activation ``a``; NaN stays NaN.

        Examples
        --------
        >>> Activation("hard_sigmoid_sixth").function(np.array([-3.0, 0.0, 1.5, 3.0]))
        array([0.  , 0.5 , 0.75, 1.  ])
        """
        return np.asarray(ACTIVATIONS[self.name].function(a, *self._parameters))

    def derivative(self, a: Array | None, y: Array) -> Array:
        """The slope ``dy/da`` for ``y = function(a)``; at a kink, as in the table.

        Examples
        --------
        >>> Activation("hard_sigmoid_fifth").derivative(None, np.array([0.0, 0.5, 1.0]))
        array([0. , 0.2, 0. ])
        """
        return np.asarray(ACTIVATIONS[self.name].derivative(a, y, *self._parameters))

    def config(self) -> dict[str, Any]:
        """Name and parameters as JSON values, with defaults.

        Examples
        --------
        >>> Activation("elu").config()
        {'type': 'Activation', 'name': 'elu', 'alpha': 1.0}
        """
        names = _PARAMETERS[: len(self._parameters)]
        own = dict(zip(names, self._parameters, strict=True))
        return {TYPE: type(self).__name__, "name": self.name, **own}

    @property
    def _parameters(self) -> tuple[float, ...]:
        return tuple(value for value in (self.alpha, self.beta) if value is not None)

    def __repr__(self) -> str:
        _, name, *parameters = self.config().items()
        return f"Activation({', '.join([repr(name[1]), *(f'{n}={v}' for n, v in parameters)])})"


def check_activation(where: str, name: str, value: str | Activation) -> Activation:
    """Check an `Activation`, or the name of one; return an `Activation`.

    Examples
    --------
    >>> check_activation("Dense", "activation", "elu")
    Activation('elu', alpha=1.0)
    >>> check_activation("Dense", "activation", "hard_sigmoid")
    Traceback (most recent call last):
    npstack.core.errors.ArgumentError: Dense: activation must be 'hard_sigmoid_fifth' or
    'hard_sigmoid_sixth', got 'hard_sigmoid'. The fifth is clip(0.2 a + 0.5, 0, 1), in Keras 1 and
    2, ONNX (its default) and MATLAB; the sixth is clip(a/6 + 1/2, 0, 1), in Keras 3, PyTorch and
    JAX.
    """
    if isinstance(value, Activation):
        return value
    return Activation(_check_name(where, name, value))


def _check_name(where: str, name: str, value: object) -> str:
    """Check a name; for ``hard_sigmoid`` and similar names, the error names both functions."""
    names = [*ACTIVATIONS, "hard_sigmoid"]
    spelt = value.lower() if isinstance(value, str) else ""
    if difflib.get_close_matches(spelt, names, n=1) == ["hard_sigmoid"]:
        expected = f"{name} must be 'hard_sigmoid_fifth' or 'hard_sigmoid_sixth'"
        advice = (
            "The fifth is clip(0.2 a + 0.5, 0, 1), in Keras 1 and 2, ONNX (its default) and "
            "MATLAB; the sixth is clip(a/6 + 1/2, 0, 1), in Keras 3, PyTorch and JAX."
        )
        fail(ArgumentError, where, expected, repr(value), advice)
    if callable(value):
        expected = f"{name} must be the name of an activation, or an activation"
        advice = "With its slope it is one: OwnActivation('my_tanh', function, derivative)."
        fail(ArgumentError, where, expected, describe(value), advice)
    return check_option(where, name, value, ACTIVATIONS)
