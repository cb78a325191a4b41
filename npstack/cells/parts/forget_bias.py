"""A forget bias that is added at run time and is not a parameter (TensorFlow 1, Haiku; §2.6).

::

    a_f = x W_f + h' U_f + b_f + bias

This is the same function as with a stored bias ``b_f + bias``, but with other parameters: a program
that reads them without the bias computes something else. It is therefore a field here and is never
added to ``b`` automatically.
"""

from __future__ import annotations

from npstack.cells.parts.base import Part
from npstack.core.arguments import check_number
from npstack.core.numerics import Array
from npstack.core.params import Params


class ForgetBias(Part):
    """A number added to the forget gate's pre-activation.

    Parameters
    ----------
    bias : float
        1.0 is usual.

    Examples
    --------
    >>> import numpy as np
    >>> from npstack import LSTMVariantCell
    >>> rng = np.random.default_rng(0)
    >>> cell = LSTMVariantCell(2, 4, ForgetBias(1.0), forget_bias=0.0, rng=rng)
    >>> _, gates = cell.step(cell.params, np.zeros((1, 2)), cell.zero_state(1, float))
    >>> gates.forget.round(3), bool(cell.params["b"].any())
    (array([[0.731, 0.731, 0.731, 0.731]]), False)
    """

    def __init__(self, bias: float = 1.0) -> None:
        self.bias = check_number("ForgetBias", "bias", bias, "1.0 is usual.")

    def gate(self, params: Params, name: str, a: Array, c: Array) -> Array:
        """``a_f + bias``; its slope is one."""
        return a + self.bias if name == "forget" else a
