"""Gradients that are very small, vanish, differ in size, or come with a small unsafe term."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.verify.right_backwards.problem import DTYPES, Problem, Rng


def problem(name: str, f: Any, backward: Any, inputs: Any, dtype: str, **kind: Any) -> Problem:
    """A problem of this family."""
    blocks = kind.pop("blocks", None)
    labels = {"dtype": dtype, **{name: f"{value:.0e}" for name, value in kind.items()}}
    return Problem("extremes", name, f, backward, inputs, blocks, labels)


def decaying(rng: Rng) -> Problem:
    """A linear recurrence that forgets: the gradient by its first step is 1e-86 and less."""
    T, dtype = int(rng.choice([20, 60, 100, 300])), str(rng.choice(DTYPES))
    rate = float(rng.choice([0.5, 0.1, 0.01]))

    def f(x: Any) -> Any:
        h = 0 * x[0]
        for row in x:
            h = np.tanh(rate * h + row)
        return h

    def backward(d: Any, x: Any) -> Any:
        states = [0 * x[0]]
        for row in x:
            states.append(np.tanh(rate * states[-1] + row))
        dx = np.zeros_like(x)
        for t in reversed(range(len(x))):
            dx[t] = d * (1 - states[t + 1] ** 2)
            d = rate * dx[t]
        return {"x": dx}

    x = (0.5 * rng.standard_normal((T, 3))).astype(dtype)
    blocks = {"x": {"first": np.s_[:1], "last": np.s_[-1:]}}
    return problem("decaying", f, backward, {"x": x}, dtype, blocks=blocks, T=T, rate=rate)


def penalised(rng: Rng) -> Problem:
    """A small absolute value beside a large analytic term, in front of which complex numbers stop."""
    weight = float(10.0 ** rng.uniform(-10, -1))
    unsafe: Callable[..., Any]
    slope: Callable[..., Any]
    name, unsafe, slope = [
        ("absolute value", lambda W: np.abs(W).sum(), np.sign),
        ("real part", lambda W: (W.real**2).sum(), lambda W: 2 * W),
        ("conjugate", lambda W: (np.conj(W) * W).sum(), lambda W: 2 * W),
        ("norm", lambda W: np.linalg.norm(W), lambda W: W / np.linalg.norm(W)),
    ][rng.integers(4)]

    def f(x: Any, W: Any) -> Any:
        return (np.tanh(x @ W) ** 2).sum() + weight * unsafe(W)

    def backward(d: Any, x: Any, W: Any) -> Any:
        y = np.tanh(x @ W)
        da = d * 2 * y * (1 - y**2)
        return {"x": da @ W.T, "W": x.T @ da + d * weight * slope(W)}

    inputs = {"x": rng.standard_normal((4, 3)), "W": rng.standard_normal((3, 2))}
    return problem(f"small {name}", f, backward, inputs, "float64", weight=weight)


def unequal(rng: Rng) -> Problem:
    """Two outputs of very different sizes, safe or not."""
    size = float(10.0 ** rng.integers(2, 11))
    safe = bool(rng.random() < 0.5)
    g, slope = (np.sin, np.cos) if safe else (np.abs, np.sign)

    def f(a: Any, b: Any) -> Any:
        return size * g(a), g(b) / size

    def backward(d: Any, a: Any, b: Any) -> Any:
        return {"a": d[0] * size * slope(a), "b": d[1] / size * slope(b)}

    inputs = {name: rng.standard_normal(4) for name in "ab"}
    kind = "safe" if safe else "unsafe"
    return problem(f"unequal outputs, {kind}", f, backward, inputs, "float64", size=size)


def scaled(rng: Rng) -> Problem:
    """A layer whose inputs, weights or outputs are tiny or huge; in a buffer half of the time."""
    dtype = str(rng.choice(DTYPES))
    low, high = (-300, 60) if dtype == "float64" else (-40, 15)
    of_x, of_y = (float(10.0 ** rng.uniform(low, high)) for _ in "xy")
    which = str(rng.choice(["x", "y", "xy"]))
    of_x, of_y = (of_x if "x" in which else 1.0), (of_y if "y" in which else 1.0)
    buffer = bool(rng.random() < 0.5)

    def f(x: Any, W: Any) -> Any:
        a = x @ W
        y = np.zeros(a.shape) if buffer else np.zeros(a.shape, a.dtype)
        y[...] = a / (1 + a * a / of_x**2 if of_x > 1e-150 else 1)
        return y * of_y

    def backward(d: Any, x: Any, W: Any) -> Any:
        a = x @ W
        s = a / of_x
        slope = (1 - s * s) / (1 + s * s) ** 2 if of_x > 1e-150 else 1
        da = d * of_y * slope
        return {"x": da @ W.T, "W": x.T @ da}

    x = (rng.standard_normal((4, 3)) * of_x).astype(dtype)
    W = rng.standard_normal((3, 2)).astype(dtype)
    name = f"scaled {which}, {'buffer' if buffer else 'safe'}"
    return problem(name, f, backward, {"x": x, "W": W}, dtype, x=of_x, y=of_y)


def flat(rng: Rng) -> Problem:
    """Powers at and near zero, where the slope is zero or next to it."""
    power = int(rng.integers(2, 5))
    x = rng.standard_normal(5) * 10.0 ** rng.integers(-60, 1)
    x[0] = 0.0

    def f(x: Any) -> Any:
        return x**power + 0.0

    def backward(d: Any, x: Any) -> Any:
        return {"x": d * power * x ** (power - 1)}

    return problem(f"power {power} at 0", f, backward, {"x": x}, "float64", x=abs(x[1]))


KINDS = (decaying, penalised, unequal, scaled, flat)


def draw(number: int, rng: Rng) -> Problem:
    """One kind after the other."""
    return KINDS[number % len(KINDS)](rng)
