"""Who influenced this output: the gradient of one output by the input of every step."""

from __future__ import annotations

import numpy as np

from npstack.analysis.backward import norms
from npstack.analysis.observe import observed
from npstack.core.arguments import check_whole
from npstack.core.backward_reports import Observer
from npstack.core.errors import ArgumentError, TapeError, describe, fail
from npstack.core.numerics import Array
from npstack.core.tape import Tape
from npstack.layers import Layer
from npstack.layers.boundary import check_built
from npstack.layers.walk import Visit


def influence(model: Layer, tape: Tape, output: int, step: int | None = None) -> Array:
    """How much one output would change with the input of each step.

    The derivative of the output by ``x(t)`` is a vector, ``dx(t)``, and its length is returned:
    the output changes by at most that much for a change of ``x(t)`` of length 1. The model's
    backward pass is run, and its ``doutputs`` are 1 at this output and 0 at all others.

    Parameters
    ----------
    model : Layer
        Of one input with a time axis. If it reads symbols, ``x(t)`` is the vector that stands for
        the symbol: the output of its `Embedding`.
    tape : Tape
        Of this model.
    output : int
        Which of the K outputs: the number of a class or a symbol, or of a forecast.
    step : int, optional
        At which step; the last one by default. A model that returns the last step has no other.

    Returns
    -------
    array (B, T)
        One line for each row of the batch: of its own output by its own input. Zero at masked
        steps, and if the output itself is masked.

    Raises
    ------
    ArgumentError
        No such output or step.
    TapeError
        A tape of another model, of two inputs, or without a time axis.

    Examples
    --------
    >>> from npstack import LSTM
    >>> layer = LSTM(1, 2, rng=np.random.default_rng(1), forget_bias=2.0)
    >>> tape = layer.forward(np.ones((1, 6, 1)))
    >>> print(influence(layer, tape, output=0)[0].round(3))
    [0.026 0.018 0.017 0.018 0.008 0.139]
    >>> print(influence(layer, tape, output=0, step=2)[0].round(3))  # nothing from later steps
    [0.042 0.045 0.16  0.    0.    0.   ]
    """
    where = "analysis.influence"
    check_built(where, "model", model)
    model.check_tape(where, tape)
    symbols = model.interface.takes_symbols
    if isinstance(tape.x, tuple) or (tape.x.ndim != 3 and not symbols):
        expected = "tape must be of one input (B, T, D), or symbols (B, T)"
        got = "two inputs" if isinstance(tape.x, tuple) else describe(tape.x)
        fail(TapeError, where, expected, got, "Measure a part that reads a sequence.")
    doutputs = np.zeros_like(tape.outputs)
    if doutputs.ndim > 3:
        expected = "the outputs must be (B, T, K) or (B, K)"
        fail(ArgumentError, where, expected, doutputs.shape, 'Use merge="concat".')
    advice = "Outputs count from 0."
    output = check_whole(where, "output", output, advice, most=doutputs.shape[-1] - 1)
    if doutputs.ndim == 2:
        if step is not None:
            expected = "step must be None, because the model returns the last step alone"
            fail(ArgumentError, where, expected, describe(step), "Use return_sequences=True.")
        doutputs[:, output] = 1
    else:
        last = doutputs.shape[1] - 1
        step = last if step is None else step
        step = check_whole(where, "step", step, "Leave it out for the last step.", most=last)
        doutputs[:, step, output] = 1
    found: list[_Vectors] = []

    def watch(visit: Visit) -> Observer:
        if not visit.layer.interface.takes_symbols:
            return Observer()
        found.append(_Vectors(visit.turned))
        return found[-1]

    dx = model.backward(observed(model, tape, watch), doutputs).x
    if dx is None:
        dx = np.concatenate([own.in_time for own in found], axis=-1)
    return norms(dx, axes=2)


class _Vectors(Observer):
    """Keeps the gradient by the vectors that stand for symbols, in the order of the sequence."""

    def __init__(self, turned: bool) -> None:
        self.turned = turned

    def entered(self, doutputs: Array) -> None:
        self.in_time = doutputs[:, ::-1] if self.turned else doutputs
