"""Random encoder–decoders with everything that one forward and one backward pass take."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from npstack import (
    Dense,
    Embedding,
    EncoderDecoder,
    LSTMState,
    Sequential,
    SourceTarget,
    StackedLSTM,
)
from npstack.verify.gradients.layer_function import gate_blocks
from tests.tools.random_stacks import Arrays, block_error, named_states

WAYS = [
    {"handover": handover, "reverse_source": reverse}
    for handover in ("all", "top")
    for reverse in (False, True)
]
EVERY_WAY = pytest.mark.parametrize("way", WAYS, ids=lambda way: "-".join(map(str, way.values())))
BOTH_SIDES = pytest.mark.parametrize("symbols", [True, False], ids=["symbols", "vectors"])
READS, WRITES, SYMBOLS = 3, 4, 6  # source features, target features and outputs, of embeddings


@dataclass(frozen=True)
class Pairs:
    """One model, one batch of sources and targets, one set of cotangents."""

    model: EncoderDecoder
    x: SourceTarget
    mask: np.ndarray
    states: tuple[LSTMState, ...]
    noise: Any
    doutputs: np.ndarray
    dfinal: tuple[LSTMState, ...]

    def but(self, **changes: Any) -> Pairs:
        """The same with other arguments."""
        return replace(self, **changes)

    @property
    def inputs(self) -> Arrays:
        """Everything that can be differentiated by."""
        sides = {"source": self.x.source, "target_in": self.x.target_in}
        floats = {name: x for name, x in sides.items() if x.dtype.kind == "f"}
        return {**self.model.params, **floats, **named_states("initial", self.states)}

    def forward(self, inputs: Arrays | None = None) -> Any:
        """The tape, of other numbers where they are given."""
        inputs = self.inputs if inputs is None else inputs
        states = tuple(
            LSTMState(*(inputs[f"initial.{k}.{field}"] for field in "hc"))
            for k in range(len(self.states))
        )
        x = self.x._replace(**{k: inputs[k] for k in ("source", "target_in") if k in inputs})
        params = {name: inputs[name] for name in self.model.params}
        return self.model.forward(x, states, mask=self.mask, params=params, noise=self.noise)

    def gradients(self, tape: Any, doutputs: Any, dfinal: Any) -> Arrays:
        """By the names of the inputs."""
        grads = self.model.backward(tape, doutputs, dfinal)
        dx = {name: g for name, g in grads.x._asdict().items() if g is not None}
        return {**grads.params, **dx, **named_states("initial", grads.initial_states)}

    def run(self) -> Arrays:
        """Outputs, the decoder's finals, and all gradients behind a ``d``."""
        tape = self.forward()
        grads = self.gradients(tape, self.doutputs, self.dfinal)
        finals = named_states("final", tape.parts[1].final)
        return {"outputs": tape.outputs, **finals, **{f"d{n}": g for n, g in grads.items()}}

    def compare(self, actual: Arrays, reference: Arrays) -> dict[str, float]:
        """Errors in eps: parameters by gate, gradients by the input by time step, others whole."""
        parts: dict[str, Any] = {f"d{name}": p for name, p in gate_blocks(self.model).items()}
        for name in ("source", "target_in"):
            x = getattr(self.x, name)
            parts[f"d{name}"] = {f"t={t}": np.s_[:, t] for t in range(x.shape[1])}
        eps = float(np.finfo(self.doutputs.dtype).eps)
        assert set(actual) == set(reference)
        return {
            f"{name}.{block}": block_error(actual[name][index], value[index], eps)
            for name, value in reference.items()
            for block, index in parts.get(name, {"": ...}).items()
        }


def draw_pairs(
    seed: int,
    *,
    sizes: tuple[int, ...] = (4, 3),
    symbols: bool = True,
    masked: str = "holes",
    dropout: float = 0.0,
    batch: int = 4,
    steps: tuple[int, int] = (5, 4),
    dtype: Any = np.float64,
    **options: Any,
) -> Pairs:
    """A random model and batch: the same for the same arguments.

    ``masked`` is "none", "lengths" or "holes" (anywhere; one row is all padding, on both sides).
    Biases are not zero, and neither are the states that the encoder begins with.
    """
    rng = np.random.default_rng(seed)
    init: dict[str, Any] = {"rng": rng, "bias_init": "uniform", "dtype": dtype}
    encoder: Any = StackedLSTM(READS, list(sizes), dropout=dropout, **init)
    stack = StackedLSTM(WRITES, list(sizes), dropout=dropout, **init)
    decoder = [stack, Dense(sizes[-1], SYMBOLS, **init)]
    B, (S, T) = batch, steps
    source, target_in = rng.normal(size=(B, S, READS)), rng.normal(size=(B, T, WRITES))
    if symbols:
        encoder = Sequential(Embedding(9, READS, rng=rng, dtype=dtype), encoder)
        decoder.insert(0, Embedding(SYMBOLS, WRITES, rng=rng, dtype=dtype))
        x = SourceTarget(rng.integers(0, 9, (B, S)), rng.integers(0, SYMBOLS, (B, T)))
    else:
        x = SourceTarget(source.astype(dtype), target_in.astype(dtype))
    masks = [np.ones((B, n), dtype=bool) for n in (S, T)]
    for n, mask in zip((S, T), masks, strict=True):
        if masked == "lengths":
            mask &= np.arange(n) < rng.integers(1, n + 1, B)[:, np.newaxis]
        elif masked == "holes":
            mask &= rng.random((B, n)) < 0.7
            mask[rng.integers(B)] = False
    x = x._replace(source_mask=masks[0])
    model = EncoderDecoder(encoder, Sequential(*decoder), **options)

    def states() -> tuple[LSTMState, ...]:
        draws = [[rng.uniform(-1, 1, (B, H)).astype(dtype) for _ in "hc"] for H in sizes]
        return tuple(LSTMState(*pair) for pair in draws)

    tape = model.forward(x, mask=masks[1], rng=np.random.default_rng(seed + 1))
    doutputs = rng.normal(size=tape.outputs.shape).astype(dtype)
    return Pairs(model, x, masks[1], states(), tape.noise, doutputs, states())


def draw_way(seed: int, way: dict[str, Any], **options: Any) -> Pairs:
    """Unequal sizes, except for the shortcut from the encoder's top to the decoder's bottom."""
    sizes = {"all": (4, 3), "top": (3, 3)}[way["handover"]]
    return draw_pairs(seed, sizes=sizes, **way, **options)
