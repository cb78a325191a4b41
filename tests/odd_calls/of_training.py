"""Training, and the samples that it takes."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

import npstack as nps
from npstack.losses import Samples
from npstack.training.recorder import Recorder
from tests.odd_calls.calls import Call, draw, normal
from tests.odd_calls.kinds import REFUSED

COUNTS = np.arange(5) < np.array([[5], [3], [1]])


def model():
    rng = draw()
    return nps.Sequential(nps.LSTM(2, 3, return_sequences=False, rng=rng), nps.Dense(3, 1, rng=rng))


def samples():
    return Samples(normal(8, 5, 2), normal(8, 1))


def learned(**given):
    trained = given.pop("model")
    x, y = given.pop("x", normal(8, 5, 2)), given.pop("y", normal(8, 1))
    options = {"epochs": 2, "batch_size": 4, "rng": draw(), **given}
    history = nps.fit(
        trained,
        given.pop("samples", (x, y)) if "samples" in given else (x, y),
        **{key: value for key, value in options.items() if key != "samples"},
    )
    return history.train_loss, dict(trained.params)


def fitted(**given):
    return lambda: {"model": model(), **given}


def recorded(**given):
    recorder = Recorder(**given)
    recorder.record(nps.LSTM(3, 2, rng=draw()), 0)
    return recorder.tapes[0].outputs, recorder.every


FIT = {
    "fit": Call(
        learned,
        fitted(
            epochs=2,
            batch_size=4,
            rng=draw(),
            optimiser=nps.SGD(0.5),
            loss=nps.mean_squared_error,
            clip_norm=0.5,
            clip_value=0.5,
            shuffle=False,
        ),
        {
            "model": "layer",
            "epochs": "size",
            "batch_size": "size",
            "rng": "rng",
            "optimiser": "thing or None",
            "loss": "function",
            "clip_norm": "number or None",
            "clip_value": "number or None",
            "shuffle": "flag",
        },
    ),
    "fit on": Call(
        learned,
        fitted(x=normal(8, 5, 2), y=normal(8, 1)),
        {"x": "finite", "y": "finite"},
        {("y", "complex"): REFUSED},
    ),
    "fit with validation": Call(
        learned,
        fitted(validation=samples(), patience=1, keep_best=True, progress=False, stateful=False),
        {
            "validation": "thing",
            "patience": "size or None",
            "keep_best": "flag",
            "progress": "flag",
            "stateful": "flag",
        },
    ),
    "fit with a callback": Call(
        learned, fitted(on_epoch=lambda *_: None), {"on_epoch": "function or None"}
    ),
    "fit in custom batches": Call(
        learned,
        fitted(batches=lambda rng: np.array_split(np.arange(8), 2)),
        {"batches": "function or None"},
    ),
    "Engine": Call(
        nps.Engine,
        lambda: {"kind": "fused", "threads": 2, "budget": 100},
        {"kind": "word", "threads": "size or None", "budget": "size or None"},
    ),
    "evaluate": Call(
        nps.evaluate,
        lambda: {"model": model(), "samples": samples(), "loss": nps.mean_squared_error},
        {"model": "layer", "samples": "thing", "loss": "function"},
    ),
    "truncated_gradients": Call(
        nps.truncated_gradients,
        lambda: {
            "model": nps.LSTM(2, 1, rng=draw()),
            "samples": (normal(4, 6, 2), normal(4, 6, 1)),
            "k1": 2,
            "k2": 4,
            "rng": draw(),
        },
        {"model": "layer", "samples": "thing", "k1": "size", "k2": "size", "rng": "rng or None"},
    ),
    "sharded_gradients": Call(
        nps.sharded_gradients,
        lambda: {
            "model": nps.LSTM(2, 1, rng=draw()),
            "shards": [(normal(2, 6, 2), normal(2, 6, 1)), (normal(3, 4, 2), normal(3, 4, 1))],
            "executor": None,
            "states": [None, None],
            "loss": nps.mean_squared_error,
            "rng": draw(),
            "retries": 2,
        },
        {
            "model": "layer",
            "shards": "thing",
            "executor": "thing or None",
            "states": "thing or None",
            "loss": "function",
            "rng": "rng or None",
            "retries": "index",
        },
    ),
    "RestartingExecutor": Call(
        lambda make: type(nps.RestartingExecutor(make)),
        lambda: {"make": lambda: ThreadPoolExecutor(1)},
        {"make": "function"},
    ),
    "sweep": Call(
        nps.sweep,
        lambda: {
            "run": lambda scale, rng: scale * rng.standard_normal(3),
            "settings": [{"scale": 2.0}, {"scale": 0.5}],
            "seeds": [0, 3],
            "n_jobs": 1,
            "threads": None,
            "retries": 2,
        },
        {"run": "function", "settings": "thing", "seeds": "thing", "retries": "index"},
    ),
    "Recorder": Call(
        recorded,
        lambda: {"x": normal(2, 5, 3), "mask": np.ones((2, 5), bool), "every": 100},
        {"x": "finite", "mask": "bools or None", "every": "size"},
    ),
}

SAMPLES = {
    f"samples of {part}": Call(
        lambda **parts: nps.evaluate(
            nps.LSTM(2, 1, rng=draw()),
            Samples(**{"x": normal(3, 5, 2), "y": normal(3, 5, 1), **parts}),
        ),
        lambda part=part, usual=usual: {part: usual.copy()},
        {part: kind},
    )
    for part, usual, kind in (
        ("x", normal(3, 5, 2), "finite"),
        ("y", normal(3, 5, 1), "finite"),
        ("mask", COUNTS, "bools or None"),
        ("counts", COUNTS, "bools or None"),
        ("weights", np.abs(normal(3, 5)), "finite or None"),
        ("resets", np.array([True, False, False]), "bools or None"),
    )
}

CALLS = {**FIT, **SAMPLES}
