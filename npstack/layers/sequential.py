"""Sequential: layers that are already built, one after another."""

from __future__ import annotations

from npstack.core.errors import ArgumentError, fail
from npstack.layers.base import Layer
from npstack.layers.boundary import check_layer
from npstack.layers.chain import Chain
from npstack.layers.twins import Engine, check_engine


class Sequential(Chain):
    """Layers in order, bottom first: ``Sequential(stack, Dense(25, 1, rng=rng))``.

    Parameters are named by position: ``0.layers.1.U``, ``1.b``.

    Parameters
    ----------
    *layers : Layer
        At least one; each must accept the output of the one before.
    engine : {"readable", "fused", "wavefront", "auto"}, or Engine, optional
        How they are computed, whatever engine they have themselves; not part of the configuration.

    Raises
    ------
    ShapeError
        Two neighbours do not fit: sizes differ, or a layer that needs a sequence follows one
        that returns only its last step.

    Examples
    --------
    >>> import numpy as np
    >>> from npstack import Dense, LSTM
    >>> rng = np.random.default_rng(0)
    >>> model = Sequential(LSTM(1, 8, return_sequences=False, rng=rng), Dense(8, 1, rng=rng))
    >>> model.forward(np.ones((2, 5, 1))).outputs.shape
    (2, 1)
    """

    of_drawing = Chain.of_drawing | {"engine"}

    def __init__(self, *layers: Layer, engine: Engine | str | None = None) -> None:
        where = type(self).__name__
        if engine is not None:
            self.engine = check_engine(where, engine)
        if not layers:
            fail(ArgumentError, where, "give at least one layer", "none", "Sequential(LSTM(…)).")
        for k, layer in enumerate(layers):
            check_layer(where, f"argument {k}", layer)
        super().__init__({str(k): layer for k, layer in enumerate(layers)})
