"""Notebook 6: why LSTMs."""

from __future__ import annotations

from typing import Any

import numpy as np

from npstack.analysis import state_jacobians
from npstack.cells.lstm import LSTMCell
from npstack.core.numerics import Array, log, sigmoid, tanh
from npstack.layers.lstm import LSTM
from npstack.lessons.checking import Task
from npstack.lessons.tasks.course import logit

WEIGHT, BIAS = 0.8, 1.0  # of the unit at rest: u_g and the forget gate's bias


def at_rest(weight: float = WEIGHT, bias: float = BIAS) -> float:
    """Factor of one step of a unit that reads zeros, from a state of zero."""
    layer = LSTM(1, 1, rng=np.random.default_rng(0), forget_bias=bias)
    layer.params = {**layer.params, "U": np.array([[0.5, 0.5, weight, 0.5]])}
    jacobian = state_jacobians(layer, layer.forward(np.zeros((1, 1, 1))))[0, 0]
    return float(np.abs(np.linalg.eigvals(jacobian)).max())


def gate(bias: float) -> float:
    """The forget gate at rest."""
    return float(sigmoid(np.asarray(bias)))


# ---- the shape of the Jacobians ----------------------------------------------------------------


def shape() -> tuple[int, ...]:
    """Of the Jacobians of 7 steps of 5 units, for 2 rows."""
    layer = LSTM(3, 5, rng=np.random.default_rng(0))
    return state_jacobians(layer, layer.forward(np.zeros((2, 7, 3)))).shape


# ---- sizes by lag ------------------------------------------------------------------------------


def draw_jacobians(rng: np.random.Generator) -> tuple[Array]:
    """(T, S, S)"""
    T, S = (int(n) for n in rng.integers(3, 6, 2))
    return (rng.standard_normal((T, S, S)),)


def by_lag(jacobians: Array, **changed: Any) -> Array:
    """Largest factor from each step's state to the last one; or with a mistake."""
    product = np.eye(jacobians.shape[-1])
    found = [product]
    for J in jacobians[:0:-1]:
        if changed.get("by entry"):
            product = J * product
        else:
            product = product @ J if changed.get("turned") else J @ product
        found.append(product)
    return np.array([np.linalg.norm(own, changed.get("norm", 2)) for own in found])


def of_norms(jacobians: Array) -> Array:
    """Products of the norms: an upper bound."""
    norms = np.linalg.norm(jacobians[:0:-1], 2, axis=(1, 2))
    return np.concatenate([[1.0], np.cumprod(norms)])


def shifted(jacobians: Array) -> Array:
    """One lag too many, without lag 0."""
    return by_lag(np.concatenate([jacobians[:1], jacobians]))[1:]


# ---- the Jacobian of one step ------------------------------------------------------------------


def draw_step(rng: np.random.Generator) -> tuple[Array, ...]:
    """U, i, f, g, o, c', c of one row, from a step of npstack's cell."""
    H = int(rng.integers(2, 5))
    cell = LSTMCell(1, H, rng=rng)
    before = cell.state_type(h=rng.uniform(-1, 1, (1, H)), c=rng.standard_normal((1, H)))
    state, gates = cell.step(cell.params, rng.standard_normal((1, 1)), before)
    return (cell.params["U"], *(own[0] for own in gates), before.c[0], state.c[0])


def right(U: Array, i: Array, f: Array, g: Array, o: Array, c_before: Array, c: Array) -> Array:
    """The Jacobian that npstack's own backward step gives: seeded with one number at a time."""
    H = len(i)
    params = {"W": np.zeros((1, 4 * H)), "U": U, "b": np.zeros(4 * H)}

    def rows(own: Array) -> Array:
        return np.tile(own, (2 * H, 1))

    kind = LSTMCell(1, H, rng=np.random.default_rng(0)).state_type
    gates = dict(
        zip(("input", "forget", "candidate", "output"), map(rows, (i, f, g, o)), strict=True)
    )
    seeds = np.eye(2 * H)
    _, _, dbefore = LSTMCell.step_backward(
        params,
        np.zeros((2 * H, 1)),
        kind(h=rows(0 * c), c=rows(c_before)),
        _gates(**gates),
        kind(h=rows(o * tanh(c)), c=rows(c)),
        kind(h=seeds[:, :H], c=seeds[:, H:]),
    )
    return np.concatenate(dbefore, axis=1).T


def _gates(**gates: Array) -> Any:
    record = LSTMCell(1, 1, rng=np.random.default_rng(0)).record_type
    return record(**gates)


def wrong(**changed: bool) -> Any:
    """The Jacobian with a mistake."""

    def made(U: Array, i: Array, f: Array, g: Array, o: Array, c_before: Array, c: Array) -> Array:
        Ui, Uf, Ug, Uo = np.split(U, 4, axis=1)
        tanh_c = tanh(c)
        A = Ui * (g * i * (1 - i)) + Uf * (c_before * f * (1 - f)) + Ug * (i * (1 - g * g))
        E = Uo * (tanh_c * o * (1 - o))
        s = o * (1 - tanh_c * tanh_c)
        if changed.get("forget gate alone"):
            A = 0 * A
        if changed.get("no output gate"):
            E = 0 * E
        if changed.get("no tanh"):
            s = o
        if changed.get("c for c'"):
            A = A + Uf * ((c - c_before) * f * (1 - f))
        J = np.block([[A * s + E, A], [np.diag(f * s), np.diag(f)]])
        if changed.get("c first"):
            order = np.roll(np.arange(len(J)), len(i))
            J = J[order][:, order]
        return J.T if changed.get("transposed") else J

    return made


TASKS = (
    Task(
        "6.1",
        "the factor of one step of a unit at rest, with u_g = 0.8 and a forget bias of 1",
        at_rest,
        {
            "This is the forget gate alone: h' follows c', and it is read again.": (
                lambda: gate(BIAS)
            ),
            "h' moves by less than c': the output gate is missing on the path through h'.": (
                lambda: gate(BIAS) + WEIGHT / 2
            ),
            "On the path through h', both the input gate and the output gate are missing.": (
                lambda: gate(BIAS) + WEIGHT
            ),
            "The bias of the forget gate is missing.": lambda: at_rest(bias=0.0),
        },
        "At rest i = o = 1/2. One path leads through f, the other through o, u_g and i. Add them.",
        share=1e-3,
    ),
    Task(
        "6.2",
        "the forget bias with which that factor is 1 if u_g = 1",
        lambda: logit(0.75),
        {
            "This is how far the forget gate must be open, not its bias.": lambda: 0.75,
            "Here the sigmoid is applied once more; it has to be inverted.": lambda: gate(0.75),
            "The sigmoid is 1 / (1 + exp(-b)); solve that for b.": (
                lambda: float(log(np.asarray(0.75)))
            ),
            "The path through h' is missing on the side of the open gate: how much does it add?": (
                lambda: logit(0.5)
            ),
        },
        "Which f is needed? Then invert the sigmoid: f / (1 - f) = exp(b).",
        share=1e-3,
    ),
    Task(
        "6.3",
        "the shape of state_jacobians(layer, tape): LSTM, D = 3, H = 5, B = 2, T = 7",
        shape,
        {
            "The state of an LSTM is h and c.": lambda: (2, 7, 5, 5),
            "The Jacobian is by the state before; the gates are no part of it.": (
                lambda: (2, 7, 20, 20)
            ),
            "Every step has one, the first too: it begins at the initial state.": (
                lambda: (2, 6, 10, 10)
            ),
            "The input is no part of the state.": lambda: (2, 7, 8, 8),
            "Each row of the batch has its own.": lambda: (7, 10, 10),
        },
        "For each row and each step: all numbers of the state before, by all numbers after.",
    ),
    Task(
        "6.4",
        "what the gradient does with U = 0 and a forget bias of 3: explodes, vanishes, stays, is 0",
        lambda: "vanishes",
        {
            "What exploded was the path through U, and that is cut.": lambda: "explodes",
            "sigmoid(3) is near 1, but it is below 1: think of 100 factors.": lambda: "stays",
            "Nothing passes through h' now; but the cell state is still there.": lambda: "is 0",
        },
        "With U = 0 only one of the four blocks of the Jacobian connects c' with c. Which?",
        also=("vanish", "it vanishes"),
    ),
    Task(
        "6.5",
        "a function sizes(jacobians) that returns the sizes at lag 0 … T - 1",
        by_lag,
        {
            "The product is in the wrong order: a change is a row, and the first step is first.": (
                lambda jacobians: by_lag(jacobians, turned=True)
            ),
            "These are products of the norms, which are only an upper bound.": of_norms,
            "The matrices are multiplied entry by entry; use @.": (
                lambda jacobians: by_lag(jacobians, **{"by entry": True})
            ),
            "This is the norm of all entries, not the largest factor: np.linalg.norm(J, 2).": (
                lambda jacobians: by_lag(jacobians, norm="fro")
            ),
            "It begins at lag 1: at lag 0 nothing has been passed yet.": shifted,
        },
        "From the last step to the first: put each Jacobian in front of the product.",
        draw_jacobians,
    ),
    Task(
        "6.6",
        "a function jacobian(U, i, f, g, o, c_before, c) that returns J, (2H, 2H)",
        right,
        {
            "The cell state gets nothing from h': the block A is missing.": (
                wrong(**{"forget gate alone": True})
            ),
            "h' also opens the output gate: E is missing.": wrong(**{"no output gate": True}),
            "In S, the slope of the tanh in h = o tanh(c) is missing.": wrong(**{"no tanh": True}),
            "In A, the forget gate multiplies the cell state before the step.": (
                wrong(**{"c for c'": True})
            ),
            "It is transposed: rows are the state before, columns the state after.": (
                wrong(transposed=True)
            ),
            "The blocks are in the order c, h; h comes first.": wrong(**{"c first": True}),
        },
        "np.block joins four blocks; U_i * v multiplies column n of U_i by v[n].",
        draw_step,
        share=1e-9,
    ),
)
