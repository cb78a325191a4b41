"""Killed at random moments, started again until it is done: ``python -m tests.full_runs.resume``.

Fifty kills (SIGKILL) of training runs of four kinds: at a random time; as soon as a save is seen
in the folder, and a moment later; in a save, before a random line of the module that writes, or of
the one that puts the new file in the place of the old one. After each kill the checkpoint must be
whole, and be the one that an uninterrupted run has after the same epoch; in the end all that was
learned must have the same bytes (weights, optimiser, random state, history; times excepted).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from npstack import Checkpoint, NpstackError, load_checkpoint, save_checkpoint
from npstack.files.atomic import PART, previous_of
from npstack.training import resume as resuming
from tests.tools.fatal_line import count_lines
from tests.tools.full_run import begin
from tests.training.killed_run import EPOCHS, JOBS, train

KILLS, SEED = 50, 0
MODES = ("a random time", "a save was seen", "a line that writes", "a line that replaces")
LINES = {"a line that writes": "container", "a line that replaces": "atomic"}
ROOT = Path(__file__).parents[2]


class Reference(NamedTuple):
    """An uninterrupted run: how it ends, how it stands after each epoch, what a save is like."""

    final: bytes
    after: list[bytes]
    lines: dict[str, int]
    seconds: float


class Kill(NamedTuple):
    """One interruption, and what stood in the folder then."""

    job: str
    run: int
    mode: str
    spot: str
    epochs: int  # that the checkpoint had
    left: int | None  # bytes of a file that was being written; None if there was none
    faults: list[str]


def timeless(checkpoint: Checkpoint) -> bytes:
    """The bytes of a checkpoint, except for the times."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "c.npz")
        save_checkpoint(path, replace(checkpoint, history=replace(checkpoint.history, seconds=[])))
        return path.read_bytes()


def reference(job: str) -> Reference:
    """Run once without a stop, and keep how it stood after every epoch."""
    after: list[bytes] = []

    def save(path: Path, checkpoint: Checkpoint) -> None:
        save_checkpoint(path, checkpoint)
        after.append(timeless(checkpoint))

    right = resuming.save_checkpoint
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "c.npz")
            resuming.save_checkpoint = save
            final = train(job, path)
            began = time.perf_counter()
            assert timeless(train(job, None)) == timeless(final)  # saving changes nothing
            seconds = time.perf_counter() - began
            last = load_checkpoint(path)
            lines = {
                mode: count_lines(
                    (f"npstack/files/{module}.py",), lambda: save_checkpoint(path, last)
                )
                for mode, module in LINES.items()
            }
    finally:
        resuming.save_checkpoint = right
    return Reference(timeless(final), after, lines, 1.5 * seconds)


def start(job: str, folder: Path, *spot: object) -> subprocess.Popen[bytes]:
    """Start the run, and come back when it is about to train."""
    command = [sys.executable, "-m", "tests.training.killed_run", job, str(folder), *map(str, spot)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    run = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE)
    assert run.stdout is not None
    assert run.stdout.readline() == b"ready\n"
    return run


def interrupt(
    job: str, folder: Path, mode: str, rng: np.random.Generator, known: Reference, done: int
) -> tuple[str, int]:
    """Start a run and kill it; where, and its return code (0 if it was faster)."""
    if mode in LINES:
        epoch = int(rng.integers(done + 1, len(known.after) + 1))
        line = int(rng.integers(1, known.lines[mode] + 1))
        run = start(job, folder, epoch, LINES[mode], line)
        spot = f"epoch {epoch}, line {line} of {known.lines[mode]}"
    elif mode == "a random time":
        wait = float(rng.uniform(0, known.seconds))
        run = start(job, folder)
        time.sleep(wait)
        run.kill()
        spot = f"after {wait:.3f} s"
    else:
        saves, moment = int(rng.integers(1, 4)), float(rng.uniform(0, 0.01))
        before, seen = set(os.listdir(folder)), set()
        run = start(job, folder)
        while run.poll() is None and len(seen) < saves:
            seen |= {n for n in os.listdir(folder) if n.endswith(PART)} - before
        time.sleep(moment)
        run.kill()
        spot = f"save {saves}, {1000 * moment:.1f} ms later"
    code = run.wait()
    assert run.stdout is not None
    run.stdout.close()
    return spot, code


def look(folder: Path, known: Reference, before: int) -> tuple[int, int | None, list[str]]:
    """Epochs that are safe, bytes that a save has left behind, and what is not as it must be."""
    names, faults, done = os.listdir(folder), [], 0
    left = [(folder / name).stat().st_size for name in names if name.endswith(PART)]
    path = folder / "checkpoint.npz"
    previous = previous_of(path)
    try:
        if path.exists():
            found = load_checkpoint(path)
            done = len(found.history.epochs)
            if timeless(found) != known.after[done - 1]:
                faults.append(f"the checkpoint after epoch {done} is another one")
        older = len(load_checkpoint(previous).history.epochs) if previous.exists() else done
        if older not in (done - 1, done):
            faults.append("the previous checkpoint is not the one before")
    except NpstackError as error:
        faults.append(str(error))
    if done < before:
        faults.append(f"{before} epochs were safe, and now {done}")
    return done, max(left, default=None), faults


def one_run(
    job: str, number: int, kills: int, rng: np.random.Generator, known: Reference
) -> tuple[list[Kill], list[str]]:
    """Kill a run a number of times, let it end, and compare the end."""
    found: list[Kill] = []
    with tempfile.TemporaryDirectory() as name:
        folder, done = Path(name), 0
        while len(found) < kills and done < len(known.after):
            mode = MODES[int(rng.integers(len(MODES)))]
            spot, code = interrupt(job, folder, mode, rng, known, done)
            if code == 0:
                break
            done, left, faults = look(folder, known, done)
            if code != -9:
                faults.append(f"it ended by itself with code {code}")
            found.append(Kill(job, number, mode, spot, done, left, faults))
        run = start(job, folder)
        faults = [] if run.communicate()[0] == b"" and run.returncode == 0 else ["it cannot go on"]
        if not faults and (folder / "final.npz").read_bytes() != known.final:
            faults.append("the end is another one")
        rest = set(os.listdir(folder)) - {"checkpoint.npz", "checkpoint.npz.previous", "final.npz"}
        if rest - {"final.npz.previous"}:
            faults.append(f"left in the folder: {sorted(rest)}")
    return found, faults


def kill_many(kills: int, seed: int, jobs: list[str]) -> dict[str, Any]:
    """Runs of all jobs in turn, until there were as many kills."""
    rng = np.random.default_rng(seed)
    known = {job: reference(job) for job in jobs}
    points: list[Kill] = []
    runs = []
    while len(points) < kills:
        job = jobs[len(runs) % len(jobs)]
        most = min(int(rng.integers(2, 6)), kills - len(points))
        found, faults = one_run(job, len(runs), most, rng, known[job])
        points += found
        runs.append({"job": job, "kills": len(found), "faults": faults})
        print(f"{len(points)} kills in {len(runs)} runs", flush=True)
    return figures(points, runs)


def figures(points: list[Kill], runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts by mode, and every point."""
    modes = {
        mode: {
            "kills": len(rows := [point for point in points if point.mode == mode]),
            "left_a_half_written_file": sum(point.left is not None for point in rows),
            "right": sum(not point.faults for point in rows),
        }
        for mode in MODES
    }
    return {
        "kills": len(points),
        "in_a_save": sum(point.left is not None or point.mode in LINES for point in points),
        "right_after_the_kill": sum(not point.faults for point in points),
        "runs": len(runs),
        "runs_with_the_bits_of_an_uninterrupted_one": sum(not run["faults"] for run in runs),
        "epochs": EPOCHS,
        "modes": modes,
        "points": [point._asdict() for point in points],
        "ends": runs,
    }


def table(found: dict[str, Any]) -> str:
    """Markdown, one row per way to kill."""
    lines = ["| killed at | kills | left a half-written file | right |", "|---|---:|---:|---:|"]
    for mode, row in found["modes"].items():
        lines.append(f"| {mode} | " + " | ".join(map(str, row.values())) + " |")
    return "\n".join(lines)


def require(found: dict[str, Any]) -> None:
    """The bar."""
    assert found["right_after_the_kill"] == found["kills"] >= KILLS
    assert found["runs_with_the_bits_of_an_uninterrupted_one"] == found["runs"]


def main() -> None:
    """Run, print."""
    full = begin(__doc__, "tests.full_runs.resume", "resume")
    found = kill_many(KILLS, SEED, list(JOBS))
    print(table(found))
    same = found["runs_with_the_bits_of_an_uninterrupted_one"]
    print(f"{same} of {found['runs']} runs end with the bits of an uninterrupted one")
    for each in (*found["points"], *found["ends"]):
        if each["faults"]:
            print(each)
    full.keep(found)
    require(found)


if __name__ == "__main__":
    main()
