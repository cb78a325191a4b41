"""``npstack plot``: draw the pictures of a run again, or those of one that was interrupted."""

from __future__ import annotations

import argparse
from typing import Any

from npstack.cli import folders, learning, runs
from npstack.cli.program import OK
from npstack.cli.tasks.common import path

EXAMPLES = """\
examples:
  npstack plot sales-forecast --overwrite
  npstack plot sales-forecast moved/sales.csv --out pictures
"""


def add(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser(
        "plot",
        help="draw the pictures of a run",
        description="Draw the training curve, the activations of every layer, and forecasts, "
        "confused classes or characters.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=path, metavar="RUN", help="a run folder of npstack train")
    parser.add_argument(
        "data", type=path, nargs="?", metavar="DATA", help="its data file, if it was moved"
    )
    parser.add_argument("--out", type=path, metavar="FOLDER", help="(default: the run folder)")
    parser.add_argument("--overwrite", action="store_true", help="replace pictures that are there")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Load run and data, draw, list the pictures."""
    found = runs.open_run(given.folder)
    model, history = learning.trained(found)
    problem = runs.same_problem(found, given.data)
    folder = found.folder if given.out is None else given.out
    folders.make(folder)
    for file in learning.draw(found, model, problem, history, folder, replace=given.overwrite):
        print(file)
    return OK
