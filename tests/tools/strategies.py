"""What Hypothesis draws: layers of every type in small sizes, inputs, masks, dtypes."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from npstack import LSTM, Dense, Dropout, Embedding, Layer, Sequential, StackedLSTM
from tests.tools.nested import NESTED

DTYPES = (np.float64, np.float32, np.longdouble)


class Sizes(NamedTuple):
    """Sizes that a layer type takes as many of as it needs."""

    D: int = 3
    H0: int = 4
    H1: int = 2
    H2: int = 5


def _layers() -> dict[str, Callable[[Sizes, dict[str, Any]], Layer]]:
    """One builder per layer type; ``o`` are the options ``rng`` and ``dtype``."""

    def dense(activation: str) -> Callable[[Sizes, dict[str, Any]], Layer]:
        return lambda n, o: Dense(n.D, n.H0, activation=activation, bias_init="uniform", **o)

    return {
        "LSTM": lambda n, o: LSTM(n.D, n.H0, **o),
        "LSTM, last step": lambda n, o: LSTM(n.D, n.H0, return_sequences=False, **o),
        "stack of one": lambda n, o: StackedLSTM(n.D, [n.H0], **o),
        "stack of three": lambda n, o: StackedLSTM(n.D, [n.H0, n.H1, n.H2], **o),
        "stack, dropout, last step": lambda n, o: StackedLSTM(
            n.D, [n.H0, n.H1], dropout=0.3, return_sequences=False, **o
        ),
        # The slope from the output, with and without a kink, and from the pre-activation.
        **{f"Dense, {name}": dense(name) for name in ("linear", "tanh", "sigmoid", "relu", "elu")},
        "Dropout": lambda n, o: Dropout(0.4),
        "Embedding": lambda n, o: Embedding(n.D, n.H0, **o),
        "LSTM, Dropout, LSTM, Dense": lambda n, o: Sequential(
            LSTM(n.D, n.H0, **o),
            Dropout(0.5),
            LSTM(n.H0, n.H1, return_sequences=False, **o),
            Dense(n.H1, n.H2, bias_init="uniform", **o),
        ),
        "LSTM, Dense, LSTM": lambda n, o: Sequential(
            LSTM(n.D, n.H0, **o),
            Dense(n.H0, n.H1, activation="tanh", bias_init="uniform", **o),
            LSTM(n.H1, n.H2, **o),
        ),
        "Dense, LSTM": lambda n, o: Sequential(Dense(n.D, n.H0, **o), LSTM(n.H0, n.H1, **o)),
        "Embedding, stack, Dense": lambda n, o: Sequential(
            Embedding(n.D, n.H0, **o),
            StackedLSTM(n.H0, [n.H1, n.H2], dropout=0.2, **o),
            Dense(n.H2, 1, **o),
        ),
    }


LAYERS = {**_layers(), **NESTED}
STANDARD = Sizes()


def build(
    kind: str, rng: np.random.Generator, sizes: Sizes = STANDARD, dtype: Any = np.float64
) -> Layer:
    """A layer of a type by its name in `LAYERS`."""
    return LAYERS[kind](sizes, {"rng": rng, "dtype": dtype})


def draw_input(layer: Layer, rng: np.random.Generator, *shape: int, dtype: Any = float) -> Any:
    """Random numbers, or symbols, that a layer takes; ``shape`` is (B, T) or (B,)."""
    if layer.interface.takes_symbols:
        return rng.integers(0, layer.input_size or 1, shape)
    return rng.standard_normal((*shape, layer.input_size or 3)).astype(layer.dtype or dtype)


class Case(NamedTuple):
    """A layer and what it is given."""

    layer: Layer
    x: np.ndarray[Any, Any]
    mask: np.ndarray[Any, Any] | None
    resets: np.ndarray[Any, Any] | None
    rng: np.random.Generator


@st.composite
def cases(draw: Any, kind: str) -> Case:
    """A layer of one type with sizes, B and T from 1 up; any mask: holes, left padding, nothing."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sizes = Sizes(*(draw(st.integers(1, 5)) for _ in Sizes._fields))
    dtype = draw(st.sampled_from(DTYPES))
    B, T = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    layer = build(kind, rng, sizes, dtype)
    mask, resets = (draw(st.none() | hnp.arrays(bool, (B, T))) for _ in range(2))
    return Case(layer, draw_input(layer, rng, B, T, dtype=dtype), mask, resets, rng)
