"""Records of ONNX, onnxruntime and WebNN: recurrent nodes, expressed by npstack's cells and layers.

A node has one direction, `Recurrent` or `Reversed`, or two, `Bidirectional`. Gates stand in ONNX's
order, i o f c for an LSTM and z r h for a GRU; the peepholes are i o f.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npstack import (
    Activation,
    ArgumentError,
    Bidirectional,
    Cell,
    Directions,
    Recurrent,
    Reversed,
    ShapeError,
)
from npstack.interop.reading import read
from npstack.layers.base import Layer
from tests.agreement.records import Record, array, worst

READ = {  # attributes; one that is not among them would be left out silently
    *("activations", "activation_alpha", "activation_beta", "clip", "direction", "hidden_size"),
    *("input_forget", "layout", "linear_before_reset"),
}
ACTIVATIONS = {  # those of the records, with the parameters that each takes
    **{name: (name,) for name in ("relu", "sigmoid", "tanh")},
    "leakyrelu": ("leaky_relu", "alpha"),
    "scaledtanh": ("scaled_tanh", "alpha", "beta"),
}
ROLES = {"LSTM": ("f", "g", "h"), "GRU": ("f", "g"), "RNN": ("f",)}
PLACES = {"LSTM": ("gates", "candidate", "cell"), "GRU": ("gates", "candidate"), "RNN": ("hidden",)}
USUAL = {"f": "sigmoid", "g": "tanh", "h": "tanh"}
NO_LIMIT = 999.0  # from here up a clip is onnxruntime's tests' way to say that there is none
Arrays = dict[str, np.ndarray]


def activations_of(op: str, attributes: Record, directions: int) -> list[dict[str, Activation]]:
    """The activations of each direction by ONNX's letters; alpha and beta are used up in order."""
    roles = ROLES[op] * directions
    usual = [("tanh" if op == "RNN" else USUAL[role]) for role in roles]
    names = [name.lower() for name in attributes.get("activations") or usual]
    numbers = {k: iter(attributes.get(f"activation_{k}") or ()) for k in ("alpha", "beta")}

    def build(theirs: str) -> Activation:
        # No record leaves a number out (onnxruntime's defaults are not always npstack's, §5.3).
        name, *parameters = ACTIVATIONS[theirs]
        return Activation(name, **{k: next(numbers[k]) for k in parameters})

    built = iter([build(name) for name in names])
    found = [{role: next(built) for role in ROLES[op]} for _ in range(directions)]
    assert next(built, None) is None
    return found


def split(stacked: np.ndarray, gates: str) -> dict[str, np.ndarray]:
    """The gates of ONNX's first axis by letter, each (…, H): transposed, as npstack has them."""
    return dict(zip(gates, (gate.T for gate in np.split(stacked, len(gates))), strict=True))


def packed(stacked: np.ndarray, gates: str, order: str) -> np.ndarray:
    """ONNX's first axis as npstack's last, the gates in another order."""
    parts = split(stacked, gates)
    return np.concatenate([parts[gate] for gate in order], axis=-1)


def cell_of(op: str, given: Arrays, attributes: Record, act: Any) -> Cell:
    """The cell of a node's direction, with its parameters."""
    options: dict[str, Any] = {"activations": dict(zip(PLACES[op], act.values(), strict=True))}
    if (clip := float(attributes.get("clip", NO_LIMIT))) < NO_LIMIT:
        options["clip"] = clip
    if op == "GRU":
        options["reset"] = "after" if attributes.get("linear_before_reset") else "before"
    options["coupled"] = bool(attributes.get("input_forget"))
    stacked = {name: value[np.newaxis] for name, value in given.items()}
    layer: Any = read(stacked, "onnx", cell=op.lower(), **options).layer
    cell: Cell = layer.cell
    cell.params = layer.params
    return cell


def onnx_layer(record: Record) -> tuple[Layer, Any]:
    """The layer that a node describes, with its parameters, and its initial state."""
    op, attributes = record["op"], record["attributes"]
    assert attributes.keys() <= READ, attributes
    inputs = {name: array(value) for name, value in record["inputs"].items() if value is not None}
    batch_first = attributes.get("layout", 0) == 1
    batch = inputs["X"].shape[0 if batch_first else 1]
    axis = 1 if batch_first else 0  # of the directions, in an initial state
    passes: list[Layer] = []
    states: list[Any] = []
    for d, act in enumerate(activations_of(op, attributes, len(inputs["W"]))):
        own = {name: inputs[name][d] for name in "WRBP" if name in inputs}
        cell = cell_of(op, own, attributes, act)
        passes.append(Recurrent(cell))
        given = {name: inputs.get(f"initial_{name}") for name in cell.state_type._fields}
        begun = {name: value.take(d, axis) for name, value in given.items() if value is not None}
        states.append(cell.zero_state(batch, np.float64)._replace(**begun))
    direction = attributes.get("direction", "forward")
    if direction == "bidirectional":
        forward, backward = passes
        return Bidirectional(forward, backward, merge="none"), Directions(*states)
    (layer,), (state,) = passes, states
    return (Reversed(layer) if direction == "reverse" else layer), state


def run(record: Record) -> tuple[np.ndarray, list[Any]]:
    """Outputs (B, T, directions, H), and the final state of each direction."""
    layer, state = onnx_layer(record)
    inputs = record["inputs"]
    x, lengths = array(inputs["X"]), inputs.get("sequence_lens")
    if record["attributes"].get("layout", 0) == 0:
        x = x.swapaxes(0, 1)
    lengths = None if lengths is None else array(lengths, int)
    tape = layer.forward(x, state, lengths=lengths)
    both = isinstance(tape.final, Directions)
    outputs = tape.outputs if both else tape.outputs[:, :, np.newaxis]
    return outputs, list(tape.final) if both else [tape.final]


def check_onnx(record: Record) -> float:
    """An ONNX LSTM, GRU or RNN node."""
    if record.get("expect_failure"):
        return check_refusal(record)
    Y, finals = run(record)
    results = {"Y": Y.transpose(1, 2, 0, 3)}
    results |= {
        f"Y_{name}": np.stack([getattr(final, name) for final in finals])
        for name in finals[0]._fields
    }
    if record["attributes"].get("layout", 0) == 1:
        orders = {"Y": (2, 0, 1, 3), "Y_h": (1, 0, 2), "Y_c": (1, 0, 2)}
        results = {name: value.transpose(orders[name]) for name, value in results.items()}
    return worst([(results[name], array(t)) for name, t in record["expected"].items()])


def check_refusal(record: Record) -> float:
    """What the runtime must refuse, npstack refuses too: lengths that do not fit the input."""
    try:
        run(record)
    except (ArgumentError, ShapeError) as error:
        return 0.0 if "lengths must" in str(error) else np.inf
    return np.inf


def tensor(values: np.ndarray) -> Record:
    """An array as records have them."""
    return {"shape": values.shape, "data": values.ravel()}


def onnx_node(record: Record) -> Record:
    """A WebNN operator as the ONNX node that it is, under other names; cells are one step."""
    options, op = record["options"], record["op"].removesuffix("_cell").upper()
    given = {name: array(t) for name, t in record["inputs"].items() if t is not None}
    lead = ()
    if record["op"].endswith("_cell"):  # no axis of time, none of directions
        lead = (np.newaxis,)
        given = {name: value[lead] for name, value in given.items()}
    names = {"X": "X", "W": "W", "R": "R", "peepholeWeight": "P", "h": "initial_h"}
    names |= {"c": "initial_c", "initialHiddenState": "initial_h", "initialCellState": "initial_c"}
    inputs = {names[name]: value for name, value in given.items() if name in names}
    rows = given["W"].shape[:2]
    biases = [given.get(name, np.zeros(rows)) for name in ("bias", "recurrentBias")]
    usual = {"LSTM": "iofg", "GRU": "zrn"}[op]
    layout = options.get("layout", usual)
    if layout != usual:
        assert layout == "rzn"

        def zrn(values: np.ndarray) -> np.ndarray:
            r, z, n = np.split(values, 3, axis=1)
            return np.concatenate([z, r, n], axis=1)

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
    return {
        **{name: record[name] for name in ("name", "validation")},
        "op": op,
        "attributes": attributes,
        "inputs": {name: tensor(value) for name, value in inputs.items()},
        "expected": {outputs[e["output"]]: tensor(array(e)[lead]) for e in record["expected"]},
    }


def check_webnn(record: Record) -> float:
    """A WebNN ``lstm``, ``gru``, or one step of them."""
    return check_onnx(onnx_node(record))
