"""Facts of a run, which may have been edited: each field is checked by the task that reads it.

``config.json`` contains facts about the data. A task lists its fields and their types
(`check_fields`), and then checks that they agree with each other (`agree`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from npstack.core.errors import DataError, fail
from npstack.data.scaling import Scaler, scaler_from
from npstack.files.strict_json import brief

ADVICE = "Facts are what training has found in its data: take the config.json that it wrote."


class Field(NamedTuple):
    """The requirement of a field, as a text and as a test."""

    expected: str
    right: Callable[[Any], bool]


def check_fields(where: str, facts: Mapping[str, Any], fields: Mapping[str, Field]) -> None:
    """Check that facts have exactly these fields, each of the right type."""
    if facts.keys() != fields.keys():
        expected = f"facts must be {', '.join(fields)}"
        fail(DataError, where, expected, ", ".join(map(brief, facts)) or "none", ADVICE)
    for name, field in fields.items():
        if not field.right(facts[name]):
            fail(DataError, where, f"{name} must be {field.expected}", brief(facts[name]), ADVICE)


def agree(where: str, right: bool, expected: str, got: object) -> None:
    """Check that facts agree with each other."""
    if not right:
        fail(DataError, where, expected, brief(got), ADVICE)


def is_word(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def are_names(value: Any, least: int = 1) -> bool:
    if not isinstance(value, list) or not all(map(is_word, value)):
        return False
    return len(set(value)) == len(value) >= least


def are_counts(value: Any) -> bool:
    return isinstance(value, list) and all(type(n) is int and 0 <= n < 2**53 for n in value)


def _are_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(type(n) is float and math.isfinite(n) for n in value)


def _is_stretch(value: Any) -> bool:
    whole = isinstance(value, list) and len(value) == 2 and are_counts(value)
    return whole and value[0] < value[1]


def is_scaler(value: Any) -> bool:
    """The result of ``Standardiser.config()``: numbers for each column, and rows."""
    if not isinstance(value, dict) or value.keys() != {"name", "shift", "scale", "rows"}:
        return False
    shift, scale, rows = value["shift"], value["scale"], value["rows"]
    return (
        value["name"] == "Standardiser"
        and _are_numbers(shift)
        and _are_numbers(scale)
        and len(shift) == len(scale) >= 1
        and min(scale) > 0
        and isinstance(rows, list)
        and len(rows) > 0
        and all(map(_is_stretch, rows))
    )


def scaler_of(facts: Mapping[str, Any]) -> Scaler:
    """The scaler for new data, for which its rows do not matter."""
    return scaler_from(facts["scaler"] | {"rows": [[0, 1]]})


WORD = Field("a word", is_word)
NAMES = Field("different names, at least one", are_names)
SCALER = Field("what Standardiser.config() gives", is_scaler)
