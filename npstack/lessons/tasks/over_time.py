"""Notebook 2: from one step to a layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from npstack.cells.lstm import LSTMCell
from npstack.core.numerics import Array, log
from npstack.layers.lstm import LSTM
from npstack.layers.recurrent import Recurrent
from npstack.lessons.checking import Task
from npstack.lessons.tasks.course import logit, tape_of

START, STEPS = 0.8, 10  # of the fading cell
CHANGED, LONG = 60, 100  # the step at which the input is changed, and how many there are
BEGIN = "Begin with h = c = 0, and give each step the h and c of the step before."


def kept_after(bias: float, steps: int) -> float:
    """A cell state that nothing is added to, after some steps: one unit without weights."""
    b = np.array([0.0, bias, 0.0, 0.0])
    layer = Recurrent(LSTMCell.from_params(np.zeros((1, 4)), np.zeros((1, 4)), b))
    state = layer.cell.state_type(h=np.zeros((1, 1)), c=np.full((1, 1), START))
    tape = layer.forward(np.zeros((1, steps, 1)), states=state)
    return float(tape.final.c[0, 0])


def shape() -> tuple[int, ...]:
    """The outputs of 16 units that read 4 sequences of 50 steps of 3 numbers."""
    return _layer(3, 16).forward(np.zeros((4, 50, 3))).outputs.shape


def different() -> int:
    """How many outputs change if the input of one step is changed."""
    layer, x = _layer(1, 4), np.random.default_rng(1).standard_normal((1, LONG, 1))
    other = x.copy()
    other[0, CHANGED] += 1
    before, after = (layer.forward(own).outputs[0] for own in (x, other))
    return int((before != after).any(axis=1).sum())


def _layer(inputs: int, units: int) -> LSTM:
    return LSTM(inputs, units, rng=np.random.default_rng(0))


# ---- what is left of the first cell state ------------------------------------------------------


def draw_gates(rng: np.random.Generator) -> tuple[Array]:
    """Forget gates (B, T, H)."""
    return (rng.uniform(0.2, 0.99, rng.integers(2, 6, 3)),)


def left(f: Array) -> Array:
    """What is left of c(0) at every step: the product of the forget gates since then."""
    found = np.ones_like(f)
    for t in range(1, f.shape[1]):
        found[:, t] = found[:, t - 1] * f[:, t]
    return found


def left_late(f: Array) -> Array:
    """As `left`, one step late."""
    found = np.ones_like(f)
    found[:, 1:] = left(f)[:, :-1]
    return found


def left_by_mean(f: Array) -> Array:
    """A power of the mean gate."""
    return np.asarray(f.mean(axis=1, keepdims=True) ** np.arange(f.shape[1])[:, np.newaxis])


# ---- a layer -----------------------------------------------------------------------------------


def draw(rng: np.random.Generator) -> tuple[Array, ...]:
    """x, W, U, b."""
    B, T, D, H = (int(n) for n in rng.choice(np.arange(2, 7), 4, replace=False))
    shapes = (B, T, D), (D, 4 * H), (H, 4 * H), (4 * H,)
    return tuple(rng.standard_normal(shape) for shape in shapes)


def right(x: Array, W: Array, U: Array, b: Array) -> Array:
    """The hidden state after every step."""
    return tape_of(x, W, U, b).outputs


def forgetful(*names: str) -> Any:
    """A layer that begins every step with zeros in the place of some states."""

    def made(x: Array, W: Array, U: Array, b: Array) -> Array:
        cell = LSTMCell.from_params(W, U, b)
        state, outputs = cell.zero_state(len(x), x.dtype), []
        for t in range(x.shape[1]):
            state = state._replace(**{name: np.zeros_like(state.h) for name in names})
            state, _ = cell.step(cell.params, x[:, t], state)
            outputs.append(state.h)
        return np.stack(outputs, axis=1)

    return made


TASKS = (
    Task(
        "2.1",
        "c ten steps later, if c = 0.8, the forget bias is 1, and nothing is added",
        lambda: kept_after(1.0, STEPS),
        {
            "This is nine steps later.": lambda: kept_after(1.0, STEPS - 1),
            "This is eleven steps later.": lambda: kept_after(1.0, STEPS + 1),
            "This is one step later; the gate acts at each of them.": lambda: kept_after(1.0, 1),
            "This is for a forget bias of 0.": lambda: kept_after(0.0, STEPS),
            "This is the share that is left: multiply by the c of the beginning.": (
                lambda: kept_after(1.0, STEPS) / START
            ),
            "The forget gate is not its bias: the sigmoid is missing.": lambda: START,
        },
        "f is the sigmoid of 1, and c = f c' at each of the ten steps.",
        share=3e-3,
    ),
    Task(
        "2.2",
        "the shape of tape.outputs: a tuple",
        shape,
        {
            "This is the last step alone; the layer returns h of every step.": lambda: (4, 16),
            "The four gates are not passed on: H numbers of h are.": lambda: (4, 50, 64),
            "The last axis of the input is D; that of the output is H.": lambda: (4, 50, 3),
            "The batch comes first, then the steps.": lambda: (50, 4, 16),
        },
        "(B, T, D) becomes (B, T, H).",
    ),
    Task(
        "2.3",
        "how many of the 100 outputs change",
        different,
        {
            "The step itself changes, too; it is not only the later ones.": (
                lambda: LONG - CHANGED - 1
            ),
            "The states carry the change on to the later steps.": lambda: 1,
            "These are the steps before: they have been computed already.": lambda: CHANGED,
            "The layer reads from the first step to the last; earlier outputs stay.": lambda: LONG,
            "Steps are counted from 0: step 60 is the 61st.": lambda: LONG - CHANGED + 1,
        },
        "Which steps come before the change, and which read a state that has changed?",
    ),
    Task(
        "2.4",
        "the forget bias with which half of c is left after 100 steps",
        lambda: logit(0.5 ** (1 / LONG)),
        {
            "This is the forget gate; asked is the bias, of which the gate is the sigmoid.": (
                lambda: 0.5 ** (1 / LONG)
            ),
            "With this bias, half is left after one step.": lambda: 0.0,
            "With this bias, half is left after ten steps.": lambda: logit(0.5**0.1),
            "The gate is a sigmoid, not a tanh.": lambda: logit((1 + 0.5 ** (1 / LONG)) / 2) / 2,
            "This is the logarithm of the gate: the sigmoid is 1 / (1 + exp(-b)).": (
                lambda: float(log(np.array(0.5 ** (1 / LONG))))
            ),
        },
        "First find f with f**100 = 1/2, then solve f = 1 / (1 + exp(-b)) for b.",
        share=3e-3,
    ),
    Task(
        "2.5",
        "a function left(f): what is left of c(0) at every step, (B, T, H)",
        left,
        {
            "At t = 0 all of c(0) is there: the gate f(0) acts on the state before.": (
                lambda f: np.cumprod(f, axis=1)
            ),
            "This is one step late: f(t) acts at step t itself.": left_late,
            "Factors multiply; this adds them.": lambda f: np.cumsum(f, axis=1),
            "The product runs over the steps, which are axis 1.": (
                lambda f: np.cumprod(np.concatenate([np.ones_like(f[:1]), f[1:]]), axis=0)
            ),
            "Every step has a gate of its own: multiply them, do not take a power of the mean.": (
                left_by_mean
            ),
            "A power of the gate f(t) is right only if all the gates before it are equal.": (
                lambda f: f ** np.arange(f.shape[1])[:, np.newaxis]
            ),
        },
        "1 at step 0; then the value of the step before, times f of this step.",
        draw_gates,
    ),
    Task(
        "2.6",
        "a function whole_layer(x, W, U, b) that returns h of every step, (B, T, H)",
        right,
        {
            "Every step begins with zeros: the states are not carried.": forgetful("h", "c"),
            "c is not carried from step to step.": forgetful("c"),
            "h is not carried from step to step.": forgetful("h"),
            "This is h after the last step; return h of every step.": (
                lambda x, W, U, b: right(x, W, U, b)[:, -1]
            ),
            "The steps must be axis 1: np.stack(hidden, axis=1).": (
                lambda x, W, U, b: right(x, W, U, b).swapaxes(0, 1)
            ),
            "This is c of every step; return h.": (lambda x, W, U, b: tape_of(x, W, U, b).states.c),
            "The sequence is read from its end.": (
                lambda x, W, U, b: right(x[:, ::-1], W, U, b)[:, ::-1]
            ),
        },
        BEGIN,
        draw,
        simpler=("With T = 1", lambda x, W, U, b: (x[:, :1], W, U, b)),
    ),
)
