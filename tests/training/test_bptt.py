"""Truncated BPTT: nothing cut is full BPTT; cuts are checked by the complex step."""

import numpy as np
import pytest

from npstack import (
    LSTM,
    ArgumentError,
    Embedding,
    NonFiniteError,
    Sequential,
    StackedLSTM,
    mean_squared_error,
)
from npstack.core.params import split_gates
from npstack.losses.samples import Samples
from npstack.training.bptt import passes, spans, truncated_gradients
from npstack.training.fit import fit
from tests.training.truncation import B, T, flat, full, model_and_samples

pytestmark = pytest.mark.core
EPS = np.finfo(float).eps


def blocks(params):
    """Every parameter, split by gate where it has gates."""
    for name, value in params.items():
        if name.startswith("0."):
            yield from ((f"{name}.{g}", part) for g, part in split_gates(value)._asdict().items())
        else:
            yield name, value


# ---- one pass over everything --------------------------------------------------------------------


def test_without_truncation_there_is_one_pass_over_everything():
    model, samples = model_and_samples("all", dropout=0.5)
    value, expected, final = full(model, samples)
    (found,) = passes(model, samples, None, None, mean_squared_error, None)
    weight = samples.weights[samples.mask & samples.counts].sum()
    assert (found.value, found.weight) == (value, weight)
    assert all(np.array_equal(found.grads[name], expected[name]) for name in expected)
    assert all(map(np.array_equal, flat(found.final), flat(final)))
    (drawn,) = passes(model, samples, None, final, mean_squared_error, np.random.default_rng(0))
    tape = model.forward(samples.x, final, mask=samples.mask, rng=np.random.default_rng(0))
    assert all(map(np.array_equal, flat(drawn.final), flat(tape.final)))
    assert drawn.value not in (value, found.value), "dropout draws, the state is another"


def test_a_model_that_speaks_last_counts_its_last_step_whatever_is_masked():
    rng = np.random.default_rng(0)
    model = LSTM(2, 3, return_sequences=False, rng=rng)
    mask = np.arange(T) < np.array([[T], [5], [1]])
    samples = Samples(rng.standard_normal((B, T, 2)), rng.standard_normal((B, 3)), mask)
    (found,) = passes(model, samples, None, None, mean_squared_error, None)
    tape = model.forward(samples.x, mask=mask)
    assert found.value == mean_squared_error(tape.outputs, samples.y).value


@pytest.mark.parametrize("truncate", [None, (4, 4), (2, 5), (5, 2)])
def test_values_and_gradients_are_plain_and_in_the_order_of_the_parameters(truncate):
    model, samples = model_and_samples("counts")
    for found in passes(model, samples, truncate, None, mean_squared_error, None):
        assert type(found.value) is type(found.weight) is float
        assert found.grads is None or list(found.grads) == list(expected_order(model, samples))
    k1, k2 = truncate or (T, T)
    whole = truncated_gradients(model, samples, k1, k2)
    assert list(whole.params) == list(expected_order(model, samples))


def expected_order(model, samples):
    return model.backward(tape := model.forward(samples.x), np.ones_like(tape.outputs)).params


# ---- spans ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("k1", "k2"), [(1, 1), (3, 3), (3, 7), (5, 2), (4, 4), (12, 12), (99, 99)])
def test_every_step_counts_in_one_span_and_each_window_reaches_k2_back(k1, k2):
    found = spans(T, k1, k2)
    assert [t for span in found for t in range(span.first, span.stop)] == list(range(T))
    assert all(span.stop - span.first == min(k1, T) for span in found[:-1])
    assert [span.begin for span in found] == [max(0, span.stop - k2) for span in found]


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.uint64])
def test_spans_of_numbers_of_numpy_are_the_plain_ones(dtype):
    """Unsigned ones would go round below zero."""
    found = spans(100, dtype(7), dtype(9))
    assert found == spans(100, 7, 9)
    assert {type(number) for span in found for number in span} == {int}


@pytest.mark.parametrize("wrong", [(0, 1), (1, 0), (2.0, 2), (-1, 3)])
def test_spans_refuse_what_is_no_number_of_steps(wrong):
    with pytest.raises(ArgumentError, match="whole number of at least 1"):
        spans(5, *wrong)


# ---- the laws ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["plain", "mask", "counts", "weights", "all"])
@pytest.mark.parametrize("k1", [1, 2, 5, 11, 12])
def test_nothing_cut_gives_the_gradients_of_full_bptt(kind, k1):
    model, samples = model_and_samples(kind)
    value, expected, final = full(model, samples)
    for k2 in (T, T + 5):
        found = truncated_gradients(model, samples, k1, k2)
        assert found.value == pytest.approx(float(value), rel=64 * EPS)
        reference = dict(blocks(expected))
        for name, block in blocks(found.params):
            scale = np.abs(reference[name]).max()
            assert np.abs(block - reference[name]).max() <= 64 * EPS * scale, name
        for ours, theirs in zip(flat(found.final), flat(final), strict=True):
            assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("kind", ["plain", "mask", "counts", "weights", "all"])
def test_one_span_over_everything_is_full_bptt_bit_for_bit(kind):
    model, samples = model_and_samples(kind)
    begin = model.forward(samples.x[:, ::-1].copy()).final
    value, expected, _ = full(model, samples, begin)
    found = truncated_gradients(model, samples, T, T, states=begin)
    assert found.value == value
    assert all(np.array_equal(found.params[name], expected[name]) for name in expected)


@pytest.mark.parametrize("kind", ["plain", "all"])
@pytest.mark.parametrize(("k1", "k2"), [(4, 4), (3, 3), (5, 5), (2, 5), (4, 6), (5, 2), (4, 1)])
def test_what_is_cut_is_the_derivative_with_the_state_before_the_window_held(kind, k1, k2):
    """The complex step through each window from a constant state, along one random direction."""
    model, samples = model_and_samples(kind)
    rng = np.random.default_rng(1)
    direction = {name: rng.standard_normal(value.shape) for name, value in model.params.items()}
    moved = {name: value + 1e-30j * direction[name] for name, value in model.params.items()}
    counts = np.ones((B, T), bool) if samples.mask is None else samples.mask & samples.counts
    weights = counts * (1.0 if samples.weights is None else samples.weights)
    whole = model.forward(samples.x, mask=samples.mask)
    slope, ends = 0.0, [*range(k1, T, k1), T]
    for first, stop in zip([0, *ends], ends, strict=False):
        begin = max(0, stop - k2)
        part = slice(begin, stop)
        state = None
        if begin > 0:
            state = tuple(
                type(layer.states)(*(v[:, begin - 1].astype(complex) for v in layer.states))
                for layer in whole.layers
            )
        mask = None if samples.mask is None else samples.mask[:, part]
        tape = model.forward(samples.x[:, part].astype(complex), state, mask=mask, params=moved)
        lost = weights[:, part, None] * (tape.outputs - samples.y[:, part]) ** 2
        lost = lost[:, max(first - begin, 0) :]
        slope += lost.sum().imag / 1e-30 / (weights.sum() * 2)
    found = truncated_gradients(model, samples, k1, k2)
    ours = sum((found.params[name] * direction[name]).sum() for name in direction)
    size = sum(np.abs(found.params[name] * direction[name]).sum() for name in direction)
    assert abs(ours - slope) <= 64 * EPS * size
    assert found.value == pytest.approx(full(model, samples)[0], rel=1e-14)  # losses all count
    cut = full(model, samples)[1]
    assert any(np.abs(found.params[n] - cut[n]).max() > 1e-4 for n in cut), "nothing was cut"


def test_a_single_layer_and_symbols_go_the_same_way():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 5, (B, T))
    embedded = Sequential(Embedding(5, 2, rng=rng), LSTM(2, 3, rng=rng))
    y = rng.standard_normal((B, T, 3))
    value, expected, _ = full(embedded, Samples(x, y))
    found = truncated_gradients(embedded, (x, y), 4, T)
    assert found.value == pytest.approx(float(value), rel=1e-14)
    np.testing.assert_allclose(found.params["0.W"], expected["0.W"], rtol=1e-12, atol=1e-15)
    layer = LSTM(2, 3, rng=rng)  # its state stands alone, in no tuple
    z = rng.standard_normal((B, T, 2))
    assert truncated_gradients(layer, (z, y), 3, 5).final.h.shape == (B, 3)


def test_resets_are_not_looked_at():
    model, samples = model_and_samples("all")
    marked = samples._replace(resets=np.ones(B, bool))
    one, other = (truncated_gradients(model, given, 4, 6) for given in (samples, marked))
    assert one.value == other.value
    assert all(np.array_equal(one.params[name], other.params[name]) for name in one.params)


def test_float32_stays_float32():
    rng = np.random.default_rng(0)
    model = StackedLSTM(2, [3, 2], rng=rng, dtype=np.float32)
    x, y = (rng.standard_normal((B, T, 2)).astype(np.float32) for _ in "xy")
    weights = rng.random((B, T)).astype(np.float32)
    found = truncated_gradients(model, Samples(x, y, weights=weights), 5, 3)
    assert {g.dtype for g in found.params.values()} == {np.dtype(np.float32)}
    options = {"rng": rng, "clip_norm": 1.0, "stateful": True, "truncate": (5, 7)}
    fit(model, (x, y), epochs=1, batch_size=B, **options)
    assert model.dtype == np.float32


def test_spans_in_which_nothing_counts_hand_the_state_on_and_teach_nothing():
    model, samples = model_and_samples()
    counts = np.zeros((B, T), bool)
    counts[:, 8:] = True
    samples = samples._replace(counts=counts)
    found = list(passes(model, samples, (4, 4), None, mean_squared_error, None))
    assert [one.grads is None for one in found] == [True, True, False]
    assert [one.weight for one in found] == [0, 0, 4 * B]
    assert [one.value for one in found[:2]] == [0, 0]
    late = samples.steps(8, 12)
    value, expected, _ = full(model, late, found[1].final)
    assert found[2].value == value
    assert all(np.array_equal(found[2].grads[name], expected[name]) for name in expected)
    with pytest.raises(ArgumentError, match="must count"):
        truncated_gradients(model, samples._replace(counts=np.zeros((B, T), bool)), 4, 4)


def test_dropout_draws_anew_in_each_span():
    model, samples = model_and_samples(dropout=0.5)
    dropout = model.children["0"].children["dropouts.0"]
    drawn, right = [], dropout._forward

    def listen(*arguments):
        tape = right(*arguments)
        drawn.append(tape.noise)
        return tape

    dropout._forward = listen
    truncated_gradients(model, samples, 4, 4, rng=np.random.default_rng(0))
    assert [kept.shape for kept in drawn] == [(B, 4, 4)] * 3
    assert not np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[1], drawn[2])
    drawn.clear()
    truncated_gradients(model, samples, 4, 4)
    assert drawn == [None] * 3


# ---- NaN and infinity ----------------------------------------------------------------------------

SPANS = [None, (4, 4), (4, 6), (2, 7), (5, 2), (7, 1), (T, T), (99, 3)]
every_span = pytest.mark.parametrize("truncate", SPANS)


def told(model, samples, truncate, loss=mean_squared_error):
    """What the error says."""
    with pytest.raises(NonFiniteError) as error:
        list(passes(model, samples, truncate, None, loss, None))
    return str(error.value)


@every_span
def test_an_error_counts_its_time_step_from_the_beginning_of_the_row(truncate):
    model, samples = model_and_samples()
    x = samples.x.copy()
    x[1, 9] = np.nan
    assert "time step 9 " in told(model, samples._replace(x=x), truncate)


@every_span
def test_a_loss_that_is_no_number_is_told_by_its_time_step(truncate):
    def loss(predictions, targets, mask):
        gradient = np.zeros_like(predictions)
        gradient[np.isnan(targets)] = np.nan
        return 1.0, gradient

    model, samples = model_and_samples()
    for step in (0, 6, T - 1):
        y = samples.y.copy()
        y[1, step] = np.nan
        message = told(model, samples._replace(y=y), truncate, loss)
        assert f"first at time step {step} of the loss" in message


@every_span
def test_a_loss_too_large_for_a_number_is_told_by_its_largest_prediction(truncate):
    def loss(predictions, targets, mask):
        return np.inf if (targets > 1e100).any() else 1.0, np.zeros_like(predictions)

    model, samples = model_and_samples()
    y = samples.y.copy()
    y[2, 8] = 1e200
    first, stop = next((s.first, s.stop) for s in spans(T, *(truncate or (T, T))) if s.stop > 8)
    outputs = abs(model.forward(samples.x).outputs[:, first:stop])
    step = first + int(np.argwhere(outputs == outputs.max())[0, 1])
    message = told(model, samples._replace(y=y), truncate, loss)
    assert f"first at time step {step} of the loss" in message
    assert "loss inf, NaN or infinity" in message
    assert f"where predictions reach {outputs.max():.3g}" in message


@every_span
def test_a_gradient_that_is_no_number_is_told_by_its_time_step(truncate):
    """An input of 1e200 times a gradient of 1e150: the step's own, whichever span it lies in."""
    model = LSTM(1, 1, rng=np.random.default_rng(0))
    model.params = {name: np.zeros_like(value) for name, value in model.params.items()}
    k1, k2 = truncate or (T, T)
    for step in (0, 3, 8, T - 1):
        (span,) = (s for s in spans(T, k1, k2) if s.first <= step < s.stop)
        x = np.zeros((1, T, 1))
        x[0, step] = 1e200

        def loss(predictions, targets, mask):
            return 1.0, np.full_like(predictions, 1e150)

        samples = Samples(x, x)
        if step < span.begin:  # it teaches nothing
            assert truncated_gradients(model, samples, k1, k2, loss=loss).value == 1
            continue
        with np.errstate(all="ignore"):
            message = told(model, samples, truncate, loss)
        assert f"first at time step {step} of LSTM" in message


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_largest_weights_have_no_sum_and_a_mean(dtype):
    rng = np.random.default_rng(0)
    model, x = LSTM(1, 1, rng=rng), rng.standard_normal((2, 6, 1)).astype(dtype)
    model.params = {name: value.astype(dtype) for name, value in model.params.items()}
    weights = rng.uniform(0.5, 1, (2, 6)).astype(dtype)
    large = np.ldexp(weights, np.finfo(dtype).maxexp - 1)
    one, other = (
        truncated_gradients(model, Samples(x, x, weights=w), 2, 3) for w in (weights, large)
    )
    assert other.value == pytest.approx(one.value, rel=100 * float(np.finfo(dtype).eps))
    for name, gradient in one.params.items():
        np.testing.assert_allclose(other.params[name], gradient, rtol=1e-4, atol=1e-7)
