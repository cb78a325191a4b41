"""All gradients of a pass at once: the slope along one random direction, by the complex step.

The cheapest check that nothing escapes but what cancels by chance: one forward pass with complex
numbers, in which parameters, inputs and states all change, and the sum of all gradients times
their moves. `npstack.check_gradients` says besides which block is wrong.
"""

from typing import Any

import numpy as np

from npstack.core.trees import mapped, named
from npstack.verify.laws.trial import Trial, final

STEP = 1e-100


def check_along_a_direction(trial: Trial) -> None:
    """The slope of the weighted outputs and finals is what the backward pass says."""

    def moved(a: Any) -> Any:
        move = trial.rng.standard_normal(a.shape)
        moves.append(move)
        return a + 1j * STEP * move

    moves: list[Any] = []
    there = trial.but(
        params={name: moved(value) for name, value in trial.params.items()},
        states=mapped(moved, trial.states),
        x=trial.x if trial.layer.interface.takes_symbols else moved(trial.x),
    )
    tape = there.forward()
    parts = [(trial.doutputs, tape.outputs)]
    weights, values = named("", trial.dfinal), named("", final(tape))
    parts += [(weight, values[name]) for name, weight in weights.items()]
    slope = sum(float((weight * np.imag(value)).sum()) for weight, value in parts) / STEP

    grads = trial.backward(trial.forward())
    found = [grads.params[name] for name in trial.params]
    found += named("", grads.initial_states).values() if trial.states is not None else ()
    found += [] if trial.layer.interface.takes_symbols else [grads.x]
    terms = [g * m for g, m in zip(found, moves, strict=True)]
    said, size = (sum(float(f(term).sum()) for term in terms) for f in (np.asarray, np.abs))
    assert abs(slope - said) <= 64 * np.finfo(float).eps * size, (slope, said)
