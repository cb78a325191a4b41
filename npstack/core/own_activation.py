"""An activation of the user's own: a function and its slope, checked by a complex step.

Ports to small devices often replace tanh by a cheap function, such as the rational
``x (27 + x^2) / (27 + 9 x^2)``, cut to [-1, 1]. To train or compare with such a port, the same
function, with its slope, must stand at the place of tanh.

When it is made, the function is tried on a grid of numbers between -30 and 30:

- The slope by a complex step, ``imag(function(a + i h)) / h``, must be that of ``derivative``.
- If they differ, a difference of two values says which of the two is wrong. A function that loses
  the imaginary part gives a wrong complex step, and every gradient check would be wrong with it.
- At a kink, any number between the slopes of both sides is accepted.
- Both must return an array of the shape and dtype of ``a``, compute every number for itself, and
  leave ``a`` as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from npstack.core.activations import ACTIVATIONS, ANY, Activation, Range
from npstack.core.config import Configured
from npstack.core.errors import ArgumentError, CodeError, DtypeError, describe, fail, in_words
from npstack.core.numerics import Array, is_finite

# No round numbers, where kinks usually are, except zero.
GRID = np.concatenate([[0.0], np.linspace(-8.0137, 7.9871, 97), [-29.7, -12.3, 11.9, 30.3]])
GRID = GRID.reshape(6, 17)
TOLERANCE = 1e-8  # of the largest slope: a slope may be written in a form that loses digits
COMPLEX_STEP, STEP, BESIDE = 1e-30, 1e-5, 1e-7
KEEPS_DTYPE = (
    "Make constants with np.zeros_like(a), np.ones_like(a) or np.full_like(a, …), and do not "
    "convert to float."
)
NO_IMAGINARY = (
    "abs, np.abs, np.sign, .real and float lose the imaginary part: take a branch by "
    "np.where(a.real > 0, …), or use absolute, clip or relu of npstack.core.numerics."
)


class OwnActivation(Activation):
    """An activation from a function and its slope; it is accepted where an `Activation` is.

    Parameters
    ----------
    name : str
        How it is shown; not a name of the table of `npstack.core.activations`.
    function : callable
        ``function(a)``: the output for every number of an array of any shape. It must compute
        complex numbers, too; functions of `npstack.core.numerics` compute every number type.
    derivative : callable
        ``derivative(a)``: the slope at every number.
    range : tuple of float
        The smallest and the largest output, if they are known. Pictures use it.

    Raises
    ------
    CodeError
        The function or its slope is wrong; the message names the point.
    ArgumentError, DtypeError
        Something else is given for one of them.

    Notes
    -----
    A file cannot hold a function, so a model with this activation cannot be saved. A class of
    your own that makes it can: see `config`.

    Examples
    --------
    The rational tanh of many embedded ports:

    >>> def rational_tanh(a):
    ...     y = a * (27 + a * a) / (27 + 9 * a * a)
    ...     return clip(y, 1.0)  # it is 1 at 3, with slope 0
    >>> def slope(a):
    ...     inside = ((9 - a * a) / (9 + 3 * a * a)) ** 2
    ...     return np.where(absolute(a).real < 3, inside, np.zeros_like(a))
    >>> from npstack import GRUCell
    >>> from npstack.core.numerics import absolute, clip
    >>> own = OwnActivation("rational_tanh", rational_tanh, slope, range=(-1, 1))
    >>> own.function(np.array([-4.0, 0.5])).round(4)
    array([-1.    ,  0.4658])
    >>> cell = GRUCell(3, 8, candidate=own, rng=np.random.default_rng(0))

    A slope that is not quite its own:

    >>> OwnActivation("rational_tanh", rational_tanh, lambda a: 1 - rational_tanh(a) ** 2)
    Traceback (most recent call last):
    npstack.core.errors.CodeError: OwnActivation: derivative must be the slope of rational_tanh at
    a = -1.18003, 0.333296429, got 0.281729583. A complex step and a difference of two values agree
    on the slope that was expected.
    """

    def __init__(
        self,
        name: str,
        function: Callable[[Array], Array],
        derivative: Callable[[Array], Array],
        *,
        range: Range = ANY,
    ) -> None:
        own = {
            "name": _check_own_name(name),
            "_function": _check_callable("function", function),
            "_derivative": _check_callable("derivative", derivative),
            "_range": _check_range(range),
        }
        for attribute, value in own.items():  # it is frozen
            object.__setattr__(self, attribute, value)
        _check(self.name, function, derivative, self.range)

    @property
    def slope_from_output(self) -> bool:
        """False: ``derivative`` reads the pre-activation."""
        return False

    @property
    def range(self) -> Range:
        """The smallest and the largest output, as given."""
        found: Range = vars(self)["_range"]
        return found

    def function(self, a: Array) -> Array:
        """The output ``y``."""
        return np.asarray(vars(self)["_function"](a))

    def derivative(self, a: Array | None, y: Array) -> Array:
        """The slope ``dy/da``."""
        return np.asarray(vars(self)["_derivative"](a))

    def config(self) -> dict[str, Any]:
        """Refused, unless a class makes the function in a constructor of its own.

        Examples
        --------
        >>> class Cube(OwnActivation):
        ...     def __init__(self):
        ...         super().__init__("cube", lambda a: a * a * a, lambda a: 3 * a * a)
        >>> Cube().config()  # load_model(path, known={"Cube": Cube}) builds it again
        {'type': 'Cube'}
        """
        return Configured.config(self)

    def _key(self) -> tuple[Any, ...]:
        own = vars(self)
        return self.name, own["_function"], own["_derivative"], own["_range"]

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


# ---- the arguments -------------------------------------------------------------------------------

WHERE = "OwnActivation"


def _check_own_name(name: object) -> str:
    if not isinstance(name, str) or not name.strip():
        advice = "'rational_tanh', for example."
        fail(DtypeError, WHERE, "name must be a word", describe(name), advice)
    if name in ACTIVATIONS:
        expected = "name must not be that of another activation"
        fail(ArgumentError, WHERE, expected, repr(name), f"Call it 'own_{name}', for example.")
    return str(name)


def _check_callable(name: str, value: object) -> object:
    if not callable(value):
        advice = "Give a function of an array, and one for its slope."
        fail(DtypeError, WHERE, f"{name} must be a function", describe(value), advice)
    return value


def _check_range(value: object) -> Range:
    try:
        low, high = (float(end) for end in value)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        low, high = np.inf, -np.inf
    if not low <= high:
        expected = "range must be two numbers, the smallest output and the largest"
        advice = "(-1, 1), for example; leave it out if they are not known."
        fail(ArgumentError, WHERE, expected, describe(value), advice)
    return low, high


# ---- the function and its slope ------------------------------------------------------------------


def _check(
    name: str,
    function: Callable[[Array], Array],
    derivative: Callable[[Array], Array],
    ends: Range,
) -> None:
    """Check a function, and that ``derivative`` is its slope."""
    for dtype in (np.float32, np.float64):
        y = _called("function", function, GRID.astype(dtype))
        slope = _called("derivative", derivative, GRID.astype(dtype))
    beyond = (y < ends[0]) | (y > ends[1])
    if beyond.any():
        at = np.argmax(beyond)
        expected = f"function must be in its range {ends} at a = {GRID.flat[at]:.6g}"
        fail(CodeError, WHERE, expected, f"{y.flat[at]:.4g}", "Leave range out, or correct it.")
    _check_each_alone("function", function, y)
    _check_each_alone("derivative", derivative, slope)
    stepped = _called("function", function, GRID + COMPLEX_STEP * 1j)
    _check_real_part(y, stepped)

    right = stepped.imag / COMPLEX_STEP
    scale = float(max(abs(right).max(), abs(slope).max()))
    apart = abs(slope - right)
    for at in np.argsort(-apart, axis=None):
        if apart.flat[at] <= TOLERANCE * scale:
            return
        a, got, by_step = (float(values.flat[at]) for values in (GRID, slope, right))
        if not _fits_a_kink(function, a, got, scale):
            break
    else:
        return
    sides = _by_differences(function, a)
    if abs(sides - by_step).min() > 1e-4 * max(scale, abs(sides).max()):
        expected = f"the complex step of {name} at a = {a:.6g} must be its slope {sides.mean():.4g}"
        fail(CodeError, WHERE, expected, f"{by_step:.4g}", NO_IMAGINARY)
    expected = f"derivative must be the slope of {name} at a = {a:.6g}, {by_step:.9g}"
    advice = "A complex step and a difference of two values agree on the slope that was expected."
    fail(CodeError, WHERE, expected, f"{got:.9g}", advice)


def _fits_a_kink(function: Callable[[Array], Array], a: float, slope: float, scale: float) -> bool:
    """Whether a slope lies between those of both sides of a kink."""
    sides = np.array([[a - BESIDE, a + BESIDE]]) + COMPLEX_STEP * 1j
    slopes = _called("function", function, sides).imag / COMPLEX_STEP
    room = 1e-3 * scale
    low, high = float(slopes.min()), float(slopes.max())
    return high - low > room and low - room <= slope <= high + room


def _by_differences(function: Callable[[Array], Array], a: float) -> Array:
    """The slopes on both sides of a number, by differences of two values."""
    y = _called("function", function, np.array([[a - STEP, a, a + STEP]]))
    return np.asarray(np.diff(y[0]) / STEP)


def _called(what: str, function: Callable[[Array], Array], a: Array) -> Array:
    """What a function returns for an array: of the same shape and dtype, finite."""
    given = a.copy()
    kind = "complex numbers" if a.dtype.kind == "c" else f"arrays of {a.dtype}"
    try:
        with np.errstate(all="ignore"):
            y = function(given)
    except Exception as error:  # any error of the user's code
        advice = NO_IMAGINARY if a.dtype.kind == "c" else "It gets arrays: np.where, not if."
        raise CodeError(
            WHERE,
            f"{what} must compute {kind}",
            in_words(error),
            advice,
            raised=type(error).__name__,
        ) from error
    if not isinstance(y, np.ndarray | np.generic) or np.shape(y) != a.shape:
        got = describe(np.asarray(y)) if isinstance(y, np.ndarray | np.generic) else describe(y)
        expected = f"{what} must return an array of the shape of a, {a.shape}"
        fail(CodeError, WHERE, expected, got, "One number for each number of a.")
    if y.dtype != a.dtype:
        expected = f"{what} must return {a.dtype} for {a.dtype}"
        advice = NO_IMAGINARY if a.dtype.kind == "c" else KEEPS_DTYPE
        fail(CodeError, WHERE, expected, str(y.dtype), advice)
    if not np.array_equal(given, a):
        fail(CodeError, WHERE, f"{what} must not change a", "another a", "Compute a new array.")
    found = np.asarray(y)
    bad = ~is_finite(found)
    if bad.any():
        at = int(np.argmax(bad))
        expected = f"{what} must be finite at a = {a.flat[at]:.6g}"
        advice = "Pre-activations of this size occur: write it in a form that does not overflow."
        fail(CodeError, WHERE, expected, str(found.flat[at]), advice)
    return found


def _check_each_alone(what: str, function: Callable[[Array], Array], together: Array) -> None:
    """Check that a number's result does not depend on the others."""
    row = len(GRID) // 2
    alone = _called(what, function, GRID[row : row + 1])[0]
    differs = abs(alone - together[row]) > TOLERANCE * abs(together).max()
    if differs.any():
        at = int(np.argmax(differs))
        expected = f"{what} must be {together[row, at]:.4g} at a = {GRID[row, at]:.6g}"
        advice = "It must not depend on the other numbers of the array."
        fail(CodeError, WHERE, expected, f"{alone[at]:.4g} without the other rows", advice)


def _check_real_part(y: Array, stepped: Array) -> None:
    """Check that an imaginary part of 1e-30 does not change the value."""
    differs = abs(stepped.real - y) > TOLERANCE * abs(y).max()
    if differs.any():
        at = int(np.argmax(differs))
        expected = f"function of a = {GRID.flat[at]:.6g} + 1e-30j must be about {y.flat[at]:.4g}"
        fail(CodeError, WHERE, expected, f"{stepped.flat[at]:.4g}", NO_IMAGINARY)
