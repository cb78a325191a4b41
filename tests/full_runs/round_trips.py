"""``python -m tests.full_runs.round_trips``: layers of every framework brought in and taken back.

For each framework, 300 layers with drawn options, parameters, input and states are read, written by
each convention for two biases, and run again in the framework (see ``tests.interop.trips``). Names
on the command line choose frameworks, and ``--json`` keeps the figures, a file for each. The tests
repeat the first ones.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from tests.interop.trips import Judged, Trip, figures, judged
from tests.tools.full_run import begin

os.environ.setdefault("KERAS_BACKEND", "torch")
COUNT = 300


class Framework(NamedTuple):
    """Where the function is that draws a trip from a generator, and the packages that it needs."""

    module: str
    function: str
    packages: tuple[str, ...]

    def draw(self, seed: int) -> Trip:
        """The trip of a seed."""
        own = getattr(importlib.import_module(f"tests.interop.{self.module}"), self.function)
        trip: Trip = own(np.random.default_rng([seed, *self.function.encode()]))
        return trip

    def run(self, count: int) -> Iterator[Judged]:
        """The first trips."""
        return (judged(self.draw(seed), seed) for seed in range(count))


FRAMEWORKS = {
    "pytorch": Framework("trips_torch", "pytorch", ("torch",)),
    "flax_linen": Framework("trips_flax", "linen_cells", ("jax", "flax")),
    "flax_nnx": Framework("trips_flax", "nnx_cells", ("jax", "flax")),
    "jax": Framework("trips_flax", "jax_lstm", ("jax",)),
    "keras": Framework("trips_keras", "keras_layers", ("keras", "torch")),
    "onnx": Framework("trips_onnx", "onnx_nodes", ("onnx", "onnxruntime")),
}


def require(found: dict[str, Any]) -> None:
    """The bar: no fault, and few blocks that cannot be resolved."""
    assert not found["faults"], found["faults"][:3]
    assert found["blocks_not_resolved"] <= found["blocks"] / 100, found["blocks_not_resolved"]


def main() -> None:
    """Run the chosen frameworks, and fail if the bar is not met."""
    files = {name: f"round_trips_{name}" for name in FRAMEWORKS}
    program = "tests.full_runs.round_trips"
    full = begin(__doc__, program, files, packages=lambda name: FRAMEWORKS[name].packages)
    for name in full.chosen:
        found = figures(FRAMEWORKS[name].run(COUNT))
        print(
            f"{name}: {found['configurations']} layers, {found['arrays']} arrays, "
            f"{found['pairs_of_biases']} pairs of biases, {found['blocks']} blocks, "
            f"{found['blocks_not_resolved']} of them not resolved; worst {found['worst_block']}; "
            f"{len(found['faults'])} layers with faults {found['faults'][:3]}",
            flush=True,
        )
        full.keep(found, name)
        require(found)


if __name__ == "__main__":
    sys.exit(main())
