"""``--task forecast``: one column of a table, one or many steps ahead.

The rows of the table are time steps. The model reads windows of some columns and forecasts the next
``horizon`` values of the target column, all at once. The table is divided by time: the first part
is for training, the next is used to decide when to stop, the last is the test. Columns are
standardised with the training part's mean and deviation. The model is compared with persistence and
a linear model over the same windows.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from npstack.baselines.forecasting import penalised
from npstack.cli.memory import lstm_numbers
from npstack.cli.tasks.columns import dates, find_target, read_table
from npstack.cli.tasks.common import (
    SYSTEM,
    Option,
    Options,
    Predictions,
    Problem,
    Scores,
    cast,
    csv_text,
    in_batches,
    one_of,
    training_options,
    whole,
    words,
)
from npstack.cli.tasks.facts import NAMES, SCALER, WORD, agree, check_fields, scaler_of
from npstack.core.errors import ArgumentError, DataError, fail
from npstack.core.numerics import Array
from npstack.data import Standardiser, split_by_time
from npstack.data.splits import TimeSplit
from npstack.data.windowing import Windows, windows
from npstack.files.strict_json import brief
from npstack.layers import Dense, Layer, Sequential
from npstack.layers.stacked import StackedLSTM
from npstack.losses import mean_squared_error
from npstack.losses.samples import Samples
from npstack.training import metrics

SUMMARY = "forecasts of a column of a table, one or many steps ahead"
OPTIONS = (
    Option("target", str, None, "column to forecast", "COLUMN"),
    Option("horizon", whole(1), 1, "how many steps ahead", "N"),
    Option("window", whole(1), 24, "steps that the model reads", "N"),
    Option("inputs", words, None, "columns to read, instead of all columns with numbers", "A,B,…"),
    Option("decimal", one_of(".", ","), ".", "decimal sign of the file", ".|,"),
    Option("missing", one_of("refuse", "mask"), "refuse", "fields without a value", "refuse|mask"),
    *training_options(layers=[32, 32], epochs=60, patience=10, batch_size=32, learning_rate=0.003),
)
WISHES: tuple[Option, ...] = ()
LOSS = mean_squared_error
LOSS_LABEL = "mean squared error, standardised"
PERSISTENCE, LINEAR = "persistence", "ridge over the window"
PENALTIES = 10.0 ** np.arange(-2, 5)
SHOWN = 300  # time steps in the picture of forecasts
MOST_READ = 1000  # in that of the activations
MOST_LINES = 6  # of outputs in one panel; more are drawn as a heat map


class Data(NamedTuple):
    """The parts of the table, and the date of each of its steps, if it has dates."""

    train: Windows
    validation: Windows
    test: Windows
    dates: list[str]


class Told(NamedTuple):
    """Truth and predictions of the test part, in the units of the data.

    Attributes
    ----------
    steps : int array (B,)
        The last time step that each row reads.
    truth : float array (B, A)
    predictions : dict of arrays (B, A)
        By the name of the method.
    """

    steps: NDArray[np.int64]
    truth: Array
    predictions: dict[str, Array]


def prepare(path: Path, options: Options) -> Problem:
    """Read the table, divide it by time, scale it by its training part, cut it into windows."""
    table = read_table(path, options, options["inputs"], options["target"])
    target = find_target(path, table, options["target"])
    split = divide(path, len(table.values), options)
    observed = table.mask.all(axis=1)
    scaler = Standardiser.fit(table.values, rows=split.train, mask=observed, constant="centre")
    rows = windows(
        table.values,
        options["window"],
        ahead=range(1, options["horizon"] + 1),
        targets=[target],
        mask=None if observed.all() else observed,
        scaler=scaler,
    )
    parts = split.divide(rows)
    facts = {
        "columns": list(table.names),
        "target": table.names[target],
        "scaler": scaler.config(),
    }
    train, validation = (cast(part.samples, options) for part in parts[:2])
    return Problem(train, validation, facts, Data(*parts, dates(path, options, len(table.values))))


def divide(path: Path, count: int, options: Options) -> TimeSplit:
    """Parts by time, each long enough for a row."""
    held_out = [round(count * options[part]) for part in ("validation", "test")]
    need = options["window"] + options["horizon"]
    if min(held_out) < options["horizon"] or count - sum(held_out) < need:
        expected = f"the series must have window + horizon = {options['window']} + "
        expected += f"{options['horizon']} steps for training, and {options['horizon']} each for "
        expected += "validation and test"
        got = f"{max(0, count - sum(held_out))}, {held_out[0]} and {held_out[1]} of its {count}"
        fail(DataError, str(path), expected, got, "Shorten --window or --horizon, or add data.")
    return split_by_time(count, train=count - sum(held_out), validation=held_out[0])


def check_facts(where: str, facts: Options, options: Options) -> None:
    """Names of columns, the target among them, and their scaling."""
    check_fields(where, facts, {"columns": NAMES, "target": WORD, "scaler": SCALER})
    columns, target, shift = facts["columns"], facts["target"], facts["scaler"]["shift"]
    agree(where, target in columns, f"target must be one of {brief(columns)}", target)
    agree(where, len(shift) == len(columns), f"scaler must be of {len(columns)} columns", shift)


def numbers(facts: Options, options: Options) -> int:
    """Parameters of stack and head."""
    layers = options["layers"]
    head = (layers[-1] + 1) * options["horizon"]
    return lstm_numbers(len(facts["columns"]), layers) + int(head)


def build(facts: Options, options: Options, rng: np.random.Generator) -> Layer:
    """A stack that is read after its last step, and one output per step ahead."""
    return _build(facts, options, rng, every_step=False)


def _build(facts: Options, options: Options, rng: np.random.Generator, every_step: bool) -> Layer:
    """The same model, or one with the same parameters that forecasts after every step."""
    dtype, sizes = np.dtype(options["dtype"]), options["layers"]
    stack = StackedLSTM(
        len(facts["columns"]),
        sizes,
        return_sequences=every_step,
        dropout=options["dropout"],
        rng=rng,
        dtype=dtype,
    )
    return Sequential(stack, Dense(sizes[-1], options["horizon"], rng=rng, dtype=dtype))


def fitting(options: Options) -> dict[str, Any]:
    """Rows in random order."""
    return {}


def tell(model: Layer, problem: Problem, options: Options) -> Told:
    """Predictions of model and baselines on the test part."""
    data: Data = problem.data
    test = data.test
    last = test.positions.inputs[:, -1]
    seen = held(test.values[:, test.target_columns], test.observed)[last]
    outputs = in_batches(model, cast(test.samples, options)).astype(float)
    predictions = {
        SYSTEM: test.unscale(outputs),
        PERSISTENCE: np.repeat(seen, options["horizon"], axis=1),
        LINEAR: test.unscale(linear(*(part.samples for part in data[:3]))),
    }
    return Told(last, test.unscale(test.samples.y), predictions)


def held(values: Array, observed: NDArray[np.bool_]) -> Array:
    """Each step's value, or the last observed one; before the first observed value, that value.

    Examples
    --------
    >>> held(np.array([np.nan, 1.0, np.nan, 3.0]), np.array([False, True, False, True]))
    array([1., 1., 1., 3.])
    """
    places = np.where(observed, np.arange(len(values)), -1)
    first = int(np.argmax(observed))
    return np.asarray(values[np.maximum(np.maximum.accumulate(places), first)])


def linear(train: Samples, validation: Samples, test: Samples) -> Array:
    """Ridge regression on all numbers of a window; the penalty is chosen on the validation part."""

    def rows(samples: Samples) -> Array:
        x = samples.x
        if samples.mask is not None:
            x = np.where(samples.mask[..., np.newaxis], x, 0.0)
        return np.column_stack([x.reshape(len(x), -1), np.ones(len(x))])

    def counted(samples: Samples) -> Any:
        return slice(None) if samples.counts is None else samples.counts

    A, Y = rows(train)[counted(train)], train.y[counted(train)]
    held_out, truth = rows(validation)[counted(validation)], validation.y[counted(validation)]
    fits = [np.linalg.solve(penalised(A, penalty), A.T @ Y) for penalty in PENALTIES]
    best = min(fits, key=lambda w: float(np.mean((held_out @ w - truth) ** 2)))
    return np.asarray(rows(test) @ best)


def measure(model: Layer, problem: Problem, options: Options) -> Scores:
    """Root mean squared errors on the test part, in the units of the data."""
    test = problem.data.test
    told, counts = tell(model, problem, options), test.counted()
    errors = {
        name: metrics.rmse(said, told.truth, counts) for name, said in told.predictions.items()
    }
    span = f"steps {test.positions.targets.min()} to {test.positions.targets.max()}"
    name = problem.facts["target"]
    return Scores(
        f"root mean squared error of {name}, in its own unit, lower is better, on the test part: "
        f"{span}" + (f", over {options['horizon']} horizons" if options["horizon"] > 1 else ""),
        {name: float(np.sqrt(np.mean(rmse**2))) for name, rmse in errors.items()},
        {"rmse by horizon": {name: rmse.tolist() for name, rmse in errors.items()}},
    )


def pictures(model: Layer, problem: Problem, options: Options) -> Iterator[tuple[str, Any]]:
    """Forecasts of the test part, errors by horizon, and the states while it is read."""
    from npstack import plots

    test, name = problem.data.test, problem.facts["target"]
    told, h = tell(model, problem, options), options["horizon"]
    shown = sorted({1, (h + 1) // 2, h})
    steps = np.arange(told.steps[0] + 1, told.steps[-1] + h + 1)[:SHOWN]

    def over_time(values: Array) -> Array:
        """A column per horizon, at the target steps; NaN elsewhere."""
        found = np.full((len(steps), len(shown)), np.nan)
        for k, ahead in enumerate(shown):
            at = told.steps + ahead - steps[0]
            inside = at < len(steps)
            found[at[inside], k] = values[inside, ahead - 1]
        return found

    truth = np.where(test.observed, test.values[:, test.target_columns[0]], np.nan)[steps]
    yield (
        "forecasts",
        plots.forecast_horizons(
            steps,
            truth,
            {who: over_time(told.predictions[who]) for who in (SYSTEM, PERSISTENCE)},
            [f"{a} step{'s' * (a > 1)} ahead" for a in shown],
            time_label=_time_label(problem.data.dates, steps, "time step"),
            value_label=name,
        ),
    )
    if h > 1:
        errors = measure(model, problem, options).details["rmse by horizon"]
        yield (
            "errors_by_horizon",
            plots.errors_by_horizon(
                np.arange(1, h + 1),
                {who: np.array(rmse) for who, rmse in errors.items()},
                error_label=f"root mean squared error of {name}",
            ),
        )
    read, x, mask, y = _whole(problem, options)
    reader = _build(problem.facts, options, np.random.default_rng(0), every_step=True)
    reader.params = model.params
    some = f"first {MOST_READ} steps of the " if len(read) == MOST_READ else ""
    label = f"time step ({some}test part, read in one go)"
    ahead = [f"{a} step{'s' * (a > 1)} ahead" for a in range(1, h + 1)]
    few = h <= MOST_LINES  # else the rows of a heat map, with little room beside them
    yield (
        "activations",
        plots.activations(
            reader.forward(x, mask=mask),
            times=read,
            time_label=_time_label(problem.data.dates, read, label),
            input_labels=[f"{column}, standardised" for column in problem.facts["columns"]],
            output_labels=[f"{name} {own}" for own in ahead] if few else ahead,
            truth=y if h == 1 else None,
            truth_label="truth, 1 step later",
        ),
    )


def _time_label(dates: list[str], steps: Array, without: str) -> str:
    """The name of an axis of time steps, with the dates of its ends if they are known."""
    inside = [int(step) for step in steps[[0, -1]] if step < len(dates)]
    said = "; ".join(f"{step}: {dates[step][:16]}" for step in inside)
    return f"time step of the test part ({said})" if said else without


def _whole(problem: Problem, options: Options) -> tuple[Array, Array, Array, Array]:
    """The steps of the test part, at most `MOST_READ`, as one row: input, mask, targets.

    It begins with the steps that its first window reads.
    """
    test, scaler = problem.data.test, scaler_of(problem.facts)
    start, stop = int(test.positions.inputs[0, 0]), int(test.positions.inputs[-1, -1]) + 1
    steps = np.arange(start, min(stop, start + MOST_READ))
    scaled = np.where(test.observed[:, np.newaxis], test.values, scaler.shift)
    scaled = scaler.apply(scaled).astype(options["dtype"])
    targets = steps[:, np.newaxis] + np.arange(1, options["horizon"] + 1)
    known = np.where(test.observed, scaled[:, test.target_columns[0]], np.nan)
    one = np.newaxis
    return steps, scaled[one, steps], test.observed[one, steps], known[targets][one]


def predict(
    model: Layer, facts: Options, options: Options, path: Path | None, wishes: Options
) -> Predictions:
    """Forecasts after every window of a table; the last row lies beyond its end."""
    if path is None:
        advice = "npstack predict RUN DATA"
        fail(ArgumentError, "npstack predict", "give the table to forecast", "none", advice)
    table = read_table(path, options, list(facts["columns"]))
    window, h, count = options["window"], options["horizon"], len(table.values)
    if count < window:
        advice = "The model needs a whole window for a forecast."
        expected = f"the series must have at least window = {window} steps"
        fail(DataError, str(path), expected, count, advice)
    scaler, observed = scaler_of(facts), np.asarray(table.mask.all(axis=1))
    values = np.where(observed[:, np.newaxis], table.values, scaler.shift)
    index = np.arange(count - window + 1)[:, np.newaxis] + np.arange(window)
    samples = cast(Samples(scaler.apply(values)[index], np.zeros(0), observed[index]), options)
    outputs = in_batches(model, samples).astype(float)[..., np.newaxis]
    told = scaler.invert(outputs, [facts["columns"].index(facts["target"])])[..., 0]
    header = ["after row", *(f"{facts['target']} +{a}" for a in range(1, h + 1))]
    rows = [
        (window + k, *(f"{value:.10g}" for value in row)) for k, row in enumerate(told.tolist())
    ]
    note = f"{len(rows)} forecasts; the last lies beyond the end of {path.name}"
    return Predictions(csv_text(header, rows), note)
