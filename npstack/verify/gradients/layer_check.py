"""Gradient check of a layer: parameters, inputs, initial states; outputs and final states."""

from __future__ import annotations

from typing import Any

import numpy as np

from npstack.core.numerics import Array
from npstack.core.trees import filled, mapped, named
from npstack.layers.base import Layer
from npstack.layers.boundary import check_built
from npstack.layers.interface import Mask
from npstack.layers.walk import walk
from npstack.verify.gradients.check import gradcheck
from npstack.verify.gradients.derivatives import Inputs
from npstack.verify.gradients.report import Report


def gate_blocks(layer: Layer) -> dict[str, dict[str, Any]]:
    """The position of each gate in each parameter: ``{"layers.0.W": {"i": index, …}, …}``.

    Examples
    --------
    >>> from npstack import LSTM
    >>> gate_blocks(LSTM(1, 2, rng=np.random.default_rng(0)))["b"]["f"]
    (Ellipsis, slice(2, 4, None))
    """
    found = {}
    for visit in walk(layer):
        cell = visit.layer.cell
        if cell is None:
            continue
        for name in visit.layer.params:
            blocks = cell.gate_blocks(name)
            if blocks:
                by_letter = {cell.letters.get(g, g): index for g, index in blocks.items()}
                found[f"{visit.prefix}{name}"] = by_letter
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
    check_built("check_gradients", "layer", layer)
    tape = layer.forward(x, states, mask=mask, lengths=lengths, resets=resets, rng=noise_rng)
    begin = layer.unpack_states(tape.initial)
    if states is None:
        draw = np.random.default_rng(0)
        begin = mapped(lambda v: draw.uniform(-1, 1, v.shape).astype(v.dtype), begin)
    if states is None and any(part.learned for part in tape.layers):
        begin = ()  # the learned state is to be checked; a given one would replace it
    initial = _by_name("initial", begin)
    read = _by_name("x", tape.x)
    numbers = {name: a for name, a in read.items() if a.dtype != bool}  # the rest are masks

    def run(inputs: Inputs) -> Any:
        given = filled(begin, iter([inputs[name] for name in initial]))
        return layer.forward(
            filled(tape.x, iter([inputs.get(name, a) for name, a in read.items()])),
            layer.pack_states(given) if initial else None,
            mask=tape.mask,
            resets=resets,
            noise=tape.noise,
            params={name: inputs[name] for name in layer.params},
        )

    def f(**inputs: Array) -> Any:
        now = run(inputs)
        return {"outputs": now.outputs, "final": now.final}

    def backward(doutputs: Any, **inputs: Array) -> dict[str, Array | None]:
        grads = layer.backward(run(inputs), doutputs["outputs"], doutputs["final"])
        dstates = layer.unpack_states(grads.initial_states) if initial else ()
        dread: dict[str, Array | None] = dict.fromkeys(numbers)
        return {**grads.params, **dread, **_by_name("x", grads.x), **_by_name("initial", dstates)}

    blocks = gate_blocks(layer)
    for name, values in numbers.items():
        if values.ndim == 3:
            blocks[name] = {f"t={t}": np.s_[:, t] for t in range(values.shape[1])}
    return gradcheck(f, backward, {**layer.params, **numbers, **initial}, blocks=blocks, **options)


def _by_name(name: str, tree: Any) -> dict[str, Array]:
    """The arrays of a tree: ``initial.0.h``, ``initial.1.forward.c``, ``x.source`` …"""
    return {
        path.replace("[", ".").replace("]", ""): array for path, array in named(name, tree).items()
    }
