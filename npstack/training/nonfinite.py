"""Where NaN or infinity first appeared: time step, layer and gate, forward or backward.

Forward, `Layer.forward` checks its tape. Backward, gradients are checked at the end; if one is not
finite, the pass is run again, and each layer is observed.
"""

from __future__ import annotations

import contextlib
from typing import Any, NamedTuple

import numpy as np

from npstack.analysis.observe import observed
from npstack.cells import Cell
from npstack.core.backward_reports import Observer
from npstack.core.errors import NonFiniteError, fail
from npstack.core.numerics import Array, is_finite
from npstack.core.params import Params
from npstack.core.tape import Tape
from npstack.layers import Layer
from npstack.layers.walk import Visit

REMEDIES = (
    "Clip the gradients (clip_norm=1.0), scale the data, or take smaller steps (a lower "
    "learning_rate); the model keeps its last good parameters."
)


def all_finite(values: Params) -> bool:
    """Whether there is neither NaN nor infinity in the named arrays.

    Examples
    --------
    >>> all_finite({"W": np.ones(2), "b": np.array([np.inf])})
    False
    """
    return all(bool(is_finite(value).all()) for value in values.values())


def check_loss(value: Any, gradient: Array, outputs: Array, first: int) -> None:
    """Check that value and gradient of a loss are finite; the error names the time step.

    If the loss overflows but its gradient does not, it is the step of the largest prediction.
    ``first`` is the time step of the first prediction.
    """
    if np.isfinite(float(value)) and is_finite(gradient).all():
        return
    wrong = ~is_finite(gradient)
    if not wrong.any():
        sizes = np.abs(outputs)
        wrong = sizes == sizes.max()
    place, step = "the predictions", None
    if outputs.ndim == 3:
        step = first + int(np.argwhere(wrong)[:, 1].min())
        place = "time step {step} of the loss"
    largest = float(np.abs(outputs).max())
    fail(
        NonFiniteError,
        "the loss",
        "value and gradient must be finite",
        f"loss {float(value):g}, NaN or infinity first at {place}, "
        f"where predictions reach {largest:.3g}",
        REMEDIES,
        step=step,
    )


def checked_backward(model: Layer, tape: Tape, doutputs: Array, first: int) -> dict[str, Array]:
    """Gradients of the parameters, all finite; else the error names time step, layer and gate.

    ``first`` is the time step with which the tape begins.
    """
    grads: dict[str, Array] = {}
    try:
        grads = model.backward(tape, doutputs, need_x=False).params
        whole = all_finite(grads)
    except NonFiniteError:  # found between two parts of a model
        whole = False
    if not whole:
        found = first_in_backward(model, tape, doutputs, first)
        if found is None:  # in no leaf, so in the user's own composite layer
            names = ", ".join(name for name, g in grads.items() if not is_finite(g).all())
            found = Birth(None, None, names or "its states")
        got, known = f"NaN or infinity first {found}", found._asdict()
        fail(NonFiniteError, "backward", "gradients must be finite", got, REMEDIES, **known)
    return grads


class Birth(NamedTuple):
    """The place of the first number in the backward pass that is not finite.

    Attributes
    ----------
    step : int or None
        The time step, if there is one.
    layer : str or None
        Its path, as `Layer.summary` shows it.
    gate : str
        The gate, state or parameter whose gradient it is.
    """

    step: int | None
    layer: str | None
    gate: str

    def __str__(self) -> str:
        when = "" if self.step is None else f"at time step {self.step} of "
        where = "" if self.layer is None else f"{when or 'in '}{self.layer}, "
        return f"{where}in the gradient of {self.gate}"


def first_in_backward(model: Layer, tape: Tape, doutputs: Array, first: int = 0) -> Birth | None:
    """Find the first number in the backward pass that is not finite.

    The order is from the top layer down, and in each layer from the last time step to the first.

    Parameters
    ----------
    model : Layer
    tape, doutputs
        As for ``model.backward``.
    first : int
        Time step with which the tape begins.

    Returns
    -------
    Birth or None
        Step, layer and gate; None if all is finite.

    Examples
    --------
    >>> from npstack import LSTM
    >>> layer = LSTM(1, 1, rng=np.random.default_rng(0))
    >>> x = np.array([1.0, 1e200, 1.0]).reshape(1, 3, 1)
    >>> tape = layer.forward(x, params={**layer.params, "W": np.full((1, 4), 1e-200)})
    >>> print(first_in_backward(layer, tape, np.full((1, 3, 1), 1e200)))
    at time step 1 of LSTM, in the gradient of 'input', 'candidate', 'output' by W
    """
    found: list[Birth] = []
    with np.errstate(all="ignore"), contextlib.suppress(NonFiniteError):
        watched = observed(model, tape, lambda visit: _Watch(visit, first, found))
        model.backward(watched, doutputs)
    return found[0] if found else None


class _Watch(Observer):
    """Reports every number that is not finite in one layer, in the order of the backward pass."""

    def __init__(self, visit: Visit, first: int, found: list[Birth]) -> None:
        self.visit, self.first, self.found = visit, first, found
        self.sums: dict[str, Array] = {}

    def entered(self, doutputs: Array) -> None:
        self.look("its outputs", doutputs)

    def stepped(self, step: int, dnew_state: Any, found: Any) -> None:
        dparams, dx, dstate = found
        for parameter, value in dparams.items():  # each may be finite, and the sum not
            self.sums[parameter] = self.sums.get(parameter, 0) + value
        cell = self.visit.layer.cell
        assert cell is not None
        wrong = _in_step(dnew_state, self.sums, cell, dx, dstate)
        if wrong is not None:
            self.report(step, wrong)

    def left(self, dparams: Params, dx: Array | None) -> None:
        for parameter, value in dparams.items():
            self.look(parameter, value)
        if dx is not None:
            self.look("its input", dx)

    def look(self, what: str, gradient: Array) -> None:
        """Report the last step with NaN or infinity: the first one in the backward pass."""
        wrong = np.argwhere(~is_finite(gradient))
        if len(wrong):
            self.report(int(wrong[:, 1].max()) if gradient.ndim == 3 else None, what)

    def report(self, read: int | None, what: str) -> None:
        """Record what is not finite, and its step in the order of reading, if any."""
        step = read
        if step is not None:
            assert self.visit.tape is not None
            last = self.visit.tape.x.shape[1] - 1
            step = self.first + (last - step if self.visit.turned else step)
        self.found.append(Birth(step, self.visit.name, what))


def _in_step(dnew_state: Any, dparams: Params, cell: Cell, dx: Array, dstate: Any) -> str | None:
    """The first value that is not finite in one step of a cell: an input, a gate, or a result."""
    for name, value in dnew_state._asdict().items():
        if not is_finite(value).all():
            return f"state {name!r}"
    for parameter in reversed(
        list(dparams)
    ):  # b first: it is the gates' own gradient, summed over rows
        value = dparams[parameter]
        blocks = cell.gate_blocks(parameter).items()
        wrong = [repr(gate) for gate, index in blocks if not is_finite(value[index]).all()]
        if wrong:
            return f"{', '.join(wrong)} by {parameter}"
        if not is_finite(value).all():
            return parameter
    for name, value in dstate._asdict().items():
        if not is_finite(value).all():
            return f"state {name!r} of the step before"
    return None if is_finite(dx).all() else "its input"
