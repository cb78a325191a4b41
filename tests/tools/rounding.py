"""Whether rounding explains a difference: both programs against truth in extended precision.

The measure is the conditioning of the very block in question: how far the truth itself moves when
every input and parameter moves by half an ulp of the working dtype. The inputs of a gradient
include the cotangents. That matters for the scalar oracle: its forward mode weighs and adds the
outputs' slopes last of all, and where those cancel it is off by what rounding the cotangents would
do, while backpropagation, which adds the cotangents first, is not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from npstack.core.tape import RecurrentTape
from npstack.core.trees import mapped
from tests.tools.random_stacks import Arrays, Case, blocks, values

STEP = 1e-30  # of the complex step: no rounding, no truncation
JUDGED = 8  # numbers of a block that are computed in extended precision


def truth(case: Case, name: str, places: np.ndarray, draw: int | None = None) -> np.ndarray:
    """Some numbers of one array in extended precision, by the forward pass alone.

    A gradient is taken by the complex step through that forward pass, entry by entry, so the
    backward pass under test has no part in it. With ``draw``, every input, parameter and cotangent
    is first moved half an ulp of the working dtype up or down.
    """
    rng = None if draw is None else np.random.default_rng([case.seed, 2, draw])

    def extended(value: np.ndarray) -> np.ndarray:
        wide = value.astype(np.longdouble)
        if rng is None:
            return wide
        half = np.spacing(np.abs(value)).astype(np.longdouble) / 2
        return wide + half * rng.choice([-1, 1], value.shape)

    inputs = {key: extended(value) for key, value in case.inputs.items()}
    dfinal = mapped(extended, case.dfinal)
    case = replace(case, doutputs=extended(case.doutputs), dfinal=dfinal)
    if not name.startswith("d"):
        return values(case.forward(inputs))[name].ravel()[places]
    shifted = {key: value.astype(np.clongdouble, order="C") for key, value in inputs.items()}
    entries = shifted[name.removeprefix("d")].reshape(-1)  # a view, in C order
    result = np.zeros(len(places), np.longdouble)
    for k, place in enumerate(places):
        before = entries[place]
        entries[place] += np.clongdouble(1j * STEP)
        result[k] = case.loss(shifted).imag / np.longdouble(STEP)
        entries[place] = before
    return result


def explain(
    case: Case, label: str, ours: Arrays, theirs: Arrays, *, storing: bool = False
) -> dict[str, Any]:
    """Whether rounding explains a block above the bar: both programs against truth.

    ``conditioning`` is the largest change of the truth over four draws of `truth`. Ours may be off
    by 8 times that and 16 eps; theirs by 4 times the larger of that and our own error, and 8 eps.
    A block of many numbers is judged where the two differ most (which only lowers the allowance).
    With ``storing``, a gradient is also granted what `moved_by_storing` says.
    """
    eps = float(np.finfo(case.doutputs.dtype).eps)
    name, index = next((n, i) for block, n, i in blocks(case, theirs) if block == label)
    own_name = name.partition(":")[0]
    places = np.arange(theirs[name].size).reshape(theirs[name].shape)[index].ravel()
    a, b = ours[own_name].ravel(), theirs[name].ravel()
    scale = np.abs(b[places]).max()
    places = places[np.argsort(-np.abs(a - b)[places])[:JUDGED]]
    exact = truth(case, own_name, places)

    def error(numbers: np.ndarray) -> float:
        return float(np.abs(numbers - exact).max() / scale / eps)

    conditioning = max(error(truth(case, own_name, places, draw)) for draw in range(4))
    own, other = error(a[places]), error(b[places])
    found = {"conditioning": conditioning}
    if storing and name.startswith("d"):
        moved = moved_by_storing(case, own_name, places)
        found["storing"] = float(moved.max() / scale / eps)
    conditioning = max(found.values())
    return {
        **found,
        "npstack_against_truth": own,
        "other_against_truth": other,
        "explained": own <= 8 * conditioning + 16 and other <= 4 * max(conditioning, own) + 8,
    }


def moved_by_storing(case: Case, name: str, places: np.ndarray) -> np.ndarray:
    """How far a gradient moves, at most, when what the tape keeps moves half an ulp.

    Every program that keeps its states and gates for the way back, and forms slopes of them, pays
    this: ``1 - h^2`` of an ``h`` near 1, rounded, has lost digits that no input's rounding costs.
    Both gradients are npstack's own, in extended precision; only their difference is of interest.
    """
    eps = np.finfo(case.doutputs.dtype).eps

    def wide(value: np.ndarray) -> np.ndarray:
        return value.astype(np.longdouble)

    tape = case.forward({key: wide(value) for key, value in case.inputs.items()})
    case = replace(case, doutputs=wide(case.doutputs), dfinal=mapped(wide, case.dfinal))
    exact = case.gradients(tape)[name].ravel()[places]
    changes = []
    for draw in range(4):
        rng = np.random.default_rng([case.seed, 3, draw])

        def moved(value: np.ndarray, rng: np.random.Generator = rng) -> np.ndarray:
            return value * (1 + eps / 2 * rng.choice([-1, 1], value.shape))

        other = case.gradients(_stored_otherwise(tape, moved))[name].ravel()[places]
        changes.append(np.abs(other - exact))
    return np.asarray(np.max(changes, axis=0))


def _stored_otherwise(tape: Any, moved: Callable[[np.ndarray], np.ndarray]) -> Any:
    """A tape whose states and gates are moved."""
    if isinstance(tape, RecurrentTape):
        return replace(tape, states=mapped(moved, tape.states), gates=mapped(moved, tape.gates))
    return replace(tape, children=tuple(_stored_otherwise(part, moved) for part in tape.parts))
