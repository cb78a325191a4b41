"""`truth`: outputs, final states and gradients of a layer with more digits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.core.tape import Gradients
from npstack.core.trees import mapped
from npstack.layers.base import Layer
from npstack.layers.interface import Mask
from npstack.verify.gradients.derivatives import Inputs
from npstack.verify.gradients.layer_function import by_name, layer_function
from npstack.verify.precision.number_types import check_working, number_type
from npstack.verify.precision.reference import (
    Progress,
    Reference,
    as_tuple,
    check_cotangents,
    chosen,
    extended,
    flat,
    joined,
    ticks,
)


@dataclass(frozen=True, eq=False)
class Truth:
    """What a layer would return if it did not round.

    Attributes
    ----------
    outputs : array
    final : state, or tuple of one state per recurrent layer
    gradients : Gradients or None
        ``params``, ``x``, ``initial_states``, as ``layer.backward`` returns them; NaN where an
        entry was not asked for. None without cotangents.
    dtype : dtype
        longdouble, or object for mpmath's numbers.
    eps : float
        Of the numbers that were computed with.
    wider : bool
        Whether this eps is smaller than that of the layer. It is not for float64 on Windows and
        on Apple's ARM: use ``digits=`` there.
    """

    outputs: Array
    final: Any
    gradients: Gradients | None
    dtype: np.dtype[Any]
    eps: float
    wider: bool

    @property
    def arrays(self) -> Inputs:
        """All by name: ``outputs``, ``final.0.h``, ``dW``, ``dx``, ``dinitial.0.c`` …"""
        found = flat({"outputs": self.outputs, "final": self.final})
        grads = self.gradients
        if grads is not None:
            trees = {**grads.params, "x": grads.x, "initial": as_tuple(grads.initial_states)}
            for name, tree in trees.items():
                found |= by_name(f"d{name}", tree)
        return found

    def __repr__(self) -> str:
        wider = "" if self.wider else ", which has no more digits than the layer's own type"
        return f"Truth({', '.join(self.arrays)}; computed with an eps of {self.eps:.2g}{wider})"


def truth(
    layer: Layer,
    x: Array,
    states: Any = None,
    *,
    mask: Mask = None,
    lengths: Any = None,
    resets: Mask = None,
    noise_rng: np.random.Generator | None = None,
    noise: Any = None,
    params: Params | None = None,
    doutputs: Array | None = None,
    dfinal: Any = None,
    digits: int | None = None,
    only: Sequence[str] | None = None,
    entries: int | None = None,
    rng: np.random.Generator | None = None,
    progress: Progress | None = None,
) -> Truth:
    """What a layer computes, with more digits than it works with.

    Outputs and final states come from the forward pass in wider numbers, gradients from the complex
    step through it, entry by entry: one forward pass for each entry. The layer's own backward is
    not used.

    Parameters
    ----------
    layer : Layer
        With parameters of float32, float64 or longdouble.
    x, states, mask, lengths, resets, noise, params
        As for ``layer.forward``.
    noise_rng : numpy.random.Generator, optional
        If given, dropout is on, as for ``layer.forward(rng=)``.
    doutputs, dfinal : array, state or tuple of states, optional
        As for ``layer.backward``: what the gradients begin with. Without both, there are none.
    digits : int, optional
        Compute with this number of decimal digits in mpmath, which must be installed
        (``pip install npstack[precision]``): a thousand times slower. By default, with longdouble.
    only : list of str, optional
        Gradients, or parts of them, to compute: ``["dW", "dU.f", "dx.t=3"]``; all by default.
    entries : int, optional
        Compute a random sample of this many entries per block (a parameter by gate, ``x`` by time
        step, an initial state) instead of all.
    rng : numpy.random.Generator, optional
        Draws the sample; ``default_rng(0)`` if absent.
    progress : callable, optional
        Called as ``progress(done, total)`` after every forward pass of a gradient.

    Returns
    -------
    Truth

    Raises
    ------
    DtypeError
        A layer that cannot compute with complex numbers, or whose outputs are of another type than
        its input.
    MissingPackageError
        ``digits`` without mpmath.

    Examples
    --------
    >>> from npstack import LSTM
    >>> layer = LSTM(2, 3, rng=np.random.default_rng(0))
    >>> x = np.linspace(-1, 1, 8).reshape(1, 4, 2)
    >>> tape = layer.forward(x)
    >>> exact = truth(layer, x, doutputs=np.ones((1, 4, 3)), digits=30)
    >>> float(abs(tape.outputs - exact.outputs).max()) < 1e-15
    True
    >>> found = layer.backward(tape, np.ones((1, 4, 3)))
    >>> float(abs(found.params["U"] - exact.gradients.params["U"]).max()) < 1e-15
    True
    """
    where = "truth"
    own = {"mask": mask, "lengths": lengths, "resets": resets}
    given = {"noise_rng": noise_rng, "noise": noise, "params": params}
    function = layer_function(where, layer, x, states, **own, **given)
    numbers = number_type(where, digits)
    dtype = function.tape.outputs.dtype
    eps = check_working(where, dtype)
    cotangents = check_cotangents(where, function, doutputs, dfinal)
    blocks = chosen(where, function, only, entries, rng) if cotangents else []
    tick = ticks(where, progress, sum(len(places) for _, places in blocks))
    reference = Reference(function, cotangents, numbers)
    inputs, weights = reference.wide(function.inputs), reference.wide(reference.weights)
    with extended(where):
        values = reference.values(inputs)
        reference.try_complex(inputs)
        slopes = reference.slopes(inputs, weights, joined(blocks), tick)
    places = joined(blocks)
    gradients = {}
    for name, value in function.inputs.items():
        if value.dtype.kind == "f":
            whole = numbers.collected([np.nan] * value.size)
            if name in slopes:
                whole[places[name]] = slopes[name]
            gradients[name] = numbers.kept(whole.reshape(value.shape))
    return Truth(
        numbers.kept(values["outputs"]),
        mapped(numbers.kept, values["final"]),
        function.packed(gradients) if cotangents else None,
        numbers.dtype,
        numbers.eps,
        numbers.eps < eps,
    )
