"""Pictures and measurements of layers that have two directions, other gates, or none."""

from typing import NamedTuple

import numpy as np
import pytest

from npstack import (
    LSTM,
    ArgumentError,
    Bidirectional,
    Cell,
    Dense,
    LSTMVariantCell,
    Parallel,
    Recorder,
    Recurrent,
    RepeatVector,
    Residual,
    Reversed,
    Sequential,
    StackedLSTM,
    TapeError,
    analysis,
    plots,
)
from npstack.analysis.directions import readings
from npstack.cells.parts import Peepholes, Projection

T = 6


class State(NamedTuple):
    h: np.ndarray


class Nothing(NamedTuple):
    """The record of a cell without gates."""


class Gates(NamedTuple):
    reset: np.ndarray
    candidate: np.ndarray


class Adder(Cell):
    """h = h' + x W: a cell without gates."""

    def __init__(self, size):
        self.input_size = self.hidden_size = size
        self.params = {"W": np.eye(size)}
        self.axes = {"W": ("x", "units")}
        self.state_sizes, self.record_sizes = State(size), Nothing()

    def step(self, params, x, state, noise=None):
        return State(state.h + x @ params["W"]), Nothing()

    def step_backward(self, params, x, state, record, new_state, dnew_state, noise=None):
        return {"W": x.T @ dnew_state.h}, dnew_state.h @ params["W"].T, State(dnew_state.h)


class Gated(Adder):
    """The same, with gates whose names are not those of the LSTM."""

    def __init__(self, size):
        super().__init__(size)
        self.record_sizes = Gates(size, size)

    def step(self, params, x, state, noise=None):
        half = np.full_like(state.h, 0.5)
        return State(state.h + x @ params["W"]), Gates(half, half)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def both(rng, D=2, H=3, **options):
    return Bidirectional(*(LSTM(D, H, rng=rng, **options) for _ in range(2)))


def titles(picture):
    found = [ax.get_title(loc="left") for ax in picture.axes]
    return [title for title in found if title]


def layers_of(picture):
    """The layers of a picture of saturation: beside the first panel of each row."""
    found = [ax.get_ylabel().replace("\n", " · ") for ax in picture.axes]
    return [name for name in found if name]


# ---- which layer, and in which direction ---------------------------------------------------------


def test_names_say_layer_and_direction(rng):
    model = Sequential(
        both(rng),
        Bidirectional(*(StackedLSTM(6, [3, 3], rng=rng) for _ in range(2))),
        Reversed(LSTM(6, 2, rng=rng), order="as_read"),
        LSTM(2, 2, rng=rng),
        Reversed(LSTM(2, 2, rng=rng)),
    )
    tape = model.forward(rng.standard_normal((1, T, 2)))
    found = readings(tape)
    assert all(a.tape is b for a, b in zip(found, tape.layers, strict=True))
    assert [layer.name for layer in found] == [
        "layer 0 forward",
        "layer 0 backward",
        "layer 1 forward 0",
        "layer 1 forward 1",
        "layer 1 backward 0",
        "layer 1 backward 1",
        "layer 2 backward",
        "layer 3 backward",  # it reads what was left as read
        "layer 4",  # and this one turns it round again
    ]
    assert [layer.turned for layer in found] == ["backward" in layer.name for layer in found]
    assert tape.turned


def test_layers_side_by_side_have_one_direction(rng):
    model = Parallel(*(Reversed(LSTM(2, 2, rng=rng), order="as_read") for _ in range(2)))
    found = readings(model.forward(np.ones((1, T, 2))))
    assert [layer.turned for layer in found] == [True, True]


def test_gradient_norms_stand_in_the_order_of_the_sequence():
    model = Bidirectional(*(Recurrent(Adder(1)) for _ in range(2)))
    tape = model.forward(np.ones((1, T, 1)))
    doutputs = np.zeros((1, T, 2))
    doutputs[0, 2] = 1.0
    norms = analysis.gradient_norms(model, tape, doutputs)
    assert norms["h"].tolist() == [[1, 1, 1, 0, 0, 0], [0, 0, 1, 1, 1, 1]]
    names = [layer.name for layer in readings(tape)]
    rows = plots.gradient_norms(norms, names=names).axes[0].get_yticklabels()
    assert [row.get_text() for row in rows] == ["layer 0 forward", "layer 0 backward"]


@pytest.mark.parametrize("order", ["time", "as_read"])
def test_activations_stand_in_the_order_of_the_sequence(order):
    model = Reversed(Recurrent(Adder(1)), order=order)
    tape = model.forward(np.ones((1, T, 1)) / T, lengths=[4])
    picture = plots.activations(tape)
    assert titles(picture) == ["output", "layer 0 backward · 1 unit", "input"]
    shown = np.ma.getdata(picture.axes[1].collections[0].get_array()).ravel()
    assert np.allclose(shown[:4], np.array([4, 3, 2, 1]) / T)
    line = picture.axes[0].lines[0].get_ydata()
    assert np.allclose(np.asarray(line)[:4], np.array([4, 3, 2, 1]) / T)


def test_pictures_of_two_directions(rng):
    model = Sequential(both(rng), both(rng, 6, 2))
    x = rng.standard_normal((2, T, 2))
    tape = model.forward(x, lengths=[T, 3])
    layers = [
        "layer 1 backward · 2 units",
        "layer 1 forward · 2 units",
        "layer 0 backward · 3 units",
        "layer 0 forward · 3 units",
    ]
    assert titles(plots.activations(tape, row=1)) == ["output", *layers, "input"]
    assert layers_of(plots.saturation(tape)) == layers
    recorder = Recorder(x)
    recorder.record(model, 0)
    assert titles(plots.gates_over_training(recorder)) == layers
    assert plots.layers_over_training(recorder).axes
    apart = Bidirectional(LSTM(2, 3, rng=rng), LSTM(2, 3, rng=rng), merge="none")
    assert "output" in titles(plots.activations(apart.forward(x)))


def test_another_time_axis_is_refused_with_the_reason(rng):
    encoder = Sequential(LSTM(2, 3, return_sequences=False, rng=rng), RepeatVector(4))
    model = Sequential(encoder, LSTM(3, 2, rng=rng))
    tape = model.forward(np.ones((1, T, 2)))
    with pytest.raises(TapeError, match=r"got T=\[6, 4\]\. A RepeatVector begins another"):
        plots.activations(tape)
    with pytest.raises(TapeError, match=r"analysis\.gradient_norms"):
        analysis.gradient_norms(model, tape, tape.outputs)
    assert titles(plots.activations(tape.parts[1]))[1] == "layer 0 · 2 units"


# ---- other gates, or none ------------------------------------------------------------------------


def test_a_cell_without_gates_has_states_and_no_saturation(rng):
    model = Sequential(Recurrent(Adder(2)), LSTM(2, 3, rng=rng))
    tape = model.forward(rng.standard_normal((1, T, 2)))
    below, above = analysis.saturation(tape)
    assert (below.open, below.closed) == ({}, {})
    assert set(above.open) == {"input", "forget", "output"}
    assert analysis.gate_quantiles(tape)[0] == {}
    assert layers_of(plots.saturation(tape)) == ["layer 1 · 3 units"]
    assert titles(plots.gates(tape.layers[0])) == ["hidden state h"]
    assert list(analysis.gradient_norms(model, tape, tape.outputs)) == ["h"], "c is not in both"
    alone = Recurrent(Adder(2))
    with pytest.raises(ArgumentError, match="at least one layer must have gates"):
        plots.saturation(alone.forward(np.ones((1, T, 2))))
    recorder = Recorder(np.ones((1, T, 2)))
    recorder.record(alone, 0)
    with pytest.raises(ArgumentError, match="at least one layer must have gates"):
        plots.gates_over_training(recorder)


def test_gates_of_other_names_are_named_without_the_letters_of_the_lstm():
    tape = Recurrent(Gated(2)).forward(np.ones((1, T, 2)))
    assert titles(plots.gates(tape)) == ["hidden state h", "candidate", "reset gate"]
    (found,) = analysis.saturation(tape)
    assert set(found.open) == {"reset"}


def test_weights_go_by_the_axes_of_the_cell(rng):
    layer = Recurrent(LSTMVariantCell(3, 4, Peepholes(), Projection(2), rng=rng))
    said = titles(plots.weights(layer))
    assert said[:4] == ["W · input i", "W · forget f", "W · candidate g", "W · output o"]
    assert {"P · input i", "P · forget f", "P · output o", "R"} < set(said)
    assert "P · candidate g" not in said
    pair = Bidirectional(*(Recurrent(Adder(2)) for _ in range(2)))
    model = Sequential(pair, Dense(4, 1, rng=rng))
    tape = model.forward(np.ones((1, T, 2)))
    grads = model.backward(tape, tape.outputs).params
    assert titles(plots.weights(model, grads, layer="0.backward")) == ["W", "dW"]
    with pytest.raises(ArgumentError, match=r"'0\.forward', '0\.backward'"):
        plots.weights(model, layer="0.sideways")
    with pytest.raises(ArgumentError, match="Give the model instead of its parameters"):
        plots.weights(layer.params)
    learned = LSTM(1, 2, learn_initial=True, rng=rng)
    assert titles(plots.weights(learned.params)) == titles(plots.weights(learned))


# ---- the diagram ---------------------------------------------------------------------------------


def test_diagram_draws_two_directions_as_one_layer(rng):
    model = Sequential(
        both(rng, return_sequences=False),
        RepeatVector(4),
        Reversed(LSTM(6, 3, rng=rng)),
        Residual(LSTM(3, 3, rng=rng)),
        Recurrent(LSTMVariantCell(3, 5, Projection(2), rng=rng)),
    )
    said = [text.get_text() for text in plots.diagram(model).axes[0].texts]
    assert [word for word in said if word.startswith("layer")] == [
        "layer 0 · Bidirectional\n2 → 6",
        "layer 1 · LSTM\n6 → 3",
        "layer 2 · Residual(LSTM)\n3 → 3",
        "layer 3 · Recurrent\n3 → 2",
    ]
    shapes = ["(B, T, 2)", "(B, 6)", "(B, 4, 6)", "(B, 4, 3)", "(B, 4, 3)", "(B, 4, 2)"]
    assert [word for word in said if word in shapes] == shapes
    assert "h (B, 2), c (B, 5)" in said


@pytest.mark.parametrize(
    ("wrap", "right", "left"),
    # h and c have an arrow each; two directions have one each
    [(lambda m: m, 10, 0), (Reversed, 0, 10), (lambda m: Bidirectional(m, both_twin(m)), 5, 5)],
)
def test_diagram_sends_the_state_where_it_goes(rng, wrap, right, left):
    picture = plots.diagram(wrap(LSTM(2, 3, rng=rng)))
    moves = [text.xy[0] - text.xyann[0] for text in picture.axes[0].texts if hasattr(text, "xyann")]
    assert sum(move > 0 for move in moves) == right
    assert sum(move < 0 for move in moves) == left


def both_twin(layer):
    return LSTM(layer.input_size, layer.hidden_size, rng=np.random.default_rng(1))


def test_diagram_shows_the_axis_of_branches_that_are_not_joined(rng):
    apart = Bidirectional(LSTM(2, 3, rng=rng), LSTM(2, 3, rng=rng), merge="none")
    assert "(B, T, 2, 3)" in [text.get_text() for text in plots.diagram(apart).axes[0].texts]
