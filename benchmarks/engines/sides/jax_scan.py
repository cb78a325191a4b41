"""JAX: one `jax.lax.scan` per layer, all of it compiled by `jax.jit`.

The input products of a layer are one product before its scan. Compiling is not timed.
"""

from __future__ import annotations

import os
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.engines.cases import Answer, Problem, by_layer
from benchmarks.engines.sides.base import Side


def _layer(weights: tuple[Any, Any, Any], x: Any) -> Any:
    """The hidden states of one layer; time is the first axis."""
    W, U, b = weights

    def step(state: Any, a: Any) -> Any:
        h, c = state
        i, f, g, o = jnp.split(a + h @ U, 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    nothing = jnp.zeros((x.shape[1], len(U)), x.dtype)
    return jax.lax.scan(step, (nothing, nothing), x @ W + b)[1]


class JaxScan(Side):
    """JAX on the CPU; the threads are limited by the processors that the process may use."""

    packages = ("jax", "jaxlib")

    def __init__(self, threads: int = 1) -> None:
        super().__init__(threads)
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
        settings: Any = jax.config
        settings.update("jax_enable_x64", True)
        settings.update("jax_platforms", "cpu")

    def prepare(self, problem: Problem, mode: str) -> None:
        self.mode, last = mode, problem.last
        weights = [tuple(map(jnp.asarray, layer)) for layer in problem.weights]
        x = jnp.asarray(problem.x.swapaxes(0, 1).copy())
        doutputs = jnp.asarray(
            (problem.doutputs if last else problem.doutputs.swapaxes(0, 1)).copy()
        )

        def forward(weights: Any, x: Any) -> Any:
            for layer in weights:
                x = _layer(layer, x)
            return x[-1] if last else x

        def loss(weights: Any, x: Any, doutputs: Any) -> Any:
            outputs = forward(weights, x)
            return jnp.vdot(outputs, doutputs), outputs

        trained = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)
        trains = mode == "train"
        self.given: tuple[Any, ...] = (weights, x, doutputs) if trains else (weights, x)
        function = trained if trains else forward
        self.compiled: Any = jax.jit(function).lower(*self.given).compile()
        self.last, self.count = last, len(weights)

    def run(self) -> Any:
        wait: Any = jax.block_until_ready
        return wait(self.compiled(*self.given))

    def answer(self) -> Answer:
        found = self.run()
        outputs = found if self.mode == "forward" else found[0][1]
        answer = {"outputs": np.asarray(outputs if self.last else outputs.swapaxes(0, 1))}
        if self.mode == "forward":
            return answer
        weights, x = found[1]
        answer["dx"] = np.asarray(x.swapaxes(0, 1))
        return answer | by_layer(lambda n: tuple(map(np.asarray, weights[n])), self.count)
