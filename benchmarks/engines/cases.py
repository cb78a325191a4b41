"""What is computed: a stack of LSTM layers of given sizes, its inputs, and what is right.

Parameters, inputs and the gradients by the outputs are drawn from a seed, so that every process
draws the same ones. A result is a dictionary of arrays: ``outputs``, and when it trains ``dx``
and, for layer l, ``dWl``, ``dUl``, ``dbl``; all in npstack's layout.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Answer = dict[str, Array]
DTYPES, MODES = ("float32", "float64"), ("forward", "train")
LIMITS = {"float32": 1e-5, "float64": 1e-12}  # of the error of a result, in norms


class Case(NamedTuple):
    """The sizes of a problem, in npstack's letters."""

    T: int
    B: int
    D: int
    H: int
    L: int

    def __str__(self) -> str:
        return ", ".join(f"{letter}={size}" for letter, size in self._asdict().items())


CASES = {
    "A": Case(50, 32, 64, 128, 2),
    "C": Case(200, 16, 32, 64, 4),
    "E": Case(100, 64, 64, 256, 3),
    "D": Case(100, 1, 32, 64, 2),
    "F": Case(200, 1, 16, 32, 8),
}


class Weights(NamedTuple):
    """The parameters of one layer: x @ W + h @ U + b; the gates are i, f, g, o."""

    W: Array
    U: Array
    b: Array


class Problem(NamedTuple):
    """Everything that is given.

    Attributes
    ----------
    case : Case
    dtype : str
    weights : list of Weights
        From the bottom layer to the top.
    x : array (B, T, D)
    doutputs : array (B, T, H), or (B, H) if only the last step counts
    """

    case: Case
    dtype: str
    weights: list[Weights]
    x: Array
    doutputs: Array

    @property
    def last(self) -> bool:
        """Whether only the last step of the top layer is asked for."""
        return self.doutputs.ndim == 2

    def astype(self, dtype: str) -> Problem:
        """The same numbers in another dtype."""
        weights = [Weights(*(a.astype(dtype) for a in layer)) for layer in self.weights]
        x, doutputs = self.x.astype(dtype), self.doutputs.astype(dtype)
        return Problem(self.case, dtype, weights, x, doutputs)


def draw(case: Case, dtype: str, *, last: bool = False, seed: int = 0) -> Problem:
    """Standard normal inputs, weights uniform in ±1/√H."""
    T, B, D, H, L = case
    rng = np.random.default_rng(seed)
    kind: Any = np.dtype(dtype)

    def uniform(*shape: int) -> Array:
        found: Array = (2 * rng.random(shape, kind) - 1) * kind.type(H**-0.5)
        return found

    weights = [
        Weights(uniform(H if layer else D, 4 * H), uniform(H, 4 * H), uniform(4 * H))
        for layer in range(L)
    ]
    x = rng.standard_normal((B, T, D), kind)
    doutputs = rng.standard_normal((B, H) if last else (B, T, H), kind)
    return Problem(case, dtype, weights, x, doutputs)


def error(found: Array, right: Array) -> float:
    """Norm of the difference over the norm of what is right; infinite if no number."""
    if np.shape(found) != np.shape(right):
        return float("inf")
    wrong = float(np.linalg.norm(np.asarray(found, np.float64) - right))
    size = float(np.linalg.norm(right))
    off = wrong / size if size else wrong
    return off if np.isfinite(off) else float("inf")


def worst(found: Mapping[str, Array], right: Mapping[str, Array]) -> tuple[float, str]:
    """The largest error of all results, and the name of that result; a missing one is infinite."""
    if found.keys() != right.keys():
        return float("inf"), ", ".join(sorted(found.keys() ^ right.keys()))
    return max((error(found[name], right[name]), name) for name in right)


def by_layer(gradients: Callable[[int], tuple[Array, ...]], count: int) -> Answer:
    """The gradients of all layers by name."""
    found: Answer = {}
    for layer in range(count):
        found |= {f"d{n}{layer}": a for n, a in zip("WUb", gradients(layer), strict=True)}
    return found
