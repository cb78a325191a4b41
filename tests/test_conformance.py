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

import pytest

from tests.records import Inexpressible, check_onnx, check_ort, check_webnn
from tests.records_keras import check_keras

VECTORS = Path(__file__).parent / "vectors"
FOLDER = os.environ.get("NPSTACK_CONFORMANCE")
CHECKS: dict[str, Callable[[Any], float]] = {
    "keras": check_keras,
    "onnx_node": check_onnx,
    "ort": check_ort,
    "webnn": check_webnn,
}

TOLERANCE = 5e-7  # float64 against numbers that float32 computed or printed
PRINTED_WITH_FEWER_DIGITS = {
    "stacked_rnn_cells_test.StackedRNNTest.test_stacked_lstm_cell_mask": 5e-5,  # four digits
    # The frameworks that own these numbers differ from them as much as npstack does: 6.13e-5 …
    "LSTMTest.ONNXRuntime_TestLSTMShorterSeqInMiddle#1": 6.2e-5,
    "LSTMTest.ONNXRuntime_TestLSTMZeroSeqInMiddle#1": 6.2e-5,
    "LSTMTest.ForwardCompute#0": 5e-6,  # … and these are printed with six digits
    "LSTMTest.BackwardCompute#0": 5e-6,
}

# Every record of every file is either expressed or has a reason not to be; nothing may drop out.
EXPECTED = {
    "keras": {"expressed": 101},  # all: 14 LSTM, 18 GRU, 13 SimpleRNN, 14 two directions, 42 RNN
    "onnx_node": {
        "expressed": 5,
        "peepholes": 1,
        "another cell: GRU": 6,
        "another cell: RNN": 6,
    },
    "ort": {
        "expressed": 29,  # 27 LSTM, LSTMTraining, LSTMGrad
        "peepholes": 16,
        "other activations": 12,
        "a clip in effect": 1,
        "another cell: GRU": 56,
        "another cell: RNN": 21,
        "another cell: GRUTraining": 1,
        "another cell: GRUGrad": 1,
    },
    "webnn": {
        "expressed": 1,
        "other activations": 3,
        "another cell: gru": 10,
        "another cell: gru_cell": 9,
    },
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


@pytest.mark.parametrize("name", EXPECTED)
def test_expressed_records_agree(name: str) -> None:
    wrong = {}
    for record in records(name):
        error = outcome(name, record)
        tolerance = PRINTED_WITH_FEWER_DIGITS.get(record["name"], TOLERANCE)
        if not isinstance(error, str) and not error <= tolerance:
            wrong[record["name"]] = error
    assert not wrong


def test_a_recorded_cache_is_read_as_a_tape() -> None:
    """LSTMGrad brings states and gates that are no forward pass of its weights."""
    (record,) = (record for record in records("ort") if record["op"] == "LSTMGrad")
    assert CHECKS["ort"](record) <= 5e-6


def test_records_see_a_wrong_gate_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison can fail: with two gates of the reader exchanged, records disagree."""
    import numpy as np

    import tests.records as reader

    def exchanged(stacked: np.ndarray) -> np.ndarray:
        i, o, f, c = np.split(stacked, 4)
        return original(np.concatenate([o, i, f, c]))

    original = reader.from_onnx_gates
    monkeypatch.setattr(reader, "from_onnx_gates", exchanged)
    errors = [outcome("ort", record) for record in records("ort")]
    assert sum(not isinstance(e, str) and e > 1e-3 for e in errors) > 10
