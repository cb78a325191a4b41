"""Where NaN or infinity was born: time step, layer and gate, in the forward or the backward pass.

Forward, the layers say it themselves: `Layer.forward` looks at its tape. Backward, nobody looks
until it has happened; then the pass is made once more, and each layer is listened to.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from typing import Any, cast

import numpy as np

from npstack.analysis.observe import ListeningCell, changed_copy
from npstack.cells import Cell
from npstack.core.errors import NonFiniteError, fail
from npstack.core.numerics import Array, is_finite
from npstack.core.params import Params
from npstack.core.tape import Tape
from npstack.layers import Layer, Recurrent

REMEDIES = (
    "Clip the gradients (clip_norm=1.0), scale the data, or take smaller steps (a lower "
    "learning_rate); the model keeps its last good parameters."
)


def all_finite(values: Params) -> bool:
    """Neither NaN nor infinity in any of the named arrays.

    Examples
    --------
    >>> all_finite({"W": np.ones(2), "b": np.array([np.inf])})
    False
    """
    return all(bool(is_finite(value).all()) for value in values.values())


def check_loss(value: Any, gradient: Array, outputs: Array, first: int) -> None:
    """Value and gradient of a loss are finite; the error names the time step.

    Where the loss is too large for a number although its gradient is not, it is the step of the
    largest prediction. ``first`` is the time step of the first prediction.
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
        grads = model.backward(tape, doutputs).params
        whole = all_finite(grads)
    except NonFiniteError:  # met half-way, where one part of a model hands over to another
        whole = False
    if not whole:
        found = first_in_backward(model, tape, doutputs, first)
        if found is None:  # in no leaf, so in what a composite of one's own does between them
            names = ", ".join(name for name, g in grads.items() if not is_finite(g).all())
            found = f"in the gradient of {names or 'its states'}"
        expected, got = "gradients must be finite", f"NaN or infinity first {found}"
        fail(NonFiniteError, "backward", expected, got, REMEDIES)
    return grads


def first_in_backward(model: Layer, tape: Tape, doutputs: Array, first: int = 0) -> str | None:
    """Where the backward pass first meets a number that is not finite.

    It goes from the top layer down, and in each layer from the last time step to the first: what
    comes first on that road is named.

    Parameters
    ----------
    model : Layer
    tape, doutputs
        As for ``model.backward``.
    first : int
        Time step with which the tape begins.

    Returns
    -------
    str or None
        ``"at time step 3 of 0.1.LSTM, in the gradient of 'forget'"``; None if all is finite.

    Examples
    --------
    >>> from npstack import LSTM
    >>> layer = LSTM(1, 1, rng=np.random.default_rng(0))
    >>> x = np.array([1.0, 1e200, 1.0]).reshape(1, 3, 1)
    >>> tape = layer.forward(x, params={**layer.params, "W": np.full((1, 4), 1e-200)})
    >>> first_in_backward(layer, tape, np.full((1, 3, 1), 1e200))
    "at time step 1 of LSTM, in the gradient of 'input', 'candidate', 'output' by W"
    """
    found: list[str] = []

    def report(place: str, what: str | None) -> None:
        if what is not None:
            found.append(f"{place}, in the gradient of {what}")

    def listen(leaf: Layer, path: str, turned: bool) -> None:
        name, inner = f"{path}{type(leaf).__name__}", leaf._backward

        def place(gradient: Array) -> str:
            return _place(gradient, first, name, turned)

        def backward(part: Any, dout: Array, dfinal: Any) -> Any:
            report(place(dout), _if_wrong("its outputs", dout))
            if isinstance(leaf, Recurrent):  # what is read last comes first on the way back
                end = first if turned else first + part.x.shape[1] - 1
                clock = itertools.count(end, 1 if turned else -1)
                leaf.cell = _listening(leaf.cell, lambda what: report(_step(clock, name), what))
            dparams, dx, dinitial = inner(part, dout, dfinal)
            for parameter, value in dparams.items():
                report(place(value), _if_wrong(parameter, value))
            if dx is not None:
                report(place(dx), _if_wrong("its input", dx))
            return dparams, dx, dinitial

        leaf._backward = backward  # type: ignore[assignment, method-assign]

    with np.errstate(all="ignore"), contextlib.suppress(NonFiniteError):
        changed_copy(model, listen).backward(tape, doutputs)
    return found[0] if found else None


def _listening(cell: Cell, tell: Callable[[str | None], None]) -> Cell:
    """The cell, telling after every step what is not finite in it so far, or None."""
    sums: dict[str, Array] = {}

    def hear(dnew_state: Any, said: Any) -> None:
        dparams, dx, dstate = said
        for parameter, value in dparams.items():
            sums[parameter] = sums.get(parameter, 0) + value  # each may be finite, the sum not
        tell(_in_step(dnew_state, sums, cell, dx, dstate))

    return cast(Cell, ListeningCell(cell, hear))


def _in_step(dnew_state: Any, dparams: Params, cell: Cell, dx: Array, dstate: Any) -> str | None:
    """What is not finite in one step of a cell: what came in, a gate, or what goes out."""
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
    return _if_wrong("its input", dx)


def _if_wrong(what: str, values: Array) -> str | None:
    return None if is_finite(values).all() else what


def _step(clock: Iterator[int], name: str) -> str:
    return f"at time step {next(clock)} of {name}"


def _place(gradient: Array, first: int, name: str, turned: bool) -> str:
    """The last step read that has a wrong number, the first on the way back; and the layer."""
    wrong = np.argwhere(~is_finite(gradient))
    if gradient.ndim != 3 or not len(wrong):
        return f"in {name}"
    step = int(wrong[:, 1].max())
    return f"at time step {first + (gradient.shape[1] - 1 - step if turned else step)} of {name}"
