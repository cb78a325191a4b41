"""JSON without ambiguity: no NaN, no repeated keys, and limits on depth and length."""

from __future__ import annotations

import json
import math
from typing import Any

from npstack.core.errors import ArgumentError, DataError, DtypeError, fail
from npstack.files.paths import open_file

MOST_BYTES, MOST_LEVELS, MOST_MARKS = 2**24, 64, 200_000
LIMITS = (
    f"the JSON must be plain, at most {MOST_BYTES:,} bytes long, with at most {MOST_LEVELS} levels "
    f"and {MOST_MARKS:,} opening brackets and colons"
)


def dump(where: str, value: dict[str, Any]) -> bytes:
    """Plain values as JSON that `load` reads.

    Raises
    ------
    DtypeError, ArgumentError
        Not plain values; or too long, or too deep.

    Examples
    --------
    >>> dump("here", {"sizes": (4, 3), "rate": 0.1, "mask": None})
    b'{"sizes": [4, 3], "rate": 0.1, "mask": null}'
    """
    try:
        text = json.dumps(value, allow_nan=False).encode()
        if not _keys_are_words(value):  # json would turn them into strings, perhaps two into one
            raise TypeError("a key is no str")
    except (TypeError, ValueError, RecursionError) as error:
        expected = "all but the arrays must be plain values that JSON holds"
        advice = "Use None, bool, int, finite float, str, lists, and dictionaries with str keys."
        fail(DtypeError, where, expected, brief(error), advice)
    too_much = _too_long(text) or _too_deep(value)
    if too_much:
        fail(ArgumentError, where, LIMITS, too_much, "Keep large things in arrays, or elsewhere.")
    return text


def load(where: str, text: bytes, advice: str) -> Any:
    """Read JSON; a `DataError` with ``advice`` where it is not as `dump` writes it.

    Memory use is at most 16 times the length of the text + 50 MB.
    """
    too_much = _too_long(text)
    if too_much:
        fail(DataError, where, LIMITS, too_much, advice)
    try:
        value = json.loads(
            text.decode(),
            parse_float=_finite,
            parse_constant=_finite,
            object_pairs_hook=_different,
        )
    except (ValueError, RecursionError) as error:
        fail(DataError, where, LIMITS, brief(error), advice)
    too_much = _too_deep(value)
    if too_much:
        fail(DataError, where, LIMITS, too_much, advice)
    return value


def read(where: str, path: object, advice: str) -> Any:
    """The same from a file, if it is a regular file and not too long."""
    with open_file(where, path, MOST_BYTES, advice) as file:
        return load(where, file.read(MOST_BYTES + 1), advice)


def brief(value: object) -> str:
    """A foreign text, shortened and on one line, for an error message.

    Examples
    --------
    >>> len(brief("a" * 1000))
    121
    >>> brief(ValueError("no end\\n  of it"))
    'no end of it'
    """
    is_error = isinstance(value, BaseException)
    words = " ".join(str(value).split()) or type(value).__name__ if is_error else repr(value)
    return words if len(words) <= 120 else f"{words[:120]}…"


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{brief(text)} is no finite number")
    return number


def _different(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _keys_are_words(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(k, str) and _keys_are_words(v) for k, v in value.items())
    return not isinstance(value, list | tuple) or all(map(_keys_are_words, value))


def _too_long(text: bytes) -> str:
    """The limit that a text exceeds; a small text can describe many large objects."""
    if len(text) > MOST_BYTES:
        return f"{len(text):,} bytes"
    marks = text.count(b"[") + text.count(b"{") + text.count(b":")
    return f"{marks:,} brackets and colons" if marks > MOST_MARKS else ""


def _too_deep(value: Any) -> str:
    """The depth of nested lists and dictionaries, if it is too large."""
    levels, found = 0, [value]
    while found := [v for v in found if isinstance(v, dict | list | tuple)]:
        levels += 1
        found = [
            v for inner in found for v in (inner.values() if isinstance(inner, dict) else inner)
        ]
    return f"{levels} levels" if levels > MOST_LEVELS else ""
