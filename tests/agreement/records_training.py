"""Records of onnxruntime's training operators: every gate at every step, and gradients.

The caches of ``LSTMGrad`` and ``GRUGrad`` are taken as tapes that somebody else recorded, and
npstack's backward reads them; that of ``LSTMGrad`` is no forward pass of its weights. Errors are
relative to the largest number of each array, whose constants are printed with six digits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npstack import (
    GRUGates,
    GRUResetBeforeCell,
    GRUState,
    LSTMCell,
    LSTMGates,
    LSTMState,
    Recurrent,
    RecurrentTape,
)
from tests.agreement.records import RNG, Record, array, worst
from tests.agreement.records_onnx import check_onnx, packed, split

ORDERS = {"LSTM": ("iofc", "ifco"), "GRU": ("zrh", "rzh")}
KINDS: dict[str, tuple[Any, Any, Any]] = {
    "LSTM": (LSTMCell, LSTMState, LSTMGates),
    "GRU": (GRUResetBeforeCell, GRUState, GRUGates),
}


def layer_of(op: str, inputs: Record) -> tuple[Recurrent, dict[str, np.ndarray]]:
    """The layer of a record, and its parameters (``LSTMGrad`` is given no bias)."""
    gates, order = ORDERS[op]
    W, R = (array(inputs[name])[0] for name in ("weights", "recurrence_weights"))
    B = array(inputs["bias"])[0] if inputs.get("bias") else np.zeros(2 * len(W))
    params = {"W": packed(W, gates, order), "U": packed(R, gates, order)}
    params["b"] = packed(sum(np.split(B, 2)), gates, order)
    return Recurrent(KINDS[op][0](W.shape[1], R.shape[1], rng=RNG)), params


def over_time(tensor: Any) -> np.ndarray:
    """(T, 1, B, H) to (B, T, H)."""
    return array(tensor)[:, 0].swapaxes(0, 1)


def gates_over_time(op: str, tensor: Any) -> Any:
    """Cached gates (T, 1, B, …), packed in ONNX's order."""
    letters, order = ORDERS[op]
    values = over_time(tensor)
    parts = {k: v.T for k, v in split(values.T, letters).items()}
    return KINDS[op][2](*(parts[k].T for k in order))


def relative(pairs: list[tuple[np.ndarray, np.ndarray]]) -> float:
    return max(worst([pair]) / float(np.abs(pair[1]).max()) for pair in pairs)


def check_training(record: Record) -> float:
    """``LSTMTraining``, ``GRUTraining``: every state and every gate at every step."""
    op = record["op"].removesuffix("Training")
    expected, x = record["expected"], array(record["inputs"]["input_tensor"]).swapaxes(0, 1)
    layer, params = layer_of(op, record["inputs"])
    tape = layer.forward(x, params=params)
    gates = gates_over_time(op, expected["iofc" if op == "LSTM" else "zrh"])
    pairs = [(tape.outputs, over_time(expected["HAll"])), *zip(tape.gates, gates, strict=True)]
    pairs += [(v, array(expected[f"final_{k}"])[0]) for k, v in tape.final._asdict().items()]
    if op == "LSTM":
        pairs.append((tape.states.c, over_time(expected["CAll"])))
    return relative(pairs)


def check_gradient(record: Record) -> float:
    """``LSTMGrad``, ``GRUGrad``."""
    op = record["op"].removesuffix("Grad")
    inputs, expected = record["inputs"], record["expected"]
    layer, params = layer_of(op, inputs)
    x = array(inputs["input_tensor"]).swapaxes(0, 1)
    fields = [over_time(inputs[f"{field}All"]) for field in ("HC" if op == "LSTM" else "H")]
    state = KINDS[op][1]
    tape = RecurrentTape(
        params=params,
        x=x,
        mask=np.ones(x.shape[:2], bool),
        outputs=fields[0],
        noise=None,
        initial=state(*(np.zeros_like(value[:, 0]) for value in fields)),
        states=state(*fields),
        gates=gates_over_time(op, inputs["iofc" if op == "LSTM" else "zrh"]),
        final=state(*(value[:, -1] for value in fields)),
    )
    grads = layer.backward(tape, over_time(inputs["grad_HAll"]))
    assert grads.x is not None
    letters, order = ORDERS[op]

    def stacked(values: np.ndarray) -> np.ndarray:
        parts = dict(zip(order, np.split(values, len(order), axis=-1), strict=True))
        return np.concatenate([parts[k].T for k in letters])

    db = stacked(grads.params["b"])
    return relative(
        [
            (grads.x.swapaxes(0, 1), array(expected["dX"])),
            (stacked(grads.params["W"]), array(expected["dW"])[0]),
            (stacked(grads.params["U"]), array(expected["dR"])[0]),
            (np.concatenate([db, db]), array(expected["dB"])[0]),
        ]
    )


def check_ort(record: Record) -> float:
    """Any record of onnxruntime's own tests."""
    if record["op"].endswith("Training"):
        return check_training(record)
    return check_gradient(record) if record["op"].endswith("Grad") else check_onnx(record)
