"""Flat dictionaries of named arrays, and the order of the gates.

A model's parameters are one flat dictionary with dotted names (``0.layers.1.U``). Gradients,
optimiser state and files use the same keys, so a tool for one works for all.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from npstack.core.numerics import Array

Params = Mapping[str, Array]


class LSTMGates(NamedTuple):
    """The four gates of an LSTM by name, each ``(B, H)``, or ``(B, T, H)`` on a tape.

    The order of these fields *is* the order in which the gates are packed in the last axis of
    ``W``, ``U`` and ``b``: i, f, g, o. PyTorch and Keras share it; ONNX (i, o, f, g) and
    TensorFlow 1 (i, g, f, o) do not. The order is defined nowhere else in the package.
    """

    input: Array
    forget: Array
    candidate: Array
    output: Array


# The letters of equations (1) to (4), for tables and pictures.
GATE_LETTERS = dict(zip(LSTMGates._fields, "ifgo", strict=True))


def split_gates(packed: Array, kind: Any = LSTMGates) -> Any:
    """Split the last axis ``(…, 4H)`` into the gates that a NamedTuple lists, each ``(…, H)``.

    Examples
    --------
    >>> split_gates(np.arange(8.0)).forget
    array([2., 3.])
    """
    return kind(*np.split(packed, len(kind._fields), axis=-1))


def join_gates(gates: Any) -> Array:
    """Pack gates ``(…, H)`` into one array ``(…, 4H)``, the inverse of `split_gates`."""
    return np.concatenate(gates, axis=-1)


def with_prefix(prefix: str, params: Params) -> dict[str, Array]:
    """Put ``prefix.`` before every name; an empty prefix changes nothing.

    Examples
    --------
    >>> with_prefix("0", {"b": np.zeros(2)})
    {'0.b': array([0., 0.])}
    """
    start = f"{prefix}." if prefix else ""
    return {f"{start}{name}": value for name, value in params.items()}


def without_prefix(prefix: str, params: Params) -> dict[str, Array]:
    """Keep the names that begin with ``prefix.``, without it; an empty prefix keeps all names.

    Examples
    --------
    >>> without_prefix("1", {"0.b": np.zeros(2), "1.b": np.ones(2)})
    {'b': array([1., 1.])}
    """
    return {name: params[full] for name, full in _inside(prefix, tuple(params))}


@lru_cache(maxsize=4096)
def _inside(prefix: str, names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """The names that begin with ``prefix.``, without it and with it."""
    start = f"{prefix}." if prefix else ""
    return tuple((name.removeprefix(start), name) for name in names if name.startswith(start))


def dtype_of(params: Params) -> np.dtype[Any] | None:
    """The dtype of the parameters; None if there are none."""
    return next((value.dtype for value in params.values()), None)


def count(params: Params) -> int:
    """The number of values in the parameters.

    Examples
    --------
    >>> count({"W": np.zeros((3, 4)), "b": np.zeros(4)})
    16
    """
    return sum(value.size for value in params.values())


def shown_path(name: str) -> str:
    """The name of a child as errors and tables show it, before the name of what is in it.

    Examples
    --------
    >>> shown_path("layers.0"), shown_path("forward"), shown_path("")
    ('0.', 'forward.', '')
    """
    return f"{name.removeprefix('layers.')}." if name else ""
