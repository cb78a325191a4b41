"""Pictures: of tapes, parameters, histories, forecasts and texts."""

import numpy as np

import npstack as nps
from npstack import plots
from npstack.training.recorder import Recorder
from tests.odd_calls.calls import Call, draw, normal


def stack():
    return nps.StackedLSTM(1, [3, 2], rng=draw())


def tape():
    return stack().forward(normal(2, 6, 1))


def drawn(function):
    """The function; its picture is described by its size and its panels, and closed."""

    def call(**given):
        picture = function(**given)
        return tuple(picture.get_size_inches()), len(picture.axes)

    return call


def recorder():
    kept = Recorder(normal(2, 6, 1))
    for epoch in range(3):
        kept.record(stack(), epoch)
    return kept


def history():
    found = nps.History()
    for epoch in range(3):
        numbers = {"train_loss": 1.0 / (epoch + 1), "gradient_norm": 1.0, "learning_rate": 0.1}
        found.append(**numbers, validation_loss=None, seconds=1.0)
    return found


def pairs():
    sides = [nps.StackedLSTM(1, [4, 3], rng=draw()) for _ in range(2)]
    return nps.EncoderDecoder(*sides).forward(nps.SourceTarget(normal(1, 3, 1), normal(1, 2, 1)))


def watched():
    """The tape of a layer, and the gradients of its states."""
    layer = nps.LSTM(1, 3, rng=draw())
    tape = layer.forward(normal(2, 6, 1))
    (dstates,) = nps.analysis.state_gradients(layer, tape, np.ones((2, 6, 3)))
    return {"tape": tape, "dstates": dstates}


def many(function, usual, **kinds):
    return Call(drawn(function), usual, kinds)


CALLS = {
    "activations": many(
        plots.activations,
        lambda: {"tape": tape(), "row": 1, "time_label": "month", "times": np.arange(6.0)},
        tape="thing",
        row="index",
        time_label="label",
    ),
    "gates": many(
        plots.gates,
        lambda: {"tape": tape().layers[0], "row": 1, "time_label": "month", "title": "gates"},
        tape="thing",
        row="index",
        time_label="label",
        title="label",
    ),
    "plots.saturation": many(plots.saturation, lambda: {"measured": tape()}, measured="thing"),
    "plots.gradient_norms": many(
        plots.gradient_norms, lambda: {"norms": {"h": np.ones((2, 6))}}, norms="thing"
    ),
    "plots.influence, series": many(
        plots.influence,
        lambda: {
            "sizes": np.geomspace(0.1, 1, 6),
            "series": normal(6),
            "step": 5,
            "floor": 0.5,
            "time_label": "month",
            "value_label": "sunspots",
            "title": "the last forecast",
        },
        sizes="thing",
        floor="number",
        time_label="label",
        value_label="label",
        title="label",
    ),
    "plots.influence, text": many(
        plots.influence,
        lambda: {"sizes": np.geomspace(0.1, 1, 6), "text": "abcdef", "step": 5},
        sizes="thing",
        text="text",
    ),
    "truncated_bptt": many(
        plots.truncated_bptt,
        lambda: {
            "full": np.ones((2, 6)),
            "cut": np.ones((2, 6)),
            "k": 2,
            "time_label": "month",
            "value_label": "norm of dh",
        },
        full="thing",
        cut="thing",
        k="size",
        time_label="label",
        value_label="label",
    ),
    "plots.gradient_against_lag": many(
        plots.gradient_against_lag,
        lambda: {
            "panels": {"one layer": {"LSTM": np.ones((2, 6))}},
            "floor": 0.5,
            "value_label": "size",
        },
        panels="thing",
        floor="number",
        value_label="label",
    ),
    "weights": many(
        plots.weights,
        lambda: {"params": stack(), "layer": "layers.0"},
        params="thing",
        layer="word",
    ),
    "diagram": many(plots.diagram, lambda: {"model": stack()}, model="layer"),
    "cell_step": many(
        plots.cell_step,
        lambda: {**watched(), "step": 2, "row": 1, "unit": 1, "title": "layer 0"},
        tape="thing",
        step="index",
        row="index",
        unit="index",
        dstates="thing or none",
        title="label",
    ),
    "stack_steps": many(
        plots.stack_steps,
        lambda: {"tape": tape(), "row": 1, "unit": 1, "title": "stack"},
        tape="thing",
        row="index",
        unit="index",
        title="label",
    ),
    "training_curves": many(plots.training_curves, lambda: {"history": history()}, history="thing"),
    "layers_over_training": many(
        plots.layers_over_training,
        lambda: {"recorder": recorder(), "row": 1},
        recorder="thing",
        row="index",
    ),
    "gates_over_training": many(
        plots.gates_over_training, lambda: {"recorder": recorder()}, recorder="thing"
    ),
    "forecasts": many(
        plots.forecasts,
        lambda: {
            "time": np.arange(9.0),
            "truth": normal(9),
            "predictions": {"LSTM": normal(9)},
            "time_label": "month",
            "value_label": "sunspots",
        },
        predictions="thing",
        time_label="label",
        value_label="label",
    ),
    "plots.confusion_matrix": many(
        plots.confusion_matrix,
        lambda: {"counts": np.array([[3, 1], [0, 4]]), "what": "vowel"},
        what="label",
    ),
    "forecast_horizons": many(
        plots.forecast_horizons,
        lambda: {
            "time": np.arange(9.0),
            "truth": normal(9),
            "predictions": {"LSTM": normal(9, 2)},
            "horizons": ["1", "2"],
        },
        predictions="thing",
    ),
    "errors_by_horizon": many(
        plots.errors_by_horizon,
        lambda: {"horizons": np.array([1.0, 2.0]), "errors": {"LSTM": np.array([1.0, 2.0])}},
        errors="thing",
    ),
    "characters": many(
        plots.characters,
        lambda: {"tape": tape(), "text": "abcdef", "row": 1, "unit_label": "unit"},
        tape="thing",
        text="text",
        row="index",
        unit_label="label",
    ),
    "handover": many(
        plots.handover,
        lambda: {"tape": pairs(), "source": "abc", "target_in": "^x", "row": 0},
        tape="thing",
    ),
    "tagged_text": many(
        plots.tagged_text,
        lambda: {"texts": ["ab"], "said": [np.array([0, 1])], "classes": ["x", "y"]},
        texts="thing",
    ),
}
