"""onnxruntime: a model of LSTM operators, one per layer. It computes forward passes only."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from benchmarks.engines.cases import Answer, Array, Problem
from benchmarks.engines.sides.base import NotOffered, Side

ORDER = [0, 3, 1, 2]  # of ONNX's gates i, o, f, c among i, f, g, o


def _gates(a: Array) -> Array:
    """The columns of npstack's parameters as ONNX's rows, for one direction."""
    blocks = np.split(a, 4, axis=-1)
    return np.concatenate([blocks[k] for k in ORDER], axis=-1).T[np.newaxis].copy()


def model(problem: Problem) -> Any:
    """The whole stack, time first."""
    case, nodes, constants, below = problem.case, [], [], "x"
    axes = numpy_helper.from_array(np.array([1]), "axes")
    for layer, (W, U, b) in enumerate(problem.weights):
        names = [f"{name}{layer}" for name in "WRB"]
        both = np.concatenate([_gates(b), 0 * _gates(b)], axis=-1)
        values = zip((_gates(W), _gates(U), both), names, strict=True)
        constants += [numpy_helper.from_array(value, name) for value, name in values]
        lstm = helper.make_node("LSTM", [below, *names], [f"Y{layer}"], hidden_size=case.H)
        below = f"h{layer}"
        nodes += [lstm, helper.make_node("Squeeze", [f"Y{layer}", "axes"], [below])]
    kind = {"float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE}[problem.dtype]
    given = helper.make_tensor_value_info("x", kind, [case.T, case.B, case.D])
    found = helper.make_tensor_value_info(below, kind, [case.T, case.B, case.H])
    graph = helper.make_graph(nodes, "stack", [given], [found], [*constants, axes])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(made)
    return made


class OnnxLSTM(Side):
    """onnxruntime on the CPU."""

    packages = ("onnxruntime", "onnx")

    def prepare(self, problem: Problem, mode: str) -> None:
        if mode != "forward" or problem.last:
            raise NotOffered("computes forward passes over all steps only")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        self.session = onnxruntime.InferenceSession(
            model(problem).SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self.x = problem.x.swapaxes(0, 1).copy()

    def run(self) -> Any:
        try:
            return self.session.run(None, {"x": self.x})[0]
        except Exception as refusal:
            if "does not support double" in str(refusal):
                raise NotOffered("its LSTM computes in float32 only") from None
            raise

    def answer(self) -> Answer:
        return {"outputs": np.swapaxes(self.run(), 0, 1)}
