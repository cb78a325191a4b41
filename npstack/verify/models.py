"""Gradient check of a layer: every parameter, input and initial state; every output and final."""

from __future__ import annotations

from typing import Any

import numpy as np

from npstack.layers.base import Layer, Mask
from npstack.layers.composite import Composite
from npstack.layers.recurrent import Recurrent
from npstack.numerics import Array
from npstack.params import GATE_LETTERS
from npstack.verify.derivatives import Inputs
from npstack.verify.gradcheck import gradcheck
from npstack.verify.report import Report


def gate_blocks(layer: Layer, prefix: str = "") -> dict[str, dict[str, Any]]:
    """Where each gate of each parameter lies: ``{"layers.0.W": {"i": index, …}, …}``.

    Examples
    --------
    >>> from npstack import LSTM
    >>> gate_blocks(LSTM(1, 2, rng=np.random.default_rng(0)))["b"]["f"]
    (Ellipsis, slice(2, 4, None))
    """
    if isinstance(layer, Composite):
        return {
            name: index
            for child, inner in layer.children.items()
            for name, index in gate_blocks(inner, f"{prefix}{child}.").items()
        }
    if not isinstance(layer, Recurrent):
        return {}
    gates, H = layer.cell.record_type._fields, layer.hidden_size
    slices = {
        GATE_LETTERS.get(gate, gate): np.s_[..., k * H : (k + 1) * H]
        for k, gate in enumerate(gates)
    }
    return {f"{prefix}{name}": slices for name in layer.params}


def check_gradients(
    layer: Layer,
    x: Array,
    states: Any = None,
    *,
    mask: Mask = None,
    lengths: Any = None,
    noise_rng: np.random.Generator | None = None,
    **options: Any,
) -> Report:
    """Run `gradcheck` on a layer, a stack or a whole model.

    Parameters
    ----------
    layer : Layer
    x, states, mask, lengths
        As for ``layer.forward``. Without ``states`` the initial states are drawn at random, so
        that their gradients are checked at a point where they matter.
    noise_rng : numpy.random.Generator, optional
        Given, dropout is on, with one draw for the whole check.
    **options
        As for `gradcheck`: ``route``, ``tolerance``, ``entries``, and ``rng``, which draws the
        cotangents (where ``noise_rng`` draws dropout).

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
    x = np.asarray(x)
    if states is None and layer.recurrent:
        draw = np.random.default_rng(0)
        zeros = layer.forward(x, mask=mask, lengths=lengths).layers
        drawn = tuple(
            type(t.initial)(*(draw.uniform(-1, 1, v.shape).astype(v.dtype) for v in t.initial))
            for t in zeros
        )
        states = layer._public_states(drawn)
    tape = layer.forward(x, states, mask=mask, lengths=lengths, rng=noise_rng)
    initial = {
        f"initial.{k}.{field}": value
        for k, part in enumerate(tape.layers)
        for field, value in part.initial._asdict().items()
    }

    def run(inputs: Inputs) -> Any:
        given = tuple(
            type(part.initial)(*(inputs[f"initial.{k}.{field}"] for field in part.initial._fields))
            for k, part in enumerate(tape.layers)
        )
        return layer.forward(
            inputs["x"],
            layer._public_states(given),
            mask=tape.mask,
            noise=tape.noise,
            params={name: inputs[f"{name}"] for name in layer.params},
        )

    def f(**inputs: Array) -> Any:
        now = run(inputs)
        return {"outputs": now.outputs, "final": tuple(part.final for part in now.layers)}

    def backward(doutputs: Any, **inputs: Array) -> dict[str, Array | None]:
        dfinal = layer._public_states(doutputs["final"])
        grads = layer.backward(run(inputs), doutputs["outputs"], dfinal)
        dinitial = (grads.initial_states,) if isinstance(layer, Recurrent) else grads.initial_states
        states = {
            f"initial.{k}.{field}": value
            for k, state in enumerate(dinitial)
            for field, value in state._asdict().items()
        }
        return {**grads.params, "x": grads.x, **states}

    blocks = gate_blocks(layer)
    if tape.x.ndim == 3:
        blocks["x"] = {f"t={t}": np.s_[:, t] for t in range(tape.x.shape[1])}
    return gradcheck(
        f, backward, {**layer.params, "x": tape.x, **initial}, blocks=blocks, **options
    )
