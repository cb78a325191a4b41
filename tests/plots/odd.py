"""Every picture with odd arguments, one at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from npstack import analysis, plots
from npstack.training.fit import History
from tests.plots import odd_values as odd
from tests.plots.odd_values import DRAWN, LINE, TAPE

LABELS = {
    "a number": (3, DRAWN),
    "a formula": ("in $ and $\\nothing", DRAWN),
    "a long one": ("a" * 1000, DRAWN),
    "bytes": (b"year", "must be a text"),
    "None": (None, "must be a text"),
    "a list": (["year"], "must be a text"),
}
EPOCHS = {
    "one": (1, DRAWN),
    "an array": (np.array([0, 1]), DRAWN),
    "twice the same": ([0, 0], DRAWN),
    "a text": ("0", "of those recorded"),
    "floats": ([0.0], "of those recorded"),
    "flags": ([False], "of those recorded"),
    "nested": ([[0]], "of those recorded"),
    "too many": ([0] * 13, "1 to 12"),
}
THRESHOLDS = {
    "a flag": (True, "open_above must be"),
    "a text": ("0.9", "open_above must be"),
    "a whole number": (1, DRAWN),
    "infinity": (np.inf, "open_above must be"),
}
SIZES = {
    **odd.NUMBERS,
    **{
        name: (odd.NUMBERS[name][0], "sizes must be finite")
        for name in ("None among them", "masked", "gaps", "infinity")
    },
    "huge": (LINE * 0.4e308, DRAWN),
    "below zero": (LINE - 1, "sizes must be at least 0"),
}


def made(value: Any) -> Any:
    """A generator is made for each call."""
    return value() if callable(value) and not isinstance(value, type) else value


def tagged(
    texts: Any = ("abc",), said: Any = ([0, 1, 0],), classes: Any = ("other", "name")
) -> Any:
    return plots.tagged_text(list(texts) if isinstance(texts, tuple) else texts, said, classes)


FAMILIES: list[tuple[str, dict[str, tuple[Any, str]], Callable[[Any], Any]]] = [
    ("forecasts, truth", odd.NUMBERS, lambda v: plots.forecasts(LINE, v, {"a": LINE})),
    ("forecasts, prediction", odd.NUMBERS, lambda v: plots.forecasts(LINE, LINE, {"a": v})),
    (
        "forecast_horizons, truth",
        odd.NUMBERS,
        lambda v: plots.forecast_horizons(LINE, v, {"a": LINE[:, None]}, ["1"]),
    ),
    ("errors_by_horizon, errors", odd.NUMBERS, lambda v: plots.errors_by_horizon(LINE, {"a": v})),
    ("activations, times", odd.TIMES, lambda v: plots.activations(TAPE, times=v)),
    (
        "gradient_norms, times",
        odd.TIMES,
        lambda v: plots.gradient_norms({"h": np.ones((2, 5))}, times=v),
    ),
    ("influence, sizes", SIZES, lambda v: plots.influence(v, series=LINE)),
    ("influence, series", odd.NUMBERS, lambda v: plots.influence(LINE, series=v)),
    (
        "influence, text",
        {**odd.TEXTS, "None": (None, "got neither")},
        lambda v: plots.influence(LINE, text=v),
    ),
    ("influence, times", odd.TIMES, lambda v: plots.influence(LINE, series=LINE, times=v)),
    (
        "truncated_bptt, full",
        {n: (v, w) for n, (v, w) in odd.NUMBERS.items() if n not in ("a tape", "infinity", "huge")},
        lambda v: plots.truncated_bptt([v], np.ones((1, 5)), k=2),
    ),
    (
        "activations, input_labels",
        odd.NAMES,
        lambda v: plots.activations(TAPE, input_labels=made(v)),
    ),
    (
        "confusion_matrix, classes",
        odd.NAMES,
        lambda v: plots.confusion_matrix(np.eye(3, dtype=int), made(v)),
    ),
    (
        "gradient_norms, names",
        odd.NAMES,
        lambda v: plots.gradient_norms({"h": np.ones((3, 5))}, names=made(v)),
    ),
    (
        "forecast_horizons, horizons",
        odd.NAMES,
        lambda v: plots.forecast_horizons(LINE, LINE, {"a": np.ones((5, 3))}, made(v)),
    ),
    ("activations, tape", odd.TAPES, plots.activations),
    ("gates, tape", {n: (v, "tape must be") for n, (v, _) in odd.TAPES.items()}, plots.gates),
    ("characters, tape", odd.TAPES, lambda v: plots.characters(v, "abc")),
    ("training_curves", odd.HISTORIES, plots.training_curves),
    ("weights", odd.WEIGHTS, plots.weights),
    ("saturation", odd.MEASURED, plots.saturation),
    ("gradient_norms", odd.NORMS, plots.gradient_norms),
    ("confusion_matrix", odd.COUNTED, plots.confusion_matrix),
    ("activations, row", odd.ROWS, lambda v: plots.activations(TAPE, row=v)),
    ("gates, row", odd.ROWS, lambda v: plots.gates(TAPE.layers[0], row=v)),
    (
        "layers_over_training, row",
        odd.ROWS,
        lambda v: plots.layers_over_training(odd.recorded(), row=v),
    ),
    ("characters, text", odd.TEXTS, lambda v: plots.characters(TAPE, v)),
    ("characters, bits", odd.BITS, lambda v: plots.characters(TAPE, "abcde", bits=v)),
    ("characters, units", odd.UNITS, lambda v: plots.characters(TAPE, "abcde", units=v)),
    ("handover, source", odd.WORDS, lambda v: plots.handover(odd.pair(), v, "xy")),
    ("tagged_text, texts", odd.LINES, lambda v: tagged(texts=v)),
    ("tagged_text, said", odd.TAGS, lambda v: tagged(said=v)),
    (
        "tagged_text, classes",
        {**odd.NAMES, "too few": ([], "1 to 7 names")},
        lambda v: tagged(classes=made(v)),
    ),
    ("activations, time_label", LABELS, lambda v: plots.activations(TAPE, time_label=v)),
    (
        "activations, truth_label",
        LABELS,
        lambda v: plots.activations(TAPE, truth=TAPE.outputs, truth_label=v),
    ),
    (
        "training_curves, loss_label",
        LABELS,
        lambda v: plots.training_curves(
            History([1, 2], [1.0, 0.5], [1.1, 0.7], [3.0, 2.0]), loss_label=v
        ),
    ),
    (
        "gradient_norms, of",
        LABELS,
        lambda v: plots.gradient_norms({"h": np.ones((2, 5))}, of=v),
    ),
    (
        "gradient_against_lag, run",
        LABELS,
        lambda v: plots.gradient_against_lag({"a": {"b": np.ones((2, 5))}}, run=v),
    ),
    ("handover, label", LABELS, lambda v: plots.handover(odd.pair(), "abc", "xy", label=v)),
    ("forecasts, title", LABELS, lambda v: plots.forecasts(LINE, LINE, {"a": LINE}, title=v)),
    (
        "saturation, open_above",
        THRESHOLDS,
        lambda v: plots.saturation(analysis.saturation(TAPE), open_above=v),
    ),
    ("gates, title", LABELS, lambda v: plots.gates(TAPE.layers[0], title=v)),
    (
        "forecasts, value_label",
        LABELS,
        lambda v: plots.forecasts(LINE, LINE, {"a": LINE}, value_label=v),
    ),
    (
        "layers_over_training, epochs",
        EPOCHS,
        lambda v: plots.layers_over_training(odd.recorded(), epochs=v),
    ),
    ("layers_over_training", odd.RECORDERS, plots.layers_over_training),
    ("gates_over_training", odd.RECORDERS, plots.gates_over_training),
    ("diagram", odd.MODELS, plots.diagram),
    ("activations, truth", odd.TRUTHS, lambda v: plots.activations(TAPE, truth=v)),
    ("activations of", odd.MODELS_OVER_TIME, plots.activations),
    ("gates of", odd.KINDS, plots.gates),
]
