"""An input on which mistakes that give the same numbers elsewhere are not the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from npstack.layers.base import Layer
from npstack.verify.mistakes.cases import Case, drawn, ends_of, state_type
from npstack.verify.mistakes.comparing import Trial
from npstack.verify.mistakes.entry import Mistake
from npstack.verify.mistakes.simulate import Program

WIDER = (
    Case(1, 1, False, "h"),
    Case(1, 1, True, "h"),
    Case(1, 1, True, "all"),
    Case(1, 3, True, "all"),
    Case(2, 1, True, "all"),
    Case(2, 3, True, "all"),
    Case(5, 1, True, "h"),
    Case(5, 3, True, "all"),
    Case(5, 3, True, "all", masked=True),
)


def apart(
    program: Program,
    layer: Layer,
    named: Sequence[Mistake],
    missing: Sequence[str],
    masks: bool,
) -> dict[str, Any]:
    """The smallest input on which not all of these mistakes are the same, and where they differ.

    They are fields of an `Explanation`; None and empty if there is no such input. Only what the
    layer takes and returns counts; ``missing`` is not returned, and ``masks`` says whether masks
    are in the layer's own code.
    """
    nowhere: dict[str, Any] = {"apart": None, "apart_in": ()}
    if len(named) < 2:
        return nowhere
    first = program.built(named[:1])
    fields, ends = state_type(layer)._fields, ends_of(layer)
    hidden = {f"{name}0" for name in program.cell.state_sizes._fields if name not in fields}
    hidden |= set(missing)
    rng = np.random.default_rng(0)
    for case in WIDER:
        if case.masked and not masks:
            continue
        point = drawn(case, program, fields, first.params, None, rng, ends)
        trial = Trial(program, point, first)
        for other in named[1:]:
            found = trial.differences([other]) or ()
            differing = tuple(n for n in found if re.split(r"[.[]", n)[0] not in hidden)
            if differing:
                return {"apart": case, "apart_in": differing}
    return nowhere
