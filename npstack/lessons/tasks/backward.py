"""Notebook 3: write your own backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from npstack.core.numerics import Array, sigmoid, sigmoid_derivative, tanh, tanh_derivative
from npstack.lessons.checking import Task
from npstack.lessons.tasks.backward_loops import TASKS as LOOPS
from npstack.lessons.tasks.course import PACKED

# By hand: one unit.
DH, OUT, TANH_C, DC_NEXT = 2.0, 0.5, 0.6, 0.3
SUM_RESULTS = "dx", "dh_before", *PACKED

Draw = Callable[[np.random.Generator], tuple[Any, ...]]


# ---- what is drawn -----------------------------------------------------------------------------


def values(rng: np.random.Generator, names: str) -> dict[str, Array]:
    """Arrays (B, H) by name: gates between 0 and 1, everything else of both signs."""
    shape = tuple(int(n) for n in rng.integers(2, 5, 2))
    return {
        name: sigmoid(rng.standard_normal(shape)) if name in "ifo" else rng.standard_normal(shape)
        for name in names.split()
    }


def drawn(names: str) -> Draw:
    """A draw of arrays (B, H)."""
    return lambda rng: tuple(values(rng, names).values())


def draw_sum(rng: np.random.Generator) -> tuple[Array, ...]:
    """da, x, h', h, W, U."""
    B, D, H = rng.permutation([2, 3, 5])
    shapes = (B, 4 * H), (B, D), (B, H), (B, H), (D, 4 * H), (H, 4 * H)
    return tuple(rng.standard_normal(shape) for shape in shapes)


# ---- one equation ------------------------------------------------------------------------------


def gradient_of_o(dh: Array, o: Array, c: Array) -> Array:
    """(6), the path to the output gate."""
    return dh * tanh(c)


def gradient_of_c(dh: Array, dc_next: Array, o: Array, c: Array) -> Array:
    """(6), both paths of c."""
    return np.asarray(dc_next + dh * o * tanh_derivative(tanh(c)))


def by_hand(next_step: float = DC_NEXT, o: float = OUT, slope: float = 1 - TANH_C**2) -> float:
    """dc of one unit, with parts that may be left out."""
    return next_step + DH * o * slope


def gradients_of_5(
    dc: Array, i: Array, f: Array, g: Array, c: Array, c_before: Array
) -> tuple[Array, ...]:
    """(5): di, df, dg, dc'."""
    return dc * g, dc * c_before, dc * i, dc * f


def mixed(*order: int) -> Callable[..., tuple[Array, ...]]:
    """The four gradients of (5), at each place another one."""

    def made(*given: Array) -> tuple[Array, ...]:
        found = gradients_of_5(*given)
        return tuple(found[k] for k in order)

    return made


def with_c(dc: Array, i: Array, f: Array, g: Array, c: Array, c_before: Array) -> tuple[Array, ...]:
    """(5) with c in the place of c'."""
    return gradients_of_5(dc, i, f, g, c, c)


def without_f(dc: Array, *given: Array) -> tuple[Array, ...]:
    """(5), where dc passes on as it is."""
    return *gradients_of_5(dc, *given)[:3], dc


def with_slopes(dc: Array, i: Array, f: Array, g: Array, *given: Array) -> tuple[Array, ...]:
    """(5), with the slopes of (1) to (3) in it."""
    di, df, dg, dc_before = gradients_of_5(dc, i, f, g, *given)
    slopes = sigmoid_derivative(i), sigmoid_derivative(f), tanh_derivative(g)
    return di * slopes[0], df * slopes[1], dg * slopes[2], dc_before


def slopes(
    di: Array, df: Array, dg: Array, do: Array, i: Array, f: Array, g: Array, o: Array
) -> Array:
    """(1) to (4): da."""
    parts = [y * sigmoid_derivative(own) for y, own in ((di, i), (df, f), (do, o))]
    parts.insert(2, dg * tanh_derivative(g))
    return np.concatenate(parts, axis=1)


def packed(*given: Array, kind: str) -> Array:
    """da with other slopes."""
    gradients, gates = given[:4], given[4:]
    made = []
    for k, y in enumerate(gates):
        slope = tanh_derivative(y) if k == 2 else sigmoid_derivative(y)
        if kind == "sigmoid":
            slope = sigmoid_derivative(y)
        elif kind == "tanh":
            slope = tanh_derivative(y)
        elif kind == "none":
            slope = np.ones_like(y)
        elif kind == "again":
            twice = tanh(y) if k == 2 else sigmoid(y)
            slope = tanh_derivative(twice) if k == 2 else sigmoid_derivative(twice)
        made.append(gradients[k] * slope)
    return np.concatenate(made, axis=1)


def gradients_of_sum(
    da: Array, x: Array, h_before: Array, h: Array, W: Array, U: Array
) -> tuple[Array, ...]:
    """The sum a: dx, dh', dW, dU, db."""
    return da @ W.T, da @ U.T, x.T @ da, h_before.T @ da, da.sum(axis=0)


def of_sum(**changed: Callable[..., Array]) -> Callable[..., tuple[Array, ...]]:
    """The gradients of the sum; some are computed in another way, from da, x, h', h."""

    def made(
        da: Array, x: Array, h_before: Array, h: Array, W: Array, U: Array
    ) -> tuple[Array, ...]:
        right = gradients_of_sum(da, x, h_before, h, W, U)
        return tuple(
            changed[name](da, x, h_before, h) if name in changed else own
            for name, own in zip(SUM_RESULTS, right, strict=True)
        )

    return made


TASKS = (
    Task(
        "3.1",
        "a function gradient_of_o(dh, o, c) that returns do",
        gradient_of_o,
        {
            "The factor of o in (6) is tanh(c), not c.": lambda dh, o, c: dh * c,
            "This is what reaches tanh(c): its factor is o. What is the factor of o?": (
                lambda dh, o, c: dh * o
            ),
            "This is dh times h: o itself is not a factor in its own gradient.": (
                lambda dh, o, c: dh * o * tanh(c)
            ),
            "The slope of tanh belongs to the path to c. On the way to o, tanh(c) is a factor.": (
                lambda dh, o, c: dh * (1 - tanh(c) ** 2)
            ),
            "This is how h changes with o; the loss changes with h by dh.": (
                lambda dh, o, c: tanh(c)
            ),
        },
        "h = o tanh(c). If o grows a little, by how much does h grow?",
        drawn("dh o c"),
        ("do",),
    ),
    Task(
        "3.2",
        "dc of one unit, where dh = 2, o = 0.5, tanh(c) = 0.6 and dc_next = 0.3",
        by_hand,
        {
            "The second path is missing: what comes from the next step.": lambda: by_hand(0.0),
            "This is what comes from the next step. The path through h is missing.": (
                lambda: by_hand(o=0.0)
            ),
            "This has tanh(c) in the place of its slope.": lambda: by_hand(slope=TANH_C),
            "The output gate is missing: h = o tanh(c).": lambda: by_hand(o=1.0),
            "The slope of tanh is missing.": lambda: by_hand(slope=1.0),
            "This is 1 - tanh(c); the slope has the square of tanh(c).": (
                lambda: by_hand(slope=1 - TANH_C)
            ),
            "Only the path through h passes through the tanh.": (
                lambda: by_hand(slope=1.0) * (1 - TANH_C**2)
            ),
            "0.6 is tanh(c) already: do not take the tanh of it again.": (
                lambda: by_hand(slope=1 - float(tanh(np.array(TANH_C))) ** 2)
            ),
            "dc_next arrives at c itself: o and the slope are on the other path.": (
                lambda: (DH + DC_NEXT) * OUT * (1 - TANH_C**2)
            ),
        },
        "Compute each path alone, then add. The slope of tanh at c is 1 - tanh(c)².",
        share=1e-3,
    ),
    Task(
        "3.3",
        "a function gradient_of_c(dh, dc_next, o, c) that returns dc",
        gradient_of_c,
        {
            "The second path is missing: c is also read by the next step.": (
                lambda dh, dc_next, o, c: gradient_of_c(dh, 0 * dh, o, c)
            ),
            "The first path is missing: c is also read in (6).": lambda dh, dc_next, o, c: dc_next,
            "The slope of tanh is written with its value tanh(c), not with c.": (
                lambda dh, dc_next, o, c: dc_next + dh * o * (1 - c**2)
            ),
            "In the slope, tanh(c) is squared.": (
                lambda dh, dc_next, o, c: dc_next + dh * o * (1 - tanh(c))
            ),
            "The output gate is missing on the path through h.": (
                lambda dh, dc_next, o, c: gradient_of_c(dh, dc_next, np.ones_like(o), c)
            ),
            "The slope of tanh is missing on the path through h.": (
                lambda dh, dc_next, o, c: dc_next + dh * o
            ),
            "Only the path through h passes through the tanh: dc_next does not.": (
                lambda dh, dc_next, o, c: (dc_next + dh * o) * (1 - tanh(c) ** 2)
            ),
            "This has tanh(c) in the place of its slope.": (
                lambda dh, dc_next, o, c: dc_next + dh * o * tanh(c)
            ),
            "dc_next arrives at c itself: o and the slope are on the other path.": (
                lambda dh, dc_next, o, c: gradient_of_c(dh + dc_next, 0 * dh, o, c)
            ),
        },
        "It is 3.2 with arrays.",
        drawn("dh dc_next o c"),
        ("dc",),
    ),
    Task(
        "3.4",
        "a function gradients_of_5(dc, i, f, g, c, c_before) that returns di, df, dg, dc_before",
        gradients_of_5,
        {
            "What does the forget gate multiply: the new cell state, or the old one?": with_c,
            "di and dg are exchanged: the factor of i is g.": mixed(2, 1, 0, 3),
            "df and dc_before are exchanged: the factor of f is c'.": mixed(0, 3, 2, 1),
            "The gradient passes from c to c' through the forget gate.": without_f,
            "The order is di, df, dg, dc_before; here df is first.": mixed(1, 0, 2, 3),
            "Each quantity gets its own value as factor; it should get the other one.": (
                lambda dc, i, f, g, c, c_before: (dc * i, dc * f, dc * g, dc * c_before)
            ),
            "The slopes of the gates come later, in (4) to (1).": with_slopes,
        },
        "In c = f c' + i g, every quantity has one factor. Its gradient is dc times this factor.",
        drawn("dc i f g c c_before"),
        ("di", "df", "dg", "dc_before"),
    ),
    Task(
        "3.5",
        "a function gradient_of_a(di, df, dg, do, i, f, g, o) that returns da, (B, 4H)",
        slopes,
        {
            "The candidate is a tanh: its slope is another one than those of the gates.": (
                lambda *given: packed(*given, kind="sigmoid")
            ),
            "Three of the four are sigmoids: the slope of a sigmoid is another one.": (
                lambda *given: packed(*given, kind="tanh")
            ),
            "i, f, g, o are values already: do not take the sigmoid or the tanh of them again.": (
                lambda *given: packed(*given, kind="again")
            ),
            "These are di, df, dg, do side by side: the slopes are missing.": (
                lambda *given: packed(*given, kind="none")
            ),
        },
        "With its value y, the slope of a sigmoid is y (1 - y), that of a tanh is 1 - y².",
        drawn("di df dg do i f g o"),
        ("da",),
        packed=("da",),
    ),
    Task(
        "3.6",
        "a function gradients_of_sum(da, x, h_before, h, W, U) that returns dx, dh_before, dW, "
        "dU, db",
        gradients_of_sum,
        {
            "Which h was multiplied by U in this step: the new one, or the one before?": of_sum(
                dU=lambda da, x, h_before, h: h.T @ da
            ),
            "b serves all rows: its gradient is their sum, not their mean.": of_sum(
                db=lambda da, x, h_before, h: da.mean(axis=0)
            ),
            "W, U and b serve all rows: no gradient is divided by their number.": of_sum(
                dW=lambda da, x, h_before, h: x.T @ da / len(x),
                dU=lambda da, x, h_before, h: h_before.T @ da / len(x),
                db=lambda da, x, h_before, h: da.mean(axis=0),
            ),
            "dW and dU are transposed: each has the shape of what it is the gradient of.": of_sum(
                dW=lambda da, x, h_before, h: da.T @ x,
                dU=lambda da, x, h_before, h: da.T @ h_before,
            ),
            "db is not summed: b has one number for each column.": of_sum(
                db=lambda da, x, h_before, h: da
            ),
            "db is summed over its columns: sum over the rows, axis 0.": of_sum(
                db=lambda da, x, h_before, h: da.sum(axis=1)
            ),
        },
        "Write the shapes beside the products: only one order, with one transpose, fits. b has no "
        "factor, and it is added in every row: paths add.",
        draw_sum,
        SUM_RESULTS,
        packed=PACKED,
    ),
    *LOOPS,
)
