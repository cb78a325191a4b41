"""Gradient check of a layer: every parameter, input and initial state; every output and final."""

from __future__ import annotations

from typing import Any

import numpy as np

from npstack.core.numerics import Array
from npstack.core.trees import filled, mapped, named
from npstack.layers.base import Layer, Mask
from npstack.layers.composite import Composite
from npstack.layers.recurrent import Recurrent
from npstack.layers.wrapper import Wrapper
from npstack.verify.gradients.check import gradcheck
from npstack.verify.gradients.derivatives import Inputs
from npstack.verify.gradients.report import Report


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
    if isinstance(layer, Wrapper):
        return gate_blocks(layer.layer, prefix)
    if not isinstance(layer, Recurrent):
        return {}
    found = {}
    for name in layer.cell.params:
        blocks = layer.cell.gate_blocks(name)
        if blocks:
            letters = layer.cell.letters
            found[f"{prefix}{name}"] = {letters.get(g, g): index for g, index in blocks.items()}
    return found


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
        As for ``layer.forward``. Without ``states`` the initial states are drawn at random, so
        that their gradients are checked at a point where they matter; unless the layer learns
        its initial state, which is then checked instead.
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
    tape = layer.forward(x, states, mask=mask, lengths=lengths, resets=resets, rng=noise_rng)
    slots = tuple(slot.initial for slot in tape.slots)
    if states is None:
        draw = np.random.default_rng(0)
        slots = mapped(lambda v: draw.uniform(-1, 1, v.shape).astype(v.dtype), slots)
    if states is None and any(part.learned for part in tape.layers):
        slots = ()  # what was learned is to be checked; a given state would replace it
    initial = _by_name(slots)

    def run(inputs: Inputs) -> Any:
        given = filled(slots, iter([inputs[name] for name in initial]))
        return layer.forward(
            inputs["x"],
            layer._public_states(given) if initial else None,
            mask=tape.mask,
            resets=resets,
            noise=tape.noise,
            params={name: inputs[f"{name}"] for name in layer.params},
        )

    def f(**inputs: Array) -> Any:
        now = run(inputs)
        return {"outputs": now.outputs, "final": tuple(slot.final for slot in now.slots)}

    def backward(doutputs: Any, **inputs: Array) -> dict[str, Array | None]:
        dfinal = layer._public_states(doutputs["final"])
        grads = layer.backward(run(inputs), doutputs["outputs"], dfinal)
        states = _by_name(layer._as_tuple(grads.initial_states)) if initial else {}
        return {**grads.params, "x": grads.x, **states}

    blocks = gate_blocks(layer)
    if tape.x.ndim == 3:
        blocks["x"] = {f"t={t}": np.s_[:, t] for t in range(tape.x.shape[1])}
    return gradcheck(
        f, backward, {**layer.params, "x": tape.x, **initial}, blocks=blocks, **options
    )


def _by_name(slots: Any) -> dict[str, Array]:
    """The arrays of all states: ``initial.0.h``, ``initial.1.forward.c`` …"""
    return {
        name.replace("[", ".").replace("]", ""): array
        for name, array in named("initial", slots).items()
    }
