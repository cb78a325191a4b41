"""Reports of a backward pass."""

from __future__ import annotations

from typing import Any

from npstack.core.numerics import Array
from npstack.core.params import Params


class Observer:
    """Gets reports while the backward pass reads a part of a tape; this one ignores them.

    A tape with observers is always read by the readable path, step by step.
    """

    def entered(self, doutputs: Array) -> None:
        """The gradient by the outputs, before the layer reads its tape."""

    def stepped(self, step: int, dnew_state: Any, found: Any) -> None:
        """One step of a recurrent layer: the gradient of its new state, the results of the cell."""

    def left(self, dparams: Params, dx: Array | None) -> None:
        """The results of the layer."""
