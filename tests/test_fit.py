"""What fit does around a step: best weights, stopping, Ctrl-C, batches, clipping, a recorder."""

import signal
import sys
import time
import types

import numpy as np
import pytest

from npstack import (
    SGD,
    Adam,
    ArgumentError,
    Dense,
    DtypeError,
    Recorder,
    Sequential,
    ShapeError,
    StackedLSTM,
    demo,
    mean_squared_error,
)
from npstack.history import History
from npstack.losses import softmax_cross_entropy
from npstack.progress import Lines, show
from npstack.samples import Samples
from npstack.schedules import StepDecay
from npstack.train import evaluate, fit
from tests.provenance import read_evidence


def problem(seed=0, dropout=0.0):
    rng = np.random.default_rng(seed)
    stack = StackedLSTM(1, [4, 3], dropout=dropout, return_sequences=False, rng=rng)
    x = rng.standard_normal((20, 6, 1))
    return Sequential(stack, Dense(3, 1, rng=rng)), Samples(x, x[:, -1] * x[:, -2])


def train(model, samples, seed=1, **options):
    options = {"epochs": 3, "batch_size": 5, "optimiser": Adam(0.05), **options}
    return fit(model, samples, rng=np.random.default_rng(seed), **options)


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[n], other[n]) for n in one)


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
    """Parameters and optimiser's state after every update of a run that nobody interrupts."""
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


def interrupt_at(call):
    calls = iter(range(10**6))

    def loss(predictions, targets, mask):
        if next(calls) == call:
            raise KeyboardInterrupt
        return mean_squared_error(predictions, targets, mask)

    return loss


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


# ---- batches, clipping, learning rates, freezing, weights ----------------------------------------


def test_batches_of_ones_own_and_no_shuffling():
    model, samples = problem()
    given = [[3, 1], np.array([0, 2, 4, 19])]
    seen = []

    def loss(predictions, targets, mask):
        seen.append(targets)
        return mean_squared_error(predictions, targets, mask)

    train(model, samples, epochs=2, batches=lambda rng: given, loss=loss)
    assert len(seen) == 4
    for found, rows in zip(seen, given * 2, strict=True):
        assert np.array_equal(found, samples.y[rows])
    seen.clear()
    train(model, samples, epochs=1, shuffle=False, batch_size=8, loss=loss)
    assert np.array_equal(np.concatenate(seen), samples.y)
    assert [len(batch) for batch in seen] == [8, 8, 4]


def test_batches_may_draw_from_the_run_s_own_generator():
    def deal(rng):
        return np.array_split(rng.permutation(20), 4)

    one, other = problem(), problem()
    train(*one, batches=deal)
    train(*other)  # equal batches of five from the same permutation
    assert same(one[0].params, other[0].params)


@pytest.mark.parametrize("options", [{"clip_value": 0.01}, {"clip_norm": 0.02, "clip_value": 0.01}])
def test_values_are_clipped_before_the_norm_and_the_norm_told_is_of_neither(options):
    model, samples = problem()
    before = model.params
    tape = model.forward(samples.x)
    loss = mean_squared_error(tape.outputs, samples.y)
    grads = model.backward(tape, loss.gradient).params
    whole = np.concatenate([g.ravel() for g in grads.values()])
    clipped = np.clip(whole, -0.01, 0.01)
    assert (np.abs(whole) > 0.01).any()
    if "clip_norm" in options:
        assert np.linalg.norm(clipped) > 0.02
        clipped = clipped * 0.02 / np.linalg.norm(clipped)
    history = train(
        model, samples, epochs=1, batch_size=20, optimiser=SGD(1.0), shuffle=False, **options
    )
    step = np.concatenate([(before[name] - model.params[name]).ravel() for name in before])
    np.testing.assert_allclose(step, clipped, rtol=1e-9, atol=1e-15)
    assert history.gradient_norm == [pytest.approx(np.linalg.norm(whole), rel=1e-12)]


def test_the_learning_rate_of_the_last_update_is_on_record():
    history = train(*problem(), optimiser=SGD(StepDecay(0.5, every=2, factor=0.1)))
    assert history.learning_rate == pytest.approx([0.05, 0.0005, 5e-6])  # updates 3, 7, 11


def test_frozen_layers_stay_and_are_not_in_the_norm():
    model, samples = problem()
    before = model.params
    tape = model.forward(samples.x)
    loss = mean_squared_error(tape.outputs, samples.y)
    head = model.backward(tape, loss.gradient).params
    norm = np.sqrt(sum((head[name] ** 2).sum() for name in ("1.W", "1.b")))
    adam = Adam(0.1, frozen=("0.*",))
    history = train(
        model, samples, epochs=1, batch_size=20, shuffle=False, optimiser=adam, clip_norm=norm * 2
    )
    assert history.gradient_norm == [pytest.approx(norm, rel=1e-12)]
    for name, value in model.params.items():
        assert np.array_equal(before[name], value) == name.startswith("0.")


def test_weights_and_classes_reach_the_loss():
    rng = np.random.default_rng(0)
    stack = StackedLSTM(1, [4], rng=rng)
    model = Sequential(stack, Dense(4, 3, rng=rng))
    x, y = rng.standard_normal((6, 5, 1)), rng.integers(0, 3, (6, 5))
    weights = rng.random((6, 5))
    outputs = model.forward(x).outputs
    samples = Samples(x, y, weights=weights)
    expected = softmax_cross_entropy(outputs, y, weights=weights).value
    assert evaluate(model, samples, softmax_cross_entropy) == expected
    history = train(
        model, samples, epochs=1, batch_size=6, shuffle=False, loss=softmax_cross_entropy
    )
    assert history.train_loss == [expected]


def test_a_row_without_a_last_small_batch_and_rows_chosen_together():
    samples = Samples(*(np.arange(8.0).reshape(4, 2) + k for k in range(2)))
    chosen = samples.rows([2, 0])
    assert np.array_equal(chosen.y, samples.y[[2, 0]])
    assert chosen.mask is None


# ---- a recorder, progress ------------------------------------------------------------------------


def test_a_recorder_keeps_a_tape_per_epoch_and_changes_nothing():
    quiet, samples = problem(dropout=0.4)
    history = train(quiet, samples)
    model, samples = problem(dropout=0.4)
    first, after = model.params, []
    mask = np.ones((2, 6), bool)
    mask[1, 4:] = False
    recorder = Recorder(samples.x[:2], mask)
    watched = train(model, samples, recorder=recorder, on_epoch=lambda m, h: after.append(m.params))
    assert same(quiet.params, model.params)
    assert watched.train_loss == history.train_loss
    assert recorder.epochs == [0, 1, 2, 3]
    for tape, params in zip(recorder.tapes, [first, *after], strict=True):
        assert same(dict(tape.params), dict(params))
        assert np.array_equal(
            tape.outputs, model.forward(samples.x[:2], mask=mask, params=dict(params)).outputs
        )
        assert tape.parts[0].parts[1].noise is None, "evaluation: nothing is dropped"


def test_a_recorder_may_keep_fewer_and_goes_on():
    model, samples = problem()
    recorder = Recorder(samples.x[:1], every=2)
    train(model, samples, epochs=5, recorder=recorder)
    assert recorder.epochs == [0, 2, 4]
    with pytest.raises(ArgumentError, match="every"):
        Recorder(samples.x, every=0)


def run_with_progress(capsys, **options):
    model, samples = problem()
    train(model, samples, epochs=2, progress=True, **options)
    out, err = capsys.readouterr()
    assert out == ""
    return err


def test_progress_in_plain_lines_where_tqdm_is_missing(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    lines = run_with_progress(capsys, validation=problem(seed=2)[1]).splitlines()
    assert len(lines) == 2
    for k, line in enumerate(lines, 1):
        assert line.startswith(f"epoch {k} of 2: loss ")
        assert "validation " in line
        assert "gradient norm " in line
    assert "validation" not in run_with_progress(capsys)


def test_long_epochs_say_where_they_are(capsys):
    lines = Lines(7, interval=0.0)
    lines.step(3, 12, 0.5, 2.0)
    assert capsys.readouterr().err == "epoch 3 of 7, step 12: loss 0.5, gradient norm 2\n"
    patient = Lines(7, interval=60.0)
    patient.step(3, 12, 0.5, 2.0)
    assert capsys.readouterr().err == ""


class FakeBar:
    """What fit needs of tqdm."""

    bars = []  # noqa: RUF012

    def __init__(self, **options):
        self.options, self.posts, self.updates, self.open = options, [], 0, True
        self.bars.append(self)

    def set_postfix_str(self, text, refresh=True):
        self.posts.append(text)

    def update(self, n):
        self.updates += n

    def close(self):
        self.open = False


@pytest.fixture
def fake_tqdm(monkeypatch):
    FakeBar.bars = []
    monkeypatch.setitem(sys.modules, "tqdm", types.SimpleNamespace(tqdm=FakeBar))
    return FakeBar.bars


def test_progress_by_tqdm_where_it_is_installed(fake_tqdm, capsys):
    assert run_with_progress(capsys) == ""
    (bar,) = fake_tqdm
    assert bar.options["total"] == bar.updates == 2
    assert bar.options["initial"] == 0
    assert not bar.open
    assert all("loss" in post and "gradient norm" in post for post in bar.posts)


def test_the_bar_is_closed_however_training_ends(fake_tqdm):
    model, samples = problem()
    train(model, samples, progress=True, loss=interrupt_at(3))
    with pytest.raises(ZeroDivisionError):
        train(model, samples, progress=True, on_epoch=lambda m, h: 1 / 0)
    assert [bar.open for bar in fake_tqdm] == [False, False]


def test_the_bar_is_redrawn_within_an_epoch_but_not_at_every_step(fake_tqdm):
    bar = show(True, 5, 0)
    bar._interval = 0.01
    for step in range(1000):
        bar.step(1, step, 0.5, 1.0)
        time.sleep(0.0001)
    assert 2 <= len(fake_tqdm[0].posts) < 500


def test_the_real_tqdm(capsys):
    pytest.importorskip("tqdm")
    text = run_with_progress(capsys)
    assert "2/2" in text
    assert "gradient norm" in text


def test_no_progress_unless_it_is_asked_for(capsys):
    train(*problem())
    assert capsys.readouterr() == ("", "")


def test_seconds_are_those_of_the_clock():
    model, samples = problem()
    began = time.perf_counter()
    history = train(model, samples, on_epoch=lambda m, h: time.sleep(0.01))
    assert 0 < sum(history.seconds) < time.perf_counter() - began - 0.02


def test_a_history_drops_what_was_left_half_done():
    history = History([1], [0.5, 0.4], [None, None], [1.0], [0.1], [1.0])
    history.only_whole_epochs()
    assert history == History([1], [0.5], [None], [1.0], [0.1], [1.0])


# ---- wrong calls ---------------------------------------------------------------------------------


WRONG = {
    "patience without validation": ({"patience": 3}, ArgumentError, "need validation"),
    "keep_best without validation": ({"keep_best": True}, ArgumentError, "need validation"),
    "patience of nothing": ({"patience": 0}, ArgumentError, "patience"),
    "a rate for an optimiser": ({"optimiser": 0.1}, DtypeError, r"Adam\(0.001\)"),
    "a class for an optimiser": ({"optimiser": Adam}, DtypeError, r"Adam\(0.001\)"),
    "no loss": ({"loss": "mse"}, DtypeError, "mean_squared_error"),
    "clip at nothing": ({"clip_norm": 0.0}, ArgumentError, "clip_norm"),
    "clip at a negative value": ({"clip_value": -1.0}, ArgumentError, "clip_value"),
    "batches as a list": ({"batches": [[0, 1]]}, DtypeError, r"batches\(rng\)"),
    "rows that are not there": ({"batches": lambda rng: [[0, 20]]}, ArgumentError, "0 to 19"),
    "rows from behind": ({"batches": lambda rng: [[-1]]}, ArgumentError, "0 to 19"),
    "an empty batch": ({"batches": lambda rng: [[]]}, ArgumentError, "row numbers"),
    "fractions of rows": ({"batches": lambda rng: [[0.5]]}, ArgumentError, "row numbers"),
    "no batch at all": ({"batches": lambda rng: []}, ArgumentError, "whole epoch"),
    "a seed for a generator": ({"rng": 0}, DtypeError, "default_rng"),
    "nothing to learn": ({"epochs": 0}, ArgumentError, "epochs"),
    "samples of one part": ({"samples": (np.zeros((2, 2, 1)),)}, DtypeError, "pair"),
    "validation of another length": (
        {"validation": (np.zeros((3, 2, 1)), np.zeros((2, 1)))},
        ShapeError,
        "validation must have 3 rows",
    ),
    "resets that are numbers": (
        {"samples": problem()[1]._replace(resets=np.zeros(20))},
        DtypeError,
        "resets",
    ),
    "a model that is none": ({"model": "LSTM"}, DtypeError, "model must be a layer"),
    "a recorder that is none": ({"recorder": np.zeros(3)}, DtypeError, r"Recorder\(x\)"),
    "rows of different lengths": ({"samples": ([[1.0], [1.0, 2.0]], [1, 2])}, ShapeError, "Pad"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_calls_are_explained_before_the_first_step(name):
    options, error, words = WRONG[name]
    model, samples = problem()
    before = model.params
    arguments = {"epochs": 1, "batch_size": 5, "rng": np.random.default_rng(0), **options}
    with pytest.raises(error, match=words):
        fit(arguments.pop("model", model), arguments.pop("samples", samples), **arguments)
    assert same(before, model.params)


def test_the_committed_profile_meets_the_bar():
    found = read_evidence("fit_profile")
    usual = [row["share"] for row in found["jobs"].values() if row["usual"]]
    assert len(usual) >= 4
    assert min(usual) >= found["bar"] == 0.85
