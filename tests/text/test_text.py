"""Text: symbols, rows that continue each other, bits per character, and generated text."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npstack import (
    Adam,
    ArgumentError,
    DataError,
    DtypeError,
    ShapeError,
    clip_by_global_norm,
    fit,
    softmax_cross_entropy,
)
from npstack.baselines.ngram import NGram
from npstack.layers import Dense, Embedding, Sequential
from npstack.layers.stacked import StackedLSTM
from npstack.text import (
    Vocabulary,
    bits_per_character,
    character_model,
    one_hot,
    read,
    sample,
    streams,
)
from tests.text.rhyme import IDS, VOCABULARY, small_model


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def model(rng):
    return small_model(rng)


# ---- vocabulary --------------------------------------------------------------------------------


@given(st.text(min_size=1))
def test_decoding_undoes_encoding(text):
    vocabulary = Vocabulary.of(text)
    ids = vocabulary.encode(text)
    assert ids.shape == (len(text),)
    assert ids.max() < len(vocabulary)
    assert vocabulary.decode(ids) == text


def test_symbols_may_stand_in_any_order():
    vocabulary = Vocabulary("zab")
    assert vocabulary.encode("abz").tolist() == [1, 2, 0]


def test_an_unknown_character_is_named_with_line_and_column():
    words = r"'Ü' \(U\+00DC\) at line 2, column 3, and 1 more .* replacement='\?'"
    with pytest.raises(DataError, match=words):
        Vocabulary.of("ab\n").encode("ab\nabÜ?Ü")
    with pytest.raises(DataError, match=r"'x' \(U\+0078\) at line 1, column 1\."):
        Vocabulary.of("ab").encode("x")


def test_a_replacement_is_read_for_unknown_characters():
    vocabulary = Vocabulary.of("ab", replacement="?")
    assert vocabulary.decode(vocabulary.encode("aXb\u2603")) == "a?b?"


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: Vocabulary("aa"), ArgumentError, "different characters"),
        (lambda: Vocabulary(""), ArgumentError, "at least one"),
        (lambda: Vocabulary("ab", "c"), ArgumentError, "one of the symbols"),
        (lambda: Vocabulary.of(""), ArgumentError, "at least one character"),
        (lambda: Vocabulary.of(3), ArgumentError, "text must be a string"),
        (lambda: VOCABULARY.decode([0.5]), DtypeError, "integers"),
        (lambda: VOCABULARY.decode([len(VOCABULARY)]), ArgumentError, "between 0 and"),
        (lambda: VOCABULARY.decode([-1]), ArgumentError, "-1 to -1"),
    ],
)
def test_wrong_vocabularies_are_refused_in_words(call, error, words):
    with pytest.raises(error, match=words):
        call()


# ---- rows that continue ------------------------------------------------------------------------


@given(st.integers(2, 60), st.integers(1, 8))
def test_streams_hold_the_text_in_order_and_the_next_character_of_each(count, rows):
    ids = np.arange(count)
    if count <= rows:
        with pytest.raises(ShapeError, match="fewer rows"):
            streams(ids, rows)
        return
    samples = streams(ids, rows)
    assert samples.x.ravel().tolist() == list(range(samples.x.size))  # row after row, nothing lost
    assert samples.x.shape[0] == rows
    assert 0 <= count - 1 - samples.x.size < rows  # what is left out at the end
    np.testing.assert_array_equal(samples.y, samples.x + 1)


def test_streams_refuse_what_is_not_a_text():
    with pytest.raises(ShapeError, match=r"vocabulary\.encode"):
        streams(np.zeros((2, 3), int), 1)
    with pytest.raises(ShapeError, match="integers"):
        streams(np.zeros(5), 1)
    with pytest.raises(ArgumentError, match="rows"):
        streams(IDS, 0)


def test_one_hot_times_a_table_is_an_embedding(rng):
    embedding = Embedding(9, 4, rng=rng)
    (table,) = embedding.params.values()
    ids = rng.integers(0, 9, (2, 5))
    np.testing.assert_array_equal(one_hot(ids, 9) @ table, embedding.forward(ids).outputs)
    assert one_hot(ids, 9, np.float32).dtype == np.float32


# ---- the model, read ---------------------------------------------------------------------------


def test_a_model_without_embedding_reads_one_hot_vectors(rng):
    model = character_model(len(VOCABULARY), 6, 2, embedding=None, rng=rng)
    assert [type(layer) for layer in model.children.values()] == [StackedLSTM, Dense]
    by_hand = model.forward(one_hot(IDS[np.newaxis, :9], len(VOCABULARY))).outputs
    ((tape, _),) = read(model, IDS[:9])
    np.testing.assert_array_equal(tape.outputs, by_hand)
    assert len(sample(model, VOCABULARY, 5, rng=rng)) == 5


def test_the_head_begins_with_the_mixture_of_the_text(rng):
    counts = np.bincount(IDS, minlength=len(VOCABULARY))
    blank = {"embedding": 4, "rng": rng, "dtype": np.float32}
    model = character_model(len(VOCABULARY), 3, frequencies=counts, **blank)
    assert model.dtype == np.float32
    share = np.exp(model.params["2.b"].astype(float))
    np.testing.assert_allclose(share, (counts + 0.5) / (counts + 0.5).sum(), rtol=1e-5)
    order_0 = NGram(IDS, 0, len(VOCABULARY)).bits_per_character(IDS)[0]
    assert bits_per_character(model, IDS) == pytest.approx(order_0, abs=0.15)
    with pytest.raises(ShapeError, match="frequencies"):
        character_model(len(VOCABULARY), 3, frequencies=counts[1:], rng=rng)


def test_bits_are_the_logarithm_of_what_the_model_gave_to_each_character(model):
    logits = model.forward(IDS[np.newaxis]).outputs[0]
    total = 0.0
    for row, following in zip(logits[:-1], IDS[1:], strict=True):
        p = np.exp(row) / np.exp(row).sum()
        total -= math.log2(p[following])
    assert bits_per_character(model, IDS) == pytest.approx(total / (len(IDS) - 1), rel=1e-12)


@pytest.mark.parametrize("span", [1, 7, 64, 1000])
def test_the_state_is_carried_from_the_first_character_to_the_last(model, span):
    whole = model.forward(IDS[np.newaxis])
    tapes, bits = zip(*read(model, IDS, span=span), strict=True)
    outputs = np.concatenate([tape.outputs for tape in tapes], axis=1)
    np.testing.assert_array_equal(outputs, whole.outputs)  # bit for bit: the law of splitting
    assert len(np.concatenate(bits)) == len(IDS) - 1
    assert bits_per_character(model, IDS, span=span) == bits_per_character(model, IDS)


def test_what_was_read_before_changes_what_follows(model):
    *_, (before, _) = read(model, IDS[:40])
    later = IDS[40:]
    carried = bits_per_character(model, later, states=before.final)
    assert carried != bits_per_character(model, later)
    logits = model.forward(IDS[np.newaxis]).outputs[0, 40:-1]
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    expected = -np.log2(p[np.arange(len(p)), IDS[41:]]).mean()
    assert carried == pytest.approx(expected, rel=1e-12)


def test_fit_trains_on_streams_as_one_would_by_hand(rng):
    samples = streams(IDS, 4)
    models = [
        character_model(len(VOCABULARY), [5, 4], embedding=3, rng=np.random.default_rng(1))
        for _ in range(2)
    ]
    options = {"loss": softmax_cross_entropy, "truncate": (19, 19), "clip_norm": 0.1}
    options |= {"optimiser": Adam(0.01), "shuffle": False}
    fit(models[0], samples, epochs=2, batch_size=4, rng=rng, engine="readable", **options)
    adam, (x, y) = Adam(0.01), samples[:2]
    assert x.shape == (4, 38)
    for _ in range(2):
        states = None  # zeros at the beginning of an epoch, carried over every span
        for start in (0, 19):
            span = slice(start, start + 19)
            tape = models[1].forward(x[:, span], states)
            states = tape.final
            loss = softmax_cross_entropy(tape.outputs, y[:, span])
            grads = clip_by_global_norm(models[1].backward(tape, loss.gradient).params, 0.1)
            models[1].params = adam.update(models[1].params, grads)
    for name, value in models[0].params.items():
        np.testing.assert_array_equal(value, models[1].params[name])


def test_extreme_logits_are_measured_without_overflow(rng):
    dense = Dense(3, 3, rng=rng)
    model = Sequential(Embedding(3, 3, rng=rng, init="zeros"), StackedLSTM(3, 3, rng=rng), dense)
    dense.params = {"W": np.zeros((3, 3)), "b": np.array([1e4, 0.0, -1e4])}
    found = bits_per_character(model, np.array([0, 2]))
    assert found == pytest.approx(2e4 / math.log(2), rel=1e-12)
    assert bits_per_character(model, np.array([0, 0])) == 0.0


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda m: bits_per_character(m, IDS[:1]), ShapeError, "at least 2"),
        (lambda m: next(read(m, IDS, span=0)), ArgumentError, "span"),
        (lambda m: sample(m, VOCABULARY, 0, rng=np.random.default_rng()), ArgumentError, "length"),
        (lambda m: sample(m, VOCABULARY, 3, rng=7), DtypeError, "rng"),
    ],
)
def test_wrong_readings_are_refused_in_words(model, call, error, words):
    with pytest.raises(error, match=words):
        call(model)


# ---- writing -----------------------------------------------------------------------------------


def fixed(logits, rng):
    """A model that predicts the same whatever it reads."""
    K = len(logits)
    dense = Dense(2, K, rng=rng)
    model = Sequential(Embedding(K, 2, rng=rng), StackedLSTM(2, 2, rng=rng), dense)
    dense.params = {"W": np.zeros((2, K)), "b": np.array(logits)}
    return model


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_characters_are_drawn_from_the_tempered_softmax(rng, temperature):
    logits = np.array([1.0, 0.0, -1.0, 2.0])
    drawn = sample(
        fixed(logits, rng), Vocabulary("abcd"), 1000, rng=rng, prompt="a", temperature=temperature
    )
    p = np.exp(logits / temperature)
    p /= p.sum()
    counts = Counter(drawn)
    for symbol, expected in zip("abcd", p, strict=True):
        deviation = math.sqrt(expected * (1 - expected) / 1000)
        assert abs(counts[symbol] / 1000 - expected) < 4 * deviation, symbol


def test_temperature_towards_0_is_greedy(model, rng):
    greedy = sample(model, VOCABULARY, 30, rng=rng, prompt="the", temperature=0)
    cold = sample(model, VOCABULARY, 30, rng=rng, prompt="the", temperature=1e-300)
    assert greedy == cold
    ids, states = list(VOCABULARY.encode("the")), None
    tape = model.forward(np.array([ids]), states)
    for character in greedy:
        best = int(tape.outputs[0, -1].argmax())
        assert VOCABULARY.symbols[best] == character
        tape = model.forward(np.array([[best]]), tape.final)


def test_the_state_is_carried_while_writing(rng):
    # A model that writes what it reads plus one: 0 1 2 3 … needs the symbol, and the first prompt
    # symbol must still be in the state at the end. Here: the same text read at once gives the same.
    model = character_model(len(VOCABULARY), [6], embedding=5, rng=rng)
    model.params = {name: 3 * value for name, value in model.params.items()}
    written = sample(model, VOCABULARY, 12, rng=rng, prompt="cat", temperature=0)
    whole = model.forward(VOCABULARY.encode("cat" + written)[np.newaxis]).outputs[0]
    assert VOCABULARY.decode(whole[2:-1].argmax(-1)) == written


def test_the_same_generator_writes_the_same(model):
    draw = [sample(model, VOCABULARY, 40, rng=np.random.default_rng(s)) for s in (5, 5, 6)]
    assert draw[0] == draw[1] != draw[2]


def test_sampling_refuses_wrong_requests(model, rng):
    with pytest.raises(ArgumentError, match="at least 0"):
        sample(model, VOCABULARY, 3, rng=rng, temperature=-1)
    with pytest.raises(ArgumentError, match="prompt"):
        sample(model, VOCABULARY, 3, rng=rng, prompt="")
    with pytest.raises(DataError, match="line 1, column 2"):
        sample(model, VOCABULARY, 3, rng=rng, prompt="tÄ")
