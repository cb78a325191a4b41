"""The base of the parts of an LSTM: a line that a variant adds, next to its derivative.

`LSTMVariantCell` calls every part at these places of a step, in this order::

    gate   a_k -> a_k       each gate's pre-activation, with the cell that this gate may read
    cell   c -> c           the new cell state
    hidden m -> h           the output

Each is the identity unless a part overrides it; its mirror image returns the derivatives by its
arguments. A part stores settings such as a limit, but no arrays: its parameters are passed to it by
name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from npstack.core.activations import Activation, Range
from npstack.core.config import Configured
from npstack.core.numerics import Array
from npstack.core.params import Params

Axes = tuple[Any, ...]
Grads = dict[str, Array]


class Part(Configured):
    """The identity at every place."""

    coupled = False  # whether the forget gate is 1 - i and not a separate gate

    def params(
        self, gates: tuple[str, ...], hidden_size: int, rng: np.random.Generator
    ) -> tuple[dict[str, Array], dict[str, Axes]]:
        """The parameters that the part adds, and their axes (see `Cell.axes`)."""
        return {}, {}

    def width(self, hidden_size: int) -> int:
        """The width of ``h``."""
        return hidden_size

    def activation(self, name: str, usual: Activation) -> Activation:
        """The activation of a gate, or that of the cell in ``h`` (``"cell"``)."""
        return usual

    def ranges(self, ranges: Mapping[str, Range]) -> Mapping[str, Range]:
        """`Cell.ranges` with the part."""
        return ranges

    def gate(self, params: Params, name: str, a: Array, c: Array) -> Array:
        """The pre-activation of a gate; ``c`` is the cell that the gate may read."""
        return a

    def gate_backward(
        self, params: Params, name: str, a: Array, c: Array, da: Array
    ) -> tuple[Array, Array | None, Grads]:
        """``da`` of the argument, ``dc`` (None if the gate does not read c), ``dparams``.

        ``a`` is what `gate` returned.
        """
        return da, None, {}

    def cell(self, c: Array) -> Array:
        """The new cell state."""
        return c

    def cell_backward(self, c: Array, dc: Array) -> Array:
        """``dc`` of the argument; ``c`` is what `cell` returned."""
        return dc

    def hidden(self, params: Params, m: Array) -> Array:
        """The output ``h``, from ``m = o * act(c)``."""
        return m

    def hidden_backward(self, params: Params, m: Array, h: Array, dh: Array) -> tuple[Array, Grads]:
        """``dm`` and ``dparams``."""
        return dh, {}
