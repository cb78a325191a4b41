"""Parts that variants add to an LSTM: one idea per file, next to its derivative.

`PARTS` is the order in which several parts act at one place: the sum of a gate first gets its
run-time bias, then its peephole, and is clipped last (§3.2).
"""

from npstack.cells.parts.activations import Activations
from npstack.cells.parts.base import Part
from npstack.cells.parts.clips import CellClip, PreactivationClip
from npstack.cells.parts.coupled import Coupled
from npstack.cells.parts.forget_bias import ForgetBias
from npstack.cells.parts.peepholes import Peepholes
from npstack.cells.parts.projection import Projection

PARTS: tuple[type[Part], ...] = (
    ForgetBias,
    Peepholes,
    PreactivationClip,
    Coupled,
    Activations,
    CellClip,
    Projection,
)

__all__ = [
    "PARTS",
    "Activations",
    "CellClip",
    "Coupled",
    "ForgetBias",
    "Part",
    "Peepholes",
    "PreactivationClip",
    "Projection",
]
