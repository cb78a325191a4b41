"""The equations of docs/specification.md in a few lines of NumPy, and how results are compared.

No branches for speed or for the last digit: this is what the frameworks are held against, one
behaviour at a time, in ``tests/test_specification_*.py``. Gates are packed as §2.1 and §2.2 say.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
Step = Callable[..., tuple[Array, ...]]
B, T, D, H = 3, 5, 3, 4  # of every experiment that does not say otherwise
LENGTHS = np.array([5, 3, 1])
MASK = np.arange(T) < LENGTHS[:, None]


def sigmoid(a: Array) -> Array:
    """§5.1, without care for the tails (§11.1)."""
    return np.asarray(1 / (1 + np.exp(-a)))


def hard_sigmoid(alpha: float, beta: float = 0.5) -> Callable[[Array], Array]:
    """§5.2."""
    return lambda a: np.clip(alpha * a + beta, 0, 1)


class Acts(NamedTuple):
    """The activations of the LSTM, §5.4."""

    input: Any = sigmoid
    forget: Any = sigmoid
    candidate: Any = np.tanh
    output: Any = sigmoid
    cell: Any = np.tanh


STANDARD = Acts()


def draw(seed: int, D: int = D, H: int = H, gates: int = 4, dtype: Any = "f8") -> dict[str, Array]:
    """W, U, b and a second bias: every number different from every other."""
    rng = np.random.default_rng(seed)
    shapes = {"W": (D, gates * H), "U": (H, gates * H), "b": (gates * H,), "b2": (gates * H,)}
    return {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}


def draw_x(seed: int = 0, D: int = D, H: int = H, dtype: Any = "f8") -> tuple[Array, Array, Array]:
    """x (B, T, D) and an initial state h, c (B, H)."""
    rng = np.random.default_rng(1000 + seed)
    return tuple(rng.standard_normal(shape).astype(dtype) for shape in ((B, T, D), (B, H), (B, H)))


def lstm(
    W: Array,
    U: Array,
    b: Array,
    *,
    acts: Acts = STANDARD,
    P: Array | None = None,
    R: Array | None = None,
    coupled: bool = False,
    preactivation: float = np.inf,
    cell: float = np.inf,
    projected: float = np.inf,
) -> Step:
    """One step of an LSTM with any parts, in the order of §3.2; W packs i, f, g, o throughout."""

    def step(x: Array, h: Array, c: Array) -> tuple[Array, Array]:
        a_i, a_f, a_g, a_o = np.split(x @ W + h @ U + b, 4, axis=-1)
        p_i, p_f, p_o = (0, 0, 0) if P is None else np.split(P, 3)
        i = acts.input(np.clip(a_i + p_i * c, -preactivation, preactivation))
        f = acts.forget(np.clip(a_f + p_f * c, -preactivation, preactivation))
        g = acts.candidate(np.clip(a_g, -preactivation, preactivation))
        c = np.clip((1 - i if coupled else f) * c + i * g, -cell, cell)
        o = acts.output(np.clip(a_o + p_o * c, -preactivation, preactivation))
        m = o * acts.cell(c)
        return (m if R is None else np.clip(m @ R, -projected, projected)), c

    return step


def gru(
    W: Array,
    U: Array,
    b: Array,
    b_recurrent: Array | float = 0.0,
    *,
    reset_after: bool = True,
    gate: Any = sigmoid,
    candidate: Any = np.tanh,
) -> Step:
    """§3.7 and §3.8, packed r, z, n."""
    U_n = np.split(U, 3, axis=-1)[2]

    def step(x: Array, h: Array) -> tuple[Array]:
        x_r, x_z, x_n = np.split(x @ W + b, 3, axis=-1)
        h_r, h_z, h_n = np.split(h @ U, 3, axis=-1)
        r, z = gate(x_r + h_r), gate(x_z + h_z)
        n = candidate(x_n + (r * (h_n + b_recurrent) if reset_after else (r * h) @ U_n))
        return (z * h + (1 - z) * n,)

    return step


def rnn(W: Array, U: Array, b: Array, act: Any = np.tanh) -> Step:
    """§3.9."""
    return lambda x, h: (act(x @ W + h @ U + b),)


def over_time(
    step: Step,
    x: Array,
    *state: Array,
    mask: Array | None = None,
    backwards: bool = False,
) -> tuple[Array, tuple[Array, ...]]:
    """Outputs (zero where masked, in the order of time) and the final state: §7 and §8.1."""
    steps = x.shape[1]
    mask = np.ones(x.shape[:2], bool) if mask is None else mask
    outputs: list[Any] = [None] * steps
    for t in reversed(range(steps)) if backwards else range(steps):
        valid = mask[:, t, None]
        proposed = step(np.where(valid, x[:, t], 0), *state)
        state = tuple(np.where(valid, a, b) for a, b in zip(proposed, state, strict=True))
        outputs[t] = np.where(valid, state[0], 0)
    return np.stack(outputs, axis=1), state


def held(outputs: Array, mask: Array, first: Array | float = 0.0) -> Array:
    """Outputs that are repeated at masked steps; ``first`` before the first valid one."""
    last, result = np.broadcast_to(first, outputs[:, 0].shape), []
    for t in range(outputs.shape[1]):
        last = np.where(mask[:, t, None], outputs[:, t], last)
        result.append(last)
    return np.stack(result, axis=1)


def reorder(packed: Array, order: str, wanted: str) -> Array:
    """Blocks of the last axis, named by the letters of ``order``, in the order ``wanted``."""
    blocks = dict(zip(order, np.split(packed, len(order), axis=-1), strict=True))
    return np.concatenate([blocks[letter] for letter in wanted], axis=-1)


def orders_that_fit(outputs: Array, letters: str, plain: Callable[[Any], Array]) -> list[str]:
    """Of all orders of the gates, those under which the plain equations give these outputs.

    ``plain`` gets a function that takes an array as the framework packs it to our order.
    """
    fits = []
    for order in map("".join, permutations(letters)):
        if same(outputs, plain(lambda a, order=order: reorder(a, order, letters))):
            fits.append(order)
    return fits


def error(theirs: Any, ours: Any) -> float:
    """Largest difference, relative to the largest of ours if that is above 1."""
    theirs, ours = np.asarray(theirs), np.asarray(ours)
    assert theirs.shape == ours.shape, (theirs.shape, ours.shape)
    return float(abs(theirs - ours).max() / max(1.0, abs(ours).max()))


def same(theirs: Any, ours: Any) -> bool:
    """Equal to rounding of the coarser dtype; conventions differ by far more (`differ`)."""
    single = np.float32 in (np.asarray(theirs).dtype, np.asarray(ours).dtype)
    return error(theirs, ours) < (2e-6 if single else 1e-13)


def differ(theirs: Any, ours: Any) -> bool:
    """Differ as conventions do, not as roundings do."""
    return error(theirs, ours) > 1e-2
