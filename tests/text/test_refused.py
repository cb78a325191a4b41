"""Wrong texts, symbols and models are refused in words; nothing reads beside a table."""

import numpy as np
import pytest

from npstack import GRU, Dropout, NpstackError, StackedLSTM
from npstack.baselines import NGram, compressed_bits
from npstack.data import tagged_statements
from npstack.layers import Bidirectional
from npstack.text import (
    Vocabulary,
    bits_per_character,
    character_model,
    one_hot,
    read,
    sample,
    streams,
    surprise,
    without_repeats,
)
from tests.text.rhyme import IDS, VOCABULARY, small_model

V = len(VOCABULARY)


def rng():
    return np.random.default_rng(0)


def model():
    return small_model(rng())


def written(**changes):
    given = {"model": model(), "vocabulary": VOCABULARY, "length": 3, "rng": rng()} | changes
    return sample(given.pop("model"), given.pop("vocabulary"), given.pop("length"), **given)


REFUSED = {
    # symbols out of range: a negative one would be read from the end
    "a negative symbol as a vector": (
        lambda: one_hot(np.array([-1]), 3),
        "between 0 and 2, got -1",
    ),
    "a symbol too large as a vector": (lambda: one_hot(np.array([[3]]), 3), "Is size the number"),
    "a surprise of a negative symbol": (
        lambda: surprise(np.zeros((2, 3)), np.array([0, -1])),
        "ids must be at least 0 and below 3, got -1 to 0",
    ),
    "a surprise at one step of two": (lambda: surprise(np.zeros((2, 3)), IDS[:1] * 0), r"\(T=2,\)"),
    "a surprise at a batch": (lambda: surprise(np.zeros((1, 2, 3)), IDS[:2]), "One row"),
    "counted symbols out of range": (lambda: NGram(IDS, 2, V - 1), f"below {V - 1}"),
    "unseen symbols out of range": (lambda: NGram(IDS, 2, V).probabilities(IDS + 1), "below"),
    "a text of one character": (lambda: NGram(IDS, 2, V).bits_per_character(IDS[:1]), "at least 2"),
    "symbols that the model has not": (lambda: read(model(), IDS + 1), f"below {V}"),
    "a negative row of a text": (lambda: streams(IDS - 1, 2), "at least 0, got -1"),
    "symbols in a table": (lambda: VOCABULARY.decode([[1, 2]]), "One row at a time"),
    "symbols that are flags": (lambda: VOCABULARY.decode([True]), "integers"),
    "masked symbols": (lambda: streams(np.ma.array(IDS), 2), "without a mask of its own"),
    "no symbols at all": (lambda: bits_per_character(model(), None), "array of numbers"),
    "an order that is a flag": (lambda: NGram(IDS, False, V), "order must be a whole number"),
    "an order of half": (lambda: NGram(IDS, 1.5, V), "order must be a whole number"),
    # texts
    "bytes to be encoded": (lambda: VOCABULARY.encode(b"a"), r"must be a string.*decode\(\)"),
    "a vocabulary of bytes": (lambda: Vocabulary.of(b"a"), "must be a string"),
    "a replacement that is none": (lambda: Vocabulary.of("ab", None), "replacement must be a str"),
    "a replacement of two": (lambda: Vocabulary.of("ab", "?!"), "one of the symbols"),
    "a replacement that is an array": (lambda: Vocabulary("ab", np.array(["a"])), "one of the sym"),
    "paragraphs of None": (lambda: without_repeats(None), "must be a string"),
    "None to be compressed": (lambda: compressed_bits(None, ""), "text must be a string"),
    "compressed after None": (lambda: compressed_bits("a", None), "after must be a string"),
    "a program of None": (lambda: tagged_statements(None), "source must be a str"),
    # models
    "a list for a model": (lambda: read([model()], IDS), "model must be a layer"),
    "a model of its last step": (
        lambda: written(model=GRU(V, V, return_sequences=False, rng=rng())),
        "must predict a character at every step",
    ),
    "a model without sizes": (lambda: read(Dropout(0.1), IDS), "must predict a character"),
    "a model that looks ahead": (
        lambda: bits_per_character(Bidirectional(GRU(V, 2, rng=rng()), GRU(V, 2, rng=rng())), IDS),
        "later",
    ),
    "a vocabulary of another model": (
        lambda: written(vocabulary=Vocabulary("ab")),
        f"the model's {V} symbols, got 2",
    ),
    "a text for a vocabulary": (lambda: written(vocabulary="ab"), "must be a Vocabulary"),
    "a prompt of bytes": (lambda: written(prompt=b"a"), "prompt must be a string"),
    "one-hot vectors of another size": (
        lambda: read(StackedLSTM(3, [3], rng=rng()), IDS).__next__(),
        "between 0 and 2",
    ),
    "frequencies with NaN": (
        lambda: character_model(2, 3, rng=rng(), frequencies=[1, np.nan]),
        "frequencies must be counts",
    ),
    "frequencies without end": (
        lambda: character_model(2, 3, rng=rng(), frequencies=[1, np.inf]),
        "np.bincount",
    ),
    "an embedding that is a flag": (
        lambda: character_model(2, 3, rng=rng(), embedding=True),
        "embedding must be a whole number",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_in_words(name):
    call, words = REFUSED[name]
    with pytest.raises(NpstackError, match=words):
        call()


def test_what_is_wrong_is_said_before_the_first_step_is_read():
    steps = read(model(), IDS[:3], span=np.int8(2))
    assert [len(bits) for _, bits in steps] == [2, 0]
    with pytest.raises(NpstackError, match="span"):
        read(model(), IDS, span=0)


def test_small_symbols_are_symbols_like_any_other():
    small = IDS.astype(np.int8)
    counts = NGram(small, 3, V).bits_per_character(small)
    np.testing.assert_array_equal(counts, NGram(IDS, 3, V).bits_per_character(IDS))
    assert bits_per_character(model(), small) == bits_per_character(model(), IDS)


def test_half_of_a_pair_of_code_units_is_a_character():
    odd = "a\ud800b"
    vocabulary = Vocabulary.of(odd)
    assert vocabulary.decode(vocabulary.encode(odd)) == odd
    assert compressed_bits(odd, odd) > 0
