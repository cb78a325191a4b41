"""PyTorch: `torch.nn.LSTM` with time first, its own order; the gates are npstack's."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from benchmarks.engines.cases import Answer, Array, Problem, by_layer
from benchmarks.engines.sides.base import Side


class TorchLSTM(Side):
    """PyTorch on the CPU. The second of its two biases is zero."""

    packages = ("torch",)

    def __init__(self, threads: int = 1) -> None:
        super().__init__(threads)
        torch.set_num_threads(threads)

    def prepare(self, problem: Problem, mode: str) -> None:
        case, self.mode, self.last = problem.case, mode, problem.last
        self.net = torch.nn.LSTM(case.D, case.H, case.L, dtype=getattr(torch, problem.dtype))
        with torch.no_grad():
            for layer, (W, U, b) in enumerate(problem.weights):
                given = {"weight_ih": W.T, "weight_hh": U.T, "bias_ih": b, "bias_hh": 0 * b}
                for name, value in given.items():
                    self._parameter(name, layer).copy_(torch.from_numpy(value.copy()))
        x = torch.from_numpy(problem.x.swapaxes(0, 1).copy())
        self.x = x.requires_grad_(mode == "train")
        doutputs = problem.doutputs if problem.last else problem.doutputs.swapaxes(0, 1)
        self.doutputs = torch.from_numpy(doutputs.copy())

    def _parameter(self, name: str, layer: int) -> Any:
        return getattr(self.net, f"{name}_l{layer}")

    def run(self) -> Any:
        if self.mode == "forward":
            with torch.inference_mode():
                outputs = self.net(self.x)[0]
                return outputs[-1] if self.last else outputs
        self.net.zero_grad(set_to_none=True)
        self.x.grad = None
        outputs = self.net(self.x)[0]
        outputs = outputs[-1] if self.last else outputs
        outputs.backward(self.doutputs)
        return outputs

    def answer(self) -> Answer:
        found = self.run().detach().numpy()
        answer = {"outputs": found if self.last else _batch_first(found)}
        if self.mode == "forward":
            return answer

        def layer(number: int) -> tuple[Array, ...]:
            names = ("weight_ih", "weight_hh", "bias_ih")
            return tuple(self._parameter(name, number).grad.numpy().T for name in names)

        assert self.x.grad is not None
        answer["dx"] = _batch_first(self.x.grad.numpy())
        return answer | by_layer(layer, self.net.num_layers)


def _batch_first(a: Array) -> Array:
    return np.swapaxes(a, 0, 1)
