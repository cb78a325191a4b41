"""Projection: a cell of H units whose hidden state is P wide (Sak, Senior & Beaufays 2014; §3.5).

::

    m = o * tanh(c)          (B, H)
    h = m R                  (B, P), R (H, P)

The layer above and the next step read ``h``, so ``U`` is ``(P, 4H)``: with P below H, a wide layer
has far fewer parameters. PyTorch calls P ``proj_size`` and R ``weight_hr``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from npstack.cells.parts.base import Axes, Grads, Part
from npstack.core.activations import Range
from npstack.core.arguments import check_positive, check_size
from npstack.core.init import uniform
from npstack.core.numerics import Array, clip, clip_backward
from npstack.core.params import Params


class Projection(Part):
    """The hidden state is a linear map of ``o * tanh(c)``: parameter ``R (H, P)``.

    Parameters
    ----------
    size : int
        P.
    clip : float, optional
        A limit for every number of ``h`` (TensorFlow 1's ``proj_clip``, §4.3).

    Examples
    --------
    >>> from npstack import LSTMVariantCell
    >>> cell = LSTMVariantCell(2, 8, Projection(3), rng=np.random.default_rng(0))
    >>> state, _ = cell.step(cell.params, np.ones((1, 2)), cell.zero_state(1, float))
    >>> state.h.shape, state.c.shape, cell.params["U"].shape
    ((1, 3), (1, 8), (3, 32))
    """

    def __init__(self, size: int, clip: float | None = None) -> None:
        self.size = check_size("Projection", "size", size)
        advice = "None does not clip."
        self.clip = None if clip is None else check_positive("Projection", "clip", clip, advice)

    def params(
        self, gates: tuple[str, ...], hidden_size: int, rng: np.random.Generator
    ) -> tuple[dict[str, Array], dict[str, Axes]]:
        """``R``, uniform."""
        return {"R": uniform(rng, (hidden_size, self.size))}, {"R": ("units", "h")}

    def width(self, hidden_size: int) -> int:
        """P."""
        return self.size

    def ranges(self, ranges: Mapping[str, Range]) -> Mapping[str, Range]:
        """The hidden state is a sum, bounded only by the clip."""
        limit = np.inf if self.clip is None else self.clip
        return {**ranges, "h": (-limit, limit)}

    def hidden(self, params: Params, m: Array) -> Array:
        """``m R``, clipped."""
        h = m @ params["R"]
        return h if self.clip is None else clip(h, self.clip)

    def hidden_backward(self, params: Params, m: Array, h: Array, dh: Array) -> tuple[Array, Grads]:
        """Back through the clip, then through the map."""
        if self.clip is not None:
            dh = clip_backward(h, dh, self.clip)
        return dh @ params["R"].T, {"R": m.T @ dh}
