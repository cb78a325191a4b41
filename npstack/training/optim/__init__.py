"""Optimisers: they return new arrays and never change old ones.

Each is its namesake in PyTorch, with the same defaults:

===========  ==================================================================================
`SGD`        along the gradient, or along a velocity that accumulates gradients
`RMSprop`    each entry relative to the usual size of its gradient
`Adam`       the same, along a running mean of the gradient
`AdamW`      Adam, with every parameter reduced a little, independent of its gradient
===========  ==================================================================================

Weight decay and freezing select parameters by name: patterns in which ``*`` matches anything, as
for files in a shell. ``"*.b"`` are all biases of a stack, ``"0.layers.0.*"`` is all
of its bottom layer.
"""

from npstack.training.optim.base import Optimiser
from npstack.training.optim.clipping import clip_by_global_norm, clip_by_value, global_norm
from npstack.training.optim.rules import SGD, Adam, AdamW, RMSprop, optimiser_from

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "Optimiser",
    "RMSprop",
    "clip_by_global_norm",
    "clip_by_value",
    "global_norm",
    "optimiser_from",
]
