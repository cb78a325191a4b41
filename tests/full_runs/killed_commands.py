"""Killed at any moment, obeyed, killed again: ``python -m tests.full_runs.killed_commands``.

A hundred kills (SIGKILL) of ``npstack train``: at a random time from the very start, as soon as the
run folder is seen, or before a random line of the modules that make the folder and write into it.
Then the command that a user would type is typed: to go on, or, now and then, to begin again. Where
it is refused, the message must name the command that works, and that is typed next; it is killed,
too. In the end all that was learned must have the bits of a run that never stopped, and nothing but
the files of a run may be left. Beside that, Ctrl-C at random times: one line, and exit code 130.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from npstack.cli.runs import OWN
from tests.cli.odd.place import changed, snapshot
from tests.cli.small_runs import COMMANDS, heed_interrupts, kept, put_files
from tests.tools.full_run import begin

KILLS, INTERRUPTS, SEED = 100, 40, 0
MODES = ("a random time", "the folder was seen", "a line that makes or writes")
# What a shell shows as 130, the parent of a process may see as the signal.
CODES = {0: "done before", 130: "interrupted", -2: "interrupted"}
RUN, AGAIN = "run", "train --resume --out run --no-pictures"
ADVICE = re.compile(r"npstack train (--resume --out|DATA|--help)|choose another --out")
ROOT = Path(__file__).parents[2]


class Point(NamedTuple):
    """One kill: of which command, and how."""

    task: str
    mode: str
    spot: str
    stage: str  # what stood in the folder
    killed: str  # "begin" or "go on"


class Reference(NamedTuple):
    """A run that never stopped."""

    learned: Any
    lines: dict[str, int]
    seconds: dict[str, float]


def typed(words: str, *, line: int | None = None) -> list[str]:
    """The command as a process; with a line, one that kills itself there."""
    module = ["npstack"] if line is None else ["tests.cli.killed_command", str(line)]
    return [sys.executable, "-m", *module, *shlex.split(words)]


def start(command: list[str], work: Path) -> subprocess.Popen[str]:
    """A process in a folder, whose messages are kept."""
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command,
        cwd=work,
        env=os.environ | threads,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and messages."""
    said = process.communicate(timeout=120)[1]
    return process.returncode, said


def beginning(task: str) -> str:
    """The command that begins a run of a task; long enough to be killed."""
    return f"{COMMANDS[task]} --epochs 8 --patience 8 --no-pictures --quiet --out {RUN}"


def reference(task: str, place: Path) -> Reference:
    """Run once, and once more to go on, without a stop."""
    work = place / f"whole-{task}"
    work.mkdir()
    put_files(work)
    lines, seconds = {}, {}
    for name, words in {"begin": beginning(task), "go on": AGAIN}.items():
        began = time.perf_counter()
        code, said = ended(start(typed(words, line=0), work))
        seconds[name] = time.perf_counter() - began
        assert code == 0, said
        lines[name] = int(re.findall(r"lines: (\d+)", said)[0])
    return Reference(kept(work / RUN), lines, seconds)


def stage_of(work: Path) -> str:
    """How far the run had come."""
    folder = work / RUN
    if not folder.exists():
        return "no folder"
    for name, stage in {
        "metrics.json": "figures",
        "checkpoint.npz": "trained",
        "README.txt": "a run",
        "config.json": "config.json alone",
    }.items():
        if (folder / name).exists():
            return stage
    return "remains of a save" if any(folder.iterdir()) else "an empty folder"


def kill(
    words: str, kind: str, mode: str, work: Path, known: Reference, rng: np.random.Generator
) -> tuple[str, int, str]:
    """Run a command and kill it; where, its exit code (-9 unless it was faster), what it said."""
    if mode == MODES[2]:
        half = known.lines[kind] if rng.random() < 0.5 else min(120, known.lines[kind])
        line = int(rng.integers(1, half + 1))  # often among those that make the folder
        code, said = ended(start(typed(words, line=line), work))
        return f"line {line}", code, said
    moment = float(rng.uniform(0, known.seconds[kind]))
    process = start(typed(words), work)
    if mode == MODES[1]:
        moment = float(rng.uniform(0, 0.02))
        while not (work / RUN).exists() and process.poll() is None:
            time.sleep(0.0005)
    time.sleep(moment)
    process.kill()
    code, said = ended(process)
    return f"{1000 * moment:.0f} ms", code, said


def one_run(
    task: str, kills: int, known: Reference, place: Path, rng: np.random.Generator
) -> tuple[list[Point], list[str]]:
    """Kill a run a number of times, let it end, and compare the end."""
    work = Path(tempfile.mkdtemp(dir=place))
    put_files(work)
    before = snapshot(work)
    first, points, faults = beginning(task), [], []
    kind = "begin"
    for _ in range(3 * kills + 9):
        words = first if kind == "begin" else AGAIN
        if len(points) < kills:
            mode = MODES[int(rng.integers(len(MODES)))]
            spot, code, said = kill(words, kind, mode, work, known, rng)
        else:
            mode, spot, (code, said) = "", "", ended(start(typed(words), work))
        if code == -signal.SIGKILL:
            points.append(Point(task, mode, spot, stage_of(work), kind))
            kind = "begin" if rng.random() < 0.3 else "go on"
        elif code == 0:
            if len(points) >= kills or stage_of(work) == "figures":
                break
        elif code in (2, 3) and ADVICE.search(said) and "Traceback" not in said:
            kind = "go on" if "--resume --out" in said else "begin"
        else:
            faults.append(f"{words}: exit code {code}: {said[-300:]}")
            break
    else:
        faults.append("it cannot be finished")
    if not faults and kept(work / RUN) != known.learned:
        faults.append("the end is another one")
    rest = {path.name for path in (work / RUN).iterdir()} - set(OWN)
    if rest:
        faults.append(f"left in the folder: {sorted(rest)}")
    others = changed(before, snapshot(work), ())
    faults += [f"changed: {name}" for name in others if name.split("/")[0] != RUN]
    return points, faults


def interrupts(count: int, place: Path, rng: np.random.Generator) -> dict[str, Any]:
    """Ctrl-C at random times of the first second and a half: how each ended, and what is wrong."""
    ways: Counter[str] = Counter()
    faults = []
    for k in range(count):
        work = Path(tempfile.mkdtemp(dir=place))
        put_files(work)
        moment = float(rng.uniform(0.03, 1.5))
        process = start(typed(beginning("forecast")), work)
        time.sleep(moment)
        process.send_signal(signal.SIGINT)
        code, said = ended(process)
        if "Traceback" in said and "program.py" not in said:
            ways["before npstack began to listen"] += 1
        elif code in CODES and said.strip().count("\n") == 0 and "Traceback" not in said:
            ways[CODES[code]] += 1
        else:
            faults.append(f"{k}, after {moment:.3f} s: {code}: {said[-300:]}")
    return {"count": count, "ends": dict(ways), "faults": faults}


def kill_many(kills: int, seed: int, tasks: Iterable[str], presses: int = 0) -> dict[str, Any]:
    """Runs of all tasks in turn, until there were as many kills."""
    rng = np.random.default_rng(seed)
    tasks = list(tasks)
    points: list[Point] = []
    ends = []
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        known = {task: reference(task, place) for task in tasks}
        while len(points) < kills:
            task = tasks[len(ends) % len(tasks)]
            most = min(int(rng.integers(2, 6)), kills - len(points))
            found, faults = one_run(task, most, known[task], place, rng)
            points += found
            ends.append({"task": task, "kills": len(found), "faults": faults})
            print(f"{len(points)} kills in {len(ends)} runs", flush=True)
        pressed = interrupts(presses, place, rng)
    return {
        "kills": len(points),
        "by mode": dict(Counter(point.mode for point in points)),
        "by what stood in the folder": dict(Counter(point.stage for point in points)),
        "of": dict(Counter(point.killed for point in points)),
        "runs": len(ends),
        "runs_with_the_bits_of_an_uninterrupted_one": sum(not end["faults"] for end in ends),
        "interrupts": pressed,
        "points": [point._asdict() for point in points],
        "ends": ends,
    }


def require(found: dict[str, Any]) -> None:
    """The bar."""
    assert found["kills"] >= KILLS
    assert found["runs_with_the_bits_of_an_uninterrupted_one"] == found["runs"], found["ends"]
    pressed = found["interrupts"]
    assert pressed["count"] >= INTERRUPTS
    assert not pressed["faults"], pressed["faults"]
    assert pressed["ends"].get("before npstack began to listen", 0) <= INTERRUPTS / 10


def main() -> None:
    """Run, print."""
    full = begin(__doc__, "tests.full_runs.killed_commands", "killed_commands")
    found = kill_many(KILLS, SEED, COMMANDS, INTERRUPTS)
    for key, value in found.items():
        if key not in ("points", "ends"):
            print(f"{key}: {value}")
    for end in found["ends"]:
        if end["faults"]:
            print(end)
    full.keep(found)
    require(found)


if __name__ == "__main__":
    main()
