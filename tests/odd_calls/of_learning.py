"""Losses, metrics, optimisers, schedules."""

import numpy as np

import npstack as nps
from npstack.training import metrics
from tests.odd_calls.calls import Call, normal
from tests.odd_calls.kinds import NEAR

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


def updated(optimiser, W, g):
    return optimiser.update({"W": W}, {"W": g})


CALLS = {
    "mean_squared_error": Call(nps.mean_squared_error, pair(), PAIR),
    "mean_absolute_error": Call(nps.mean_absolute_error, pair(), PAIR),
    "huber": Call(nps.huber, pair(delta=0.5), {**PAIR, "delta": "number"}),
    "binary_cross_entropy": Call(
        nps.binary_cross_entropy,
        lambda: {"logits": normal(3, 5, 2), "targets": np.round(np.abs(np.tanh(normal(3, 5, 2))))},
        {"logits": "typed", "targets": "finite"},
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
    ),
    "global_norm": Call(
        lambda g: nps.global_norm({"W": g}),
        lambda: {"g": normal(3, 2)},
        {"g": "floats"},
        {("g", "an array of no axes"): None, ("g", "Fortran's order"): NEAR},
    ),
    "clip_by_global_norm": Call(
        lambda g, max_norm: nps.clip_by_global_norm({"W": g}, max_norm),
        lambda: {"g": normal(3, 2), "max_norm": 0.5},
        {"g": "floats", "max_norm": "number"},
        {("g", "an array of no axes"): None, ("g", "Fortran's order"): None},
    ),
    "clip_by_value": Call(
        lambda g, limit: nps.clip_by_value({"W": g}, limit),
        lambda: {"g": normal(3, 2), "limit": 0.5},
        {"g": "floats", "limit": "number"},
        {("g", "an array of no axes"): None},
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
}
