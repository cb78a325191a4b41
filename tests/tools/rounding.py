"""Whether rounding explains a difference: both programs against truth in extended precision.

The measure is the conditioning of the very block in question: how far the truth itself moves when
every input and parameter moves by half an ulp of the working dtype. The inputs of a gradient
include the cotangents. That matters for the scalar oracle: its forward mode weighs and adds the
outputs' slopes last of all, and where those cancel it is off by what rounding the cotangents would
do, while backpropagation, which adds the cotangents first, is not.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from npstack.core.trees import mapped
from npstack.verify import check_rounding
from npstack.verify.precision.half_ulps import DRAWS, half_ulp, moved_tape
from npstack.verify.precision.number_types import longdouble
from npstack.verify.precision.reference import slopes
from tests.tools.random_stacks import Arrays, Case, blocks, values

JUDGED = 8  # numbers of a block that are computed in extended precision


def truth(case: Case, name: str, places: np.ndarray, draw: int | None = None) -> np.ndarray:
    """Some numbers of one array in extended precision, by the forward pass alone.

    A gradient is taken by the complex step through that forward pass, entry by entry, so the
    backward pass under test has no part in it. With ``draw``, every input, parameter and cotangent
    is first moved half an ulp of the working dtype up or down.
    """
    rng = None if draw is None else np.random.default_rng([case.seed, 2, draw])
    wide = longdouble()

    def extended(value: np.ndarray) -> np.ndarray:
        eps = float(np.finfo(case.doutputs.dtype).eps)
        return wide.wide(value) if rng is None else half_ulp(value, wide, eps, rng)

    inputs = {key: extended(value) for key, value in case.inputs.items()}
    dfinal = mapped(extended, case.dfinal)
    case = replace(case, doutputs=extended(case.doutputs), dfinal=dfinal)
    if not name.startswith("d"):
        return values(case.forward(inputs))[name].ravel()[places]
    return slopes(case.loss, inputs, name.removeprefix("d"), places, wide)


def explain(
    case: Case,
    label: str,
    ours: Arrays,
    theirs: Arrays,
    *,
    storing: bool = False,
    draws: int = DRAWS,
) -> dict[str, Any]:
    """Whether rounding explains a block above the bar: both programs against truth.

    The rules are those of `npstack.verify.check_rounding`, without the ladder: the other program
    is not run in wider numbers. ``conditioning`` is the largest change of the truth over the draws
    of `truth` (evidence of before 26 November 2026 had four). A block of many numbers is judged
    where the two differ most (which only lowers the allowance). With ``storing``, a gradient is
    also granted what `moved_by_storing` says.
    """
    eps = float(np.finfo(case.doutputs.dtype).eps)
    name, index = next((n, i) for block, n, i in blocks(case, theirs) if block == label)
    own_name = name.partition(":")[0]
    places = np.arange(theirs[name].size).reshape(theirs[name].shape)[index].ravel()
    a, b = ours[own_name].ravel(), theirs[name].ravel()
    size = np.abs(b[places]).max()
    places = places[np.argsort(-np.abs(a - b)[places])[:JUDGED]]
    exact = truth(case, own_name, places)
    moved = [np.abs(truth(case, own_name, places, draw) - exact).max() for draw in range(draws)]
    found = {"conditioning": float(max(moved) / size / eps)}
    if storing and name.startswith("d"):
        kept = moved_by_storing(case, own_name, places, draws)
        found["storing"] = float(kept.max() / size / eps)
    given = {"conditioning": max(found.values()) * eps, "eps": eps, "size": float(size)}
    own = check_rounding(a[places], exact, **given)
    other = check_rounding(b[places], exact, own=a[places], **given)
    return {
        **found,
        "npstack_against_truth": own.error / eps,
        "other_against_truth": other.error / eps,
        "explained": own.explained is not False and other.explained is not False,
    }


def moved_by_storing(case: Case, name: str, places: np.ndarray, draws: int) -> np.ndarray:
    """How far a gradient moves, at most, when what the tape keeps moves half an ulp.

    Every program that keeps its states and gates for the way back, and forms slopes of them, pays
    this: ``1 - h^2`` of an ``h`` near 1, rounded, has lost digits that no input's rounding costs.
    Both gradients are npstack's own, in extended precision; only their difference is of interest.
    """
    eps = float(np.finfo(case.doutputs.dtype).eps)
    wide = longdouble().wide
    tape = case.forward({key: wide(value) for key, value in case.inputs.items()})
    case = replace(case, doutputs=wide(case.doutputs), dfinal=mapped(wide, case.dfinal))
    exact = case.gradients(tape)[name].ravel()[places]
    changes = []
    for draw in range(draws):
        moved = moved_tape(tape, eps, np.random.default_rng([case.seed, 3, draw]))
        changes.append(np.abs(case.gradients(moved)[name].ravel()[places] - exact))
    return np.asarray(np.max(changes, axis=0))
