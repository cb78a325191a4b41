"""npstack itself, by any of its engines."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

import npstack
from benchmarks.engines.cases import Answer, Problem, by_layer
from benchmarks.engines.sides.base import NotOffered, Side
from npstack.layers.twins import Engine


def engine_option(function: Any, kind: str, budget: int | None = None) -> dict[str, Any]:
    """The argument that chooses an engine; none for the readable path of what has no choice."""
    if "engine" in inspect.signature(function).parameters:
        return {"engine": Engine(kind, budget=budget)}
    if kind != "readable":
        raise NotOffered(f"npstack's `{function.__name__}` has the readable path only")
    return {}


class Own(Side):
    """A `StackedLSTM`, run by an engine of a kind, with a budget of bytes for its tape."""

    packages = ("numpy",)

    def __init__(self, threads: int = 1, kind: str = "readable", budget: int | None = None) -> None:
        super().__init__(threads)
        self.kind = kind
        self.engine = engine_option(npstack.StackedLSTM.forward, kind, budget)

    def prepare(self, problem: Problem, mode: str) -> None:
        case, rng = problem.case, np.random.default_rng(0)
        self.model = npstack.StackedLSTM(
            case.D,
            case.H,
            case.L,
            return_sequences=not problem.last,
            rng=rng,
            dtype=np.dtype(problem.dtype),
        )
        self.model.params = {
            f"layers.{layer}.{name}": value
            for layer, weights in enumerate(problem.weights)
            for name, value in weights._asdict().items()
        }
        self.x, self.doutputs, self.mode = problem.x, problem.doutputs, mode

    def run(self) -> Any:
        if self.mode == "forward":
            return npstack.predict(self.model, self.x, **self.engine)
        tape = self.model.forward(self.x, **self.engine)
        found = self.model.backward(tape, self.doutputs)
        tape.release()
        return found

    def answer(self) -> Answer:
        if self.mode == "forward":
            return {"outputs": self.run()}
        tape = self.model.forward(self.x, **self.engine)
        grads = self.model.backward(tape, self.doutputs)

        def layer(number: int) -> tuple[Any, ...]:
            return tuple(grads.params[f"layers.{number}.{name}"] for name in "WUb")

        assert grads.x is not None
        found = by_layer(layer, len(self.model.layers))
        return {"outputs": tape.outputs, "dx": grads.x, **found}

    def ran(self) -> str:
        """The kind that ran; another one than was asked for is not timed as that."""
        tape = self.model.forward(self.x, **self.engine)
        kind, why = tape.engine.kind, tape.engine.why
        if self.kind not in ("auto", kind):
            raise NotOffered(f"runs the {kind} path instead: {why}")
        return kind
