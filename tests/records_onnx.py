"""Records of ONNX, onnxruntime and WebNN: recurrent nodes, expressed by npstack's own cells.

A reversed direction is the same cell on a sequence of which the valid prefix of each row is turned
round beforehand (what ONNX reverses), its outputs turned back; two directions are two such passes.
Gates stand in ONNX's order, i o f c for an LSTM and z r h for a GRU; the peepholes are i o f.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from npstack import (
    Activation,
    ArgumentError,
    Cell,
    GRUCell,
    GRUResetBeforeCell,
    LSTMVariantCell,
    Recurrent,
    RNNCell,
    ShapeError,
)
from npstack.cells import Activations, Coupled, Part, Peepholes, PreactivationClip
from tests.records import RNG, Record, array, require, worst

NAMES = {
    **{name: name for name in ("relu", "tanh", "sigmoid", "affine", "elu", "softsign", "softplus")},
    "leakyrelu": "leaky_relu",
    "thresholdedrelu": "thresholded_relu",
    "scaledtanh": "scaled_tanh",
    "hardsigmoid": "hard_sigmoid_fifth",
}
LEFT_OUT_IS_ZERO = ("affine", "scaled_tanh", "thresholded_relu")  # in onnxruntime, §5.3
ROLES = {"LSTM": ("f", "g", "h"), "GRU": ("f", "g"), "RNN": ("f",)}
USUAL = {"f": "sigmoid", "g": "tanh", "h": "tanh"}
Arrays = dict[str, np.ndarray]


def turned(x: np.ndarray, lengths: np.ndarray | None) -> np.ndarray:
    """(B, T, …) with the valid prefix of each row in reversed order."""
    if lengths is None:
        return x[:, ::-1]
    turned = x.copy()
    for row, length in enumerate(lengths):
        turned[row, :length] = x[row, :length][::-1]
    return turned


def activations_of(op: str, attributes: Record, directions: int) -> list[dict[str, Activation]]:
    """The activations of each direction by ONNX's letters; alpha and beta are used up in order."""
    roles = ROLES[op] * directions
    usual = [("tanh" if op == "RNN" else USUAL[role]) for role in roles]
    names = [NAMES[name.lower()] for name in attributes.get("activations") or usual]
    numbers = {k: iter(attributes.get(f"activation_{k}") or ()) for k in ("alpha", "beta")}

    def build(name: str) -> Activation:
        given: dict[str, float] = {}
        for k in Activation(name).config().keys() - {"name"}:
            value = next(numbers[k], 0.0 if name in LEFT_OUT_IS_ZERO else None)
            given |= {} if value is None else {k: float(value)}
        return Activation(name, **given)

    assert len(names) == len(roles)
    built = [build(name) for name in names]
    count = len(ROLES[op])
    return [
        dict(zip(ROLES[op], built[d * count : (d + 1) * count], strict=True))
        for d in range(directions)
    ]


def split(stacked: np.ndarray, gates: str) -> dict[str, np.ndarray]:
    """The gates of ONNX's first axis by letter, each (…, H): transposed, as npstack has them."""
    return dict(zip(gates, (gate.T for gate in np.split(stacked, len(gates))), strict=True))


def packed(stacked: np.ndarray, gates: str, order: str) -> np.ndarray:
    """ONNX's first axis as npstack's last, the gates in another order."""
    parts = split(stacked, gates)
    return np.concatenate([parts[gate] for gate in order], axis=-1)


def lstm(
    sizes: tuple[int, int], given: Arrays, attributes: Record, act: Any
) -> tuple[Cell, Arrays]:
    """The cell of an LSTM node's direction, and its parameters."""
    D, H = sizes
    coupled = bool(attributes.get("input_forget"))
    order = "ico" if coupled else "ifco"
    gates = dict.fromkeys(
        ("input", "output") if coupled else ("input", "forget", "output"), act["f"]
    )
    parts: list[Part] = [Activations(**gates, candidate=act["g"], cell=act["h"])]
    Wb, Rb = np.split(given["B"], 2)
    params = {name: packed(given[key], "iofc", order) for name, key in (("W", "W"), ("U", "R"))}
    params["b"] = packed(Wb + Rb, "iofc", order)
    if coupled:
        parts.append(Coupled())
    if "P" in given:
        parts.append(Peepholes())
        params["P"] = packed(given["P"], "iof", "io" if coupled else "ifo")
    if attributes.get("clip"):
        parts.append(PreactivationClip(float(attributes["clip"])))
    return LSTMVariantCell(D, H, *parts, rng=RNG), params


def gru(sizes: tuple[int, int], given: Arrays, attributes: Record, act: Any) -> tuple[Cell, Arrays]:
    """The cell of a GRU node's direction, and its parameters."""
    require(not attributes.get("clip"), "a clip of a GRU")
    after = bool(attributes.get("linear_before_reset"))
    kind: Any = GRUCell if after else GRUResetBeforeCell
    Wb, Rb = (packed(half, "zrh", "rzh") for half in np.split(given["B"], 2))
    H = sizes[1]
    params = {"W": packed(given["W"], "zrh", "rzh"), "U": packed(given["R"], "zrh", "rzh")}
    if after:  # the recurrent bias of the candidate stands inside the product with r
        params["b"] = Wb + np.concatenate([Rb[: 2 * H], np.zeros(H)])
        params["b_recurrent"] = Rb[2 * H :]
    else:
        params["b"] = Wb + Rb
    return kind(*sizes, gate=act["f"], candidate=act["g"], rng=RNG), params


def rnn(sizes: tuple[int, int], given: Arrays, attributes: Record, act: Any) -> tuple[Cell, Arrays]:
    """The cell of an RNN node's direction, and its parameters."""
    require(not attributes.get("clip"), "a clip of a plain network")
    params = {"W": given["W"].T, "U": given["R"].T, "b": sum(np.split(given["B"], 2))}
    return RNNCell(*sizes, activation=act["f"], rng=RNG), params


CELLS = {"LSTM": (lstm, 4), "GRU": (gru, 3), "RNN": (rnn, 1)}


def passes(record: Record) -> Iterator[tuple[np.ndarray, ...]]:
    """Outputs (B, T, H) and final states (B, H) of each direction."""
    op, attributes = record["op"], record["attributes"]
    inputs = {name: tensor for name, tensor in record["inputs"].items() if tensor is not None}
    make, count = CELLS[op]
    batch_first, H = attributes.get("layout", 0) == 1, attributes["hidden_size"]
    lengths = array(inputs["sequence_lens"], int) if "sequence_lens" in inputs else None
    x = array(inputs["X"]) if batch_first else array(inputs["X"]).swapaxes(0, 1)
    directions = {"bidirectional": (False, True), "reverse": (True,), "forward": (False,)}
    turns = directions[attributes.get("direction", "forward")]
    acts = activations_of(op, attributes, len(turns))
    for d, reverse in enumerate(turns):
        own = {name: array(inputs[name])[d] for name in "WRP" if name in inputs}
        own["B"] = array(inputs["B"])[d] if "B" in inputs else np.zeros(2 * count * H)
        cell, params = make((x.shape[2], H), own, attributes, acts[d])
        axis = 1 if batch_first else 0  # of the directions
        initial = cell.state_type(
            *(
                array(inputs[f"initial_{field}"]).take(d, axis)
                if f"initial_{field}" in inputs
                else np.zeros((len(x), H))
                for field in cell.state_type._fields
            )
        )
        tape = Recurrent(cell).forward(
            turned(x, lengths) if reverse else x, initial, lengths=lengths, params=params
        )
        final = tape.final
        if lengths is not None:  # onnxruntime zeroes the final state of an empty row (§7.5)
            empty = (lengths == 0)[:, np.newaxis]
            final = type(final)(*(np.where(empty, 0.0, value) for value in final))
        yield (turned(tape.outputs, lengths) if reverse else tape.outputs, *final)


def check_onnx(record: Record) -> float:
    """An ONNX LSTM, GRU or RNN node, one direction after the other."""
    if record.get("expect_failure"):
        return check_refusal(record)
    batch_first = record["attributes"].get("layout", 0) == 1
    Y, *finals = (np.stack(parts, axis=1) for parts in zip(*passes(record), strict=True))
    # Y is now (B, d, T, H) and Y_h, Y_c are (B, d, H)
    results = {"Y": Y.transpose(0, 2, 1, 3) if batch_first else Y.transpose(2, 1, 0, 3)}
    for name, final in zip(("Y_h", "Y_c"), finals, strict=False):
        results[name] = final if batch_first else final.swapaxes(0, 1)
    return worst([(results[name], array(t)) for name, t in record["expected"].items()])


def check_refusal(record: Record) -> float:
    """What the runtime must refuse, npstack refuses too: lengths that do not fit the input."""
    try:
        list(passes(record))
    except (ArgumentError, ShapeError) as error:
        return 0.0 if "lengths must" in str(error) else np.inf
    return np.inf


def tensor(values: np.ndarray) -> Record:
    """An array as records have them."""
    return {"shape": values.shape, "data": values.ravel()}


def check_webnn(record: Record) -> float:
    """A WebNN operator as the ONNX node that it is, under other names; cells are one step."""
    options = record["options"]
    op = record["op"].removesuffix("_cell").upper()
    assert options.get("layout", {"LSTM": "iofg", "GRU": "zrn"}[op]) in ("iofg", "zrn", "rzn")
    given = {name: array(t) for name, t in record["inputs"].items() if t is not None}
    if record["op"].endswith("_cell"):  # no axis of time, none of directions
        given = {name: value[np.newaxis] for name, value in given.items()}
    names = {
        "X": "X",
        "W": "W",
        "R": "R",
        "peepholeWeight": "P",
        "h": "initial_h",
        "c": "initial_c",
    }
    names |= {"initialHiddenState": "initial_h", "initialCellState": "initial_c"}
    inputs = {names[name]: value for name, value in given.items() if name in names}
    rows = given["W"].shape[:2]
    biases = [given.get(name, np.zeros(rows)) for name in ("bias", "recurrentBias")]
    if options.get("layout") == "rzn":
        exchanged = [1, 0, 2]

        def zrn(values: np.ndarray) -> np.ndarray:
            parts = np.split(values, 3, axis=1)
            return np.concatenate([parts[k] for k in exchanged], axis=1)

        inputs |= {name: zrn(inputs[name]) for name in "WR"}
        biases = [zrn(bias) for bias in biases]
    inputs["B"] = np.concatenate(biases, axis=1)
    words = {"both": "bidirectional", "backward": "reverse"}
    attributes = {
        "hidden_size": options["hidden_size"],
        "direction": words.get(options.get("direction"), "forward"),
        "linear_before_reset": int(options.get("resetAfter", True)),
        "activations": record["activations"] and record["activations"] * len(given["W"]),
    }
    outputs = ("Y_h", "Y_c", "Y") if op == "LSTM" else ("Y_h", "Y")
    lead = () if not record["op"].endswith("_cell") else (np.newaxis,)
    expected = {outputs[e["output"]]: tensor(array(e)[lead]) for e in record["expected"]}
    node = {name: tensor(value) for name, value in inputs.items()}
    return check_onnx({"op": op, "attributes": attributes, "inputs": node, "expected": expected})
