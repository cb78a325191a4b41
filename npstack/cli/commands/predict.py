"""``npstack predict``: use a run on new data."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

from npstack.cli import folders, learning, runs
from npstack.cli.commands.options import add_options, given_options, with_defaults
from npstack.cli.messages import say
from npstack.cli.program import OK
from npstack.cli.tasks import TASKS
from npstack.cli.tasks.common import path
from npstack.core.errors import ArgumentError, fail

WISHES = {name: task.WISHES for name, task in TASKS.items()}
EXAMPLES = """\
examples:
  npstack predict sales-forecast sales.csv            forecasts after every window, as CSV
  npstack predict gestures-classify new.csv --out classes.csv
  npstack predict novel --prompt "It was " --temperature 0.5 --length 300
  npstack predict novel chapter.txt                   bits of every character
"""


def add(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser(
        "predict",
        help="use a trained run on new data",
        description="Use a trained run: write forecasts or classes of a file as CSV;\n"
        "new text, or the bits of every character of a file.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=path, metavar="RUN", help="a run folder of npstack train")
    parser.add_argument("data", type=path, nargs="?", metavar="DATA", help="the file to read")
    parser.add_argument("--out", type=path, metavar="FILE", help="a new file (default: print)")
    parser.add_argument("--quiet", action="store_true", help="print nothing but the result")
    add_options(parser, WISHES)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Load the run, predict, write."""
    trained = runs.open_run(given.folder)
    wishes = with_defaults(given_options(given, WISHES, trained.name), WISHES[trained.name])
    if given.out is not None and os.path.lexists(given.out):
        _refuse(given.out)
    model, _ = learning.trained(trained)
    said = trained.task.predict(model, trained.facts, trained.options, given.data, wishes)
    if given.out is None:
        print(said.text, end="", flush=True)
        _note_letters(said.text)
    else:
        try:
            folders.write(given.out, said.text.encode(errors="backslashreplace"), new=True)
        except FileExistsError:
            _refuse(given.out)
    if said.note and not given.quiet:
        print(said.note, file=sys.stderr)
    return OK


def _refuse(out: Path) -> NoReturn:
    expected, got = "--out must be a new file", f"{str(out)!r}, which exists"
    advice = "Nothing is overwritten: choose another name."
    fail(ArgumentError, "npstack predict", expected, got, advice)


def _note_letters(text: str) -> None:
    """Report that a console without some characters shows their numbers."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        say("this console cannot show every character (\\u… stands for one); --out FILE keeps them")
