"""Characters as numbers: vocabularies, and one long text as rows that continue each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from npstack.core.arguments import check_size
from npstack.core.errors import ArgumentError, DataError, DtypeError, ShapeError, describe, fail
from npstack.core.numerics import Array
from npstack.losses.samples import Samples


@dataclass(frozen=True)
class Vocabulary:
    """Characters and the integers that stand for them.

    Attributes
    ----------
    symbols : str
        Every character once; character ``symbols[k]`` is the integer ``k``.
    replacement : str
        The symbol that replaces unknown characters; by default ("") they are an error.

    Raises
    ------
    ArgumentError
        A symbol occurs twice, or the replacement is not a symbol.

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
            expected, got = "text must be a string of at least one character", describe(text)
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
        expected = f"every character must be one of the {len(self)} symbols"
        advice, typed = (
            f"Change the text, or name a replacement: {call}."
            for call in (
                "Vocabulary.of(text, replacement='?')",
                "npstack train … --replacement '?'",
            )
        )
        fail(DataError, "Vocabulary.encode", expected, got, advice, typed=typed)

    def decode(self, ids: Sequence[int] | Array) -> str:
        """The text that integers (N,) stand for.

        Raises
        ------
        ArgumentError, DtypeError
            A number that is no symbol; not integers.
        """
        numbers = np.asarray(ids)
        if numbers.size and numbers.dtype.kind not in "iu":
            got = describe(numbers)
            fail(DtypeError, "Vocabulary.decode", "ids must be integers (N,)", got)
        if numbers.size and not 0 <= numbers.min() <= numbers.max() < len(self):
            expected = f"ids must lie between 0 and {len(self) - 1}"
            got = f"{numbers.min()} to {numbers.max()}"
            fail(ArgumentError, "Vocabulary.decode", expected, got)
        return "".join(self.symbols[k] for k in numbers.ravel())


def _points(text: str) -> Array:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.int64)


def without_repeats(text: str) -> str:
    """A text with every paragraph once, where it occurs first.

    Manuals and web pages repeat paragraphs. If a paragraph of the test part also occurs in the
    training part, it is not unseen.

    Examples
    --------
    >>> without_repeats("To be.\\n\\nOr not.\\n\\n  To be.")
    'To be.\\n\\nOr not.'
    """
    first: dict[str, str] = {}
    for paragraph in text.split("\n\n"):
        first.setdefault(" ".join(paragraph.split()), paragraph)
    return "\n\n".join(first.values())


def one_hot(ids: Array, size: int, dtype: DTypeLike = np.float64) -> Array:
    """Integers (…) as vectors (…, K): one at the position of the number, zero elsewhere.

    The output of an `Embedding` equals this times its table; the look-up costs less.

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
    """One long text as parallel rows; each continues where the row before it ends.

    The text is divided into ``rows`` parts of equal length (up to ``rows - 1`` characters at its
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
    check_size("streams", "rows", rows)
    ids = check_ids("streams", ids)
    T = (len(ids) - 1) // rows
    if T < 1:
        expected = f"ids must hold at least rows + 1 = {rows + 1} characters"
        fail(ShapeError, "streams", expected, len(ids), "Take fewer rows.")
    return Samples(ids[: rows * T].reshape(rows, T), ids[1 : rows * T + 1].reshape(rows, T))


def check_ids(where: str, ids: object) -> Array:
    ids = np.asarray(ids)
    if ids.ndim != 1 or ids.dtype.kind not in "iu":
        got = describe(ids)
        fail(ShapeError, where, "ids must be integers (N,)", got, "Use vocabulary.encode(text).")
    return ids
