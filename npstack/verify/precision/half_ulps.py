"""How much the truth depends on the last digits of its inputs: conditioning."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from npstack.core.arguments import check_generator, check_size
from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.core.tape import RecurrentTape
from npstack.core.trees import mapped
from npstack.layers.base import Layer
from npstack.layers.interface import Mask
from npstack.verify.gradients.layer_function import NamedBlock, layer_function
from npstack.verify.precision.number_types import NumberType, check_working, longdouble
from npstack.verify.precision.reference import (
    Progress,
    Reference,
    check_cotangents,
    chosen,
    extended,
    flat,
    joined,
    ticks,
)

DRAWS = 24  # with 4, correct layers of trained networks were accused now and then

Results = dict[str, Array]  # by block


def conditioning(
    layer: Layer,
    x: Array,
    states: Any = None,
    *,
    mask: Mask = None,
    lengths: Any = None,
    resets: Mask = None,
    noise_rng: np.random.Generator | None = None,
    noise: Any = None,
    params: Params | None = None,
    doutputs: Array | None = None,
    dfinal: Any = None,
    draws: int = DRAWS,
    only: Sequence[str] | None = None,
    entries: int | None = None,
    rng: np.random.Generator | None = None,
    progress: Progress | None = None,
) -> dict[str, float]:
    """How far the truth moves when every input moves by half a unit in its last place.

    No program that works with these floats can be expected to come nearer: the inputs themselves
    are not known better.

    Parameters
    ----------
    layer, x, states, mask, lengths, resets, noise_rng, noise, params, doutputs, dfinal
        As for `truth`.
    draws : int
        Each moves every number of the parameters, of ``x``, of the initial states and of the
        cotangents half a unit up or down, at random. Where no type is wider than the layer's, they
        move by a whole unit, and half of the change is taken.
    only, entries, progress
        As for `truth`.
    rng : numpy.random.Generator, optional
        Draws the sample of entries and the directions; ``default_rng(0)`` if absent.

    Returns
    -------
    dict
        For each block (``outputs``, ``final.0.h``, ``dW.f``, ``dx.t=3``, ``dinitial.0.c`` …), the
        largest change divided by the largest number of the block.

    Examples
    --------
    >>> from npstack import LSTM
    >>> layer = LSTM(2, 3, rng=np.random.default_rng(0))
    >>> x = np.linspace(-1, 1, 8).reshape(1, 4, 2)
    >>> found = conditioning(layer, x, doutputs=np.ones((1, 4, 3)), only=["dU.f"])
    >>> list(found)
    ['outputs', 'final.0.h', 'final.0.c', 'dU.f']
    >>> max(found.values()) < 1e-14
    True
    """
    where = "conditioning"
    own = {"mask": mask, "lengths": lengths, "resets": resets}
    given = {"noise_rng": noise_rng, "noise": noise, "params": params}
    function = layer_function(where, layer, x, states, **own, **given)
    eps = check_working(where, function.tape.outputs.dtype)
    draws = check_size(where, "draws", draws)
    rng = np.random.default_rng(0) if rng is None else check_generator(where, rng)
    cotangents = check_cotangents(where, function, doutputs, dfinal)
    blocks = chosen(where, function, only, entries, rng) if cotangents else []
    tick = ticks(where, progress, (1 + draws) * sum(len(places) for _, places in blocks))
    reference = Reference(function, cotangents, longdouble())
    with extended(where):
        exact = computed(reference, blocks, tick)
        return moves(reference, blocks, tick, exact, eps, draws, rng)


def computed(
    reference: Reference,
    blocks: Sequence[tuple[NamedBlock, Array]],
    tick: Callable[[], None],
    wide: Callable[[Array], Array] | None = None,
) -> Results:
    """Outputs and final states, and the chosen places of the gradients, by block."""
    wide = reference.numbers.wide if wide is None else wide
    inputs = {name: wide(value) for name, value in reference.function.inputs.items()}
    weights = {name: wide(value) for name, value in reference.weights.items()}
    found = flat(reference.values(inputs))
    slopes = reference.slopes(inputs, weights, joined(blocks), tick)
    begin = dict.fromkeys(slopes, 0)
    for block, places in blocks:
        first = begin[block.name]
        begin[block.name] = last = first + len(places)
        found[f"d{block.label}"] = slopes[block.name][first:last]
    return found


def moves(
    reference: Reference,
    blocks: Sequence[tuple[NamedBlock, Array]],
    tick: Callable[[], None],
    exact: Results,
    eps: float,
    draws: int,
    rng: np.random.Generator,
) -> dict[str, float]:
    """How far each block moves by half a unit of numbers with this eps, relative to its size."""
    found = changes(reference, blocks, tick, exact, eps, draws, rng)
    share = 1 if reference.numbers.eps < eps else 0.5  # they moved by a whole unit
    return {label: share * relative_to(value, exact[label]) for label, value in found.items()}


def changes(
    reference: Reference,
    blocks: Sequence[tuple[NamedBlock, Array]],
    tick: Callable[[], None],
    exact: Results,
    eps: float,
    draws: int,
    rng: np.random.Generator,
) -> Results:
    """The largest change of every number over draws of `half_ulp`."""

    def moved(value: Array) -> Array:
        return half_ulp(value, reference.numbers, eps, rng)

    return largest_changes(exact, draws, lambda: computed(reference, blocks, tick, moved))


def largest_changes(exact: Results, draws: int, draw: Callable[[], Results]) -> Results:
    """The largest difference of every number from the exact one, over some draws."""
    largest = {name: np.zeros_like(value) for name, value in exact.items()}
    for _ in range(draws):
        for name, value in draw().items():
            largest[name] = np.maximum(largest[name], np.abs(value - exact[name]))
    return largest


def half_ulp(value: Array, numbers: NumberType, eps: float, rng: np.random.Generator) -> Array:
    """The numbers, each moved half a unit up or down; a whole one if they have no half.

    Zeros stay: they are masked, or they are exact.

    Examples
    --------
    >>> x = np.ones(4, np.float32)
    >>> moved = half_ulp(x, longdouble(), 2.0**-23, np.random.default_rng(0))
    >>> ((moved - 1) * 2.0**24).astype(int)
    array([ 1,  1,  1, -1])
    """
    if value.dtype.kind != "f":
        return value
    unit = np.where(value == 0, 0, np.spacing(np.abs(value))).astype(np.longdouble)
    unit = unit * np.longdouble(eps / float(np.finfo(value.dtype).eps))
    share = 0.5 if numbers.eps < eps else 1.0
    signs = rng.choice([-1, 1], value.shape)
    return np.asarray(numbers.wide(value) + numbers.wide(unit * share) * signs)


def relative_to(change: Array, exact: Array) -> float:
    """The largest change divided by the largest number; 0 / 0 is 0, and NaN infinite."""
    largest, size = np.abs(change).max(initial=0), np.abs(exact).max(initial=0)
    if largest == 0:
        return 0.0
    return float(largest / size) if np.isfinite(largest) and size else float("inf")


def storing(
    reference: Reference,
    blocks: Sequence[tuple[NamedBlock, Array]],
    eps: float,
    draws: int,
    rng: np.random.Generator,
) -> Results:
    """The largest change of every gradient when what the tape keeps moves (`moved_tape`).

    Both gradients are from the layer's own backward in wider numbers; only their difference is of
    interest.
    """
    function, numbers = reference.function, reference.numbers
    assert reference.cotangents is not None
    doutputs = {name: mapped(numbers.wide, tree) for name, tree in reference.cotangents.items()}
    tape = function.forward(reference.wide(function.inputs))

    def gradients(tape: Any) -> Results:
        return picked(function.back(tape, doutputs), blocks)

    return largest_changes(gradients(tape), draws, lambda: gradients(moved_tape(tape, eps, rng)))


def picked(
    gradients: Mapping[str, Array | None], blocks: Sequence[tuple[NamedBlock, Array]]
) -> Results:
    """The chosen places of whole gradients, by block; those that are absent are left out."""
    found = {}
    for block, places in blocks:
        value = gradients.get(block.name)
        if value is not None:
            found[f"d{block.label}"] = np.asarray(value).ravel()[places]
    return found


def moved_tape(tape: Any, eps: float, rng: np.random.Generator) -> Any:
    """A tape whose states and gates are moved by half an eps of themselves, up or down.

    Every program that keeps its states and gates for the way back, and forms slopes of them, pays
    for their rounding: ``1 - h^2`` of an ``h`` near 1 has lost digits that no input's rounding
    costs.
    """

    def moved(value: Array) -> Array:
        return np.asarray(value + value * (eps / 2 * rng.choice([-1, 1], value.shape)))

    if isinstance(tape, RecurrentTape):
        return replace(tape, states=mapped(moved, tape.states), gates=mapped(moved, tape.gates))
    parts = tuple(moved_tape(part, eps, rng) for part in tape.parts)
    return replace(tape, children=parts) if parts else tape
