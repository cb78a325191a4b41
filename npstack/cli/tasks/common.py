"""The parts of a task: from the user's file to samples, a model, a measure, and pictures.

A task is a module with the names of `Task`; `npstack.cli.tasks.TASKS` lists them. Everything else
(options on the command line, run folders, training, resuming) is the same for all.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from npstack.core.errors import NpstackError
from npstack.core.numerics import Array
from npstack.files.paths import check_path
from npstack.files.strict_json import brief
from npstack.layers import Layer
from npstack.layers.streaming import predict
from npstack.losses.samples import LossFunction, Samples

Options = Mapping[str, Any]
SYSTEM = "stacked LSTM"  # its name among the scores
MOST, DIGITS, MOST_LAYERS = 10**9, 40, 100  # of whole numbers on the command line
SEED = 2**128 - 1  # NumPy advises seeds of 128 bits


class Option(NamedTuple):
    """A setting that can be given on the command line; kept in ``config.json``.

    Attributes
    ----------
    name : str
        ``batch_size`` is ``--batch-size`` on the command line.
    read : callable
        From the text on the command line; raises `argparse.ArgumentTypeError`.
    default : object
        None if there is none.
    help : str
    metavar : str
    """

    name: str
    read: Callable[[str], Any]
    default: Any
    help: str
    metavar: str

    def check(self, value: Any) -> Any:
        """A value from a file, read like one from the command line."""
        if value is None:
            return self.default
        return self.read(",".join(map(str, value)) if isinstance(value, list) else str(value))


class Problem(NamedTuple):
    """A file as a problem of a task.

    Attributes
    ----------
    train, validation : Samples
        The data for training, and the data used to decide when to stop.
    facts : dict
        Plain JSON: what is needed to use the model on other data (names of columns, scaling,
        classes, vocabulary).
    data : object
        What the task needs to measure and draw, such as the test part.
    """

    train: Samples
    validation: Samples
    facts: dict[str, Any]
    data: Any


class Scores(NamedTuple):
    """The errors of the model and of simple baselines.

    Attributes
    ----------
    measure : str
        What is measured, on which data, and whether lower is better.
    scores : dict of float
        By name; the model's is called `SYSTEM`.
    details : dict
        Plain JSON, such as the error by horizon.
    words : str
        Further text at the end.
    """

    measure: str
    scores: dict[str, float]
    details: dict[str, Any]
    words: str = ""


class Predictions(NamedTuple):
    """The output of ``npstack predict``: a CSV file or text, and a line about it."""

    text: str
    note: str


class Task(Protocol):
    """The names in the module of a task."""

    SUMMARY: str  # one line for the help
    OPTIONS: tuple[Option, ...]  # with the defaults of this task
    WISHES: tuple[Option, ...]  # options of ``npstack predict``
    LOSS: LossFunction
    LOSS_LABEL: str  # its name and unit beside the axis of the curves

    def prepare(self, path: Path, options: Options) -> Problem:
        """Read a file and divide it."""

    def check_facts(self, where: str, facts: Options, options: Options) -> None:
        """Raise a DataError unless these can be results of `prepare`."""

    def numbers(self, facts: Options, options: Options) -> int:
        """The number of parameters that `build` would make."""

    def build(self, facts: Options, options: Options, rng: np.random.Generator) -> Layer:
        """A model that fits the data."""

    def fitting(self, options: Options) -> dict[str, Any]:
        """Further arguments of `fit` for this task."""

    def measure(self, model: Layer, problem: Problem, options: Options) -> Scores:
        """Figures on the test part, with baselines."""

    def pictures(
        self, model: Layer, problem: Problem, options: Options
    ) -> Iterator[tuple[str, Any]]:
        """Name and figure of each picture."""

    def predict(
        self, model: Layer, facts: Options, options: Options, path: Path | None, wishes: Options
    ) -> Predictions:
        """Use the model on a new file."""


# ---- reading options ---------------------------------------------------------------------------


def whole(least: int, most: int = MOST) -> Callable[[str], int]:
    """Read a whole number between two bounds, both included."""

    def read(text: str) -> int:
        value = int(text) if text.isdecimal() and len(text) <= DIGITS else -1
        if value < least:
            expected = f"a whole number of at least {least}"
            raise argparse.ArgumentTypeError(f"{expected}, not {brief(text)}")
        if value > most:
            raise argparse.ArgumentTypeError(f"a whole number up to {most:,}, not {brief(text)}")
        return value

    return read


def sizes(text: str) -> list[int]:
    """Read whole numbers with commas between them, one per layer."""
    parts = text.split(",")
    if len(parts) > MOST_LAYERS:
        raise argparse.ArgumentTypeError(f"at most {MOST_LAYERS} layers, not {len(parts):,}")
    return [whole(1)(part.strip()) for part in parts]


def path(text: str) -> Path:
    """Read the name of a file or folder."""
    try:
        return check_path("", text, "a path")
    except NpstackError as error:
        raise argparse.ArgumentTypeError(f"{error.expected}, not {brief(text)}") from None


def number(least: float, below: float = float("inf"), with_least: bool = False) -> Any:
    """Read a number between two bounds, the lower one included or not."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not (least < value < below or (with_least and value == least)):
            bound = f"{'at least' if with_least else 'above'} {least:g}"
            bound += f" and below {below:g}" if below < float("inf") else ""
            raise argparse.ArgumentTypeError(f"a number {bound}, not {brief(text)}")
        return value

    return read


def words(text: str) -> list[str]:
    """Read names with commas between them."""
    found = [part.strip() for part in text.split(",")]
    if not all(found):
        raise argparse.ArgumentTypeError(f"names with commas between them, not {brief(text)}")
    return found


def one_of(*allowed: str) -> Callable[[str], str]:
    """Read one of some words."""

    def read(text: str) -> str:
        if text not in allowed:
            raise argparse.ArgumentTypeError(f"{' or '.join(allowed)}, not {brief(text)}")
        return text

    return read


def training_options(**defaults: Any) -> tuple[Option, ...]:
    """The options that all tasks have, with defaults of one task."""
    general: dict[str, Any] = {
        "validation": 0.15,
        "test": 0.15,
        "dropout": 0.0,
        "clip_norm": 1.0,
        "seed": 0,
        "dtype": "float64",
        "schedule": "constant",
    } | defaults
    share = number(0, 1)
    rows = [
        ("layers", sizes, "hidden size of each layer, bottom first", "H,H,…"),
        ("epochs", whole(1), "times through the training part, at most", "N"),
        ("patience", whole(1), "epochs without a better validation loss before it stops", "N"),
        ("batch_size", whole(1), "sequences per step (text: rows that are read at once)", "B"),
        ("learning_rate", number(0), "of Adam", "RATE"),
        (
            "schedule",
            one_of("constant", "cosine"),
            "constant, or half a cosine to 0",
            "constant|cosine",
        ),
        ("dropout", number(0, 1, True), "between the layers", "RATE"),
        ("clip_norm", number(0), "largest global norm of the gradients", "NORM"),
        ("validation", share, "fraction used to decide when to stop", "SHARE"),
        ("test", share, "fraction for the test at the end", "SHARE"),
        ("dtype", one_of("float32", "float64"), "numbers to compute with", "float32|float64"),
        ("seed", whole(0, SEED), "of all random numbers", "N"),
    ]
    return tuple(Option(name, read, general[name], text, mv) for name, read, text, mv in rows)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A whole CSV file."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue()


# ---- samples -----------------------------------------------------------------------------------


def cast(samples: Samples, options: Options) -> Samples:
    """Samples with the given dtype; classes and symbols stay integers."""
    dtype = np.dtype(options["dtype"])
    x, y = (v.astype(dtype) if v.dtype.kind == "f" else v for v in (samples.x, samples.y))
    return samples._replace(x=x, y=y)


def in_batches(model: Layer, samples: Samples, size: int = 256) -> Array:
    """Outputs of a model for many rows, some at a time, to save memory for tapes."""
    outputs = []
    for start in range(0, len(samples.x), size):
        part = slice(start, start + size)
        mask = None if samples.mask is None else samples.mask[part]
        outputs.append(predict(model, samples.x[part], mask=mask))
    return np.concatenate(outputs)
