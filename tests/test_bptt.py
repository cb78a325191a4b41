"""Truncated BPTT: nothing cut is full BPTT; cuts are checked by the complex step; stateful rows."""

import numpy as np
import pytest

from npstack import (
    LSTM,
    Adam,
    ArgumentError,
    Dense,
    Dropout,
    Embedding,
    NonFiniteError,
    Sequential,
    ShapeError,
    StackedLSTM,
    mean_squared_error,
)
from npstack.bptt import passes, restart, spans, truncated_gradients
from npstack.params import split_gates
from npstack.samples import Samples
from npstack.seq2seq import EncoderDecoder
from npstack.source_target import SourceTarget
from npstack.train import fit

B, T = 3, 12
EPS = np.finfo(float).eps


def model_and_samples(kind="plain", dropout=0.0, seed=0):
    rng = np.random.default_rng(seed)
    stack = StackedLSTM(2, [4, 3], dropout=dropout, rng=rng)
    x, y = rng.standard_normal((B, T, 2)), rng.standard_normal((B, T, 2))
    mask = counts = weights = None
    if kind in ("mask", "all"):
        mask = rng.random((B, T)) < 0.7
        mask[1, 7:] = False  # a short row
    if kind in ("counts", "all"):
        counts = rng.random((B, T)) < 0.6
        counts[:, :4] = False  # a warm-up
    if kind in ("weights", "all"):
        weights = rng.random((B, T)) + 0.1
    return Sequential(stack, Dense(3, 2, rng=rng)), Samples(x, y, mask, counts, weights)


def full(model, samples, states=None):
    counts = samples.counts if samples.mask is None else samples.mask
    if samples.mask is not None and samples.counts is not None:
        counts = samples.mask & samples.counts
    tape = model.forward(samples.x, states, mask=samples.mask)
    loss = mean_squared_error(tape.outputs, samples.y, counts, weights=samples.weights)
    return loss.value, model.backward(tape, loss.gradient).params, tape.final


def blocks(params):
    """Every parameter, split by gate where it has gates."""
    for name, value in params.items():
        if name.startswith("0."):
            yield from ((f"{name}.{g}", part) for g, part in split_gates(value)._asdict().items())
        else:
            yield name, value


def flat(states):
    return [array for state in states for array in state]


# ---- spans ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("k1", "k2"), [(1, 1), (3, 3), (3, 7), (5, 2), (4, 4), (12, 12), (99, 99)])
def test_every_step_counts_in_one_span_and_each_window_reaches_k2_back(k1, k2):
    found = spans(T, k1, k2)
    assert [t for span in found for t in range(span.first, span.stop)] == list(range(T))
    assert all(span.stop - span.first == min(k1, T) for span in found[:-1])
    assert [span.begin for span in found] == [max(0, span.stop - k2) for span in found]


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


# ---- with updates between the spans --------------------------------------------------------------


def trained(model, samples, **options):
    rng, adam = np.random.default_rng(3), Adam(0.05)
    options = {"epochs": 2, "batch_size": B, "shuffle": False, **options}
    history = fit(model, samples, rng=rng, optimiser=adam, **options)
    return dict(model.params), history, adam


def same(one, other):
    return all(np.array_equal(one[name], other[name]) for name in one)


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


# ---- wrong calls ---------------------------------------------------------------------------------


def wrong(**options):
    model, samples = model_and_samples()
    arguments = {"epochs": 1, "batch_size": B, "rng": np.random.default_rng(0), **options}
    fit(arguments.pop("model", model), arguments.pop("samples", samples), **arguments)


X = np.zeros((4, 5, 2))
LAST = LSTM(2, 2, return_sequences=False, rng=np.random.default_rng(0))
NO_STATE = Sequential(Dropout(0.5), Dense(2, 2, rng=np.random.default_rng(0)))
SIDES = [LSTM(2, 2, rng=np.random.default_rng(k)) for k in range(2)]
PAIR = EncoderDecoder(*SIDES)
WRONG = {
    "truncate is one number": ({"truncate": 4}, ArgumentError, r"pair \(k1, k2\)"),
    "k2 is zero": ({"truncate": (4, 0)}, ArgumentError, "k2"),
    "k1 is a float": ({"truncate": (2.5, 3)}, ArgumentError, "k1"),
    "only the last step": (
        {"model": LAST, "samples": (X, X[:, 0]), "truncate": (2, 2)},
        ArgumentError,
        "return_sequences=True",
    ),
    "no state to carry": (
        {"model": NO_STATE, "samples": (X, X), "truncate": (2, 2)},
        ArgumentError,
        "recurrent layer",
    ),
    "no state for stateful": (
        {"model": NO_STATE, "samples": (X, X), "stateful": True},
        ArgumentError,
        "stateful needs a model with a recurrent layer",
    ),
    "targets without time": (
        {"model": LSTM(2, 2, rng=np.random.default_rng(0)), "samples": (X, X[:, 0])}
        | {"truncate": (2, 2)},
        ShapeError,
        r"begin with \(B, T\)",
    ),
    "two inputs": (
        {"model": PAIR, "samples": (SourceTarget(X, X), X), "stateful": True},
        ArgumentError,
        "one input",
    ),
    "two inputs in spans": (
        {"model": PAIR, "samples": (SourceTarget(X, X), X), "truncate": (2, 2)},
        ShapeError,
        r"begin with \(B, T\)",
    ),
    "rows left over": ({"stateful": True, "batch_size": 2}, ShapeError, "leave a smaller one"),
    "batches of two sizes": (
        {"stateful": True, "batches": lambda rng: [[0, 1], [2]]},
        ShapeError,
        "2 rows like the first",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_calls_are_explained(name):
    options, error, words = WRONG[name]
    with pytest.raises(error, match=words):
        wrong(**options)


def test_an_error_counts_its_time_step_from_the_beginning_of_the_row():
    model, samples = model_and_samples()
    x = samples.x.copy()
    x[1, 9] = np.nan
    for k1, k2, step in [(4, 4, 9), (4, 6, 9), (5, 2, 9), (T, T, 9)]:
        with pytest.raises(NonFiniteError, match=f"time step {step} "):
            truncated_gradients(model, samples._replace(x=x), k1, k2)
