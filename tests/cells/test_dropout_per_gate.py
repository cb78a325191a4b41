"""Recurrent dropout with draws for each gate: what the tests of the table do not cover."""

from typing import Any

import numpy as np
import pytest

from npstack import (
    ArgumentError,
    DtypeError,
    GRUCell,
    GRUResetBeforeCell,
    LayerNormLSTMCell,
    LSTMCell,
    LSTMVariantCell,
    Recurrent,
    RecurrentDropout,
    RecurrentDropoutPerGate,
    RNNCell,
    Zoneout,
    build,
)
from npstack.cells import Coupled, NoBias, Peepholes, Projection, TwoBiases
from npstack.core.trees import mapped
from npstack.engine.layer_by_layer import kind_of

pytestmark = pytest.mark.core
D, H, B, T = 3, 4, 5, 4
RATE = 0.4
INSIDE: dict[str, Any] = {
    "lstm": lambda **o: LSTMCell(D, H, **o),
    "coupled, projection": lambda **o: LSTMVariantCell(
        D, H, Coupled(), Peepholes(), Projection(2), **o
    ),
    "gru": lambda **o: GRUCell(D, H, **o),
    "gru, reset before": lambda **o: GRUResetBeforeCell(D, H, **o),
    "rnn": lambda **o: RNNCell(D, H, **o),
    "gru, no bias": lambda **o: NoBias(GRUCell(D, H, **o)),
    "lstm, two biases, zoneout": lambda **o: Zoneout(TwoBiases(LSTMCell(D, H, **o)), h=0.2, c=0.3),
}


@pytest.fixture
def rng():
    return np.random.default_rng(6)


def inside(name, rng):
    return INSIDE[name](rng=rng, bias_init="uniform")


def results(layer, x, noise, doutputs):
    tape = layer.forward(x, noise=noise)
    grads = layer.backward(tape, doutputs, mapped(np.ones_like, tape.final))
    initial = grads.initial_states._asdict()
    return {"outputs": tape.outputs, "x": grads.x, **initial, **grads.params}


@pytest.mark.parametrize("each_step", [False, True])
@pytest.mark.parametrize("name", INSIDE)
def test_with_one_draw_for_all_gates_it_is_recurrent_dropout(rng, name, each_step):
    cell = inside(name, rng)
    plain = Recurrent(RecurrentDropout(cell, RATE, each_step=each_step))
    by_gate = Recurrent(RecurrentDropoutPerGate(cell, RATE, each_step=each_step))
    x = rng.standard_normal((B, T, D))
    tape = plain.forward(x, rng=rng)
    kept, inner = tape.noise
    gates = len(by_gate.cell.noise_axes[0])
    doutputs = rng.standard_normal(tape.outputs.shape)
    expected = results(plain, x, tape.noise, doutputs)
    got = results(by_gate, x, ((kept,) * gates, inner), doutputs)
    assert got.keys() == expected.keys()
    for what, value in expected.items():
        np.testing.assert_allclose(got[what], value, rtol=1e-12, atol=1e-13, err_msg=what)


def test_gates_are_drawn_one_after_another_as_they_are_packed(rng):
    cell = RecurrentDropoutPerGate(LSTMVariantCell(D, H, Coupled(), rng=rng), RATE)
    drawn, inner = cell.draw_noise(np.random.default_rng(1), B, T)
    twin = np.random.default_rng(1)
    assert [kept.dtype for kept in drawn] == [bool] * 3  # input, candidate, output
    assert inner is None
    assert all(np.array_equal(kept, twin.random((B, H)) >= RATE) for kept in drawn)
    cell = RecurrentDropoutPerGate(GRUCell(D, 50, rng=rng), 0.2, each_step=True)
    drawn, _ = cell.draw_noise(rng, 20, 20)
    assert [kept.shape for kept in drawn] == [(20, 20, 50)] * 3
    assert [kept.mean() for kept in drawn] == pytest.approx([0.8] * 3, abs=0.01)


@pytest.mark.parametrize("name", ["lstm", "gru", "gru, reset before"])
def test_a_draw_acts_on_its_own_gate_and_no_other(rng, name):
    """With everything dropped for a gate, it is that of a state of zeros; the others are whole."""
    cell = inside(name, rng)
    x = rng.standard_normal((B, D))
    state = mapped(lambda a: rng.standard_normal(a.shape), cell.zero_state(B, float))
    wrapped = RecurrentDropoutPerGate(cell, 0.0)
    _, whole = cell.step(cell.params, x, state)
    _, alone = cell.step(cell.params, x, state._replace(h=np.zeros((B, H))))
    for gate in whole._fields:
        kept = tuple(np.full((B, H), own != gate) for own in whole._fields)
        _, found = wrapped.step(cell.params, x, state, (kept, None))
        with_reset = name.startswith("gru") and gate != "update"  # r is in the candidate, too
        for own in ("reset", "update") if with_reset else whole._fields:
            known = alone if own == gate else whole
            got = getattr(found, own)
            np.testing.assert_allclose(got, getattr(known, own), rtol=1e-13, err_msg=own)


@pytest.mark.parametrize("kind", [GRUCell, GRUResetBeforeCell])
def test_it_spares_the_leak_of_a_gru(rng, kind):
    cell = kind(D, H, rng=rng, bias_init="uniform")
    x, state = rng.standard_normal((B, D)), cell.state_type(rng.standard_normal((B, H)))
    nothing = (np.zeros((B, H), bool),) * 3
    new, gates = RecurrentDropoutPerGate(cell, 0.5).step(cell.params, x, state, (nothing, None))
    z, n = gates.update, gates.candidate
    assert np.array_equal(new.h, z * state.h + (1 - z) * n)


def test_numbers_are_selected_not_multiplied(rng):
    cell = LSTMCell(D, H, rng=rng)
    kept = tuple(rng.random((B, H)) < 0.5 for _ in cell.gates)
    lost = ~np.logical_or.reduce(kept)
    assert lost.any()
    h = np.where(lost, np.nan, rng.standard_normal((B, H)))
    state = cell.zero_state(B, float)._replace(h=h)
    x = rng.standard_normal((B, D))
    cell_of_all = RecurrentDropoutPerGate(cell, 0.5)
    new, gates = cell_of_all.step(cell.params, x, state, (kept, None))
    assert np.isfinite(gates).all()
    ones = mapped(np.ones_like, new)
    dparams, _, before = cell_of_all.step_backward(
        cell.params, x, state, gates, new, ones, (kept, None)
    )
    assert all(np.isfinite(value).all() for value in dparams.values())
    assert not before.h[lost].any()


def test_no_engine_takes_it_for_the_cell_inside(rng):
    for kind in (LSTMCell, GRUCell):
        layer = Recurrent(RecurrentDropoutPerGate(kind(D, H, rng=rng), RATE))
        assert kind_of(layer) == ("", "no engine computes RecurrentDropoutPerGate")


def test_it_is_built_again_from_its_configuration(rng):
    cell = TwoBiases(LSTMVariantCell(D, H, Peepholes(), rng=rng))
    layer = Recurrent(Zoneout(RecurrentDropoutPerGate(cell, RATE, each_step=True), h=0.1))
    again = build(layer.config(), layer.params)
    assert repr(again.cell) == repr(layer.cell)
    assert repr(again.cell.cell) == (
        "RecurrentDropoutPerGate(TwoBiases(LSTMVariantCell(3 -> 4)), rate=0.4, each_step=True)"
    )
    x = rng.standard_normal((B, T, D))
    tape = layer.forward(x, rng=rng)
    assert np.array_equal(again.forward(x, noise=tape.noise).outputs, tape.outputs)


class Own(LSTMCell):
    """A cell of a user, of whose steps nothing is known."""


@pytest.mark.parametrize(
    ("cell", "error", "words"),
    [
        (3, DtypeError, "RecurrentDropoutPerGate: cell must be a cell, got 3"),
        (LayerNormLSTMCell, ArgumentError, "got LayerNormLSTMCell.* RecurrentDropout, one draw"),
        (Own, ArgumentError, "cell must be one of LSTMCell, .* got Own"),
        (lambda *a, **o: Zoneout(Own(*a, **o), h=0.5), ArgumentError, "got Zoneout"),
        (lambda *a, **o: RecurrentDropout(LSTMCell(*a, **o), 0.5), ArgumentError, "one of these"),
        (lambda *a, **o: RecurrentDropoutPerGate(GRUCell(*a, **o), 0.5), ArgumentError, "one of"),
    ],
)
def test_other_cells_are_refused(rng, cell, error, words):
    made = cell(D, H, rng=rng) if callable(cell) else cell
    with pytest.raises(error, match=words):
        RecurrentDropoutPerGate(made, 0.5)


def test_wrong_settings_and_draws_are_refused(rng):
    cell = GRUCell(D, H, rng=rng)
    with pytest.raises(ArgumentError, match="RecurrentDropoutPerGate: rate must be a number"):
        RecurrentDropoutPerGate(cell, 1.0)
    with pytest.raises(ArgumentError, match="RecurrentDropoutPerGate: each_step must be"):
        RecurrentDropoutPerGate(cell, 0.5, each_step=1)
    layer = Recurrent(RecurrentDropoutPerGate(cell, 0.5))
    kept = np.ones((B, H), bool)
    with pytest.raises(ArgumentError, match=r"a tuple of 3, one per part, got .*tuple.* of 2"):
        layer.forward(np.ones((B, T, D)), noise=((kept, kept), None))
