"""neuralnetworknumpy: another package of layers in plain NumPy, in float64.

Its layers keep gradients as attributes, and its backward pass adds to the array that it is given;
what it is given at the top is therefore copied in every run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from neuralnetworknumpy.layers import LSTM

from benchmarks.engines.cases import Answer, Array, Problem, by_layer
from benchmarks.engines.sides.base import NotOffered, Side

GATES = "ifco"  # i, f, g, o by its names


class NumpyPeer(Side):
    """A list of its LSTM layers, one after the other."""

    packages = ("neuralnetworknumpy", "numpy")

    def prepare(self, problem: Problem, mode: str) -> None:
        if problem.last or problem.dtype != "float64":
            raise NotOffered("computes all steps, in float64")
        self.mode, self.x, self.doutputs = mode, problem.x, problem.doutputs
        self.layers = []
        for W, U, b in problem.weights:
            layer = LSTM(*W.shape[:1], len(U))
            for end, value in (("x", W), ("h", U), ("", b[np.newaxis])):
                for gate, block in zip(GATES, np.split(value, 4, axis=-1), strict=True):
                    name = f"W_{gate}{end}" if end else f"b_{gate}"
                    setattr(layer, name, block.copy())
            self.layers.append(layer)

    def run(self) -> Any:
        outputs = self.x
        for layer in self.layers:
            outputs = layer.forward(outputs)
        if self.mode == "forward":
            return outputs
        dx = self.doutputs.copy()
        for layer in reversed(self.layers):
            dx = layer.backward(dx)
        return outputs, dx

    def answer(self) -> Answer:
        found = self.run()
        if self.mode == "forward":
            return {"outputs": found}

        def layer(number: int) -> tuple[Array, ...]:
            own = self.layers[number]
            names = ("dW_{}x", "dW_{}h", "db_{}")
            parts = ([getattr(own, name.format(gate)) for gate in GATES] for name in names)
            W, U, b = (np.concatenate(part, axis=-1) for part in parts)
            return W, U, b[0]

        return {"outputs": found[0], "dx": found[1], **by_layer(layer, len(self.layers))}
