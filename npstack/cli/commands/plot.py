"""``npstack plot``: draw the pictures of a run again, or those of one that was interrupted."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from npstack.cli import runs

EXAMPLES = """\
examples:
  npstack plot sales-forecast
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
    parser.add_argument("folder", type=Path, metavar="RUN", help="what npstack train has made")
    parser.add_argument(
        "data", type=Path, nargs="?", metavar="DATA", help="what it has learned from, if moved"
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="(default: the run folder)")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Load run and data, draw, say what was drawn."""
    found = runs.open_run(given.folder)
    model, history = runs.trained(found)
    problem = found.task.prepare(runs.same_data(found, given.data), found.options)
    folder = found.folder if given.out is None else given.out
    folder.mkdir(parents=True, exist_ok=True)
    for path in runs.draw(found, model, problem, history, folder):
        print(path)
    return 0
