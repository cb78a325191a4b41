"""Backpropagation through time, full or truncated: losses and gradients span by span.

Truncated BPTT reads a long row in order and stops every ``k1`` steps for a backward pass that
reaches ``k2`` steps back (Williams & Peng 1990). The *state* is carried over every boundary, the
*gradient* is not: steps more than ``k2`` ago still affect the output, but get no gradient::

    T = 8, k1 = 2, k2 = 4            - read again    = its loss counts

    steps     0  1  2  3  4  5  6  7
    span 0    =  =
    span 1    -  -  =  =                the first two steps are read again, from their initial state
    span 2          -  -  =  =          again from the state before step 2
    span 3                -  -  =  =    ◄── the gradient flows back to step 4 and no further

With ``k2 = k1`` nothing is read twice. With ``k2 < k1`` only the last ``k2`` steps of a span get a
gradient: the losses of its earlier steps are part of the value, but nothing is learned from them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from npstack.core.arguments import check_size
from npstack.core.errors import ArgumentError, NonFiniteError, ShapeError, describe, fail
from npstack.core.numerics import Array
from npstack.core.tape import Tape
from npstack.core.trees import at_step
from npstack.layers import Layer
from npstack.layers.boundary import check_built, check_causal
from npstack.losses import mean_squared_error
from npstack.losses.samples import (
    LossFunction,
    Samples,
    check_loss_function,
    check_samples,
    counted,
    loss_of,
    total_weight,
    with_finite_total,
)
from npstack.training.nonfinite import check_loss, checked_backward


class Span(NamedTuple):
    """One backward pass of truncated BPTT.

    Attributes
    ----------
    first, stop : int
        The losses of steps ``first`` to ``stop - 1`` count.
    begin : int
        The backward pass reaches from ``stop - 1`` down to this step.
    """

    first: int
    begin: int
    stop: int


class Pass(NamedTuple):
    """One forward and backward pass.

    Attributes
    ----------
    value : float
        The loss: the mean over the predictions that count in this pass.
    weight : float
        The number of predictions that count, or the sum of their weights.
    grads : dict or None
        Gradients of ``value`` by the parameters; None if nothing counts.
    final : states
        After the last step: the initial states of the next pass.
    """

    value: float
    weight: float
    grads: dict[str, Array] | None
    final: Any


class Truncated(NamedTuple):
    """The result of `truncated_gradients`.

    Attributes
    ----------
    value : float
        The loss over all steps.
    params : dict
        Its truncated gradients by the parameters.
    final : states
        After the last step.
    """

    value: float
    params: dict[str, Array]
    final: Any


def spans(steps: int, k1: int, k2: int) -> list[Span]:
    """The steps of the backward passes of truncated BPTT.

    Parameters
    ----------
    steps : int
        T.
    k1, k2 : int
        There is a backward pass over the last ``k2`` steps after every ``k1`` steps. The last span
        may be shorter.

    Examples
    --------
    >>> spans(8, 2, 4)[2:]
    [Span(first=4, begin=2, stop=6), Span(first=6, begin=4, stop=8)]
    >>> spans(5, 3, 1)
    [Span(first=0, begin=2, stop=3), Span(first=3, begin=4, stop=5)]
    """
    where = "spans"
    steps = check_size(where, "steps", steps)
    k1 = check_size(where, "k1", k1, "Every k1 steps there is a backward pass.")
    k2 = check_size(where, "k2", k2, "It reaches k2 steps back; k2 = k1 is usual.")
    stops = [min(first + k1, steps) for first in range(0, steps, k1)]
    return [
        Span(first, max(0, stop - k2), stop)
        for first, stop in zip(range(0, steps, k1), stops, strict=True)
    ]


def truncated_gradients(
    model: Layer,
    samples: Samples | tuple[Array, Array],
    k1: int,
    k2: int,
    *,
    states: Any = None,
    loss: LossFunction = mean_squared_error,
    rng: np.random.Generator | None = None,
) -> Truncated:
    """Gradients by truncated BPTT, summed over the spans; no parameter is changed.

    Each span's mean loss is weighted by its share of what counts, so the sum is the mean loss
    over all steps, as without truncation. With ``k2 >= T`` nothing is cut, and the gradients are
    those of full BPTT, to rounding; with ``k1 = k2 = T``, bit for bit.

    Parameters
    ----------
    model : Layer
        With a recurrent layer, and an output at every step.
    samples : Samples, or a pair (x, y)
        ``resets`` is ignored: give the right ``states``.
    k1, k2 : int
        See `spans`.
    states : state, or tuple of one state per recurrent layer, optional
        Initial states; zeros by default.
    loss : callable
        A mean over the predictions that count, like all losses of `npstack.losses`.
    rng : numpy.random.Generator, optional
        If given, the model trains: dropout is drawn anew in each span.

    Returns
    -------
    Truncated

    Raises
    ------
    ArgumentError, ShapeError
        No state to carry, no output at every step, or nothing that counts.
    NonFiniteError
        Loss or gradient is not finite; the error names the first time step, layer and gate.

    Examples
    --------
    >>> from npstack import LSTM
    >>> rng = np.random.default_rng(0)
    >>> layer, x = LSTM(1, 1, rng=rng), rng.standard_normal((2, 6, 1))
    >>> cut, whole = (truncated_gradients(layer, (x, x), k, k) for k in (2, 6))
    >>> round(cut.value, 4), round(whole.value, 4)
    (1.8656, 1.8656)
    >>> cut.params["b"].round(4), whole.params["b"].round(4)
    (array([0.2924, 0.0346, 0.0746, 0.1398]), array([0.4989, 0.0857, 0.201 , 0.137 ]))
    """
    where = "truncated_gradients"
    check_built(where, "model", model)
    check_loss_function(where, loss)
    samples = check_samples(where, "samples", samples)
    check_truncation(where, "it", model, samples)
    (samples,) = with_finite_total([samples])
    steps = len(samples.y) * samples.y.shape[1]
    total = total_weight(samples, counted(model.interface.keeps_time, samples), steps)
    if total == 0:
        advice = "Leave rows that are all padding out of the batch."
        fail(ArgumentError, where, "at least one valid step must count", "none", advice)
    final, sums = states, WeightedSum(total)
    for found in passes(model, samples, (k1, k2), states, loss, rng):
        final = found.final
        sums.add(found)
    return Truncated(sums.value, sums.params, final)


class WeightedSum:
    """Values and gradients of several passes, each with its share of the total weight.

    Attributes
    ----------
    value : float
    params : dict
        Summed in the order in which they were added.
    """

    def __init__(self, total: float) -> None:
        self.total, self.value = total, 0.0
        self.params: dict[str, Array] = {}

    def add(self, found: Pass) -> None:
        """Add one pass; one in which nothing counts has no gradient."""
        if found.grads is None:
            return
        self.value += found.weight / self.total * found.value
        for name, gradient in found.grads.items():
            part = self._share(found.weight, gradient.dtype) * gradient
            self.params[name] = self.params[name] + part if name in self.params else part

    def _share(self, weight: float, dtype: np.dtype[Any]) -> Any:
        """The share of a weight, with as many digits as the gradient has."""
        if dtype == np.longdouble:
            return np.longdouble(weight) / np.longdouble(self.total)
        return weight / self.total


def passes(
    model: Layer,
    samples: Samples,
    truncate: tuple[int, int] | None,
    states: Any,
    loss: LossFunction,
    rng: np.random.Generator | None,
    resets: NDArray[np.bool_] | None = None,
) -> Iterator[Pass]:
    """Every forward and backward pass over some rows: one over all, or one per span.

    ``resets (B, T)`` are those of ``model.forward``.

    Each pass runs with the current parameters of the model, so they may be updated in between.
    Steps that are read again begin with the state from the pass before, which was computed with
    the parameters of that time.
    """
    if truncate is None:
        tape = model.forward(samples.x, states, mask=samples.mask, rng=rng, resets=resets)
        counts = counted(model.interface.keeps_time, samples)
        given = tape.outputs.copy()  # the loss may keep it, and the next pass uses its memory
        given.flags.writeable = False
        value, gradient = loss_of(loss, given, samples, counts)
        check_loss(value, gradient, given, 0)
        grads = checked_backward(model, tape, gradient, 0)
        weight = total_weight(samples, counts, math.prod(given.shape[:-1]))
        final = tape.final
        tape.release()
        yield Pass(float(value), weight, grads, final)
        return
    before, before_began = None, 0
    for first, begin, stop in spans(samples.y.shape[1], *truncate):
        start = min(first, begin)
        if before is None or start == 0:
            state = states
        else:
            state = _state_after(model, before, start - 1 - before_began)
        part, outputs = samples.steps(first, stop), []
        if first < begin:  # k2 < k1: these steps are read, and no gradient flows back to them
            lead = _read(model, samples, first, begin, state, rng, resets)
            state, outputs = lead.final, [lead.outputs]
        tape = _read(model, samples, begin, stop, state, rng, resets)
        if before is not None:
            before.release()
        before, before_began = tape, begin
        counts = counted(True, part)
        weight = total_weight(part, counts, len(part.y) * part.y.shape[1])
        if weight == 0:  # padding, or a warm-up: the state is carried on, and nothing is learned
            yield Pass(0.0, 0.0, None, tape.final)
            continue
        again = max(first - begin, 0)
        predictions = np.concatenate([*outputs, tape.outputs[:, again:]], axis=1)
        value, gradient = loss_of(loss, predictions, part, counts)
        check_loss(value, gradient, predictions, first)
        doutputs = np.zeros_like(tape.outputs)
        doutputs[:, again:] = gradient[:, max(begin - first, 0) :]
        grads = checked_backward(model, tape, doutputs, begin)
        yield Pass(float(value), weight, grads, tape.final)


def _read(
    model: Layer,
    samples: Samples,
    first: int,
    stop: int,
    states: Any,
    rng: np.random.Generator | None,
    resets: NDArray[np.bool_] | None,
) -> Tape:
    """Forward over some steps; errors count time steps from the beginning of the row."""
    part = samples.steps(first, stop)
    here = None if resets is None else resets[:, first:stop]
    try:
        return model.forward(part.x, states, mask=part.mask, rng=rng, resets=here)
    except NonFiniteError as error:
        if error.step is not None:
            error.step += first
        raise


def _state_after(model: Layer, tape: Tape, step: int) -> Any:
    """The states of the recurrent layers after a step, in the form for ``forward``."""
    return model.pack_states(tuple(at_step(layer.states, step) for layer in tape.layers))


def check_carries(where: str, name: str, model: Any) -> None:
    """Check that the model has a state that can be carried."""
    if not getattr(model, "recurrent", ()):
        expected = f"{name} needs a model with a recurrent layer"
        got = describe(model)
        fail(ArgumentError, where, expected, got, "Without one there is no state to carry.")
    check_causal(where, name, model)


def check_truncation(where: str, name: str, model: Any, samples: Samples) -> None:
    """Check that rows can be divided in time: an output at every step, parts of one length."""
    check_carries(where, name, model)
    if not model.interface.keeps_time:
        expected = f"{name} needs a model with an output at every step"
        got, advice = "only the last step", "Build its last recurrent layer with "
        fail(ArgumentError, where, expected, got, f"{advice}return_sequences=True.")
    parts = {k: v for k, v in samples._asdict().items() if v is not None and k != "resets"}
    two = isinstance(samples.x, tuple)
    axes = {k: "two inputs" if two and k == "x" else np.shape(v)[:2] for k, v in parts.items()}
    if two or len(set(axes.values())) > 1 or len(axes["y"]) < 2:
        expected = f"{name} needs samples whose parts all begin with (B, T)"
        fail(ShapeError, where, expected, axes, "Targets and weights are given for every step.")
