"""Embedding: a table of vectors, looked up by index.

::

    y[b, t] = W[x[b, t]]

Backward, each ``dy[b, t]`` is added to the row of ``dW`` that was looked up.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from npstack.core.arguments import check_dtype, check_generator, check_size
from npstack.core.arrays import check_noise
from npstack.core.init import check_room, initialiser
from npstack.core.masks import zero_where_masked
from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.core.tape import Tape
from npstack.layers.base import Layer
from npstack.layers.interface import Context, Interface, States


class Embedding(Layer):
    """Integers ``(B, T)`` to vectors ``(B, T, K)``; zeros where masked.

    Parameters
    ----------
    num_symbols : int
        The number of rows of the table; the input holds numbers from 0 to ``num_symbols - 1``.
    output_size : int
        K, the length of each vector.
    init : {"uniform", "glorot", "orthogonal", "zeros"}
    rng : numpy.random.Generator
    dtype : dtype

    Examples
    --------
    >>> embedding = Embedding(10, 3, rng=np.random.default_rng(0))
    >>> tape = embedding.forward(np.array([[1, 2, 2]]))
    >>> embedding.backward(tape, np.ones((1, 3, 3))).params["W"][:4]
    array([[0., 0., 0.],
           [1., 1., 1.],
           [2., 2., 2.],
           [0., 0., 0.]])
    """

    of_drawing = Layer.of_drawing | {"init"}

    def __init__(
        self,
        num_symbols: int,
        output_size: int,
        *,
        rng: np.random.Generator,
        init: str = "uniform",
        dtype: DTypeLike = np.float64,
    ) -> None:
        V = check_size("Embedding", "num_symbols", num_symbols)
        K = check_size("Embedding", "output_size", output_size)
        check_generator("Embedding", rng)
        check_room("Embedding", (V, K))
        dtype = check_dtype("Embedding", dtype)
        W = initialiser("Embedding", "init", init)(rng, (V, K))
        interface = Interface(V, K, needs_time=True, takes_symbols=True)
        super().__init__({"W": W.astype(dtype)}, interface)

    @property
    def parameter_formula(self) -> str:  # type: ignore[override]
        """Formula for the number of parameters."""
        return f"{self.input_size} symbols x K, K={self.output_size}"

    def _forward(self, params: Params, x: Array, context: Context) -> Tape:
        check_noise("Embedding.forward", context.noise, None)
        y = zero_where_masked(params["W"][x], context.mask)
        return Tape(params, x, context.mask, y, None)

    def _backward(
        self, tape: Tape, doutputs: Array, dfinal: States
    ) -> tuple[dict[str, Array], None, States]:
        dW = np.zeros_like(tape.params["W"])
        np.add.at(dW, tape.x, doutputs)  # a symbol that occurs twice gets both gradients
        return {"W": dW}, None, ()
