"""Layers around layers against the scalar oracle: outputs, finals and every gradient."""

import numpy as np
import pytest

from npstack.core.trees import named
from npstack.verify.laws.check import draw_mask
from npstack.verify.laws.trial import close, draw_trial, final, gradients, results
from tests.tools.as_oracle import scalar_results
from tests.tools.nested import NESTED
from tests.tools.strategies import Sizes, build, draw_input


def drawn(kind, seed):
    """A small model with everything at once: holes, resets, dropout, states."""
    rng = np.random.default_rng([seed, 5])
    layer = build(kind, rng, Sizes(2, 3, 2, 1))
    x, mask = draw_input(layer, rng, 3, 4), draw_mask(rng, 3, 4)
    mask[0] = rng.random(4) < 0.8
    return draw_trial(layer, x, mask=mask, resets=rng.random((3, 4)) < 0.4, rng=rng)


def agree(trial, tape, ours, *, given):
    outputs, after, theirs, before = scalar_results(trial, given=given)
    expected = {"outputs": outputs, **named("final", after), **theirs, **named("dstates", before)}
    close(trial, {**results(tape), **ours}, expected)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("kind", NESTED)
def test_the_oracle_agrees_with_masks_resets_draws_and_states(kind, seed):
    trial = drawn(kind, seed)
    tape = trial.forward()
    agree(trial, tape, gradients(trial.backward(tape)), given=True)


@pytest.mark.core
@pytest.mark.parametrize("kind", NESTED)
def test_the_oracle_agrees_where_sequences_begin_by_themselves(kind):
    trial = drawn(kind, 2).but(states=None)
    tape = trial.forward()
    ours = gradients(trial.backward(tape))
    agree(trial, tape, {n: a for n, a in ours.items() if "dstates" not in n}, given=False)


def test_the_comparison_can_fail():
    trial = drawn("Bidirectional, mul", 0)
    tape = trial.but(resets=None).forward()
    with pytest.raises(AssertionError, match="outputs differs first"):
        agree(trial, tape, gradients(trial.backward(tape)), given=True)
    assert final(tape) is not None
