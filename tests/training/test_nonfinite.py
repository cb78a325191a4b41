"""Numbers overflow in a chosen layer, gate and time step, and fit names it."""

import pickle
import warnings

import numpy as np
import pytest

from npstack import (
    SGD,
    Adam,
    Dense,
    Embedding,
    NonFiniteError,
    NpstackError,
    Recorder,
    Sequential,
    StackedLSTM,
    mean_squared_error,
)
from npstack.core.params import LSTMGates
from npstack.layers.chain import Chain
from npstack.losses.samples import Samples
from npstack.seq2seq.encoder_decoder import EncoderDecoder
from npstack.seq2seq.pairs import SourceTarget
from npstack.training.fit import fit
from npstack.training.nonfinite import first_in_backward

pytestmark = pytest.mark.core
GATES = LSTMGates._fields
D = H = 4
T = 6
HUGE = 1.7e308  # a little below the largest number
SHUT, OPEN = -800.0, 40.0  # sigmoid and tanh are exactly 0 or 1 there, and their slopes exactly 0


@pytest.fixture(autouse=True)
def numpy_may_warn_and_must_not():
    """As users have it: overflow would warn, and a warning is an error here."""
    with np.errstate(all="warn"), warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def stack_with(**columns):
    """Two layers; ``columns["1.W.forget"] = value`` fills the columns of one gate, others are 0."""
    stack = StackedLSTM(D, [H, H], rng=np.random.default_rng(0))
    params = {name: np.zeros_like(value) for name, value in stack.params.items()}
    for place, value in columns.items():
        layer, parameter, gate = place.split(".")
        k = GATES.index(gate)
        params[f"layers.{layer}.{parameter}"][..., k * H : (k + 1) * H] = value
    stack.params = params
    return stack


def train(model, samples, **options):
    options = {"epochs": 1, "batch_size": len(samples[1]), "clip_norm": 1.0, **options}
    return fit(model, samples, rng=np.random.default_rng(0), **options)


def caught(model, samples, **options):
    """The message of fit; the parameters must be what they were."""
    before = dict(model.params)
    with pytest.raises(NonFiniteError) as error:
        train(model, samples, **options)
    assert all(np.array_equal(before[name], model.params[name]) for name in before)
    message = str(error.value)
    for remedy in ("clip_norm", "scale the data", "smaller steps"):
        assert remedy in message
    return message


# ---- forward -------------------------------------------------------------------------------------


def forward_blow_up(layer, gate, step):
    """Both inputs of one gate become infinite at a step, with opposite signs."""
    columns = {}
    for k in "01":
        columns |= {f"{k}.b.input": OPEN, f"{k}.b.output": OPEN, f"{k}.W.candidate": 100.0}
    columns |= {f"{layer}.W.{gate}": HUGE, f"{layer}.U.{gate}": -HUGE}
    x = np.zeros((2, T, D))
    x[1, step - 1 :] = 1.0  # +inf alone is a gate that is open; one step later comes -inf
    return stack_with(**columns), Samples(x, np.zeros((2, T, H)))


@pytest.mark.parametrize("truncate", [None, (2, 2), (3, 4), (4, 1)])
@pytest.mark.parametrize("step", [1, 4])
@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("layer", [0, 1])
def test_forward_it_is_found_in_its_layer_gate_and_step(layer, gate, step, truncate):
    model, samples = forward_blow_up(layer, gate, step)
    # In the one product of a twin, the two infinities may cancel before they are infinite.
    message = caught(model, samples, truncate=truncate, engine="readable")
    assert f"first at time step {step} of {layer}.LSTM, in '{gate}' (epoch 1" in message


# ---- backward ------------------------------------------------------------------------------------


def backward_blow_up_below(gate, step):
    """Layer 0: a huge input at one step, times a gradient that reaches one gate only."""
    columns = {f"0.b.{other}": OPEN for other in GATES if other != gate}
    model = stack_with(**columns)
    rng = np.random.default_rng(1)
    above = {n: rng.standard_normal(v.shape) for n, v in model.params.items() if "layers.1" in n}
    model.params = {**model.params, **above}
    x = np.ones((2, T, D))
    x[:, step] = 1e200
    return model, x, lambda p, t, m: (0.0, np.full_like(p, 1e150))


def backward_blow_up_above(gate, step):
    """Layer 1: gradients near the largest number, of which a batch full is too many."""
    columns = {f"1.b.{other}": OPEN for other in GATES if other != gate}
    if gate != "forget":
        columns["1.b.forget"] = SHUT
    x = np.ones((64, T, D))

    def loss(predictions, targets, mask):
        gradient = np.zeros_like(predictions)
        gradient[:, step % predictions.shape[1]] = HUGE
        return 0.0, gradient

    return stack_with(**columns), x, loss


@pytest.mark.parametrize("truncate", [None, (T, T)])
@pytest.mark.parametrize("step", [1, 4])
@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize(
    ("layer", "parameter", "blow_up"),
    [(0, "W", backward_blow_up_below), (1, "b", backward_blow_up_above)],
)
def test_backward_it_is_found_in_its_layer_gate_and_step(
    layer, parameter, blow_up, gate, step, truncate
):
    model, x, loss = blow_up(gate, step)
    message = caught(model, (x, np.zeros((len(x), T, H))), loss=loss, truncate=truncate)
    assert (
        f"first at time step {step} of {layer}.LSTM, in the gradient of '{gate}' by {parameter} "
        "(epoch 1, after 0 updates)" in message
    )


@pytest.mark.parametrize("truncate", [(3, 3), (2, 4), (5, 2)])
def test_backward_in_a_span_the_step_is_the_rows_own(truncate):
    model, x, loss = backward_blow_up_below("output", 4)
    place = "first at time step 4 of 0.LSTM, in the gradient of 'output' by W"
    options = {"loss": loss, "truncate": truncate, "optimiser": Adam(1e-250)}
    with pytest.raises(NonFiniteError, match=place):
        train(model, (x, np.zeros((2, T, H))), **options)


def test_a_sum_over_time_that_overflows_is_found_where_it_does():
    model = stack_with(**{f"1.b.{gate}": OPEN for gate in ("input", "output")})
    x = np.ones((1, T, D))
    loss = lambda p, t, m: (0.0, np.full_like(p, 0.3 * HUGE))  # noqa: E731
    message = caught(model, (x, np.zeros((1, T, H))), loss=loss)
    # from step 5 down: 0.3, and half of it again from the step behind: 0.3 + 0.45 + 0.525
    assert "at time step 3 of 1.LSTM, in the gradient of 'candidate' by b" in message


def test_between_two_steps_and_between_two_layers():
    back = stack_with(**{"1.b.input": OPEN, "1.b.output": OPEN, "1.U.candidate": 1e200})
    loss = lambda p, t, m: (0.0, np.full_like(p, 1e150))  # noqa: E731
    message = caught(back, (np.ones((1, T, D)), np.zeros((1, T, H))), loss=loss)
    assert (
        f"time step {T - 1} of 1.LSTM, in the gradient of state 'h' of the step before" in message
    )
    down = stack_with(**{"1.b.input": OPEN, "1.b.output": OPEN, "1.W.candidate": 1e200})
    message = caught(down, (np.zeros((1, T, D)), np.zeros((1, T, H))), loss=loss)
    assert f"time step {T - 1} of 1.LSTM, in the gradient of its input" in message


def test_layers_without_gates_are_named_too():
    rng = np.random.default_rng(0)
    model = Sequential(StackedLSTM(D, [H, H], rng=rng), Dense(H, 2, rng=rng))
    loss = lambda p, t, m: (0.0, np.full_like(p, 1e150))  # noqa: E731
    samples = (np.ones((2, T, D)), np.zeros((2, T, 2)))
    model.params = {**model.params, "1.W": np.full((H, 2), 1e200)}
    message = caught(model, samples, loss=loss)
    assert f"at time step {T - 1} of 1.Dense, in the gradient of its input" in message
    huge = lambda p, t, m: (0.0, np.full_like(p, HUGE))  # noqa: E731
    assert "in 1.Dense, in the gradient of" in caught(model, samples, loss=huge)


def test_the_encoder_is_told_from_the_decoder():
    rng = np.random.default_rng(0)
    encoder = Sequential(Embedding(5, 2, rng=rng), StackedLSTM(2, [2, 2], rng=rng))
    decoder = Sequential(StackedLSTM(2, [2, 2], rng=rng), Dense(2, 2, rng=rng))
    model = EncoderDecoder(encoder, decoder)
    target = np.ones((3, T, 2))
    pair = SourceTarget(np.ones((3, 4), int), target)
    loss = lambda p, t, m: (0.0, np.full_like(p, 1e150))  # noqa: E731
    name = "encoder.1.layers.1.W"
    W, U = (np.zeros_like(model.params[name]) for _ in range(2))
    U[:, 4:6] = 1e200  # the candidate's
    model.params = {**model.params, name: W, name.replace("W", "U"): U}
    message = caught(model, Samples(pair, target), loss=loss)
    assert "time step 3 of encoder.1.1.LSTM, in the gradient of state 'h' of the step" in message
    above = {"decoder.1.W": np.full((2, 2), 1e200)}  # what reaches the encoder is not finite
    model.params = {**model.params, **above}
    message = caught(model, Samples(pair, target), loss=loss)
    assert f"time step {T - 1} of decoder.1.Dense, in the gradient of its input" in message


def test_a_composite_of_ones_own_is_not_blamed_on_a_layer():
    class Wild(Chain):
        def _backward(self, tape, doutputs, dfinal):
            grads, dx, dstates = super()._backward(tape, doutputs, dfinal)
            return {name: g * np.inf for name, g in grads.items()}, dx, dstates

    model = Wild({"0": Dense(2, 1, rng=np.random.default_rng(0))})
    message = caught(model, (np.ones((2, 2)), np.zeros((2, 1))))
    assert "first in the gradient of 0.W, 0.b" in message


def test_nothing_is_found_where_all_is_finite():
    model = stack_with()
    tape = model.forward(np.ones((1, T, D)))
    assert first_in_backward(model, tape, np.ones((1, T, H))) is None


# ---- loss, update, validation --------------------------------------------------------------------


def small():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((8, T, D))
    model = Sequential(StackedLSTM(D, [H, H], rng=rng), Dense(H, H, rng=rng))
    return model, Samples(x, rng.standard_normal((8, T, H)))


def test_a_loss_too_large_for_a_number():
    model, samples = small()
    wild = samples.y.copy()
    wild[2, 3] = 1e200
    message = caught(model, samples._replace(y=wild))
    assert "loss inf" in message
    assert "time step" in message
    rng = np.random.default_rng(0)
    flat = Sequential(StackedLSTM(D, H, return_sequences=False, rng=rng), Dense(H, 1, rng=rng))
    assert "loss inf" in caught(flat, (samples.x, np.full((8, 1), 1e200)))


def test_a_gradient_of_the_loss_that_is_no_number_is_found_in_time():
    def loss(predictions, targets, mask):
        gradient = np.zeros_like(predictions)
        gradient[1, 2:] = np.nan
        return 1.0, gradient

    model, samples = small()
    assert "time step 2 of the loss" in caught(model, samples, loss=loss)
    part = samples._replace(counts=np.arange(T) >= np.full((8, 1), 3))  # in the second span
    assert "time step 5 of the loss" in caught(model, part, loss=loss, truncate=(3, 3))


def test_steps_too_large_stop_with_the_last_parameters_that_worked():
    model, samples = small()
    kept, optimiser = [], SGD(1e200)
    right = optimiser.update

    def update(params, grads):
        kept.append(dict(params))
        return right(params, grads)

    optimiser.update = update
    with pytest.raises(NonFiniteError, match=r"after (\d+) updates"):
        train(model, samples, epochs=9, batch_size=2, optimiser=optimiser, clip_norm=None)
    assert len(kept) >= 1
    assert all(np.array_equal(model.params[name], kept[-1][name]) for name in kept[-1])
    assert optimiser.steps == len(kept) - 1
    tape = model.forward(samples.x)  # they do work
    assert np.isfinite(mean_squared_error(tape.outputs, samples.y).value)


def test_parameters_that_overflow_in_the_last_update_are_noticed():
    model, samples = small()
    before = dict(model.params)
    loss = lambda p, t, m: (1.0, p * 1e9)  # noqa: E731
    with pytest.raises(NonFiniteError, match=r"new value of 0\.layers\.0\.W"):
        train(model, samples, optimiser=SGD(1.7e308), clip_norm=None, loss=loss)
    assert all(np.array_equal(before[name], model.params[name]) for name in before)


def test_a_validation_loss_that_is_no_number_stops_too():
    model, samples = small()
    wild = samples._replace(y=np.full_like(samples.y, 1e200))
    before = dict(model.params)
    with pytest.raises(NonFiniteError, match="validation loss"):
        train(model, samples, validation=wild, batch_size=4)
    assert not all(np.array_equal(before[name], model.params[name]) for name in before), "one step"


def test_samples_that_are_no_numbers_are_told_by_their_own_row_before_the_first_step():
    model, samples = small()
    x, y = samples.x.copy(), samples.y.copy()
    x[5, 2] = np.nan
    with pytest.raises(NonFiniteError, match=r"samples\.x .* time step 2 \(row 5\)"):
        train(model, samples._replace(x=x), batch_size=2)
    y[3, 1] = np.inf
    with pytest.raises(NonFiniteError, match=r"samples\.y"):
        train(model, samples._replace(y=y), batch_size=2)
    with pytest.raises(NonFiniteError, match=r"validation\.y .* time step 1 \(row 3\)"):
        train(model, samples, validation=samples._replace(y=y))
    mask = np.isfinite(x).all(axis=-1)
    train(model, samples._replace(x=x, mask=mask), batch_size=2)  # in the padding it is harmless


def test_gradients_that_are_numbers_and_whose_norm_is_none():
    model, samples = small()
    fill = lambda scale: lambda p, t, m: (1.0, np.full_like(p, scale))  # noqa: E731
    tape = model.forward(samples.x)
    grads = model.backward(tape, np.ones_like(tape.outputs)).params
    scale = 1.7e308 / max(np.abs(g).max() for g in grads.values())
    assert "got a norm of inf" in caught(model, samples, loss=fill(scale))


def test_a_probe_that_overflows_harmlessly_says_nothing():
    model, samples = small()
    recorder = Recorder(np.full((1, T, D), HUGE))  # its gates are open or shut, and finite
    train(model, samples, recorder=recorder)
    assert recorder.epochs == [0, 1]


def test_the_clipped_run_goes_on():
    model, samples = small()
    history = train(model, samples, epochs=2, optimiser=Adam(0.1), clip_norm=1e-3)
    assert np.isfinite(history.train_loss).all()


def test_an_error_knows_where_it_was_found_and_counts_its_step_in_the_whole_row():
    model, samples = small()
    x = samples.x.copy()
    x[1, 2] = np.nan
    with pytest.raises(NonFiniteError) as caught:
        train(model, samples._replace(x=x), truncate=(1, 1))
    assert (caught.value.step, caught.value.where) == (2, "fit")
    assert "time step 2 (row 1)" in caught.value.got


def test_errors_survive_a_pickle_with_all_that_they_know():
    error = NonFiniteError("a", "b", "NaN at time step {step} of x", "Do this.", step=2, gate="h")
    error.step += 10
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == "a: b, got NaN at time step 12 of x. Do this."
    assert (again.step, again.gate, again.layer) == (12, "h", None)
    assert issubclass(NonFiniteError, NpstackError)
