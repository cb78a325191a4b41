"""Gradient check of a layer: parameters, inputs, initial states; outputs and final states."""

from __future__ import annotations

from typing import Any

import numpy as np

from npstack.core.numerics import Array
from npstack.layers.base import Layer
from npstack.layers.interface import Mask
from npstack.verify.gradients.check import gradcheck
from npstack.verify.gradients.layer_function import layer_function
from npstack.verify.gradients.report import Report


def check_gradients(
    layer: Layer,
    x: Array,
    states: Any = None,
    *,
    mask: Mask = None,
    lengths: Any = None,
    resets: Mask = None,
    noise_rng: np.random.Generator | None = None,
    **options: Any,
) -> Report:
    """Run `gradcheck` on a layer, a stack or a whole model.

    Parameters
    ----------
    layer : Layer
    x, states, mask, lengths, resets
        As for ``layer.forward``. Without ``states``, the initial states are random, so that
        their gradients are checked at a point where they matter; if the layer learns its initial
        state, this is checked instead.
    noise_rng : numpy.random.Generator, optional
        If given, dropout is on, with one draw for the whole check.
    **options
        As for `gradcheck`: ``route``, ``tolerance``, ``entries``, and ``rng``, which draws the
        cotangents (``noise_rng`` draws dropout).

    Returns
    -------
    Report
        Parameters are split by gate, ``x`` by time step, and there is one row per initial state.

    Examples
    --------
    >>> from npstack import LSTM
    >>> rng = np.random.default_rng(0)
    >>> report = check_gradients(LSTM(2, 3, rng=rng), rng.standard_normal((2, 4, 2)))
    >>> report.passed, len(report.rows)
    (True, 18)
    """
    given = {"mask": mask, "lengths": lengths, "resets": resets, "noise_rng": noise_rng}
    function = layer_function("check_gradients", layer, x, states, **given, drawn_states=True)

    def f(**inputs: Array) -> Any:
        return function.values(inputs)

    def backward(doutputs: Any, **inputs: Array) -> dict[str, Array | None]:
        return function.gradients(inputs, doutputs)

    return gradcheck(f, backward, function.inputs, blocks=function.parts(), **options)
