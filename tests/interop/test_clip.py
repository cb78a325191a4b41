"""``clip`` of ONNX's GRU and RNN nodes, as onnxruntime computes it: `Clipped` activations (§4.1).

The sum of every gate, and of the candidate, is clipped with all its biases right before its
activation. The recurrent part of a candidate that is reset after the product is not clipped by
itself, and neither is the state.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from npstack import Activation, Clipped, GRUCell, GRUResetBeforeCell, Recurrent, Reversed, RNNCell
from npstack.cells import Cell
from npstack.core.numerics import Array, clip

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.frameworks

B, T, D, H = 4, 6, 3, 5
GATES = {"GRU": ("update", "reset", "candidate"), "RNN": ("hidden",)}  # their order in ONNX
NAMES = {"sigmoid": "Sigmoid", "tanh": "Tanh", "relu": "Relu", "affine": "Affine"}
NAMES |= {"elu": "Elu", "hard_sigmoid_fifth": "HardSigmoid", "softsign": "Softsign"}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "gru, reset after": ("GRU", {"linear_before_reset": 1}),
    "gru, reset before": ("GRU", {"linear_before_reset": 0}),
    "rnn": ("RNN", {}),
}
EACH = pytest.mark.parametrize("case", CASES)
CLIPS = pytest.mark.parametrize("limit", [0.2, 0.8, 2.0])


def draw(kind: str, rng: np.random.Generator, bias: bool = True, batch: int = B) -> dict[str, Any]:
    """Inputs of a node in float32: sums of about 3, so that every limit is exceeded."""
    k = len(GATES[kind])
    shapes = {"W": (1, k * H, D), "R": (1, k * H, H), "h": (1, batch, H), "x": (T, batch, D)}
    shapes |= {"B": (1, 2 * k * H)} if bias else {}
    return {name: rng.normal(0, 1.2, s).astype(np.float32) for name, s in shapes.items()}


def run(kind: str, given: dict[str, Any], **attributes: Any) -> tuple[Array, Array]:
    """All outputs (B, T, H), and the final state, by onnxruntime."""
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    inputs = ["x", "W", "R", "B" if "B" in given else "", "", "h"]
    node = helper.make_node(kind, inputs, ["y", "last"], hidden_size=H, **attributes)
    ends = [helper.make_tensor_value_info(name, float32, None) for name in ("x", "y", "last")]
    held = [onnx.numpy_helper.from_array(v, n) for n, v in given.items() if n != "x"]
    graph = helper.make_graph([node], "clip", ends[:1], ends[1:], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    y, last = session.run(None, {"x": given["x"]})
    return y[:, 0].swapaxes(0, 1), last[0]


def packed(kind: str, value: Array) -> Array:
    """The gates of an array along its first axis, in our order and along the last."""
    blocks = dict(zip(GATES[kind], np.split(value, len(GATES[kind])), strict=True))
    order = ("reset", "update", "candidate") if kind == "GRU" else ("hidden",)
    return np.concatenate([blocks[gate] for gate in order]).T.astype(float)


def cell(case: str, given: dict[str, Any], gate: Any, candidate: Any) -> Cell:
    """The same cell in float64, with these activations."""
    kind, attributes = CASES[case]
    W, U = packed(kind, given["W"][0]), packed(kind, given["R"][0])
    both = np.split(given["B"][0], 2) if "B" in given else [np.zeros(len(given["W"][0]))] * 2
    b, b_recurrent = (packed(kind, bias) for bias in both)
    if kind == "RNN":
        return RNNCell.from_params(W, U, b + b_recurrent, activation=candidate)
    if not attributes["linear_before_reset"]:
        return GRUResetBeforeCell.from_params(W, U, b + b_recurrent, gate=gate, candidate=candidate)
    b[: 2 * H] += b_recurrent[: 2 * H]
    last = b_recurrent[2 * H :]
    return GRUCell.from_params(W, U, b, b_recurrent=last, gate=gate, candidate=candidate)


def ours(case: str, given: dict[str, Any], gate: Any, candidate: Any) -> Array:
    """Outputs of our cell on the inputs of a node."""
    made = cell(case, given, gate, candidate)
    state = made.state_type(given["h"][0].astype(float))
    return Recurrent(made).forward(given["x"].swapaxes(0, 1).astype(float), state).outputs


def close(found: Array, expected: Array) -> None:
    """Within rounding of float32, which the steps multiply."""
    assert np.abs(found - expected).max() <= 2e-5 * max(1.0, np.abs(expected).max())


@EACH
@CLIPS
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("batch", [1, 4])
def test_a_clip_is_that_of_every_activations_argument(
    case: str, limit: float, bias: bool, batch: int
) -> None:
    kind, attributes = CASES[case]
    given = draw(kind, np.random.default_rng(3), bias, batch)
    found, last = run(kind, given, clip=limit, **attributes)
    expected = ours(case, given, Clipped("sigmoid", limit), Clipped("tanh", limit))
    close(found, expected)
    close(last, expected[:, -1])
    without = ours(case, given, "sigmoid", "tanh")
    assert np.abs(found - without).max() > 0.02, "the clip must matter"


@EACH
@pytest.mark.parametrize(
    ("gate", "candidate"),
    [
        ("hard_sigmoid_fifth", "relu"),
        (Activation("hard_sigmoid_fifth", alpha=0.4, beta=0.3), Activation("elu", alpha=0.5)),
        ("sigmoid", "softsign"),
        ("softsign", Activation("affine", alpha=0.5, beta=0.25)),
    ],
)
def test_other_activations_behind_a_clip(case: str, gate: Any, candidate: Any) -> None:
    kind, attributes = CASES[case]
    given = draw(kind, np.random.default_rng(4))
    used = [gate, candidate] if kind == "GRU" else [candidate]
    used = [own if isinstance(own, Activation) else Activation(own) for own in used]
    named = {
        "activations": [NAMES[own.name] for own in used],
        "activation_alpha": [own.alpha for own in used if own.alpha is not None],
        "activation_beta": [own.beta for own in used if own.beta is not None],
    }
    named = {name: value for name, value in named.items() if value}
    found, _ = run(kind, given, clip=0.6, **attributes, **named)
    close(found, ours(case, given, Clipped(gate, 0.6), Clipped(candidate, 0.6)))


@EACH
def test_a_clip_in_the_reverse_direction(case: str) -> None:
    kind, attributes = CASES[case]
    given = draw(kind, np.random.default_rng(5))
    found, _ = run(kind, given, clip=0.5, direction="reverse", **attributes)
    made = cell(case, given, Clipped("sigmoid", 0.5), Clipped("tanh", 0.5))
    layer, x = Reversed(Recurrent(made)), given["x"].swapaxes(0, 1).astype(float)
    close(found, layer.forward(x, made.state_type(given["h"][0].astype(float))).outputs)


@CLIPS
@pytest.mark.parametrize("place", ["recurrent part of the candidate", "gates only", "state"])
def test_nothing_else_is_clipped(limit: float, place: str, monkeypatch: Any) -> None:
    """Other readings of the operator's text give other numbers."""
    given = draw("GRU", np.random.default_rng(6))
    found, _ = run("GRU", given, clip=limit, linear_before_reset=1)
    candidate: Any = "tanh" if place == "gates only" else Clipped("tanh", limit)
    sums, step = GRUCell.sums, GRUCell.step_reading

    def clipped_part(*arguments: Any) -> Any:
        a_r, a_z, q, x_n = sums(*arguments)
        return a_r, a_z, clip(q, limit), x_n

    def clipped_state(self: Any, *arguments: Any) -> Any:
        state, gates = step(self, *arguments)
        return state._replace(h=clip(state.h, limit)), gates

    expected = ours("gru, reset after", given, Clipped("sigmoid", limit), Clipped("tanh", limit))
    if place.startswith("recurrent"):
        monkeypatch.setattr(GRUCell, "sums", staticmethod(clipped_part))
    if place == "state":
        monkeypatch.setattr(GRUCell, "step_reading", clipped_state)
    other = ours("gru, reset after", given, Clipped("sigmoid", limit), candidate)
    close(found, expected)
    if (place, limit) != ("state", 2.0):  # never reached
        assert np.abs(found - other).max() > 0.01
