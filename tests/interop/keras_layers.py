"""Layers of Keras for tests: given numbers, run, and brought in."""

from __future__ import annotations

from typing import Any

from npstack.interop.reading import read
from tests.interop.opening import arrays_of

B, T, D, H = 3, 5, 2, 4
KINDS = ("LSTM", "GRU", "SimpleRNN")


def ready(layer: Any, rng: Any, size: int = D) -> Any:
    """Build a layer, and give it numbers that are all different."""
    if not layer.built:
        layer.build((None, None, size))
    layer.set_weights([rng.uniform(-1, 1, w.shape) for w in layer.get_weights()])
    return layer


def plain(values: Any) -> list[Any]:
    values = values if isinstance(values, list | tuple) else [values]
    return [v.detach().numpy() for v in values]


def draw(rng: Any, size: int = D) -> Any:
    return rng.standard_normal((B, T, size)).astype("f4")


def ours(model: Any, part: Any) -> Any:
    """The part as a layer of npstack."""
    found = read(
        arrays_of(model, part),
        part.layout,
        cell=part.kind,
        bidirectional=part.bidirectional,
        **part.attributes,
    )
    return found.layer
