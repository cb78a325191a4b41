"""Dense: the same affine map and activation at every step, or on a single vector.

::

    a = x W + b
    y = activation(a)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from npstack.core.activations import Activation, check_activation
from npstack.core.arguments import check_dtype, check_generator, check_size
from npstack.core.arrays import check_noise
from npstack.core.init import check_room, initialiser
from npstack.core.masks import zero_where_masked
from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.core.tape import Tape
from npstack.layers.base import Layer
from npstack.layers.interface import Context, Interface, States


def _pre_activation(params: Params, x: Array) -> Array:
    # One product per step, not one for all: the bits of a step must not depend on the number of
    # steps (a BLAS may sum in another order for another number of rows, and NumPy uses other
    # code if rows are not contiguous in memory).
    by_step = np.ascontiguousarray(x.swapaxes(0, -2))
    a: Array = (by_step @ params["W"]).swapaxes(0, -2) + params["b"]
    return a


class Dense(Layer):
    """A dense layer, on every step ``(B, T, D) -> (B, T, K)`` or on the last ``(B, D) -> (B, K)``.

    Parameters
    ----------
    input_size, output_size : int
        D and K.
    activation : str or Activation
        A name in the table of `npstack.core.activations`, or an `Activation` with its parameters.
    kernel_init, bias_init : {"glorot", "orthogonal", "uniform", "zeros"}
    rng : numpy.random.Generator
    dtype : dtype

    Examples
    --------
    >>> dense = Dense(4, 1, rng=np.random.default_rng(0))
    >>> dense.forward(np.ones((2, 5, 4))).outputs.shape
    (2, 5, 1)
    >>> dense.forward(np.ones((2, 4))).outputs.shape
    (2, 1)
    """

    def __init__(
        self,
        input_size: int,
        output_size: int,
        *,
        rng: np.random.Generator,
        activation: str | Activation = "linear",
        kernel_init: str = "glorot",
        bias_init: str = "zeros",
        dtype: DTypeLike = np.float64,
    ) -> None:
        D = check_size("Dense", "input_size", input_size)
        K = check_size("Dense", "output_size", output_size)
        check_generator("Dense", rng)
        check_room("Dense", (D + 1, K))
        dtype = check_dtype("Dense", dtype)
        self.activation = check_activation("Dense", "activation", activation)
        kernel = initialiser("Dense", "kernel_init", kernel_init)
        bias = initialiser("Dense", "bias_init", bias_init)
        W, b = kernel(rng, (D, K)), bias(rng, (1, K))[0]
        super().__init__({"W": W.astype(dtype), "b": b.astype(dtype)}, Interface(D, K))

    @property
    def parameter_formula(self) -> str:  # type: ignore[override]
        """Formula for the number of parameters."""
        return f"(D + 1)K, D={self.input_size}, K={self.output_size}"

    def _forward(self, params: Params, x: Array, context: Context) -> Tape:
        check_noise("Dense.forward", context.noise, None)
        y = self.activation.function(_pre_activation(params, x))
        y = zero_where_masked(y, context.mask)
        return Tape(params, x, context.mask, y, None)

    def _backward(
        self, tape: Tape, doutputs: Array, dfinal: States
    ) -> tuple[dict[str, Array], Array, States]:
        # Some derivatives cannot be computed accurately from the outputs. The tape does not keep a,
        # because one line computes it.
        known = self.activation.slope_from_output
        a = None if known else _pre_activation(tape.params, tape.x)
        da = doutputs * self.activation.derivative(a, tape.outputs)
        rows, drows = tape.x.reshape(-1, tape.x.shape[-1]), da.reshape(-1, da.shape[-1])
        dparams = {"W": rows.T @ drows, "b": drows.sum(axis=0)}
        return dparams, da @ tape.params["W"].T, ()
