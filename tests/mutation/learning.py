"""The results of training, as bits: optimisers, schedules, truncated BPTT, windows, and refusals.

`learning` is to the files of `LEARNING` what `layers` is to the others: all that comes out for one
random input, sizes from 1 up, with half of the calls made wrong in one place.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from npstack import Dense, Embedding, Sequential, StackedLSTM
from npstack import losses as loss_functions
from npstack.data import MinMax, Standardiser, windows
from npstack.losses.samples import Samples
from npstack.training.bptt import check_carries, passes, spans, truncated_gradients
from npstack.training.optim import (
    SGD,
    Adam,
    AdamW,
    RMSprop,
    clip_by_global_norm,
    clip_by_value,
    global_norm,
    optimiser_from,
)
from npstack.training.schedules import Constant, Cosine, StepDecay, WarmUp, schedule_from
from tests.mutation.behaviour import DTYPES, like, spoilt, tried


def pick(rng: np.random.Generator, *values: Any) -> Any:
    return values[rng.integers(len(values))]


def learning(rng: np.random.Generator) -> Iterator[Any]:
    """What optimisers, schedules, spans and windows compute for one seed."""
    schedule = _schedule(rng)
    yield schedule
    if not isinstance(schedule, str):
        yield [schedule(step) for step in (0, 1, 2, 3, 5, 8, 100)], schedule.config()
        config = dict(schedule.config())
        config[pick(rng, *config)] = pick(rng, 0, -1, "x", None, {}, 0.5)
        yield tried(schedule_from, schedule.config()), tried(schedule_from, config)
    yield from _optimisers(rng, schedule)
    yield from _truncated(rng)
    yield from _windows(rng)


def _schedule(rng: np.random.Generator) -> Any:
    rate = pick(rng, 0.1, 1.0, 1e-3, np.float32(0.5), 0, -1, "x", None, np.nan)
    size = pick(rng, 1, 2, 3, 7, np.int64(4), 0, -1, 1.5, True)
    kind = pick(rng, Constant, StepDecay, Cosine, WarmUp)
    if kind is Constant:
        return tried(Constant, rate)
    if kind is StepDecay:
        return tried(StepDecay, rate, size, pick(rng, 0.5, 0.1, 0.0, 1.0, -0.1, "x"))
    if kind is Cosine:
        return tried(Cosine, rate, size, pick(rng, 0.0, 0.05, 2.0, -1.0))
    return tried(WarmUp, pick(rng, Cosine(1.0, 5), StepDecay(1.0, 2), rate), size)


def _optimisers(rng: np.random.Generator, schedule: Any) -> Iterator[Any]:
    words = ("*", "0.*", "*.b", "*W", "1.b", "2.*", "*.w")
    patterns = pick(rng, (), (), ("*.b",), [pick(rng, *words)], tuple(rng.choice(words, 2)), "*", 1)
    shared = {
        "learning_rate": pick(rng, schedule, 0.1, 0.01, 1.0, 0, -1, "x", True),
        "weight_decay": pick(rng, 0.0, 0.1, 0.5, -1, None, np.inf),
        "decayed": pick(rng, ("*",), ("*",), patterns),
        "frozen": pick(rng, (), (), patterns),
    }
    beta = pick(rng, 0.9, 0.5, 0, 1, -0.1, "x")
    flag = pick(rng, True, False, 1, None)
    own: dict[Any, dict[str, Any]] = {
        SGD: {"momentum": beta, "nesterov": flag},
        RMSprop: {"alpha": beta, "momentum": pick(rng, 0, 0.5, beta), "centered": flag},
        Adam: {"beta1": beta, "beta2": pick(rng, 0.99, 0.5, beta), "epsilon": pick(rng, 1e-8, 0)},
        AdamW: {"beta1": beta},
    }
    kind = pick(rng, *own)
    chosen = {**shared, **own[kind]}
    right = {name: value for name, value in chosen.items() if rng.random() < 0.5}
    optimiser = tried(kind, **right)
    yield optimiser
    if isinstance(optimiser, str):
        optimiser = kind()
    dtype = rng.choice(DTYPES)
    shapes = {"0.W": (2, 3), "0.b": (3,), "1.W": (3, 1), "1.b": (1,)}
    names = [name for name in shapes if rng.random() < 0.8]
    params = {name: rng.standard_normal(shapes[name]).astype(dtype) for name in names}
    grads = {name: like(rng, value) for name, value in params.items()}
    for clip in (clip_by_global_norm, clip_by_value):
        yield tried(clip, grads, pick(rng, 0.1, 1.0, 100.0, 0, -1, "x"))
    large = {name: g * dtype(10.0) ** int(rng.integers(-30, 30)) for name, g in grads.items()}
    yield tried(global_norm, large)
    for _ in range(int(rng.integers(1, 4))):
        yield optimiser.rate, optimiser.kinds(), tried(optimiser.trainable, grads)
        new = tried(optimiser.update, params, grads)
        params = params if isinstance(new, str) else new
        yield new, optimiser.steps, optimiser.state(), optimiser.config()
        grads = {name: like(rng, value) for name, value in params.items()}
    other = tried(optimiser_from, optimiser.config())
    yield tried(other.load, optimiser.steps, optimiser.state())
    yield tried(other.update, params, grads), other.state()
    if params:
        yield tried(optimiser.update, params, spoilt(rng, grads))
        yield tried(optimiser.update, spoilt(rng, params), grads)
    yield optimiser.steps, optimiser.state()
    state = optimiser.state()
    yield tried(other.load, pick(rng, 1, 0, -1, True, "x"), spoilt(rng, state) if state else state)
    yield other.steps, other.state()
    config = dict(optimiser.config())
    config[pick(rng, *config)] = pick(rng, 0, -1, "x", None, {}, 0.5, {"name": "Constant"})
    yield tried(optimiser_from, config)


def _truncated(rng: np.random.Generator) -> Iterator[Any]:
    B, T, D, H, K = (int(n) for n in rng.integers(1, 4, 5))
    T += int(rng.integers(0, 4))
    symbols, full = rng.random() < 0.3, rng.random() < 0.9
    stack = StackedLSTM(
        D, [H] * int(rng.integers(1, 3)), dropout=0.3, return_sequences=full, rng=rng
    )
    model: Any = Sequential(stack, Dense(H, K, rng=rng))
    if symbols:
        model = Sequential(Embedding(5, D, rng=rng), *model.children.values())
    if rng.random() < 0.1:
        model = Dense(D, K, rng=rng)
    symbols = model.interface.takes_symbols
    x = rng.integers(0, 5, (B, T)) if symbols else rng.standard_normal((B, T, D))
    samples = Samples(
        x,
        rng.standard_normal((B, T, K)),
        rng.random((B, T)) < 0.7 if rng.random() < 0.5 else None,
        rng.random((B, T)) < 0.6 if rng.random() < 0.5 else None,
        rng.random((B, T)) if rng.random() < 0.3 else None,
    )
    if rng.random() < 0.2:
        field = pick(rng, *Samples._fields)
        samples = samples._replace(**{field: spoilt(rng, getattr(samples, field))})
    states = None
    if rng.random() < 0.5 and model.recurrent:
        states = tried(lambda: model.forward(x).final)
    k1, k2 = (pick(rng, 1, 2, 3, 4, 9, 9, 0) for _ in range(2))
    yield tried(spans, T, k1, k2)
    loss = pick(rng, loss_functions.mean_squared_error, loss_functions.huber)
    draws = np.random.default_rng(5) if rng.random() < 0.5 else None
    arguments = {"states": states, "loss": loss, "rng": draws}
    yield tried(truncated_gradients, model, samples, k1, k2, **arguments)
    resets = rng.random((B, T)) < 0.3 if rng.random() < 0.5 else None
    for cut in (None, (k1, k2)):
        yield tried(lambda cut=cut: list(passes(model, samples, cut, states, loss, draws, resets)))
    yield tried(check_carries, "here", "it", pick(rng, model, Dense(1, 1, rng=rng), None))


def _windows(rng: np.random.Generator) -> Iterator[Any]:
    N, D = int(rng.integers(3, 14)), int(rng.integers(1, 4))
    values = rng.standard_normal((N, D) if rng.random() < 0.8 else N)
    observed = rng.random(N) < 0.8
    every = bool(rng.integers(2))
    given = {
        "ahead": pick(rng, 1, 2, [1, 3], (0, 2), range(1, 4), 0, -1, [2, 1], 1.5, [], "x"),
        "stride": pick(rng, 1, 2, 3, 0),
        "every_step": every,
        "inputs": pick(rng, None, None, [0], [1], [0, 0], [-1], [9], 0.5),
        "targets": pick(rng, None, None, [0], [1], [1, 0], []),
        "warm_up": pick(rng, 0, 0, 1, 2, 9, -1, True, "x"),
        "mask": pick(rng, None, None, observed, observed[:-1], observed & False),
        "scaler": pick(rng, None, None, Standardiser.fit(values), MinMax.fit(values), "x"),
    }
    right = {name: value for name, value in given.items() if rng.random() < 0.5}
    if rng.random() < 0.2:
        values = spoilt(rng, values)
    found = tried(windows, values, pick(rng, 1, 2, 3, 4, 0), **right)
    if isinstance(found, str):
        yield found
        return
    yield len(found), found.samples, found.positions, found.values, found.observed
    yield found.target_columns, found.counted(), found.rows([0]).samples
    predictions = like(rng, found.samples.y)
    yield found.unscale(predictions), tried(found.unscale, spoilt(rng, predictions))
