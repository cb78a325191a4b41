"""The twins by the kind of engine, and which of them ``auto`` is."""

from __future__ import annotations

from npstack.engine.layer_by_layer import Fused
from npstack.engine.wavefront import Wavefront, quicker
from npstack.layers.twins import TWINS

__all__ = ["TWINS"]

TWINS["fused"] = Fused()
TWINS["wavefront"] = Wavefront(lambda shape: True)
TWINS["auto"] = Wavefront(quicker)
