"""Coupled input and forget gates (Greff et al. 2017; §3.4).

::

    f = 1 - i            instead of a separate forget gate
    c = (1 - i) * c' + i * g

A unit then has three packed gates: ``W (D, 3H)``, input, candidate, output. Backward, the
gradient of ``f`` is subtracted from that of ``i``: ``di = dc * (g - c')``.
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
