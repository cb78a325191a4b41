"""Notebook 7: watching layers over time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from npstack.analysis import gradient_norms
from npstack.core.numerics import Array, log
from npstack.layers.stacked import StackedLSTM
from npstack.lessons.checking import Task

SERIES = np.array([3.0, 3.0, 1.0, 1.0])
RATE = 0.85  # the autocorrelation at lag k is its power
SIZES = [24, 16, 8]
SEEN, LENGTH = 5, 10  # the step whose output has a gradient, of so many


def correlation(series: Array, lag: int = 1, centred: bool = True) -> float:
    """The autocorrelation at a lag."""
    h = series - series.mean() if centred else series
    return float((h[lag:] * h[:-lag]).sum() / (h * h).sum())


def below(limit: float) -> int:
    """The first lag at which the autocorrelation is below a limit."""
    return int((RATE ** np.arange(100) < limit).argmax())


def gates_shape(layer: int) -> tuple[int, ...]:
    """The shape of a gate of one layer of the stack."""
    stack = StackedLSTM(1, SIZES, rng=np.random.default_rng(0))
    gate: Array = stack.forward(np.zeros((2, 480, 1))).layers[layer].gates.forget
    return gate.shape


def reached() -> int:
    """At how many steps a gradient reaches the hidden states of layer 0."""
    stack = StackedLSTM(1, [3, 3], rng=np.random.default_rng(0))
    tape = stack.forward(np.random.default_rng(1).standard_normal((1, LENGTH, 1)))
    doutputs = np.zeros_like(tape.outputs)
    doutputs[:, SEEN] = 1
    return int(np.count_nonzero(gradient_norms(stack, tape, doutputs)["h"][0]))


# ---- roughness of each unit ---------------------------------------------------------------------


def draw_states(rng: np.random.Generator) -> tuple[Array]:
    """h (T, H): slow units that are not around 0."""
    T, H = (int(n) for n in rng.integers((6, 2), (12, 5)))
    return (rng.standard_normal((T, H)).cumsum(axis=0) + 1,)


def roughness(h: Array) -> Array:
    """The mean square of the change from step to step, by the variance: a number for each unit."""
    return np.asarray(np.square(np.diff(h, axis=0)).mean(axis=0) / h.var(axis=0))


# ---- a unit whose sign is flipped -------------------------------------------------------------


def draw_layer(rng: np.random.Generator) -> tuple[Any, ...]:
    """W, U, b and the number of a unit."""
    D, H = (int(n) for n in rng.integers(2, 5, 2))
    shapes = (D, 4 * H), (H, 4 * H), (4 * H,)
    return *(rng.standard_normal(shape) for shape in shapes), int(rng.integers(H))


def flipped(
    columns: str = "g", row: bool = True, crossing: bool = True
) -> Callable[..., tuple[Array, Array, Array]]:
    """A function that flips the sign of a unit; or one that makes a mistake."""

    def flip(W: Array, U: Array, b: Array, k: int) -> tuple[Array, Array, Array]:
        H = len(U)
        W, U, b = W.copy(), U.copy(), b.copy()
        before = U[k].copy()
        if row:
            U[k] *= -1
        for gate in columns:
            column = "ifgo".index(gate) * H + k
            for array in (W, U, b):
                array[..., column] *= -1
            if not crossing:
                U[k, column] = -before[column]
        return W, U, b

    return flip


TASKS = (
    Task(
        "7.1",
        "the autocorrelation at lag 1 of the series 3, 3, 1, 1",
        lambda: correlation(SERIES),
        {
            "The mean must be subtracted first.": lambda: correlation(SERIES, centred=False),
            "The sum of the products is divided by the sum of all squares, not by the mean square "
            "times the number of products.": lambda: correlation(SERIES) * 4 / 3,
            "This joins the last step to the first: a series is not a circle.": lambda: 0.0,
            "This is lag 2.": lambda: correlation(SERIES, 2),
        },
        "Four numbers around their mean give three products of neighbours and four squares.",
        share=1e-3,
    ),
    Task(
        "7.2",
        "the autocorrelation time of a unit with the autocorrelation 0.85 to the power of the lag",
        lambda: below(1 / math.e),
        {
            "At this lag it is still above 1/e.": lambda: below(1 / math.e) - 1,
            "This is the first lag below one half.": lambda: below(0.5),
            "This is 1/(1 - 0.85), which is near it. A lag is a whole number: try them.": (
                lambda: 1 / (1 - RATE)
            ),
            "This solves the equation for 1/e exactly. A lag is a whole number.": (
                lambda: -1 / float(log(np.array(RATE)))
            ),
        },
        "Multiply by 0.85 until the result is below 0.368, and count.",
        share=1e-2,
    ),
    Task(
        "7.3",
        "the shape of tape.layers[1].gates.forget: 2 sequences of 480 steps, units 24, 16, 8",
        lambda: gates_shape(1),
        {
            "These are the units of layer 0: counting begins with 0.": lambda: gates_shape(0),
            "The batch is missing.": lambda: gates_shape(1)[1:],
            "These are all four gates in one array; this is one of them.": (
                lambda: (2, 480, 4 * SIZES[1])
            ),
            "This is one step; a tape has all of them.": lambda: (2, SIZES[1]),
        },
        "A gate has one number for each sequence, step and unit of its own layer.",
    ),
    Task(
        "7.4",
        "at how many of 10 steps layer 0 gets a gradient, if only output 5 of 0 … 9 has one",
        reached,
        {
            "The step itself is missing: its output reads layer 0 at the same step.": lambda: SEEN,
            "The output of a step does not depend on later steps.": lambda: LENGTH,
            "Earlier steps count, too: they act through the states.": lambda: 1,
            "These are the later steps. A gradient goes back in time.": lambda: LENGTH - SEEN - 1,
        },
        "Which hidden states could you change, so that output 5 changes?",
    ),
    Task(
        "7.5",
        "a function roughness(h) of hidden states (T, H) that returns an array (H,)",
        roughness,
        {
            "These are absolute changes; take their squares.": (
                lambda h: np.abs(np.diff(h, axis=0)).mean(axis=0) / h.var(axis=0)
            ),
            "This is divided by the standard deviation; divide by its square.": (
                lambda h: np.square(np.diff(h, axis=0)).mean(axis=0) / h.std(axis=0)
            ),
            "This is divided by the mean square; the variance is around the mean.": (
                lambda h: np.square(np.diff(h, axis=0)).mean(axis=0) / np.square(h).mean(axis=0)
            ),
            "This is one number for all units.": (
                lambda h: np.square(np.diff(h, axis=0)).mean() / h.var()
            ),
            "These are changes from unit to unit; time is the first axis.": (
                lambda h: np.square(np.diff(h, axis=1)).mean(axis=1) / h.var(axis=1)
            ),
        },
        "np.diff(h, axis=0) gives the changes from step to step.",
        draw_states,
        ("roughness",),
    ),
    Task(
        "7.6",
        "a function flipped(W, U, b, k) that returns W, U, b with the sign of unit k flipped",
        flipped(),
        {
            "The layer also reads its own hidden state: one row of U is missing.": (
                flipped(row=False)
            ),
            "c does not change its sign. Which factor of equation (5) can have one?": (
                flipped(columns="")
            ),
            "A gate has no sign: with its sums negated, it is closed where it was open.": (
                flipped(columns="ifgo")
            ),
            "One entry of U is wrong: there, a row and a column cross.": flipped(crossing=False),
        },
        "h = o tanh(c), c = f c' + i g: all gates must stay, and g must change its sign.",
        draw_layer,
        ("W", "U", "b"),
        packed=("W", "U", "b"),
    ),
)
