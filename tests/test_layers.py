"""What the laws do not say: how layers are built, named and summarised, and worked examples."""

import re

import numpy as np
import pytest

from npstack import (
    LSTM,
    Dense,
    Dropout,
    Embedding,
    LSTMCell,
    LSTMGates,
    LSTMState,
    Recurrent,
    Sequential,
    StackedLSTM,
    mean_squared_error,
)
from npstack.init import INITIALISERS
from npstack.numerics import (
    ACTIVATIONS,
    is_finite,
    relu_derivative,
    sigmoid,
    sigmoid_derivative,
    tanh,
)
from npstack.params import join_gates, split_gates
from npstack.tape import Tape
from npstack.verify.trial import named
from tests.strategies import LAYERS, STANDARD, build, draw_input

pytestmark = pytest.mark.core


@pytest.fixture
def rng():
    return np.random.default_rng(11)


# ---- how a layer begins ------------------------------------------------------------------------


def test_gates_are_packed_in_the_order_i_f_g_o(rng):
    gates = split_gates(rng.standard_normal((3, 8)))
    assert LSTMGates._fields == ("input", "forget", "candidate", "output")
    packed = join_gates(gates)
    for k, gate in enumerate(gates):
        assert (packed[:, 2 * k : 2 * k + 2] == gate).all()


@pytest.mark.parametrize("value", [1.0, 0.0, -2.5, None])
def test_forget_bias_stands_in_the_forget_gate_alone(rng, value):
    b = split_gates(LSTMCell(2, 3, rng=rng, forget_bias=value, bias_init="zeros").params["b"])
    assert (b.forget == (0 if value is None else value)).all()
    assert not np.any([b.input, b.candidate, b.output])


def test_forget_bias_is_one_unless_told_otherwise(rng):
    layers = LSTM(2, 3, rng=rng), StackedLSTM(2, [3], rng=rng)
    for layer in layers:
        (b,) = (value for name, value in layer.params.items() if name.endswith("b"))
        assert b.tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0]


def test_forget_bias_none_leaves_the_gate_to_bias_init(rng):
    b = LSTMCell(2, 3, rng=rng, forget_bias=None, bias_init="uniform").params["b"]
    assert len(set(b.tolist())) == 12
    assert abs(b).max() <= 1 / np.sqrt(3)


def test_kernels_are_drawn_gate_by_gate(rng):
    cell = LSTMCell(5, 3, rng=rng, recurrent_init="orthogonal", kernel_init="glorot")
    for block in split_gates(cell.params["U"]):
        np.testing.assert_allclose(block @ block.T, np.eye(3), atol=1e-14)
    bound = np.sqrt(6 / (5 + 3))
    assert 0.8 * bound < abs(cell.params["W"]).max() <= bound
    blocks = split_gates(cell.params["W"])
    assert not (blocks.input == blocks.forget).any()


def test_each_option_reaches_its_own_parameter():
    for option, name in {"kernel_init": "W", "recurrent_init": "U", "bias_init": "b"}.items():
        params = LSTMCell(
            2,
            3,
            rng=np.random.default_rng(0),
            forget_bias=None,
            **{"kernel_init": "zeros", "recurrent_init": "zeros", "bias_init": "zeros"}
            | {option: "uniform"},
        ).params
        assert [key for key, value in params.items() if value.any()] == [name]


def test_dense_and_embedding_pass_their_options_on(rng):
    dense = Dense(3, 4, rng=rng, kernel_init="zeros", bias_init="uniform")
    assert not dense.params["W"].any()
    assert dense.params["b"].all()
    assert dense.params["b"].shape == (4,)
    assert not Dense(3, 4, rng=rng).params["b"].any()
    table = Embedding(5, 3, rng=rng, init="orthogonal").params["W"]
    np.testing.assert_allclose(table.T @ table, np.eye(3), atol=1e-14)


@pytest.mark.parametrize(
    ("name", "shape"), [(n, s) for n in INITIALISERS for s in [(4, 7), (7, 4)]]
)
def test_initialisers_keep_their_bounds(rng, name, shape):
    drawn = INITIALISERS[name](rng, shape)
    bounds = {"uniform": 1 / np.sqrt(shape[1]), "glorot": np.sqrt(6 / 11), "zeros": 0}
    assert drawn.shape == shape
    if name == "orthogonal":
        gram = drawn @ drawn.T if shape[0] < shape[1] else drawn.T @ drawn
        np.testing.assert_allclose(gram, np.eye(4), atol=1e-14)
    else:
        assert 0.6 * bounds[name] <= abs(drawn).max() <= bounds[name]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble])
def test_dtype_is_that_of_every_parameter(rng, dtype):
    for kind in LAYERS:
        layer = build(kind, rng, STANDARD, dtype)
        assert {value.dtype for value in layer.params.values()} <= {np.dtype(dtype)}
        assert layer.dtype == (dtype if layer.params else None)


# ---- parameters --------------------------------------------------------------------------------


def test_parameter_names_are_paths_and_gradients_share_them(rng):
    model = Sequential(StackedLSTM(2, [3, 4], dropout=0.1, rng=rng), Dense(4, 1, rng=rng))
    names = [f"0.layers.{k}.{name}" for k in (0, 1) for name in "WUb"] + ["1.W", "1.b"]
    assert list(model.params) == names
    tape = model.forward(rng.standard_normal((2, 3, 2)))
    assert list(model.backward(tape, tape.outputs).params) == names
    assert [layer.hidden_size for layer in model.recurrent] == [3, 4]


def test_assigned_parameters_are_copied_and_locked(rng):
    model = Sequential(LSTM(2, 3, rng=rng), Dense(3, 1, rng=rng))
    given = {name: rng.standard_normal(value.shape) for name, value in model.params.items()}
    before = dict(model.params)
    model.params = given
    given["0.W"][0, 0] = 7
    assert model.params["0.W"][0, 0] != 7
    assert model.params["0.W"] is model.children["0"].params["W"]
    assert not any(value.flags.writeable for value in model.params.values())
    assert all((model.params[name] != before[name]).any() for name in before)
    assert all(not value.flags.writeable for value in before.values())


def test_tape_holds_the_parameters_by_reference(rng):
    layer = LSTM(2, 3, rng=rng)
    tape = layer.forward(rng.standard_normal((1, 2, 2)))
    assert all(tape.params[name] is value for name, value in layer.params.items())


# ---- sizes, summary, repr ----------------------------------------------------------------------


def test_stack_of_unequal_sizes_feeds_each_sequence_upwards(rng):
    stack = StackedLSTM(2, [5, 1, 3], return_sequences=False, rng=rng)
    tape = stack.forward(rng.standard_normal((4, 6, 2)))
    assert [layer.outputs.shape for layer in tape.layers] == [(4, 6, 5), (4, 6, 1), (4, 3)]
    assert tape.layers[1].x is tape.layers[0].outputs
    assert tape.layers[2].x is tape.layers[1].outputs
    assert tape.outputs is tape.layers[2].outputs
    assert (stack.input_size, stack.output_size) == (2, 3)


def test_one_size_and_a_count_is_a_list_of_equal_sizes():
    one = StackedLSTM(2, 3, 4, rng=np.random.default_rng(0))
    two = StackedLSTM(2, [3, 3, 3, 3], rng=np.random.default_rng(0))
    three = StackedLSTM(2, np.array([3] * 4), 4, rng=np.random.default_rng(0))
    for name, value in one.params.items():
        assert (value == two.params[name]).all()
        assert (value == three.params[name]).all()
    assert one.params.keys() == two.params.keys() == three.params.keys()
    assert len(StackedLSTM(2, 3, rng=np.random.default_rng(0)).recurrent) == 1


def test_dropout_of_a_stack_stands_between_layers_only(rng):
    names = list(StackedLSTM(2, [3, 3, 3], dropout=0.25, rng=rng).children)
    assert names == ["layers.0", "dropouts.0", "layers.1", "dropouts.1", "layers.2"]
    assert list(StackedLSTM(2, [3], dropout=0.25, rng=rng).children) == ["layers.0"]
    assert list(StackedLSTM(2, [3, 3], rng=rng).children) == ["layers.0", "layers.1"]
    assert StackedLSTM(2, [3, 3], dropout=0.25, rng=rng).children["dropouts.0"].rate == 0.25


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


def test_repr_says_sizes_and_count(rng):
    assert repr(LSTM(2, 3, rng=rng)) == "LSTM(2 -> 3, 72 parameters)"
    assert repr(Dropout(0.5)) == "Dropout(0 parameters)"


def test_nbytes_counts_an_array_that_two_layers_share_once(rng):
    x = rng.standard_normal((2, 3, 4))
    tape = LSTM(4, 5, rng=rng).forward(x)
    own = {id(a): a for a in (tape.x, tape.mask, tape.outputs)}
    own |= {id(a): a for part in (tape.initial, tape.states, tape.gates, tape.final) for a in part}
    assert tape.nbytes == sum(a.nbytes for a in own.values())
    numbers = 2 * 3 * 4 + 2 * 3 * 5 * (1 + 2 + 4) + 2 * 5 * 4
    assert tape.nbytes == 8 * numbers + 2 * 3
    model = Sequential(Dropout(0.5), Dropout(0.5))
    both = model.forward(x)  # x, and one sequence handed on as it is
    assert both.nbytes == x.nbytes + 6


# ---- states ------------------------------------------------------------------------------------


def test_finals_of_an_encoder_are_initials_of_a_decoder(rng):
    encoder, decoder = (StackedLSTM(2, [3, 4], rng=rng) for _ in range(2))
    x, y, loss = (rng.standard_normal((5, 6, n)) for n in (2, 2, 4))
    read = encoder.forward(x, lengths=[6, 1, 0, 3, 4])
    written = decoder.forward(y, read.final)
    back = decoder.backward(written, loss)
    grads = encoder.backward(read, dfinal_states=back.initial_states)
    assert [state.h.shape for state in back.initial_states] == [(5, 3), (5, 4)]
    assert grads.x[0].any()
    assert not grads.x[2].any()
    same = encoder.backward(read, np.zeros_like(read.outputs), back.initial_states)
    assert all((same.params[name] == value).all() for name, value in grads.params.items())


def test_some_states_may_be_left_out(rng):
    stack = StackedLSTM(2, [3, 4], rng=rng)
    x, state = rng.standard_normal((2, 3, 2)), LSTMState(*rng.standard_normal((2, 2, 4)))
    tape = stack.forward(x, (None, state))
    assert not np.any(tape.initial[0])
    assert all((a == b).all() for a, b in zip(tape.initial[1], state, strict=True))


@pytest.mark.parametrize("last_only", [True, False])
def test_final_state_is_the_output_at_the_last_valid_step(rng, last_only):
    layer = LSTM(2, 3, return_sequences=not last_only, rng=rng)
    x, initial = rng.standard_normal((3, 4, 2)), LSTMState(*rng.standard_normal((2, 3, 3)))
    tape = layer.forward(x, initial, lengths=[4, 2, 0])
    rows = [tape.states.h[0, 3], tape.states.h[1, 1], initial.h[2]]
    assert (tape.final.h == rows).all()
    if last_only:
        assert (tape.outputs == tape.final.h).all()


def test_last_step_and_final_state_add_their_gradients(rng):
    layer = LSTM(2, 3, return_sequences=False, rng=rng)
    tape = layer.forward(rng.standard_normal((2, 3, 2)))
    d = rng.standard_normal((2, 3))
    by_outputs = layer.backward(tape, 2 * d)
    both = layer.backward(tape, d, LSTMState(d, np.zeros_like(d)))
    assert (by_outputs.x == both.x).all()


# ---- worked examples ---------------------------------------------------------------------------


def test_one_unit_by_hand():
    layer = LSTM(1, 1, rng=np.random.default_rng(0))
    W, U, b = [[0.1, 0.2, 0.3, 0.4]], [[0.5, 0.6, 0.7, 0.8]], [0.01, 0.02, 0.03, 0.04]
    layer.params = {"W": np.array(W), "U": np.array(U), "b": np.array(b)}
    tape = layer.forward(np.array([[[0.5], [-0.25]]]))
    h = c = 0.0
    for x, found in zip([0.5, -0.25], tape.outputs[0, :, 0], strict=True):
        i, f, g, o = (W[0][k] * x + U[0][k] * h + b[k] for k in range(4))
        i, f, o = (1 / (1 + np.exp(-a)) for a in (i, f, o))
        c = f * c + i * np.tanh(g)
        h = o * np.tanh(c)
        assert found == pytest.approx(h, rel=1e-15)


def test_embedding_adds_up_repeated_symbols_and_skips_padding(rng):
    layer = Embedding(6, 2, rng=rng)
    x, d = np.array([[1, 4, 1], [4, 4, 0]]), rng.standard_normal((2, 3, 2))
    mask = np.array([[True, True, True], [True, False, False]])
    tape = layer.forward(x, mask=mask)
    assert (tape.outputs[0] == layer.params["W"][[1, 4, 1]]).all()
    assert not tape.outputs[1, 1:].any()
    dW = layer.backward(tape, d).params["W"]
    assert (dW[1] == d[0, 0] + d[0, 2]).all()
    assert (dW[4] == d[0, 1] + d[1, 0]).all()
    assert not dW[[0, 2, 3, 5]].any()
    assert layer.backward(tape, d).x is None


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_dense_on_vectors_is_dense_on_one_step(rng, activation):
    layer = Dense(3, 4, activation=activation, bias_init="uniform", rng=rng)
    x, d = rng.standard_normal((5, 3)), rng.standard_normal((5, 4))
    vectors, steps = layer.forward(x), layer.forward(x[:, np.newaxis])
    assert vectors.mask is None
    np.testing.assert_array_equal(vectors.outputs, steps.outputs[:, 0])
    a = x @ layer.params["W"] + layer.params["b"]
    reference = {
        "linear": (a, np.ones_like(a)),
        "tanh": (np.tanh(a), 1 / np.cosh(a) ** 2),
        "sigmoid": (1 / (1 + np.exp(-a)), 1 / (2 + np.exp(a) + np.exp(-a))),
        "relu": (np.maximum(a, 0), (a > 0).astype(float)),
    }
    y, slope = reference[activation]
    np.testing.assert_allclose(vectors.outputs, y, rtol=1e-14)
    for tape, dy in ((vectors, d), (steps, d[:, np.newaxis])):
        grads = layer.backward(tape, dy)
        np.testing.assert_allclose(grads.params["W"], x.T @ (d * slope), rtol=1e-13)
        np.testing.assert_allclose(grads.params["b"], (d * slope).sum(axis=0), rtol=1e-13)
        dx = (d * slope) @ layer.params["W"].T
        np.testing.assert_allclose(grads.x.reshape(5, 3), dx, rtol=1e-13)


def test_dropout_keeps_the_expectation_and_drops_backward_what_it_drops_forward(rng):
    layer, x = Dropout(0.25), rng.standard_normal((50, 40, 10))
    tape = layer.forward(x, rng=rng)
    assert tape.noise.mean() == pytest.approx(0.75, abs=0.01)
    np.testing.assert_array_equal(tape.outputs[tape.noise], x[tape.noise] / 0.75)
    assert not tape.outputs[~tape.noise].any()
    d = rng.standard_normal(x.shape)
    np.testing.assert_array_equal(layer.backward(tape, d).x, np.where(tape.noise, d / 0.75, 0))
    assert (layer.forward(x).outputs == x).all()
    assert layer.forward(x).noise is None


def test_dropout_scales_in_the_working_dtype(rng):
    layer, x = Dropout(0.1), rng.standard_normal((2, 3)).astype("f4")
    tape = layer.forward(x, noise=np.ones((2, 3), bool))
    assert tape.outputs.dtype == np.float32
    assert (tape.outputs == x / np.float32(0.9)).all()


def test_rate_zero_drops_nothing(rng):
    assert Dropout(0).forward(np.ones((100, 10)), rng=rng).noise.all()
    assert Dropout(np.float32(0.5)).rate == 0.5


# ---- losses ------------------------------------------------------------------------------------


def test_masked_mean_squared_error_by_hand():
    predictions = np.array([[[1.0, 2.0], [3.0, 5.0]], [[np.nan, np.inf], [0.0, -1.0]]])
    targets = np.array([[[0.0, 0.0], [3.0, 1.0]], [[7.0, 7.0], [2.0, 1.0]]])
    mask = np.array([[True, True], [False, True]])
    loss = mean_squared_error(predictions, targets, mask)
    assert loss.value == (1 + 4 + 0 + 16 + 4 + 4) / 6
    differences = np.array([[[1, 2], [0, 4]], [[0, 0], [-2, -2]]])
    np.testing.assert_array_equal(loss.gradient, 2 * differences / 6)


def test_mean_squared_error_of_vectors_with_a_row_mask():
    predictions, targets = np.array([[1.0, 2.0], [9.0, 9.0]]), np.zeros((2, 2))
    loss = mean_squared_error(predictions, targets, np.array([True, False]))
    assert loss.value == 2.5
    np.testing.assert_array_equal(loss.gradient, [[1.0, 2.0], [0.0, 0.0]])


def test_loss_keeps_the_dtype():
    ones = np.ones((2, 3), "f4")
    loss = mean_squared_error(ones, 3 * ones)
    assert loss.value.dtype == loss.gradient.dtype == np.float32
    assert loss.value == 4
    assert (loss.gradient == np.float32(-4 / 6)).all()


# ---- numerics ----------------------------------------------------------------------------------


def test_sigmoid_keeps_all_digits_in_both_tails():
    a = np.array([-800.0, -30.0, -1.0, 0.0, 1.0, 30.0, 800.0])
    np.testing.assert_allclose(sigmoid(a[:3]), np.exp(a[:3]) / (1 + np.exp(a[:3])), rtol=1e-15)
    assert sigmoid(a)[3] == 0.5
    np.testing.assert_allclose(sigmoid(a[4:]), 1 / (1 + np.exp(-a[4:])), rtol=1e-15)
    single = sigmoid(np.array([-80.0], "f4"))
    assert single.dtype == np.float32
    assert single[0] == pytest.approx(np.exp(-80.0), rel=1e-6)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivative_in_terms_of_the_output_is_the_complex_step(rng, name):
    function, derivative = ACTIVATIONS[name]
    a = np.concatenate([rng.uniform(-4, 4, 50), [-40.0, 40.0]])
    slope = function(a + 1e-30j).imag / 1e-30
    eps = np.finfo(float).eps  # of y itself: what is lost where 1 - y cancels
    np.testing.assert_allclose(derivative(function(a)), slope, rtol=4 * eps, atol=4 * eps)


def test_kink_of_relu():
    relu = ACTIVATIONS["relu"].function
    assert relu(np.array([0.0]))[0] == 0
    assert relu_derivative(np.array([0.0]))[0] == 0
    assert np.isnan(relu(np.array([np.nan]))[0])


def test_derivatives_vanish_where_a_gate_is_saturated():
    ends = np.array([0.0, 1.0])
    assert (sigmoid_derivative(ends) == 0).all()
    assert (ACTIVATIONS["tanh"].derivative(np.array([-1.0, 1.0])) == 0).all()
    assert tanh(np.array([0.0]))[0] == 0


def test_is_finite_looks_at_both_parts():
    values = np.array([1, complex(0, np.nan), complex(np.inf, 0), 1j])
    assert is_finite(values).tolist() == [True, False, False, True]
    objects = np.array([1.0, np.nan, -np.inf], object)
    assert is_finite(objects).tolist() == [True, False, False]


# ---- the tape ----------------------------------------------------------------------------------


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


def test_a_cell_of_ones_own_runs_in_the_layer(rng):
    class Doubled(LSTMCell):
        """An LSTM that reads twice its input."""

        @staticmethod
        def step(params, x, state, noise=None):
            return LSTMCell.step(params, 2 * x, state)

    cell = Doubled(2, 3, rng=rng)
    plain = LSTM(2, 3, rng=rng)
    plain.params = cell.params
    x = rng.standard_normal((2, 3, 2))
    assert (Recurrent(cell).forward(x).outputs == plain.forward(2 * x).outputs).all()
