"""Numbers measured on a tape, held against counting by hand and against the complex step."""

import numpy as np
import pytest

from npstack import (
    LSTM,
    RNN,
    ArgumentError,
    Dense,
    Dropout,
    Embedding,
    LSTMCell,
    Sequential,
    ShapeError,
    StackedLSTM,
    TapeError,
)
from npstack.analysis import gradient_norms, saturation, slowest_first, state_gradients

MASK = np.array([[1, 1, 0, 1, 1, 0], [0, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0]], dtype=bool)
STEP = 1e-30


def perturbed_loss(tape, cotangent, layer, field, row, t, unit):
    """Loss of an LSTM stack, its own loop, with a small imaginary part put on one h(t) or c(t)."""
    T = tape.x.shape[1]
    states = [[part.astype(complex) for part in inner.initial] for inner in tape.layers]
    loss = 0
    for step in range(T):
        valid = tape.mask[:, step, np.newaxis]
        below = tape.x[:, step].astype(complex)
        for k, inner in enumerate(tape.layers):
            state = inner.initial._make(states[k])
            params = {name: value.astype(complex) for name, value in inner.params.items()}
            new, _ = LSTMCell.step(params, below, state)
            if (k, step) == (layer, t):
                getattr(new, field)[row, unit] += 1j * STEP
            states[k] = [np.where(valid, a, b) for a, b in zip(new, state, strict=True)]
            below = np.where(valid, states[k][0], 0)
        if tape.outputs.ndim == 3:
            loss = loss + (below * cotangent[:, step]).sum()
    if tape.outputs.ndim == 2:
        loss = (states[-1][0] * cotangent).sum()
    return loss


@pytest.mark.parametrize("return_sequences", [True, False])
def test_state_gradients_equal_the_complex_step(return_sequences):
    rng = np.random.default_rng(1)
    stack = StackedLSTM(2, [3, 2], return_sequences=return_sequences, rng=rng)
    tape = stack.forward(rng.standard_normal((3, 6, 2)), mask=MASK)
    cotangent = rng.standard_normal(tape.outputs.shape)
    for k, dstates in enumerate(state_gradients(stack, tape, cotangent)):
        for field, found in dstates._asdict().items():
            assert found.shape == tape.layers[k].states.h.shape
            expected = np.zeros_like(found)
            for place in np.ndindex(found.shape):
                loss = perturbed_loss(tape, cotangent, k, field, *place)
                expected[place] = loss.imag / STEP
            atol = 64 * np.finfo(float).eps * abs(expected).max()
            np.testing.assert_allclose(found, expected, rtol=0, atol=atol)
            assert (found[~MASK] == 0).all()
            assert (found[MASK] != 0).mean() > 0.5


def test_state_gradients_see_the_final_states():
    rng = np.random.default_rng(2)
    layer = LSTM(2, 3, rng=rng)
    tape = layer.forward(rng.standard_normal((2, 4, 2)))
    dfinal = tape.final._make(rng.standard_normal((2, 2, 3)))
    (alone,) = state_gradients(layer, tape, None, dfinal)
    np.testing.assert_array_equal(alone.h[:, -1], dfinal.h)
    np.testing.assert_array_equal(alone.c[:, -1], dfinal.c)
    doutputs = rng.standard_normal(tape.outputs.shape)
    (both,) = state_gradients(layer, tape, doutputs, dfinal)
    np.testing.assert_array_equal(both.h[:, -1], dfinal.h + doutputs[:, -1])


def test_state_gradients_of_a_nested_model_are_those_of_its_stack():
    rng = np.random.default_rng(3)
    stack = StackedLSTM(3, [4, 2], return_sequences=False, dropout=0.5, rng=rng)
    embedding, head = Embedding(7, 3, rng=rng), Dense(2, 1, rng=rng)
    model = Sequential(embedding, Dropout(0.2), stack, head)
    tape = model.forward(rng.integers(0, 7, (3, 6)), mask=MASK, rng=rng)
    doutputs = rng.standard_normal(tape.outputs.shape)
    through_head = head.backward(tape.parts[3], doutputs).x
    alone = state_gradients(stack, tape.parts[2], through_head)
    for found, expected in zip(state_gradients(model, tape, doutputs), alone, strict=True):
        np.testing.assert_array_equal(found.h, expected.h)
        np.testing.assert_array_equal(found.c, expected.c)
        assert found.h[MASK].any()


def test_measuring_leaves_the_model_and_the_tape_alone():
    rng = np.random.default_rng(4)
    model = Sequential(StackedLSTM(1, [3, 2], rng=rng), Dense(2, 1, rng=rng))
    tape = model.forward(rng.standard_normal((2, 5, 1)))
    doutputs = rng.standard_normal(tape.outputs.shape)
    cells = [layer.cell for layer in model.recurrent]
    before = model.backward(tape, doutputs)
    kept = [np.copy(layer.gates.forget) for layer in tape.layers]
    gradient_norms(model, tape, doutputs)
    saturation(tape)
    assert [layer.cell for layer in model.recurrent] == cells
    after = model.backward(tape, doutputs)
    for name, value in before.params.items():
        np.testing.assert_array_equal(after.params[name], value)
    for layer, gate in zip(tape.layers, kept, strict=True):
        np.testing.assert_array_equal(layer.gates.forget, gate)


def test_gradient_norms_are_the_norms_of_the_state_gradients():
    rng = np.random.default_rng(5)
    stack = StackedLSTM(1, [4, 3], return_sequences=False, rng=rng)
    tape = stack.forward(rng.standard_normal((3, 6, 1)), mask=MASK)
    doutputs = rng.standard_normal((3, 3))
    norms = gradient_norms(stack, tape, doutputs)
    assert norms["h"].shape == norms["c"].shape == (2, 6)
    for k, dstates in enumerate(state_gradients(stack, tape, doutputs)):
        for field, dstate in dstates._asdict().items():
            for t in range(6):
                expected = sum(value * value for value in dstate[:, t].ravel().tolist()) ** 0.5
                assert norms[field][k, t] == pytest.approx(expected, rel=1e-14)


def test_a_vanished_gradient_is_measured_though_its_square_underflows():
    rng = np.random.default_rng(6)
    layer = LSTM(1, 2, return_sequences=False, rng=rng)
    tape = layer.forward(rng.standard_normal((1, 3, 1)))
    norms = gradient_norms(layer, tape, np.full((1, 2), 3e-200))
    assert norms["h"][0, -1] == pytest.approx(3e-200 * 2**0.5, rel=1e-14)


def test_no_gradient_in_gives_norms_of_zero():
    layer = LSTM(1, 2, rng=np.random.default_rng(7))
    tape = layer.forward(np.ones((1, 3, 1)))
    norms = gradient_norms(layer, tape, np.zeros((1, 3, 2)))
    assert set(norms) == {"h", "c"}
    for values in norms.values():
        np.testing.assert_array_equal(values, np.zeros((1, 3)))


def test_saturation_counts_valid_steps_one_by_one():
    rng = np.random.default_rng(8)
    stack = StackedLSTM(2, [4, 3], rng=rng, bias_init="uniform", forget_bias=None)
    params = {name: 12 * value for name, value in stack.params.items()}
    tape = stack.forward(rng.standard_normal((3, 6, 2)), mask=MASK, params=params)
    measured = saturation(tape, open_above=0.8, closed_below=0.3)
    assert len(measured) == 2
    counts = set()
    for layer, found in zip(tape.layers, measured, strict=True):
        assert set(found.open) == set(found.closed) == {"input", "forget", "output"}
        for name in found.open:
            gate = getattr(layer.gates, name)
            for unit in range(gate.shape[2]):
                values = [gate[b, t, unit] for b in range(3) for t in range(6) if MASK[b, t]]
                opened = sum(value > 0.8 for value in values) / len(values)
                closed = sum(value < 0.3 for value in values) / len(values)
                assert found.open[name][unit] == opened
                assert found.closed[name][unit] == closed
                counts |= {opened, closed}
    assert len(counts) > 5  # the example is not a trivial one


def test_saturation_of_a_gate_that_is_always_open():
    layer = LSTM(1, 2, rng=np.random.default_rng(0), forget_bias=9.0)
    (found,) = saturation(layer.forward(np.zeros((2, 5, 1))))
    np.testing.assert_array_equal(found.open["forget"], [1, 1])
    np.testing.assert_array_equal(found.closed["forget"], [0, 0])
    np.testing.assert_array_equal(found.open["input"], [0, 0])


def test_wrong_arguments_are_refused_in_words():
    rng = np.random.default_rng(9)
    dense, layer = Dense(2, 1, rng=rng), LSTM(2, 3, rng=rng)
    x = rng.standard_normal((2, 4, 2))
    with pytest.raises(TapeError, match="at least one recurrent layer"):
        saturation(dense.forward(x))
    with pytest.raises(TapeError, match="at least one recurrent layer"):
        saturation(x)
    with pytest.raises(ArgumentError, match="closed_below <= open_above"):
        saturation(layer.forward(x), open_above=0.1, closed_below=0.9)
    with pytest.raises(ArgumentError, match="at least one valid step"):
        saturation(layer.forward(x, mask=np.zeros((2, 4), dtype=bool)))
    with pytest.raises(ArgumentError, match="at least one recurrent layer"):
        gradient_norms(dense, dense.forward(x), np.ones((2, 4, 1)))
    with pytest.raises(ShapeError, match=r"LSTM\.backward: doutputs"):
        gradient_norms(layer, layer.forward(x), np.ones((2, 3)))
    with pytest.raises(TapeError, match=r"LSTM\.backward"):
        gradient_norms(layer, dense.forward(x), np.ones((2, 4, 1)))


@pytest.mark.parametrize("power", [-1000, -530, 0, 530, 1000])
def test_the_order_of_units_and_norms_of_gradients_do_not_depend_on_the_size(power):
    """A relu holds numbers of every size, whose squares are none; a backward pass is linear."""
    rng = np.random.default_rng(0)
    layer = RNN(2, 5, rng=rng, activation="relu")
    x, doutputs = rng.standard_normal((2, 3, 6, 2)), rng.standard_normal((3, 6, 5))
    params = {name: np.zeros_like(value) for name, value in layer.params.items()}
    params["W"] = rng.standard_normal((2, 5))
    scaled = {**params, "W": np.ldexp(params["W"], power)}
    small, large = (layer.forward(x[0], params=p) for p in (params, scaled))
    assert np.array_equal(slowest_first(large)[0], slowest_first(small)[0])
    norms, same = (gradient_norms(layer, small, np.ldexp(doutputs, by))["h"] for by in (power, 0))
    np.testing.assert_allclose(norms, np.ldexp(same, power), rtol=1e-14)
