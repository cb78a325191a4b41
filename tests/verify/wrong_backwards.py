"""Backward functions with common mistakes, and correct ones.

Each is made from the cell's own `step_backward`, or from the layer's gradients, by one change. The
first group are the accidents of published code: one bias reused for all gates, one gate's
derivative used for another, the carried cell gradient left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from npstack import LSTM, LSTMState
from npstack.verify.mistakes.entry import edited, place_of

Gradients = dict[str, Any]


class Wrong(NamedTuple):
    """A name, the dtype to run in, and what makes a right layer wrong."""

    name: str
    spoil: Callable[[LSTM], None]
    dtype: Any = np.float64
    scale: float = 1.0  # of the loss: how small the gradients are


def line(name: str, old: str, new: str, **kind: Any) -> Wrong:
    """One expression of the cell's backward exchanged for another."""
    place = "LSTMCell.step_backward"
    assert old in place_of(place).text, old
    changed = edited(place, ((old, new),))

    def spoil(layer: LSTM) -> None:
        layer.cell.step_backward = changed  # type: ignore[method-assign]

    return Wrong(name, spoil, **kind)


def result(name: str, change: Callable[[Gradients, Any], None], **kind: Any) -> Wrong:
    """The gradients of a layer changed after they have been computed."""

    def spoil(layer: LSTM) -> None:
        right = layer._backward

        def backward(tape: Any, doutputs: Any, dfinal: Any) -> Any:
            dparams, dx, (dstate,) = right(tape, doutputs, dfinal)
            grads = {**dparams, "x": dx, "h": dstate.h, "c": dstate.c}
            grads = {key: value.copy() for key, value in grads.items()}
            change(grads, tape)
            state = LSTMState(grads.pop("h"), grads.pop("c"))
            x = grads.pop("x")
            return grads, x, (state,)

        layer._backward = backward  # type: ignore[method-assign]

    return Wrong(name, spoil, **kind)


def scaled(key: str, index: Any, factor: float) -> Callable[[Gradients, Any], None]:
    """One part of one gradient times a factor."""

    def change(grads: Gradients, tape: Any) -> None:
        grads[key][index] *= factor

    return change


def set_to(key: str, value: Callable[[Gradients, Any], Any]) -> Callable[[Gradients, Any], None]:
    """One gradient replaced."""

    def change(grads: Gradients, tape: Any) -> None:
        grads[key] = value(grads, tape)

    return change


def no_final(layer: LSTM) -> None:
    """The gradient of the final state is not looked at."""
    right = layer._backward
    layer._backward = lambda tape, doutputs, dfinal: right(  # type: ignore[method-assign]
        tape, doutputs, (LSTMState(*map(np.zeros_like, dfinal[0])),)
    )


def last_output_only(layer: LSTM) -> None:
    """Only the last step's output gradient is used, as if the loss could not see the others."""
    right = layer._backward

    def backward(tape: Any, doutputs: Any, dfinal: Any) -> Any:
        seen = np.zeros_like(doutputs)
        seen[:, -1] = doutputs[:, -1]
        return right(tape, seen, dfinal)

    layer._backward = backward  # type: ignore[method-assign]


ONE_ENTRY = ("U", (1, 2))

WRONG = [
    line("carried dc left out", "dc = dnew_state.c + dh", "dc = dh"),
    line("df used for the input gate", "input=di *", "input=df *"),
    line("df used for the output gate", "output=do *", "output=df *"),
    result(
        "output gate's bias gradient used for all gates",
        set_to("b", lambda g, t: np.tile(np.split(g["b"], 4)[3], 4)),
    ),
    result("zeros for the weights", set_to("W", lambda g, t: np.zeros_like(g["W"]))),
    result("an offset copy of the weights", set_to("U", lambda g, t: t.params["U"] + 0.1)),
    line("tanh' without the square", "tanh_derivative(tanh_c)", "(1 - tanh_c)"),
    line("tanh' of the candidate left out", " * tanh_derivative(g)", ""),
    line("sigmoid' where tanh' belongs", "tanh_derivative(g)", "sigmoid_derivative(g)"),
    line("forget gate reads the new cell", "df = dc * state.c", "df = dc * new_state.c"),
    line("forget factor left out of dc'", "dc_before = dc * f", "dc_before = dc"),
    line("i and g exchanged in (5)", "di = dc * g", "di = dc * i"),
    line("output factor left out in (6)", "dh * o * tanh", "dh * tanh"),
    line("recurrent gradient cut", 'da @ params["U"].T', '0 * (da @ params["U"].T)'),
    line("dU from the new state", 'state.h.T @ da, "b"', 'new_state.h.T @ da, "b"'),
    line("bias averaged over the batch", "da.sum(axis=0)", "da.mean(axis=0)"),
    line("sign of one gate", "forget=df", "forget=-df"),
    Wrong("gradient of the final state ignored", no_final),
    Wrong("outputs before the last ignored", last_output_only),
    result(
        "input gradient shifted by a step", set_to("x", lambda g, t: np.roll(g["x"], 1, axis=1))
    ),
    result("initial c gets nothing", set_to("c", lambda g, t: np.zeros_like(g["c"]))),
    line("float32 on the way", "dx = da @", "da = da.astype('f4').astype(float); dx = da @"),
    result("one entry off by 1 %", scaled(*ONE_ENTRY, 1.01)),
    result("one entry off by 1e-8", scaled(*ONE_ENTRY, 1 + 1e-8)),
    result("one entry off by 1e-11", scaled(*ONE_ENTRY, 1 + 1e-11)),
    result("float32: one entry off by 1 %", scaled(*ONE_ENTRY, 1.01), dtype=np.float32),
    result("float32: one entry off by 1e-4", scaled(*ONE_ENTRY, 1.0001), dtype=np.float32),
    result("gradients of 1e-30, one entry off", scaled(*ONE_ENTRY, 1.01), scale=1e-30),
    line("gradients of 1e-30, dc left out", "dc = dnew_state.c + dh", "dc = dh", scale=1e-30),
]
