"""``--task classify``: the class of a whole sequence.

The file has one line per time step (see `npstack.data.load_labelled_csv`), or is an NPZ file with
arrays ``x``, ``y``, ``lengths``, or a ``.ts`` file of the UEA and UCR archives. Sequences may have
different lengths. They are divided at random, each class in the same proportions. Features are
standardised with the training part's mean and deviation. The class is predicted from the last
hidden state.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from npstack.baselines import ridge_classifier, summaries
from npstack.cli.memory import lstm_numbers
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
    words,
)
from npstack.cli.tasks.facts import (
    NAMES,
    SCALER,
    Field,
    agree,
    are_names,
    check_fields,
    scaler_of,
)
from npstack.core.errors import ArgumentError, DataError, fail
from npstack.core.numerics import exp, log_softmax
from npstack.data import (
    Labelled,
    Standardiser,
    load_labelled_csv,
    load_labelled_npz,
    load_ts,
    split_by_row,
)
from npstack.layers import Dense, Layer, Sequential
from npstack.layers.stacked import StackedLSTM
from npstack.losses import softmax_cross_entropy
from npstack.losses.samples import Samples
from npstack.training import metrics

SUMMARY = "the class of a whole sequence"
OPTIONS = (
    Option("target", str, "label", "column of the class", "COLUMN"),
    Option("sequence", str, "sequence", "column that names the sequence", "COLUMN"),
    Option("step", str, "step", "column of the time step, if there is one", "COLUMN"),
    Option("inputs", words, None, "columns to read, instead of all other columns", "A,B,…"),
    Option("decimal", one_of(".", ","), ".", "decimal sign of the file", ".|,"),
    *training_options(layers=[32, 32], epochs=60, patience=10, batch_size=16, learning_rate=0.003),
)
WISHES: tuple[Option, ...] = ()
LOSS = softmax_cross_entropy
LOSS_LABEL = "cross-entropy, nats"
PENALTIES = 10.0 ** np.arange(-2, 5)


class Data(NamedTuple):
    """Scaled samples, and the names of test sequences, classes and columns."""

    train: Samples
    test: Samples
    ids: tuple[str, ...]
    classes: tuple[str, ...]
    features: tuple[str, ...]


def load(
    path: Path, options: Options, labels: bool = True, facts: Options | None = None
) -> Labelled:
    """Sequences of a file, by its suffix; with ``facts``, the columns and classes of training."""
    known: Any = facts["classes"] if facts else None
    names = [options[k] for k in ("target", "sequence", "step")]
    if len(set(names)) < len(names):
        expected = "--target, --sequence and --step must be three columns"
        fail(ArgumentError, str(path), expected, ", ".join(names), "Leave out those you lack.")
    if path.suffix == ".npz":
        return load_labelled_npz(path, classes=known)
    if path.suffix == ".ts":
        return load_ts(path)
    return load_labelled_csv(
        path,
        labels="sequence" if labels else "none",
        classes=known,
        features=facts["features"] if facts else options["inputs"],
        called={"label": options["target"], **{k: options[k] for k in ("sequence", "step")}},
        decimal=options["decimal"],
    )


def prepare(path: Path, options: Options) -> Problem:
    """Read the file, divide it class by class, scale it by its training part."""
    found = load(path, options)
    samples, where = found.samples, str(path)
    if samples.y.ndim != 1 or (samples.y < 0).any():
        expected, advice = "there must be a class for each sequence", "y (N,) in an NPZ file."
        got = "a class for each step" if samples.y.ndim > 1 else "none"
        fail(DataError, where, expected, got, advice)
    if len(found.classes) < 2:
        expected, advice = "there must be at least 2 classes", "Is --target the right column?"
        fail(DataError, where, expected, ", ".join(found.classes), advice)
    rng = np.random.default_rng([options["seed"], 2])  # independent of weights and batches
    split = split_by_row(
        len(samples.y),
        rng=rng,
        train=1 - options["validation"] - options["test"],
        validation=options["validation"],
        labels=np.array(found.classes)[samples.y],
    )
    scaler = Standardiser.fit(samples.x, rows=split.train, mask=samples.mask, constant="centre")
    facts = {
        "features": list(found.features),
        "classes": list(found.classes),
        "scaler": scaler.config(),
    }
    scaled = cast(samples._replace(x=scaler.apply(samples.x)), options)
    train, validation, test = (scaled.rows(rows) for rows in split)
    ids = tuple(found.ids[row] for row in split.test)
    data = Data(train, test, ids, found.classes, found.features)
    return Problem(train, validation, facts, data)


def check_facts(where: str, facts: Options, options: Options) -> None:
    """Names of features and classes, and their scaling."""
    classes = Field("different names, at least two", partial(are_names, least=2))
    check_fields(where, facts, {"features": NAMES, "classes": classes, "scaler": SCALER})
    features, shift = facts["features"], facts["scaler"]["shift"]
    agree(where, len(shift) == len(features), f"scaler must be of {len(features)} columns", shift)


def numbers(facts: Options, options: Options) -> int:
    """Parameters of stack and head."""
    layers = options["layers"]
    head = (layers[-1] + 1) * len(facts["classes"])
    return lstm_numbers(len(facts["features"]), layers) + int(head)


def build(facts: Options, options: Options, rng: np.random.Generator) -> Layer:
    """A stack that is read after its last step, and one output per class."""
    dtype, sizes = np.dtype(options["dtype"]), options["layers"]
    stack = StackedLSTM(
        len(facts["features"]),
        sizes,
        return_sequences=False,
        dropout=options["dropout"],
        rng=rng,
        dtype=dtype,
    )
    return Sequential(stack, Dense(sizes[-1], len(facts["classes"]), rng=rng, dtype=dtype))


def fitting(options: Options) -> dict[str, Any]:
    """Rows in random order."""
    return {}


def measure(model: Layer, problem: Problem, options: Options) -> Scores:
    """Error rates and the confusion matrix on the test part."""
    data: Data = problem.data
    train, test = data.train, data.test
    said = in_batches(model, test).argmax(-1)
    usual = np.bincount(train.y).argmax()
    features = [summaries(part.x, part.mask).astype(float) for part in (train, test)]
    linear = ridge_classifier(features[0], train.y, features[1], PENALTIES).predicted
    scores = {
        SYSTEM: metrics.error_rate(said, test.y),
        f"most frequent class ({data.classes[usual]})": float(np.mean(test.y != usual)),
        "ridge on each feature's mean, deviation, extremes, ends": metrics.error_rate(
            linear, test.y
        ),
    }
    confused = metrics.confusion_matrix(said, test.y, len(data.classes))
    return Scores(
        f"share of sequences of the wrong class, lower is better, among {len(test.y)} for the test",
        scores,
        {"classes": list(data.classes), "confusion matrix": confused.tolist()},
    )


def pictures(model: Layer, problem: Problem, options: Options) -> Iterator[tuple[str, Any]]:
    """The confusion matrix, and the states over one test sequence."""
    from npstack import plots

    data: Data = problem.data
    confused = np.array(measure(model, problem, options).details["confusion matrix"])
    yield "confusion", plots.confusion_matrix(confused, data.classes)
    row = data.test.rows(slice(1))
    used = slice(None) if row.mask is None else row.mask[0]
    tape = model.forward(row.x[:, used])
    right = data.classes[int(row.y[0])]
    yield (
        "activations",
        plots.activations(
            tape,
            time_label=f"time step of sequence {data.ids[0]}, of class {right}",
            input_labels=data.features,
            output_labels=data.classes,
        ),
    )


def predict(
    model: Layer, facts: Options, options: Options, path: Path | None, wishes: Options
) -> Predictions:
    """Class and probabilities of every sequence of a file, which needs no labels."""
    if path is None:
        advice = "npstack predict RUN DATA"
        fail(ArgumentError, "npstack predict", "give the sequences to classify", "none", advice)
    found = load(path, options, labels=False, facts=facts)
    features, classes = facts["features"], facts["classes"]
    if list(found.features) != features:
        expected = f"the file must have the features {', '.join(features)}"
        fail(DataError, str(path), expected, ", ".join(found.features))
    x = scaler_of(facts).apply(found.samples.x)
    outputs = in_batches(model, cast(found.samples._replace(x=x), options))
    shares = exp(log_softmax(outputs.astype(float)))
    header = ["sequence", "class", *(f"p({name})" for name in classes)]
    rows = [
        (name, classes[int(row.argmax())], *(f"{p:.4f}" for p in row))
        for name, row in zip(found.ids, shares, strict=True)
    ]
    return Predictions(csv_text(header, rows), f"classes of {len(rows)} sequences")
