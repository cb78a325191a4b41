"""Truncated BPTT with updates between the spans, and stateful rows that continue one another."""

import numpy as np
import pytest

from npstack import LSTM, Adam, Dense, Sequential, mean_squared_error
from npstack.bptt import restart
from npstack.samples import Samples
from npstack.train import fit
from tests.truncation import B, T, flat, model_and_samples, same, trained

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
    ours, history, adam = trained(*model_and_samples(), truncate=(k1, k2), epochs=1)
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


def test_a_reset_row_starts_anew_and_the_others_go_on():
    begun = []
    model, samples = model_and_samples()
    batches = cut_into_batches(samples, 4)
    resets = np.zeros(3 * B, bool)
    resets[B + 1] = True  # row 1 of the second batch
    inner = model.forward

    def listen(x, states=None, **options):
        tape = inner(x, states, **options)
        begun.append((states, tape.final))
        return tape

    model.forward = listen
    options = {"batch_size": B, "stateful": True, "rng": np.random.default_rng(0)}
    fit(model, batches._replace(resets=resets), epochs=2, **options)
    states = [states for states, _ in begun]
    assert states[0] is states[3] is None, "an epoch starts anew"
    for given, before in zip(flat(states[1]), flat(begun[0][1]), strict=True):
        assert not given[1].any()
        assert np.array_equal(given[[0, 2]], before[[0, 2]])
    for given, before in zip(flat(states[2]), flat(begun[1][1]), strict=True):
        assert np.array_equal(given, before)


def test_restarted_states_are_of_the_same_types():
    model, samples = model_and_samples()
    states = model.forward(samples.x).final
    found = restart(states, np.array([True, False, True]))
    assert type(found) is type(states) is tuple
    assert [type(state) for state in found] == [type(state) for state in states]
    for new, old in zip(flat(found), flat(states), strict=True):
        assert np.array_equal(new[1], old[1])
        assert not new[[0, 2]].any()


def test_without_stateful_every_batch_starts_anew_and_resets_do_nothing():
    model, samples = model_and_samples()
    plain, _, _ = trained(model, samples)
    model, samples = model_and_samples()
    marked = samples._replace(resets=np.ones(B, bool))
    also, _, _ = trained(model, marked)
    assert same(plain, also)
    assert restart(None, np.ones(2, bool)) is None


def test_a_model_that_speaks_last_can_be_stateful():
    rng = np.random.default_rng(0)
    model = Sequential(LSTM(1, 2, return_sequences=False, rng=rng), Dense(2, 1, rng=rng))
    x = rng.standard_normal((4, 3, 1))
    seen, inner = [], model.forward
    model.forward = lambda x, states=None, **o: seen.append(states) or inner(x, states, **o)
    fit(model, (x, x[:, -1]), epochs=1, batch_size=2, stateful=True, rng=rng)
    assert seen[0] is None
    assert len(seen[1]) == 1
