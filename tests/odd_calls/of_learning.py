"""Losses, metrics, optimisers, training, checks."""

import numpy as np

import npstack as nps
from npstack import analysis
from npstack.losses import Samples
from npstack.training import metrics
from npstack.training.recorder import Recorder
from tests.odd_calls.calls import Call, draw, normal
from tests.odd_calls.kinds import REFUSED, SAME

COUNTS = np.arange(5) < np.array([[5], [3], [1]])


def pair(**others):
    return lambda: {
        "predictions": normal(3, 5, 2),
        "targets": normal(3, 5, 2) + 0.5,
        "mask": COUNTS.copy(),
        "weights": np.abs(normal(3, 5)),
        **others,
    }


# The last step of the last row is masked, and NaN or infinity there is padding.
PAIR = {
    "predictions": "typed",
    "targets": "typed",
    "mask": "bools or None",
    "weights": "typed or None",
}
# The prediction decides the dtype, and the others are then refused for theirs.
OWN = ("half precision", "the other byte order", "Python's numbers as objects")


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


def updated(optimiser, W, g):
    return optimiser.update({"W": W}, {"W": g})


def recorded(**given):
    recorder = Recorder(**given)
    recorder.record(nps.LSTM(3, 2, rng=draw()), 0)
    return recorder.tapes[0].outputs, recorder.every


def tape():
    return model().forward(normal(4, 5, 2))


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
    "fit in batches of one's own": Call(
        learned,
        fitted(batches=lambda rng: np.array_split(np.arange(8), 2)),
        {"batches": "function or None"},
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

CALLS = {
    **FIT,
    **SAMPLES,
    "mean_squared_error": Call(nps.mean_squared_error, pair(), PAIR),
    "mean_absolute_error": Call(nps.mean_absolute_error, pair(), PAIR),
    "huber": Call(nps.huber, pair(delta=0.5), {**PAIR, "delta": "number"}),
    "binary_cross_entropy": Call(
        nps.binary_cross_entropy,
        lambda: {"logits": normal(3, 5, 2), "targets": np.round(np.abs(np.tanh(normal(3, 5, 2))))},
        {"logits": "typed", "targets": "finite"},
        {("targets", "negative"): REFUSED},
    ),
    "softmax_cross_entropy": Call(
        nps.softmax_cross_entropy,
        lambda: {"logits": normal(3, 5, 4), "targets": np.arange(15).reshape(3, 5) % 4},
        {"logits": "floats", "targets": "whole"},
    ),
    "rmse": Call(
        metrics.rmse,
        lambda: {"predictions": normal(3, 2), "targets": normal(3, 2) + 1},
        {"predictions": "finite", "targets": "finite"},
    ),
    "mae": Call(
        metrics.mae,
        lambda: {"predictions": normal(3, 2), "targets": normal(3, 2) + 1},
        {"predictions": "finite", "targets": "finite"},
    ),
    "accuracy": Call(
        metrics.accuracy,
        lambda: {"predicted": np.arange(6) % 3, "labels": np.arange(6) % 2},
        {"predicted": "integers", "labels": "integers"},
    ),
    "error_rate": Call(
        metrics.error_rate,
        lambda: {"predicted": np.arange(6) % 3, "labels": np.arange(6) % 2},
        {"predicted": "integers", "labels": "integers"},
    ),
    "confusion_matrix": Call(
        metrics.confusion_matrix,
        lambda: {"predicted": np.arange(6) % 3, "labels": np.arange(6) % 2, "classes": 100},
        {"predicted": "whole", "labels": "whole", "classes": "size"},
    ),
    "SGD": Call(
        nps.SGD,
        lambda: {
            "learning_rate": 0.5,
            "momentum": 0.5,
            "nesterov": True,
            "weight_decay": 0.5,
        },
        {
            "learning_rate": "number",
            "momentum": "number",
            "nesterov": "flag",
            "weight_decay": "number",
        },
    ),
    "Adam": Call(
        nps.Adam,
        lambda: {"learning_rate": 0.5, "beta1": 0.5, "beta2": 0.75, "epsilon": 0.5},
        {"learning_rate": "number", "beta1": "number", "beta2": "number", "epsilon": "number"},
    ),
    "AdamW": Call(nps.AdamW, lambda: {"learning_rate": 0.5}, {"learning_rate": "number"}),
    "RMSprop": Call(
        nps.RMSprop,
        lambda: {"learning_rate": 0.5, "alpha": 0.5, "momentum": 0.5, "centered": True},
        {"learning_rate": "number", "alpha": "number", "momentum": "number", "centered": "flag"},
    ),
    "update": Call(
        updated,
        lambda: {"optimiser": nps.SGD(0.5), "W": normal(3, 2), "g": normal(3, 2)},
        {"W": "typed", "g": "typed"},
        {("W", "lists"): REFUSED, ("g", "lists"): REFUSED},
    ),
    "global_norm": Call(
        lambda g: nps.global_norm({"W": g}),
        lambda: {"g": normal(3, 2)},
        {"g": "floats"},
        {("g", "lists"): REFUSED, ("g", "half precision"): REFUSED},
    ),
    "clip_by_global_norm": Call(
        lambda g, max_norm: nps.clip_by_global_norm({"W": g}, max_norm),
        lambda: {"g": normal(3, 2), "max_norm": 0.5},
        {"g": "floats", "max_norm": "number"},
        {("g", "lists"): REFUSED},
    ),
    "clip_by_value": Call(
        lambda g, limit: nps.clip_by_value({"W": g}, limit),
        lambda: {"g": normal(3, 2), "limit": 0.5},
        {"g": "floats", "limit": "number"},
        {("g", "lists"): REFUSED},
    ),
    "Constant": Call(nps.Constant, lambda: {"rate": 0.5}, {"rate": "number"}),
    "Cosine": Call(
        nps.Cosine,
        lambda: {"rate": 0.5, "steps": 100, "final": 0.25},
        {"rate": "number", "steps": "size", "final": "number"},
    ),
    "StepDecay": Call(
        nps.StepDecay,
        lambda: {"rate": 0.5, "every": 100, "factor": 0.5},
        {"rate": "number", "every": "size", "factor": "number"},
    ),
    "WarmUp": Call(
        nps.WarmUp,
        lambda: {"schedule": nps.Constant(0.5), "steps": 100},
        {"schedule": "thing", "steps": "size"},
    ),
    "a schedule's step": Call(
        lambda step: nps.Cosine(0.5, 200)(step), lambda: {"step": 100}, {"step": "index"}
    ),
    "check_gradients": Call(
        lambda layer, x, entries: nps.check_gradients(layer, x, entries=entries, rng=draw()),
        lambda: {"layer": nps.LSTM(2, 3, rng=draw()), "x": normal(2, 3, 2), "entries": 4},
        {"layer": "layer", "x": "finite", "entries": "size or None"},
    ),
    "check_laws": Call(
        nps.check_laws,
        lambda: {
            "layer": nps.LSTM(2, 3, rng=draw()),
            "rng": draw(),
            "batch": 3,
            "steps": 4,
            "tolerance": 64.0,
        },
        {
            "layer": "layer",
            "rng": "rng",
            "batch": "size",
            "steps": "size or None",
            "tolerance": "number",
        },
    ),
    "gradcheck": Call(
        lambda f, backward, x, tolerance, route: (
            nps.gradcheck(f, backward, {"x": x}, tolerance=tolerance, route=route).passed
        ),
        lambda: {
            "f": lambda x: np.tanh(x),
            "backward": lambda d, x: {"x": d * (1 - np.tanh(x) ** 2)},
            "x": normal(3, 2),
            "tolerance": 64.0,
            "route": "complex",
        },
        {
            "f": "function",
            "backward": "function",
            "x": "floats",
            "tolerance": "number",
            "route": "word",
        },
        dict.fromkeys(
            [
                ("x", "half precision"),
                ("x", "the other byte order"),
                ("x", "an array of no axes"),
            ],
            SAME,
        ),
    ),
    "gradient_norms": Call(
        analysis.gradient_norms,
        lambda: {
            "model": nps.LSTM(2, 3, rng=draw()),
            "tape": of_lstm(),
            "doutputs": normal(4, 5, 3),
        },
        {"model": "layer", "tape": "thing", "doutputs": "finite"},
        {("doutputs", "None"): REFUSED},
    ),
    "gate_quantiles": Call(
        analysis.gate_quantiles,
        lambda: {"tape": of_lstm(), "quantiles": np.array([0.0, 1.0])},
        {"tape": "thing", "quantiles": "floats"},
        dict.fromkeys(
            [("quantiles", own) for own in ("integers", "half precision", "the other byte order")],
            SAME,
        ),
    ),
    "saturation": Call(
        analysis.saturation,
        lambda: {"tape": of_lstm(), "open_above": 0.75, "closed_below": 0.25},
        {"tape": "thing", "open_above": "number", "closed_below": "number"},
    ),
    "slowest_first": Call(analysis.slowest_first, lambda: {"tape": of_lstm()}, {"tape": "thing"}),
}


def of_lstm():
    return nps.LSTM(2, 3, rng=draw()).forward(normal(4, 5, 2))
