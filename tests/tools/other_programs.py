"""The same case, computed by other programs: the scalar oracle, PyTorch, Keras, onnxruntime.

Each function takes a `Case` and returns arrays under the names of ``case.run()``: all of them
(oracle, PyTorch), or outputs and final states (Keras and onnxruntime, which are compared forward
only). Frameworks are imported inside, so that the default tests need none.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from npstack.interop.writing import write
from npstack.layers.base import Layer
from npstack.layers.walk import walk
from npstack.verify import oracle
from tests.tools.as_oracle import leaf
from tests.tools.random_stacks import Arrays, Case


def leaves(layer: Layer, noise: Any) -> list[tuple[str, Layer, Any]]:
    """Name, layer and drawn noise of everything that is not a composite, bottom first."""
    return [
        (visit.prefix, visit.layer, visit.noise) for visit in walk(layer, noise=noise) if visit.leaf
    ]


# ---- the scalar oracle -----------------------------------------------------------------------


def oracle_results(case: Case) -> Arrays:
    """Outputs, finals and all gradients, by scalar arithmetic on dual numbers."""
    parts = leaves(case.model, case.noise)
    model = [leaf(layer, noise) for _, layer, noise in parts]
    inputs = {
        "params": [{n: a.tolist() for n, a in layer.params.items()} for _, layer, _ in parts],
        "x": case.x.tolist(),
        "states": [{n: a.tolist() for n, a in state._asdict().items()} for state in case.states],
    }
    mask = None if case.mask is None else case.mask.tolist()
    weights = [case.doutputs.tolist(), [[a.tolist() for a in state] for state in case.dfinal]]

    def states(prefix: str, tree: Any) -> Arrays:
        return {
            f"{prefix}.{k}.{field}": np.array(value)
            for k, state in enumerate(tree)
            for field, value in state.items()
        }

    def loss(given: Any) -> Any:
        outcome = oracle.run(model, given["params"], given["x"], given["states"], mask)
        return oracle.weighted_sum(outcome, weights)

    outputs, finals = oracle.run(model, inputs["params"], inputs["x"], inputs["states"], mask)
    results = {"outputs": np.array(outputs), **states("final", finals)}
    _, slopes = oracle.differentiate(loss, inputs)
    for (prefix, _, _), gradients in zip(parts, slopes["params"], strict=True):
        results |= {f"d{prefix}{name}": np.array(value) for name, value in gradients.items()}
    if not case.model.interface.takes_symbols:
        results["dx"] = np.array(slopes["x"])
    return results | states("dinitial", slopes["states"])


# ---- PyTorch -----------------------------------------------------------------------------------


def pytorch_results(case: Case) -> Arrays:
    """Outputs, finals and all gradients by ``torch.nn.LSTM`` and its automatic differentiation.

    Equal sizes make one module with ``num_layers``; unequal ones a chain of modules of one layer.
    A mask becomes a packed sequence.
    """
    import torch

    torch.set_num_threads(1)
    D, *sizes = case.sizes
    dtype = {np.dtype("f8"): torch.float64, np.dtype("f4"): torch.float32}[case.x.dtype]

    def tensor(a: np.ndarray) -> Any:
        return torch.tensor(np.array(a), requires_grad=True)

    inputs = {name: tensor(a) for name, a in case.inputs.items()}
    together = len(set(sizes)) == 1
    counts = [len(sizes)] if together else [1] * len(sizes)
    below, first, modules = D, 0, []
    for count in counts:
        module = torch.nn.LSTM(below, sizes[first], count, batch_first=True, dtype=dtype)
        for j in range(count):
            params = {n: case.model.params[f"layers.{first + j}.{n}"] for n in "WUb"}
            torch_names = {"weight_ih": params["W"].T, "weight_hh": params["U"].T}
            # npstack's one bias is the sum of PyTorch's two; halves add up to it exactly.
            torch_names |= {"bias_ih": params["b"] / 2, "bias_hh": params["b"] / 2}
            with torch.no_grad():
                for name, value in torch_names.items():
                    getattr(module, f"{name}_l{j}").copy_(torch.tensor(np.array(value)))
        modules.append((module, range(first, first + count)))
        below, first = sizes[first], first + count

    sequence: Any = inputs["x"]
    lengths = torch.tensor(case.lengths)
    if case.mask is not None:
        pack = torch.nn.utils.rnn.pack_padded_sequence
        sequence = pack(sequence, lengths, batch_first=True, enforce_sorted=False)
    finals: dict[str, Any] = {}
    for module, layers in modules:
        initial = [torch.stack([inputs[f"initial.{k}.{f}"] for k in layers]) for f in "hc"]
        sequence, after = module(sequence, tuple(initial))
        for field, rows in zip("hc", after, strict=True):
            finals |= {f"final.{k}.{field}": row for k, row in zip(layers, rows, strict=True)}
    outputs = sequence
    if case.mask is not None:
        T = case.x.shape[1]
        unpack = torch.nn.utils.rnn.pad_packed_sequence
        outputs, _ = unpack(sequence, batch_first=True, total_length=T)
    if not case.model.interface.keeps_time:
        outputs = finals[f"final.{len(sizes) - 1}.h"]

    loss = (outputs * torch.tensor(case.doutputs)).sum()
    for k, state in enumerate(case.dfinal):
        for field, weights in state._asdict().items():
            loss = loss + (finals[f"final.{k}.{field}"] * torch.tensor(weights)).sum()
    loss.backward()
    gradients = {f"d{n}": v.grad for n, v in inputs.items() if v.grad is not None}
    for module, layers in modules:
        for j, k in enumerate(layers):
            # Both biases get the gradient of their sum, so one of them is enough.
            for ours, theirs in {"W": "weight_ih", "U": "weight_hh", "b": "bias_ih"}.items():
                gradients[f"dlayers.{k}.{ours}"] = getattr(module, f"{theirs}_l{j}").grad
    everything = {"outputs": outputs, **finals, **gradients}
    arrays = {name: value.detach().numpy() for name, value in everything.items()}
    return {name: a.T if name.startswith("dlayers") else a for name, a in arrays.items()}


# ---- Keras -------------------------------------------------------------------------------------


# Keras' own arrays do not support all of NumPy 2's protocol; nothing here depends on it.
KERAS_COPY_WARNING = "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"


def import_keras() -> Any:
    """Keras on its PyTorch backend, with one thread."""
    os.environ["KERAS_BACKEND"] = "torch"  # before the first import: Keras reads it once
    import keras
    import torch

    assert keras.backend.backend() == "torch"
    torch.set_num_threads(1)
    return keras


def keras_results(case: Case) -> Arrays:
    """Outputs and final states by ``keras.layers.LSTM``, one layer on the other.

    Keras repeats its last output at masked steps (and begins with zeros, not with the initial
    state), where npstack gives zeros: so every layer is asked for its zeros by
    ``zero_output_for_mask``, and the held states are compared through the finals and by
    `keras_held_outputs`.
    """
    outputs, finals = run_keras(case, zero_output_for_mask=True)
    if not case.model.interface.keeps_time:
        outputs = finals[f"final.{len(case.sizes) - 2}.h"]
    return {"outputs": outputs, **finals}


def keras_held_outputs(case: Case) -> np.ndarray:
    """The sequence of the top layer, by default repeated where masked."""
    return run_keras(case, zero_output_for_mask=False)[0]


def run_keras(case: Case, *, zero_output_for_mask: bool) -> tuple[np.ndarray, Arrays]:
    """The whole sequence of the top layer, and the final states."""
    keras = import_keras()
    import torch

    x: Any = case.x
    finals: Arrays = {}
    with torch.no_grad():
        for k, size in enumerate(case.sizes[1:]):
            layer = keras.layers.LSTM(
                size,
                return_sequences=True,
                return_state=True,
                zero_output_for_mask=zero_output_for_mask,
                dtype=str(case.x.dtype),
            )
            layer.build(x.shape)
            layer.set_weights([case.model.params[f"layers.{k}.{name}"] for name in "WUb"])
            x, *after = layer(x, mask=case.mask, initial_state=list(case.states[k]))
            finals |= {f"final.{k}.{f}": a.numpy() for f, a in zip("hc", after, strict=True)}
    return x.numpy(), finals


# ---- onnxruntime -------------------------------------------------------------------------------


def onnxruntime_results(case: Case) -> Arrays:
    """Outputs and final states by one ONNX ``LSTM`` node per layer, time-major as ONNX has it."""
    import onnx
    import onnxruntime

    helper, T, B = onnx.helper, case.x.shape[1], case.x.shape[0]
    float32, int32 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT32
    nodes, weights = [], {"axis": np.array([1])}
    declared = [helper.make_tensor_value_info("x0", float32, [T, B, case.sizes[0]])]
    declared.append(helper.make_tensor_value_info("lengths", int32, [B]))
    feeds = {"x0": case.x.swapaxes(0, 1), "lengths": case.lengths.astype(np.int32)}
    for k, size in enumerate(case.sizes[1:]):
        own, _ = write(case.model.children[f"layers.{k}"], "onnx", biases="halves")
        weights |= {f"{name}{k}": value for name, value in own.items()}
        for field, value in zip("hc", case.states[k], strict=True):
            feeds[f"{field}{k}"] = value[None]
            declared.append(helper.make_tensor_value_info(f"{field}{k}", float32, [1, B, size]))
        given = [f"x{k}", f"W{k}", f"R{k}", f"B{k}", "lengths", f"h{k}", f"c{k}"]
        made = [f"y{k}", f"final.{k}.h", f"final.{k}.c"]
        nodes.append(helper.make_node("LSTM", given, made, hidden_size=size))
        nodes.append(helper.make_node("Squeeze", [f"y{k}", "axis"], [f"x{k + 1}"]))  # directions
    top = len(case.sizes) - 1
    wanted = [f"x{top}", *(f"final.{k}.{f}" for k in range(top) for f in "hc")]
    graph = helper.make_graph(
        nodes,
        "stack",
        declared,
        [helper.make_tensor_value_info(name, float32, None) for name in wanted],
        [onnx.numpy_helper.from_array(np.ascontiguousarray(a), n) for n, a in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    sequence, *finals = session.run(wanted, feeds)
    results = {name: value[0] for name, value in zip(wanted[1:], finals, strict=True)}
    last = results[f"final.{top - 1}.h"]
    return {
        "outputs": sequence.swapaxes(0, 1) if case.model.interface.keeps_time else last,
        **results,
    }
