"""Wrong calls of truncated and stateful training: each says what was expected and what to do."""

import numpy as np
import pytest

from npstack import (
    LSTM,
    ArgumentError,
    Bidirectional,
    Dense,
    Dropout,
    DtypeError,
    Reversed,
    Sequential,
    ShapeError,
)
from npstack.losses.samples import Samples
from npstack.seq2seq.encoder_decoder import EncoderDecoder
from npstack.seq2seq.pairs import SourceTarget
from npstack.text.model import bits_per_character
from npstack.training.bptt import spans, truncated_gradients
from npstack.training.fit import fit
from tests.training.truncation import B, model_and_samples

pytestmark = pytest.mark.core


def wrong(**options):
    model, samples = model_and_samples()
    arguments = {"epochs": 1, "batch_size": B, "rng": np.random.default_rng(0), **options}
    fit(arguments.pop("model", model), arguments.pop("samples", samples), **arguments)


X = np.zeros((4, 5, 2))
LAST = LSTM(2, 2, return_sequences=False, rng=np.random.default_rng(0))
NO_STATE = Sequential(Dropout(0.5), Dense(2, 2, rng=np.random.default_rng(0)))
SIDES = [LSTM(2, 2, rng=np.random.default_rng(k)) for k in range(2)]
PAIR = EncoderDecoder(*SIDES)
TURNED = Reversed(LSTM(2, 2, rng=np.random.default_rng(0)))
BOTH = Bidirectional(*(LSTM(2, 1, rng=np.random.default_rng(k)) for k in range(2)))
RECURRENT = LSTM(2, 2, rng=np.random.default_rng(0))
NOTHING = np.zeros((4, 5), bool)
WEIGHTS = np.ones((4, 4))
REFUSED = {
    "truncate is one number": (lambda: wrong(truncate=4), ArgumentError, r"pair \(k1, k2\)"),
    "k1 is a float": (
        lambda: wrong(truncate=(2.5, 3)),
        ArgumentError,
        "k1, must be a whole number",
    ),
    "k1 is zero": (lambda: spans(5, 0, 1), ArgumentError, "k1 must be a whole number of at least"),
    "k2 is zero": (lambda: wrong(truncate=(4, 0)), ArgumentError, "k2, must be a whole number"),
    "k2 is a float": (lambda: spans(5, 2, 2.0), ArgumentError, "k2 must be a whole number"),
    "no steps": (lambda: spans(0, 2, 2), ArgumentError, "steps must be a whole number"),
    "only the last step": (
        lambda: wrong(model=LAST, samples=(X, X[:, 0]), truncate=(2, 2)),
        ArgumentError,
        "truncate needs a model with an output at every step.*return_sequences=True",
    ),
    "gradients of only the last step": (
        lambda: truncated_gradients(LAST, (X, X), 2, 2),
        ArgumentError,
        "truncated_gradients: it needs a model with an output at every step",
    ),
    "no state to carry": (
        lambda: wrong(model=NO_STATE, samples=(X, X), truncate=(2, 2)),
        ArgumentError,
        "recurrent layer",
    ),
    "a model that reads the future": (
        lambda: wrong(model=BOTH, samples=(X, X), truncate=(2, 2)),
        ArgumentError,
        "truncate needs a model in which no step .* got a Reversed in a Bidirectional",
    ),
    "stateful, of a model that reads the future": (
        lambda: wrong(model=Sequential(TURNED), samples=(X, X), stateful=True),
        ArgumentError,
        "stateful needs a model in which no step .* got a Reversed in a Sequential",
    ),
    "gradients of a model that reads the future": (
        lambda: truncated_gradients(TURNED, (X, X), 2, 2),
        ArgumentError,
        "it needs a model in which no step depends on a later one, got a Reversed",
    ),
    "reading on with a model that reads the future": (
        lambda: bits_per_character(TURNED, np.zeros(4, int)),
        ArgumentError,
        "read: reading on needs a model in which no step depends on a later one",
    ),
    "no state for stateful": (
        lambda: wrong(model=NO_STATE, samples=(X, X), stateful=True),
        ArgumentError,
        "stateful needs a model with a recurrent layer",
    ),
    "gradients without a state": (
        lambda: truncated_gradients(NO_STATE, (X, X), 2, 2),
        ArgumentError,
        "truncated_gradients: it needs a model with a recurrent layer",
    ),
    "no model": (
        lambda: truncated_gradients(None, (X, X), 2, 2),
        DtypeError,
        "model must be a layer, got None",
    ),
    "targets without time": (
        lambda: wrong(model=RECURRENT, samples=(X, X[:, 0]), truncate=(2, 2)),
        ShapeError,
        r"begin with \(B, T\)",
    ),
    "symbols with targets of one axis": (
        lambda: truncated_gradients(RECURRENT, (X[:, 0, 0], X[:, 0, 0]), 2, 2),
        ShapeError,
        r"begin with \(B, T\)",
    ),
    "weights of another length": (
        lambda: truncated_gradients(RECURRENT, Samples(X, X, weights=WEIGHTS), 2, 2),
        ShapeError,
        r"'weights': \(4, 4\)",
    ),
    "a mask of another length": (
        lambda: truncated_gradients(RECURRENT, Samples(X, X, mask=WEIGHTS > 0), 2, 2),
        ShapeError,
        r"'mask': \(4, 4\)",
    ),
    "a warm-up of another length": (
        lambda: truncated_gradients(RECURRENT, Samples(X, X, counts=WEIGHTS > 0), 2, 2),
        ShapeError,
        r"'counts': \(4, 4\)",
    ),
    "no samples": (
        lambda: truncated_gradients(RECURRENT, X, 2, 2),
        DtypeError,
        "truncated_gradients: samples must be Samples",
    ),
    "nothing that counts": (
        lambda: truncated_gradients(RECURRENT, Samples(X, X, counts=NOTHING), 2, 2),
        ArgumentError,
        "at least one valid step must count",
    ),
    "two inputs": (
        lambda: wrong(model=PAIR, samples=(SourceTarget(X, X), X), stateful=True),
        ArgumentError,
        "one input",
    ),
    "two inputs in spans": (
        lambda: wrong(model=PAIR, samples=(SourceTarget(X, X), X), truncate=(2, 2)),
        ShapeError,
        r"begin with \(B, T\), got .*two inputs",
    ),
    "rows left over": (
        lambda: wrong(stateful=True, batch_size=2),
        ShapeError,
        "leave a smaller one",
    ),
    "batches of two sizes": (
        lambda: wrong(stateful=True, batches=lambda rng: [[0, 1], [2]]),
        ShapeError,
        "2 rows like the first",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_calls_are_explained(name):
    call, error, words = REFUSED[name]
    with pytest.raises(error, match=words):
        call()
