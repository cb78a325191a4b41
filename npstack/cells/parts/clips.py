"""Two clips that share a name (§4.1, §4.2).

::

    PreactivationClip   a_k = clip(a_k, -limit, limit)   ONNX: the argument of an activation
    CellClip            c = clip(c, -limit, limit)       TensorFlow 1: the cell state itself

The first bounds the pre-activation of a gate, after its peephole; the cell may still grow with
every step. The second bounds the cell, and the clipped cell is carried on.

The slope is 1 inside the limits, and 0 at a limit and outside.
"""

from __future__ import annotations

from collections.abc import Mapping

from npstack.cells.parts.base import Grads, Part
from npstack.core.activations import Range
from npstack.core.arguments import check_positive
from npstack.core.numerics import Array, clip, clip_backward
from npstack.core.params import Params


class PreactivationClip(Part):
    """Every gate's pre-activation is clipped (§4.1).

    Parameters
    ----------
    limit : float
        Above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from npstack import LSTMVariantCell
    >>> cell = LSTMVariantCell(1, 2, PreactivationClip(1.0), rng=np.random.default_rng(0))
    >>> _, gates = cell.step(cell.params, np.full((1, 1), 1e6), cell.zero_state(1, float))
    >>> bool(gates.input.max() <= 1 / (1 + np.exp(-1.0)))
    True
    """

    def __init__(self, limit: float) -> None:
        self.limit = check_positive("PreactivationClip", "limit", limit, "3.0, for example.")

    def gate(self, params: Params, name: str, a: Array, c: Array) -> Array:
        """``clip(a)``."""
        return clip(a, self.limit)

    def gate_backward(
        self, params: Params, name: str, a: Array, c: Array, da: Array
    ) -> tuple[Array, Array | None, Grads]:
        """The gradient is zero where the sum was clipped."""
        return clip_backward(a, da, self.limit), None, {}


class CellClip(Part):
    """The new cell state is clipped, and carried on clipped (§4.2).

    Parameters
    ----------
    limit : float
        Above 0; 3.0 is the default of TensorFlow's raw operator.

    Examples
    --------
    >>> import numpy as np
    >>> from npstack import LSTMState, LSTMVariantCell
    >>> cell = LSTMVariantCell(1, 2, CellClip(3.0), rng=np.random.default_rng(0))
    >>> state = LSTMState(h=np.zeros((1, 2)), c=np.full((1, 2), 100.0))
    >>> cell.step(cell.params, np.zeros((1, 1)), state)[0].c
    array([[3., 3.]])
    """

    def __init__(self, limit: float) -> None:
        self.limit = check_positive("CellClip", "limit", limit, "3.0, for example.")

    def ranges(self, ranges: Mapping[str, Range]) -> Mapping[str, Range]:
        """The cell state lies between the limits."""
        return {**ranges, "c": (-self.limit, self.limit)}

    def cell(self, c: Array) -> Array:
        """``clip(c)``."""
        return clip(c, self.limit)

    def cell_backward(self, c: Array, dc: Array) -> Array:
        """The gradient is zero where the cell was clipped."""
        return clip_backward(c, dc, self.limit)
