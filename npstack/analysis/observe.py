"""Copies of a model that let others hear what the backward pass says to each cell at each step.

The model itself stays as it is, and its own equations are run: what is heard is what really flows.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from npstack.cells import Cell
from npstack.core.numerics import Array
from npstack.layers import Chain, Composite, Layer, Reversed, TimeDistributed, Wrapper


class ListeningCell:
    """A cell that tells ``hear`` what comes and goes in each step of backpropagation, last first.

    ``hear(dnew_state, (dparams, dx, dstate))``: what `Cell.step_backward` is told and returns.
    """

    def __init__(self, cell: Cell, hear: Callable[[Any, Any], None]) -> None:
        self._cell, self._hear = cell, hear

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cell, name)

    def step_backward(
        self,
        params: Any,
        x: Array,
        state: Any,
        record: Any,
        new_state: Any,
        dnew_state: Any,
        *noise: Any,
    ) -> Any:
        """As the cell's; ``dnew_state`` has come together from above and from the next step."""
        said = self._cell.step_backward(params, x, state, record, new_state, dnew_state, *noise)
        self._hear(dnew_state, said)
        return said


def changed_copy(
    layer: Layer, change: Callable[[Layer, str, bool], None], path: str = "", turned: bool = False
) -> Layer:
    """A copy of the model in which ``change(leaf, path, turned)`` was done to a copy of each leaf.

    Bottom first; the path is the one that errors and `Layer.summary` print; ``turned`` says that
    the leaf reads time from its end.
    """
    twin = copy.copy(layer)
    if isinstance(twin, Composite):
        children, twin.children = twin.children, {}
        for name, child in children.items():
            own = f"{path}{name.removeprefix('layers.')}."
            twin.children[name] = changed_copy(child, change, own, turned)
            if isinstance(twin, Chain):  # those above read what this one hands on
                turned = child.turned ^ (child.keeps_time and turned)
    elif isinstance(twin, Wrapper) and not isinstance(twin, TimeDistributed):
        turned ^= isinstance(twin, Reversed)
        twin.layer = changed_copy(twin.layer, change, path, turned)
    else:
        change(twin, path, turned)
    return twin
