"""How far back a gradient reaches: by lag, the number of steps before the last one.

The Jacobian of one step says what the step does to small changes of the state; from one step to
another, the Jacobians multiply. Both are measured with the backward pass of the cell or the model,
seeded with one output at a time, so no equation of a cell is repeated here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npstack.analysis.backward import backward_with_states, check_recurrent
from npstack.core.errors import ArgumentError, describe, fail, kind_of
from npstack.core.numerics import Array, real
from npstack.core.tape import Tape
from npstack.core.trees import at_step, mapped
from npstack.layers import Layer
from npstack.layers.boundary import check_built, check_layer


def gradient_against_lag(model: Layer, x: Array) -> dict[str, Array]:
    """How much the last output depends on the inputs and states of each earlier step.

    The derivative of the last output (of a layer or a stack: its last hidden state) by an array of
    an earlier step is a matrix, the Jacobian. Its size is given as its largest singular value:
    the largest factor by which the length of a small change of that array is multiplied on its way
    to the last output. 1 keeps a change as it is; a factor that falls steadily with the lag is a
    gradient that vanishes, one that rises a gradient that explodes.

    Parameters
    ----------
    model : Layer
        With at least one recurrent layer; no step may depend on a later one.
    x : array (B, T, D), or integers (B, T) for an embedding
        Sequences of one length, without masked steps. It runs in evaluation, without dropout.

    Returns
    -------
    dict of arrays
        Column k is lag k: the step T - 1 - k. ``"x"``: the inputs, (B, T) (left out for integers).
        By the name of each state, ``"h"`` and ``"c"`` (if all layers have it): (L, B, T), one
        part for each entry of the tape's ``layers``, layer 0 first. ``h(t)`` and ``c(t)`` are two
        variables: the path from ``c(t)`` through ``h(t)`` belongs to ``h(t)``, as in
        `state_gradients`.

    Raises
    ------
    ArgumentError
        No recurrent layer in the model, or one that reads from the end.
    ShapeError, DtypeError, NonFiniteError
        As ``model.forward``.

    Notes
    -----
    The model is run and read backward once for each row, with as many copies of the row as the
    output has numbers.

    Examples
    --------
    >>> from npstack import LSTM
    >>> layer = LSTM(1, 8, rng=np.random.default_rng(0))
    >>> sizes = gradient_against_lag(layer, np.zeros((1, 10, 1)))
    >>> sizes["x"].shape, sizes["h"].shape
    ((1, 10), (1, 1, 10))
    >>> print(sizes["h"][0, 0, :4].round(3))
    [1.    0.25  0.245 0.241]
    """
    where = "analysis.gradient_against_lag"
    check_layer(where, "model", model)
    check_recurrent(where, model)
    if not model.interface.causal:
        expected = "model must be one in which no step depends on a later one"
        advice = "Measure the part that reads forward by itself."
        fail(ArgumentError, where, expected, describe(model), advice)
    tape = model.forward(x, engine="readable")
    K = tape.outputs.shape[-1]
    rows = [_of_row(model, tape.x[k : k + 1], K) for k in range(len(tape.x))]
    axes = {name: 0 if name == "x" else 1 for name in rows[0]}
    return {name: np.stack([row[name] for row in rows], axis) for name, axis in axes.items()}


def _of_row(model: Layer, x: Array, K: int) -> dict[str, Array]:
    """By name: (T,) or (L, T), last step first."""
    tape = model.forward(np.repeat(x, K, axis=0), engine="readable")
    doutputs = np.zeros_like(tape.outputs)
    last = doutputs if doutputs.ndim == 2 else doutputs[:, -1]
    last[...] = np.eye(K)  # copy k of the row: output k
    grads, dstates = backward_with_states(model, tape, doutputs)
    layers = [state._asdict() for state in dstates]
    found = {
        name: np.stack([_sizes(own[name]) for own in layers])
        for name in layers[0]
        if all(name in own for own in layers)
    }
    return found if grads.x is None else {"x": _sizes(grads.x), **found}


def _sizes(derivatives: Array) -> Array:
    """Largest singular value of the Jacobian (K, H) of every step, from (K, T, H), last first."""
    jacobians = np.asarray(real(derivatives), dtype=np.float64).transpose(1, 0, 2)
    return np.asarray(np.linalg.norm(jacobians, 2, axis=(1, 2))[::-1])


def state_jacobians(layer: Layer, tape: Tape) -> Array:
    """The Jacobian of every step of a recurrent layer: its new state by the state before.

    Parameters
    ----------
    layer : Layer
        A recurrent layer, such as ``LSTM(…)`` or ``stack.layers[0]``.
    tape : Tape
        Of this layer: what its `forward` has returned, or ``tape.layers[0]`` of the stack's tape.

    Returns
    -------
    array (B, T, S, S)
        S numbers make up the state: those of ``h``, then, for an LSTM, those of ``c``. Row m,
        column n: the derivative of number n after the step by number m before it. A small change
        ``d`` of the state before, as a row, becomes ``d @ J`` after the step, so over several
        steps the matrices are multiplied in the order of time. A masked step keeps the
        state: its Jacobian is the identity. A step with a reset does not depend on the state
        before: zeros.

    Raises
    ------
    ArgumentError, DtypeError
        Not one recurrent layer.
    TapeError
        A tape of another layer.

    Examples
    --------
    >>> from npstack import LSTM
    >>> layer = LSTM(1, 2, rng=np.random.default_rng(0))
    >>> tape = layer.forward(np.ones((1, 5, 1)))
    >>> jacobians = state_jacobians(layer, tape)
    >>> jacobians.shape
    (1, 5, 4, 4)
    >>> f = tape.gates.forget[0, 3]
    >>> np.allclose(jacobians[0, 3, 2:, 2:], np.diag(f))  # c by c', directly
    True
    """
    where = "analysis.state_jacobians"
    check_built(where, "layer", layer)
    cell = layer.cell
    if cell is None:
        advice = "Take one out of a stack: stack.layers[0], with tape.layers[0]."
        expected = "layer must be one recurrent layer"
        fail(ArgumentError, where, expected, kind_of(layer), advice)
    layer.check_tape(where, tape)
    recurrent: Any = tape
    sizes = cell.state_sizes
    ends = np.cumsum(sizes)
    B, S = len(tape.x), int(ends[-1])
    seeds = cell.state_type(*np.split(np.eye(S, dtype=tape.x.dtype), ends[:-1], axis=1))
    seeds = mapped(lambda own: np.tile(own, (B, 1)), seeds)  # row by row: one number each

    def copies(tree: Any) -> Any:
        return mapped(lambda own: np.repeat(own, S, axis=0), tree)

    steps = []
    for t in range(tape.x.shape[1]):
        before = at_step(recurrent.states, t - 1) if t > 0 else recurrent.initial
        x, old, record, new, noise = map(
            copies,
            (
                tape.x[:, t],
                before,
                at_step(recurrent.gates, t),
                at_step(recurrent.states, t),
                at_step(recurrent.noise, t),
            ),
        )
        _, _, dbefore = cell.step_backward(tape.params, x, old, record, new, seeds, noise)
        by_output = np.concatenate(dbefore, axis=1).reshape(B, S, S)  # number after, before
        steps.append(by_output.transpose(0, 2, 1))
    found = np.stack(steps, axis=1)
    if recurrent.resets is not None:
        found[recurrent.resets] = 0
    found[~recurrent.mask] = np.eye(S)
    return found
