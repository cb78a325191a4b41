"""The oracle against onnxruntime in float32: what ONNX can say of one recurrent layer.

Peepholes, coupled gates, clipped preactivations, every activation with its alpha and beta, both
GRUs, lengths, directions. Lengths begin at 1: for a row of length 0 onnxruntime gives zeros.
"""

from typing import Any

import numpy as np
import pytest

from npstack.verify.oracle import Layer, run
from tests.verify.oracle_models import cell_params, drawer, error, state

pytestmark = pytest.mark.frameworks
onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

B, T, D, H = 4, 6, 3, 4
LENGTHS = (6, 1, 4, 3)
BAR = 1e-6
# Where ONNX has our gates; of a coupled LSTM it has a forget gate, too, which it does not read.
ORDERS = {"lstm": "ifgo", "coupled": "igo", "gru": "rzn", "rnn": "n"}
THEIRS = {"lstm": "iofg", "coupled": "iofg", "gru": "zrn", "rnn": "n"}


def onnx_gates(kind: str, packed: Any, order: str = "", theirs: str = "") -> np.ndarray:
    """Our last axis, packed, as ONNX's first: ``(gates H, …)``."""
    order, theirs = order or ORDERS[kind], theirs or THEIRS[kind]
    own = dict(zip(order, np.split(np.array(packed, np.float32), len(order), -1), strict=True))
    unread = np.full_like(own[order[0]], 9.0)
    return np.concatenate([own.get(gate, unread).T for gate in theirs])


def onnx_inputs(kind: str, params: dict[str, Any]) -> dict[str, np.ndarray]:
    """W, R, B and P of one direction. The bias is split unevenly: only its sum matters."""
    family = kind.removesuffix("_reset_before")
    bias = onnx_gates(family, params["b"])
    second = np.linspace(-1, 1, len(bias), dtype=np.float32)
    if kind == "gru":
        second[2 * H :] = 0
    first = bias - second
    if kind == "gru":
        second[2 * H :] = params["b_recurrent"]
    found = {"W": onnx_gates(family, params["W"]), "R": onnx_gates(family, params["U"])}
    found["B"] = np.concatenate([first, second])
    if "P" in params:
        found["P"] = onnx_gates(family, params["P"], "io" if kind == "coupled" else "ifo", "iof")
    return found


def by_onnxruntime(
    kind: str,
    directions: list[dict[str, Any]],
    x: Any,
    states: list[dict[str, Any]],
    lengths: Any,
    **attributes: Any,
) -> list[np.ndarray]:
    """Outputs ``(T, directions, B, H)`` and each field of the final state."""
    operator = {"lstm": "LSTM", "coupled": "LSTM", "rnn": "RNN"}.get(kind, "GRU")
    per_direction = [onnx_inputs(kind, params) for params in directions]
    given = {name: np.stack([d[name] for d in per_direction]) for name in per_direction[0]}
    given["X"] = np.array(x, np.float32).swapaxes(0, 1)
    if lengths is not None:
        given["lengths"] = np.array(lengths, np.int32)
    for field in states[0]:
        given[field] = np.array([s[field] for s in states], np.float32)
    places = ["X", "W", "R", "B", "lengths", "h"]
    places += ["c", "P"] if operator == "LSTM" else []
    names = ["Y", "Y_h", "Y_c"] if operator == "LSTM" else ["Y", "Y_h"]
    node = onnx.helper.make_node(
        operator, [n if n in given else "" for n in places], names, hidden_size=H, **attributes
    )
    types = {
        np.dtype(np.float32): onnx.TensorProto.FLOAT,
        np.dtype(np.int32): onnx.TensorProto.INT32,
    }
    declared = [
        onnx.helper.make_tensor_value_info(n, types[a.dtype], a.shape) for n, a in given.items()
    ]
    made = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, None) for n in names]
    graph = onnx.helper.make_graph([node], "layer", declared, made)
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 14)], ir_version=8
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    results: list[np.ndarray] = session.run(names, given)
    return results


def assert_agrees(
    kind: str,
    options: dict[str, Any],
    parts: dict[str, Any] | None = None,
    direction: str = "forward",
    lengths: Any = LENGTHS,
    **attributes: Any,
) -> None:
    """Outputs and final states of one layer, to 1e-6."""
    draw, ours = drawer(len(str(attributes)) + len(kind)), "lstm" if kind == "coupled" else kind
    count = 2 if direction == "bidirectional" else 1
    params = [cell_params(draw, ours, D, H, **(parts or {})) for _ in range(count)]
    x, states = draw(B, T, D), [state(draw, ours, B, H) for _ in range(count)]
    cell = Layer(ours, options=options)
    layer = {
        "forward": cell,
        "reverse": Layer("reversed", children=(cell,)),
        "bidirectional": Layer("bidirectional", children=(cell, cell), merge="none"),
    }[direction]
    own = params[0] if direction == "forward" else params
    mask = lengths and [[t < length for t in range(T)] for length in lengths]
    outputs, finals = run([layer], [own], x, states, mask)
    theirs = by_onnxruntime(kind, params, x, states, lengths, direction=direction, **attributes)
    # (T, directions, B, H) as ours: (B, T, H), or (B, T, 2, H)
    sequence = np.moveaxis(theirs[0], 2, 0)
    assert error(outputs, sequence if count == 2 else sequence[:, :, 0]) < BAR
    for field, their in zip(finals[0], theirs[1:], strict=True):
        assert error([final[field] for final in finals], their) < BAR


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["all", "lengths"])
@pytest.mark.parametrize("kind", ["lstm", "gru", "gru_reset_before", "rnn"])
def test_directions_and_lengths(kind: str, lengths: Any, direction: str) -> None:
    more = {"linear_before_reset": 1} if kind == "gru" else {}
    names = {"lstm": ["Sigmoid", "Tanh", "Tanh"], "rnn": ["Tanh"]}.get(kind, ["Sigmoid", "Tanh"])
    names = names * (2 if direction == "bidirectional" else 1)
    assert_agrees(kind, {}, {}, direction, lengths, activations=names, **more)


def test_peepholes() -> None:
    assert_agrees("lstm", {}, {"peepholes": True})


def test_coupled() -> None:
    assert_agrees("coupled", {"coupled": True}, {"coupled": True}, input_forget=1)


def test_clipped_preactivations() -> None:
    assert_agrees("lstm", {"preactivation_clip": 0.4}, clip=0.4)


def test_coupled_peepholes_clipped() -> None:
    """The clip comes after the peepholes, of the output gate, too."""
    parts = {"coupled": True, "peepholes": True}
    options = {"coupled": True, "preactivation_clip": 0.5}
    assert_agrees("coupled", options, parts, "reverse", input_forget=1, clip=0.5)


# Our name with its constants: theirs.
ACTIVATIONS: dict[Any, str] = {
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "relu": "Relu",
    ("leaky_relu", 0.3): "LeakyRelu",
    ("thresholded_relu", 0.2): "ThresholdedRelu",
    ("elu", 0.7): "Elu",
    "softsign": "Softsign",
    "softplus": "Softplus",
    ("scaled_tanh", 1.3, 0.6): "ScaledTanh",
    ("affine", 0.4, 0.1): "Affine",
    ("hard_sigmoid_fifth", 0.3, 0.4): "HardSigmoid",
}


def onnx_activations(*given: Any) -> dict[str, Any]:
    """ONNX's attributes: who has no alpha takes none from the list of alphas."""
    constants = [() if isinstance(one, str) else one[1:] for one in given]
    attributes = {
        "activations": [ACTIVATIONS[one] for one in given],
        "activation_alpha": [own[0] for own in constants if own],
        "activation_beta": [own[1] for own in constants if len(own) > 1],
    }
    return {name: values for name, values in attributes.items() if values}


@pytest.mark.parametrize("given", ACTIVATIONS, ids=str)
def test_activation(given: Any) -> None:
    assert_agrees("rnn", {"activation": given}, **onnx_activations(given))
    names = {"gate": "sigmoid", "candidate": given}
    assert_agrees("gru_reset_before", {"activations": names}, **onnx_activations("sigmoid", given))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("hard_sigmoid_fifth", "HardSigmoid"), ("leaky_relu", "LeakyRelu"), ("elu", "Elu")],
)
def test_constants_by_default(ours: str, theirs: str) -> None:
    """Of ThresholdedRelu onnxruntime's alpha is 0, where ONNX's operator has 1, as the oracle."""
    names = {"gate": "sigmoid", "candidate": ours}
    assert_agrees("gru_reset_before", {"activations": names}, activations=["Sigmoid", theirs])


def test_activations_stand_in_their_places() -> None:
    """ONNX has one for the gates (f), one for the candidate (g), one for the cell (h)."""
    gate, candidate, cell = ("hard_sigmoid_fifth", 0.3, 0.4), "softsign", ("scaled_tanh", 1.3, 0.6)
    names = {"input": gate, "forget": gate, "output": gate, "candidate": candidate, "cell": cell}
    theirs = onnx_activations(gate, candidate, cell)
    assert_agrees("lstm", {"activations": names}, {"peepholes": True}, **theirs)
    names, theirs = {"gate": gate, "candidate": candidate}, onnx_activations(gate, candidate)
    assert_agrees("gru_reset_before", {"activations": names}, **theirs)
    assert_agrees("gru", {"activations": names}, linear_before_reset=1, **theirs)
