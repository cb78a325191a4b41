"""What can be seen of fit while it runs: a recorder, lines, a bar, the history."""

import sys
import time
import types

import numpy as np
import pytest

from npstack import ArgumentError, Recorder
from npstack.training.history import History
from npstack.training.progress import Lines, show
from tests.training.fits import interrupt_at, problem, same, train


def test_a_recorder_keeps_a_tape_per_epoch_and_changes_nothing():
    quiet, samples = problem(dropout=0.4)
    history = train(quiet, samples)
    model, samples = problem(dropout=0.4)
    model.engine = "auto"  # as fit does, so that a forward pass gives the same bits
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
