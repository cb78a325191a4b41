"""Records that third parties wrote, expressed as plain LSTMs.

Each ``check_…`` takes one record, computes it by npstack in float64 and returns the error; or it
raises `Inexpressible` with the reason. What a plain LSTM expresses: default activations, no
peephole, clip or coupled gate *in effect*, any initial state, mask or lengths. A reversed direction
is the same LSTM on a sequence that is turned round beforehand (of each row the valid prefix, which
is what ONNX reverses; or, for Keras, the whole padded row with its mask), its outputs turned back;
a bidirectional record is two such LSTMs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npstack import LSTM, LSTMGates, LSTMState, RecurrentTape
from tests.others import from_onnx_gates, onnx_gates

RNG = np.random.default_rng(0)  # layers need one to be built; every record brings its parameters
Record = dict[str, Any]


class Inexpressible(Exception):
    """A record asks for what a plain LSTM does not do; the message says what."""


def require(condition: object, reason: str) -> None:
    """Give up on a record."""
    if not condition:
        raise Inexpressible(reason)


def array(tensor: Any, dtype: Any = np.float64) -> np.ndarray:
    """A stored tensor."""
    return np.array(tensor["data"], dtype).reshape(tensor["shape"])


def worst(pairs: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Largest absolute difference over all pairs (result, expected)."""
    assert pairs
    assert all(a.shape == b.shape for a, b in pairs), [(a.shape, b.shape) for a, b in pairs]
    return max(float(np.abs(a - b).max()) for a, b in pairs)


# ---- ONNX, onnxruntime, WebNN ------------------------------------------------------------------


def turned(x: np.ndarray, lengths: np.ndarray | None) -> np.ndarray:
    """(B, T, …) with the valid prefix of each row in reversed order."""
    if lengths is None:
        return x[:, ::-1]
    turned = x.copy()
    for row, length in enumerate(lengths):
        turned[row, :length] = x[row, :length][::-1]
    return turned


def largest_preactivation(tape: RecurrentTape) -> float:
    """What a clip would have to cut: the largest pre-activation of any gate."""
    before = np.concatenate([tape.initial.h[:, np.newaxis], tape.states.h[:, :-1]], axis=1)
    a = tape.x @ tape.params["W"] + before @ tape.params["U"] + tape.params["b"]
    return float(np.abs(a).max())


def check_onnx(record: Record) -> float:
    """An ONNX LSTM node, one direction after the other."""
    require(record["op"] == "LSTM", f"another cell: {record['op']}")
    attributes, inputs = record["attributes"], record["inputs"]
    activations = [name.lower() for name in attributes.get("activations", ())]
    default = ["sigmoid", "tanh", "tanh"]
    require(activations in ([], default, default * 2), "other activations")
    require(not np.any(array(inputs["P"])) if "P" in inputs else True, "peepholes")
    require(not attributes.get("input_forget"), "coupled gates")
    assert set(attributes) <= {
        *("activations", "clip", "direction", "hidden_size", "input_forget", "layout")
    }
    batch_first = attributes.get("layout", 0) == 1
    lengths = array(inputs["sequence_lens"], int) if "sequence_lens" in inputs else None
    x = array(inputs["X"]) if batch_first else array(inputs["X"]).swapaxes(0, 1)
    H, found = attributes["hidden_size"], []
    direction = attributes.get("direction", "forward")
    directions = {"bidirectional": (False, True), "reverse": (True,), "forward": (False,)}
    for d, reverse in enumerate(directions[direction]):
        W, R = (from_onnx_gates(array(inputs[name])[d]) for name in "WR")
        B = np.zeros(4 * H)
        if "B" in inputs:
            B = sum(from_onnx_gates(half) for half in np.split(array(inputs["B"])[d], 2))
        axis = 1 if batch_first else 0  # of the directions
        initial = [
            array(inputs[name]).take(d, axis) if name in inputs else np.zeros((len(x), H))
            for name in ("initial_h", "initial_c")
        ]
        tape = LSTM(x.shape[2], H, rng=RNG).forward(
            turned(x, lengths) if reverse else x,
            LSTMState(*initial),
            lengths=lengths,
            params={"W": W, "U": R, "b": B},
        )
        clip = attributes.get("clip", np.inf)
        require(largest_preactivation(tape) <= clip, "a clip in effect")
        y = turned(tape.outputs, lengths) if reverse else tape.outputs
        found.append((y, *tape.final))
    Y, Y_h, Y_c = (np.stack(parts, axis=1) for parts in zip(*found, strict=True))
    # Y is now (B, d, T, H) and Y_h, Y_c are (B, d, H)
    results = {"Y": Y.transpose(2, 1, 0, 3), "Y_h": Y_h.swapaxes(0, 1), "Y_c": Y_c.swapaxes(0, 1)}
    if batch_first:
        results = {"Y": Y.transpose(0, 2, 1, 3), "Y_h": Y_h, "Y_c": Y_c}
    return worst([(results[name], array(t)) for name, t in record["expected"].items()])


def check_webnn(record: Record) -> float:
    """A WebNN ``lstm``: the ONNX node under other names (gates in the order i, o, f, g)."""
    require(record["op"] in ("lstm", "lstm_cell"), f"another cell: {record['op']}")
    options, given = record["options"], record["inputs"]
    assert options.get("layout", "iofg") == "iofg"
    attributes = {"hidden_size": options["hidden_size"]}
    words = {"both": "bidirectional", "backward": "reverse"}
    attributes["direction"] = words.get(options.get("direction"), "forward")
    if record["activations"]:
        attributes["activations"] = record["activations"]
    names = {"X": "X", "W": "W", "R": "R", "peepholeWeight": "P"}
    names |= {"initialHiddenState": "initial_h", "initialCellState": "initial_c"}
    inputs = {names[name]: tensor for name, tensor in given.items() if name in names}
    both = np.concatenate([array(given["bias"]), array(given["recurrentBias"])], axis=-1)
    inputs["B"] = {"shape": both.shape, "data": both.ravel()}
    expected = {("Y_h", "Y_c", "Y")[e["output"]]: e for e in record["expected"]}
    return check_onnx(
        {"op": "LSTM", "attributes": attributes, "inputs": inputs, "expected": expected}
    )


# ---- onnxruntime's training operators ------------------------------------------------------------


def training_params(inputs: Record) -> dict[str, np.ndarray]:
    """Parameters of ``LSTMTraining`` and ``LSTMGrad`` (which is given no bias)."""
    W, R = (from_onnx_gates(array(inputs[name])[0]) for name in ("weights", "recurrence_weights"))
    b = np.zeros(W.shape[1])
    if "bias" in inputs:
        b = sum(from_onnx_gates(half) for half in np.split(array(inputs["bias"])[0], 2))
    return {"W": W, "U": R, "b": b}


def over_time(tensor: Any) -> np.ndarray:
    """(T, 1, B, H) to (B, T, H)."""
    return array(tensor)[:, 0].swapaxes(0, 1)


def gates_over_time(tensor: Any) -> LSTMGates:
    """Cached gates (T, 1, B, 4H), packed i, o, f, c."""
    i, o, f, c = np.split(over_time(tensor), 4, axis=-1)
    return LSTMGates(input=i, forget=f, candidate=c, output=o)


def check_training(record: Record) -> float:
    """``LSTMTraining``: every state and every gate at every step, relative to the largest."""
    expected, x = record["expected"], array(record["inputs"]["input_tensor"]).swapaxes(0, 1)
    params = training_params(record["inputs"])
    tape = LSTM(x.shape[2], params["U"].shape[0], rng=RNG).forward(x, params=params)
    pairs = [
        (tape.outputs, over_time(expected["HAll"])),
        (tape.states.c, over_time(expected["CAll"])),
        (tape.final.h, array(expected["final_h"])[0]),
        (tape.final.c, array(expected["final_c"])[0]),
        *zip(tape.gates, gates_over_time(expected["iofc"]), strict=True),
    ]
    return max(worst([pair]) / float(np.abs(pair[1]).max()) for pair in pairs)


def check_gradient(record: Record) -> float:
    """``LSTMGrad``: its cache is not the forward pass of its weights, so it is taken as a tape that
    somebody else recorded, and `LSTM.backward` reads that. Relative to the largest."""
    inputs, expected = record["inputs"], record["expected"]
    x = array(inputs["input_tensor"]).swapaxes(0, 1)
    h, c = over_time(inputs["HAll"]), over_time(inputs["CAll"])
    zero = np.zeros_like(h[:, 0])
    tape = RecurrentTape(
        params=training_params(inputs),
        x=x,
        mask=np.ones(x.shape[:2], bool),
        outputs=h,
        noise=None,
        initial=LSTMState(zero, zero),
        states=LSTMState(h, c),
        gates=gates_over_time(inputs["iofc"]),
        final=LSTMState(h[:, -1], c[:, -1]),
    )
    layer = LSTM(x.shape[2], h.shape[2], rng=RNG)
    grads = layer.backward(tape, over_time(inputs["grad_HAll"]))
    assert grads.x is not None
    db = onnx_gates(grads.params["b"])
    pairs = [
        (grads.x.swapaxes(0, 1), array(expected["dX"])),
        (onnx_gates(grads.params["W"]), array(expected["dW"])[0]),
        (onnx_gates(grads.params["U"]), array(expected["dR"])[0]),
        (np.concatenate([db, db]), array(expected["dB"])[0]),
    ]
    return max(worst([pair]) / float(np.abs(pair[1]).max()) for pair in pairs)


def check_ort(record: Record) -> float:
    """Any record of onnxruntime's own tests."""
    special = {"LSTMTraining": check_training, "LSTMGrad": check_gradient}
    return special.get(record["op"], check_onnx)(record)
