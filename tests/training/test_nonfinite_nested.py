"""Where NaN or infinity appears in layers around layers: the step is that of the sequence."""

import numpy as np
import pytest

from npstack import (
    LSTM,
    Bidirectional,
    Dense,
    NonFiniteError,
    Parallel,
    RepeatVector,
    Residual,
    Reversed,
    Sequential,
    StackedLSTM,
    TimeDistributed,
)
from npstack.training.nonfinite import first_in_backward

pytestmark = pytest.mark.core
T = 6
HUGE = 1.7e308


@pytest.fixture(autouse=True)
def numpy_says_nothing():
    with np.errstate(all="ignore"):
        yield


def explosive():
    """Its forget gates are infinite, of either sign, one step after x has become 2."""
    layer = LSTM(1, 4, rng=np.random.default_rng(0))
    i, f, g, o = (slice(4 * k, 4 * k + 4) for k in range(4))
    W, U, b = np.zeros((1, 16)), np.zeros((4, 16)), np.zeros(16)
    W[:, f], W[:, g], U[:, f], b[i], b[o] = HUGE, 100.0, -HUGE, 40.0, 40.0
    layer.params = {"W": W, "U": U, "b": b}
    return layer


def plain(seed, H=1):
    return LSTM(1, H, rng=np.random.default_rng(seed))


def message(model, x):
    with pytest.raises(NonFiniteError) as error:
        model.forward(x)
    return str(error.value)


def one_from(step, stop=T):
    """Zeros, and twos at the steps from ``step`` up to ``stop``."""
    x = np.zeros((2, T, 1))
    x[1, step:stop] = 2.0
    return x


# A layer that reads forward explodes one step after the first 2, one that reads from the end one
# step before the last 2.
@pytest.mark.parametrize(
    ("model", "place"),
    [
        (lambda: explosive(), "step 2 of LSTM"),
        (lambda: Reversed(explosive()), "step 2 of LSTM"),
        (lambda: Reversed(explosive(), order="as_read"), "step 2 of LSTM"),
        (lambda: Reversed(Reversed(explosive())), "step 2 of LSTM"),
        (lambda: Bidirectional(plain(1, 4), explosive()), "step 2 of backward.LSTM"),
        (lambda: Bidirectional(explosive(), plain(1, 4)), "step 2 of forward.LSTM"),
    ],
)
def test_forward_the_step_is_that_of_the_sequence(model, place):
    model = model()
    reads_from_end = isinstance(model, Reversed) and not isinstance(model.layer, Reversed)
    backwards = reads_from_end or "backward" in place
    x = one_from(0, 4) if backwards else one_from(1)
    assert f"time {place}, in 'forget'" in message(model, x)


def test_forward_above_a_layer_that_leaves_its_outputs_as_read():
    keeps = Dense(1, 1, rng=np.random.default_rng(0))
    keeps.params = {"W": np.ones((1, 1)), "b": np.zeros(1)}
    first = Reversed(Sequential(plain(2), keeps), order="as_read")
    model = Sequential(first, Dense(1, 1, rng=np.random.default_rng(0)))
    wild = {"1.W": np.full((1, 1), 1e308), "1.b": np.full(1, 1e308)}
    zeros = {n: np.zeros_like(v) for n, v in model.params.items()}
    gates = {"0.0.b": np.array([40.0, -40.0, 0, 40.0]), "0.0.W": np.array([[0, 0, 9.0, 0]])}
    model.params = zeros | gates | {"0.1.W": np.full((1, 1), 2.0)} | wild
    x = np.zeros((1, T, 1))
    x[0, 1] = 1.0  # h is near tanh(1) there: 1.5 times 1e308, plus 1e308, is too much
    assert "first at time step 1 of 1.Dense, in 'outputs'" in message(model, x)


def test_layers_of_a_stack_are_told_by_their_number():
    stack = StackedLSTM(1, [4, 1], rng=np.random.default_rng(0))
    names = {f"layers.0.{name}": value for name, value in explosive().params.items()}
    stack.params = {**stack.params, **names}
    assert "time step 2 of 0.LSTM, in 'forget'" in message(stack, one_from(1))


def test_a_product_or_a_sum_of_finite_numbers_is_found_too():
    def dense(value):
        layer = Dense(1, 1, rng=np.random.default_rng(0))
        layer.params = {"W": np.full((1, 1), value), "b": np.zeros(1)}
        return layer

    x = one_from(3)
    chain = Sequential(dense(1e200), dense(1e200), dense(1.0))  # infinite from the second on
    assert "first at time step 3 of 1.Dense, in 'outputs'" in message(chain, x)
    branches = Parallel(dense(HUGE), dense(HUGE))
    assert "first at time step 3 of 0.Dense, in 'outputs'" in message(branches, x)
    product = Sequential(Parallel(dense(1e200), dense(1e200), merge="mul"), dense(1.0))
    assert "first at time step 3 of 0.Parallel, in 'outputs'" in message(product, x)
    total = Residual(dense(1.0))
    x[x > 0] = HUGE
    assert "first at time step 3 of Residual, in 'outputs'" in message(total, x)
    x[x > 0] = 2.0
    deep = TimeDistributed(Sequential(dense(1e200), dense(1e200)))
    for step in (0, 3, T - 1):
        place = f"first at time step {step} of 1.Dense, in 'outputs'"
        assert place in message(deep, one_from(step))
    inner = Residual(Sequential(dense(1e200), dense(1e200), dense(0.0)))
    assert "first at time step 3 of 1.Dense, in 'outputs'" in message(inner, x)


@pytest.mark.parametrize(
    ("wrap", "name"),
    [
        (lambda layer: Reversed(layer), "LSTM"),
        (lambda layer: Reversed(layer, order="as_read"), "LSTM"),
        (lambda layer: Bidirectional(plain(3), layer), "backward.LSTM"),
    ],
)
def test_backward_the_step_is_that_of_the_sequence(wrap, name):
    layer = plain(0)
    layer.params = {"W": np.full((1, 4), 1e-200), "U": np.zeros((1, 4)), "b": np.zeros(4)}
    model = wrap(layer)
    x = np.ones((1, T, 1))
    x[0, 1] = 1e200
    tape = model.forward(x)
    found = str(first_in_backward(model, tape, np.full(tape.outputs.shape, 1e200)))
    assert found is not None
    assert found.startswith(f"at time step 1 of {name}, in the gradient of 'input'"), found


def test_backward_above_and_inside():
    top = Dense(1, 1, rng=np.random.default_rng(0))
    top.params = {"W": np.full((1, 1), 1e200), "b": np.zeros(1)}
    model = Sequential(Reversed(plain(0), order="as_read"), top)
    tape = model.forward(np.ones((1, T, 1)))
    doutputs = np.zeros((1, T, 1))
    doutputs[0, 1] = 1e200  # as read: it belongs to step T - 2
    found = str(first_in_backward(model, tape, doutputs))
    assert found == f"at time step {T - 2} of 1.Dense, in the gradient of its input"
    wrapped = TimeDistributed(top)
    tape = wrapped.forward(np.ones((1, T, 1)))
    found = str(first_in_backward(wrapped, tape, doutputs))
    assert found == "at time step 1 of TimeDistributed, in the gradient of its input"


def constant(D):
    """Twos at every step, whatever is read."""
    dense = Dense(D, 1, rng=np.random.default_rng(0))
    dense.params = {"W": np.zeros((D, 1)), "b": np.full(1, 2.0)}
    return dense


def as_read(D=1):
    return Reversed(LSTM(D, 1, rng=np.random.default_rng(0)), order="as_read")


def last_step(layer):
    twin = LSTM(1, 4, return_sequences=False, rng=np.random.default_rng(0))
    twin.params = layer.params
    return twin


# Fed with twos, a layer explodes at the second step that it reads: 1, or T - 2 if time is turned.
@pytest.mark.parametrize(
    ("layers", "place"),
    [
        (lambda: [constant(1), explosive()], "step 1 of 1.LSTM"),
        (lambda: [as_read(), constant(1), explosive()], f"step {T - 2} of 2.LSTM"),
        (lambda: [as_read(), as_read(), constant(1), explosive()], "step 1 of 3.LSTM"),
        (lambda: [as_read(), constant(1), last_step(explosive())], f"step {T - 2} of 2.LSTM"),
        (
            lambda: [
                as_read(),
                LSTM(1, 1, return_sequences=False, rng=np.random.default_rng(0)),
                RepeatVector(4),
                constant(1),
                explosive(),
            ],
            "step 1 of 4.LSTM",
        ),
        (lambda: [Sequential(constant(1), explosive(), plain_on(4))], "step 1 of 0.1.LSTM"),
    ],
)
def test_the_step_is_that_of_the_sequence_however_often_time_was_turned(layers, place):
    assert f"time {place}, in 'forget'" in message(Sequential(*layers()), np.zeros((2, T, 1)))


def plain_on(D):
    return LSTM(D, 1, rng=np.random.default_rng(0))


def overflowing():
    """Its outputs overflow where x is more than 1, and nowhere else."""
    head = Dense(1, 1, rng=np.random.default_rng(0))
    head.params = {"W": np.full((1, 1), HUGE), "b": np.zeros(1)}
    return head


def following():
    """Open gates without memory: its outputs are near 0.76 where x is 1, else 0."""
    layer = plain(0)
    W, b = np.array([[0.0, 0.0, 9.0, 0.0]]), np.array([9.0, -99.0, 0.0, 9.0])
    layer.params = {"W": W, "U": np.zeros((1, 4)), "b": b}
    return layer


def test_forward_a_step_is_counted_on_the_time_axis_of_the_layer_that_is_named():
    last = LSTM(1, 1, return_sequences=False, rng=np.random.default_rng(0))
    last.params = following().params
    inner = Sequential(last, RepeatVector(3), overflowing(), overflowing())
    with pytest.raises(NonFiniteError, match=r"time step 0 of 3\.Dense") as caught:
        Reversed(inner).forward(np.ones((1, 9, 1)))
    assert (caught.value.step, caught.value.layer, caught.value.gate) == (0, "3.Dense", "outputs")


def test_forward_a_product_of_branches_that_are_turned_is_counted_in_time():
    branches = [Reversed(Sequential(following(), overflowing()), order="as_read") for _ in range(2)]
    x = np.zeros((1, 5, 1))
    x[0, 1] = 1.0
    with pytest.raises(NonFiniteError) as caught:
        Parallel(*branches, merge="mul").forward(x)
    assert (caught.value.step, caught.value.layer) == (1, "Parallel")
