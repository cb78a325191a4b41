"""What a layout cannot represent is refused, with the size of the error that it would make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from npstack.core.errors import ArgumentError, ShapeError
from npstack.core.numerics import Array
from npstack.layers.base import Layer

ROWS, STEPS = 4, 20  # of the input that is drawn if none is given


class CannotRepresent(ArgumentError):
    """A layer has something that a layout has no place for.

    Attributes
    ----------
    reason : str
    clause : str
        Of docs/specification.md.
    error : float
        By how much the outputs would change without it: max|difference|, on the given input or on
        a drawn one.
    largest : float
        max|outputs|, to compare it with.
    """

    def __init__(self, *told: Any, **known: Any) -> None:
        self.reason: str = known.pop("reason", "")
        self.clause: str = known.pop("clause", "")
        self.error: float = known.pop("error", float("nan"))
        self.largest: float = known.pop("largest", float("nan"))
        super().__init__(*told, **known)


class Refusal(NamedTuple):
    """Why something cannot be written.

    Attributes
    ----------
    reason : str
        What the layout lacks.
    got : str
        What the layer has.
    clause, advice : str
    without : callable or None
        The layer without it; None if there is no such layer.
    """

    reason: str
    got: str
    clause: str
    advice: str
    without: Callable[[], Layer | None]


def drawn_input(layer: Layer) -> Array:
    """Standard normal numbers ``(4, 20, D)``, always the same."""
    rng = np.random.default_rng(0)
    dtype = next(iter(layer.params.values())).dtype
    size = layer.input_size or 1
    return rng.standard_normal((ROWS, STEPS, size)).astype(dtype)


def refuse(where: str, layer: Layer, refusal: Refusal, x: Array | None) -> None:
    """Raise `CannotRepresent` with the size of the error."""
    given = "the given input" if x is not None else "a drawn input, standard normal"
    x = drawn_input(layer) if x is None else x
    outputs = np.asarray(layer.forward(x).outputs)
    largest = float(np.abs(outputs).max())
    try:
        other = refusal.without()
    except ShapeError:  # what is left does not fit together
        other = None
    error, said = largest, "Nothing can be written without it: all of the outputs would be wrong"
    if other is not None:
        dtype = next(iter(other.params.values())).dtype
        found = np.asarray(other.forward(np.asarray(x, dtype)).outputs)
        if found.shape == outputs.shape:
            error = float(np.abs(found - outputs).max())
            said = f"Without it the outputs would change by up to {error:.2g}"
    advice = f"{said} (the largest is {largest:.2g}) on {given}. {refusal.advice}".strip()
    raise CannotRepresent(
        where,
        f"{refusal.reason} ({refusal.clause})",
        refusal.got,
        advice,
        reason=refusal.reason,
        clause=refusal.clause,
        error=error,
        largest=largest,
    )
