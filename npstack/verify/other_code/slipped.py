"""The order of the gates in a forward that is wrong: the one in which a known slip explains it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from npstack.core.errors import NpstackError
from npstack.verify.mistakes.catalogue import catalogue_of
from npstack.verify.mistakes.simulate import program_for
from npstack.verify.other_code.adapt import Pair
from npstack.verify.other_code.agreement import are_near, sample_of_both
from npstack.verify.other_code.packing import orders


def orders_with_a_slip(layer: Pair, build: Callable[[str], Pair]) -> list[str]:
    """The orders in which a forward of the catalogue gives the numbers of a layer's forward."""
    cell = layer.cell.packing.cell
    x, given, state = sample_of_both(layer, cell, np.random.default_rng(0))
    slips = [slip for slip in catalogue_of(layer.kind) if slip.is_forward]
    found = []
    for order in orders(cell):
        theirs = build(order)
        outputs = theirs.forward(x, given or None).outputs
        program = program_for(theirs, None)
        for slip in slips:
            try:
                with np.errstate(all="ignore"):
                    right = program.built([slip]).forward(x, state, params=theirs.params).outputs
            except NpstackError:
                continue
            if are_near(right, outputs):
                found.append(order)
                break
    return found
