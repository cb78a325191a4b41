"""The recurrent cells of Flax: in a tree of parameters, or in a live module of nnx.

A tree of `flax.linen` holds numbers and names, and nothing else: whether a cell reads from the end,
and with which activations, is not in it. A module of `flax.nnx` says both. Trees are read without
importing Flax.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from npstack.core.errors import (
    ArgumentError,
    DataError,
    describe,
    fail,
)
from npstack.core.numerics import Array
from npstack.interop.nnx_cells import cells_of, params_of
from npstack.interop.parts import RecurrentPart, arrays_of_part, parts_of_arrays, the_part

# ---- trees of parameters -------------------------------------------------------------------------


def flatten(tree: Mapping[str, Any]) -> dict[str, Array]:
    """The arrays of a tree of parameters, by names such as ``"encoder/hi/kernel"``.

    Parameters
    ----------
    tree : mapping
        Of `flax.linen`: parameters, or variables with the collection ``params``; or a state of
        `flax.nnx`. bfloat16 becomes float32, which holds the same numbers.

    Examples
    --------
    >>> tree = {"params": {"cell": {"i": {"kernel": np.ones((3, 2))}}}}
    >>> {name: value.shape for name, value in flatten(tree).items()}
    {'cell/i/kernel': (3, 2)}
    """
    where = "flatten"
    if not isinstance(tree, Mapping):
        expected = "tree must be a mapping of names to parameters"
        fail(ArgumentError, where, expected, describe(tree), "Give variables['params'].")
    own = tree["params"] if isinstance(tree.get("params"), Mapping) else tree
    return {name: _array(where, name, leaf) for name, leaf in _leaves(own, "")}


def _leaves(tree: Mapping[Any, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, own in tree.items():
        if isinstance(own, Mapping):
            yield from _leaves(own, f"{prefix}{key}/")
        else:
            yield f"{prefix}{key}", own


def _array(where: str, name: str, leaf: Any) -> Array:
    """A copy of a leaf: an array, a parameter of nnx, a box of linen."""
    value = np.asarray(leaf)
    if value.dtype == object and hasattr(leaf, "value"):
        value = np.asarray(leaf.value)
    if value.dtype.name == "bfloat16":
        value = value.astype(np.float32)
    if value.dtype.kind not in "fiub":
        expected = f"{name} must be an array of numbers"
        fail(DataError, where, expected, describe(value), "Give variables['params'] alone.")
    return np.array(value, order="C")


def to_params(arrays: Mapping[str, Array]) -> dict[str, Any]:
    """The tree whose arrays have these names: the inverse of `flatten`.

    For ``cell.apply({"params": to_params(arrays)}, …)`` of linen, and ``nnx.update(cell, tree)``.

    Examples
    --------
    >>> to_params({"i/kernel": 1, "i/bias": 2, "h/kernel": 3})
    {'i': {'kernel': 1, 'bias': 2}, 'h': {'kernel': 3}}
    """
    tree: dict[str, Any] = {}
    for name, value in arrays.items():
        *path, last = name.split("/")
        own = tree
        for key in path:
            own = own.setdefault(key, {})
        own[last] = value
    return tree


# ---- where the cells are -------------------------------------------------------------------------


def recurrent_parts(model: Any) -> tuple[RecurrentPart, ...]:
    """The recurrent cells in a tree of parameters, or in a module of nnx.

    Parameters
    ----------
    model : mapping or nnx.Module
        As `flatten` takes it; or a live module of `flax.nnx`.

    Returns
    -------
    tuple of RecurrentPart
        A cell each: Flax stores directions and layers as cells of their own. The name is the path,
        ``"encoder/cell"``. Cells that are not npstack's, cells stacked by ``vmap`` or ``scan``, and
        activations without a counterpart are listed with the reason in ``refused``.

    Raises
    ------
    ArgumentError
        It is neither.

    Notes
    -----
    Of a tree, ``attributes`` say that a cell reads from the end if it is below ``backward_rnn``, as
    `Bidirectional` calls it, and nothing about activations, so that `read` reports those that it
    assumes; nor does a tree tell a `SimpleCell` with ``residual=True``. Of a module they are
    complete; a layer with ``reverse=True`` gives its outputs in the order of time here, whether it
    has ``keep_order`` or not.

    Examples
    --------
    >>> tree = {"RNN_0": {"i": {"kernel": np.ones((3, 2))}, "h": {"kernel": np.ones((2, 2))}}}
    >>> print(*recurrent_parts(tree))
    RNN_0: rnn 3 -> 2, flax-linen
    """
    if not isinstance(model, Mapping):
        return tuple(own.part for own in cells_of("recurrent_parts", model))
    return tuple(part for part in parts_of_arrays(flatten(model)) if "flax" in part.layout)


def arrays_of(model: Any, part: RecurrentPart | str) -> dict[str, Array]:
    """The arrays of a cell, by the names of its layout.

    Parameters
    ----------
    model : mapping or nnx.Module
    part : RecurrentPart or str
        One of `recurrent_parts`, or its name.

    Raises
    ------
    ArgumentError, DataError
        There is no such part, or it cannot be brought in.
    """
    where = "arrays_of"
    name = part if isinstance(part, str) else part.name
    if isinstance(model, Mapping):
        chosen = the_part(where, recurrent_parts(model), name)
        named = arrays_of_part(flatten(model), chosen)
        return {key.removeprefix(name).lstrip("/"): value for key, value in named.items()}
    cells = {own.part.name: own for own in cells_of(where, model)}
    the_part(where, tuple(own.part for own in cells.values()), name)
    state = flatten(params_of(cells[name].module))
    return {key.replace("if_/", "if/"): value for key, value in state.items()}
