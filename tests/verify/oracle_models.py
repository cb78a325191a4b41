"""Parameters, masks and inputs for the tests of the oracle, drawn as the nested lists it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from npstack.verify import oracle

Draw = Callable[..., Any]


def drawer(seed: int, scale: float = 0.8) -> Draw:
    """``draw(2, 3)``: nested lists of this shape, uniform between ``-scale`` and ``scale``."""
    rng = np.random.default_rng(seed)

    def draw(*shape: int) -> Any:
        return rng.uniform(-scale, scale, shape).tolist()

    return draw


def draw_booleans(seed: int, *shape: int) -> Any:
    """Nested lists of booleans, a third of them False."""
    return (np.random.default_rng(seed).random(shape) < 2 / 3).tolist()


def cell_params(
    draw: Draw,
    kind: str,
    D: int,
    H: int,
    *,
    coupled: bool = False,
    peepholes: bool = False,
    projection: int | None = None,
    learned: bool = False,
) -> dict[str, Any]:
    """The parameters of one cell with the parts asked for."""
    P = projection or H
    gates = {"lstm": 3 if coupled else 4, "layer_norm_lstm": 4, "rnn": 1}.get(kind, 3)
    params = {"W": draw(D, gates * H), "U": draw(P, gates * H), "b": draw(gates * H)}
    if kind == "layer_norm_lstm":
        params |= {"gain_x": draw(4 * H), "gain_h": draw(4 * H)}
        params |= {"gain_c": draw(H), "shift_c": draw(H)}
    if kind == "gru":
        params["b_recurrent"] = draw(H)
    if peepholes:
        params["P"] = draw((gates - 1) * H)
    if projection:
        params["R"] = draw(H, P)
    if learned:
        params["initial.h"] = draw(P)
        if "lstm" in kind:
            params["initial.c"] = draw(H)
    return params


def state(draw: Draw, kind: str, B: int, H: int, P: int | None = None) -> dict[str, Any]:
    """A state before the first step."""
    h = {"h": draw(B, P or H)}
    return h | {"c": draw(B, H)} if "lstm" in kind else h


def central_differences(f: Callable[[Any], float], inputs: Any, step: float = 1e-5) -> list[float]:
    """The slope of ``f`` by every float of a nesting, in the order of `oracle.numbers`."""
    before = oracle.numbers(inputs)

    def moved(place: int, by: float) -> float:
        given = iter([v + by if k == place else v for k, v in enumerate(before)])
        return f(oracle.mapped(lambda _: next(given), inputs))

    return [(moved(k, step) - moved(k, -step)) / (2 * step) for k in range(len(before))]


def error(actual: Any, reference: Any) -> float:
    """``max|a - r| / max|r|`` of two nestings of one shape."""
    a, r = np.asarray(actual, float), np.asarray(reference, float)
    assert a.shape == r.shape, (a.shape, r.shape)
    scale = np.abs(r).max(initial=0)
    return float(np.abs(a - r).max(initial=0) / (scale or 1.0))
