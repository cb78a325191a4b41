"""Simple methods to compare a character model with: n-grams and general compressors.

An n-gram model predicts a character from the ``k`` before it, by counting which characters follow
them in the training text. Short and long contexts are interpolated after Witten & Bell (1991),
beginning with the empty context::

    p(x)     = 1 / V                                                  before anything is counted
    p_k(x|h) = (n(h, x) + t(h) p_{k-1}(x|h')) / (n(h) + t(h))         k = 0, 1, …

``n`` counts, ``t(h)`` is the number of different characters that followed the context ``h`` (the
more there are, the more likely is a new one), ``h'`` is ``h`` without its first character. After a
context that never occurred, ``p_k`` is ``p_{k-1}``.
"""

from __future__ import annotations

import bz2
import lzma
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from npstack.core.arguments import check_option, check_size, check_whole
from npstack.core.errors import ArgumentError, fail
from npstack.core.numerics import Array, log
from npstack.text.model import LN_2
from npstack.text.symbols import check_ids, check_text


class Order(NamedTuple):
    """The counts for contexts of one length.

    Attributes
    ----------
    contexts : int array
        Every context that occurred, as its first character and the number of the rest, sorted.
    grams, counts : int array
        Every pair of context and next character that occurred, sorted, and how often.
    followers, total : int array, one entry per context
        ``t(h)`` and ``n(h)``.
    """

    contexts: Array
    grams: Array
    counts: Array
    followers: Array
    total: Array


class NGram:
    """Counts of all contexts of 0 … ``order`` characters.

    Parameters
    ----------
    ids : int array (N,)
        The training text.
    order : int
        The longest context.
    num_symbols : int
        V.

    Examples
    --------
    >>> model = NGram(np.array([0, 1, 0, 1, 0, 1]), 1, 2)
    >>> model.probabilities(np.array([0, 1])).round(3)
    array([[0.5  , 0.5  ],
           [0.5  , 0.875]])
    """

    def __init__(self, ids: Array, order: int, num_symbols: int) -> None:
        where = "NGram"
        order = check_whole(where, "order", order, "0 uses no context.")
        self.num_symbols = num_symbols = check_size(where, "num_symbols", num_symbols)
        ids = check_ids(where, ids, num_symbols)
        if len(ids) <= order:
            expected = f"ids must hold more characters than order={order}"
            fail(ArgumentError, where, expected, len(ids), "Take a longer text.")
        self.orders: list[Order] = []
        before = np.zeros(len(ids), dtype=int)
        for k in range(order + 1):
            keys = self._keys(ids, before, k)
            contexts, places = np.unique(keys[k:], return_inverse=True)
            before = np.full(len(ids), -1)
            before[k:] = places.ravel()
            grams, counts = np.unique(before[k:] * num_symbols + ids[k:], return_counts=True)
            of_context = grams // num_symbols
            followers = np.bincount(of_context, minlength=len(contexts))
            total = np.bincount(of_context, counts, minlength=len(contexts))
            self.orders.append(Order(contexts, grams, counts, followers, total))

    def _keys(self, ids: Array, before: Array, k: int) -> Array:
        """One number per position for the ``k`` characters before it; -1 if they are unknown.

        ``before`` numbers the ``k - 1`` characters before each position.
        """
        if k == 0:
            return before
        keys = np.full(len(ids), -1)
        size = len(self.orders[k - 1].contexts)
        keys[k:] = np.where(before[k:] < 0, -1, ids[:-k] * size + before[k:])
        return keys

    def probabilities(self, ids: Array) -> Array:
        """Of each character given those before it in ``ids``, by order: (order + 1, N).

        The first characters have fewer characters before them, so their longest context is shorter.
        """
        ids = check_ids("NGram.probabilities", ids, self.num_symbols)
        p = np.full(len(ids), 1.0 / self.num_symbols)
        before = np.zeros(len(ids), dtype=int)
        found = []
        for k, order in enumerate(self.orders):
            before = _look_up(order.contexts, self._keys(ids, before, k))
            gram = _look_up(order.grams, np.where(before < 0, -1, before * self.num_symbols + ids))
            n = np.where(gram < 0, 0, order.counts[gram])
            t = order.followers[before]
            p = np.where(before < 0, p, (n + t * p) / (order.total[before] + t))
            found.append(p)
        return np.stack(found)

    def bits_per_character(self, ids: Array) -> Array:
        """Bits per character of an unseen text, by order: (order + 1,).

        As for a model that reads it: the first character is given, all others are predicted.
        """
        where = "NGram.bits_per_character"
        ids = check_ids(where, ids, self.num_symbols)
        if len(ids) < 2:
            expected, advice = "ids must hold at least 2 characters", "The first one is given."
            fail(ArgumentError, where, expected, len(ids), advice)
        return np.asarray(-log(self.probabilities(ids)[:, 1:]).mean(axis=1) / LN_2)


def _look_up(known: Array, keys: Array) -> Array:
    """The position of each key in a sorted array; -1 if it is not in it."""
    places = np.searchsorted(known, keys).clip(max=len(known) - 1)
    return np.where(known[places] == keys, places, -1)


COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {"bz2": bz2.compress, "lzma": lzma.compress}


def compressed_bits(text: str, after: str, method: str = "lzma") -> float:
    """Bits per character that a compressor needs for a text after another one.

    ``8 (bytes of compress(after + text) - bytes of compress(after)) / characters``, in UTF-8.

    Parameters
    ----------
    text : str
        The unseen text.
    after : str
        The training text; empty for the text by itself.
    method : {"bz2", "lzma"}
        Of the standard library, with its defaults.

    Examples
    --------
    >>> alone = compressed_bits("to be or not to be", "")
    >>> compressed_bits("to be or not to be", "to be or not to be, he said") < alone
    True
    """
    method = check_option("compressed_bits", "method", method, COMPRESSORS)
    if not check_text("compressed_bits", "text", text):
        advice = "Nothing can be divided by its length."
        fail(ArgumentError, "compressed_bits", "text must hold a character", "''", advice)
    after = check_text("compressed_bits", "after", after)
    compress = COMPRESSORS[method]
    more = len(compress(_bytes(after + text))) - len(compress(_bytes(after)))
    return 8 * more / len(text)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
