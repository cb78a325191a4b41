"""Round trips of ONNX: every recurrent operator, and every option that npstack has.

Left out are ``input_forget``, whose unread blocks do not come back, and ``layout=1``, which
onnxruntime refuses. Nodes with a result that is smaller than `FLOOR` throughout are drawn again,
and counted: the sigmoid and tanh of onnxruntime are right absolutely and not relatively (§11.1), so
that small results have errors that are more than rounding.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npstack.interop.comparison import results
from npstack.interop.onnx_models.capture import capture
from npstack.interop.onnx_models.export import to_onnx
from npstack.interop.reading import read
from npstack.interop.recording import Recorded
from tests.interop.onnx_graphs import GATES, model_of, node, value
from tests.interop.opening import arrays_of, recurrent_parts
from tests.interop.trips import Arrays, Pair, Trip

FIELDS = {"LSTM": ("h", "c"), "GRU": ("h",), "RNN": ("h",)}
PLACES = {"LSTM": 3, "GRU": 2, "RNN": 1}
ALPHAS = {"Elu": (0.5,), "LeakyRelu": (0.25,), "HardSigmoid": (0.25, 0.5), "ScaledTanh": (1.5, 0.5)}
GATE_FUNCTIONS = ("Sigmoid", "HardSigmoid", "Tanh")
SHOWN = ("Tanh", "Softsign", "Sigmoid", "HardSigmoid", "ScaledTanh")
FLOOR = 0.1
GROWING = ("Relu", "Elu", "LeakyRelu", "Softplus")  # of one step only: they may grow without bound


def onnx_nodes(rng: np.random.Generator, again: int = 0) -> Trip:
    """A node with drawn attributes, weights, input and states; ``again``: after so many others."""
    kind = str(rng.choice([*GATES]))
    direction = str(rng.choice(["forward", "reverse", "bidirectional"]))
    count, k = 2 if direction == "bidirectional" else 1, GATES[kind]
    D, H, B, T = (int(n) for n in rng.integers(1, (6, 7, 5, 7)))
    functions = _activations(rng, kind, count)
    scale = float(rng.choice([0.5, 1.0, 3.0])) / np.sqrt(H)
    shapes = {"W": (k * H, D), "R": (k * H, H)}
    if rng.random() < 0.8:
        shapes["B"] = (2 * k * H,)
    if kind == "LSTM" and rng.random() < 0.4:
        shapes["P"] = (3 * H,)
    held = {
        name: (scale * rng.uniform(-1, 1, (count, *shape))).astype("f4")
        for name, shape in shapes.items()
    }
    own: dict[str, Any] = {"hidden_size": H, "direction": direction, **functions}
    if rng.random() < 0.3:
        own["clip"] = float(rng.choice([0.25, 1.0]))
    if kind == "GRU":
        own["linear_before_reset"] = int(rng.integers(2))
    if set(own.get("activations", ())) & {*GROWING}:
        T = 1
    fields = FIELDS[kind] if rng.random() < 0.5 else ()
    feed = {"x": rng.standard_normal((T, B, D)).astype("f4")}
    feed |= {field: rng.uniform(-1, 1, (count, B, H)).astype("f4") for field in fields}
    lengths = rng.integers(1, T + 1, B).astype("i4") if rng.random() < 0.5 else None
    there = {"x", *held, *fields}
    order = ["x", "W", "R", "B", "n", "h", "c", "P"]
    if lengths is not None:
        feed["n"], there = lengths, there | {"n"}
    inputs = [name if name in there else "" for name in order]
    inputs = inputs if kind == "LSTM" else inputs[:6]
    declared = [value(field, [count, "B", H]) for field in fields]
    declared += [value("n", ["B"], 6)] if lengths is not None else []
    model = model_of([node(kind, inputs, ["Y"], name="rnn", **own)], held, declared, size=D)
    (part,) = recurrent_parts(model)
    how = {"cell": part.kind, "bidirectional": part.bidirectional, **part.attributes}

    def back(arrays: Arrays) -> Recorded:
        layer = read(arrays, "onnx", biases="kept", **how)
        text = to_onnx(layer, lengths=lengths is not None, states=bool(fields))
        given = {"x": feed["x"].swapaxes(0, 1), **{f"{f}0": feed[f] for f in fields}}
        given |= {} if lengths is None else {"lengths": lengths}
        (found,) = capture(text, given).values()
        return found

    def pairs(arrays: Arrays) -> list[Pair]:
        if "B" not in arrays:
            return []
        merged = np.ones(k * H, bool)
        if own.get("linear_before_reset"):
            merged[2 * H :] = False  # the candidate
        return [Pair(*np.split(row, 2), merged) for row in arrays["B"]]

    options = {
        "operator": kind,
        "dtype": "float32",  # onnxruntime has no other that npstack has
        "direction": direction,
        "bias": str("B" in held),
        "peepholes": str("P" in held),
        "clip": str("clip" in own),
        "reset": str(own.get("linear_before_reset", "")),
        **dict(zip("fgh", functions.get("activations", ())[: PLACES[kind]], strict=False)),
        "input": "lengths" if lengths is not None else "batch",
        "states": "given" if fields else "zeros",
        "scale": f"{scale * np.sqrt(H):.1f}",
        "drawn again": str(again),
    }
    recorded = capture(model, feed)["rnn"]
    if smallest(recorded) < FLOOR:
        return onnx_nodes(rng, again + 1)
    return Trip(options, arrays_of(model, part), "onnx", how, recorded, back, pairs)


def smallest(recorded: Recorded) -> float:
    """The smallest max|result|, of outputs and final states."""
    found = results(recorded.outputs, recorded.final).values()
    return min(float(abs(own).max()) for own in found)


def _activations(rng: np.random.Generator, kind: str, count: int) -> dict[str, Any]:
    """Drawn functions f, g, h, with their parameters; or none."""
    if rng.random() < 0.4:
        return {}
    shown = (*SHOWN, *GROWING) if rng.random() < 0.3 else SHOWN
    names = [str(rng.choice(shown)) for _ in range(PLACES[kind])]
    if kind != "RNN":
        names[0] = str(rng.choice(GATE_FUNCTIONS))
    found: dict[str, Any] = {"activations": names * count}
    for k, attribute in enumerate(("activation_alpha", "activation_beta")):
        values = [ALPHAS[name][k] for name in names if len(ALPHAS.get(name, ())) > k]
        if values:
            found[attribute] = values * count
    return found
