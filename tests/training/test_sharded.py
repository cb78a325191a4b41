"""Sharded gradients: the bits of a serial loop, wherever they are computed and in any order."""

from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np
import pytest

from npstack import (
    LSTM,
    ArgumentError,
    Dense,
    DtypeError,
    EncoderDecoder,
    NonFiniteError,
    RestartingExecutor,
    Samples,
    Sequential,
    ShapeError,
    SourceTarget,
    StackedLSTM,
    huber,
    mean_squared_error,
    sharded_gradients,
    softmax_cross_entropy,
)
from tests.tools.strategies import LAYERS, build, draw_input
from tests.training.truncation import B, T, flat, full, model_and_samples, same
from tests.training.workers import Backwards, Forgetful, deadly_loss

KINDS = ("plain", "mask", "counts", "weights", "all")
EPS = np.finfo(float).eps


def spawned(workers=2):
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))


@pytest.fixture(scope="module")
def processes():
    with spawned() as pool:
        yield pool


def divided(samples, shards=3):
    return [samples.rows(rows) for rows in np.array_split(np.arange(len(samples.y)), shards)]


def by_hand(model, shards, loss=mean_squared_error, states=None):
    """A serial loop: every shard with its share of what counts."""
    found, weights = [], []
    for k, own in enumerate(shards):
        resets = None if own.resets is None else own.beginnings(own.resets)
        begin = None if states is None else states[k]
        tape = model.forward(own.x, begin, mask=own.mask, resets=resets)
        counts = np.ones(tape.outputs.shape[:-1], bool) if own.counts is None else own.counts
        if own.mask is not None and model.interface.keeps_time:
            counts = counts & own.mask
        weights.append(float(counts.sum() if own.weights is None else own.weights[counts].sum()))
        given = {} if own.weights is None else {"weights": own.weights}
        value, gradient = loss(tape.outputs, own.y, counts, **given)
        found.append((float(value), model.backward(tape, gradient).params))
    value, params = 0.0, None
    for (one, grads), weight in zip(found, weights, strict=True):
        share = weight / sum(weights)
        value += share * one
        part = {name: share * grad for name, grad in grads.items()}
        params = part if params is None else {name: params[name] + part[name] for name in part}
    return value, params


def equal(found, other):
    return found.value == other[0] and same(found.params, other[1])


# ---- the same numbers ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_executor_gives_the_bits_of_a_serial_loop(kind, processes):
    model, samples = model_and_samples(kind)
    shards = divided(samples)
    expected = by_hand(model, shards)
    with ThreadPoolExecutor(3) as threads:
        for executor in (None, threads, processes, Backwards(len(shards))):
            found = sharded_gradients(model, shards, executor)
            assert equal(found, expected), executor
            assert type(found.value) is float


@pytest.mark.parametrize("kind", KINDS)
def test_shards_give_the_gradient_of_the_whole_batch_to_rounding(kind):
    model, samples = model_and_samples(kind, seed=1)
    value, params, final = full(model, samples)
    found = sharded_gradients(model, divided(samples, 2), None)
    assert found.value == pytest.approx(value, rel=10 * EPS)
    for name, expected in params.items():
        assert np.abs(found.params[name] - expected).max() <= 30 * EPS * np.abs(expected).max()
    joined = [np.concatenate(parts) for parts in zip(*map(flat, found.final), strict=True)]
    assert all(np.allclose(*pair, rtol=1e-13) for pair in zip(joined, flat(final), strict=True))


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_can_be_sent_and_gives_the_same_gradients(name):
    rng = np.random.default_rng(0)
    layer = build(name, rng)
    time = (4, 5) if layer.interface.takes_symbols or not layer.interface.takes_vector else (4,)
    x = draw_input(layer, rng, *time)
    shards = divided(Samples(x, rng.standard_normal(layer.forward(x).outputs.shape)), 2)
    assert equal(sharded_gradients(layer, shards, Backwards(2)), by_hand(layer, shards))


@pytest.mark.parametrize("engine", ["fused", "wavefront"])
def test_an_engine_runs_in_many_threads_at_once_and_gives_the_same_bits(engine):
    model, samples = model_and_samples("all")
    model.engine = engine
    shards = divided(samples) * 8
    expected = by_hand(model, shards)
    with ThreadPoolExecutor(4) as threads:
        for _ in range(3):
            assert equal(sharded_gradients(model, shards, threads), expected)
    assert equal(sharded_gradients(model, shards, Backwards(len(shards))), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.longdouble])
def test_gradients_keep_the_precision_of_the_model(dtype):
    rng = np.random.default_rng(0)
    model, x = LSTM(2, 3, dtype=dtype, rng=rng), rng.standard_normal((7, 4, 2)).astype(dtype)
    samples = Samples(x, rng.standard_normal((7, 4, 3)).astype(dtype))
    found, whole = (sharded_gradients(model, divided(samples, n), None) for n in (3, 1))
    for name, expected in whole.params.items():
        assert found.params[name].dtype == dtype
        error = np.abs(found.params[name] - expected).max() / np.abs(expected).max()
        assert error <= 20 * np.finfo(dtype).eps


def test_shards_may_differ_in_length_and_in_what_they_say_of_what_counts():
    model, samples = model_and_samples("all")
    _, plain = model_and_samples("plain", seed=4)
    shards = [samples, plain.steps(0, 5), plain._replace(counts=samples.counts)]
    assert equal(sharded_gradients(model, shards, None), by_hand(model, shards))


def test_classes_last_steps_vectors_and_pairs_are_counted_right():
    rng = np.random.default_rng(0)
    x, classes = rng.standard_normal((5, 4, 2)), rng.integers(0, 3, 5)
    last = Sequential(LSTM(2, 3, return_sequences=False, rng=rng), Dense(3, 3, rng=rng))
    some = rng.random(5) < 0.8
    vectors = Dense(2, 3, rng=rng)
    decoder = Sequential(LSTM(2, 3, rng=rng), Dense(3, 3, rng=rng))
    pair = EncoderDecoder(LSTM(2, 3, rng=rng), decoder)
    given = SourceTarget(x, rng.standard_normal((5, 6, 2)))
    for model, samples, loss in (
        (last, Samples(x, classes), softmax_cross_entropy),
        (last, Samples(x, np.eye(3)[classes]), partial(huber, delta=0.3)),
        (vectors, Samples(x[:, 0], np.eye(3)[classes]), mean_squared_error),
        (pair, Samples(given, rng.integers(0, 3, (5, 6))), softmax_cross_entropy),
    ):
        first, *rest = divided(samples, 2)
        mixed = [first, rest[0]._replace(counts=some[3:] if samples.y.ndim < 2 else None)]
        for shards in ([first, *rest], mixed):
            assert equal(
                sharded_gradients(model, shards, None, loss=loss), by_hand(model, shards, loss)
            )


def test_states_and_resets_are_those_of_forward():
    model, samples = model_and_samples("mask")
    resets = np.array([True, False, True])
    shards = divided(samples._replace(resets=resets), 2)
    before = sharded_gradients(model, shards, None)
    assert not equal(before, by_hand(model, shards, states=before.final))
    after = sharded_gradients(model, shards, Backwards(2), states=before.final)
    assert equal(after, by_hand(model, shards, states=before.final))
    plain = [shard._replace(resets=None) for shard in shards]
    assert not equal(after, by_hand(model, plain, states=before.final))


def test_a_shard_in_which_nothing_counts_is_read_and_has_no_share():
    model, samples = model_and_samples("plain")
    nothing = samples._replace(counts=np.zeros((B, T), bool))
    found = sharded_gradients(model, [nothing, samples, nothing], Backwards(3))
    assert equal(found, by_hand(model, [samples]))
    assert all(map(np.array_equal, flat(found.final[0]), flat(found.final[1])))
    no_weight = samples._replace(weights=np.zeros((B, T)))
    assert equal(sharded_gradients(model, [no_weight, samples], None), by_hand(model, [samples]))


def test_the_largest_weights_have_no_sum_and_a_mean():
    model, samples = model_and_samples("weights")
    large = samples._replace(weights=np.ldexp(samples.weights, 1022))
    one, other = (sharded_gradients(model, divided(own), None) for own in (samples, large))
    assert other.value == pytest.approx(one.value, rel=1e-13)
    assert all(np.allclose(one.params[name], other.params[name], rtol=1e-12) for name in one.params)


# ---- dropout -----------------------------------------------------------------------------------


def test_dropout_depends_on_the_shard_and_not_on_the_workers(processes):
    model, samples = model_and_samples("mask", dropout=0.5)
    shards = divided(samples)
    rng = np.random.default_rng(0)
    first, second = (sharded_gradients(model, shards, None, rng=rng) for _ in range(2))
    assert not same(first.params, second.params)
    assert not same(first.params, sharded_gradients(model, shards, None).params)
    for executor in (processes, Backwards(3), Forgetful(1)):
        again = sharded_gradients(model, shards, executor, rng=np.random.default_rng(0))
        assert again.value == first.value
        assert same(again.params, first.params)
    alike = sharded_gradients(model, [samples, samples], None, rng=np.random.default_rng(0))
    assert not all(map(np.array_equal, *map(flat, alike.final)))


# ---- lost workers ------------------------------------------------------------------------------


def test_a_killed_worker_loses_nothing(tmp_path):
    model, samples = model_and_samples("all")
    shards = divided(samples)
    expected = by_hand(model, shards)
    with RestartingExecutor(partial(spawned, 1)) as executor:
        loss = partial(deadly_loss, tmp_path, 1)
        assert equal(sharded_gradients(model, shards, executor, loss=loss), expected)
        assert len(list(tmp_path.iterdir())) == 1
        loss, message = partial(deadly_loss, tmp_path, 99), r"shards\[0\] must be .*attempt 1 of 1"
        with pytest.raises(ArgumentError, match=message):
            sharded_gradients(model, shards, executor, loss=loss, retries=0)
        assert len(list(tmp_path.iterdir())) == 2
        assert equal(sharded_gradients(model, shards, executor), expected)


def test_a_pool_that_cannot_go_on_is_named_with_what_can(tmp_path):
    model, samples = model_and_samples("plain")
    loss, message = partial(deadly_loss, tmp_path, 1), r"BrokenProcessPool.* a RestartingExecutor"
    with spawned(1) as pool, pytest.raises(ArgumentError, match=message):
        sharded_gradients(model, divided(samples), pool, loss=loss)
    with ThreadPoolExecutor(1) as pool:
        pass
    with pytest.raises(ArgumentError, match=r"shards\[0\].*after shutdown.*with block"):
        sharded_gradients(model, divided(samples), pool)


@pytest.mark.parametrize("losses", [0, 1, 3])
def test_a_lost_shard_is_sent_again_so_many_times_and_not_more(losses):
    model, samples = model_and_samples("plain")
    shards = divided(samples)
    executor = Forgetful(losses)
    assert equal(sharded_gradients(model, shards, executor, retries=losses), by_hand(model, shards))
    assert sorted(executor.sent) == sorted([*range(losses + 1)] * 3)
    if losses:
        executor = Forgetful(losses)
        with pytest.raises(ArgumentError, match="MemoryError: the worker is gone") as raised:
            sharded_gradients(model, shards, executor, retries=losses - 1)
        assert isinstance(raised.value.__cause__, MemoryError)
        assert len(executor.sent) == 3 * losses


class Waiting(Executor):
    """The second call fails at once; the others never begin."""

    def __init__(self):
        self.futures = []

    def submit(self, fn, /, *args):
        self.futures.append(Future())
        if len(self.futures) < 3:
            self.futures[-1].set_result(fn(*args))
        return self.futures[-1]


def test_after_an_error_nobody_computes_the_others():
    model, samples = model_and_samples("plain")
    good, bad = samples, samples._replace(x=samples.x[:, :, :1])
    executor = Waiting()
    with pytest.raises(ValueError, match=r"shards\[1\]"):
        sharded_gradients(model, [good, bad, good, good], executor)
    assert [future.cancelled() for future in executor.futures] == [False, False, True, True]


# ---- errors of workers -------------------------------------------------------------------------


def explodes(predictions, targets, mask=None):
    gradient = np.zeros_like(predictions)
    gradient[:, 7] = np.inf
    return 1.0, gradient


def test_an_error_in_a_worker_is_raised_here_and_names_the_shard(processes):
    model, samples = model_and_samples("plain")
    for executor in (None, processes):
        with pytest.raises(NonFiniteError, match=r"time step 7 .*\(in shards\[0\]\)") as raised:
            sharded_gradients(model, [samples, samples], executor, loss=explodes)
        assert raised.value.step == 7
        wide = samples._replace(x=np.repeat(samples.x, 2, axis=2))
        with pytest.raises(ShapeError, match=r"x must be \(B, T, D=2\).*\(in shards\[1\]\)"):
            sharded_gradients(model, [samples, wide], executor)


def divides(predictions, targets, mask=None):
    return 1 / 0


def test_what_a_loss_raises_keeps_its_kind(processes):
    model, samples = model_and_samples("plain")
    for executor in (None, processes):
        with pytest.raises(ZeroDivisionError) as raised:
            sharded_gradients(model, [samples, samples], executor, loss=divides)
        assert raised.value.__notes__ == ["raised for shards[0]"]


def test_what_cannot_be_sent_is_refused_in_words(processes):
    model, samples = model_and_samples("plain")
    with pytest.raises(DtypeError, match=r"must be such that they can be pickled.*lambda"):
        sharded_gradients(model, [samples], processes, loss=lambda *given: None)
    assert sharded_gradients(model, [samples], processes).value > 0


class Secret(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")  # it cannot be made again from this


def keeps(predictions, targets, mask=None):
    raise Secret("one", "two")


def test_an_error_that_cannot_be_sent_comes_in_words(processes):
    model, samples = model_and_samples("plain")
    with pytest.raises(RuntimeError, match="Secret: one and two"):
        sharded_gradients(model, [samples], processes, loss=keeps)


def test_a_model_learns_with_shards_as_without():
    _, samples = model_and_samples("plain")
    stack = StackedLSTM(2, [4, 3], rng=np.random.default_rng(9))
    samples = samples._replace(y=samples.y[:, :, :1].repeat(3, axis=2))
    first = sharded_gradients(stack, divided(samples), None).value
    for _ in range(20):
        grads = sharded_gradients(stack, divided(samples), None).params
        stack.params = {name: value - 0.5 * grads[name] for name, value in stack.params.items()}
    assert sharded_gradients(stack, divided(samples), None).value < first
