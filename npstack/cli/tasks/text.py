"""``--task text``: a character model of a text file.

The first part of the file is for training, the next is used to decide when to stop, the last is
unseen. The model reads the training part in parallel rows and carries its state (truncated BPTT).
It is measured in bits per character, and compared with n-grams and the compressors of the standard
library.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent
from typing import Any, NamedTuple

import numpy as np

from npstack.baselines.ngram import COMPRESSORS, NGram, compressed_bits
from npstack.cli.memory import lstm_numbers
from npstack.cli.tasks.common import (
    SEED,
    SYSTEM,
    Option,
    Options,
    Predictions,
    Problem,
    Scores,
    csv_text,
    number,
    training_options,
    whole,
)
from npstack.cli.tasks.facts import Field, agree, are_counts, check_fields, is_word
from npstack.core.errors import DataError, fail
from npstack.core.numerics import Array
from npstack.data import load_text
from npstack.files.strict_json import brief
from npstack.layers import Layer
from npstack.losses import softmax_cross_entropy
from npstack.text import Vocabulary, bits_per_character, character_model, read, sample, streams


def character(text: str) -> str:
    """Read a single character."""
    if len(text) != 1:
        raise argparse.ArgumentTypeError(f"a single character, not {text!r}")
    return text


LOSS = softmax_cross_entropy
LOSS_LABEL = "cross-entropy, nats per character (1 nat = 1.44 bits)"
SYMBOLS = Field(
    "different characters, at least one",
    lambda text: is_word(text) and len(set(text)) == len(text),
)
ORDERS = 6  # the longest n-gram
SHOWN = 60  # characters in the picture
LEAD = 100  # characters that are read before it, and before writing
UNITS = 6  # of each layer, the slowest
WRITTEN, TEMPERATURE = 300, 0.7  # the sample that is printed with the figures
ROWS, MOST = 16, 16_000  # rows of the validation part, and most characters
SUMMARY = "a character model of a text file"
OPTIONS = (
    Option("span", whole(1), 32, "characters that a gradient reaches back", "N"),
    Option("embedding", whole(1), 32, "length of the vector of each character", "N"),
    Option("replacement", character, None, "symbol for unknown characters in later texts", "C"),
    *training_options(
        layers=[128, 128],
        epochs=10,
        patience=2,
        batch_size=32,
        learning_rate=0.01,
        schedule="cosine",
        validation=0.05,
        test=0.05,
        dtype="float32",
    ),
)
WISHES: tuple[Option, ...] = (
    Option("length", whole(1, 10**6), 500, "characters to write", "N"),
    Option("temperature", number(0, with_least=True), TEMPERATURE, "0: always the likeliest", "T"),
    Option("prompt", str, "\n", "text that it reads before it writes", "TEXT"),
    Option("seed", whole(0, SEED), 0, "of the characters that are drawn", "N"),
)


class Texts(NamedTuple):
    """The file, its vocabulary, and the ends of its parts."""

    text: str
    vocabulary: Vocabulary
    ids: Array
    train: int
    validation: int


def prepare(path: Path, options: Options) -> Problem:
    """Read the file and divide it: training, validation, unseen."""
    text = load_text(path)
    vocabulary = Vocabulary.of(text, options["replacement"] or "") if text else None
    held_out = [round(len(text) * options[part]) for part in ("test", "validation")]
    stop = len(text) - held_out[0]
    train = stop - held_out[1]
    rows, span = options["batch_size"], options["span"]
    if vocabulary is None or min(held_out) <= ROWS or train <= rows * span:
        expected = f"the text must have more than batch_size · span = {rows} · {span} characters "
        expected += f"for training, and {ROWS} each for validation and test"
        got = f"{train}, {held_out[1]} and {held_out[0]}"
        fail(
            DataError, str(path), expected, got, "Take a longer text, or --batch-size 4 --span 16."
        )
    ids = vocabulary.encode(text)
    facts = {
        "symbols": vocabulary.symbols,
        "counts": np.bincount(ids[:train], minlength=len(vocabulary)).tolist(),
    }
    data = Texts(text, vocabulary, ids, train, stop)
    return Problem(streams(ids[:train], rows), streams(ids[train:stop][:MOST], ROWS), facts, data)


def check_facts(where: str, facts: Options, options: Options) -> None:
    """The symbols, and how often each occurs."""
    counts = Field("whole numbers, not all of them 0", lambda n: are_counts(n) and any(n))
    check_fields(where, facts, {"symbols": SYMBOLS, "counts": counts})
    symbols, replacement = facts["symbols"], options["replacement"]
    expected = f"counts must be of {len(symbols)} symbols"
    agree(where, len(facts["counts"]) == len(symbols), expected, facts["counts"])
    known = replacement is None or replacement in symbols
    agree(where, known, f"replacement must be one of {brief(symbols)}", replacement)


def numbers(facts: Options, options: Options) -> int:
    """Parameters of embedding, stack and head."""
    V, D, layers = len(facts["symbols"]), options["embedding"], options["layers"]
    return int(V * D + lstm_numbers(D, layers) + (layers[-1] + 1) * V)


def build(facts: Options, options: Options, rng: np.random.Generator) -> Layer:
    """Embedding, stacked LSTM, dense; the head begins with the frequencies of the characters."""
    return character_model(
        len(facts["symbols"]),
        options["layers"],
        rng=rng,
        embedding=options["embedding"],
        dropout=options["dropout"],
        frequencies=np.array(facts["counts"]),
        dtype=np.dtype(options["dtype"]),
    )


def fitting(options: Options) -> dict[str, Any]:
    """Read all rows at once, from left to right, carrying the state."""
    return {"shuffle": False, "truncate": (options["span"], options["span"])}


def measure(model: Layer, problem: Problem, options: Options) -> Scores:
    """Bits per character of the unseen part, for the model, n-grams and compressors."""
    data: Texts = problem.data
    training, held_out = data.ids[: data.train], data.ids[data.train : data.validation]
    unseen, V = data.ids[data.validation :], len(data.vocabulary)
    counted = NGram(training, ORDERS, V)
    by_order = counted.bits_per_character(unseen)
    best = int(counted.bits_per_character(held_out).argmin())
    scores = {
        SYSTEM: bits_per_character(model, unseen),
        "frequencies alone (order 0)": float(by_order[0]),
        f"n-gram of order {best} (chosen on the validation part)": float(by_order[best]),
    }
    before, after = data.text[: data.train], data.text[data.validation :]
    for method in COMPRESSORS:
        scores[f"{method}, after the training part"] = compressed_bits(after, before, method)
    first, last = data.validation, len(data.ids) - 1
    rng = np.random.default_rng(options["seed"])
    written = sample(
        model, data.vocabulary, WRITTEN, rng=rng, temperature=TEMPERATURE, prompt=before[-LEAD:]
    )
    return Scores(
        f"bits per character, lower is better, on unseen text: characters {first} to {last}",
        scores,
        {"n-gram by order": by_order.tolist(), "sample": written},
        f"It writes (temperature {TEMPERATURE}):\n\n{indent(written, '  ')}",
    )


def pictures(model: Layer, problem: Problem, options: Options) -> Iterator[tuple[str, Any]]:
    """The activity of every unit while the model reads unseen text."""
    from npstack import plots

    data: Texts = problem.data
    start = data.validation
    before = data.ids[max(0, start - LEAD) : start]  # read first, so that the states are filled
    *_, (lead, _) = read(model, before)
    stretch = data.ids[start : start + SHOWN]
    ((tape, bits),) = read(model, stretch, lead.final)
    text = data.vocabulary.decode(stretch)
    yield "characters", plots.characters(tape, text, bits=bits, units=UNITS)


def predict(
    model: Layer, facts: Options, options: Options, path: Path | None, wishes: Options
) -> Predictions:
    """Write text; or, given a file, the bits of each of its characters."""
    vocabulary = Vocabulary(facts["symbols"], options["replacement"] or "")
    if path is None:
        rng = np.random.default_rng(wishes["seed"])
        asked = {name: wishes[name] for name in ("length", "prompt", "temperature")}
        written = sample(model, vocabulary, asked.pop("length"), rng=rng, **asked)
        return Predictions(asked["prompt"].lstrip("\n") + written + "\n", "")
    text = load_text(path)
    ids = vocabulary.encode(text)
    if len(ids) < 2:
        advice = "Nothing is predicted in one."
        fail(DataError, str(path), "the text must have at least 2 characters", len(ids), advice)
    found = [(bits, tape.outputs[0].argmax(-1)) for tape, bits in read(model, ids)]
    bits, likeliest = (np.concatenate(parts) for parts in zip(*found, strict=True))
    rows, line, column = [], 1, 1
    for k, character in enumerate(text):
        if k > 0:
            guess = vocabulary.symbols[likeliest[k - 1]]
            rows.append((line, column, character, f"{bits[k - 1]:.4f}", guess))
        line, column = (line + 1, 1) if character == "\n" else (line, column + 1)
    header = ("line", "column", "character", "bits", "likeliest")
    note = f"{float(bits.mean()):.4f} bits per character over {len(bits)} characters"
    return Predictions(csv_text(header, rows), note)
