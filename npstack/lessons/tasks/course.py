"""What exercises of several notebooks share: layers of npstack, and the solution of the course.

The solution is right, or has a changed line; with it come arguments for its functions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from npstack.cells.lstm import LSTMCell
from npstack.core.numerics import Array, log
from npstack.core.tape import RecurrentTape
from npstack.layers.recurrent import Recurrent
from npstack.lessons.solutions import parts_of, solved

Function = Callable[..., Any]
Change = tuple[str, str]  # a piece of the text, and what is written instead
STEP, SEQUENCE, STACK = "step_backward", "sequence_backward", "stack_backward"
PACKED = "dW", "dU", "db"
STEP_RESULTS = "dx", "dh_before", "dc_before", *PACKED
LOOP_RESULTS = "dx", "dh0", "dc0", *PACKED
CALL = "step_backward(dh + dhs[:, t], dc, caches[t])"  # in the loop of the solution


# ---- npstack's own -----------------------------------------------------------------------------


def logit(gate: float) -> float:
    """The sum of which a gate is the sigmoid."""
    return float(log(np.array(gate / (1 - gate))))


def tape_of(x: Array, W: Array, U: Array, b: Array) -> RecurrentTape:
    """The tape of npstack's layer."""
    tape: RecurrentTape = Recurrent(LSTMCell.from_params(W, U, b)).forward(x)  # type: ignore[assignment]
    return tape


# ---- the solution ------------------------------------------------------------------------------


@cache
def course(*changes: Change) -> dict[str, Any]:
    """The functions of the right solution, those of masks left out.

    Examples
    --------
    >>> sorted(name for name in course() if name.startswith("st"))
    ['stack_backward', 'stack_forward', 'step_backward', 'step_forward']
    """
    text = "".join(solved(part) for part in parts_of("lstm") if "stage masks" not in part)
    for old, new in changes:
        if text.count(old) != 1:
            raise LookupError(f"{text.count(old)} times in the solution: {old}")
        text = text.replace(old, new)
    space: dict[str, Any] = {}
    exec(compile(text, "<solution>", "exec"), space)
    return space


def step_with(*changes: Change) -> Function:
    """The backward of a step with changed lines."""
    return lambda dh, dc_next, cache: course(*changes)[STEP](dh, dc_next, cache)


def sequence_with(*changes: Change) -> Function:
    """The backward of a sequence; the step that it is given is not needed."""
    return lambda dhs, caches, step_backward: course(*changes)[SEQUENCE](dhs, caches)


def stack_with(*changes: Change) -> Function:
    """The backward of a stack; the backward of a sequence that it is given is not needed."""
    return lambda dhs, caches, sequence_backward: course(*changes)[STACK](dhs, caches)


# ---- arguments ---------------------------------------------------------------------------------


def draw_step(rng: np.random.Generator) -> tuple[Any, ...]:
    """dh, dc_next, and the cache of a step."""
    B, D, H = (int(n) for n in rng.integers(2, 5, 3))
    shapes = (B, D), (B, H), (B, H), (D, 4 * H), (H, 4 * H), (4 * H,)
    h, c, cache = course()["step_forward"](*(rng.standard_normal(shape) for shape in shapes))
    return rng.standard_normal(h.shape), rng.standard_normal(c.shape), cache


def draw_sequence(rng: np.random.Generator) -> tuple[Any, ...]:
    """dhs, the caches of 3 steps or more, and a right backward of a step."""
    B, T, D, H = (int(n) for n in rng.integers(2, 5, 4))
    shapes = (B, T + 1, D), (B, H), (B, H), (D, 4 * H), (H, 4 * H), (4 * H,)
    hs, caches = course()["sequence_forward"](*(rng.standard_normal(shape) for shape in shapes))
    return rng.standard_normal(hs.shape), tuple(caches), course()[STEP]


def draw_stack(rng: np.random.Generator) -> tuple[Any, ...]:
    """dhs, the caches of two layers of one size, and a right backward of a sequence."""
    B, T, H = (int(n) for n in rng.integers(2, 5, 3))
    shapes = ((B, T, H), *((H, 4 * H), (H, 4 * H), (4 * H,)) * 2)
    hs, caches = course()["stack_forward"](*(rng.standard_normal(shape) for shape in shapes))
    return rng.standard_normal(hs.shape), tuple(caches), course()[SEQUENCE]
