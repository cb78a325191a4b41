"""Numbers measured in a backward pass: the gradient that reaches every state, at every step.

The model's own backward pass is measured. No equation of a cell is repeated here, so the numbers
cannot disagree with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npstack.analysis.directions import Reading, readings
from npstack.analysis.observe import observed
from npstack.core.arguments import check_size
from npstack.core.backward_reports import Observer
from npstack.core.errors import ArgumentError, TapeError, describe, fail
from npstack.core.numerics import Array
from npstack.core.tape import Gradients, Tape
from npstack.core.trees import over_time
from npstack.layers import Layer
from npstack.layers.boundary import check_built, check_causal, check_doutputs
from npstack.layers.walk import Visit


def state_gradients(
    model: Layer, tape: Tape, doutputs: Array | None = None, dfinal_states: Any = None
) -> tuple[Any, ...]:
    """Derivative of the loss by the state ``(h(t), c(t))`` of every recurrent layer at every step.

    For ``h``, it is the gradient from the layer above plus the gradient from the next step through
    ``U``; for ``c``, the gradient from the next step through the forget gate. (``h(t)`` and
    ``c(t)`` are two variables here, so the path from ``c(t)`` through ``h(t)`` belongs to
    ``h(t)``.) The backward pass of the model is run, and the gradients that reach each cell at each
    step are kept.

    Parameters
    ----------
    model : Layer
        With at least one recurrent layer.
    tape, doutputs, dfinal_states
        As for ``model.backward``.

    Returns
    -------
    tuple of states, such as LSTMState of (B, T, H)
        One per entry of ``tape.layers``, with time in the order in which the layer reads; zero at
        masked steps, which have no new state.

    Raises
    ------
    ArgumentError
        No recurrent layer in the model.
    TapeError, ShapeError, DtypeError, NonFiniteError
        As ``model.backward``.

    Examples
    --------
    >>> from npstack import StackedLSTM
    >>> stack = StackedLSTM(1, [4, 3], return_sequences=False, rng=np.random.default_rng(0))
    >>> tape = stack.forward(np.ones((2, 5, 1)))
    >>> below, above = state_gradients(stack, tape, np.ones((2, 3)))
    >>> below.c.shape, above.h.shape, above.h[0, -1]
    ((2, 5, 4), (2, 5, 3), array([1., 1., 1.]))
    """
    where = "analysis.state_gradients"
    check_built(where, "model", model)
    check_recurrent(where, model)
    return backward_with_states(model, tape, doutputs, dfinal_states)[1]


def check_recurrent(where: str, model: Layer) -> None:
    """Check that a model has states to measure."""
    if not model.recurrent:
        expected = "model must have at least one recurrent layer inside"
        fail(ArgumentError, where, expected, describe(model), "Use one with an LSTM, GRU or RNN.")


def backward_with_states(
    model: Layer, tape: Tape, doutputs: Array | None = None, dfinal_states: Any = None
) -> tuple[Gradients, tuple[Any, ...]]:
    """What ``model.backward`` returns, and what `state_gradients` returns, from one pass."""
    found: list[_StateGradients] = []

    def watch(visit: Visit) -> Observer:
        if not visit.layer.recurrent:
            return Observer()
        found.append(_StateGradients())
        return found[-1]

    grads = model.backward(observed(model, tape, watch), doutputs, dfinal_states)
    return grads, tuple(over_time(layer.steps[::-1]) for layer in found)


class _StateGradients(Observer):
    """Keeps the gradients of the state of one layer, last step first."""

    def __init__(self) -> None:
        self.steps: list[Any] = []

    def stepped(self, step: int, dnew_state: Any, found: Any) -> None:
        self.steps.append(dnew_state)


def gradient_norms(
    model: Layer, tape: Tape, doutputs: Array | None = None, dfinal_states: Any = None
) -> dict[str, Array]:
    """Norm of the gradient that reaches each layer at each time step.

    Parameters
    ----------
    model, tape, doutputs, dfinal_states
        As for `state_gradients`.

    Returns
    -------
    dict of arrays (L, T)
        By the name of the state, ``h`` and ``c`` (if all layers have it): Euclidean norm over all
        rows and units; one line per entry of ``tape.layers``, layer 0 first, in the order of the
        sequence for both directions. Zero where all rows are masked.

    Examples
    --------
    >>> from npstack import StackedLSTM
    >>> stack = StackedLSTM(1, [4, 3], return_sequences=False, rng=np.random.default_rng(0))
    >>> norms = gradient_norms(stack, stack.forward(np.ones((2, 5, 1))), np.ones((2, 3)))
    >>> norms["h"].shape, float(norms["h"][1, -1].round(4))
    ((2, 5), 2.4495)
    """
    found = [dstates._asdict() for dstates in state_gradients(model, tape, doutputs, dfinal_states)]
    layers = readings(tape)
    check_one_time("analysis.gradient_norms", layers)
    return {
        name: np.stack(
            [
                norms(layer.in_time(own[name]), axes=(0, 2))
                for layer, own in zip(layers, found, strict=True)
            ]
        )
        for name in found[0]
        if all(name in own for own in found)
    }


def check_one_time(where: str, layers: Sequence[Reading]) -> None:
    """Check that all layers have the same time axis, so that they can be drawn above each other."""
    steps = [layer.tape.x.shape[1] for layer in layers]
    if len(set(steps)) > 1:
        expected = "all recurrent layers must have the same time axis"
        advice = "A RepeatVector begins another: take the parts by themselves, tape.parts[k]."
        fail(TapeError, where, expected, f"T={steps}", advice)


def norms(derivatives: Array, axes: int | tuple[int, ...]) -> Array:
    """Euclidean norms over axes. Scaled first, because the square of 1e-200 would be 0."""
    sizes = np.abs(derivatives)
    largest = sizes.max(axis=axes, keepdims=True, initial=0)
    scaled = sizes / np.where(largest == 0, np.ones_like(largest), largest)
    return np.asarray(largest.squeeze(axes) * (scaled * scaled).sum(axis=axes) ** 0.5)


def truncated_gradient_norms(model: Layer, tape: Tape, doutputs: Array, k: int) -> dict[str, Array]:
    """What `gradient_norms` would be if the gradient were cut after every k steps.

    This is truncated BPTT with ``k1 = k2 = k`` (`npstack.training.bptt`): the state is carried from
    one segment of k steps to the next, so the outputs are the same, but the gradient is not: the
    states of a segment get the gradient of its own outputs and of none after it.

    Parameters
    ----------
    model : Layer
        With at least one recurrent layer and an output at every step; no step may depend on a
        later one.
    tape : Tape
        Of the whole sequence.
    doutputs : array like ``tape.outputs``
        Derivative of the loss by the outputs.
    k : int
        Steps of a segment, the last of which may be shorter. With ``k = T`` nothing is cut.

    Returns
    -------
    dict of arrays (L, T)
        As from `gradient_norms`.

    Raises
    ------
    ArgumentError
        No recurrent layer, no output at every step, or a step that depends on a later one.
    TapeError, ShapeError, DtypeError, NonFiniteError
        As ``model.backward``.

    Notes
    -----
    The backward pass is linear. So the gradient of the outputs of one segment alone is measured
    over the whole tape, once for each segment, and its part within the segment is kept.

    Examples
    --------
    >>> from npstack import LSTM
    >>> layer = LSTM(1, 4, rng=np.random.default_rng(0), forget_bias=2.0)
    >>> tape = layer.forward(np.ones((1, 6, 1)))
    >>> ones = np.ones((1, 6, 4))
    >>> print(gradient_norms(layer, tape, ones)["h"][0].round(2))
    [3.96 3.14 2.57 2.25 2.11 2.  ]
    >>> print(truncated_gradient_norms(layer, tape, ones, k=3)["h"][0].round(2))
    [2.53 2.19 2.   2.25 2.11 2.  ]
    """
    where = "analysis.truncated_gradient_norms"
    check_built(where, "model", model)
    check_recurrent(where, model)
    check_causal(where, "it", model)
    model.check_tape(where, tape)
    if not model.interface.keeps_time:
        expected, advice = "model must have an output at every step", "Use return_sequences=True."
        fail(ArgumentError, where, expected, "only the last step", advice)
    k = check_size(where, "k", k, "k=20 cuts the gradient after every 20 steps.")
    doutputs = check_doutputs(where, doutputs, None, tape, tape.mask)
    parts = []
    for first in range(0, doutputs.shape[1], k):
        segment = slice(first, first + k)
        own = np.zeros_like(doutputs)
        own[:, segment] = doutputs[:, segment]
        found = gradient_norms(model, tape, own)
        parts.append({name: sizes[:, segment] for name, sizes in found.items()})
    return {name: np.concatenate([part[name] for part in parts], axis=1) for name in parts[0]}
