"""Functions with gradients that vanish by invariance, and others that are no recurrent layers.

What every row of a softmax has in common does not change it, so the gradient by it is a sum that
cancels: zero but for rounding. A backward returns 1e-17 there, and is right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tests.verify.right_backwards.problem import DTYPES, Problem, Rng


def softmax(a: Any) -> Any:
    """Over the last axis; the largest is found by its real part."""
    e = np.exp(a - a.real.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_backward(dp: Any, p: Any) -> Any:
    """From the derivative by the probabilities to that by the logits."""
    return p * (dp - (dp * p).sum(axis=-1, keepdims=True))


def attention(x: Any, Wq: Any, bq: Any, Wk: Any, bk: Any, Wv: Any) -> Any:
    """One head over (T, D); ``bk`` adds the same to every score of a row."""
    q, k, v = x @ Wq + bq, x @ Wk + bk, x @ Wv
    return softmax(q @ k.T / q.shape[1] ** 0.5) @ v


def attention_backward(d: Any, x: Any, Wq: Any, bq: Any, Wk: Any, bk: Any, Wv: Any) -> Any:
    """Its gradients; that by ``bk`` is zero."""
    q, k, v = x @ Wq + bq, x @ Wk + bk, x @ Wv
    root = q.shape[1] ** 0.5
    p = softmax(q @ k.T / root)
    dv = p.T @ d
    ds = softmax_backward(d @ v.T, p) / root
    dq, dk = ds @ k, ds.T @ q
    return {
        "x": dq @ Wq.T + dk @ Wk.T + dv @ Wv.T,
        "Wq": x.T @ dq,
        "bq": dq.sum(axis=0),
        "Wk": x.T @ dk,
        "bk": dk.sum(axis=0),
        "Wv": x.T @ dv,
    }


def normalised(a: Any, axis: int) -> tuple[Any, Any]:
    """Mean 0 and variance 1 along an axis, and the deviation."""
    away = a - a.mean(axis=axis, keepdims=True)
    deviation = np.sqrt((away * away).mean(axis=axis, keepdims=True) + 1e-5)
    return away / deviation, deviation


def normalised_backward(dn: Any, n: Any, deviation: Any, axis: int) -> Any:
    """From the normalised numbers to those before."""
    mean, slope = dn.mean(axis=axis, keepdims=True), (dn * n).mean(axis=axis, keepdims=True)
    return (dn - mean - n * slope) / deviation


def batch_norm(x: Any, W: Any, b: Any, gain: Any, shift: Any) -> Any:
    """Of an affine map, whose bias is subtracted again."""
    return gain * normalised(x @ W + b, 0)[0] + shift


def batch_norm_backward(d: Any, x: Any, W: Any, b: Any, gain: Any, shift: Any) -> Any:
    """Its gradients; that by ``b`` is zero."""
    n, deviation = normalised(x @ W + b, 0)
    da = normalised_backward(d * gain, n, deviation, 0)
    return {
        "x": da @ W.T,
        "W": x.T @ da,
        "b": da.sum(axis=0),
        "gain": (d * n).sum(axis=0),
        "shift": d.sum(axis=0),
    }


def layer_norm(x: Any, common: Any, gain: Any) -> Any:
    """Of rows, to which the same number is added."""
    return gain * normalised(x + common, 1)[0]


def layer_norm_backward(d: Any, x: Any, common: Any, gain: Any) -> Any:
    """Its gradients; that by ``common`` is zero."""
    n, deviation = normalised(x + common, 1)
    dx = normalised_backward(d * gain, n, deviation, 1)
    return {"x": dx, "common": dx.sum(axis=1, keepdims=True), "gain": (d * n).sum(axis=0)}


def certainty(x: Any) -> Any:
    """The sum of a softmax, which is 1."""
    return softmax(x).sum(axis=-1)


def certainty_backward(d: Any, x: Any) -> Any:
    """Zero."""
    p = softmax(x)
    return {"x": softmax_backward(np.broadcast_to(d[:, np.newaxis], p.shape), p)}


def cross_entropy(x: Any, W: Any, common: Any) -> Any:
    """Of rows that belong to class 0; ``common`` is added to all logits of a row."""
    return -np.log(softmax(x @ W + common)[:, 0])


def cross_entropy_backward(d: Any, x: Any, W: Any, common: Any) -> Any:
    """Its gradients; that by ``common`` is zero."""
    p = softmax(x @ W + common)
    da = d[:, np.newaxis] * (p - (np.arange(p.shape[1]) == 0))
    return {"x": da @ W.T, "W": x.T @ da, "common": da.sum(axis=1, keepdims=True)}


def cosine(x: Any, scale: Any, y: Any) -> Any:
    """Of the angle between rows; a scale does not change it."""
    u = x * scale
    return (u * y).sum(axis=1) / np.sqrt((u * u).sum(axis=1) * (y * y).sum(axis=1))


def cosine_backward(d: Any, x: Any, scale: Any, y: Any) -> Any:
    """Its gradients; that by ``scale`` is zero."""
    u = x * scale
    uu, yy = ((v * v).sum(axis=1, keepdims=True) for v in (u, y))
    both = np.sqrt(uu * yy)
    c = (u * y).sum(axis=1, keepdims=True) / both
    du = d[:, np.newaxis] * (y / both - c * u / uu)
    dy = d[:, np.newaxis] * (u / both - c * y / yy)
    return {"x": du * scale, "scale": (du * x).sum(axis=1, keepdims=True), "y": dy}


def rectified(x: Any, W: Any, V: Any) -> Any:
    """A ReLU between two matrices, branching on the real part."""
    a = x @ W
    return np.where(a.real > 0, a, 0) @ V


def rectified_backward(d: Any, x: Any, W: Any, V: Any) -> Any:
    """Its gradients."""
    a = x @ W
    da = np.where(a > 0, d @ V.T, 0)
    return {"x": da @ W.T, "W": x.T @ da, "V": np.where(a > 0, a, 0).T @ d}


def pooled(x: Any) -> Any:
    """The largest of each row; not complex-safe."""
    return x.max(axis=1)


def pooled_backward(d: Any, x: Any) -> Any:
    """Goes to the largest."""
    return {"x": d[:, np.newaxis] * (x == x.max(axis=1, keepdims=True))}


class Example(NamedTuple):
    """A function, its backward, and the shapes of what it takes."""

    f: Callable[..., Any]
    backward: Callable[..., Any]
    shapes: dict[str, tuple[int, ...]]


def examples(n: int, D: int, K: int) -> dict[str, Example]:
    """All, for n rows, D inputs and K outputs."""
    vectors = {"bq": (K,), "bk": (K,)}
    matrices = {"Wq": (D, K), "Wk": (D, K), "Wv": (D, K)}
    names = ("x", "Wq", "bq", "Wk", "bk", "Wv")
    heads = {name: {"x": (n, D), **vectors, **matrices}[name] for name in names}
    norm = {"x": (n, D), "W": (D, K), "b": (K,), "gain": (K,), "shift": (K,)}
    rows = {"x": (n, D), "common": (n, 1), "gain": (D,)}
    classes = {"x": (n, D), "W": (D, K), "common": (n, 1)}
    return {
        "attention": Example(attention, attention_backward, heads),
        "batch norm": Example(batch_norm, batch_norm_backward, norm),
        "layer norm": Example(layer_norm, layer_norm_backward, rows),
        "sum of a softmax": Example(certainty, certainty_backward, {"x": (n, D)}),
        "cross-entropy": Example(cross_entropy, cross_entropy_backward, classes),
        "cosine": Example(cosine, cosine_backward, {"x": (n, D), "scale": (n, 1), "y": (n, D)}),
        "ReLU": Example(rectified, rectified_backward, {"x": (n, D), "W": (D, K), "V": (K, 2)}),
        "maximum": Example(pooled, pooled_backward, {"x": (n, D)}),
    }


def draw(number: int, rng: Rng) -> Problem:
    """One of them, with an x of size 1e-3 to 1e3."""
    n, D, K = (int(size) for size in rng.integers(2, 6, 3))
    table = examples(n, D, K)
    name = list(table)[number % len(table)]
    dtype = DTYPES[number // len(table) % 2]
    size = 1.0 if rng.random() < 0.5 else float(10.0 ** rng.uniform(-3, 3))
    f, backward, shapes = table[name]
    inputs = {key: rng.standard_normal(shape) for key, shape in shapes.items()}
    inputs["x"] *= size
    inputs = {key: value.astype(dtype) for key, value in inputs.items()}
    route = "difference" if rng.random() < 0.2 else "auto"
    return Problem(
        "invariant",
        name,
        f,
        backward,
        inputs,
        labels={"dtype": dtype, "x": f"{size:.0e}", "rows": str(n)},
        standard=size == 1,
        options={"route": route},
    )
