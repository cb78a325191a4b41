"""What the engines compute, as bits: small stacks, run twice, so that arrays are used again.

As `tests.mutation.behaviour`, on draws of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from npstack import Engine, Sequential, StackedGRU, StackedLSTM, Stream, predict
from npstack.core.errors import NpstackError
from npstack.core.trees import mapped, named
from tests.mutation.behaviour import like

ENGINES = ("fused", "wavefront", "auto", Engine("fused", budget=1), Engine("fused", budget=20_000))
LARGE = 60  # steps, or rows: now and then, so that there are several blocks of steps


def engines(rng: np.random.Generator) -> Iterator[Any]:
    """Passes of one stack by one engine, twice; a prediction; a stream."""
    dtype = rng.choice([np.float32, np.float64])
    model, x = _stack(rng, dtype)
    engine: Any = ENGINES[rng.integers(len(ENGINES))]
    how = _how(rng, model, x)
    for turn in range(2):
        tape = model.forward(x + dtype(turn), rng=np.random.default_rng(turn), engine=engine, **how)
        yield str(tape.engine), tape.outputs, tape.nbytes, named("final", tape.final)
        if not getattr(engine, "budget", None):
            for layer in tape.layers:
                yield named("states", layer.states), named("gates", layer.gates)
        doutputs = like(rng, tape.outputs) if rng.random() < 0.9 else None
        dfinal = mapped(lambda a: like(rng, a), tape.final) if rng.random() < 0.5 else None
        if doutputs is None and dfinal is None:
            dfinal = mapped(lambda a: like(rng, a), tape.final)
        grads = model.backward(tape, doutputs, dfinal, need_x=bool(rng.random() < 0.8))
        yield grads.params, named("dinitial", grads.initial_states), named("dx", grads.x)
        if rng.random() < 0.7:
            tape.release()
    yield predict(model, x, engine=engine, **{k: v for k, v in how.items() if k != "states"})
    stream = Stream(model, engine=engine)
    try:
        yield [stream.step(x[:, t]) for t in range(x.shape[1])]
    except NpstackError as error:
        yield str(error)


def _stack(rng: np.random.Generator, dtype: Any) -> tuple[Any, np.ndarray]:
    B, T = (int(n) for n in rng.integers(1, 6, 2))
    if rng.random() < 0.3:
        B, T = (B, LARGE) if rng.random() < 0.7 else (LARGE, T)
    D, H, L = (int(n) for n in rng.integers(1, 6, 3))
    sizes = [H] * L if rng.random() < 0.7 else [int(n) for n in rng.integers(1, 6, L)]
    options: dict[str, Any] = {
        "learn_initial": bool(rng.random() < 0.3),
        "return_sequences": bool(rng.random() < 0.7),
    }
    if rng.random() < 0.3:
        options["dropout"] = 0.3
    kind = StackedLSTM if rng.random() < 0.6 else StackedGRU
    model: Any = kind(D, sizes, rng=rng, dtype=dtype, **options)
    if rng.random() < 0.1 and options["return_sequences"]:
        other = (StackedLSTM, StackedGRU)[kind is StackedLSTM]
        model = Sequential(*model.layers, other(sizes[-1], [3, 3], rng=rng, dtype=dtype))
    model.params = {name: 2 * like(rng, value) / 3 for name, value in model.params.items()}
    return model, rng.standard_normal((B, T, D)).astype(dtype)


def _how(rng: np.random.Generator, model: Any, x: np.ndarray) -> dict[str, Any]:
    how: dict[str, Any] = {}
    if rng.random() < 0.4:
        how["mask"] = rng.random(x.shape[:2]) < 0.7
    if rng.random() < 0.3:
        how["resets"] = rng.random(x.shape[:2]) < 0.3
    if rng.random() < 0.4:
        how["states"] = mapped(lambda a: like(rng, a), model.forward(x).final)
    return how
