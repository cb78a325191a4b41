"""Characters as numbers: vocabularies, and one long text as rows that continue each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike, NDArray

from npstack.core.arguments import check_dtype, check_size
from npstack.core.arrays import as_array
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
            got = describe(symbols)
            fail(ArgumentError, "Vocabulary", expected, got, "Use Vocabulary.of(text).")
        if not isinstance(replacement, str) or replacement not in ("", *symbols):
            expected, advice = "replacement must be one of the symbols", "Use replacement='?'."
            fail(ArgumentError, "Vocabulary", expected, describe(replacement), advice)
        object.__setattr__(self, "symbols", str(symbols))  # NumPy's own kind of str may come in
        object.__setattr__(self, "replacement", str(replacement))

    @classmethod
    def of(cls, text: str, replacement: str = "") -> Vocabulary:
        """The characters of a text, in the order of their code points.

        Examples
        --------
        >>> Vocabulary.of("abba", replacement="?").encode("a, b")
        array([1, 0, 0, 2])
        """
        if not check_text("Vocabulary.of", "text", text):
            expected = "text must be a string of at least one character"
            fail(ArgumentError, "Vocabulary.of", expected, "''", "Is the file empty?")
        replacement = check_text("Vocabulary.of", "replacement", replacement)
        return cls("".join(sorted({*text, *replacement})), replacement)

    def __len__(self) -> int:
        return len(self.symbols)

    def encode(self, text: str) -> Array:
        """Integers (N,) of the characters of a text.

        Raises
        ------
        DataError
            A character that is not a symbol, with its line and column, unless there is a
            replacement.
        """
        text = check_text("Vocabulary.encode", "text", text)
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
            A number that is not a symbol; not integers.
        """
        numbers = as_array("Vocabulary.decode", "ids", ids)
        if not numbers.size:
            return ""
        if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
            got, advice = describe(numbers), "One row at a time: decode(ids[0])."
            fail(DtypeError, "Vocabulary.decode", "ids must be integers (N,)", got, advice)
        if not 0 <= numbers.min() <= numbers.max() < len(self):
            expected = f"ids must lie between 0 and {len(self) - 1}"
            got, advice = f"{numbers.min()} to {numbers.max()}", "Is it the right vocabulary?"
            fail(ArgumentError, "Vocabulary.decode", expected, got, advice)
        return "".join(self.symbols[k] for k in numbers)


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
    text = check_text("without_repeats", "text", text)
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
    where = "one_hot"
    size, dtype = check_size(where, "size", size), check_dtype(where, dtype)
    ids = as_array(where, "ids", ids)
    if ids.dtype.kind not in "iu" or ids.ndim == 0:
        advice = "Use vocabulary.encode(text)."
        fail(DtypeError, where, "ids must be integers (…)", describe(ids), advice)
    if ids.size and not 0 <= ids.min() <= ids.max() < size:
        got, advice = f"{ids.min()} to {ids.max()}", "Is size the number of symbols?"
        fail(ArgumentError, where, f"ids must lie between 0 and {size - 1}", got, advice)
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
    rows = check_size("streams", "rows", rows)
    ids = check_ids("streams", ids)
    T = (len(ids) - 1) // rows
    if T < 1:
        expected = f"ids must hold at least rows + 1 = {rows + 1} characters"
        fail(ShapeError, "streams", expected, len(ids), "Take fewer rows.")
    own = ids[: rows * T + 1].copy()
    own.flags.writeable = False  # x and y are views of it
    return Samples(own[:-1].reshape(rows, T), own[1:].reshape(rows, T))


def check_ids(where: str, ids: object, size: int | None = None) -> NDArray[np.int64]:
    """Check symbols (N,), as numbers from 0 to ``size - 1``."""
    given = as_array(where, "ids", ids)
    advice = "Use vocabulary.encode(text)."
    if given.ndim != 1 or given.dtype.kind not in "iu":
        fail(ShapeError, where, "ids must be integers (N,)", describe(given), advice)
    if given.size and (given.min() < 0 or (size is not None and given.max() >= size)):
        expected = "ids must be at least 0" + (f" and below {size}" if size else "")
        fail(ArgumentError, where, expected, f"{given.min()} to {given.max()}", advice)
    return given.astype(np.int64, copy=False)


def check_text(where: str, name: str, text: object) -> str:
    """Check a text, which may be empty."""
    if not isinstance(text, str):
        advice = "Use text.decode()." if isinstance(text, bytes) else "Use load_text(path)."
        fail(ArgumentError, where, f"{name} must be a string", describe(text), advice)
    return str(text)
