"""What an engine hands out is not written to by the next pass, and what it takes is not its own."""

import threading
import time

import numpy as np
import pytest

import npstack as nps
from npstack import Engine, TapeError
from npstack.core.trees import named
from npstack.engine.worker import Follower
from npstack.losses import mean_squared_error
from npstack.losses.samples import Samples
from tests.layers.test_engines import drawn

ENGINES = ["fused", "wavefront", Engine("fused", budget=1)]
KINDS = [nps.StackedLSTM, nps.StackedGRU]


def gradients(model, x, engine):
    tape = model.forward(x, engine=engine)
    grads = model.backward(tape, np.ones(tape.outputs.shape))
    tape.release()
    return grads.params | named("dx", grads.x) | named("dinitial", grads.initial_states)


@pytest.mark.parametrize("engine", ENGINES, ids=str)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("B", "T"), [(1, 3), (9, 40)])
@pytest.mark.parametrize("sizes", [[1], [1, 1], [2, 1], [3, 3]])
def test_gradients_are_not_overwritten_by_the_next_pass(engine, kind, B, T, sizes):
    model, x, rng = drawn(kind, B, T, sizes, learn_initial=True)
    found = gradients(model, x, engine)
    kept = {name: value.copy() for name, value in found.items()}
    gradients(model, rng.standard_normal(x.shape), engine)
    assert all((found[name] == value).all() for name, value in kept.items())


def test_two_runs_of_one_pass_do_not_share_a_gradient():
    rng = np.random.default_rng(0)
    model = nps.StackedBidirectional(nps.GRU, 3, [1], rng=rng)
    x = rng.standard_normal((9, 5, 3))
    right, ours = (gradients(model, x, engine) for engine in ("readable", "fused"))
    for name, value in right.items():
        assert np.abs(ours[name] - value).max() < 1e-13, name


# ---- layers with passes of their own ------------------------------------------------------------


class Doubled(nps.StackedLSTM):
    def _forward(self, params, x, context):
        tape = super()._forward(params, x, context)
        object.__setattr__(tape, "outputs", 2 * tape.outputs)
        return tape


class Frozen(nps.LSTM):
    def _backward(self, tape, doutputs, dfinal):
        dparams, dx, dstates = super()._backward(tape, doutputs, dfinal)
        return {name: 0 * value for name, value in dparams.items()}, dx, dstates


def test_a_stack_with_passes_of_its_own_runs_them():
    model = Doubled(3, [4, 4], rng=np.random.default_rng(0))
    x = np.ones((9, 3, 3))
    fast = model.forward(x, engine="fused")
    assert (fast.outputs == model.forward(x).outputs).all()
    assert "passes of its own" in fast.engine.why


def test_a_layer_with_passes_of_its_own_runs_them():
    rng = np.random.default_rng(0)
    model = nps.Sequential(Frozen(3, 4, rng=rng), nps.LSTM(4, 4, rng=rng))
    found = gradients(model, np.ones((9, 3, 3)), "fused")
    assert not found["0.W"].any()
    assert found["1.W"].any()


# ---- tapes that have been given back ------------------------------------------------------------


def nested(kind):
    rng = np.random.default_rng(0)
    stack, dense, other = nps.StackedLSTM(3, [3, 3], rng=rng), *dense_layers(rng)
    return {
        "above": lambda: nps.Sequential(dense, stack),
        "below": lambda: nps.Sequential(stack, dense),
        "inside": lambda: nps.Sequential(dense, nps.Sequential(stack, nps.Residual(other))),
    }[kind]()


def dense_layers(rng):
    return nps.Dense(3, 3, rng=rng), nps.Dense(3, 3, rng=rng)


@pytest.mark.parametrize("kind", ["above", "below", "inside"])
def test_no_part_of_a_released_tape_is_read(kind):
    tape = nested(kind).forward(np.ones((9, 3, 3)), engine="fused")
    tape.release()
    parts = [tape]
    while parts:
        part = parts.pop()
        parts += part.parts
        for name in ("x", "outputs"):
            with pytest.raises(TapeError, match="release"):
                getattr(part, name)


def test_a_loss_may_keep_what_it_is_given():
    kept = []

    def loss(predictions, targets, mask):
        kept.append(predictions)
        return mean_squared_error(predictions, targets, mask)

    rng = np.random.default_rng(0)
    samples = Samples(rng.standard_normal((9, 4, 2)), rng.standard_normal((9, 4, 3)))
    sums = []
    for engine in ("readable", "auto"):
        kept.clear()
        model = nps.LSTM(2, 3, rng=np.random.default_rng(0))
        nps.fit(
            model,
            samples,
            loss=loss,
            epochs=3,
            batch_size=9,
            engine=engine,
            rng=np.random.default_rng(1),
        )
        sums.append([float(values.sum()) for values in kept])
    assert sums[0] == pytest.approx(sums[1], rel=1e-12)


# ---- the other thread ---------------------------------------------------------------------------


def told_and_stopped(work, pieces, error):
    with Follower(work, True) as follower:
        for _ in range(pieces):
            follower.tell()
        raise error


def test_a_pass_that_is_interrupted_leaves_the_other_thread_free():
    for stop in (0, 1, 2):
        with pytest.raises(KeyboardInterrupt):
            told_and_stopped(lambda number: None, stop, KeyboardInterrupt)
        done = []
        with Follower(done.append, True) as follower:
            follower.tell()
            follower.wait(1)
        assert done == [0]


def test_what_is_left_out_after_an_error_stays_undone():
    done, block = [], threading.Event()

    def work(number):
        block.wait(10)
        done.append(number)

    with pytest.raises(ValueError):  # noqa: PT011
        told_and_stopped(work, 2, ValueError)
    block.set()
    with Follower(lambda number: None, True) as follower:  # behind the others
        follower.tell()
        follower.wait(1)
    assert len(done) <= 1


def test_a_pass_does_not_wait_for_the_end_of_another():
    with Follower(lambda number: None, True) as first:
        first.tell()
        first.wait(1)
        began = time.monotonic()
        with Follower(lambda number: None, True) as second:  # the first is not over
            second.tell()
            second.wait(1)
        assert time.monotonic() - began < 5
