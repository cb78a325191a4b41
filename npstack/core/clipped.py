"""An activation behind a clip of its pre-activation (§4.1).

::

    (1)  u = clip(a, -limit, limit)
    (2)  y = act(u)

It is what ``clip`` of ONNX's GRU and RNN nodes does: the complete sum of every gate and of the
candidate is clipped right before its activation, and nothing else. In particular, the recurrent
part of a candidate that is reset after the product is not clipped by itself. For the LSTM, this is
the part `npstack.cells.PreactivationClip`, which clips all gates.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from npstack.core.activations import Activation, Range, check_activation
from npstack.core.arguments import check_positive
from npstack.core.config import TYPE
from npstack.core.numerics import Array, clip, clip_backward


@dataclass(frozen=True, repr=False)
class Clipped(Activation):
    """An activation whose pre-activation is clipped; it is accepted where an `Activation` is.

    Parameters
    ----------
    activation : str or Activation
    limit : float
        Above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from npstack import GRUCell
    >>> clipped = Clipped("tanh", 0.5)
    >>> a = np.array([-3.0, 0.25, 0.5])
    >>> y = clipped.function(a)
    >>> y.round(4), clipped.derivative(a, y).round(4)
    (array([-0.4621,  0.2449,  0.4621]), array([0.  , 0.94, 0.  ]))
    >>> cell = GRUCell(3, 8, gate=Clipped("sigmoid", 3.0), rng=np.random.default_rng(0))
    >>> cell.gate
    Clipped(Activation('sigmoid'), limit=3.0)
    """

    name: str = field(init=False, default="clipped")
    alpha: float | None = field(init=False, default=None)
    beta: float | None = field(init=False, default=None)
    activation: str | Activation
    limit: float

    def __post_init__(self) -> None:
        inner = check_activation("Clipped", "activation", self.activation)
        limit = check_positive("Clipped", "limit", self.limit, "3.0, for example.")
        object.__setattr__(self, "activation", inner)
        object.__setattr__(self, "limit", limit)

    @property
    def _inner(self) -> Activation:
        assert isinstance(self.activation, Activation)
        return self.activation

    @property
    def slope_from_output(self) -> bool:
        """False: an output does not say whether its pre-activation was clipped."""
        return False

    @property
    def range(self) -> Range:
        """That of the activation, which contains every output."""
        return self._inner.range

    def function(self, a: Array) -> Array:
        """The output ``y``."""
        u = clip(a, self.limit)  # (1)
        return self._inner.function(u)  # (2)

    def derivative(self, a: Array | None, y: Array) -> Array:
        """The slope ``dy/da``: zero at a limit and outside."""
        assert a is not None
        u = clip(a, self.limit)
        du = self._inner.derivative(u, y)  # (2)
        return clip_backward(u, du, self.limit)  # (1)

    def config(self) -> dict[str, Any]:
        """The activation and the limit as JSON values."""
        return {TYPE: "Clipped", "activation": self._inner.config(), "limit": self.limit}

    def __repr__(self) -> str:
        return f"Clipped({self.activation!r}, limit={self.limit})"
