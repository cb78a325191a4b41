"""Every gradient of layers around layers, by the complex step: plain, masked, reset, trained."""

import numpy as np
import pytest

from npstack import check_gradients
from npstack.verify.laws.check import draw_mask
from npstack.verify.laws.trial import draw_trial
from tests.tools.nested import NESTED
from tests.tools.slope import check_along_a_direction
from tests.tools.strategies import build, draw_input

KINDS = [kind for kind in NESTED if kind != "Parallel of symbols"]


def checked(kind, entries=3, **options):
    """The report, of a layer whose parameters are all drawn: what is zero would hide a slip."""
    rng = np.random.default_rng(12)
    layer = build(kind, rng)
    layer.params = {k: v + 0.3 * rng.standard_normal(v.shape) for k, v in layer.params.items()}
    return check_gradients(layer, draw_input(layer, rng, 4, 3), entries=entries, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_every_gradient_is_that_of_the_complex_step(kind):
    report = checked(kind, entries=10)
    assert report.passed, report
    assert report.route == "complex"


def broken_up(rng):
    """A mask with holes and resets, at steps that are valid and at steps that are not."""
    mask, resets = draw_mask(rng, 4, 3), rng.random((4, 3)) < 0.4
    mask[3], resets[3] = [True, False, True], [True, False, True]
    return {"mask": mask, "resets": resets}


@pytest.mark.parametrize("kind", KINDS)
def test_so_it_is_with_holes_resets_and_draws(kind):
    rng = np.random.default_rng(7)
    report = checked(kind, **broken_up(rng), noise_rng=rng)
    assert report.passed, report


@pytest.mark.core
@pytest.mark.parametrize("begun", ["given", "by itself"])
@pytest.mark.parametrize("kind", NESTED)
def test_all_gradients_add_up_along_a_direction(kind, begun):
    rng = np.random.default_rng(9)
    layer = build(kind, rng)
    trial = draw_trial(layer, draw_input(layer, rng, 4, 3), **broken_up(rng), rng=rng)
    check_along_a_direction(trial if begun == "given" else trial.but(states=None))


def test_learned_states_are_among_what_is_checked():
    for kind in ("LSTM, learned", "Bidirectional, learned", "SkipConnected, 11"):
        names = [row.parameter for row in checked(kind, resets=np.ones((4, 3), bool)).rows]
        assert any(name.endswith("initial.h") for name in names)
        assert any(name.endswith("initial.c") for name in names)


def test_initial_states_of_both_directions_are_checked_by_name():
    names = {row.parameter for row in checked("Bidirectional, sum").rows}
    states = {f"initial.0.{way}.{field}" for way in ("forward", "backward") for field in "hc"}
    assert {name for name in names if name.startswith("initial")} == states, names


def test_symbols_reach_all_branches():
    assert checked("Parallel of symbols").passed
