"""Functions with a domain, close to its edge: code that raises there, returns NaN, or is unsafe."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tests.verify.right_backwards import matrices
from tests.verify.right_backwards.problem import Problem, Rng


class Curve(NamedTuple):
    """A function of one number, its slope, and where it is defined."""

    f: Callable[..., Any]
    slope: Callable[..., Any]
    edge: float
    inside: Callable[..., Any]

    def close(self, away: Any) -> Any:
        """Numbers at these distances from the edge, inside."""
        near = self.edge + away
        return near if self.inside(near).all() else self.edge - away


def positive(x: Any) -> Any:
    """The domain of a logarithm."""
    return x > 0


def within(x: Any) -> Any:
    """The domain of the inverse of a sine."""
    return np.abs(x) < 1


CURVES = {
    "log": Curve(np.log, lambda x: 1 / x, 0.0, positive),
    "square root": Curve(np.sqrt, lambda x: 0.5 / np.sqrt(x), 0.0, positive),
    "power": Curve(lambda x: x**1.5, lambda x: 1.5 * np.sqrt(x), 0.0, positive),
    "pole": Curve(lambda x: 1 / x, lambda x: -1 / x**2, 0.0, positive),
    "x log x": Curve(lambda x: x * np.log(x), lambda x: np.log(x) + 1, 0.0, positive),
    "log of the rest": Curve(lambda x: np.log1p(-x), lambda x: -1 / (1 - x), 1.0, within),
    "arccos": Curve(np.arccos, lambda x: -1 / np.sqrt((1 - x) * (1 + x)), 1.0, within),
    "arcsin": Curve(np.arcsin, lambda x: 1 / np.sqrt((1 - x) * (1 + x)), 1.0, within),
    "arctanh": Curve(np.arctanh, lambda x: 1 / ((1 - x) * (1 + x)), 1.0, within),
    "logit": Curve(lambda x: np.log(x / (1 - x)), lambda x: 1 / (x * (1 - x)), 1.0, within),
    "arccosh": Curve(np.arccosh, lambda x: 1 / np.sqrt((x - 1) * (x + 1)), 1.0, lambda x: x > 1),
}
SCALARS = {"log": math.log, "square root": math.sqrt, "arccos": math.acos, "arctanh": math.atanh}


def raising(f: Callable[..., Any], inside: Callable[..., Any]) -> Callable[..., Any]:
    """The function, as code that checks its domain."""

    def careful(x: Any) -> Any:
        if not inside(x.real).all():
            raise ValueError("x is outside of the domain")
        return f(x)

    return careful


def one_by_one(f: Callable[[float], float]) -> Callable[..., Any]:
    """A function of the standard library for every number of an array."""
    return lambda x: np.array([f(v) for v in x])


def buffered(f: Callable[..., Any]) -> Callable[..., Any]:
    """The function, stored into a buffer of float64."""

    def store(x: Any) -> Any:
        y = np.zeros(x.shape)
        y[...] = f(x)
        return y

    return store


def near_edge(rng: Rng) -> Problem:
    """Numbers at a distance of 1e-12 to 1 from the edge."""
    name = str(rng.choice(list(CURVES)))
    curve = CURVES[name]
    distance = float(10.0 ** rng.uniform(-12, 0))
    dtype = "float64" if distance < 1e-4 or rng.random() < 0.7 else "float32"
    x = curve.close(rng.uniform(0.1, 0.9, 5) * distance).astype(dtype)
    ways = {
        "": lambda x: curve.f(x),
        "raising": raising(curve.f, curve.inside),
        "buffer": buffered(curve.f),
    }
    if name in SCALARS:
        ways["math"] = one_by_one(SCALARS[name])
    way = str(rng.choice(list(ways)))
    return Problem(
        "edges",
        f"{name}, {way}".rstrip(", "),
        ways[way],
        lambda d, x: {"x": d * curve.slope(x)},
        {"x": x},
        safe_form=(ways[""], lambda d, x: {"x": d * curve.slope(x)}),
        labels={"dtype": dtype, "distance": f"{distance:.0e}"},
    )


def draw(number: int, rng: Rng) -> Problem:
    """A curve, or now and then a matrix."""
    return matrices.draw(number, rng) if rng.random() < 0.25 else near_edge(rng)
