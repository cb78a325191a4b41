"""How fit ends: with the best weights, early, or by Ctrl-C, and always with whole steps."""

import signal

import numpy as np
import pytest

from npstack import Adam, mean_squared_error
from npstack.cli import demo
from npstack.training.fit import evaluate
from npstack.training.history import History
from tests.training.fits import interrupt_at, problem, same, train

# ---- the best weights, and when to stop ----------------------------------------------------------


def watched(**options):
    """A run, its model, and the parameters after each epoch."""
    model, samples = problem(dropout=0.3)
    _, held_out = problem(seed=9)
    after = []
    few = samples.rows(slice(0, 8))
    options = {"epochs": 12, "batch_size": 4, "validation": held_out, **options}
    history = train(
        model, few, on_epoch=lambda model, history: after.append(model.params), **options
    )
    return history, model, after, held_out


def test_the_best_weights_come_back_if_they_are_asked_for():
    plain, last, after, _ = watched()
    best = int(np.argmin(plain.validation_loss)) + 1
    assert 1 < best < 12, "a job that overfits"
    assert plain.best_epoch == best
    assert same(last.params, after[-1])
    kept, model, after, held_out = watched(keep_best=True)
    assert kept.validation_loss == plain.validation_loss
    assert kept.stopped == ""
    assert same(model.params, after[best - 1])
    assert evaluate(model, held_out) == min(kept.validation_loss) == kept.least_validation_loss


@pytest.mark.parametrize("patience", [1, 3])
def test_patience_stops_after_so_many_epochs_without_a_new_minimum(patience):
    plain, _, after, _ = watched()
    history, model, _, _ = watched(patience=patience)
    losses = plain.validation_loss
    least = np.minimum.accumulate(losses)
    expected = next(
        k for k in range(patience, 12) if least[k] == least[k - patience] and k - patience >= 0
    )
    assert history.stopped == "early"
    assert history.epochs == list(range(1, expected + 2))
    assert history.best_epoch == expected + 1 - patience
    assert same(model.params, after[history.best_epoch - 1])


def test_patience_that_lasts_is_no_early_stop():
    history, *_ = watched(patience=12)
    assert history.stopped == ""
    assert len(history.epochs) == 12


def test_an_equal_loss_is_no_improvement():
    model, samples = problem()
    loss = lambda p, t, m: (1.0, np.zeros_like(p))  # noqa: E731
    history = train(model, samples, epochs=9, loss=loss, validation=samples, patience=2)
    assert history.best_epoch == 1
    assert history.epochs == [1, 2, 3]


# ---- Ctrl-C --------------------------------------------------------------------------------------


def updates(**options):
    """Parameters and optimiser's state after every update of a run that is not interrupted."""
    model, samples = problem(dropout=0.3)
    adam = Adam(0.05)
    seen = [(dict(model.params), {})]
    right = adam.update

    def update(params, grads):
        new = right(params, grads)
        seen.append((new, adam.state()))
        return new

    adam.update = update
    train(model, samples, optimiser=adam, **options)
    return seen


@pytest.mark.parametrize(("call", "epochs"), [(0, 0), (2, 0), (4, 1), (7, 1), (11, 2)])
def test_ctrl_c_returns_what_was_learned(call, epochs):
    seen = updates()
    model, samples = problem(dropout=0.3)
    adam = Adam(0.05)
    history = train(model, samples, optimiser=adam, loss=interrupt_at(call))
    assert history.stopped == "interrupted"
    assert history.epochs == list(range(1, epochs + 1))
    columns = (history.train_loss, history.gradient_norm, history.seconds, history.learning_rate)
    assert {len(column) for column in columns} == {epochs}
    assert same(model.params, seen[call][0])
    assert same(adam.state(), seen[call][1])
    assert adam.steps == call


def test_ctrl_c_between_two_layers_leaves_no_half_step():
    """Parameters of a model are put in place layer by layer; the second of them is late."""
    seen = updates()
    model, samples = problem(dropout=0.3)
    head, adam = model.children["1"], Adam(0.05)
    store, calls = head._store, iter(range(100))

    def interrupted(params):
        if next(calls) == 3:
            assert not same(model.params, seen[3][0]), "the layers below have moved on"
            raise KeyboardInterrupt
        store(params)

    head._store = interrupted
    history = train(model, samples, optimiser=adam)
    assert history.stopped == "interrupted"
    assert same(model.params, seen[3][0])
    assert adam.steps == 3
    assert same(adam.state(), seen[3][1])


def test_ctrl_c_at_any_moment_leaves_a_whole_step():
    seen = updates(epochs=6)
    rng = np.random.default_rng(0)
    reached = set()

    def ring(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, ring)
    try:
        for _ in range(25):
            model, samples = problem(dropout=0.3)
            adam, seconds = Adam(0.05), rng.uniform(0.0005, 0.03)

            def loss(predictions, targets, mask, adam=adam, seconds=seconds):
                if adam.steps == 0:
                    signal.setitimer(signal.ITIMER_REAL, seconds)
                return mean_squared_error(predictions, targets, mask)

            history = train(model, samples, epochs=100_000, optimiser=adam, loss=loss)
            assert history.stopped == "interrupted"
            if adam.steps < len(seen):  # a fast machine may be further than was recorded
                assert same(model.params, seen[adam.steps][0])
                assert same(adam.state(), seen[adam.steps][1])
                reached.add(adam.steps)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert reached


def test_ctrl_c_while_an_epoch_is_being_noted_drops_that_epoch(monkeypatch):
    append = History.append

    def interrupted(history, **numbers):
        if len(history.epochs) == 1:
            history.train_loss.append(numbers["train_loss"])
            raise KeyboardInterrupt
        append(history, **numbers)

    monkeypatch.setattr(History, "append", interrupted)
    history = train(*problem())
    assert (history.stopped, history.epochs, len(history.train_loss)) == ("interrupted", [1], 1)


def test_ctrl_c_with_keep_best_gives_the_best_so_far():
    plain, _, after, held_out = watched()
    model, samples = problem(dropout=0.3)
    stop_at = plain.best_epoch + 2

    def on_epoch(model, history):
        if history.epochs[-1] == stop_at:
            raise KeyboardInterrupt

    options = {"batch_size": 4, "validation": held_out, "keep_best": True}
    history = train(model, samples.rows(slice(0, 8)), epochs=12, on_epoch=on_epoch, **options)
    assert history.stopped == "interrupted"
    assert history.best_epoch == plain.best_epoch
    assert same(model.params, after[plain.best_epoch - 1])


def test_what_on_epoch_changes_is_not_undone_by_ctrl_c():
    model, samples = problem()

    def halve(model, history):
        model.params = {name: value / 2 for name, value in model.params.items()}
        halved.append(model.params)

    halved = []
    train(model, samples, on_epoch=halve, loss=interrupt_at(4))
    assert same(model.params, halved[0])


def test_the_demo_still_ends_at_ctrl_c(tmp_path, monkeypatch):
    said = []

    def say(line):
        said.append(line)
        if len(said) == 2:
            raise KeyboardInterrupt

    settings = demo.Settings(sizes=(2, 2), epochs=3, stride=240, length=60, warm_up=12)
    with pytest.raises(KeyboardInterrupt):
        demo.run(tmp_path, settings=settings, say=say)
    assert "epoch 2 of 3" in said[-1]
    assert not list(tmp_path.iterdir())
