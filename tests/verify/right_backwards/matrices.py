"""Functions of a matrix, some nearly singular: by LAPACK, and by elimination in any number type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tests.verify.right_backwards.problem import Problem, Rng

Function = Callable[..., Any]


def eliminated(x: Any) -> tuple[Any, Any]:
    """Inverse and determinant of a matrix, by Gauss and Jordan with the largest pivot."""
    n = len(x)
    a, determinant = np.hstack([x, np.eye(n, dtype=x.dtype)]), 1.0
    for k in range(n):
        pivot = k + int(np.argmax(np.abs(a[k:, k].real)))
        if pivot != k:
            a[[k, pivot]] = a[[pivot, k]]
            determinant = -determinant
        determinant = determinant * a[k, k]
        a[k] = a[k] / a[k, k]
        for i in range(n):
            if i != k:
                a[i] = a[i] - a[i, k] * a[k]
    return a[:, n:], determinant


def lower(x: Any) -> Any:
    """The Cholesky factor, row by row."""
    L = np.zeros_like(x)
    for i in range(len(x)):
        for j in range(i + 1):
            rest = x[i, j] - (L[i, :j] * L[j, :j]).sum()
            L[i, j] = np.sqrt(rest) if i == j else rest / L[j, j]
    return L


def inverse_of(x: Any) -> Any:
    """By elimination."""
    return eliminated(x)[0]


def of_inverse(inverse: Function) -> Function:
    """The backward of the inverse."""

    def backward(d: Any, x: Any) -> Any:
        y = inverse(x)
        return {"x": -y.T @ d @ y.T}

    return backward


def of_determinant(inverse: Function) -> Function:
    """The backward of the logarithm of a determinant's size."""
    return lambda d, x: {"x": d * inverse(x).T}


def of_factor(factor: Function, inverse: Function) -> Function:
    """The backward of the lower factor of ``x x' + I``."""

    def backward(d: Any, x: Any) -> Any:
        L = factor(shifted(x))
        middle = np.tril(L.T @ np.tril(d))
        middle = middle - np.diag(np.diag(middle)) / 2
        ds = inverse(L).T @ middle @ inverse(L)
        return {"x": (ds + ds.T) @ x}

    return backward


def shifted(x: Any) -> Any:
    """``x x' + I``, which has a Cholesky factor."""
    return x @ x.T + np.eye(len(x))


def length(x: Any) -> Any:
    """Of every row."""
    return np.sqrt((x * x).sum(axis=1))


def of_length(d: Any, x: Any) -> Any:
    """Its backward."""
    return {"x": d[:, np.newaxis] * x / length(x)[:, np.newaxis]}


class Example(NamedTuple):
    """A function by LAPACK with its backward, and both by elimination, which is complex-safe."""

    f: Function
    backward: Function
    safe: tuple[Function, Function]


EXAMPLES = {
    "inverse": Example(
        lambda x: np.linalg.inv(x),
        of_inverse(np.linalg.inv),
        (inverse_of, of_inverse(inverse_of)),
    ),
    "log of the determinant": Example(
        lambda x: np.linalg.slogdet(x)[1],
        of_determinant(np.linalg.inv),
        (lambda x: np.log(eliminated(x)[1] ** 2) / 2, of_determinant(inverse_of)),
    ),
    "Cholesky": Example(
        lambda x: np.linalg.cholesky(shifted(x)),
        of_factor(np.linalg.cholesky, np.linalg.inv),
        (lambda x: lower(shifted(x)), of_factor(lower, inverse_of)),
    ),
    "length": Example(lambda x: np.linalg.norm(x, axis=1), of_length, (length, of_length)),
}


def draw(number: int, rng: Rng) -> Problem:
    """A matrix whose smallest singular value is 1e-6 to 1."""
    name = str(rng.choice(list(EXAMPLES)))
    f, backward, safe = EXAMPLES[name]
    u, s, v = np.linalg.svd(rng.standard_normal((4, 4)))
    least = float(10.0 ** rng.uniform(-6, 0))
    x = u @ np.diag([*s[:3], least]) @ v
    labels = {"dtype": "float64", "singular": f"{least:.0e}"}
    return Problem("edges", name, f, backward, {"x": x}, labels=labels, safe_form=safe)
