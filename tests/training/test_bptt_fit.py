"""Truncated BPTT with updates between the spans, and stateful rows that continue each other."""

import numpy as np
import pytest

from npstack import LSTM, Adam, Dense, LSTMCell, Recurrent, Sequential, mean_squared_error
from npstack.losses.samples import Samples
from npstack.training.bptt import passes
from npstack.training.fit import fit
from tests.training.truncation import B, T, flat, model_and_samples, same, trained

pytestmark = pytest.mark.core


@pytest.mark.parametrize("kind", ["plain", "all"])
def test_fit_with_one_span_over_everything_is_fit_without(kind):
    with_spans, history, _ = trained(*model_and_samples(kind), truncate=(T, T))
    without, plain, _ = trained(*model_and_samples(kind))
    assert same(with_spans, without)
    assert history.train_loss == plain.train_loss


@pytest.mark.parametrize(("k1", "k2"), [(4, 4), (4, 8), (2, 3), (6, 2)])
def test_updates_between_spans_by_hand(k1, k2):
    """A window that reaches back begins with the state that the pass before left there."""
    model, samples = model_and_samples()
    how = {"truncate": (k1, k2), "engine": "readable"}
    ours, history, adam = trained(*model_and_samples(), **how, epochs=1)
    by_hand, losses = Adam(0.05), []
    at = {0: None}  # states by step, each from the latest pass that went there
    for first in range(0, T, k1):
        stop = first + k1
        begin = max(0, stop - k2)
        if begin > first:
            lead = model.forward(samples.x[:, first:begin], at[first])
            at[begin] = lead.final
        tape = model.forward(samples.x[:, begin:stop], at[begin])
        for t in range(stop - begin):
            states = (type(s.states)(*(v[:, t] for v in s.states)) for s in tape.layers)
            at[begin + t + 1] = tuple(states)
        outputs = tape.outputs[:, first - begin :] if begin <= first else tape.outputs
        if begin > first:
            outputs = np.concatenate([lead.outputs, outputs], axis=1)
        loss = mean_squared_error(outputs, samples.y[:, first:stop])
        doutputs = np.zeros_like(tape.outputs)
        taught = min(k1, k2)
        doutputs[:, -taught:] = loss.gradient[:, -taught:]
        grads = model.backward(tape, doutputs).params
        model.params = by_hand.update(model.params, grads)
        losses.append(loss.value)
    assert adam.steps == by_hand.steps == T // k1
    assert same(ours, model.params)
    assert history.train_loss == [float(np.mean(losses))]


def cut_into_batches(samples, length):
    """Long rows as stateful samples: row b of batch n continues row b of batch n - 1."""
    parts = [samples.steps(t, t + length) for t in range(0, T, length)]
    return Samples(
        *(None if one[0] is None else np.concatenate(one) for one in zip(*parts, strict=True))
    )


@pytest.mark.parametrize("kind", ["plain", "mask", "weights"])
def test_stateful_batches_are_the_spans_of_long_rows(kind):
    model, samples = model_and_samples(kind)
    long, history, adam = trained(model, samples, truncate=(4, 4))
    model, samples = model_and_samples(kind)
    short, batches, twin = trained(model, cut_into_batches(samples, 4), stateful=True, shuffle=True)
    assert same(long, short), "the rows keep their order whatever shuffle says"
    assert history.train_loss == batches.train_loss
    assert adam.steps == twin.steps == 2 * 3


def test_stateful_rows_are_cut_again_by_truncation():
    model, samples = model_and_samples()
    finer, history, _ = trained(model, samples, truncate=(2, 2))
    model, samples = model_and_samples()
    parts, batches, _ = trained(
        model, cut_into_batches(samples, 4), stateful=True, truncate=(2, 2), epochs=2
    )
    assert same(finer, parts)
    assert history.train_loss == batches.train_loss


@pytest.mark.parametrize("kind", ["plain", "mask"])
@pytest.mark.parametrize("truncate", [None, (2, 2), (4, 6), (6, 2)])
def test_where_nothing_is_learned_a_row_that_starts_anew_starts_with_zeros(kind, truncate):
    model, samples = model_and_samples(kind)
    states = model.forward(samples.x).final
    anew = np.array([True, False, False])
    emptied = tuple(type(s)(*(v * ~anew[:, np.newaxis] for v in s)) for s in states)
    loss, resets = mean_squared_error, samples.beginnings(anew)
    found = list(passes(model, samples, truncate, states, loss, None, resets))
    expected = list(passes(model, samples, truncate, emptied, loss, None))
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.value == theirs.value
        assert same(ours.grads, theirs.grads)
        assert all(map(np.array_equal, flat(ours.final), flat(theirs.final)))


@pytest.mark.parametrize("truncate", [None, (2, 2), (4, 6)])
def test_a_row_that_starts_anew_starts_where_the_layer_has_learned_to_and_teaches_it(truncate):
    """Rows that go on and rows that start, in one batch, are the two batches apart."""
    rng = np.random.default_rng(0)
    layer = Recurrent(LSTMCell(2, 3, rng=rng), learn_initial=True)
    layer.params = {k: v + rng.normal(0, 0.3, v.shape) for k, v in layer.params.items()}
    model, (_, samples) = Sequential(layer, Dense(3, 2, rng=rng)), model_and_samples()
    states, anew = model.forward(samples.x).final, np.array([False, True, False])
    held = tuple(type(s)(*(v[~anew] for v in s)) for s in states)
    begins = samples.beginnings(anew)
    found = passes(model, samples, truncate, states, mean_squared_error, None, begins)
    goes_on = passes(model, samples.rows(~anew), truncate, held, mean_squared_error, None)
    starts = passes(model, samples.rows(anew), truncate, None, mean_squared_error, None)
    taught = []
    for whole, one, other in zip(found, goes_on, starts, strict=True):
        assert whole.value == pytest.approx((2 * one.value + other.value) / 3, rel=1e-14)
        for name, gradient in whole.grads.items():
            expected = (2 * one.grads[name] + other.grads[name]) / 3
            assert np.allclose(gradient, expected, rtol=1e-13, atol=1e-15), name
        taught.append({n: bool(g.any()) for n, g in whole.grads.items() if "initial." in n})
    assert list(taught[0].values()) == [True, True]


def resets_given(model, samples, **options):
    """The resets that each pass of a stateful ``fit`` was given."""
    heard, inner = [], model.forward

    def listen(x, states=None, **others):
        heard.append(others["resets"])
        return inner(x, states, **others)

    model.forward = listen
    fit(model, samples, batch_size=B, stateful=True, rng=np.random.default_rng(0), **options)
    return [None if told is None else np.argwhere(told).tolist() for told in heard]


def test_a_row_starts_anew_with_its_first_valid_step_and_a_row_of_padding_waits_for_it():
    model, samples = model_and_samples()
    batches = cut_into_batches(samples, 4)
    assert resets_given(model, batches, epochs=1) == [None] * 3
    anew = np.arange(3 * B) == B + 1  # row 1 of the second batch of three
    batches = batches._replace(resets=anew)
    one_epoch = [[], [[1, 0]], []]
    assert resets_given(model_and_samples()[0], batches, epochs=2) == 2 * one_epoch
    mask = np.ones((3 * B, 4), bool)
    mask[B + 1] = [False, False, True, True]
    late = batches._replace(mask=mask)
    assert resets_given(model_and_samples()[0], late, epochs=1) == [[], [[1, 2]], []]
    mask = np.ones((3 * B, 4), bool)
    mask[B + 1] = False
    padding = batches._replace(mask=mask)
    assert resets_given(model_and_samples()[0], padding, epochs=1) == [[], [], [[1, 0]]]
    spans = resets_given(model_and_samples()[0], batches, epochs=1, truncate=(2, 3))
    assert spans == [[], [], [[1, 0]], [], [], []]


def test_without_stateful_every_batch_starts_anew_and_resets_do_nothing():
    model, samples = model_and_samples()
    plain, _, _ = trained(model, samples)
    model, samples = model_and_samples()
    marked = samples._replace(resets=np.ones(B, bool))
    also, _, _ = trained(model, marked)
    assert same(plain, also)


def test_a_model_that_speaks_last_can_be_stateful():
    rng = np.random.default_rng(0)
    model = Sequential(LSTM(1, 2, return_sequences=False, rng=rng), Dense(2, 1, rng=rng))
    x = rng.standard_normal((4, 3, 1))
    seen, inner = [], model.forward
    model.forward = lambda x, states=None, **o: seen.append(states) or inner(x, states, **o)
    fit(model, (x, x[:, -1]), epochs=1, batch_size=2, stateful=True, rng=rng)
    assert seen[0] is None
    assert len(seen[1]) == 1
