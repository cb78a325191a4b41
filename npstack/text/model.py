"""A model of characters: how it is built, reads text, is measured, and generates text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from npstack.core.arguments import check_generator, check_not_negative, check_size
from npstack.core.arrays import as_array, check_float
from npstack.core.errors import ArgumentError, DtypeError, ShapeError, describe, fail, kind_of
from npstack.core.numerics import Array, log, log_softmax
from npstack.core.tape import Tape
from npstack.layers import Dense, Embedding, Layer, Sequential
from npstack.layers.boundary import check_built, check_causal
from npstack.layers.stacked import StackedLSTM
from npstack.layers.streaming import Stream
from npstack.text.symbols import Vocabulary, check_ids, check_text, one_hot

SPAN = 256  # characters read at once without learning: limits the size of the tape
LN_2 = float(log(np.array(2.0)))


def character_model(
    num_symbols: int,
    hidden_sizes: int | Sequence[int],
    num_layers: int | None = None,
    *,
    rng: np.random.Generator,
    embedding: int | None = 32,
    dropout: float = 0.0,
    frequencies: Array | None = None,
    dtype: DTypeLike = np.float64,
) -> Sequential:
    """Embedding, stacked LSTM, dense: logits for the next character at every step.

    Parameters
    ----------
    num_symbols : int
        V, the size of the vocabulary.
    hidden_sizes, num_layers, dropout, rng, dtype
        As in `StackedLSTM`.
    embedding : int or None
        Length of each character's vector; None for a model that reads `one_hot` vectors. The
        vectors are initially standard normal; with smaller ones, deep stacks learn slowly at first.
    frequencies : array (V,), optional
        How often each symbol occurs in the training text. The initial bias of the head is
        then their logarithms, so that the first predictions are the frequencies of the text, which
        need not be learned.

    Examples
    --------
    >>> model = character_model(50, [16, 16], rng=np.random.default_rng(0))
    >>> model.forward(np.zeros((2, 7), dtype=int)).outputs.shape
    (2, 7, 50)
    """
    where = "character_model"
    num_symbols = check_size(where, "num_symbols", num_symbols)
    rng = check_generator(where, rng)
    D = num_symbols if embedding is None else check_size(where, "embedding", embedding)
    stack = StackedLSTM(D, hidden_sizes, num_layers, dropout=dropout, rng=rng, dtype=dtype)
    assert stack.output_size is not None
    head = Dense(stack.output_size, num_symbols, rng=rng, dtype=dtype)
    if frequencies is not None:
        given = as_array(where, "frequencies", frequencies)
        right = given.shape == (num_symbols,) and given.dtype.kind in "iuf"
        if not right or not ((given >= 0) & (given < np.inf)).all():
            expected = f"frequencies must be counts of shape ({num_symbols},)"
            advice = "Use np.bincount(ids, minlength=num_symbols)."
            fail(ShapeError, where, expected, describe(given), advice)
        counts = given.astype(np.float64)
        share = (counts + 0.5) / (counts + 0.5).sum()  # never seen: rare, not impossible
        head.params = {**head.params, "b": log(share).astype(head.dtype)}
    if embedding is None:
        return Sequential(stack, head)
    table = Embedding(num_symbols, D, rng=rng, dtype=dtype)
    table.params = {"W": rng.standard_normal((num_symbols, D)).astype(table.dtype)}
    return Sequential(table, stack, head)


def read(
    model: Layer, ids: Array, states: Any = None, *, span: int = SPAN
) -> Iterator[tuple[Tape, Array]]:
    """Let a model read one text, ``span`` characters at a time, with the state carried over.

    Yields
    ------
    tape : Tape
        Of ``B = 1`` row.
    bits : array (T,)
        ``-log2`` of the probability of the character *after* each character; one fewer in the
        last span, because nothing follows the last character.
    """
    span = check_size("read", "span", span)
    _check_reader("read", model)
    size = model.input_size if model.interface.takes_symbols else None
    return _read(model, check_ids("read", ids, size), states, span)


def _read(model: Layer, ids: Array, states: Any, span: int) -> Iterator[tuple[Tape, Array]]:
    for start in range(0, len(ids), span):
        tape = model.forward(_inputs(model, ids[np.newaxis, start : start + span]), states)
        states = tape.final
        following = ids[start + 1 : start + span + 1]
        yield tape, surprise(tape.outputs[0, : len(following)], following)


def _check_reader(where: str, model: Any) -> None:
    """Check a model that reads symbols from left to right, and predicts at every step."""
    check_built(where, "model", model)
    needs = model.interface
    if needs.takes_pair or not needs.keeps_time or needs.output_size is None or not model.dtype:
        expected, advice = "model must predict a character at every step", "Use character_model(…)."
        fail(ArgumentError, where, expected, kind_of(model), advice)
    check_causal(where, "reading on", model)


def _inputs(model: Layer, ids: Array) -> Array:
    """Integers for a model that begins with an embedding, one-hot vectors for another."""
    if model.interface.takes_symbols:
        return ids
    assert model.input_size is not None
    assert model.dtype is not None  # a model of characters has a dense layer
    return one_hot(ids, model.input_size, model.dtype)


def surprise(logits: Array, ids: Array) -> Array:
    """Bits (T,) of each actual character, from logits (T, V)."""
    where = "surprise"
    logits = check_float(where, "logits", logits, None, "")
    if logits.ndim != 2 or logits.dtype.kind != "f":
        expected, advice = "logits must be (T, V)", "One row: tape.outputs[0]."
        fail(ShapeError, where, expected, describe(logits), advice)
    ids = check_ids(where, ids, logits.shape[1])
    if len(ids) != len(logits):
        expected, advice = f"ids must be (T={len(logits)},) like logits", "One for each step."
        fail(ShapeError, where, expected, ids.shape, advice)
    logits = logits.astype(float)
    return -np.take_along_axis(log_softmax(logits), ids[:, np.newaxis], -1)[:, 0] / LN_2


def bits_per_character(model: Layer, ids: Array, *, states: Any = None, span: int = SPAN) -> float:
    """Bits per character of a text, read once from left to right.

    The mean of ``-log2 p(ids[t] | ids[:t])`` for ``t = 1, 2, …``: the state is carried from the
    first character to the last, whatever ``span``.

    Parameters
    ----------
    model : Layer
        Returns logits (B, T, V).
    ids : int array (N,)
        At least two characters.
    states : tuple of states, optional
        The states after the text before.
    span : int
        Characters at a time; it limits the memory and changes nothing else.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> model = character_model(64, 8, rng=rng)
    >>> abs(bits_per_character(model, rng.integers(0, 64, 400)) - 6) < 0.2  # knows nothing
    True
    """
    where = "bits_per_character"
    ids = check_ids(where, ids)
    if len(ids) < 2:
        expected = "ids must hold at least 2 characters"
        fail(ShapeError, where, expected, len(ids), "Nothing is predicted in one.")
    return float(np.concatenate([bits for _, bits in read(model, ids, states, span=span)]).mean())


def sample(
    model: Layer,
    vocabulary: Vocabulary,
    length: int,
    *,
    rng: np.random.Generator,
    prompt: str = "\n",
    temperature: float = 1.0,
) -> str:
    """Let a model write: each character is drawn from its prediction, and is its next input.

    Parameters
    ----------
    model : Layer
        Returns logits (B, T, V).
    vocabulary : Vocabulary
    length : int
        Characters to write.
    rng : numpy.random.Generator
    prompt : str
        What the model reads before it writes; not part of the result.
    temperature : float
        Logits are divided by it. 1 draws from the predictions of the model; values below 1
        favour likely characters; 0 always gives the most likely one (greedy).

    Returns
    -------
    str
        ``length`` characters.

    Notes
    -----
    Drawn as ``argmax(logits + temperature · noise)`` with standard Gumbel noise, which equals a
    draw from ``softmax(logits / temperature)`` (Gumbel 1954) and becomes greedy at 0 without a
    division by a small number.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> vocabulary = Vocabulary.of("abc\\n")
    >>> model = character_model(len(vocabulary), 8, rng=rng)
    >>> len(sample(model, vocabulary, 20, rng=rng))
    20
    """
    where = "sample"
    length = check_size(where, "length", length)
    rng = check_generator(where, rng)
    temperature = check_not_negative(where, "temperature", temperature, "0 is greedy, 1 usual.")
    if not isinstance(vocabulary, Vocabulary):
        advice = "Use Vocabulary.of(text)."
        fail(DtypeError, where, "vocabulary must be a Vocabulary", describe(vocabulary), advice)
    _check_reader(where, model)
    if model.output_size != len(vocabulary):
        expected = f"vocabulary must have the model's {model.output_size} symbols"
        fail(ArgumentError, where, expected, len(vocabulary), "Take the one it was trained with.")
    if not check_text(where, "prompt", prompt):
        advice = "A line break, '\\n', lets it begin a line."
        fail(ArgumentError, where, "prompt must hold a character", repr(prompt), advice)
    for tape, _ in read(model, vocabulary.encode(prompt)):
        logits, states = tape.outputs[0, -1], tape.final
    stream, written = Stream(model, states), list[int]()
    while True:
        noise = rng.gumbel(size=len(vocabulary))
        written.append(int((logits + temperature * noise).argmax()))
        if len(written) == length:
            return vocabulary.decode(written)
        logits = stream.step(_inputs(model, np.array(written[-1:])))[0]
