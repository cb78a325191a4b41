"""The twins by the kind of engine, and which of them ``auto`` is."""

from __future__ import annotations

from npstack.engine.layer_by_layer import Fused
from npstack.engine.wavefront import Wavefront
from npstack.layers.twins import TWINS

__all__ = ["TWINS"]

TWINS["fused"] = TWINS["auto"] = Fused()
TWINS["wavefront"] = Wavefront(lambda shape: True)
