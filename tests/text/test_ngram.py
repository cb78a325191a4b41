"""Counting and compressing: the baselines of a character model."""

import bz2
import lzma

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npstack import ArgumentError
from npstack.baselines.ngram import NGram, compressed_bits
from tests.text.rhyme import IDS, TEXT, VOCABULARY


def witten_bell(train, text, order, size):
    """The formula, context by context."""
    found = []
    for t in range(len(text)):
        p = 1 / size
        for k in range(min(t, order) + 1):
            context = text[t - k : t]
            after = [train[a + k] for a in range(len(train) - k) if train[a : a + k] == context]
            if not after:
                break
            kinds = len(set(after))
            p = (after.count(text[t]) + kinds * p) / (len(after) + kinds)
        found.append(p)
    return found


@given(
    st.lists(st.integers(0, 3), min_size=5, max_size=30),
    st.lists(st.integers(0, 3), min_size=1, max_size=12),
    st.integers(0, 4),
)
def test_ngrams_are_the_formula(train, text, order):
    found = NGram(np.array(train), order, 4).probabilities(np.array(text))
    for k in range(order + 1):
        np.testing.assert_allclose(found[k], witten_bell(train, text, k, 4), rtol=1e-12)


@given(st.lists(st.integers(0, 3), min_size=5, max_size=30), st.integers(0, 4))
def test_ngram_probabilities_sum_to_one(train, order):
    model = NGram(np.array(train), order, 4)
    for context in ([], [0], [3, 1], [2, 2, 2, 2]):
        rows = [model.probabilities(np.array([*context, x]))[:, -1] for x in range(4)]
        np.testing.assert_allclose(sum(rows), 1.0, rtol=1e-12)


def test_longer_contexts_help_where_the_text_repeats_itself():
    bits = NGram(IDS, 3, len(VOCABULARY)).bits_per_character(IDS)
    assert (np.diff(bits) < 0).all()
    expected = -np.log2(NGram(IDS, 3, len(VOCABULARY)).probabilities(IDS)[:, 1:]).mean(axis=1)
    np.testing.assert_allclose(bits, expected, rtol=1e-12)


def test_wrong_counts_are_refused_in_words():
    with pytest.raises(ArgumentError, match="order"):
        NGram(IDS, -1, 5)
    with pytest.raises(ArgumentError, match="more characters than order=3, got 3"):
        NGram(IDS[:3], 3, len(VOCABULARY))
    NGram(IDS[:4], 3, len(VOCABULARY))


@pytest.mark.parametrize("method", ["bz2", "lzma"])
def test_compressors_count_what_the_unseen_text_adds(method):
    compress = {"bz2": bz2.compress, "lzma": lzma.compress}[method]
    bits = 8 * (len(compress((TEXT + "ünseen").encode())) - len(compress(TEXT.encode()))) / 6
    assert compressed_bits("ünseen", TEXT, method) == bits
    with pytest.raises(ArgumentError, match="lzma"):
        compressed_bits("unseen", TEXT, "zip")
    with pytest.raises(ArgumentError, match="hold a character"):
        compressed_bits("", TEXT)
