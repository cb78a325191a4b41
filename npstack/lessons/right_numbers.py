"""Inputs of a stage, and the right results: those of npstack's own layers.

The same calls on layers that are made of the submission's own steps say what is right around these,
so that a mistake in a step costs points once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.layers.base import Layer
from npstack.layers.recurrent import Recurrent
from npstack.layers.sequential import Sequential
from npstack.lessons.stages import Case, Course, Stage

LayerOf = Callable[[Params], Layer]
SPREAD = 0.7  # of weights: far from zero, and gates far from closed


@dataclass(frozen=True)
class Drawn:
    """Random inputs and cotangents for a case.

    Attributes
    ----------
    x, mask : array
        ``(B, T, D)`` and ``(B, T)``.
    states : tuple of array (B, H)
        The first state; of a stack, none.
    layers : tuple of dict
        Weights of each layer, by npstack's names.
    douts : array (B, T, H)
        Of a step: zeros.
    dstates : tuple of array (B, H)
        Gradients of the last state; of a whole sequence, none.
    """

    x: Array
    mask: Array | None
    states: tuple[Array, ...]
    layers: tuple[dict[str, Array], ...]
    douts: Array
    dstates: tuple[Array, ...]


def draw(course: Course, stage: Stage, case: Case, rng: np.random.Generator) -> Drawn:
    """Draw inputs of a case."""
    B, T, D, *H = case.sizes
    x, douts = rng.standard_normal((B, T, D)), rng.standard_normal((B, T, H[-1]))
    mask = None
    if case.mask:
        mask = np.array([[letter == "x" for letter in row] for row in case.mask])
        if case.nan:
            x[~mask], douts[~mask] = np.nan, np.nan
    layers, below = [], D
    for units in H:
        shapes = course.cell(below, units, rng=rng).param_shapes
        layers.append({k: SPREAD * rng.standard_normal(s) for k, s in shapes.items()})
        below = units

    def of_state() -> tuple[Array, ...]:
        return tuple(rng.standard_normal((B, H[0])) for _ in course.states)

    states = () if stage.name == "stack" else of_state()
    dstates = of_state() if stage.of_step else ()
    return Drawn(x, mask, states, tuple(layers), 0 * douts if stage.of_step else douts, dstates)


def own_layer(course: Course) -> LayerOf:
    """npstack's layer with given weights."""
    return lambda params: Recurrent(course.cell.from_params(**params))


def right(course: Course, stage: Stage, drawn: Drawn, layer_of: LayerOf) -> dict[str, Array]:
    """The results of the functions of a stage, by name.

    Examples
    --------
    >>> from npstack.lessons.stages import COURSES
    >>> course = COURSES["lstm"]
    >>> stage = course.stages["time"]
    >>> drawn = draw(course, stage, stage.cases[-1], np.random.default_rng(0))
    >>> {name: a.shape for name, a in right(course, stage, drawn, own_layer(course)).items()}
    {'hs': (2, 6, 3), 'dx': (2, 6, 3), 'dh0': (2, 3), 'dc0': (2, 3), 'dWx': (3, 12),
     'dWh': (3, 12), 'db': (12,)}
    """
    built = [layer_of(params) for params in drawn.layers]
    stacked = stage.name == "stack"
    layer: Layer = Sequential(*built) if stacked else built[0]
    State = course.cell(1, 1, rng=np.random.default_rng(0)).state_type
    states = State(*drawn.states) if drawn.states else None
    tape: Any = layer.forward(drawn.x, states, mask=drawn.mask)
    dfinal = State(*drawn.dstates) if drawn.dstates else None
    grads: Any = layer.backward(tape, drawn.douts, dfinal)
    forward = list(tape.final) if stage.of_step else [tape.outputs]
    dx = grads.x[:, 0] if stage.of_step else grads.x
    dstates = [] if stacked else list(grads.initial_states)
    prefixes = [f"{k}." for k in range(len(built))] if stacked else [""]
    dweights = [grads.params[p + name] for p in prefixes for name in course.weights.values()]
    values = {stage.forward: forward, stage.backward: [dx, *dstates, *dweights]}
    names = course.results(stage, len(built))
    return {
        name: np.array(value)
        for function, results in names.items()
        for name, value in zip(results, values[function], strict=True)
    }


def arguments(
    course: Course, stage: Stage, drawn: Drawn
) -> tuple[dict[str, Array], dict[str, Array]]:
    """What the functions of a stage are given, by name; a cache follows the second ones."""
    weights = {
        f"{name}{k or ''}": layer[own]
        for k, layer in enumerate(drawn.layers)
        for name, own in course.weights.items()
    }
    if stage.of_step:
        before = {f"{name}_before": a for name, a in zip(course.states, drawn.states, strict=True)}
        after = {f"d{name}": a for name, a in zip(course.states, drawn.dstates, strict=True)}
        return {"x": drawn.x[:, 0], **before, **weights}, after
    masks = {} if drawn.mask is None else {"mask": drawn.mask}
    first = {f"{name}0": a for name, a in zip(course.states, drawn.states, strict=False)}
    return {"x": drawn.x, **masks, **first, **weights}, {"dhs": drawn.douts}
