"""Every odd call ends as its kind says: the same result, or an error in the user's words.

Nothing is silently something else, and no error comes from the inside.
"""

from __future__ import annotations

import dataclasses
import importlib
import re
from typing import Any

import numpy as np
import pytest

from npstack import NpstackError
from npstack.cells import Part
from npstack.core.config import Configured
from tests.odd_calls import (
    of_checks,
    of_data,
    of_files,
    of_inference,
    of_layers,
    of_learning,
    of_lessons,
    of_plots,
    of_precision,
    of_training,
)
from tests.odd_calls.kinds import NEAR, REFUSED, SAME

ROOMS = (
    *(of_layers, of_inference, of_learning, of_training, of_checks, of_precision),
    *(of_data, of_files, of_plots, of_lessons),
)
CALLS = {title: call for room in ROOMS for title, call in room.CALLS.items()}
ODD = [
    pytest.param(call, name, what, outcome, id=f"{title}, {name}: {what}")
    for title, call in CALLS.items()
    for name, what, outcome in call.odd()
]


def frozen(value: Any) -> Any:
    """A result as something that can be compared: every bit of it."""
    if value is None or isinstance(value, str | range):
        return repr(value)
    if isinstance(value, np.ndarray):
        kind = str(value.dtype)
        return kind, value.shape, value.tolist() if kind == "object" else value.tobytes()
    if isinstance(value, Part):
        return frozen(value.config())
    if isinstance(value, Configured) and hasattr(value, "params"):
        return type(value).__name__, repr(value), frozen(dict(value.params))
    if isinstance(value, dict) or hasattr(value, "items"):
        return {str(key): frozen(own) for key, own in value.items()}
    if isinstance(value, list | tuple):
        return type(value).__name__, [frozen(own) for own in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return type(value).__name__, [frozen(own) for own in vars(value).values()]
    if callable(getattr(value, "__next__", None)):
        return [frozen(own) for own in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | float | complex | np.number):
        return repr(complex(value))
    return repr(value)


def told(call: Any, arguments: dict[str, Any]) -> Any:
    with np.errstate(all="ignore"):
        return frozen(call.function(**arguments))


@pytest.mark.parametrize("title", CALLS)
def test_the_usual_call_gives_the_same_twice(title):
    call = CALLS[title]
    assert told(call, call.arguments()) == told(call, call.arguments())


@pytest.mark.parametrize(("call", "name", "what", "outcome"), ODD)
def test_an_odd_call_ends_as_expected(call, name, what, outcome):
    usual = call.arguments()
    value = call.value(name, what, usual[name])
    arguments = {**call.arguments(), name: value}
    before = {key: kept(own) for key, own in arguments.items()}
    if outcome == SAME:
        assert told(call, arguments) == told(call, call.arguments())
    elif outcome == NEAR:
        assert near(call.function(**arguments), call.function(**call.arguments()))
    else:
        assert outcome == REFUSED
        with pytest.raises(NpstackError) as raised:
            told(call, arguments)
        explained(str(raised.value))
    assert {key: kept(own) for key, own in arguments.items()} == before


def near(found: Any, usual: Any) -> bool:
    """The same numbers, in less precision or in another order."""
    if isinstance(usual, list | tuple):
        return all(near(*pair) for pair in zip(found, usual, strict=True))
    if isinstance(usual, dict):
        return near(list(found.values()), list(usual.values()))
    if isinstance(usual, np.ndarray | float | int):
        half = getattr(found, "dtype", None) == np.float16
        close = 2e-3 if half else 1e-5
        return bool(np.abs(found - np.asarray(usual)).max() <= close * np.abs(usual).max())
    return frozen(found) == frozen(usual)


def kept(value: Any) -> Any:
    """What a call must not change."""
    if isinstance(value, np.ndarray | np.number):
        return repr(value)
    return repr(value) if isinstance(value, list | dict) else None


def explained(message: str) -> None:
    """Where, what was expected, what came, what to do; nothing of the inside."""
    assert re.fullmatch(r"\w[^\n]*: .+, got .+\. \S.+[.?…)]", message, re.DOTALL), message
    assert " at 0x" not in message
    assert "<class" not in message
    assert "ABCMeta" not in message


PUBLIC = (
    *("npstack", "npstack.cells", "npstack.layers", "npstack.losses", "npstack.seq2seq"),
    *("npstack.analysis", "npstack.data", "npstack.training.optim", "npstack.text"),
    *("npstack.verify", "npstack.baselines", "npstack.plots", "npstack.lessons"),
)
WITHOUT_ARGUMENTS = {
    *("Coupled", "Peepholes", "card", "load_sunspots", "library_statements", "spoken_times")
}
# What functions return and users read; bases of classes; steps between functions of the package.
RETURNED = {
    *("Checkpoint", "Classification", "CompositeTape", "Decoded", "Directions", "Forecast"),
    *("GRUGates", "GRUState", "Gradients", "History", "LSTMGates", "LSTMState", "Labelled"),
    *("LawReport", "Loss", "Padded", "Parts", "Positions", "RNNState", "RecurrentTape", "Report"),
    *(
        "Grade",
        "Verdict",
        "Mark",
        "Row",
        "RowSplit",
        "Samples",
        "Saturation",
        "Series",
        "Split",
        "Statement",
        "Table",
        "Tape",
    ),
    *("Explanation", "Judged", "Mistake", "PrecisionReport", "PrecisionRow", "Truth"),
    *("Task", "Text", "TimeSplit", "Windows"),
}
BASES = {
    "Cell",
    "Chain",
    "Interface",
    "Layer",
    "Optimiser",
    "Part",
    "Scaler",
    "Schedule",
    "Wrapper",
}
BETWEEN = {"check_one_time", "check_samples", "counted", "loss_of", "select_rows", "total_weight"}


def test_every_public_function_is_tried():
    tried = {re.split(r"[ ,]", title)[0] for title in CALLS}
    apart, public = WITHOUT_ARGUMENTS | RETURNED | BASES | BETWEEN, set()
    for module in map(importlib.import_module, PUBLIC):
        for name in module.__all__:
            found = getattr(module, name)
            is_error = isinstance(found, type) and issubclass(found, Exception)
            if callable(found) and not is_error:
                assert name in tried | apart, name
                public.add(name)
    assert apart <= public
