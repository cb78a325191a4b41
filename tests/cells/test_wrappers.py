"""Recurrent dropout and zoneout: what the tests of the table do not cover."""

import numpy as np
import pytest

from npstack import (
    ArgumentError,
    DtypeError,
    GRUCell,
    GRUResetBeforeCell,
    LSTMCell,
    Recurrent,
    RecurrentDropout,
    RNNCell,
    Zoneout,
)
from npstack.cells import CELLS
from npstack.cells.wrapper import CellWrapper
from npstack.core.trees import mapped, named

pytestmark = pytest.mark.core
WRAPPED = [name for name in CELLS if "dropout" in name or "zoneout" in name]


@pytest.fixture
def rng():
    return np.random.default_rng(4)


@pytest.mark.parametrize("name", WRAPPED)
def test_in_evaluation_a_wrapper_is_exactly_the_cell_inside(rng, name):
    outer = CELLS[name](3, 4, rng, np.float64)
    inner = outer.cell
    while isinstance(inner, CellWrapper):
        inner = inner.cell
    x, mask = rng.standard_normal((3, 5, 3)), rng.random((3, 5)) < 0.7
    results = []
    for cell in (inner, outer):
        layer = Recurrent(cell)
        tape = layer.forward(x, mask=mask)
        grads = layer.backward(tape, tape.outputs, mapped(np.ones_like, tape.final))
        assert tape.noise is None
        results.append((tape, grads))
    (plain, dplain), (wrapped, dwrapped) = results
    for pair in ((plain.states, wrapped.states), (plain.gates, wrapped.gates)):
        assert mapped(np.array_equal, *pair) == mapped(lambda a: True, pair[0])
    assert dplain.params.keys() == dwrapped.params.keys()
    assert all(np.array_equal(v, dwrapped.params[n]) for n, v in dplain.params.items())
    assert np.array_equal(dplain.x, dwrapped.x)
    assert all(map(np.array_equal, dplain.initial_states, dwrapped.initial_states))


def test_one_draw_serves_all_steps_unless_each_step_has_its_own(rng):
    cell = LSTMCell(2, 3, rng=rng)
    kept, inner = RecurrentDropout(cell, 0.5).draw_noise(rng, 4, 5)
    assert (kept.shape, kept.dtype, inner) == ((4, 3), bool, None)
    kept, inner = RecurrentDropout(cell, 0.5, each_step=True).draw_noise(rng, 4, 5)
    assert (kept.shape, inner) == ((4, 5, 3), None)
    assert not (kept == kept[:, :1]).all()


def test_the_rate_is_the_share_that_is_dropped_or_stays(rng):
    cell = LSTMCell(2, 50, rng=rng)
    kept, _ = RecurrentDropout(cell, 0.2, each_step=True).draw_noise(rng, 20, 20)
    assert kept.mean() == pytest.approx(0.8, abs=0.01)
    stays, _ = Zoneout(cell, h=0.1, c=0.7).draw_noise(rng, 20, 20)
    assert stays.h.mean() == pytest.approx(0.1, abs=0.01)
    assert stays.c.mean() == pytest.approx(0.7, abs=0.01)


@pytest.mark.parametrize("kind", [GRUCell, GRUResetBeforeCell])
def test_dropout_spares_the_leak_of_a_gru(rng, kind):
    """With everything dropped the matrices read zeros, and ``z * h'`` is whole."""
    cell = kind(2, 3, rng=rng, bias_init="uniform")
    x, state = rng.standard_normal((4, 2)), cell.state_type(rng.standard_normal((4, 3)))
    nothing = np.zeros((4, 3), bool)
    new, gates = RecurrentDropout(cell, 0.5).step(cell.params, x, state, (nothing, None))
    _, alone = cell.step(cell.params, x, cell.zero_state(4, float))
    assert all(map(np.array_equal, gates, alone))
    z, n = gates.update, gates.candidate
    assert np.array_equal(new.h, z * state.h + (1 - z) * n)


def test_what_one_dropout_has_dropped_the_next_one_does_not_bring_back(rng):
    cell = GRUCell(2, 3, rng=rng, bias_init="uniform")
    x, state = rng.standard_normal((4, 2)), cell.state_type(rng.standard_normal((4, 3)))
    outer, inner = rng.random((2, 4, 3)) < 0.5
    twice = RecurrentDropout(RecurrentDropout(cell, 0.5), 0.5)
    once, _ = RecurrentDropout(cell, 0.75).step(cell.params, x, state, (outer & inner, None))
    both, _ = twice.step(cell.params, x, state, (outer, (inner, None)))
    np.testing.assert_allclose(both.h, once.h, rtol=1e-14)


def test_kept_numbers_are_scaled_up(rng):
    cell = RNNCell(2, 3, rng=rng, activation="linear", kernel_init="zeros")
    state = cell.state_type(rng.standard_normal((1, 3)))
    kept = np.array([[True, False, True]])
    new, _ = RecurrentDropout(cell, 0.75).step(cell.params, np.ones((1, 2)), state, (kept, None))
    expected = state.h[:, [0, 2]] * 4 @ cell.params["U"][[0, 2]]
    np.testing.assert_allclose(new.h, expected, rtol=1e-14)


def test_zoneout_keeps_old_numbers_field_by_field(rng):
    cell = LSTMCell(2, 3, rng=rng)
    x, state = rng.standard_normal((5, 2)), cell.state_type(*rng.standard_normal((2, 5, 3)))
    stays = cell.state_type(*(rng.random((2, 5, 3)) < 0.5))
    new, _ = Zoneout(cell, h=0.5, c=0.5).step(cell.params, x, state, (stays, None))
    proposed, _ = cell.step(cell.params, x, state)
    for own, before, after, got in zip(stays, state, proposed, new, strict=True):
        assert np.array_equal(got[own], before[own])
        assert np.array_equal(got[~own], after[~own])


def test_zoneout_draws_for_the_fields_that_have_a_rate(rng):
    noise = Zoneout(LSTMCell(2, 3, rng=rng), c=0.5).draw_noise(rng, 4, 5)
    assert {name: a.shape for name, a in named("own", noise[0]).items() if a.ndim} == {
        "own.c": (4, 5, 3)
    }


def test_a_wrapper_leaves_the_cell_that_it_was_given_alone(rng):
    cell = LSTMCell(2, 3, rng=rng)
    before = dict(cell.params)
    layer = Recurrent(RecurrentDropout(cell, 0.5))
    layer.params = {name: value + 1 for name, value in layer.params.items()}
    assert cell.params == before
    assert layer.parameter_formula == Recurrent(cell).parameter_formula
    assert repr(layer.cell) == "RecurrentDropout(LSTMCell(2 -> 3), rate=0.5)"
    assert repr(Zoneout(cell, h=0.1)) == "Zoneout(LSTMCell(2 -> 3), h=0.1)"


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda cell: RecurrentDropout(3, 0.5), DtypeError, "cell must be a cell"),
        (lambda cell: Zoneout("lstm", h=0.5), DtypeError, "cell must be a cell"),
        (lambda cell: RecurrentDropout(cell, 1.0), ArgumentError, "0 <= rate < 1"),
        (lambda cell: Zoneout(cell, c=1.0), ArgumentError, "0 <= c < 1"),
        (lambda cell: Zoneout(cell, s=0.5), ArgumentError, "rates must be of h or c"),
    ],
)
def test_wrong_wrappers_are_refused(rng, call, error, words):
    with pytest.raises(error, match=words):
        call(LSTMCell(2, 3, rng=rng))
