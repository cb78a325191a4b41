"""``npstack train``: train on the user's own file, in a run folder."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from npstack.cli import learning, runs
from npstack.cli.commands.options import add_options, flag, given_options, shown, with_defaults
from npstack.cli.folders import claimed
from npstack.cli.messages import harmless
from npstack.cli.program import INTERRUPTED, OK
from npstack.cli.runs import Run
from npstack.cli.tasks import SYSTEM, TASKS, Problem
from npstack.cli.tasks.common import path
from npstack.core.errors import ArgumentError, fail
from npstack.training.checkpoint import load_checkpoint
from npstack.training.history import History

OPTIONS = {name: task.OPTIONS for name, task in TASKS.items()}
EXAMPLES = """\
examples:
  npstack train sales.csv --task forecast --target sold --horizon 12 --layers 100,50
  npstack train gestures.csv --task classify --target gesture --epochs 100
  npstack train novel.txt --task text --layers 128,128 --out novel
  npstack train --resume --out novel                  after Ctrl-C, or after a power cut
  npstack train --resume --out sales-forecast --epochs 200
"""


def add(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser(
        "train",
        help="train a stacked LSTM on your own file",
        description="Train a stacked LSTM on a CSV, NPZ or text file. The best epoch is kept;\n"
        "figures on a test part, with simple baselines, and pictures go into a run folder.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    summaries = "; ".join(f"{name}: {task.SUMMARY}" for name, task in TASKS.items())
    parser.add_argument("data", type=path, nargs="?", metavar="DATA", help="the file")
    parser.add_argument("--task", choices=list(TASKS), help=summaries)
    parser.add_argument(
        "--out", type=path, metavar="RUN", help="run folder, new or empty (default DATA-TASK)"
    )
    parser.add_argument(
        "--resume", action="store_true", help="continue the run in --out, with the same bits"
    )
    parser.add_argument(
        "--no-pictures", action="store_true", help="draw no pictures; npstack plot draws them later"
    )
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    add_options(parser, OPTIONS)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Begin a run or continue one."""
    folder = given.out
    if folder is None and given.data is not None and given.task is not None:
        folder = Path(f"{given.data.stem}-{given.task}")
    if given.resume:
        if folder is None:
            advice = "npstack train --resume --out RUN"
            fail(ArgumentError, "npstack train", "--resume needs --out", "none", advice)
        runs.open_run(folder)  # before anything is created there
        with claimed("npstack train --resume", folder):
            return go_on(folder, given)
    if given.data is None or given.task is None:
        expected = f"give DATA and --task ({', '.join(TASKS)}), or --resume with --out"
        got = "no DATA" if given.data is None else "no --task"
        fail(ArgumentError, "npstack train", expected, got, "See npstack train --help.")
    typed = given_options(given, OPTIONS, given.task)
    options = with_defaults(typed, OPTIONS[given.task])
    runs.check_free(folder, given.data)  # now, not after the data are read
    read = runs.prepare(given.task, given.data, options)
    with claimed(runs.WHERE, folder):
        begun = runs.new_run(folder, given.task, given.data, options, read)
        return learn(begun, read[0], quiet=given.quiet, draw=not given.no_pictures)


def go_on(folder: Path, given: argparse.Namespace) -> int:
    """Resume a run; options that are given again must agree, except for the number of epochs."""
    old = runs.open_run(folder)
    if given.task not in (None, old.name):
        expected, got = f"--task must be that of the run, {old.name}", given.task
        fail(ArgumentError, "npstack train --resume", expected, got, "Leave it out.")
    for name, value in given_options(given, OPTIONS, old.name).items():
        if name == "epochs" and old.options["schedule"] == "constant":
            old.options[name] = value
        elif value != old.options[name]:
            expected = f"{flag(name)} must be that of the run, {shown(old.options[name])}"
            advice = "Leave it out, or begin another run."
            if name == "epochs":
                advice = f"The cosine was made for {old.options[name]} epochs. {advice}"
            fail(ArgumentError, "npstack train --resume", expected, shown(value), advice)
    problem = runs.same_problem(old, given.data)
    learning.go_on(old, problem)
    draw = not given.no_pictures
    return learn(old, problem, resume=True, quiet=given.quiet, draw=draw)


def learn(
    run: Run, problem: Problem, *, resume: bool = False, quiet: bool = False, draw: bool = True
) -> int:
    """Train, measure, draw, and print the results."""
    model, history = learning.train(run, problem, resume=resume, progress=not quiet)
    if history.stopped == "interrupted":
        print(f"\n{stopped(run)}", file=sys.stderr)
        return INTERRUPTED
    scores = run.task.measure(model, problem, run.options)
    metrics = learning.write_metrics(run, scores, model, history)
    if not quiet:
        print(harmless(table(run, metrics, history)))
        if scores.words:
            print(f"\n{harmless(scores.words)}")
    drawn = ""
    if draw:
        files = learning.draw(run, model, problem, history, run.folder, replace=True)
        drawn = f"Pictures: {', '.join(file.name for file in files)}. "
    if not quiet:
        print(f"\n{drawn}Everything is in {run.folder}; next, for example:")
        print(f"  npstack predict {run.folder}{'' if run.name == 'text' else ' ' + near(run.data)}")
    return OK


def near(file: Path) -> str:
    """A path relative to the current folder."""
    try:
        here = Path.cwd()
    except OSError:  # this folder has been removed
        return str(file)
    return str(file.relative_to(here) if file.is_relative_to(here) else file)


def stopped(run: Run) -> str:
    """The message after Ctrl-C: what is on the disk (Ctrl-C may come during a save)."""
    again = f"Go on with: npstack train --resume --out {run.folder}"
    if not run.checkpoint.is_file():
        return f"interrupted in the first epoch: nothing was kept yet. {again}"
    done = len(load_checkpoint(run.checkpoint).history.epochs)
    return (
        f"interrupted after epoch {done} of {run.options['epochs']}; what was learned until then "
        f"is in {run.checkpoint}. {again}"
    )


def table(run: Run, metrics: dict[str, Any], history: History) -> str:
    """The result in words and numbers, for a terminal."""
    scores, sizes = metrics["scores"], "-".join(map(str, run.options["layers"]))
    notes = {SYSTEM: f"  sizes {sizes}, {metrics['parameters']:,} parameters"}
    width = max(map(len, scores))
    worst_first = sorted(scores, key=lambda name: -scores[name])
    lines = [f"  {n:<{width}} {scores[n]:10.4g}{notes.get(n, '')}" for n in worst_first]
    early = ", stopped early" if history.stopped == "early" else ""
    kept = f"Kept: epoch {history.best_epoch} of {len(history.epochs)}{early}."
    measure = metrics["measure"]
    return "\n".join([measure[0].upper() + measure[1:] + ":", "", *lines, "", kept])
