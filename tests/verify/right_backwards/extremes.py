"""Gradients that are very small, vanish, differ in size, or come with a small unsafe term."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tests.verify.right_backwards.problem import DTYPES, Problem, Rng


def problem(
    name: str, f: Any, backward: Any, inputs: Any, dtype: str, safe: Any = None, **kind: Any
) -> Problem:
    """A problem of this family."""
    blocks = kind.pop("blocks", None)
    labels = {"dtype": dtype, **{key: f"{value:.0e}" for key, value in kind.items()}}
    return Problem("extremes", name, f, backward, inputs, blocks, labels, safe_form=safe)


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


def size_of(x: Any) -> Any:
    """The absolute value, as an analytic function away from zero."""
    return x * np.sign(x.real)


class Unsafe(NamedTuple):
    """A function that complex numbers mislead, its slope, and a form that they do not mislead."""

    f: Callable[..., Any]
    slope: Callable[..., Any]
    safe: Callable[..., Any]


UNSAFE = {
    "absolute value": Unsafe(lambda W: np.abs(W).sum(), np.sign, lambda W: size_of(W).sum()),
    "real part": Unsafe(lambda W: (W.real**2).sum(), lambda W: 2 * W, lambda W: (W * W).sum()),
    "conjugate": Unsafe(lambda W: (np.conj(W) * W).sum(), lambda W: 2 * W, lambda W: (W * W).sum()),
    "norm": Unsafe(
        lambda W: np.linalg.norm(W),
        lambda W: W / np.linalg.norm(W),
        lambda W: np.sqrt((W * W).sum()),
    ),
}


def penalised(rng: Rng) -> Problem:
    """A small term that is not complex-safe beside a large one that is."""
    weight = float(10.0 ** rng.uniform(-10, -1))
    name = str(rng.choice(list(UNSAFE)))
    unsafe = UNSAFE[name]

    def f(x: Any, W: Any, penalty: Any = unsafe.f) -> Any:
        return (np.tanh(x @ W) ** 2).sum() + weight * penalty(W)

    def backward(d: Any, x: Any, W: Any) -> Any:
        y = np.tanh(x @ W)
        da = d * 2 * y * (1 - y**2)
        return {"x": da @ W.T, "W": x.T @ da + d * weight * unsafe.slope(W)}

    inputs = {"x": rng.standard_normal((4, 3)), "W": rng.standard_normal((3, 2))}
    safe = (lambda x, W: f(x, W, unsafe.safe)), backward
    return problem(f"small {name}", f, backward, inputs, "float64", safe, weight=weight)


def unequal(rng: Rng) -> Problem:
    """Two outputs of very different sizes, safe or not."""
    size = float(10.0 ** rng.integers(2, 11))
    name, g, slope, safe = [
        ("safe", np.sin, np.cos, np.sin),
        ("unsafe", np.abs, np.sign, size_of),
    ][rng.integers(2)]

    def f(a: Any, b: Any, g: Any = g) -> Any:
        return size * g(a), g(b) / size

    def backward(d: Any, a: Any, b: Any) -> Any:
        return {"a": d[0] * size * slope(a), "b": d[1] / size * slope(b)}

    inputs = {each: rng.standard_normal(4) for each in "ab"}
    form = (lambda a, b: f(a, b, safe)), backward
    return problem(f"unequal outputs, {name}", f, backward, inputs, "float64", form, size=size)


def scaled(rng: Rng) -> Problem:
    """A function whose inputs or outputs are tiny or huge; in a buffer half of the time."""
    dtype = str(rng.choice(DTYPES))
    low, high = (-1000, 200) if dtype == "float64" else (-120, 50)
    which = str(rng.choice(["x", "y", "xy"]))
    of_x, of_y = (2.0 ** rng.integers(low, high) if name in which else 1.0 for name in "xy")
    buffer = bool(rng.random() < 0.5)

    def f(x: Any, W: Any, buffer: bool = buffer) -> Any:
        s = x @ W / of_x
        y = np.zeros(s.shape) if buffer else np.zeros(s.shape, s.dtype)
        y[...] = s / (1 + s * s)
        return y * of_y

    def backward(d: Any, x: Any, W: Any) -> Any:
        s = x @ W / of_x
        da = d * of_y * (1 - s * s) / (1 + s * s) ** 2 / of_x
        return {"x": da @ W.T, "W": x.T @ da}

    x = (rng.standard_normal((4, 3)) * of_x).astype(dtype)
    W = rng.standard_normal((3, 2)).astype(dtype)
    safe = (lambda x, W: f(x, W, False)), backward
    name = f"scaled {which}, {'buffer' if buffer else 'safe'}"
    return problem(name, f, backward, {"x": x, "W": W}, dtype, safe, x=of_x, y=of_y)


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
