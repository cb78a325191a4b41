"""The ladder of precisions: is a difference rounding, or another formula?

Rounding shrinks with the eps of the numbers that are computed with; the error of a wrong formula
does not. So the same code is run once more with wider numbers. Where this is not possible, an error
is held against what half a unit in the last place of the inputs would do (`conditioning`).

All errors are the largest difference in a block divided by the largest number of the truth in it.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from npstack.core.arguments import check_not_negative, check_positive
from npstack.core.arrays import as_array
from npstack.core.errors import DtypeError, ShapeError, fail
from npstack.core.numerics import Array, is_finite
from npstack.verify.precision.number_types import each

LIMIT = 1e-3  # where rounding alone may change more than this, few digits are left to judge


@dataclass(frozen=True)
class Judged:
    """Whether rounding explains the error of a block.

    Attributes
    ----------
    explained : bool or None
        None if it cannot be decided: rounding alone may change more than a thousandth of the block,
        in the wider numbers, too.
    error, allowed : float
        Relative to the largest number of the truth; what conditioning allows. A truth of zeros
        allows no error, which is then given as it is.
    wider_error, wider_allowed : float or None
        The same of the wider numbers. ``wider_allowed`` is the smallest error of a formula that
        would have been noticed.
    """

    explained: bool | None
    error: float
    allowed: float
    wider_error: float | None = None
    wider_allowed: float | None = None


def check_rounding(
    found: Array,
    truth: Array,
    *,
    conditioning: float = 0.0,
    eps: float | None = None,
    own: Array | None = None,
    wider: Array | None = None,
    wider_conditioning: float | None = None,
    wider_eps: float | None = None,
    size: float | None = None,
) -> Judged:
    """Whether rounding explains the error of one block of numbers.

    Parameters
    ----------
    found : array
        The numbers that are judged.
    truth : array
        The same numbers with more digits, from `truth`; NaN where they are not known.
    conditioning : float
        How far the truth moves by half a unit in the last place of its inputs, from
        `conditioning`.
    eps : float, optional
        Of the type in which ``found`` was computed; by default, that of its dtype.
    own : array, optional
        The numbers of npstack's readable path, if ``found`` are those of another program.
        That program may be off by 4 times the larger of their error and the conditioning, and 8
        eps; the readable path by 8 times the conditioning and 16 eps.
    wider : array, optional
        What the code behind ``found`` returns if it runs with wider numbers. If it is given, it
        decides: the error must have shrunk like the eps, or be below the eps of ``found``, or be
        as small as the conditioning allows for wider numbers.
    wider_conditioning : float, optional
        Like ``conditioning``, for half a unit of the wider numbers; by default ``conditioning``
        times the ratio of the two eps, as long as it is below 1e-3.
    wider_eps : float, optional
        Of ``wider``; by default, that of its dtype.
    size : float, optional
        The largest number of the block, if ``found`` and ``truth`` are only a part of it.

    Returns
    -------
    Judged

    Examples
    --------
    At 4, ``1 - tanh(a)^2`` has lost some digits in float32, and the ladder tells this from a wrong
    formula:

    >>> a = np.array([4.0, 3.5], np.float32)
    >>> wide = a.astype(np.float64)
    >>> exact = 1 / np.cosh(wide) ** 2
    >>> right, wrong = (lambda a: 1 - np.tanh(a) ** 2), (lambda a: (1 - np.tanh(a) ** 2) * 1.0001)
    >>> check_rounding(right(a), exact).explained
    False
    >>> check_rounding(right(a), exact, wider=right(wide)).explained
    True
    >>> check_rounding(wrong(a), exact, wider=wrong(wide)).explained
    False
    """
    where = "check_rounding"
    conditioning = _amount(where, "conditioning", conditioning)
    if wider_conditioning is not None:
        wider_conditioning = _amount(where, "wider_conditioning", wider_conditioning)
    eps, size = _positive(where, "eps", eps), _positive(where, "size", size)
    wider_eps = _positive(where, "wider_eps", wider_eps)
    eps = _eps(where, "found", found) if eps is None else eps
    error, zero = _error(where, "found", found, truth, size)
    if own is None:
        allowed = 8 * conditioning + 16 * eps
    else:
        yardstick = max(conditioning, _error(where, "own", own, truth, size)[0])
        allowed = 4 * yardstick + 8 * eps
    allowed = 0.0 if zero else allowed
    within = error <= allowed
    if wider is None:
        return Judged(None if within and allowed >= LIMIT else within, error, allowed)
    wider_eps = _eps(where, "wider", wider) if wider_eps is None else wider_eps
    ratio = wider_eps / eps
    if wider_conditioning is None:
        wider_conditioning = ratio * conditioning if conditioning < LIMIT else np.inf
    wider_error, _ = _error(where, "wider", wider, truth, size)
    shrunk = 8 * ratio * (error if np.isfinite(error) else 0.0)
    shrunk = shrunk if zero else max(shrunk + 16 * wider_eps, eps)
    if wider_error <= shrunk:
        return Judged(True, error, allowed, wider_error, shrunk)
    noise = 0.0 if zero else 8 * wider_conditioning + 16 * wider_eps
    decision = None if noise >= LIMIT else wider_error <= noise
    return Judged(decision, error, allowed, wider_error, noise)


def _amount(where: str, name: str, value: Any) -> float:
    """How far something moves: at least 0, and infinite if it is unknown."""
    if isinstance(value, float | np.floating) and value == np.inf:
        return np.inf
    return check_not_negative(where, name, value, "Use what conditioning(…) returns for the block.")


def _positive(where: str, name: str, value: Any) -> float | None:
    """A number above 0, or None."""
    advice = "Leave it out for whole blocks of floats."
    return None if value is None else check_positive(where, name, value, advice)


def _error(where: str, name: str, found: Array, truth: Array, size: Any) -> tuple[float, bool]:
    """``max|found - truth| / max|truth|``, infinite where ``found`` is not finite.

    Whether the truth is zero is returned, too; the error is then the largest number itself.
    """
    found, truth = (as_array(where, *given) for given in ((name, found), ("truth", truth)))
    if found.shape != truth.shape:
        expected = f"{name} must have the shape of truth, {truth.shape}"
        fail(ShapeError, where, expected, found.shape, "Both are one block of the same array.")
    known = truth == truth  # NaN is not
    found, truth = found[known], truth[known]
    if not is_finite(found).all():
        return np.inf, False
    if object in (found.dtype, truth.dtype):
        convert = importlib.import_module("mpmath").mp.convert
        found, truth = (each(convert, values) for values in (found, truth))
    size = np.abs(truth).max(initial=0) if size is None else size
    error = np.abs(found - truth).max(initial=0)
    return float(error / (size or 1)), not size


def _eps(where: str, name: str, values: Any) -> float:
    """Of the dtype of an array of floats."""
    dtype = as_array(where, name, values).dtype
    if dtype.kind != "f":
        expected = f"{name} must be floating point, or its eps must be given"
        advice = f"Use {'eps' if name == 'found' else 'wider_eps'}=1e-50 for 50 decimal digits."
        fail(DtypeError, where, expected, str(dtype), advice)
    return float(np.finfo(dtype).eps)
