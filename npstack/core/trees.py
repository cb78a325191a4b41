"""Nested tuples and NamedTuples of arrays: states, noise and other values of a tape.

A tree is an array, None, or a tuple (named or not) of trees. Models are nested, and so are their
states; only these functions traverse them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from npstack.core.numerics import Array


def mapped(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """Apply a function to every array of nested tuples and NamedTuples; None stays None.

    Examples
    --------
    >>> mapped(np.shape, (np.ones(3), (None, np.ones((2, 1)))))
    ((3,), (None, (2, 1)))
    """
    if isinstance(tree, tuple):
        values = [mapped(function, *parts) for parts in zip(tree, *others, strict=True)]
        return type(tree)(*values) if hasattr(tree, "_fields") else tuple(values)
    return None if tree is None else function(tree, *others)


def named(name: str, tree: Any) -> dict[str, Array]:
    """The arrays of nested tuples and NamedTuples, each under its path.

    Examples
    --------
    >>> named("final", (np.ones(1), (None, np.ones(2))))
    {'final[0]': array([1.]), 'final[1][1]': array([1., 1.])}
    """
    if tree is None:
        return {}
    if not isinstance(tree, tuple):
        return {name: np.asarray(tree)}
    fields = getattr(tree, "_fields", None)
    keys = [f".{field}" for field in fields] if fields else [f"[{k}]" for k in range(len(tree))]
    pairs = zip(keys, tree, strict=True)
    return {path: array for key, part in pairs for path, array in named(name + key, part).items()}


def filled(tree: Any, arrays: Iterator[Array]) -> Any:
    """The same tree with other arrays, taken in the order in which `named` lists them.

    Examples
    --------
    >>> filled((np.ones(1), (None, np.ones(2))), iter([np.zeros(1), np.zeros(2)]))
    (array([0.]), (None, array([0., 0.])))
    """
    return mapped(lambda _: next(arrays), tree)


def at_step(tree: Any, t: int) -> Any:
    """Step ``t`` of every array over time: ``(B, T, H)`` to ``(B, H)``; others are for all steps.

    Examples
    --------
    >>> at_step((np.ones((2, 5, 3)), np.ones((2, 3))), 4)[0].shape
    (2, 3)
    """
    return mapped(lambda a: a[:, t] if a.ndim == 3 else a, tree)


def over_time(steps: list[Any]) -> Any:
    """Join a list of NamedTuples of ``(B, H)`` to one of ``(B, T, H)``."""
    return type(steps[0])(*(np.stack(values, axis=1) for values in zip(*steps, strict=True)))


def select(valid: Array, where_valid: Any, elsewhere: Any = None) -> Any:
    """Field by field of a NamedTuple: the first at valid rows, the second (or zeros) elsewhere."""
    if valid.all():
        return where_valid
    elsewhere = map(np.zeros_like, where_valid) if elsewhere is None else elsewhere
    pairs = zip(where_valid, elsewhere, strict=True)
    return type(where_valid)(*(np.where(valid, a, b) for a, b in pairs))
