"""Whether a layer of somebody's functions computes what npstack does, and to how many digits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np

from npstack.cells.base import Cell
from npstack.core.errors import CodeError, fail
from npstack.core.numerics import Array
from npstack.layers.recurrent import Recurrent
from npstack.verify.other_code.base import OtherPair
from npstack.verify.other_code.calls import EMPTY, IN_FLOAT32, Function

SINGLE = 100 * float(np.finfo(np.float32).eps)
ROUNDING = 1e4  # eps
# What a CodeError is about: none of these becomes right with another style or cell.
SINGLE_ONLY, EXCHANGED, TIME_FIRST = "single precision", "exchanged", "time first"
RANDOM = "random"
DECIDED = (SINGLE_ONLY, EXCHANGED, TIME_FIRST, RANDOM, EMPTY)


def sample(cell: Cell, steps: int, dtype: Any, rng: np.random.Generator) -> tuple[Array, Any]:
    """An input and an initial state; B is neither D nor H, so that shapes tell arrays apart."""
    sizes = {cell.input_size, cell.hidden_size}
    B = next(n for n in (2, 5, 6) if n not in sizes)
    state = cell.zero_state(B, dtype)
    drawn = (rng.uniform(-1, 1, value.shape).astype(dtype) for value in state)
    x = rng.uniform(-1, 1, (B, steps, cell.input_size)).astype(dtype)
    return x, type(state)(*drawn)


def sample_of_both(
    layer: OtherPair, model: Cell, rng: np.random.Generator, dtype: Any = None
) -> tuple[Array, Any, Any]:
    """An input, and one initial state for a layer and for npstack's cell.

    A field that the layer does not take is zero in the cell's.
    """
    x, drawn = sample(model, 2, layer.dtype if dtype is None else dtype, rng)
    taken = type(layer.cell.state_sizes)
    own = {f: v if f in taken._fields else np.zeros_like(v) for f, v in drawn._asdict().items()}
    return x, taken(*(own[field] for field in taken._fields)), type(drawn)(**own)


def distance(found: Array, expected: Array) -> float:
    """The largest difference, divided by the largest number that was expected.

    Examples
    --------
    >>> distance(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    0.5
    """
    gap, size = float(np.abs(found - expected).max()), float(np.abs(expected).max())
    return gap / size if size else float(gap > 0)


def are_near(found: Array, expected: Array) -> bool:
    """Whether outputs differ by no more than rounding."""
    return distance(found, expected) <= rounding_of(expected.dtype)


def rounding_of(dtype: Any) -> float:
    """The largest distance that is called rounding."""
    return ROUNDING * float(np.finfo(dtype).eps)


def in_single_precision(layer: OtherPair, model: Cell, has_backward: bool) -> str:
    """Which of both functions keeps the digits of float32 only, though it is given float64.

    ``"forward"``, ``"backward"``, or nothing; nothing, too, if the numbers are other ones.
    """
    rng = np.random.default_rng(0)
    x, given, state = sample_of_both(layer, model, rng, np.float64)
    params = {name: value.astype(np.float64) for name, value in layer.params.items()}
    try:
        theirs = layer.forward(x, given or None, params=params)
    except CodeError:
        return "forward"  # it ran in float32 before
    ours = Recurrent(model).forward(x, state, params=params)
    if not are_near(theirs.outputs, ours.outputs):
        return "forward" if distance(theirs.outputs, ours.outputs) <= SINGLE else ""
    if not has_backward:
        return ""
    doutputs = rng.standard_normal(ours.outputs.shape)
    try:
        found = layer.backward(theirs, doutputs)
    except CodeError:
        return "backward"
    pairs = list(_pairs(found, Recurrent(model).backward(ours, doutputs)))
    worst = max((distance(*pair) for pair in pairs), default=0.0)
    near = all(are_near(*pair) for pair in pairs)
    return "backward" if not near and worst <= SINGLE else ""


def _pairs(found: Any, expected: Any) -> Iterator[tuple[Array, Array]]:
    """The gradients that are returned, each with the right one."""
    yield from ((value, expected.params[name]) for name, value in found.params.items())
    if found.x is not None:
        yield found.x, expected.x
    for name, value in found.initial_states._asdict().items() if found.initial_states else ():
        if value is not None:
            yield value, getattr(expected.initial_states, name)


def fail_single(name: str) -> NoReturn:
    """Raise the error for a function that computes in float32 what it is given in float64."""
    expected = "it must compute in float64, as its arguments are"
    got = "numbers that are right, but to single precision only"
    fail(CodeError, name, expected, got, IN_FLOAT32, raised=SINGLE_ONLY)


def exchanges(forward: Function, style: str) -> Iterator[tuple[str, Function]]:
    """The function with both states exchanged among its arguments, its results, or both."""

    def taken(x: Array, one: Array, other: Array, *params: Array) -> Any:
        return forward.body(x, other, one, *params)

    def returned(*given: Array) -> Any:
        return _turned(forward.body(*given))

    def both(*given: Array) -> Any:
        return _turned(taken(*given))

    yield "takes", replace(forward, body=taken)
    if style == "step":
        yield "returns", replace(forward, body=returned)
        yield "takes and returns", replace(forward, body=both)


def _turned(found: Any) -> Any:
    """The first two results exchanged, if it is a tuple."""
    if not isinstance(found, tuple | list) or len(found) < 2:
        return found
    return (found[1], found[0], *found[2:])


def check_repeats(layer: OtherPair, x: Array, given: Any) -> None:
    """Check that forward returns the same twice."""
    one, other = (layer.forward(x, given).outputs for _ in range(2))
    if not np.array_equal(one, other):
        advice = "Leave dropout out while it is checked, or draw its numbers beforehand."
        expected, name = "it must return the same twice", layer.cell.forward.name
        fail(CodeError, name, expected, "another result", advice, raised=RANDOM)


def with_time_first(forward: Function) -> Function:
    """A function for sequences (T, B, D), for sequences (B, T, D)."""

    def swapped(x: Array, *given: Array) -> Any:
        found = forward.body(np.ascontiguousarray(np.swapaxes(x, 0, 1)), *given)
        if not isinstance(found, tuple | list) or np.ndim(found[0]) != 3:
            return found
        return (np.swapaxes(found[0], 0, 1), *found[1:])

    return replace(forward, body=swapped)


def fail_time_first(forward: Function) -> NoReturn:
    """Raise the error for functions whose first axis is time."""
    expected, got = "it must read x (B, T, D)", "a function that is right with x (T, B, D)"
    advice = "Write two functions that swap the first axes of x, hs, dhs and dx, and call yours."
    fail(CodeError, forward.name, expected, got, advice, raised=TIME_FIRST)


def fail_exchanged(forward: Function, what: str, style: str) -> NoReturn:
    """Raise the error for a function that has h and c in each other's place."""
    expected, got = "it must have h before c", f"a function that {what} c before h"
    arguments = "x, h, c, Wx, Wh, b" if style == "step" else "x, h0, c0, Wx, Wh, b"
    advice = (
        f"Are the arguments in the order {arguments}, and the results in the order h, c, cache?"
    )
    if what == "takes":
        advice = f"Are the arguments in the order {arguments}?"
    fail(CodeError, forward.name, expected, got, advice, raised=EXCHANGED)
