"""Initialisers: each draws one array from ``rng``.

A packed matrix ``(D, 4H)`` is drawn gate by gate: the packing is a matter of storage, not of
the maths, so every gate gets the same matrix as without packing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from npstack.core.arguments import check_option
from npstack.core.errors import ArgumentError, fail
from npstack.core.numerics import Array

Shape = tuple[int, int]
MOST_UNASKED = 10**8  # numbers that fit into any machine's memory
Initialiser: TypeAlias = (
    "Callable[[np.random.Generator, Shape], Array]"  # numpy.random is slow to load
)


def uniform(rng: np.random.Generator, shape: Shape) -> Array:
    """Uniform on ±1/√n with ``n`` the size of the last axis; PyTorch's choice for recurrent layers.

    Examples
    --------
    >>> bool(abs(uniform(np.random.default_rng(0), (3, 4))).max() <= 0.5)
    True
    """
    bound = 1 / np.sqrt(shape[1])
    return rng.uniform(-bound, bound, shape)


def glorot(rng: np.random.Generator, shape: Shape) -> Array:
    """Uniform on ±√(6 / (rows + columns)) (Glorot & Bengio 2010).

    Examples
    --------
    >>> bool(abs(glorot(np.random.default_rng(0), (2, 4))).max() <= 1)
    True
    """
    bound = np.sqrt(6 / (shape[0] + shape[1]))
    return rng.uniform(-bound, bound, shape)


def orthogonal(rng: np.random.Generator, shape: Shape) -> Array:
    """Orthonormal rows or columns, whichever are fewer, uniformly drawn (Saxe et al. 2014).

    Examples
    --------
    >>> Q = orthogonal(np.random.default_rng(0), (3, 3))
    >>> bool(np.allclose(Q @ Q.T, np.eye(3)))
    True
    """
    rows, columns = shape
    drawn = rng.standard_normal((max(shape), min(shape)))
    if not drawn.any():  # nothing was drawn: the parameters are given afterwards
        return np.zeros(shape)
    q, r = np.linalg.qr(drawn)
    q = q * np.sign(np.diag(r))  # makes the decomposition unique, so the draw is uniform
    return q if rows >= columns else q.T


def zeros(rng: np.random.Generator, shape: Shape) -> Array:
    """Zeros, whatever ``rng`` is.

    Examples
    --------
    >>> zeros(np.random.default_rng(0), (1, 2))
    array([[0., 0.]])
    """
    return np.zeros(shape)


INITIALISERS: dict[str, Initialiser] = {
    "uniform": uniform,
    "glorot": glorot,
    "orthogonal": orthogonal,
    "zeros": zeros,
}


def check_room(where: str, *shapes: tuple[int, ...]) -> None:
    """Check that parameters of these shapes fit into memory, before anything is drawn.

    Examples
    --------
    >>> check_room("LSTM", (10**15, 10**15))
    Traceback (most recent call last):
    npstack.core.errors.ArgumentError: LSTM: parameters must fit into memory, got
    8,000,000,000,000,000,000,000,000,000,000 bytes. Use smaller sizes.
    """
    numbers = sum(map(math.prod, shapes))
    if numbers < MOST_UNASKED:
        return
    try:
        np.empty(2 * numbers)  # drawn, then joined: twice the memory
    except (MemoryError, ValueError, OverflowError):
        expected, got = "parameters must fit into memory", f"{8 * numbers:,} bytes"
        fail(ArgumentError, where, expected, got, "Use smaller sizes.")


def initialiser(where: str, option: str, name: str) -> Initialiser:
    """Look an initialiser up by the name that a user gave."""
    return INITIALISERS[check_option(where, option, name, INITIALISERS)]


def per_gate(
    draw: Initialiser, rng: np.random.Generator, rows: int, hidden_size: int, gates: int
) -> Array:
    """Draw a packed matrix such as ``(rows, 4H)``, one matrix ``(rows, H)`` for each gate.

    Examples
    --------
    >>> per_gate(zeros, np.random.default_rng(0), 3, 2, 4).shape
    (3, 8)
    """
    return np.concatenate([draw(rng, (rows, hidden_size)) for _ in range(gates)], axis=-1)
