"""Text, character by character: symbols, rows that continue, bits, and writing.

::

    "to be"  →  19 14 0 1 4  →  model  →  logits for the character after each of them

A character model reads a text from left to right and says, after each character, how likely every
character is to be the next one. It is measured in bits per character of text that it has not seen:
the mean of ``-log2 p(character | all before it)``, which is the length that a text would have if it
were compressed with these probabilities.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from npstack import shapes
from npstack.layers import Dense, Embedding, Layer, Sequential
from npstack.numerics import Array, log, log_softmax
from npstack.samples import Samples
from npstack.shapes import ArgumentError, DataError, DtypeError, ShapeError, fail
from npstack.stack import StackedLSTM
from npstack.tape import Tape

SPAN = 256  # characters that a model reads at once when nothing is learned: bounds the tape
LN_2 = float(log(np.array(2.0)))


@dataclass(frozen=True)
class Vocabulary:
    """Characters and the integers that stand for them.

    Attributes
    ----------
    symbols : str
        Every character once; character ``symbols[k]`` is the integer ``k``.
    replacement : str
        The symbol that unknown characters are read as; by default ("") they are an error.

    Raises
    ------
    ArgumentError
        A symbol stands twice, or the replacement is none of them.

    Examples
    --------
    >>> vocabulary = Vocabulary.of("to be or not to be")
    >>> vocabulary.symbols, len(vocabulary)
    (' benort', 7)
    >>> vocabulary.encode("not")
    array([3, 4, 6])
    >>> vocabulary.decode([1, 2])
    'be'
    """

    symbols: str
    replacement: str = ""

    def __post_init__(self) -> None:
        symbols, replacement = self.symbols, self.replacement
        if not isinstance(symbols, str) or not symbols or len(set(symbols)) < len(symbols):
            expected = "symbols must be a string of different characters, at least one"
            fail(ArgumentError, "Vocabulary", expected, repr(symbols), "Use Vocabulary.of(text).")
        if replacement not in ("", *symbols):
            expected = "replacement must be one of the symbols"
            fail(ArgumentError, "Vocabulary", expected, repr(replacement))

    @classmethod
    def of(cls, text: str, replacement: str = "") -> Vocabulary:
        """The characters of a text, in the order of their code points.

        Examples
        --------
        >>> Vocabulary.of("abba", replacement="?").encode("a, b")
        array([1, 0, 0, 2])
        """
        if not isinstance(text, str) or not text:
            expected, got = "text must be a string of at least one character", shapes.describe(text)
            fail(ArgumentError, "Vocabulary.of", expected, got)
        return cls("".join(sorted({*text, *replacement})), replacement)

    def __len__(self) -> int:
        return len(self.symbols)

    def encode(self, text: str) -> Array:
        """Integers (N,) of the characters of a text.

        Raises
        ------
        DataError
            A character that is no symbol, with its line and column, unless there is a
            replacement.
        """
        codes, points = _points(text), _points(self.symbols)
        order = np.argsort(points)
        places = np.searchsorted(points[order], codes).clip(max=len(points) - 1)
        ids = order[places]
        unknown = points[ids] != codes
        if unknown.any():
            if not self.replacement:
                self._fail_unknown(text, np.flatnonzero(unknown))
            ids[unknown] = self.symbols.index(self.replacement)
        return np.asarray(ids)

    def _fail_unknown(self, text: str, places: Array) -> None:
        at = int(places[0])
        line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
        others = len({text[k] for k in places}) - 1
        got = f"{text[at]!r} (U+{ord(text[at]):04X}) at line {line}, column {column}"
        got += f", and {others} more that are unknown" if others else ""
        advice = "Change the text, or name a replacement: Vocabulary.of(text, replacement='?')."
        expected = f"every character must be one of the {len(self)} symbols"
        fail(DataError, "Vocabulary.encode", expected, got, advice)

    def decode(self, ids: Sequence[int] | Array) -> str:
        """The text that integers (N,) stand for.

        Raises
        ------
        ArgumentError, DtypeError
            A number that stands for nothing; not integers.
        """
        numbers = np.asarray(ids)
        if numbers.size and numbers.dtype.kind not in "iu":
            got = shapes.describe(numbers)
            fail(DtypeError, "Vocabulary.decode", "ids must be integers (N,)", got)
        if numbers.size and not 0 <= numbers.min() <= numbers.max() < len(self):
            expected = f"ids must lie between 0 and {len(self) - 1}"
            got = f"{numbers.min()} to {numbers.max()}"
            fail(ArgumentError, "Vocabulary.decode", expected, got)
        return "".join(self.symbols[k] for k in numbers.ravel())


def _points(text: str) -> Array:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.int64)


def one_hot(ids: Array, size: int, dtype: DTypeLike = np.float64) -> Array:
    """Integers (…) as vectors (…, K): one at the number's place, zero elsewhere.

    What an `Embedding` looks up equals this times its table; the table costs less.

    Examples
    --------
    >>> one_hot(np.array([[2, 0]]), 3)
    array([[[0., 0., 1.],
            [1., 0., 0.]]])
    """
    vectors = np.zeros((*ids.shape, size), dtype)
    np.put_along_axis(vectors, ids[..., np.newaxis], 1, axis=-1)
    return vectors


def streams(ids: Array, rows: int) -> Samples:
    """One long text as parallel rows, each of which goes on where the row before it ends.

    The text is cut into ``rows`` stretches of equal length (up to ``rows - 1`` characters at its
    end are left out). Read by `fit` with ``truncate=(k, k)``, every span of ``k`` characters
    continues the one before it, with the state carried over.

    Parameters
    ----------
    ids : int array (N,)
    rows : int
        B.

    Returns
    -------
    Samples
        ``x`` int (B, T) and ``y`` int (B, T), the character after each: ``T = (N - 1) // B``.

    Examples
    --------
    >>> samples = streams(np.arange(8), 2)
    >>> samples.x
    array([[0, 1, 2],
           [3, 4, 5]])
    >>> samples.y
    array([[1, 2, 3],
           [4, 5, 6]])
    """
    shapes.check_size("streams", "rows", rows)
    ids = _check_ids("streams", ids)
    T = (len(ids) - 1) // rows
    if T < 1:
        expected = f"ids must hold at least rows + 1 = {rows + 1} characters"
        fail(ShapeError, "streams", expected, len(ids), "Take fewer rows.")
    return Samples(ids[: rows * T].reshape(rows, T), ids[1 : rows * T + 1].reshape(rows, T))


def _check_ids(where: str, ids: object) -> Array:
    ids = np.asarray(ids)
    if ids.ndim != 1 or ids.dtype.kind not in "iu":
        got = shapes.describe(ids)
        fail(ShapeError, where, "ids must be integers (N,)", got, "Use vocabulary.encode(text).")
    return ids


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
        vectors begin as standard normal numbers: from small ones, deep stacks are slow to start.
    frequencies : array (V,), optional
        How often each symbol occurs in the training text. The head then begins with their
        logarithms as its bias, so that the first prediction is the text's own mixture of
        characters, and no time is spent on learning it.

    Examples
    --------
    >>> model = character_model(50, [16, 16], rng=np.random.default_rng(0))
    >>> model.forward(np.zeros((2, 7), dtype=int)).outputs.shape
    (2, 7, 50)
    """
    D = num_symbols if embedding is None else embedding
    stack = StackedLSTM(D, hidden_sizes, num_layers, dropout=dropout, rng=rng, dtype=dtype)
    assert stack.output_size is not None
    head = Dense(stack.output_size, num_symbols, rng=rng, dtype=dtype)
    if frequencies is not None:
        counts = np.asarray(frequencies, float)
        if counts.shape != (num_symbols,) or not (counts >= 0).all():
            expected = f"frequencies must be counts of shape ({num_symbols},)"
            fail(ShapeError, "character_model", expected, shapes.describe(counts))
        share = (counts + 0.5) / (counts + 0.5).sum()  # what never occurs is rare, not impossible
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
        ``-log2`` of the probability of the character *after* each that was read; one fewer in the
        last span, for nothing follows the last character.
    """
    shapes.check_size("read", "span", span)
    ids = _check_ids("read", ids)
    for start in range(0, len(ids), span):
        tape = model.forward(_inputs(model, ids[np.newaxis, start : start + span]), states)
        states = tape.final
        following = ids[start + 1 : start + span + 1]
        yield tape, surprise(tape.outputs[0, : len(following)], following)


def _inputs(model: Layer, ids: Array) -> Array:
    """Integers for a model that begins with an embedding, one-hot vectors for another."""
    if model.takes_symbols:
        return ids
    assert model.input_size is not None
    assert model.dtype is not None  # a model that speaks of characters has a dense layer
    return one_hot(ids, model.input_size, model.dtype)


def surprise(logits: Array, ids: Array) -> Array:
    """Bits (T,) of each character that came, under logits (T, V) for it."""
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
        What the model remembers of the text before.
    span : int
        Characters at a time: bounds the memory, changes nothing else.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> model = character_model(64, 8, rng=rng)
    >>> abs(bits_per_character(model, rng.integers(0, 64, 400)) - 6) < 0.2  # knows nothing
    True
    """
    if len(ids) < 2:
        expected = "ids must hold at least 2 characters"
        fail(ShapeError, "bits_per_character", expected, len(ids), "Nothing is predicted in one.")
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
    """Let a model write: each character is drawn from its prediction and read in turn.

    Parameters
    ----------
    model : Layer
        Returns logits (B, T, V).
    vocabulary : Vocabulary
    length : int
        Characters to write.
    rng : numpy.random.Generator
    prompt : str
        What the model reads before it writes; not part of what comes back.
    temperature : float
        Logits are divided by it. 1 draws from what the model predicts; below 1 favours the
        likely; towards 0, and at 0, always the likeliest character (greedy).

    Returns
    -------
    str
        ``length`` characters.

    Notes
    -----
    Drawn as ``argmax(logits + temperature · noise)`` with standard Gumbel noise, which equals a
    draw from ``softmax(logits / temperature)`` (Gumbel 1954) and has greedy as its limit at 0
    without dividing by anything small.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> vocabulary = Vocabulary.of("abc\\n")
    >>> model = character_model(len(vocabulary), 8, rng=rng)
    >>> len(sample(model, vocabulary, 20, rng=rng))
    20
    """
    where = "sample"
    shapes.check_size(where, "length", length)
    shapes.check_generator(where, rng)
    temperature = shapes.check_number(where, "temperature", temperature, "1 is customary.")
    if temperature < 0:
        fail(ArgumentError, where, "temperature must be at least 0", temperature, "0 is greedy.")
    if not prompt:
        advice = "A line break, '\\n', lets it begin a line."
        fail(ArgumentError, where, "prompt must hold a character", repr(prompt), advice)
    for tape, _ in read(model, vocabulary.encode(prompt)):
        logits, states = tape.outputs[0, -1], tape.final
    written: list[int] = []
    while True:
        noise = rng.gumbel(size=len(vocabulary))
        written.append(int((logits + temperature * noise).argmax()))
        if len(written) == length:
            return vocabulary.decode(written)
        tape = model.forward(_inputs(model, np.array([[written[-1]]])), states)
        logits, states = tape.outputs[0, -1], tape.final
