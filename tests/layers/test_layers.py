"""How layers are built, named and connected: what the laws do not say."""

import copy
import pickle

import numpy as np
import pytest

from npstack import (
    LSTM,
    ArgumentError,
    Dense,
    Dropout,
    Embedding,
    Layer,
    LSTMCell,
    LSTMGates,
    LSTMState,
    Recurrent,
    Sequential,
    StackedLSTM,
)
from npstack.core.init import INITIALISERS
from npstack.core.params import dtype_of, join_gates, split_gates
from tests.tools.strategies import LAYERS, STANDARD, build, draw_input

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
    over_time = rng.standard_normal((3, 5, 8))
    assert np.array_equal(join_gates(split_gates(over_time)), over_time)


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
    other = np.zeros(1, int)  # of a mixture, which is refused elsewhere, the first is named
    assert dtype_of({"W": np.zeros(1, dtype), "b": other}) == dtype


@pytest.mark.parametrize("kind", LAYERS)
def test_gradients_come_in_the_order_of_the_parameters(rng, kind):
    layer = build(kind, rng)
    tape = layer.forward(draw_input(layer, rng, 2, 3))
    assert list(layer.backward(tape, tape.outputs).params) == list(layer.params)


@pytest.mark.parametrize("outputs", [1, 3])
def test_the_bits_of_a_dense_step_do_not_depend_on_the_steps_beside_it(rng, outputs):
    for B, T, D in ((2, 2, 2), (2, 3, 2), (2, 2, 3), (3, 5, 8)):
        dense = Dense(D, outputs, rng=rng, dtype="f4")
        x = rng.standard_normal((B, T, D)).astype("f4")
        alone = [dense.forward(x[:, t : t + 1].copy()).outputs for t in range(T)]
        assert np.array_equal(np.concatenate(alone, axis=1), dense.forward(x).outputs)


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


# ---- sizes -------------------------------------------------------------------------------------


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


def test_repr_says_sizes_and_count(rng):
    assert repr(LSTM(2, 3, rng=rng)) == "LSTM(2 -> 3, 72 parameters)"
    assert repr(Embedding(9, 2, rng=rng)) == "Embedding(9 -> 2, 18 parameters)"
    assert repr(Dropout(0.5)) == "Dropout(0 parameters)"


def test_a_layer_must_write_forward_and_backward():
    assert Layer.__abstractmethods__ == {"_forward", "_backward"}
    with pytest.raises(NotImplementedError):
        Dropout(0.5).check_state("forward", "states", None, 1, np.dtype(float))


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


# ---- what people do with layers and tapes besides running them -----------------------------------


def test_models_and_tapes_can_be_copied_and_pickled():
    rng = np.random.default_rng(0)
    model = Sequential(StackedLSTM(2, [3, 2], dropout=0.3, rng=rng), Dense(2, 1, rng=rng))
    x = rng.standard_normal((2, 3, 2))
    tape = model.forward(x, rng=rng)
    grads = model.backward(tape, np.ones((2, 3, 1)))
    twin, again = copy.deepcopy(model), pickle.loads(pickle.dumps(tape))
    for name, value in twin.backward(again, np.ones((2, 3, 1))).params.items():
        assert np.array_equal(value, grads.params[name])


def test_a_layer_stands_in_one_place_only():
    layer = LSTM(2, 2, rng=np.random.default_rng(0))
    with pytest.raises(ArgumentError, match="one place"):
        Sequential(layer, layer)
    with pytest.raises(ArgumentError, match="one place"):
        Sequential(Sequential(layer), layer)


def test_states_of_a_model_without_any_are_empty_and_can_be_handed_on():
    dense = Dense(2, 1, rng=np.random.default_rng(0))
    x = np.ones((1, 3, 2))
    for model in (dense, Sequential(dense)):
        tape = model.forward(x)
        assert tape.final == tape.initial == ()
        assert np.array_equal(model.forward(x, tape.final).outputs, tape.outputs)


def test_a_model_takes_and_gives_what_its_ends_do(rng):
    model = Sequential(Dropout(0.1), LSTM(3, 4, rng=rng), Dense(4, 2, rng=rng), Dropout(0.1))
    assert (model.input_size, model.output_size) == (3, 2)
    own = model.interface
    assert (own.needs_time, own.keeps_time, own.takes_symbols) == (True, True, False)
    last = Sequential(LSTM(3, 4, return_sequences=False, rng=rng), Dense(4, 2, rng=rng))
    assert (last.interface.needs_time, last.interface.keeps_time) == (True, False)
    free = Sequential(Dropout(0.1), Dense(4, 2, rng=rng))
    own = free.interface
    assert (own.needs_time, own.keeps_time, own.takes_symbols) == (False, True, False)
    assert Sequential(Dense(3, 4, rng=rng), LSTM(4, 2, rng=rng)).interface.needs_time
    table = Sequential(Embedding(5, 3, rng=rng), Dense(3, 2, rng=rng))
    own = table.interface
    assert (own.needs_time, own.takes_symbols, table.input_size) == (True, True, 5)
    assert (Sequential(Dropout(0.1)).input_size, Sequential(Dropout(0.1)).output_size) == (
        None,
    ) * 2


def test_the_last_step_ends_the_mask(rng):
    last = LSTM(3, 4, return_sequences=False, rng=rng)
    dense = [Dense(4, 4, activation="tanh", bias_init="uniform", rng=rng) for _ in range(2)]
    x, mask = rng.standard_normal((4, 4, 3)), np.eye(4, dtype=bool)
    tape = Sequential(last, *dense).forward(x, mask=mask)
    y = last.forward(x, mask=mask).outputs
    for layer in dense:
        y = layer.forward(y).outputs
    assert (tape.outputs == y).all()
    assert [part.mask is None for part in tape.parts] == [False, True, True]


@pytest.mark.parametrize("full", [True, False])
def test_return_sequences_is_kept_as_it_was_given(rng, full):
    layer, stack = (kind(2, 3, return_sequences=full, rng=rng) for kind in (LSTM, StackedLSTM))
    for one in (layer, stack.recurrent[-1]):
        assert one.return_sequences is full
        assert one.interface.keeps_time is full
    assert stack.interface.keeps_time is full
