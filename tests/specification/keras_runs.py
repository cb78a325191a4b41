"""Single layers of Keras with given weights, for ``tests/test_specification_keras*.py``."""

from __future__ import annotations

from typing import Any

import pytest

from tests.specification import plainly
from tests.specification.plainly import H
from tests.tools.other_programs import import_keras


def keras_or_skip() -> Any:
    """Keras on its PyTorch backend; the test is skipped where it is not installed."""
    pytest.importorskip("torch")
    try:
        return import_keras()
    except ModuleNotFoundError as reason:
        pytest.skip(str(reason))


def build(keras: Any, kind: str, weights: list[Any], units: int = H, **options: Any) -> Any:
    """A layer of ``keras.layers`` that returns its sequence and states, with given weights."""
    options = {"return_sequences": True, "return_state": True} | options
    layer = getattr(keras.layers, kind)(units, **options)
    layer.build((None, None, len(weights[0])))
    layer.set_weights(weights)
    return layer


def run(layer: Any, x: Any, *initial: Any, **options: Any) -> list[Any]:
    """Outputs and, if it returns them, states, as arrays of float32."""
    x, *initial = (a.astype("f4") for a in (x, *initial))
    results = layer(x, initial_state=initial or None, **options)
    results = results if isinstance(results, list | tuple) else [results]
    return [a.detach().numpy() for a in results]


def plain(p: dict[str, Any], **parts: Any) -> plainly.Step:
    return plainly.lstm(p["W"], p["U"], p["b"], **parts)


def weights(p: dict[str, Any]) -> list[Any]:
    return [p["W"], p["U"], p["b"]]
