"""Coupled gates: what is not written is kept (Greff et al. 2017; §3.4).

::

    f = 1 - i            instead of a forget gate of its own
    c = (1 - i) * c' + i * g

A unit then has three packed gates: ``W (D, 3H)``, input, candidate, output. Backward, ``f`` adds
its gradient to that of ``i`` with the sign turned: ``di = dc * (g - c')``.
"""

from __future__ import annotations

from npstack.cells.parts.base import Part


class Coupled(Part):
    """The forget gate is one minus the input gate.

    Examples
    --------
    >>> import numpy as np
    >>> from npstack import LSTMVariantCell
    >>> cell = LSTMVariantCell(2, 4, Coupled(), rng=np.random.default_rng(0))
    >>> cell.params["W"].shape
    (2, 12)
    """

    coupled = True
