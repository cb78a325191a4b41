"""The floor: the matrix products of a pass and nothing else, in buffers that are made before.

Input products and the gradients of the weights are one product per layer over all steps; the
recurrent products are made step by step. What multiplies with NumPy cannot need less, with one
thread and without joining the recurrent products of several layers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.engines.cases import Answer, Array, Problem
from benchmarks.engines.sides.base import Side


class Products(Side):
    """The products alone. It computes no results that could be checked."""

    packages = ("numpy",)
    has_results = False

    def prepare(self, problem: Problem, mode: str) -> None:
        T, B, D, H, L = problem.case
        rng, kind = np.random.default_rng(1), np.dtype(problem.dtype)

        def new(*shape: int) -> Array:
            return rng.standard_normal(shape).astype(kind)

        self.mode, self.steps = mode, range(T)
        self.h, self.dh, self.a = new(B, H), new(B, H), new(B, 4 * H)
        self.U, self.UT, self.dU = new(H, 4 * H), new(4 * H, H), new(H, 4 * H)
        self.all_h, self.all_a = new(T * B, H), new(T * B, 4 * H)
        first = (new(T * B, D), new(D, 4 * H), new(4 * H, D), new(T * B, D), new(D, 4 * H))
        other = (new(T * B, H), new(H, 4 * H), new(4 * H, H), new(T * B, H), new(H, 4 * H))
        self.layers = [first, *[other] * (L - 1)]

    def run(self) -> Any:
        for x, W, _, _, _ in self.layers:
            np.matmul(x, W, self.all_a)
            for _ in self.steps:
                np.matmul(self.h, self.U, self.a)
        if self.mode == "forward":
            return
        for x, _, WT, dx, dW in self.layers:
            for _ in self.steps:
                np.matmul(self.a, self.UT, self.dh)
            np.matmul(self.all_a, WT, dx)
            np.matmul(x.T, self.all_a, dW)
            np.matmul(self.all_h.T, self.all_a, self.dU)

    def answer(self) -> Answer:
        return {}
