"""Courses that keep samples in columns, ``x (n_x, m)``, with a matrix for each gate on ``[a, x]``.

::

    lstm_cell_forward(xt, a_prev, c_prev, parameters) -> a_next, c_next, yt, cache
    lstm_cell_backward(da_next, dc_next, cache) -> {"dxt", "da_prev", "dc_prev", "dWf", "dbf", …}
    lstm_forward(x, a0, parameters) -> a, y, c, caches                      x (n_x, m, T)
    lstm_backward(da, caches) -> {"dx", "da0", "dWf", "dbf", …}

The parameters of an LSTM are ``Wf (n_a, n_a + n_x)``, ``bf (n_a, 1)`` and so on for i, c, o; those
of a plain network ``Waa``, ``Wax``, ``ba``. Each function is turned into one with samples in rows.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from npstack.core.errors import CodeError, fail, kind_of
from npstack.core.numerics import Array
from npstack.verify.other_code.calls import OF_CACHE

GATES = "ifco"  # npstack's order, in the letters of the course
OUTPUTS = 2  # of the prediction, which is not used


def in_rows(forward: Any, backward: Any, kind: str, sequence: bool) -> tuple[Any, Any]:
    """Both functions, with samples in rows and packed parameters."""
    states = ("h", "c") if kind == "lstm" and not sequence else ("h",)

    def rows_forward(*given: Array) -> tuple[Any, ...]:
        x, *before = given[: 1 + len(states)]
        parameters = unpacked(kind, *given[1 + len(states) :])
        found = forward(columns(x), *map(columns, before), parameters)
        results = list(found) if isinstance(found, tuple | list) else [found]
        if len(results) <= len(states):
            expected = "it must return a_next, …, cache"
            fail(CodeError, name_of(forward), expected, f"{len(results)} of them", OF_CACHE)
        return *map(rows, results[: len(states)]), results[-1]

    def rows_backward(*given: Any) -> dict[str, Any]:
        *cotangents, cache = given
        found = backward(*map(columns, cotangents), cache)
        if not isinstance(found, Mapping):
            advice = "Return the dictionary gradients."
            expected = "it must return gradients by name"
            fail(CodeError, name_of(backward), expected, kind_of(found), advice)
        return packed(name_of(backward), kind, found)

    zero = "0" if sequence else ""
    names = ["x", *(f"{name}{zero}" for name in states), "Wx", "Wh", "b"]
    back = ["dhs" if sequence else "dh", *(["dc"] if len(states) > 1 else []), "cache"]
    return told_as(rows_forward, forward, names), told_as(rows_backward, backward, back)


def told_as(function: Callable[..., Any], own: Any, names: list[str]) -> Any:
    """The function under the name of the one that it calls, so that messages lead there."""
    parameter = inspect.Parameter
    signed: Any = function
    signed.__wrapped__, signed.__name__ = own, name_of(own)
    signed.__signature__ = inspect.Signature(
        [parameter(name, parameter.POSITIONAL_OR_KEYWORD) for name in names]
    )
    return signed


def name_of(function: Any) -> str:
    """The name of a function."""
    return str(getattr(function, "__name__", "your function"))


def columns(value: Array) -> Array:
    """``(B, D)`` to ``(D, B)``, ``(B, T, D)`` to ``(D, B, T)``."""
    return np.ascontiguousarray(np.moveaxis(value, -1, 0))


def rows(value: Any) -> Any:
    """The inverse of `columns`."""
    return np.moveaxis(value, 0, -1) if isinstance(value, np.ndarray) and value.ndim else value


def unpacked(kind: str, W: Array, U: Array, b: Array) -> dict[str, Array]:
    """npstack's parameters as the dictionary of the course.

    Examples
    --------
    >>> made = unpacked("lstm", np.zeros((3, 8)), np.zeros((2, 8)), np.zeros(8))
    >>> made["Wf"].shape, made["bf"].shape
    ((2, 5), (2, 1))
    """
    H = len(U)
    prediction = np.zeros((OUTPUTS, H), W.dtype), np.zeros((OUTPUTS, 1), W.dtype)
    if kind == "rnn":
        made = {"Wax": W.T.copy(), "Waa": U.T.copy(), "ba": b[:, np.newaxis].copy()}
        return {**made, **dict(zip(("Wya", "by"), prediction, strict=True))}
    made = dict(zip(("Wy", "by"), prediction, strict=True))
    for k, gate in enumerate(GATES):
        at = slice(k * H, (k + 1) * H)
        made[f"W{gate}"] = np.concatenate([U[:, at].T, W[:, at].T], axis=1)
        made[f"b{gate}"] = b[at, np.newaxis].copy()
    return made


def packed(where: str, kind: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """Gradients by the names of the course, as gradients by npstack's names."""
    own = {"x": ("dxt", "dx"), "h": ("da_prev", "da0"), "c": ("dc_prev",)}
    made: dict[str, Any] = {}
    for name, keys in own.items():
        made |= {f"d{name}": rows(found[key]) for key in keys if key in found}
    if kind == "rnn":
        turned = {"dW": "dWax", "dU": "dWaa"}
        made |= {name: rows(found[key]) for name, key in turned.items() if key in found}
        return made | ({"db": np.ravel(found["dba"])} if "dba" in found else {})
    wanted = [f"d{array}{gate}" for array in "Wb" for gate in GATES]
    lost = [key for key in wanted if key not in found]
    if lost:
        expected = f"it must return {', '.join(wanted)}"
        fail(CodeError, where, expected, f"none of the names {', '.join(lost)}", "Name them so.")
    matrices = [np.asarray(found[f"dW{gate}"]) for gate in GATES]
    H = len(matrices[0])
    made["dU"] = np.concatenate([value[:, :H].T for value in matrices], axis=-1)
    made["dW"] = np.concatenate([value[:, H:].T for value in matrices], axis=-1)
    made["db"] = np.concatenate([np.ravel(found[f"db{gate}"]) for gate in GATES])
    return made
