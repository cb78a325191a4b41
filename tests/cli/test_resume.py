"""Runs that are stopped, by Ctrl-C or at their last epoch, and go on."""

import json
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from npstack import load_checkpoint
from npstack.cli import main as cli
from npstack.cli import runs
from npstack.cli.tasks import TASKS
from npstack.training import resume as resuming
from tests.cli.small_runs import COMMANDS, FORECAST, TEXT, heed_interrupts, kept, npstack, put_files


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    """Three small files in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    put_files(tmp_path)
    return tmp_path


@pytest.mark.parametrize("task", TASKS)
def test_going_on_gives_the_bits_of_never_having_stopped(task, workplace, monkeypatch, capsys):
    line = COMMANDS[task] + " --epochs 5 --patience 5 --dropout 0.2"
    npstack(line + " --quiet --no-pictures --out whole")
    save, saved = resuming.save, []

    def stop_after_two(*given):
        save(*given)
        saved.append(given)
        if len(saved) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(resuming, "save", stop_after_two)
        capsys.readouterr()
        assert npstack(line + " --out parts") == cli.INTERRUPTED
    told = capsys.readouterr()
    assert "interrupted after epoch 2 of 5" in told.err
    assert "npstack train --resume --out parts" in told.err
    assert not told.out
    assert not (workplace / "parts/metrics.json").exists()
    assert kept("parts") != kept("whole")
    assert npstack("plot parts --out halfway") == cli.OK  # an interrupted run can be looked at
    assert npstack("train --resume --out parts --quiet --no-pictures") == cli.OK
    assert kept("parts") == kept("whole")
    scores = [json.loads((workplace / f / "metrics.json").read_text()) for f in ("parts", "whole")]
    assert scores[0]["scores"] == scores[1]["scores"]


def test_a_run_that_was_stopped_before_its_first_checkpoint_begins_again(monkeypatch, capsys):
    line = TEXT + " --epochs 2 --quiet --no-pictures"
    npstack(line + " --out whole")

    def stop(*given):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(resuming, "save", stop)
        assert npstack(line + " --out parts") == cli.INTERRUPTED
    assert "nothing was kept yet" in capsys.readouterr().err
    assert npstack("predict parts") == cli.BAD_DATA
    assert "train --resume --out parts" in capsys.readouterr().err
    assert npstack("train --resume --out parts --quiet --no-pictures") == cli.OK
    assert kept("parts") == kept("whole")


def test_a_real_interrupt_keeps_what_was_learned(workplace):
    words = shlex.split(FORECAST + " --epochs 3000 --patience 3000 --out run")
    command = [sys.executable, "-m", "npstack", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=workplace, preexec_fn=heed_interrupts, **pipes) as training:
        deadline = time.monotonic() + 60
        while not (workplace / "run/checkpoint.npz").exists():
            assert training.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        training.send_signal(signal.SIGINT)
        printed, told = training.communicate(timeout=60)
    assert training.returncode == cli.INTERRUPTED
    assert not printed
    assert "Traceback" not in told
    done = len(load_checkpoint(workplace / "run/checkpoint.npz").history.epochs)
    assert f"interrupted after epoch {done} of 3000" in told
    assert npstack(f"train --resume --out run --epochs {done + 2} --quiet --no-pictures") == cli.OK
    assert (
        npstack(
            FORECAST + f" --epochs {done + 2} --patience 3000 --quiet --no-pictures --out whole"
        )
        == cli.OK
    )
    assert kept("run")[:3] == kept("whole")[:3]


def test_a_run_that_is_done_can_be_trained_longer(capsys):
    npstack(FORECAST + " --epochs 2 --patience 9 --quiet --no-pictures")
    npstack(FORECAST + " --epochs 4 --patience 9 --quiet --no-pictures --out whole")
    assert npstack(FORECAST + " --resume --epochs 4 --patience 9 --no-pictures") == cli.OK
    assert kept("sales-forecast") == kept("whole")
    assert runs.open_run(Path("sales-forecast")).options["epochs"] == 4
    assert "of 4." in capsys.readouterr().out
    assert (
        npstack("train --resume --out sales-forecast --quiet --no-pictures") == cli.OK
    )  # nothing left to do
    assert kept("sales-forecast") == kept("whole")
