"""Notebook 1: one step by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from npstack.cells.lstm import LSTMCell
from npstack.core.numerics import Array, sigmoid, tanh
from npstack.core.params import count
from npstack.lessons.checking import Task

# The unit of the notebook: one input, one unit; gates in the order i, f, g, o.
W, U = np.array([[0.5, -0.3, 0.8, 0.2]]), np.array([[0.1, 0.4, -0.6, 0.3]])
B = np.array([0.0, 1.0, 0.0, 0.0])
X = np.array([1.0, -0.5])  # the input of two steps


def step(x: float, h: float, c: float, b: Array = B) -> dict[str, float]:
    """Gates and states of npstack's cell for a step of the unit, by letter."""
    cell = LSTMCell.from_params(W, U, b)
    state = cell.state_type(h=np.array([[h]]), c=np.array([[c]]))
    new, gates = cell.step(cell.params, np.array([[x]]), state)
    return {name: float(a[0, 0]) for name, a in zip("ifgohc", (*gates, *new), strict=True)}


def sums(x: float) -> Array:
    """The sums a of a first step."""
    return np.asarray(W[0] * x + B)


def first() -> dict[str, float]:
    """The first step."""
    return step(X[0], 0.0, 0.0)


def second() -> dict[str, float]:
    """The second step."""
    return step(X[1], first()["h"], first()["c"])


def parameters(inputs: int, units: int) -> int:
    """How many parameters npstack's cell has."""
    return count(LSTMCell(inputs, units, rng=np.random.default_rng(0)).params)


def like_c() -> str:
    """The quantity that is nearly the new c if the input gate is open, the forget gate closed."""
    found = step(X[1], first()["h"], first()["c"], np.array([10.0, -10.0, 0.0, 0.0]))
    return min("ifgoh", key=lambda name: abs(found[name] - found["c"]))


# ---- a step of any size ------------------------------------------------------------------------


def draw(rng: np.random.Generator) -> tuple[Array, ...]:
    """x, h', c', W, U, b."""
    rows, D, H = (int(n) for n in rng.integers(2, 5, 3))
    shapes = (rows, D), (rows, H), (rows, H), (D, 4 * H), (H, 4 * H), (4 * H,)
    return tuple(rng.standard_normal(shape) for shape in shapes)


def right(x: Array, h: Array, c: Array, W: Array, U: Array, b: Array) -> tuple[Array, Array]:
    """h and c of npstack's cell."""
    cell = LSTMCell.from_params(W=W, U=U, b=b)
    state, _ = cell.step(cell.params, x, cell.state_type(h=h, c=c), None)
    return state.h, state.c


def wrong(**changed: Any) -> Any:
    """A step with a mistake."""

    def made(x: Array, h: Array, c: Array, W: Array, U: Array, b: Array) -> tuple[Array, Array]:
        order = changed.get("order", "ifgo")
        a = x @ W + (0 if changed.get("no_U") else h @ U) + b
        parts = dict(zip(order, np.split(a, 4, axis=1), strict=True))
        i, f, o = (sigmoid(parts[name]) for name in "ifo")
        g = sigmoid(parts["g"]) if changed.get("sigmoid") else tanh(parts["g"])
        new = f * c + i * g
        shown = new if changed.get("no_tanh") else tanh(new)
        h, c = o * (tanh(c) if changed.get("old_c") else shown), new
        return (c, h) if changed.get("exchanged") else (h, c)

    return made


TASKS = (
    Task(
        "1.1",
        "the forget gate f of the first step, x = 1",
        lambda: first()["f"],
        {
            "This is the sum a_f: the sigmoid is missing.": lambda: float(sums(1.0)[1]),
            "This is the gate without its bias.": lambda: float(sigmoid(W[0, 1])),
            "This is tanh of the sum; a gate is its sigmoid.": (lambda: float(tanh(sums(1.0)[1]))),
            "This is the input gate: use the second column of the table.": lambda: first()["i"],
        },
        "The sum is x w_f + h' u_f + b_f, and h' is 0 in the first step.",
        share=2e-3,
    ),
    Task(
        "1.2",
        "the cell state c after the first step",
        lambda: first()["c"],
        {
            "This is the candidate g: multiply it by the input gate.": lambda: first()["g"],
            "This is f g: the forget gate belongs to the old cell state, which is 0.": (
                lambda: first()["f"] * first()["g"]
            ),
            "This is h: it is one equation further.": lambda: first()["h"],
            "This is i a_g: the candidate is the tanh of its sum.": (
                lambda: first()["i"] * float(sums(1.0)[2])
            ),
        },
        "c = f c' + i g, and c' is 0 in the first step.",
        share=2e-3,
    ),
    Task(
        "1.3",
        "the hidden state h after the second step, x = -0.5",
        lambda: second()["h"],
        {
            "This is h of a first step: both states of the step before count.": (
                lambda: step(X[1], 0.0, 0.0)["h"]
            ),
            "The hidden state of the step before does not enter the sums.": (
                lambda: step(X[1], 0.0, first()["c"])["h"]
            ),
            "The cell state of the step before is lost: c = f c' + i g.": (
                lambda: step(X[1], first()["h"], 0.0)["h"]
            ),
            "This is c: h = o tanh(c).": lambda: second()["c"],
            "The sums read the hidden state h' of the step before, not its cell state c'.": (
                lambda: step(X[1], first()["c"], first()["c"])["h"]
            ),
        },
        "Compute all six equations again, with h' and c' of the first step.",
        share=1e-2,
    ),
    Task(
        "1.4",
        "how many parameters an LSTM with 3 inputs and 5 units has",
        lambda: parameters(3, 5),
        {
            "The biases are missing.": lambda: 4 * 5 * (3 + 5),
            "This is one of the four gates.": lambda: 5 * (3 + 5 + 1),
            "The weights of the hidden state are missing.": lambda: 4 * 5 * (3 + 1),
            "Each unit reads the hidden state of all units, not only its own.": (
                lambda: 4 * 5 * (3 + 1 + 1)
            ),
        },
        "Each gate of each unit has a weight for every input, one for every unit, and a bias.",
    ),
    Task(
        "1.5",
        "the letter of the quantity that is practically the new c",
        like_c,
        {
            "The forget gate is closed: nothing of c' is kept.": lambda: "c'",
            "The input gate says how much is written; it is about 1. What is written?": lambda: "i",
            "The forget gate is about 0, but the input gate is open: something is written.": (
                lambda: "f"
            ),
            "h comes after c, and the output gate is not open here.": lambda: "h",
            "c is not zero: the input gate is open.": lambda: "0",
            "This is its name; give the letter.": lambda: "candidate",
        },
        "Put f = 0 and i = 1 into equation (5).",
    ),
    Task(
        "1.6",
        "a function batch_step(x, h, c, W, U, b) that returns h and c",
        right,
        {
            "The gates are taken in another order: i, f, g, o.": wrong(order="ifog"),
            "The candidate g is a tanh, not a sigmoid.": wrong(sigmoid=True),
            "h is o c: the tanh of c is missing.": wrong(no_tanh=True),
            "The hidden state before does not enter the sums.": wrong(no_U=True),
            "h is made of the old cell state; equation (6) reads the new one.": wrong(old_c=True),
            "h and c are exchanged: return h first.": wrong(exchanged=True),
        },
        "np.split(a, 4, axis=1) gives the sums of the four gates.",
        draw,
        ("h", "c"),
    ),
)
