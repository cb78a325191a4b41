"""Is a hand-written backward right, and if not, where is it wrong?

`gradcheck` takes *any* function and its backward, ours or not. It draws a random cotangent for
every output, asks the backward for the gradient, finds the same gradient by an independent route
(`npstack.verify.derivatives`), and reports block by block: parameter, gate, worst entry, both
numbers, error, verdict.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from npstack.numerics import Array
from npstack.shapes import (
    ArgumentError,
    DtypeError,
    check_generator,
    check_option,
    check_positive,
    check_size,
    describe,
    fail,
)
from npstack.verify import derivatives
from npstack.verify.derivatives import Inputs, Quotients, Scalar, cast, leaves
from npstack.verify.report import Report, Row

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
    """Check a hand-written backward against derivatives that nobody derived by hand.

    Parameters
    ----------
    f : callable
        ``f(**inputs)`` returns an array, or a tuple or dictionary of arrays, nested as you like.
    backward : callable
        ``backward(doutputs, **inputs)`` gets the derivative of the loss by the outputs, in the
        structure that ``f`` returns, and gives the derivatives by the inputs: a dictionary with
        the names of the inputs, or a tuple in their order. Integer inputs are not differentiated.
    inputs : dict of arrays, or sequence of arrays
        Where to check. A sequence is passed by position.
    route : {"auto", "complex", "difference", "direction"}
        ``complex``: every entry by complex step, right to rounding. ``difference``: every entry
        by central differences. ``auto``: complex, unless the code is found not to be
        complex-safe. ``direction``: one random direction through all inputs at once, by complex
        step: cheap for a whole model, but it cannot say where.
    tolerance : float
        Bound on the error of a block, in eps of the input's dtype; for differences, what the
        step curve says they can resolve is added.
    blocks : dict, optional
        ``{"W": {"i": np.s_[:, :8], …}}`` splits an input, so that a wrong small part cannot hide
        under a large one.
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
        Nothing to check, or results that are no gradients.

    Notes
    -----
    Code is not complex-safe if it stores into a float buffer (which drops the imaginary part with
    only a warning), takes a real part, an absolute value, a conjugate or a maximum on the way.
    The check notices by the warning or error, or because complex step and differences disagree.

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
    check_option(where, "route", route, ROUTES)
    if entries is not None:
        check_size(where, "entries", entries)
    check_positive(where, "tolerance", tolerance, "64 is usual.")
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
    dinputs = backward(derivatives.like(outputs, iter(cotangents)), **point)
    analytic = _gradients(where, dinputs, list(point))

    s = Scalar(f, cotangents)
    exact = cast(point, np.float64)
    signs = {name: rng.choice([-1.0, 1.0], point[name].shape) for name in names}
    slope, trouble = _complex_slope(s, exact, signs)
    curve = derivatives.central_differences(s, exact, signs, slope)
    notes = []
    if slope is not None and not trouble:
        trouble = _disagreement(s, exact, signs, curve.step)
    if trouble and route != "difference":
        if route != "auto":
            fail(ArgumentError, where, "f must be complex-safe", trouble, "Use route='difference'.")
        notes.append(f"not complex-safe: {trouble}; checked by central differences instead")
    if trouble:
        curve = derivatives.central_differences(s, exact, signs)
    if route == "auto":
        route = "difference" if trouble else "complex"
    if route == "difference":
        notes.append(
            f"central differences with step {curve.step:.0e}, which resolve {curve.resolution:.0e}"
        )
    else:
        notes.append(f"complex step {derivatives.STEP:.0e}")
        distance = curve.errors[curve.best] / max(abs(slope or 0.0), np.finfo(float).tiny)
        notes.append(
            "second opinion: along a random direction, central differences "
            f"with step {curve.step:.0e} agree to {distance:.0e}"
        )

    rows: list[Row] = []
    if route == "direction":
        for _ in range(entries or 1):
            rows.append(_direction(s, exact, point, analytic, tolerance, rng))
    else:
        for name in names:
            parts = dict((blocks or {}).get(name, {"": ...}))
            rest = np.ones(point[name].shape, dtype=bool)
            for index in parts.values():
                rest[index] = False
            if rest.any():  # what no block names is checked all the same
                parts["rest"] = rest
            for block, index in parts.items():
                rows.append(
                    _check_block(
                        s,
                        point,
                        name,
                        block,
                        index,
                        analytic,
                        route,
                        curve,
                        tolerance,
                        entries,
                        rng,
                    )
                )
    return Report(tuple(rows), route, tuple(notes), curve)


def _by_name(
    where: str, f: Callable[..., Any], backward: Callable[..., Any], inputs: Any
) -> tuple[Callable[..., Any], Callable[..., Any], Inputs]:
    """Copy the inputs, write-protected, and bring a call by position into one by name."""
    if not isinstance(inputs, Mapping | tuple | list):
        advice = "One input? Pass [x]."
        fail(DtypeError, where, "inputs must be a dictionary or a list", describe(inputs), advice)
    items = inputs.items() if isinstance(inputs, Mapping) else enumerate(inputs)
    point = {str(name): np.array(value) for name, value in items}
    for value in point.values():
        value.flags.writeable = False  # code that changes its arguments fails where it does so
    if isinstance(inputs, Mapping):
        return f, backward, point
    return (
        lambda **named: f(*named.values()),
        lambda doutputs, **named: backward(doutputs, *named.values()),
        point,
    )


def _gradients(where: str, dinputs: Any, names: list[str]) -> dict[str, Array | None]:
    """What the backward returned, by name."""
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


def _complex_slope(s: Scalar, exact: Inputs, direction: Inputs) -> tuple[float | None, str]:
    """The slope along a direction by complex step; or what went wrong."""
    start = cast(exact, np.complex128)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            value = s(derivatives.along(start, direction, 1j * derivatives.STEP))
    except Exception as error:  # whatever somebody else's code raises is the finding
        return None, f"complex numbers raise {type(error).__name__}: {error}"
    return float(np.imag(value)) / derivatives.STEP, ""


def _disagreement(s: Scalar, exact: Inputs, signs: Inputs, step: float) -> str:
    """Ask for each input whether complex step and differences tell one story."""
    here = s(exact)
    for name, direction in signs.items():
        one = {name: direction}
        by_complex, trouble = _complex_slope(s, exact, one)
        if by_complex is None:
            return trouble
        near, far = (_slopes(s, exact, one, here, h) for h in (step, 3 * step))
        quotient, before = sum(near) / 2, sum(far) / 2
        apart = abs(by_complex - quotient)
        # At a kink, any slope between left and right is a fair answer.
        allowed = 100 * abs(quotient - before) + 1e-6 * abs(quotient) + abs(near[1] - near[0])
        if not apart <= allowed:
            return (
                f"for {name!r} the complex step gives {by_complex:.6g}, differences {quotient:.6g}"
            )
    return ""


def _slopes(
    s: Scalar, exact: Inputs, direction: Inputs, here: float, h: float
) -> tuple[float, float]:
    """Slopes to the left and to the right along a direction."""
    left = (here - s(derivatives.along(exact, direction, -h))) / h
    right = (s(derivatives.along(exact, direction, h)) - here) / h
    return left, right


def _check_block(
    s: Scalar,
    point: Inputs,
    name: str,
    block: str,
    index: Any,
    analytic: dict[str, Array | None],
    route: str,
    curve: Quotients,
    tolerance: float,
    entries: int | None,
    rng: np.random.Generator,
) -> Row:
    """Find the reference of one block, entry by entry, and judge."""
    value, given = point[name], analytic.get(name)
    shape = value[index].shape
    if given is None or given.shape != value.shape:
        verdict = "MISSING" if given is None else "SHAPE"
        return Row(name, block, shape, (), np.nan, np.nan, np.inf, np.inf, 0.0, verdict)
    numbers = np.arange(value.size).reshape(value.shape)[index].ravel()
    if entries is not None and entries < len(numbers):
        numbers = np.sort(rng.choice(numbers, entries, replace=False))
    indices = [tuple(map(int, np.unravel_index(n, value.shape))) for n in numbers]
    ours = np.array([given[i] for i in indices])

    eps = float(np.finfo(value.dtype).eps)
    if route == "complex":
        wide = np.result_type(np.complex128, value.dtype)
        reference = derivatives.complex_step(s, cast(point, wide), name, indices)
        slack = 0.0
    else:
        exact, h = cast(point, np.float64), curve.step
        sides = ((derivatives.moved(exact, name, i, d) for d in (h, -h)) for i in indices)
        reference = np.array([(s(up) - s(down)) / (2 * h) for up, down in sides])
        slack = 10 * curve.resolution
    size = float(np.abs(reference).max())
    apart = np.abs(ours - reference)
    allowed = tolerance * eps * size + slack
    verdict = "ok"
    wrong = ~(apart <= allowed)
    if wrong.any():
        bad = [indices[k] for k in np.flatnonzero(wrong)]
        exact = cast(point, np.float64)
        kinks = [_kink(s, exact, name, i, float(given[i]), curve) for i in bad]
        if all(kinks):
            verdict = "kink"
        elif False in kinks:
            verdict = "WRONG"
        elif route == "complex" and _rounding(s, point, name, indices, ours, eps, rng):
            verdict = "rounding"
        else:
            verdict = "WRONG"
    k = int(np.argmax(np.where(np.isnan(apart), np.inf, apart)))
    return Row(
        name,
        block,
        shape,
        indices[k],
        float(ours[k]),
        float(reference[k]),
        _ratio(apart[k], size),
        max(map(_ratio, apart, np.abs(reference))),
        allowed / size if size else 0.0,
        verdict,
    )


def _ratio(error: float, size: float) -> float:
    """``error / size``; nothing is infinitely much of nothing, except nothing."""
    if size == 0:
        return 0.0 if error == 0 else np.inf
    return float(error / size)


def _kink(
    s: Scalar, exact: Inputs, name: str, index: Any, analytic: float, curve: Quotients
) -> bool | None:
    """At a kink, where slopes left and right stay apart: is the analytic one between? Else None."""
    noise = 10 * curve.resolution * curve.step
    here = s(exact)
    entry = {name: np.zeros(exact[name].shape)}
    entry[name][index] = 1
    gaps = []
    for h in (100 * curve.step, curve.step):
        low, high = sorted(_slopes(s, exact, entry, here, h))
        margin = 1e-4 * max(abs(low), abs(high)) + noise / h
        if high - low <= 10 * margin:
            return None
        gaps.append(high - low)
    if gaps[1] <= gaps[0] / 2:  # the gap of a bend shrinks with the step, that of a kink stays
        return None
    return low - margin <= analytic <= high + margin


def _rounding(
    s: Scalar,
    point: Inputs,
    name: str,
    indices: list[Any],
    ours: Array,
    eps: float,
    rng: np.random.Generator,
) -> bool:
    """Whether half an ulp in the inputs explains the error: at most 8 of it plus 16 eps.

    An error above a thousandth is not excused, however ill-posed the question.
    """
    try:
        answer = derivatives.half_ulp_changes(s, point, name, indices, rng)
    except Exception:  # code that cannot run in extended precision gets no such excuse
        return False
    if answer is None:
        return False
    truth, change = answer
    size = np.abs(truth).max()
    error = np.abs(ours - truth).max()
    return bool(error <= min(8 * change.max() + 16 * eps * size, 1e-3 * size))


def _direction(
    s: Scalar,
    exact: Inputs,
    point: Inputs,
    analytic: dict[str, Array | None],
    tolerance: float,
    rng: np.random.Generator,
) -> Row:
    """One random direction through all inputs: ``<gradient, d>`` against the slope along ``d``."""
    direction = {
        name: rng.standard_normal(value.shape)
        for name, value in point.items()
        if value.dtype.kind == "f"
    }
    products = []
    for name, d in direction.items():
        given = analytic.get(name)
        if given is None or given.shape != d.shape:
            verdict = "MISSING" if given is None else "SHAPE"
            return Row(name, "", d.shape, (), np.nan, np.nan, np.inf, np.inf, 0.0, verdict)
        products.append((given * d).ravel())
    terms = np.concatenate(products)
    slope, _ = _complex_slope(s, exact, direction)
    reference = float("nan") if slope is None else slope
    ours = float(terms.sum())
    scale = max(float(np.linalg.norm(terms)), abs(reference), np.finfo(float).tiny)
    eps = max(float(np.finfo(point[name].dtype).eps) for name in direction)
    error = abs(ours - reference) / scale
    verdict = "ok" if error <= tolerance * eps else "WRONG"
    return Row(
        "all", "", (len(terms),), (), ours, reference, error, error, tolerance * eps, verdict
    )
