"""The tape, and the summary that is measured on it."""

import re
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from npstack import LSTM, Dense, Dropout, Embedding, Sequential, StackedLSTM
from npstack.core.tape import Tape
from npstack.core.trees import mapped
from npstack.verify.laws.trial import named
from tests.tools.strategies import LAYERS, build, draw_input

pytestmark = pytest.mark.core


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def test_tape_of_a_model_is_a_tree(rng):
    model = Sequential(StackedLSTM(2, [3, 4], dropout=0.5, rng=rng), Dense(4, 1, rng=rng))
    tape = model.forward(rng.standard_normal((2, 3, 2)), rng=rng)
    assert [type(part).__name__ for part in tape.parts] == ["CompositeTape", "Tape"]
    assert [layer.gates.forget.shape for layer in tape.layers] == [(2, 3, 3), (2, 3, 4)]
    assert len(tape.final) == len(tape.initial) == 2
    assert list(named("noise", tape.noise)) == ["noise[0][1]"]
    assert tape.parts[0].parts[1].noise is tape.noise[0][1]
    assert tape.parts[1].parts == () == tape.parts[1].layers
    assert isinstance(tape.parts[1], Tape)


def test_gates_and_outputs_are_zero_at_masked_steps_and_states_are_held(rng):
    mask = np.array([[False, True, False, True]])
    tape = LSTM(2, 3, rng=rng).forward(rng.standard_normal((1, 4, 2)), mask=mask)
    for values in (*tape.gates, tape.outputs, tape.x):
        assert not values[0, [0, 2]].any()
        assert values[0, [1, 3]].all()
    assert (tape.states.c[0, 2] == tape.states.c[0, 1]).all()
    assert not tape.states.h[0, 0].any()


@pytest.mark.parametrize("kind", LAYERS)
def test_summary_counts_parameters_and_bytes(rng, kind):
    layer = build(kind, rng)
    text = layer.summary(batch_size=3, time_steps=4)
    x = draw_input(layer, rng, 3, 4)
    x = x[..., :1] if layer.input_size is None else x  # the summary of such a layer says D = 1
    tape = layer.forward(x, rng=rng)
    assert text.endswith(f"tape for B=3, T=4: {tape.nbytes:,} bytes")
    numbers = re.findall(r"(?<=\)) +(\d+)", text)
    count = sum(value.size for value in layer.params.values())
    assert int(numbers[-1]) == count
    assert sum(map(int, numbers[:-1] or numbers)) == count
    assert f" {tape.outputs.shape} " in text


def test_summary_prints_the_formula(rng):
    text = Sequential(Embedding(9, 2, rng=rng), LSTM(2, 3, rng=rng), Dense(3, 4, rng=rng)).summary()
    lines = [re.sub(" +", " ", line) for line in text.splitlines()]
    assert lines[1:5] == [
        "0.Embedding (1, 1, 2) 18 = 9 symbols x K, K=2",
        "1.LSTM (1, 1, 3) 72 = 4H(D + H + 1), D=2, H=3",
        "2.Dense (1, 1, 4) 16 = (D + 1)K, D=3, K=4",
        "Sequential (1, 1, 4) 106",
    ]


def test_summary_of_an_embedding_of_one_symbol(rng):
    assert "1 symbols x K, K=2" in Embedding(1, 2, rng=rng).summary()


def test_nbytes_counts_an_array_that_two_layers_share_once(rng):
    x = rng.standard_normal((2, 3, 4))
    tape = LSTM(4, 5, rng=rng).forward(x)
    own = {id(a): a for a in (tape.x, tape.mask, tape.outputs)}
    own |= {id(a): a for part in (tape.initial, tape.states, tape.gates, tape.final) for a in part}
    assert tape.nbytes == sum(a.nbytes for a in own.values())
    numbers = 2 * 3 * 4 + 2 * 3 * 5 * (1 + 2 + 4) + 2 * 5 * 4
    assert tape.nbytes == 8 * numbers + 2 * 3
    model = Sequential(Dropout(0.5), Dropout(0.5))
    both = model.forward(x)  # x, and one sequence passed on unchanged
    assert both.nbytes == x.nbytes + 6


def test_summary_in_full(rng):
    model = Sequential(
        Embedding(9, 2, rng=rng),
        StackedLSTM(2, [30, 4], dropout=0.5, return_sequences=False, rng=rng),
        Dense(4, 2, rng=rng),
    )
    assert model.summary(2, 3).splitlines() == [
        "layer                 output shape  parameters",
        "0.Embedding           (2, 3, 2)             18 = 9 symbols x K, K=2",
        "1.0.LSTM              (2, 3, 30)         3,960 = 4H(D + H + 1), D=2, H=30",
        "1.dropouts.0.Dropout  (2, 3, 30)             0",
        "1.1.LSTM              (2, 4)               560 = 4H(D + H + 1), D=30, H=4",
        "2.Dense               (2, 2)                10 = (D + 1)K, D=4, K=2",
        "Sequential            (2, 2)             4,548",
        "tape for B=2, T=3: 15,210 bytes",
    ]
    assert Dense(3, 4, rng=rng).summary(12, 13).splitlines() == [
        "layer  output shape  parameters",
        "Dense  (12, 13, 4)           16 = (D + 1)K, D=3, K=4",
        "tape for B=12, T=13: 8,892 bytes",
    ]
    assert Sequential(Dropout(0.5)).summary().splitlines() == [
        "layer      output shape  parameters",
        "0.Dropout  (1, 1, 1)              0",
        "tape for B=1, T=1: 18 bytes",
    ]


def test_a_layer_without_parameters_has_no_formula():
    assert Dropout(0.5).parameter_formula == ""
    assert Sequential(Dropout(0.5)).parameter_formula == ""


def test_summary_measures_in_the_layers_own_dtype(rng):
    single, double = (LSTM(2, 3, rng=rng, dtype=dtype).summary() for dtype in ("f4", "f8"))
    measured = [int(text.split()[-2].replace(",", "")) for text in (single, double)]
    assert measured[1] - 1 == 2 * (measured[0] - 1)  # all but the one byte of the mask


def test_a_tape_is_frozen_and_equal_only_to_itself(rng):
    model = Sequential(LSTM(2, 3, rng=rng), Dense(3, 1, rng=rng))
    x = rng.standard_normal((2, 3, 2))
    one, two = model.forward(x), model.forward(x)
    for tape in (one, one.parts[0], one.parts[1]):
        with pytest.raises(FrozenInstanceError):
            tape.outputs = x
    assert one == one
    assert one != two
    assert one.parts[0] != two.parts[0]
    assert len({one, two, one.parts[0], one.parts[1]}) == 4


@pytest.mark.parametrize(
    ("shape", "places", "expected"),
    [
        ((2, 3, 2), [], None),
        ((2, 3, 2), [(1, 1, 0), (0, 2, 1)], (1, "outputs")),
        ((2, 3, 2), [(0, 2, 0), (1, 1, 1)], (1, "outputs")),
        ((2, 3, 2), [(0, 2, 1)], (2, "outputs")),
        ((4, 3), [(3, 2)], (0, "outputs")),
    ],
)
def test_first_number_that_is_not_finite_of_any_layer(shape, places, expected):
    outputs = np.ones(shape)
    for place in places:
        outputs[place] = np.inf
    assert Tape({}, outputs, None, outputs, None).first_non_finite() == expected


@pytest.mark.parametrize(
    ("spoilt", "expected"),
    [
        ({}, None),
        ({"forget": (1, 2, 0), "h": (1, 2, 0), "c": (1, 2, 0)}, (2, "forget")),
        ({"output": (0, 1, 2), "h": (0, 1, 2)}, (1, "output")),
        ({"c": (1, 3, 2)}, (3, "c")),
        ({"h": (0, 0, 1)}, (0, "h")),
        ({"output": (0, 2, 0), "input": (1, 1, 0), "c": (0, 2, 0)}, (1, "input")),
    ],
)
def test_first_number_that_is_not_finite_of_a_recurrent_layer(rng, spoilt, expected):
    tape = LSTM(2, 3, rng=rng).forward(rng.standard_normal((2, 4, 2)))
    states, gates, final = (mapped(np.copy, t) for t in (tape.states, tape.gates, tape.final))
    for name, place in spoilt.items():
        (states if name in "hc" else gates)._asdict()[name][place] = np.nan
        if name in "hc":
            final._asdict()[name][place[0], place[2]] = np.nan
    spoilt_tape = replace(tape, states=states, gates=gates, final=final)
    assert spoilt_tape.first_non_finite() == expected
