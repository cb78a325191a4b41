"""Is a hand-written backward right, and if not, where is it wrong?

`gradcheck` takes *any* function and its backward. It draws a random cotangent for
every output, asks the backward for the gradient, finds the same gradient by an independent route
(`npstack.verify.gradients.derivatives`), and reports block by block: parameter, gate, worst entry,
both numbers, error, verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from npstack.core.arguments import check_generator, check_option, check_positive, check_size
from npstack.core.arrays import as_array
from npstack.core.errors import ArgumentError, DtypeError, describe, fail
from npstack.core.numerics import Array
from npstack.verify.gradients import derivatives
from npstack.verify.gradients.derivatives import Inputs, Quotients, Scalar, cast, leaves
from npstack.verify.gradients.judge import Judge
from npstack.verify.gradients.report import Report

ROUTES = ("auto", "complex", "difference", "direction")
Blocks = Mapping[str, Mapping[str, Any]]


def gradcheck(
    f: Callable[..., Any],
    backward: Callable[..., Any],
    inputs: Mapping[str, Array] | Sequence[Array],
    *,
    route: str = "auto",
    tolerance: float = 64.0,
    blocks: Blocks | None = None,
    entries: int | None = None,
    rng: np.random.Generator | None = None,
) -> Report:
    """Check a hand-written backward against numerical derivatives.

    Parameters
    ----------
    f : callable
        ``f(**inputs)`` returns an array, or a tuple or dictionary of arrays, nested as you like.
    backward : callable
        ``backward(doutputs, **inputs)`` gets the derivative of the loss by the outputs, in the
        structure that ``f`` returns, and gives the derivatives by the inputs: a dictionary with
        the names of the inputs, or a tuple in their order. Integer inputs are not differentiated.
        It gets copies, which it may change; the report notes it.
    inputs : dict of arrays, or sequence of arrays
        Where to check. A sequence is passed by position.
    route : {"auto", "complex", "difference", "direction"}
        ``complex``: every entry by complex step, correct to rounding. ``difference``: every entry
        by central differences. ``auto``: complex, unless the code is found not to be complex-safe.
        ``direction``: one random direction through all inputs at once, by complex step: cheap for a
        whole model, but it cannot say where an error is.
    tolerance : float
        Bound on the error of a block, in eps of the input's dtype; for differences, the smallest
        error that they can detect (from the step curve) is added.
    blocks : dict, optional
        ``{"W": {"i": np.s_[:, :8], …}}`` splits an input, so that an error in a small part is
        not hidden by a large one.
    entries : int, optional
        Check a random sample of this many entries per block instead of all; for ``direction``,
        the number of directions (1 by default).
    rng : numpy.random.Generator, optional
        Draws cotangents, directions and samples; ``default_rng(0)`` if absent.

    Returns
    -------
    Report
        ``report.passed``; ``print(report)``.

    Raises
    ------
    ArgumentError, DtypeError
        Nothing to check, or results that are not gradients.

    Notes
    -----
    Code is not complex-safe if it stores into a float buffer (which drops the imaginary part with
    only a warning), or takes a real part, an absolute value, a conjugate or a maximum. The
    check detects this by the warning or error, or because complex step and differences disagree.

    Examples
    --------
    >>> def f(x, W):
    ...     return np.tanh(x @ W)
    >>> def backward(dy, x, W):
    ...     da = dy * (1 - np.tanh(x @ W))  # the square is missing
    ...     return {"x": da @ W.T, "W": x.T @ da}
    >>> rng = np.random.default_rng(0)
    >>> inputs = {"x": rng.normal(size=(2, 3)), "W": rng.normal(size=(3, 4))}
    >>> report = gradcheck(f, backward, inputs)
    >>> report.passed, [row.parameter for row in report.failures]
    (False, ['x', 'W'])
    """
    where = "gradcheck"
    route = check_option(where, "route", route, ROUTES)
    entries = None if entries is None else check_size(where, "entries", entries)
    tolerance = check_positive(where, "tolerance", tolerance, "64 is usual.")
    for name, function in (("f", f), ("backward", backward)):
        if not callable(function):
            advice = "Pass the function itself, gradcheck(forward, backward, inputs)."
            fail(DtypeError, where, f"{name} must be a function", describe(function), advice)
    rng = np.random.default_rng(0) if rng is None else check_generator(where, rng)
    f, backward, point = _by_name(where, f, backward, inputs)
    names = [name for name, value in point.items() if value.dtype.kind == "f" and value.size]
    if not names:
        expected = "inputs must hold a floating-point array"
        fail(ArgumentError, where, expected, f"none in {sorted(point)}", "Use x.astype(float).")

    unknown = sorted(set(blocks or {}) - set(names))
    if unknown:
        fail(ArgumentError, where, f"blocks must name inputs, {names}", unknown, "Leave them out.")

    outputs = f(**point)
    found = dict(leaves(outputs))
    if not found:
        advice = "Return an array, or a tuple or dictionary of arrays."
        got = describe(outputs)
        fail(DtypeError, where, "f must return floating-point arrays", got, advice)
    again = dict(leaves(f(**point)))
    if not all(np.array_equal(found[name], again[name], equal_nan=True) for name in found):
        advice = "Draw its random numbers beforehand, and pass them in."
        fail(ArgumentError, where, "f must return the same twice", "another result", advice)
    cotangents = [rng.standard_normal(y.shape).astype(y.dtype) for y in found.values()]
    given = [value.copy() for value in cotangents]  # a backward may add to what it is given
    dinputs = backward(derivatives.like(outputs, iter(given)), **point)
    analytic = _gradients(where, dinputs, list(point))
    changed = [
        name
        for name, now, before in zip(found, given, cotangents, strict=True)
        if (now != before).any()
    ]
    s = Scalar(f, cotangents)
    route, notes, curve = _choose_route(s, point, names, route, rng)
    if changed:
        notes += (f"backward changes in place what it is given: {', '.join(changed)}",)
    judge = Judge(s, point, analytic, route, curve, tolerance, rng)
    if route == "direction":
        rows = [judge.direction(names) for _ in range(entries or 1)]
    else:
        rows = [
            judge.block(name, block, index, entries)
            for name in names
            for block, index in _parts(point[name], (blocks or {}).get(name, {"": ...})).items()
        ]
    return Report(tuple(rows), route, notes, curve)


def _choose_route(
    s: Scalar, point: Inputs, names: list[str], route: str, rng: np.random.Generator
) -> tuple[str, tuple[str, ...], Quotients]:
    """Complex step, unless the code cannot use it or the user chose otherwise; a second opinion."""
    exact = cast(point, np.float64)
    signs = {name: rng.choice([-1.0, 1.0], point[name].shape) for name in names}
    # Steps of the same size for all entries, then in proportion to each: log and 1 / x do not
    # reach beyond their domains that way. Where complex numbers raise, no direction helps.
    curves = []
    for direction in (signs, derivatives.relative(signs, exact)):
        slope, trouble = derivatives.complex_slope(s, exact, direction)
        curves.append(derivatives.central_differences(s, exact, direction, slope))
        trouble = trouble or derivatives.disagreement(s, exact, direction, curves[-1].step)
        if not trouble or slope is None:
            break
    curve = curves[0].alone() if trouble else curves[-1]
    notes: tuple[str, ...] = ()
    if trouble and route != "difference":
        if route != "auto":
            advice = "Use route='difference'."
            fail(ArgumentError, "gradcheck", "f must be complex-safe", trouble, advice)
        notes = (f"not complex-safe: {trouble}; checked by central differences instead",)
    if trouble or route == "difference":
        if not np.isfinite(curve.resolution):
            expected = "f must be defined around the inputs, or be complex-safe"
            got = "no step of differences that stays within its domain"
            advice = "Check at inputs of size 1, or remove what complex numbers cannot pass."
            fail(ArgumentError, "gradcheck", expected, got, advice)
        resolves = f"with step {curve.step:.0e}, which resolve {curve.resolution:.0e}"
        return "difference", (*notes, f"central differences {resolves}"), curve
    distance = curve.errors[curve.best] / max(abs(slope or 0.0), np.finfo(float).tiny)
    notes = (
        f"complex step {derivatives.STEP:.0e}",
        "second opinion: along a random direction, central differences "
        f"with step {curve.step:.0e} agree to {distance:.0e}",
    )
    return "complex" if route == "auto" else route, notes, curve


def _parts(value: Array, blocks: Mapping[str, Any]) -> dict[str, Any]:
    """The blocks of an input, and one block of all entries that are in no other block."""
    rest = np.ones(value.shape, dtype=bool)
    for index in blocks.values():
        rest[index] = False
    return {**blocks, "rest": rest} if rest.any() else dict(blocks)


def _by_name(
    where: str, f: Callable[..., Any], backward: Callable[..., Any], inputs: Any
) -> tuple[Callable[..., Any], Callable[..., Any], Inputs]:
    """Copy the inputs, write-protected, and convert a call by position into one by name."""
    if not isinstance(inputs, Mapping | tuple | list):
        advice = "For a single input, pass [x]."
        fail(DtypeError, where, "inputs must be a dictionary or a list", describe(inputs), advice)
    items = inputs.items() if isinstance(inputs, Mapping) else enumerate(inputs)
    point = {str(name): np.array(as_array(where, str(name), value)) for name, value in items}
    for value in point.values():
        value.flags.writeable = False  # code that changes its arguments fails at that line
    if isinstance(inputs, Mapping):
        return f, backward, point
    return (
        lambda **named: f(*named.values()),
        lambda doutputs, **named: backward(doutputs, *named.values()),
        point,
    )


def _gradients(where: str, dinputs: Any, names: list[str]) -> dict[str, Array | None]:
    """The results of the backward, by name."""
    if isinstance(dinputs, Mapping):
        unknown = sorted(set(dinputs) - set(names))
        if unknown:
            expected = f"backward must return the names of the inputs, {names}"
            fail(ArgumentError, where, expected, f"also {unknown}")
        given = dict(dinputs)
    else:
        values = dinputs if isinstance(dinputs, tuple | list) else (dinputs,)
        if len(values) != len(names):
            expected = f"backward must return {len(names)} gradients, in the order of the inputs"
            fail(ArgumentError, where, expected, len(values))
        given = dict(zip(names, values, strict=True))
    return {name: None if g is None else np.asarray(g) for name, g in given.items()}
