"""Sunspots 1, 6, 12 and 24 months ahead, all at once, from the last state of a stack.

    python examples/forecasting.py --out pictures

The model reads ten years of monthly sunspot numbers and outputs four numbers, one per horizon: a
direct forecast, nothing is fed back. Months before 1909 train, 1909 to 1948 choose (settings,
epoch, penalty), and the months from 1949 on are forecast once, at the end. The scale is fitted on
the training months; errors are in sunspot numbers.
"""

import numpy as np

import common
from npstack import Adam, Dense, Sequential, StackedLSTM, fit, plots
from npstack.baselines import Split, best_lag, lagged, ridge
from npstack.data import Standardiser, load, split_by_time, windows
from npstack.training.metrics import rmse

HORIZONS = [1, 6, 12, 24]  # months
TRAIN, VALIDATION = 1920, 480  # months
WINDOW, STRIDE, CYCLE = 120, 3, 132  # months
STACKS = {"stacked LSTM, 16-16": [16, 16], "one layer, 24": [24]}
EPOCHS, BATCH, RATE = 15, 32, 0.01
PENALTIES = 10.0 ** np.arange(-2, 5)


def train(parts, sizes, seed):
    """Train one stack and let it forecast the test months: history and tape."""
    rng = np.random.default_rng(seed)
    stack = StackedLSTM(1, sizes, return_sequences=False, rng=rng)
    model = Sequential(stack, Dense(sizes[-1], len(HORIZONS), rng=rng))
    history = fit(
        model,
        parts.train.rows(slice(None, None, STRIDE)).samples,
        epochs=EPOCHS,
        batch_size=BATCH,
        rng=rng,
        optimiser=Adam(RATE),
        clip_norm=1.0,
        validation=parts.validation.samples,
        keep_best=True,
    )
    return history, model.forward(parts.test.samples.x)


def baselines(series, scaler, targets):
    """Forecasts of simple methods for the same months and horizons, by name: (B, A)."""
    z = scaler.apply(series.values)
    columns = {}
    for a, ahead in enumerate(HORIZONS):
        split = Split(ahead, TRAIN, TRAIN + VALIDATION)
        for name, forecast in {
            "persistence": lagged(z, ahead, split),
            "eleven years before": lagged(z, CYCLE, split),
            "best lag": best_lag(z, split, range(60, 201)),
            "linear (ridge) over 24 months": ridge(z, 24, split, PENALTIES),
            "linear (ridge) over a full cycle": ridge(z, CYCLE, split, PENALTIES),
        }.items():
            said = forecast.predictions[targets[:, a] - split.valid]
            columns.setdefault(name, []).append(scaler.invert(said))
    return {name: np.column_stack(said) for name, said in columns.items()}


def example(seeds):
    """Both sizes, all seeds, all baselines; pictures of the first seed."""
    series = load("sunspots")
    split = split_by_time(len(series.values), train=TRAIN, validation=VALIDATION)
    scaler = Standardiser.fit(series.values, rows=split.train)
    parts = split.divide(windows(series.values, WINDOW, ahead=HORIZONS, scaler=scaler))
    truth, targets = parts.test.unscale(parts.test.samples.y), parts.test.positions.targets
    said = baselines(series, scaler, targets)
    errors = {name: rmse(predictions, truth)[np.newaxis] for name, predictions in said.items()}
    kept = {}
    for name, sizes in STACKS.items():
        found = []
        for seed in seeds:
            history, tape = train(parts, sizes, seed)
            predictions = parts.test.unscale(tape.outputs)
            found.append(rmse(predictions, truth))
            common.say(f"{name}, seed {seed}: {np.round(found[-1], 1)}")
            if seed == seeds[0]:
                kept[name] = history, tape, predictions
        errors[name] = np.array(found)

    names = [f"{months} month{'s' * (months > 1)} ahead" for months in HORIZONS]

    def table(a):
        title = f"{names[a]}: root mean squared error in sunspot numbers, lower is better"
        lines = [common.Row(name, found[:, a].tolist()) for name, found in errors.items()]
        systems = [line for line in lines if line.name in STACKS]
        return common.Table(title, systems, [line for line in lines if line not in systems], 2)

    def pictures():
        name = next(iter(STACKS))
        history, tape, predictions = kept[name]
        linear = "linear (ridge) over a full cycle"
        lines = {}
        for who, values in {name: predictions, linear: said[linear]}.items():
            lines[who] = np.full((len(series.values), len(HORIZONS)), np.nan)
            np.put_along_axis(lines[who], targets, values, 0)
        shown = slice(split.test.start, None)
        yield (
            "forecasts",
            plots.forecast_horizons(
                series.years[shown],
                series.values[shown],
                {who: values[shown] for who, values in lines.items()},
                names,
                time_label="year",
                value_label="sunspot number, monthly mean",
            ),
        )
        yield (
            "errors",
            plots.errors_by_horizon(
                HORIZONS,
                {who: errors[who] for who in (name, linear, "best lag", "persistence")},
                horizon_label="months ahead",
                error_label="error (RMSE), sunspot numbers",
            ),
        )
        yield "training", plots.training_curves(history)
        read = parts.test.positions.inputs[0]
        labels = {"input_labels": ["sunspots, scaled"], "output_labels": names}
        yield (
            "activations",
            plots.activations(tape, times=series.years[read], time_label="year", **labels),
        )

    settings = {"horizons": HORIZONS, "window": WINDOW, "stride": STRIDE, "epochs": EPOCHS}
    settings |= {"train": TRAIN, "validation": VALIDATION, "stacks": STACKS, "batch_size": BATCH}
    settings |= {"learning_rate": RATE, "clip_norm": 1.0}
    tables = [table(a) for a in range(len(HORIZONS))]
    return common.Outcome(tables, settings, pictures)


if __name__ == "__main__":
    common.run(__doc__, example)
