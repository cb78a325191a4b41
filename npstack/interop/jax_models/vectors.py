"""The flat vector of weights of ``jax.experimental.rnn``, cut into arrays and joined again."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np

from npstack.core.arguments import check_flag, check_size
from npstack.core.errors import DtypeError, ShapeError, fail
from npstack.core.numerics import Array
from npstack.interop.known_layouts import LAYOUTS


def split_vector(
    weights: Any,
    input_size: int,
    hidden_size: int,
    *,
    layers: int = 1,
    bidirectional: bool = False,
) -> dict[str, Array]:
    """The flat weights of ``jax.experimental.rnn.lstm`` as arrays of the layout ``"jax"``.

    Parameters
    ----------
    weights : array (n,)
        All kernels, layer by layer and direction by direction, then all biases.
    input_size, hidden_size, layers : int
    bidirectional : bool

    Returns
    -------
    dict of array
        Copies, by the names of PyTorch.

    Raises
    ------
    ShapeError, DtypeError
        The vector does not have the length of such a network.

    Examples
    --------
    >>> arrays = split_vector(np.arange(56.0), 3, 2)
    >>> {name: value.shape for name, value in arrays.items()}  # doctest: +NORMALIZE_WHITESPACE
    {'weight_ih_l0': (8, 3), 'weight_hh_l0': (8, 2), 'bias_ih_l0': (8,), 'bias_hh_l0': (8,)}
    >>> bool((join_vector(arrays) == np.arange(56.0)).all())
    True
    """
    where = "split_vector"
    D = check_size(where, "input_size", input_size)
    H = check_size(where, "hidden_size", hidden_size)
    ways = 2 if check_flag(where, "bidirectional", bidirectional) else 1
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, way in product(range(check_size(where, "layers", layers)), range(ways)):
        rows = D if layer == 0 else ways * H
        own = [(4 * H, rows), (4 * H, H), (4 * H,), (4 * H,)]
        shapes |= dict(zip(_names(layer, way, ways), own, strict=True))
    vector = np.asarray(weights)
    if vector.dtype.kind != "f":
        advice = "Convert it: weights.astype(numpy.float32)."
        fail(DtypeError, where, "weights must be floating-point numbers", vector.dtype, advice)
    ends = np.cumsum([0, *(np.prod(shapes[name]) for name in _ordered(shapes))])
    if vector.shape != (ends[-1],):
        expected = f"weights must be ({ends[-1]},) for these sizes"
        fail(ShapeError, where, expected, vector.shape, "Are sizes, layers and directions right?")
    cut = {
        name: vector[start:end].reshape(shapes[name])
        for name, start, end in zip(_ordered(shapes), ends[:-1], ends[1:], strict=True)
    }
    return {name: cut[name].copy() for name in shapes}


def join_vector(arrays: Mapping[str, Array]) -> Array:
    """The flat weights for ``jax.experimental.rnn.lstm``: the inverse of `split_vector`.

    Parameters
    ----------
    arrays : dict of array
        As ``write(layer, "jax")`` returns them.
    """
    return np.concatenate([np.ravel(arrays[name]) for name in _ordered(arrays)])


def _names(layer: int, way: int, ways: int) -> list[str]:
    column = LAYOUTS["jax"].lstm
    assert column is not None
    return [name for name, _ in column.named(layer, way, ways)]


def _ordered(arrays: Mapping[str, Any]) -> list[str]:
    """Names in the order of the vector: all kernels before all biases."""
    return sorted(arrays, key=lambda name: name.startswith("bias"))
