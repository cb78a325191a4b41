"""npstack computes what third parties wrote down: records of Keras, ONNX, onnxruntime and WebNN.

Two files come from installed wheels and are kept in ``tests/vectors`` with their notices; the other
two are found in the folder that the environment variable NPSTACK_CONFORMANCE names.
"""

import json
import os
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.agreement.records import Inexpressible, array
from tests.agreement.records_keras import check_keras
from tests.agreement.records_onnx import check_onnx, check_webnn
from tests.agreement.records_training import check_ort

VECTORS = Path(__file__).parents[1] / "vectors"
FOLDER = os.environ.get("NPSTACK_CONFORMANCE")
CHECKS: dict[str, Callable[[Any], float]] = {
    "keras": check_keras,
    "onnx_node": check_onnx,
    "ort": check_ort,
    "webnn": check_webnn,
}

EPS = float(np.finfo(np.float32).eps)
PRINTED_WITH_SIX_DIGITS = {  # training operators: no validation; relative to the largest number
    "LSTMTest.ForwardCompute#0": 5e-6,
    "LSTMTest.BackwardCompute#0": 5e-6,
    "GRUTest.ForwardCompute#0": 6e-6,  # h = (1 - z) n, where z is 1 but for float32's last digits
    "GRUTest.BackwardCompute#0": 5e-6,
}

# Every record of every file is either expressed or has a reason not to be; nothing may drop out.
EXPECTED = {
    "keras": {"expressed": 101},  # all: 14 LSTM, 18 GRU, 13 SimpleRNN, 14 two directions, 42 RNN
    "onnx_node": {"expressed": 18},  # 6 LSTM, 6 GRU, 6 RNN
    "ort": {"expressed": 137},  # 56 LSTM, 56 GRU, 21 RNN (2 must be refused), 4 training operators
    "webnn": {"expressed": 23},  # 4 LSTM, 19 GRU
}


@cache
def records(name: str) -> list[Any]:
    """The records of one file, or a skip that says how to get them."""
    path = VECTORS / f"{name}.json"
    if not path.exists():
        if FOLDER is None:
            pytest.skip(
                f"{name}.json is not ours to distribute: set NPSTACK_CONFORMANCE to its folder"
            )
        path = Path(FOLDER) / f"{name}.json"
    found: list[Any] = json.loads(path.read_text())["cases"]
    return found


def outcome(name: str, record: Any) -> float | str:
    """The error of a record, or the reason why it has none."""
    try:
        return CHECKS[name](record)
    except Inexpressible as reason:
        return str(reason)


@pytest.mark.parametrize("name", EXPECTED)
def test_every_record_is_expressed_or_has_a_reason(name: str) -> None:
    outcomes = [outcome(name, record) for record in records(name)]
    assert Counter(o if isinstance(o, str) else "expressed" for o in outcomes) == EXPECTED[name]


def allowed(record: Any) -> float:
    """How far the frameworks that own a record are from its numbers themselves, and two roundings
    of float32, in which they compute and the numbers are printed."""
    if record["name"] in PRINTED_WITH_SIX_DIGITS:
        return PRINTED_WITH_SIX_DIGITS[record["name"]]
    runs = [run.get("max_abs", 0.0) for run in record["validation"].values()]  # or an error
    theirs = [max(run.values()) if isinstance(run, dict) else run for run in runs]
    expected = record["expected"]
    if isinstance(expected, dict):
        expected = [expected] if "data" in expected else expected.values()
    largest = max(float(np.abs(array(tensor)).max()) for tensor in expected)
    return float(max(theirs)) + 2 * EPS * largest


@pytest.mark.parametrize("name", EXPECTED)
def test_expressed_records_agree(name: str) -> None:
    """npstack is as near to every record as the framework that it comes from."""
    errors = [(record, outcome(name, record)) for record in records(name)]
    wrong = {r["name"]: e for r, e in errors if not isinstance(e, str) and not e <= allowed(r)}
    assert not wrong
