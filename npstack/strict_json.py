"""JSON that says one thing only: no NaN, no key twice, no depth or length without end."""

from __future__ import annotations

import json
import math
from typing import Any

from npstack.shapes import ArgumentError, DataError, DtypeError, fail

MOST_BYTES, MOST_LEVELS = 2**24, 64


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
    except (TypeError, ValueError, RecursionError) as error:
        expected = "all but the arrays must be plain values that JSON holds"
        advice = "Use None, bool, int, finite float, str, lists, and dictionaries with str keys."
        fail(DtypeError, where, expected, brief(error), advice)
    if len(text) > MOST_BYTES or _levels(value) > MOST_LEVELS:
        expected = f"the JSON must be at most {MOST_BYTES:,} bytes long and {MOST_LEVELS} deep"
        got = f"{len(text):,} bytes, {_levels(value)} deep"
        fail(ArgumentError, where, expected, got, "Keep large things in arrays, or elsewhere.")
    return text


def load(where: str, text: bytes, advice: str) -> Any:
    """Read JSON; a `DataError` with ``advice`` where it is not as `dump` writes it.

    Memory stays below 32 times the length of the text.
    """
    expected = f"the JSON must be plain, at most {MOST_BYTES:,} bytes long and {MOST_LEVELS} deep"
    if len(text) > MOST_BYTES:
        fail(DataError, where, expected, f"{len(text):,} bytes", advice)
    try:
        value = json.loads(
            text.decode(),
            parse_float=_finite,
            parse_constant=_finite,
            object_pairs_hook=_different,
        )
    except (ValueError, RecursionError) as error:
        fail(DataError, where, expected, brief(error), advice)
    if _levels(value) > MOST_LEVELS:
        fail(DataError, where, expected, f"{_levels(value)} deep", advice)
    return value


def brief(value: object) -> str:
    """What somebody else wrote, short and on one line, for an error of ours.

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
        raise ValueError("one key stands twice")
    return found


def _levels(value: Any) -> int:
    """How deep lists and dictionaries stand in one another; 0 for a number."""
    levels, found = -1, [value]
    while found:
        levels += 1
        inner = (v.values() if isinstance(v, dict) else v for v in found if _holds(v))
        found = [v for values in inner for v in values]
    return levels


def _holds(value: object) -> bool:
    return isinstance(value, dict | list | tuple)
