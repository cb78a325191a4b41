"""Sequential: layers that are already built, one feeding the next."""

from __future__ import annotations

from npstack.core.errors import ArgumentError, ShapeError, fail
from npstack.layers.base import Layer
from npstack.layers.boundary import check_layer
from npstack.layers.chain import Chain


class Sequential(Chain):
    """Layers in order, bottom first: ``Sequential(stack, Dense(25, 1, rng=rng))``.

    Parameters are named by position: ``0.layers.1.U``, ``1.b``.

    Parameters
    ----------
    *layers : Layer
        At least one; each must take what the one before hands on.

    Raises
    ------
    ShapeError
        Two neighbours do not fit: sizes differ, or a layer that needs a sequence stands on one
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

    def __init__(self, *layers: Layer) -> None:
        where = type(self).__name__
        if not layers:
            fail(ArgumentError, where, "give at least one layer", "none", "Sequential(LSTM(…)).")
        for k, layer in enumerate(layers):
            check_layer(where, f"argument {k}", layer)
        size: int | None = None
        last_step: str | None = None  # the layer below that …
        sequence: str | None = None
        extra_axis: str | None = None
        for k, layer in enumerate(layers):
            name = f"layer {k} ({type(layer).__name__})"
            own = layer.interface
            if own.takes_symbols and k > 0:
                expected = f"{name} must come first: it takes integers"
                fail(ShapeError, where, expected, f"place {k}", "Nothing else hands integers on.")
            if own.needs_time and last_step:
                fail(
                    ShapeError,
                    where,
                    f"{name} needs a sequence (B, T, D) from below",
                    f"only the last step (B, D) of {last_step}, which has return_sequences=False",
                    "Build the lower layer with return_sequences=True: "
                    "a stacked LSTM feeds each layer's full hidden sequence to the next.",
                )
            if own.takes_vector and sequence:
                expected = f"{name} needs one vector (B, D) from below"
                advice = "Build that layer with return_sequences=False."
                fail(ShapeError, where, expected, f"a sequence, from {sequence}", advice)
            if extra_axis:
                expected = f"{name} needs (B, T, D) or (B, D) from below"
                got = f"an axis of branches more, from {extra_axis}"
                fail(ShapeError, where, expected, got, "Join the branches: merge='concat'.")
            if size is not None and own.input_size not in (None, size):
                got = f"{size} from the layer below"
                advice = f"Build it with input_size={size}."
                fail(ShapeError, where, f"{name} takes D={own.input_size}", got, advice)
            if not own.keeps_time:
                last_step = None if own.makes_time else name
            if not own.keeps_time or own.needs_time:
                sequence = None if last_step else name
            extra_axis = name if own.extra_axis else None
            size = size if own.output_size is None else own.output_size
        super().__init__({str(k): layer for k, layer in enumerate(layers)})
