"""The errors of the package, and their common form.

Every error says where, what was expected, what was given, and what to do. Each of these is an
attribute; the message is made from them, so there is no need to parse a message.
"""

from __future__ import annotations

import re
from importlib import import_module
from types import ModuleType
from typing import Any, NoReturn

import numpy as np

LONGEST = 100  # characters of a value that an error shows
CLASS = re.compile(r"<class '(?:\w+\.)*(\w+)'>")


class NpstackError(Exception):
    """Base of every error that the package raises on purpose.

    Attributes
    ----------
    where : str
        The function or file with the error, such as ``"LSTM.forward"``.
    expected, got, advice : str
        What was expected, what was given, and what to do.
    step : int or None
        The time step, if known; counted from the beginning of the sequence.
    layer, gate : str or None
        The path of the layer, such as ``"0.1.LSTM"``, and the gate, state or parameter in it.
    typed : str or None
        The advice as options of the command line, if it differs from ``advice``.

    Examples
    --------
    >>> from npstack import LSTM
    >>> layer = LSTM(1, 1, rng=np.random.default_rng(0))
    >>> try:
    ...     layer.forward(np.ones((3, 1)))
    ... except ShapeError as error:
    ...     print(error.where, "|", error.expected, "|", error.got)
    LSTM.forward | x must be (B, T, D=1) | (3, 1)
    """

    def __init__(
        self,
        where: str,
        expected: str = "",
        got: object = "",
        advice: str = "",
        *,
        step: int | None = None,
        layer: str | None = None,
        gate: str | None = None,
        typed: str | None = None,
    ) -> None:
        super().__init__(where, expected, str(got), advice)
        self.where, self.expected, self._got, self.advice = where, expected, str(got), advice
        self.step, self.layer, self.gate, self.typed = step, layer, gate, typed

    @property
    def got(self) -> str:
        """What was given. A time step in it is that of ``step``, which may be renumbered."""
        return self._got if self.step is None else self._got.replace("{step}", str(self.step))

    def __str__(self) -> str:
        if not self.expected:
            return self.where
        return f"{self.where}: {self.expected}, got {self.got}. {self.advice}".rstrip()


class ShapeError(NpstackError, ValueError):
    """An array has the wrong shape, or two layers do not fit together."""


class DtypeError(NpstackError, TypeError):
    """An array or argument has the wrong type; nothing is converted silently."""


class NonFiniteError(NpstackError, ValueError):
    """NaN or infinity at a valid position."""


class ArgumentError(NpstackError, ValueError):
    """An argument is unknown, out of range, or contradicts another."""


class TapeError(NpstackError, ValueError):
    """A tape does not belong to the layer that reads it."""


class DataError(NpstackError, ValueError):
    """A file does not have the expected contents."""


class LeakageError(DataError):
    """Data for validation or test were used in training."""


class MissingPackageError(NpstackError, ImportError):
    """What was asked for needs another package, which is not installed."""


class CodeError(NpstackError, ValueError):
    """A user's own function does not run, or does not return what it promises.

    Attributes
    ----------
    raised : str or None
        The name of the exception that it raised, such as ``"NotImplementedError"``.
    place : tuple of str and int, or None
        The file, with its folder, and the line of its own code at which it stopped.
    calls : tuple of (str, int)
        All files and lines on the way to where the exception was raised.
    """

    def __init__(
        self,
        *told: Any,
        raised: str | None = None,
        place: tuple[str, int] | None = None,
        calls: tuple[tuple[str, int], ...] = (),
        **known: Any,
    ) -> None:
        super().__init__(*told, **known)
        self.raised, self.place, self.calls = raised, place, calls


def fail(
    kind: type[NpstackError],
    where: str,
    expected: str,
    got: object,
    advice: str = "",
    **known: Any,
) -> NoReturn:
    """Raise ``kind``; ``known`` are the step, layer and gate, or the advice as it is typed."""
    raise kind(where, expected, got, advice, **known)


def optional_package(where: str, name: str, expected: str, advice: str) -> ModuleType:
    """A module of a package that is not always installed.

    Parameters
    ----------
    where, expected, advice : str
        Of the error.
    name : str
        The module.

    Raises
    ------
    MissingPackageError

    Examples
    --------
    >>> optional_package("here", "json", "", "").__name__
    'json'
    """
    try:
        return import_module(name)
    except ImportError:
        fail(MissingPackageError, where, expected, "no such package", advice)


def in_words(error: BaseException) -> str:
    """The kind of an error and its message, in one line.

    Examples
    --------
    >>> in_words(ValueError("no such   number")), in_words(MemoryError())
    ('ValueError: no such number', 'MemoryError')
    """
    return f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")


def kind_of(value: object) -> str:
    """The kind of a value, with its article.

    Examples
    --------
    >>> kind_of(None), kind_of(dict), kind_of([]), kind_of(np.ones(2))
    ('None', 'the class dict', 'a list', 'an array')
    """
    if value is None:
        return "None"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    name = "array" if isinstance(value, np.ndarray) else type(value).__name__
    spelt_out = name[:2].isupper() and name[0] in "AEFHILMNORSX"  # an LSTM, an RNN
    return f"an {name}" if spelt_out or name[0] in "aeioAEIO" else f"a {name}"


def describe(value: object) -> str:
    """Shape and dtype of an array, the name of a class, else the value with its type; one line.

    Examples
    --------
    >>> describe(np.zeros((2, 3))), describe(3), describe(dict)
    ('float64 of shape (2, 3)', '3 (int)', 'the class dict')
    """
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, np.ndarray):
        return f"{value.dtype} of shape {value.shape}"
    try:
        text = CLASS.sub(r"\1", " ".join(repr(value).split()))
    except Exception:  # a value that cannot even be shown
        return f"a value of type {type(value).__name__}"
    if " at 0x" in text:  # its address in memory is of no use
        return f"a value of type {type(value).__name__}"
    return f"{text if len(text) <= LONGEST else text[:LONGEST] + '…'} ({type(value).__name__})"
