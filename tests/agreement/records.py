"""Records that third parties wrote, and what their readers share.

`records_onnx`, `records_training` and `records_keras` each take one record, compute it in float64
by npstack's own layers and cells, and return the error; or they raise `Inexpressible` with the
reason why npstack does not compute such a thing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

RNG = np.random.default_rng(0)  # layers need one to be built; every record brings its parameters
Record = dict[str, Any]


class Inexpressible(Exception):
    """A record asks for what npstack does not do; the message says what."""


def require(condition: object, reason: str) -> None:
    """Give up on a record."""
    if not condition:
        raise Inexpressible(reason)


def array(tensor: Any, dtype: Any = np.float64) -> np.ndarray:
    """A stored tensor."""
    return np.array(tensor["data"], dtype).reshape(tensor["shape"])


def worst(pairs: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Largest absolute difference over all pairs (result, expected)."""
    assert pairs
    assert all(a.shape == b.shape for a, b in pairs), [(a.shape, b.shape) for a, b in pairs]
    return max(float(np.abs(a - b).max()) for a, b in pairs)
