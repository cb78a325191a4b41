"""Three small files, one for each task of ``npstack train``, and the command in this process."""

import contextlib
import csv
import io
import shlex
import signal
from pathlib import Path

import numpy as np

from npstack import load_checkpoint
from npstack.cli import main as cli
from npstack.cli import runs
from npstack.cli.tasks import TASKS

FORECAST = "train sales.csv --task forecast --target sold --horizon 3 --window 5 --layers 4,3"
CLASSIFY = "train signs.csv --task classify --layers 4,3 --batch-size 8"
TEXT = "train rhyme.txt --task text --layers 5,4 --embedding 3 --batch-size 4 --span 8"
COMMANDS = {"forecast": FORECAST, "classify": CLASSIFY, "text": TEXT}
FOLDERS = {"forecast": "sales-forecast", "classify": "signs-classify", "text": "rhyme-text"}
SHORT = " --epochs 3 --patience 3 --quiet --no-pictures"
RHYME = "the cat sat on the mat;\nthe dog ate the hat.\n" * 12


def sales(count=80, seed=0):
    rng = np.random.default_rng(seed)
    sold = 10 + np.sin(np.arange(count) / 4) + rng.normal(0, 0.1, count)
    rain = rng.random(count)
    lines = [f"day {k},{a:.4f},{b:.4f}" for k, (a, b) in enumerate(zip(sold, rain, strict=True))]
    return "day,sold,rain\n" + "\n".join(lines) + "\n"


def signs(count=30, seed=0):
    rng = np.random.default_rng(seed)
    lines = ["sequence,u,v,label"]
    for k in range(count):
        for t in range(3 + k % 4):
            lines.append(f"s{k},{np.sin(t * (1 + k % 3)):.4f},{rng.normal():.4f},{'abbc'[k % 4]}")
    return "\n".join(lines) + "\n"


def put_files(place):
    (place / "sales.csv").write_text(sales())
    (place / "signs.csv").write_text(signs())
    (place / "rhyme.txt").write_text(RHYME)


def learn_all(place):
    """A run of each task."""
    with contextlib.chdir(place):
        put_files(place)
        for task in TASKS:
            assert npstack(COMMANDS[task] + SHORT) == cli.OK
    return place


def npstack(line):
    """Run a command in this process; its exit code."""
    try:
        return cli.main(shlex.split(line))
    except SystemExit as left:  # argparse's own way
        return left.code


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def kept(folder):
    """All that a run has learned; of the history, all but the times."""
    found = load_checkpoint(Path(folder) / runs.CHECKPOINT)
    history = {k: v for k, v in vars(found.history).items() if k != "seconds"}
    parts = [found.params, found.best, found.state]
    arrays = [{name: value.tobytes() for name, value in part.items()} for part in parts]
    return arrays, found.random, found.steps, history


def heed_interrupts():
    """A shell that runs the tests in the background lets its children ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
