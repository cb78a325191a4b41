"""Engines on 1,000 random stacks: ``python -m tests.full_runs.engine_numbers``.

Stacks of LSTM and GRU layers with weights of 0.5 to 3 times their usual size, with and without
masks, resets, dropout, given and learned initial states, in float32 and float64. Outputs, states,
gates and gradients of every engine, block by block, are compared with the readable path in extended
precision. An error must be explained by rounding, as `npstack.verify.check_rounding` judges it
beside the readable path's own error and the conditioning of the block. The engines' sigmoid, half
of ``1 + tanh(a / 2)``, loses digits of a gate that is nearly closed. A block of one number that
hangs on such a gate is judged beside the readable path with the same sigmoid, and listed.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest import mock

import numpy as np

from npstack import Engine, Layer, StackedGRU, StackedLSTM
from npstack.core.activations import ACTIVATIONS
from npstack.core.trees import mapped, named
from npstack.verify import check_rounding
from npstack.verify.gradients.layer_function import gate_blocks
from tests.tools.full_run import begin
from tests.tools.processes import shared

STACKS, DRAWS = 1000, 24
ENGINES = {
    "fused": Engine("fused"),
    "wavefront": Engine("wavefront"),
    "checkpointed": Engine("fused", budget=1),
}
Blocks = dict[str, np.ndarray]


class Trial(NamedTuple):
    """A stack, and everything that a pass takes."""

    name: str
    model: Layer
    x: np.ndarray
    how: dict[str, Any]  # mask, resets, states, noise
    doutputs: np.ndarray
    dfinal: Any


def draw(seed: int) -> Trial:
    """A random stack."""
    rng = np.random.default_rng([seed, 14])
    kind = StackedLSTM if rng.random() < 0.6 else StackedGRU
    dtype = np.float32 if rng.random() < 0.5 else np.float64
    L, B = int(rng.integers(1, 5)), int(rng.choice([1, 1, 2, 5, 9, 16]))
    T = int(rng.integers(1, 61))
    same = rng.random() < 0.6
    H = int(rng.integers(1, 33))
    sizes = [H if same else int(rng.integers(1, 33)) for _ in range(L)]
    D, scale = int(rng.integers(1, H + 2)), float(rng.uniform(0.5, 3))
    options: dict[str, Any] = {
        "dropout": float(rng.choice([0, 0, 0.3])),
        "learn_initial": bool(rng.random() < 0.3),
        "return_sequences": bool(rng.random() < 0.7),
    }
    model = kind(D, sizes, rng=rng, dtype=dtype, **options)
    params = {name: scale * value for name, value in model.params.items()}
    for name in params:
        if "initial" in name or name.endswith("b_recurrent"):
            params[name] = rng.normal(0, 0.3, params[name].shape)
    model.params = {name: value.astype(dtype) for name, value in params.items()}
    x = rng.standard_normal((B, T, D)).astype(dtype)
    how: dict[str, Any] = {}
    if rng.random() < 0.4:
        how["mask"] = rng.random((B, T)) < 0.7
    if rng.random() < 0.3:
        how["resets"] = rng.random((B, T)) < 0.2
    tape = model.forward(x, rng=rng, **how)
    how["noise"] = tape.noise
    if rng.random() < 0.3:
        how["states"] = mapped(lambda v: rng.normal(0, 0.5, v.shape).astype(dtype), tape.final)
    like = mapped(lambda v: rng.standard_normal(v.shape).astype(dtype), tape.final)
    doutputs = rng.standard_normal(tape.outputs.shape).astype(dtype)
    name = f"{kind.__name__} {np.dtype(dtype)}, D {D}, {sizes}, B {B}, T {T}, weights x{scale:.1f}"
    return Trial(f"{name}, {sorted(how)}", model, x, how, doutputs, like)


def numbers(trial: Trial, engine: Engine | str, change: Any = lambda value: value) -> Blocks:
    """Every block by name; ``change`` is applied to all that goes in."""
    params = {name: change(value) for name, value in trial.model.params.items()}
    how = dict(trial.how)
    if "states" in how:
        how["states"] = mapped(change, how["states"])
    tape = trial.model.forward(change(trial.x), params=params, engine=engine, **how)
    grads = trial.model.backward(tape, change(trial.doutputs), mapped(change, trial.dfinal))
    found: Blocks = {"outputs": tape.outputs} | named("final", tape.final)
    found |= named("d initial", grads.initial_states)
    found |= {f"dx t={t}": grads.x[:, t] for t in range(grads.x.shape[1])}
    gates = gate_blocks(trial.model)
    for name, value in grads.params.items():
        parts = gates.get(name, {"": ...})
        found |= {f"d{name} {gate}": value[index] for gate, index in parts.items()}
    if not (isinstance(engine, Engine) and engine.budget):
        for k, layer in enumerate(tape.layers):
            found |= named(f"{k} states", layer.states) | named(f"{k} gates", layer.gates)
    return found


@contextmanager
def sigmoid_of_the_engines() -> Iterator[None]:
    """The readable path computes the sigmoid as the engines do."""

    def halved(a: np.ndarray) -> np.ndarray:
        return (1 + np.tanh(a / 2)) / 2

    kind = ACTIVATIONS["sigmoid"]._replace(function=halved)
    with (
        mock.patch("npstack.cells.lstm.sigmoid", halved),
        mock.patch.dict(ACTIVATIONS, sigmoid=kind),
    ):
        yield


class Outcome(NamedTuple):
    """What was found for one stack."""

    number: int
    name: str
    kinds: dict[str, str]
    blocks: int
    within: dict[str, int]  # by engine: errors of at most 8 eps
    worst: dict[str, float]  # by engine, in eps
    undecided: list[str]
    by_sigmoid: list[str]  # explained by the engines' form of the sigmoid alone
    unexplained: list[str]


def check(number: int) -> Outcome:
    """Draw a stack and compare all engines."""
    trial = draw(number)
    with np.errstate(all="ignore"):
        return _check(number, trial)


def _check(number: int, trial: Trial) -> Outcome:
    wide = np.longdouble
    truth = numbers(trial, "readable", lambda v: v.astype(wide))
    own = numbers(trial, "readable")
    eps = float(np.finfo(trial.x.dtype).eps)
    moved: list[Blocks] = []
    within, worst, kinds = Counter[str](), Counter[str](), {}
    undecided, by_sigmoid, unexplained = [], [], []
    for title, engine in ENGINES.items():
        found = numbers(trial, engine)
        kinds[title] = trial.model.forward(trial.x, engine=engine).engine.kind
        for name, value in found.items():
            size = float(np.abs(truth[name]).max(initial=0.0))
            error = float(np.abs(value - truth[name]).max(initial=0.0)) / (size or 1.0)
            worst[title] = max(worst[title], error / eps)
            if error <= 8 * eps:
                within[title] += 1
                continue
            if check_rounding(value, truth[name], own=own[name]).explained:
                continue  # already without the conditioning, which takes long
            moved = moved or list(_moved(trial, number, eps))
            change = max(float(np.abs(m[name] - truth[name]).max()) for m in moved) / (size or 1.0)
            judged = check_rounding(value, truth[name], conditioning=change, own=own[name])
            about = f"{title}: {name}: {error / eps:.0f} eps, allowed {judged.allowed / eps:.0f}"
            if judged.explained is None:
                undecided.append(about)
            elif not judged.explained:
                with sigmoid_of_the_engines():
                    same = numbers(trial, "readable")[name]
                judged = check_rounding(value, truth[name], conditioning=change, own=same)
                (by_sigmoid if judged.explained else unexplained).append(about)
    counts = dict(within), {k: float(v) for k, v in worst.items()}
    found = undecided, by_sigmoid, unexplained
    return Outcome(number, trial.name, kinds, len(truth), *counts, *found)


def _moved(trial: Trial, number: int, eps: float) -> Any:
    """The truth with every input half an ulp up or down, several times."""
    for k in range(DRAWS):
        rng = np.random.default_rng([number, k])

        def change(value: np.ndarray, rng: Any = rng) -> np.ndarray:
            half = np.spacing(np.abs(value)).astype(np.longdouble) / 2
            return value.astype(np.longdouble) + half * rng.choice([-1, 1], value.shape)

        yield numbers(trial, "readable", change)


def say(outcome: Outcome) -> str:
    """What is not explained, as it comes."""
    return f"{outcome.name}: {outcome.unexplained}" if outcome.unexplained else ""


def figures(outcomes: list[Outcome]) -> dict[str, Any]:
    """Counts by engine."""
    blocks = sum(outcome.blocks for outcome in outcomes)
    return {
        "stacks": len(outcomes),
        "blocks": blocks,
        "ran as": {
            title: dict(Counter(outcome.kinds[title] for outcome in outcomes)) for title in ENGINES
        },
        "within 8 eps": {t: sum(o.within.get(t, 0) for o in outcomes) for t in ENGINES},
        "worst, in eps": {t: round(max(o.worst[t] for o in outcomes)) for t in ENGINES},
        "undecided": {o.name: o.undecided for o in outcomes if o.undecided},
        "by the sigmoid of the engines": {o.name: o.by_sigmoid for o in outcomes if o.by_sigmoid},
        "unexplained": {o.name: o.unexplained for o in outcomes if o.unexplained},
    }


def require(found: dict[str, Any]) -> None:
    """The bar: every block is explained."""
    assert not found["unexplained"], found["unexplained"]
    for few in ("undecided", "by the sigmoid of the engines"):
        assert len(found[few]) <= max(1, found["stacks"] / 50), found[few]


def add_options(parser: argparse.ArgumentParser) -> None:
    """How many, by how many processes."""
    parser.add_argument("--stacks", type=int, default=STACKS, metavar="N", help="the first N")
    parser.add_argument("--processes", type=int, default=2, metavar="N", help="2 by default")


def main() -> None:
    """Compare all, print a summary."""
    full = begin(__doc__, "tests.full_runs.engine_numbers", "engine_numbers", add=add_options)
    began = time.perf_counter()
    outcomes = shared(check, range(full.given.stacks), full.given.processes, say)
    found = {**figures(outcomes), "seconds": round(time.perf_counter() - began)}
    for key, value in found.items():
        print(f"{key}: {value}")
    if full.given.stacks == STACKS:
        full.keep(found)
    require(found)


if __name__ == "__main__":
    main()
