"""What a chain does to sizes and to the time axis; the attributes of recurrent layers."""

import numpy as np
import pytest

from npstack import (
    LSTM,
    Bidirectional,
    Dense,
    Dropout,
    LSTMCell,
    LSTMVariantCell,
    NonFiniteError,
    Parallel,
    Recurrent,
    RecurrentTape,
    RepeatVector,
    Reversed,
    Sequential,
)
from npstack.cells import Activations, Cell, CellClip
from npstack.core.numerics import sqrt
from tests.layers.small import FLAGS, R, lstm, read

pytestmark = pytest.mark.core

CHAINS = {
    "sequence to sequence": (lambda: [lstm(), Dense(4, 2, rng=R)], {"needs_time", "keeps_time"}),
    "any axes": (lambda: [Dense(3, 4, rng=R), Dropout(0.1)], {"keeps_time"}),
    "last step": (lambda: [lstm(return_sequences=False), Dense(4, 2, rng=R)], {"needs_time"}),
    "vector to sequence": (
        lambda: [Dense(3, 4, rng=R), RepeatVector(2), lstm(4)],
        {"takes_vector", "makes_time"},
    ),
    "vector to vector": (
        lambda: [Dropout(0.1), RepeatVector(2), lstm(3, return_sequences=False)],
        {"takes_vector"},
    ),
    "sequence to vector to sequence": (
        lambda: [lstm(return_sequences=False), RepeatVector(2), lstm(4), Dropout(0.1)],
        {"needs_time", "makes_time"},
    ),
    "turned": (lambda: [lstm(), read()], {"needs_time", "keeps_time", "turned"}),
    "turned twice": (lambda: [lstm(), read(), read()], {"needs_time", "keeps_time"}),
    "turned, then the last step": (
        lambda: [read(3), lstm(4, return_sequences=False)],
        {"needs_time"},
    ),
    "branches apart": (
        lambda: [Dense(3, 4, rng=R), Parallel(lstm(4), lstm(4), merge="none")],
        {"needs_time", "keeps_time", "extra_axis"},
    ),
}


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_says_what_it_does_to_the_axes(name):
    layers, flags = CHAINS[name]
    model = Sequential(*layers())
    assert {flag for flag in FLAGS if getattr(model.interface, flag)} == flags
    assert all(isinstance(getattr(model.interface, flag), bool) for flag in FLAGS)
    assert model.input_size == 3
    x = np.ones((2, 3)) if model.interface.takes_vector else np.ones((2, 5, 3))
    tape = model.forward(x)
    assert model.backward(tape, np.ones_like(tape.outputs)).x.shape == x.shape


def test_a_chain_is_causal_if_all_of_it_is():
    assert Sequential(lstm(), lstm(4)).interface.causal is True
    assert Sequential(lstm(), Reversed(lstm(4))).interface.causal is False
    assert Sequential(Reversed(lstm()), lstm(4)).interface.causal is False


def test_a_model_that_begins_with_a_vector_can_be_summed_up():
    model = Sequential(Dense(3, 4, rng=R), RepeatVector(2), LSTM(4, 5, rng=R))
    lines = model.summary(batch_size=2, time_steps=7).splitlines()
    assert lines[1].split("  ")[0] == "0.Dense"
    assert "(2, 2, 5)" in lines[3]
    one = model.forward(np.zeros((1, 3))).nbytes
    assert lines[-1] == f"tape for B=2, T=7: {2 * one:,} bytes"


def test_slots_are_a_tuple_and_two_directions_are_one():
    model = Sequential(Bidirectional(lstm(), lstm()), lstm(8))
    tape = model.forward(np.zeros((1, 2, 3)))
    assert isinstance(tape.slots, tuple)
    assert (len(tape.slots), len(tape.layers)) == (2, 3)


def test_what_is_learned_of_the_beginning_is_said():
    learning, plain = lstm(learn_initial=True), lstm()
    assert (learning.learn_initial, plain.learn_initial) == (True, False)
    assert learning.learn_initial is True
    assert learning.parameter_formula == "4H(D + H + 1), D=3, H=4, and the initial state"
    assert plain.parameter_formula == "4H(D + H + 1), D=3, H=4"
    x = np.zeros((2, 3, 3))
    given = learning.cell.zero_state(2, float)
    tapes = [plain.forward(x), learning.forward(x), learning.forward(x, given)]
    assert [tape.learned for tape in tapes] == [False, True, False]


def test_a_cell_without_a_formula_leaves_it_out():
    class Own(LSTMCell):
        parameter_formula = ""

    assert isinstance(Own(3, 4, rng=R), Cell)
    for learn in (False, True):
        assert Recurrent(Own(3, 4, rng=R), learn_initial=learn).parameter_formula == ""


def test_infinity_that_a_clip_hides_is_found_where_it_is_born():
    cell = LSTMVariantCell(1, 1, Activations(input="relu"), CellClip(1.0), rng=R)
    layer = Recurrent(cell)
    params = {name: np.full_like(value, 0.5) for name, value in layer.params.items()}
    params["W"][0, 0] = 1e308  # the input gate alone: infinite, and the clipped cell is not
    with np.errstate(over="ignore"), pytest.raises(NonFiniteError, match=r"step 1 .* 'input'"):
        layer.forward(np.array([[[1.0], [100.0]]]), params=params)


def test_the_square_root_of_plain_numbers_in_an_object_array():
    assert sqrt(np.array([4.0, 9.0], object)).tolist() == [2.0, 3.0]
    assert sqrt(np.array([4.0])).tolist() == [2.0]


def test_a_recorded_tape_has_no_resets_and_no_learned_beginning_unless_it_says_so():
    tape = lstm(learn_initial=True).forward(np.zeros((2, 3, 3)))
    fields = {
        name: value for name, value in vars(tape).items() if name not in ("resets", "learned")
    }
    turned = Reversed(lstm()).forward(np.zeros((2, 3, 3)))
    assert turned.turned is False
    plain = {name: value for name, value in vars(turned).items() if name != "turned"}
    assert type(turned)(**plain).turned is False
    recorded = RecurrentTape(**fields)
    assert recorded.learned is False
    assert recorded.resets is None
    assert tape.learned
