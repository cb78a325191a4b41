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

import tests.records_onnx as reader
from npstack import LSTMVariantCell
from npstack.cells import ForgetBias
from tests.records import Inexpressible
from tests.records_keras import check_keras
from tests.records_onnx import check_onnx, check_webnn
from tests.records_training import check_ort

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
    "LSTMTest.ONNXRuntime_TestLSTMBatchReallocation#2": 5e-6,  # … 4.72e-6 …
    "LSTMTest.ONNXRuntime_TestLSTMBatchReallocation#3": 5e-6,
    "LSTMTest.ForwardCompute#0": 5e-6,  # … and these are printed with six digits
    "LSTMTest.BackwardCompute#0": 5e-6,
    "GRUTest.ForwardCompute#0": 6e-6,
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


def noticed(name: str, op: str) -> int:
    """How many records of an operator are off by more than ten times what they may be."""
    return sum(
        outcome(name, record) > 10 * PRINTED_WITH_FEWER_DIGITS.get(record["name"], TOLERANCE)  # type: ignore[operator]
        for record in records(name)
        if record["op"] == op
    )


# What the records of onnxruntime notice: at least so many of 56 LSTM, 56 GRU.
MISTAKES: dict[str, tuple[str, int, Callable[[pytest.MonkeyPatch], None]]] = {}


def mistake(op: str, at_least: int) -> Any:
    """Enter a mistake of the reader, or of a cell, in the table."""

    def enter(put: Callable[[pytest.MonkeyPatch], None]) -> Any:
        MISTAKES[put.__name__] = (op, at_least, put)
        return put

    return enter


def exchange(monkeypatch: pytest.MonkeyPatch, gates: str, wrong: str) -> None:
    right = reader.packed

    def packed(stacked: Any, letters: str, order: str) -> Any:
        return right(stacked, wrong if letters == gates else letters, order)

    monkeypatch.setattr(reader, "packed", packed)


@mistake("LSTM", 20)
def input_and_output_gate_exchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    exchange(monkeypatch, "iofc", "oifc")


@mistake("GRU", 20)
def reset_and_update_gate_exchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    exchange(monkeypatch, "zrh", "rzh")


@mistake("LSTM", 10)
def peepholes_of_output_and_forget_gate_exchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    exchange(monkeypatch, "iof", "ifo")


@mistake("GRU", 10)
def reset_before_and_after_exchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    right = reader.gru

    def gru(sizes: Any, given: Any, attributes: Any, act: Any) -> Any:
        turned = 1 - int(attributes.get("linear_before_reset", 0))
        return right(sizes, given, {**attributes, "linear_before_reset": turned}, act)

    monkeypatch.setitem(reader.CELLS, "GRU", (gru, 3))


@mistake("LSTM", 10)
def the_output_gate_looks_at_the_old_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    class Late(LSTMVariantCell):
        def step(self, params: Any, x: Any, state: Any, noise: Any = None) -> Any:
            self.old = state.c
            return super().step(params, x, state, noise)

        def _sums(self, params: Any, name: str, a: Any, c: Any) -> Any:
            return super()._sums(params, name, a, self.old if name == "output" else c)

    monkeypatch.setattr(reader, "LSTMVariantCell", Late)


@mistake("LSTM", 10)
def direction_of_reversed_reading_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "turned", lambda x, lengths: x)


@mistake("LSTM", 1)
def clip_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "PreactivationClip", lambda limit: ForgetBias(0.0))


@pytest.mark.parametrize("name", MISTAKES)
def test_records_of_onnxruntime_notice(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    op, at_least, put = MISTAKES[name]
    assert noticed("ort", op) == 0
    put(monkeypatch)
    assert noticed("ort", op) >= at_least
