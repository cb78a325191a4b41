"""Is a hand-written backward right, and if not, where is it wrong?

`gradcheck` takes *any* function and its backward. It draws a random cotangent for
every output, asks the backward for the gradient, finds the same gradient by an independent route
(`npstack.verify.gradients.derivatives`), and reports block by block: parameter, gate, worst entry,
both numbers, error, verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from npstack.core.arguments import check_generator, check_option, check_positive, check_size
from npstack.core.errors import ArgumentError, fail
from npstack.core.numerics import Array
from npstack.verify.gradients.derivatives import STEP, Direction, Inputs, cast, relative, slopes
from npstack.verify.gradients.differences import Quotients, error_curve
from npstack.verify.gradients.hints import hints
from npstack.verify.gradients.judge import CHAOS, Judge, MisledByComplexNumbers
from npstack.verify.gradients.problem import WHERE, Problem, complete
from npstack.verify.gradients.report import Report
from npstack.verify.gradients.safety import trouble

ROUTES = ("auto", "complex", "difference", "direction")
Blocks = Mapping[str, Mapping[str, Any]]
ROUNDS = (
    "f rounds its numbers to about {:.0e} of their size, also when it is given float64: smaller "
    "errors cannot be seen. Make buffers with np.zeros_like(x)."
)


def gradcheck(
    f: Callable[..., Any],
    backward: Callable[..., Any],
    inputs: Mapping[str, Array] | Sequence[Array],
    *,
    route: str = "auto",
    tolerance: float = 64.0,
    blocks: Blocks | None = None,
    outputs: Any = None,
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
        ``direction``: one random direction through all inputs at once, by complex step (or
        differences): cheap for a whole model, but it cannot say where an error is.
    tolerance : float
        Bound on the error of a block, in eps of the input's dtype; for differences, what they may
        be off is added, entry by entry. A larger error is accepted if it is shown to be rounding.
    blocks : dict, optional
        ``{"W": {"i": np.s_[:, :8], …}}`` splits an input, so that an error in a small part is
        not hidden by a large one.
    outputs : int, str, or a tuple of these, optional
        The results of ``f`` that are outputs, by position or name; ``backward`` gets the
        derivatives by these only: ``outputs=0`` for a forward that returns ``(out, cache)``.
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
    only a warning), or takes a real part, an absolute value or a conjugate. The check detects this
    by the warning or error, or because complex step and differences disagree in some output.

    A right backward loses digits where units saturate, where sums cancel, and below the smallest
    number of its type. An error above the bound is therefore looked at once more: in a wider type,
    at smaller inputs, and at inputs that are moved a little. The verdict is ``rounding`` if the
    error shrinks with the eps, is an eps of what was summed, or changes without order.

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
    route = check_option(WHERE, "route", route, ROUTES)
    entries = None if entries is None else check_size(WHERE, "entries", entries)
    tolerance = check_positive(WHERE, "tolerance", tolerance, "64 is usual.")
    rng = np.random.default_rng(0) if rng is None else check_generator(WHERE, rng)
    problem = Problem(f, backward, inputs, outputs, rng)
    parts = _parts(problem, blocks or {})
    ways = {name: _drawn(rng, problem.point[name].shape) for name in problem.names}

    def judged(reason: str) -> Report:
        how, notes, curve, by_differences = _choose_route(problem, ways, route, reason)
        if problem.changed:
            notes += (f"backward changes in place what it is given: {', '.join(problem.changed)}",)
        judge = Judge(problem, by_differences, ways, curve.step, tolerance, rng)
        eps = max(judge.differences.inside) if judge.differences else 0.0
        if 0 < eps <= CHAOS:
            notes += (ROUNDS.format(eps),)
        if how == "direction":
            rows = [judge.direction() for _ in range(entries or 1)]
        else:
            rows = [judge.block(name, block, index, entries) for name, block, index in parts]
        if all(row.resolution == np.inf for row in rows):
            expected = "f must be defined around the inputs, or be complex-safe"
            got = "no step of differences that stays within its domain"
            advice = "Check at inputs of size 1, or remove what complex numbers cannot pass."
            fail(ArgumentError, WHERE, expected, got, advice)
        report = Report(tuple(rows), how, notes, curve)
        return replace(report, hints=hints(report, problem, judge.references, parts))

    try:
        return judged(trouble(problem.s, cast(problem.point, np.float64), ways))
    except MisledByComplexNumbers as error:
        return judged(str(error))


def _drawn(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """A direction through every entry, up or down; sums over it do not cancel."""
    return rng.choice([-1.0, 1.0], shape) * rng.uniform(0.5, 1.5, shape)


def _choose_route(
    problem: Problem, ways: Inputs, route: str, reason: str
) -> tuple[str, tuple[str, ...], Quotients, bool]:
    """Complex step, unless the code cannot use it or the user chose otherwise; a second opinion.

    Returns the route, notes, the curve of differences, and whether these are the reference.
    """
    s, exact = problem.s, cast(problem.point, np.float64)
    if reason and route == "complex":
        fail(ArgumentError, WHERE, "f must be complex-safe", reason, "Use route='difference'.")
    if reason or route == "difference":
        curves = [error_curve(s, exact, way, None) for way in (ways, relative(ways, exact))]
        best = min(curves, key=lambda one: one.resolution)
        why = f"not complex-safe: {reason}; checked by central differences instead"
        notes = ((why,) if reason else ()) + ("central differences",)
        return "direction" if route == "direction" else "difference", notes, best, True
    slope = float(slopes(s, cast(exact, np.complex128), [Direction(ways)])[0])
    best = error_curve(s, exact, ways, slope)
    distance = best.errors[best.best] / max(abs(slope), np.finfo(float).tiny)
    notes = (
        f"complex step {STEP:.0e}",
        "second opinion: along a random direction, central differences "
        f"with step {best.step:.0e} agree to {distance:.0e}",
    )
    return "complex" if route == "auto" else route, notes, best, False


def _parts(problem: Problem, blocks: Blocks) -> list[tuple[str, str, Any]]:
    """Name of the input, name and index of each block; one more for what is in no other block."""
    unknown = sorted(set(blocks) - set(problem.names))
    if unknown:
        expected = f"blocks must name inputs, {problem.names}"
        fail(ArgumentError, WHERE, expected, unknown, "Leave them out.")
    parts: list[tuple[str, str, Any]] = []
    for name in problem.names:
        value = problem.point[name]
        own = blocks.get(name, {"": ...})
        for part, index in own.items():
            try:
                size = value[index].size
            except (IndexError, ValueError, TypeError):
                expected = f"blocks[{name!r}][{part!r}] must be an index of {value.shape}"
                fail(ArgumentError, WHERE, expected, index, "Use np.s_, for example np.s_[:, :8].")
            if not size:
                expected = f"blocks[{name!r}][{part!r}] must hold entries of {value.shape}"
                fail(ArgumentError, WHERE, expected, f"none with {index}", "Leave it out.")
        parts += [(name, part, index) for part, index in complete(value, own).items()]
    return parts
