"""The activations against their namesakes in ONNX (onnxruntime, onnx.reference), PyTorch, Keras.

The same name may mean another function, and a parameter left out another number: the last word on
each is what the framework computes.
"""

from typing import Any

import numpy as np
import pytest

from npstack import Activation
from npstack.core.activations import ACTIVATIONS
from tests.core.test_activations import CASES, parameters
from tests.tools.other_programs import KERAS_COPY_WARNING, import_keras

pytestmark = pytest.mark.frameworks

A = np.concatenate([np.linspace(-9, 9, 73), [-60.0, -20.0, -3.0, -0.0, 1e-3, -1e-3, 20.0, 60.0]])
ONNX = {
    "linear": "Identity",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "relu": "Relu",
    "leaky_relu": "LeakyRelu",
    "thresholded_relu": "ThresholdedRelu",
    "elu": "Elu",
    "softsign": "Softsign",
    "softplus": "Softplus",
    "scaled_tanh": "ScaledTanh",
    "affine": "Affine",
    "hard_sigmoid_fifth": "HardSigmoid",
}
OPERATORS = [case for case in CASES if ONNX.get(case.name) not in (None, "ScaledTanh", "Affine")]
INSIDE = [case for case in CASES if case.name in ONNX and case.name != "linear"]


def close(found: Any, case: Activation, a: np.ndarray, rtol: float = 1e-6) -> None:
    """Within a float32's rounding, by default."""
    np.testing.assert_allclose(found, case.function(a), rtol=rtol, atol=rtol)


def run_onnx(nodes: list[Any], weights: dict[str, np.ndarray], a: np.ndarray, run: str) -> Any:
    """Output ``y`` of nodes that read ``x``, in float32."""
    onnx = pytest.importorskip("onnx")
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    ends = [helper.make_tensor_value_info(name, float32, None) for name in "xy"]
    held = [onnx.numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "activation", ends[:1], ends[1:], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)
    if run == "onnx.reference":
        reference = pytest.importorskip("onnx.reference")
        return reference.ReferenceEvaluator(model).run(None, {"x": a})[0]
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": a})[0]


@pytest.mark.parametrize("run", ["onnxruntime", "onnx.reference"])
@pytest.mark.parametrize("case", OPERATORS, ids=repr)
def test_operators_of_onnx(case: Activation, run: str) -> None:
    onnx = pytest.importorskip("onnx")
    a = A.astype(np.float32)
    given = dict(zip(("alpha", "beta"), parameters(case), strict=False))
    close(
        run_onnx([onnx.helper.make_node(ONNX[case.name], "x", "y", **given)], {}, a, run), case, a
    )
    if case == Activation(case.name):  # the defaults are the same, too
        close(run_onnx([onnx.helper.make_node(ONNX[case.name], "x", "y")], {}, a, run), case, a)


def inside(kind: str, name: str, alpha: float | None, beta: float | None) -> np.ndarray:
    """What an activation makes of `A` inside a recurrent node: no state, the other gates at 1/2."""
    onnx = pytest.importorskip("onnx")
    gate, others = {"RNN": (0, []), "LSTM": (3, ["Sigmoid"]), "GRU": (2, ["Sigmoid"])}[kind]
    names = [*others, name, *(["Tanh"] if kind == "LSTM" else [])]
    attributes: dict[str, Any] = {"activations": names, "hidden_size": 1}
    attributes |= {} if alpha is None else {"activation_alpha": [alpha]}
    attributes |= {} if beta is None else {"activation_beta": [beta]}
    W = np.zeros((1, {"RNN": 1, "LSTM": 4, "GRU": 3}[kind], 1), np.float32)
    R = np.zeros_like(W)
    W[0, gate] = 1
    state = ["", "", "y"] if kind == "LSTM" else ["", "y"]  # the cell: half of the candidate
    node = onnx.helper.make_node(kind, ["x", "W", "R"], state, **attributes)
    a = A.astype(np.float32).reshape(1, -1, 1)  # one step of many rows
    y = run_onnx([node], {"W": W, "R": R}, a, "onnxruntime")
    return np.asarray(y).ravel() * (1 if kind == "RNN" else 2)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("case", INSIDE, ids=repr)
def test_inside_the_recurrent_nodes_of_onnxruntime(case: Activation, kind: str) -> None:
    found = inside(kind, ONNX[case.name], case.alpha, case.beta)
    close(found, case, A.astype(np.float32), rtol=4e-6)


# What stands in ONNX for the operators, and what onnxruntime takes inside a recurrent node instead.
LEFT_OUT = {
    "LeakyRelu": Activation("leaky_relu", 0.01),
    "Elu": Activation("elu", 1.0),
    "HardSigmoid": Activation("hard_sigmoid_fifth", 0.2, 0.5),
    "ThresholdedRelu": Activation("thresholded_relu", 0.0),  # the operator's is 1
    "ScaledTanh": Activation("scaled_tanh", 0.0, 0.0),  # always zero
    "Affine": Activation("affine", 0.0, 0.0),  # always zero
}


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("name", LEFT_OUT)
def test_parameters_left_out_inside_the_recurrent_nodes(name: str, kind: str) -> None:
    close(inside(kind, name, None, None), LEFT_OUT[name], A.astype(np.float32), rtol=4e-6)


def test_pytorch_values_and_slopes_at_kinks_too() -> None:
    torch = pytest.importorskip("torch")
    F = torch.nn.functional
    theirs = {
        "linear": torch.nn.Identity(),
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "relu": torch.relu,
        "leaky_relu": F.leaky_relu,
        "thresholded_relu": lambda a, alpha: F.threshold(a, alpha, 0.0),
        "elu": F.elu,
        "softsign": F.softsign,
        "softplus": lambda a: F.softplus(a, threshold=100),  # by default 20: linear from there
        "hard_sigmoid_sixth": F.hardsigmoid,
    }
    for case in CASES:
        if case.name in theirs:
            points = np.concatenate([A, [case.alpha or 0.0, 3.0]])
            a = torch.tensor(points, requires_grad=True)
            y = theirs[case.name](a, *parameters(case))
            (slope,) = torch.autograd.grad(y.sum(), a)
            close(y.detach().numpy(), case, points, rtol=1e-15)
            ours = case.derivative(points, case.function(points))
            # In float64, too, PyTorch has the sixth of float32 in this slope: 3e-8 above 1/6.
            rtol = 3e-8 if case.name == "hard_sigmoid_sixth" else 4e-15
            np.testing.assert_allclose(slope.numpy(), ours, rtol=rtol, atol=1e-15)
    assert F.leaky_relu(torch.tensor(-1.0)).item() == np.float32(-0.01)
    assert F.softplus(torch.tensor(30.0, dtype=torch.float64)).item() == 30.0 < 30 + np.exp(-30)


@pytest.mark.filterwarnings(KERAS_COPY_WARNING)
def test_keras() -> None:
    pytest.importorskip("torch")
    try:
        theirs = import_keras().activations
    except ModuleNotFoundError as reason:
        pytest.skip(str(reason))
    functions = {name: getattr(theirs, name, None) for name in ACTIVATIONS} | {
        "thresholded_relu": lambda a, alpha: theirs.threshold(a, alpha, 0.0),
        "hard_sigmoid_sixth": theirs.hard_sigmoid,
    }
    found = [case for case in CASES if functions[case.name] is not None]
    assert {case.name for case in CASES} - {case.name for case in found} == {
        *("scaled_tanh", "affine", "hard_sigmoid_fifth")
    }
    a = A.astype(np.float32)
    for case in found:
        close(np.asarray(functions[case.name](a, *parameters(case))), case, a)
    close(np.asarray(theirs.leaky_relu(a)), Activation("leaky_relu", 0.2), a)  # their default
