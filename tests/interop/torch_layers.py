"""Small layers of PyTorch, and comparisons of states, for the tests of `capture`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
nn = torch.nn

D, H, B, T = 3, 4, 5, 6


def drawn(*shape: int, seed: int = 0) -> Any:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def made(kind: Callable[..., Any], **options: Any) -> Any:
    """A layer in float64 whose parameters all differ."""
    torch.manual_seed(1)
    return kind(D, H, dtype=torch.float64, **options)


class Inside(nn.Module):
    """A layer behind a linear one: its input is at nobody's hand."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.below, self.layer = nn.Linear(2, D, dtype=torch.float64), layer

    def forward(self, x: Any, hx: Any = None) -> Any:
        return self.layer(torch.tanh(self.below(x)), hx=hx)[0]


def flat(state: Any) -> list[np.ndarray]:
    """The arrays of states: layer by layer, direction by direction, h before c."""
    if isinstance(state, np.ndarray):
        return [state]
    return [array for own in state for array in flat(own)]


def rows(state: Any) -> list[np.ndarray]:
    """The same, from PyTorch's ``(L * directions, B, H)``."""
    fields = state if isinstance(state, tuple) else (state,)
    return [own.numpy() for each in zip(*fields, strict=True) for own in each]


def same(found: Any, expected: Any) -> None:
    for own, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(own, other, strict=True)


def initial(layer: Any, *batch: int) -> Any:
    """States for a layer, all numbers different."""
    count = layer.num_layers * (1 + layer.bidirectional)
    h = drawn(count, *batch, layer.proj_size or H, seed=5)
    return (h, drawn(count, *batch, H, seed=6)) if isinstance(layer, nn.LSTM) else h
