"""The user's own parts, cells and draws: everything that a variant or a wrapper offers is used."""

from typing import NamedTuple

import numpy as np
import pytest

from npstack import (
    ArgumentError,
    GRUCell,
    LSTMCell,
    LSTMState,
    LSTMVariantCell,
    Recurrent,
    check_gradients,
)
from npstack.cells import (
    CELLS,
    Cell,
    CellClip,
    GRUResetBeforeCell,
    Part,
    Peepholes,
    Projection,
    Zoneout,
)
from npstack.cells import RecurrentDropout as Dropped
from npstack.cells.base import check_cell
from npstack.cells.layer_norm import layer_norm
from npstack.cells.wrapper import CellWrapper
from npstack.core.activations import Activation
from npstack.core.init import INITIALISERS
from npstack.core.numerics import dropped
from npstack.core.trees import mapped
from npstack.verify import check_laws
from npstack.verify.laws.check import draw_mask
from npstack.verify.laws.trial import draw_trial
from tests.tools.slope import check_along_a_direction

pytestmark = pytest.mark.core
D, H = 3, 4


class Faded(Part):
    """A different function at every place: ``a + F * c`` for all gates, ``c / 2``, ``h * G``."""

    def params(self, gates, hidden_size, rng):
        F, G = rng.normal(size=hidden_size), rng.normal(size=hidden_size)
        return {"F": F, "G": G}, {"F": ("units",), "G": ("units",)}

    def activation(self, name, usual):
        return Activation("softsign") if name == "candidate" else usual

    def gate(self, params, name, a, c):
        return a + params["F"] * c

    def gate_backward(self, params, name, a, c, da):
        return da, da * params["F"], {"F": (da * c).sum(axis=0)}

    def cell(self, c):
        return c / 2

    def cell_backward(self, c, dc):
        return dc / 2

    def hidden(self, params, m):
        return m * params["G"]

    def hidden_backward(self, params, m, h, dh):
        return dh * params["G"], {"G": (m * dh).sum(axis=0)}


class Shown(Part):
    """A last part: the output is ``h * h``."""

    def hidden(self, params, m):
        return m * m

    def hidden_backward(self, params, m, h, dh):
        return 2 * m * dh, {}


CHOICES = [(Faded(),), (Faded(), Shown()), (Shown(), Peepholes(), CellClip(0.2), Faded())]


@pytest.mark.parametrize(
    "parts", CHOICES, ids=lambda parts: " ".join(type(p).__name__ for p in parts)
)
@pytest.mark.parametrize("seed", range(3))
def test_gradients_of_parts_of_ones_own_are_right(parts, seed):
    rng = np.random.default_rng(seed)
    layer = Recurrent(LSTMVariantCell(D, H, *parts, bias_init="uniform", rng=rng))
    x, mask = rng.standard_normal((4, 3, D)), draw_mask(rng, 4, 3)
    check_along_a_direction(draw_trial(layer, x, mask=mask, rng=rng))


def test_laws_hold_for_parts_of_ones_own():
    rng = np.random.default_rng(0)
    layer = Recurrent(LSTMVariantCell(D, H, *CHOICES[2], rng=rng))
    assert check_laws(layer, rng=rng, batch=3, steps=3).passed


def test_parts_of_ones_own_act_after_ours_in_the_order_in_which_they_are_given():
    shown, faded, projection = Shown(), Faded(), Projection(2)
    cell = LSTMVariantCell(D, H, shown, projection, rng=np.random.default_rng(0))
    assert cell.parts == (projection, shown)
    cells = [
        LSTMVariantCell(D, H, *parts, rng=np.random.default_rng(0))
        for parts in ((shown, faded), (faded, shown))
    ]
    assert [cell.parts for cell in cells] == [(shown, faded), (faded, shown)]
    x, state = np.ones((2, D)), LSTMState(np.ones((2, H)), np.ones((2, H)))
    one, other = (cell.step(cells[0].params, x, state)[0] for cell in cells)
    G = cells[0].params["G"]
    assert np.allclose(one.h * G, other.h, rtol=1e-14)  # m² G, and (m G)²


# ---- wrappers around a cell that draws, and passes its draws on ----------------------------------


class Noisy(LSTMCell):
    """An LSTM whose input has holes, drawn for each step."""

    noise_axes = "x"

    def noise_shapes(self, batch, steps):
        return [batch, steps, self.input_size]

    def draw_noise(self, rng, batch, steps):
        return rng.random((batch, steps, self.input_size)) < 0.6

    def step(self, params, x, state, noise=None):
        read = x if noise is None else dropped(x, noise, 0.4)
        return super().step(params, read, state)

    def step_backward(self, params, x, state, gates, new_state, dnew_state, noise=None):
        read = x if noise is None else dropped(x, noise, 0.4)
        back = super().step_backward(params, read, state, gates, new_state, dnew_state)
        dparams, dx, dstate = back
        return dparams, dx if noise is None else dropped(dx, noise, 0.4), dstate


WRAPPINGS = {
    "alone": lambda cell: cell,
    "dropout": lambda cell: Dropped(cell, 0.4),
    "zoneout": lambda cell: Zoneout(cell, h=0.3, c=0.4),
    "dropout in zoneout": lambda cell: Zoneout(Dropped(cell, 0.4, each_step=True), c=0.4),
    "zoneout in dropout": lambda cell: Dropped(Zoneout(cell, h=0.4), 0.4),
}


@pytest.mark.parametrize("name", WRAPPINGS)
def test_a_wrapper_hands_the_draws_of_the_cell_inside_on(name):
    rng = np.random.default_rng(1)
    layer = Recurrent(WRAPPINGS[name](Noisy(D, H, bias_init="uniform", rng=rng)))
    x, mask = rng.standard_normal((4, 5, D)), draw_mask(rng, 4, 5)
    assert check_laws(layer, rng=rng, batch=3, steps=3).passed
    trial = draw_trial(layer, x, mask=mask, rng=rng)
    inner = trial.noise
    while isinstance(inner, tuple):
        inner = inner[1]
    assert inner.shape == (4, 5, D)
    check_along_a_direction(trial)
    same = trial.but(x=np.where(inner, x, 7.0))  # what the cell inside drops does not matter
    assert np.array_equal(same.forward().outputs, trial.forward().outputs)
    heard = trial.but(x=np.where(inner, 7.0, x))
    assert not np.array_equal(heard.forward().outputs, trial.forward().outputs)


def test_wrappers_say_what_is_unusual_about_them():
    cell = LSTMCell(D, H, rng=np.random.default_rng(0))
    inside = "LSTMCell(3 -> 4)"
    assert repr(Dropped(cell, 0.5, each_step=True)) == (
        f"RecurrentDropout({inside}, rate=0.5, each_step=True)"
    )
    assert repr(Zoneout(cell, c=0.1, h=0.5)) == f"Zoneout({inside}, c=0.1, h=0.5)"


class Held(NamedTuple):
    """The state of the least cell that there can be."""

    h: np.ndarray


class Nothing(NamedTuple):
    """No record at all."""


class Least(Cell):
    """``h = h' / 2 + x W``: a cell with only what is required."""

    def __init__(self, rng):
        self.input_size, self.hidden_size = D, H
        self.params = {"W": rng.standard_normal((D, H))}
        self.state_sizes, self.record_sizes = Held(H), Nothing()

    def step(self, params, x, state, noise=None):
        return Held(state.h / 2 + x @ params["W"]), Nothing()

    def step_backward(self, params, x, state, record, new_state, dnew_state, noise=None):
        dh = dnew_state.h
        return {"W": x.T @ dh}, dh @ params["W"].T, Held(dh / 2)


def test_a_cell_need_not_say_more_than_it_must():
    rng = np.random.default_rng(0)
    layer = Recurrent(Least(rng), learn_initial=True)
    assert (layer.cell.axes, layer.cell.noise_axes, layer.parameter_formula) == ({}, None, "")
    report = check_laws(layer, rng=rng, batch=3, steps=3)
    assert report.passed, report
    detail = {row.law: row.detail for row in report.rows}
    assert detail["permuting_hidden_units"] == "how the units of Least are wired is unknown"
    assert check_gradients(layer, rng.standard_normal((2, 3, D))).passed
    assert layer.forward(rng.standard_normal((2, 3, D)), rng=rng).noise is None


def test_what_a_wrapper_has_not_written_is_named_when_it_is_built():
    owed = {"draw_own", "own_shapes", "settings"}
    for name in owed:
        written = dict.fromkeys(owed - {name})
        with pytest.raises(TypeError, match=rf"abstract method '?{name}'?$"):
            type("Unfinished", (CellWrapper,), written)()


@pytest.mark.parametrize("reading", ["", "_reading"])
@pytest.mark.parametrize("direction", ["", "_backward"])
def test_what_a_cell_has_not_written_is_named_when_a_layer_takes_it(reading, direction):
    written = {f"step{reading}": Least.step, f"step{reading}_backward": Least.step_backward}
    kind = type("Unfinished", (Cell,), {**written, "params": {}, "hidden_size": 1})
    check_cell("Recurrent", kind())
    del written[f"step{reading}{direction}"]
    unfinished = type("Unfinished", (Cell,), written)()
    expected = rf"Unfinished must have step{direction}, or step_reading{direction}, got neither"
    with pytest.raises(ArgumentError, match=expected):
        Recurrent(unfinished)


def test_a_cell_that_draws_says_what_shape():
    class Silent(Noisy):
        def noise_shapes(self, batch, steps):
            return None

    rng = np.random.default_rng(0)
    layer = Recurrent(Silent(D, H, rng=rng))
    with pytest.raises(ArgumentError, match="noise_shapes of Silent must say what it draws"):
        layer.forward(np.ones((2, 3, D)), rng=rng)


@pytest.mark.parametrize("name", CELLS)
def test_nothing_is_drawn_to_learn_a_shape(name):
    cell = CELLS[name](D, H, np.random.default_rng(0))
    drawn = cell.draw_noise(np.random.default_rng(0), 2, 3)
    shapes = mapped(lambda a: list(a.shape), drawn)
    assert cell.noise_shapes(2, 3) == shapes
    assert cell.param_shapes == {k: v.shape for k, v in cell.params.items()}


# ---- how parameters begin ------------------------------------------------------------------------


def test_parameters_are_drawn_once_each_and_in_their_order():
    """``W``, ``U``, ``b``, then what a cell has besides: nothing is drawn that is not used."""
    draw = INITIALISERS["uniform"]
    rng, twin = np.random.default_rng(5), np.random.default_rng(5)
    before = GRUResetBeforeCell(D, H, bias_init="uniform", rng=twin)
    gru = GRUCell(D, H, bias_init="uniform", rng=rng)
    assert all(np.array_equal(gru.params[name], before.params[name]) for name in "WUb")
    assert np.array_equal(gru.params["b_recurrent"], draw(twin, (1, H))[0])
    assert rng.random() == twin.random()
    rng, twin = np.random.default_rng(5), np.random.default_rng(5)
    peepholes = LSTMVariantCell(D, H, Peepholes(), rng=rng)
    LSTMVariantCell(D, H, rng=twin)
    assert np.array_equal(peepholes.params["P"], twin.uniform(-0.5, 0.5, 3 * H))
    assert rng.random() == twin.random()


def test_zoneout_draws_field_by_field_in_the_order_of_the_state():
    cell = Zoneout(LSTMCell(D, H, rng=np.random.default_rng(0)), c=0.5, h=0.2)
    rng, twin = np.random.default_rng(5), np.random.default_rng(5)
    stays, _ = cell.draw_noise(rng, 2, 3)
    assert np.array_equal(stays.h, twin.random((2, 3, H)) < 0.2)
    assert np.array_equal(stays.c, twin.random((2, 3, H)) < 0.5)


def test_layer_norm_subtracts_before_it_squares():
    """Numbers far from zero: the mean of v (v - mean) would have lost their spread."""
    v = np.random.default_rng(0).standard_normal((5, 7))
    (near, r), (far, s) = layer_norm(v), layer_norm(v + 1e6)
    assert np.allclose(near, far, rtol=0, atol=1e-8)
    assert np.allclose(r, s, rtol=1e-8, atol=0)
