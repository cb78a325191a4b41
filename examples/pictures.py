"""Train a small stack on the sunspot series and draw every picture of ``docs/pictures.md``.

    python examples/pictures.py docs/img --overwrite

Takes one to two minutes on one core.
"""

import argparse
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image  # comes with matplotlib

from common import check_free
from npstack import Dense, Recorder, Sequential, StackedLSTM, analysis, mean_squared_error, plots
from npstack.data import Scale, load_sunspots
from npstack.training.fit import Samples, fit
from npstack.training.optim import Adam

MONTHS_AHEAD, WINDOW, WARM_UP = 12, 300, 48
TRAINED_ON, SHOWN_FROM = 1920, 2400


def train():
    """A stack of three layers that forecasts, at each month, the number a year later."""
    series = load_sunspots()
    scaled = Scale.fit(series.values[:TRAINED_ON]).apply(series.values)[:, np.newaxis]
    windows = np.stack([scaled[a : a + WINDOW] for a in range(0, TRAINED_ON - WINDOW + 1, 30)])
    x, y = windows[:, :-MONTHS_AHEAD], windows[:, MONTHS_AHEAD:]
    counts = np.broadcast_to(np.arange(x.shape[1]) >= WARM_UP, x.shape[:2])
    rng = np.random.default_rng(0)
    stack = StackedLSTM(1, [24, 16, 8], rng=rng)
    model = Sequential(stack, Dense(8, 1, rng=rng))
    train_on, validate_on = slice(0, -9), slice(-9, None)
    samples = Samples(x, y, None, counts)
    shown = slice(SHOWN_FROM, SHOWN_FROM + 240)
    recorder = Recorder(scaled[shown][np.newaxis])
    history = fit(
        model,
        samples.rows(train_on),
        epochs=30,
        batch_size=8,
        rng=rng,
        optimiser=Adam(0.01),
        clip_norm=1.0,
        validation=samples.rows(validate_on),
        recorder=recorder,
    )
    return model, history, recorder, series, scaled


def draw(model, history, recorder, series, scaled):
    """Yield the name and the figure of every picture."""
    shown = slice(SHOWN_FROM, SHOWN_FROM + 480)
    x, y = scaled[shown][np.newaxis], scaled[SHOWN_FROM + MONTHS_AHEAD :][: len(scaled[shown])]
    years = {"times": series.years[shown], "time_label": "year"}
    signals = {"input_labels": ["sunspots"], "output_labels": ["a year on"]}
    tape = model.forward(x)
    loss = mean_squared_error(tape.outputs, y[np.newaxis])
    grads = model.backward(tape, loss.gradient)

    yield "diagram", plots.diagram(model)
    yield "activations", plots.activations(tape, **years, **signals)
    mask = np.ones(x.shape[:2], dtype=bool)
    mask[:, 150:190] = False  # forty months without observations
    mask[:, :24] = False
    yield "masked", plots.activations(model.forward(x, mask=mask), **years, **signals)
    yield "gates", plots.gates(tape.layers[0], **years, title="layer 0")
    yield "saturation", plots.saturation(analysis.saturation(tape))

    only_last = np.zeros_like(loss.gradient)
    only_last[:, -1] = 1
    norms = analysis.gradient_norms(model, tape, only_last)
    yield "gradient_norms", plots.gradient_norms(norms, **years)
    yield "weights", plots.weights(model.params, grads.params, layer="0.layers.1")
    yield "training_curves", plots.training_curves(history)
    probed = series.years[shown][: recorder.x.shape[1]]
    over_training = {"epochs": [0, 2, 10, 30], "times": probed, "time_label": "year"}
    yield "layers_over_training", plots.layers_over_training(recorder, **over_training)
    yield "gates_over_training", plots.gates_over_training(recorder)
    later = series.years[shown] + MONTHS_AHEAD / 12
    predictions = {"stack of three": tape.outputs[0, :, 0], "persistence": x[0, :, 0]}
    yield (
        "forecasts",
        plots.forecasts(
            later,
            y[:, 0],
            predictions,
            time_label="year",
            value_label="sunspots, root scale, standardised",
        ),
    )


def main():
    """Write all pictures to a folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="new or empty")
    parser.add_argument("--overwrite", action="store_true", help="replace pictures in it")
    given = parser.parse_args()
    folder = given.folder
    if not given.overwrite:
        check_free(parser, folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in draw(*train()):
        buffer = BytesIO()
        picture.savefig(buffer, dpi=100)
        # 256 colours, spread over all that occur, keep each file under 80 KB.
        small = Image.open(buffer).convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE)
        small.save(folder / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
