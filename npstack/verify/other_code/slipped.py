"""The order of the gates in a forward that is wrong: the one in which a known slip explains it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from npstack.core.errors import NpstackError
from npstack.verify.mistakes.catalogue import catalogue_of
from npstack.verify.mistakes.simulate import program_for
from npstack.verify.other_code.adapt import Pair, sample
from npstack.verify.other_code.packing import orders
from npstack.verify.other_code.sequences import SequencePair


def orders_with_a_slip(layer: Pair, build: Callable[[str], Pair]) -> list[str]:
    """The orders in which a forward of the catalogue gives the numbers of a layer's forward."""
    cell = layer.cell.packing.cell
    x, state = sample(cell, 2, layer.dtype, np.random.default_rng(0))
    begins = isinstance(layer, SequencePair) and "c" not in layer.cell.state_sizes._fields
    if begins and "c" in state._fields:
        state = state._replace(c=np.zeros_like(state.c))
    if not layer.recurrent:
        state = state._replace(h=np.zeros_like(state.h))
    slips = [slip for slip in catalogue_of(layer.kind) if slip.is_forward]
    found = []
    for order in orders(cell):
        theirs = build(order)
        kind: Any = type(theirs.cell.state_sizes)
        own = kind(*(getattr(state, field) for field in kind._fields))
        outputs = theirs.forward(x, own or None).outputs
        program = program_for(theirs, None)
        near = 1e4 * float(np.finfo(x.dtype).eps) * float(np.abs(outputs).max())
        for slip in slips:
            try:
                with np.errstate(all="ignore"):
                    right = program.built([slip]).forward(x, state, params=theirs.params).outputs
            except NpstackError:
                continue
            if np.abs(outputs - right).max() <= near:
                found.append(order)
                break
    return found
