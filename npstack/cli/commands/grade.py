"""``npstack grade``: which stages of an exercise are right, and which equation is wrong."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from npstack.cli.folders import check_new, write
from npstack.cli.messages import NO_SANDBOX, harmless
from npstack.cli.program import FAILED, OK
from npstack.cli.tasks.common import number, path
from npstack.core.errors import ArgumentError, DataError, fail
from npstack.files.paths import check_target

WHERE = "npstack grade"
EXAMPLES = f"""\
examples:
  npstack grade lstm.py
  npstack grade --all submissions --json grades.json

{NO_SANDBOX}"""


def add(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser(
        "grade",
        help="grade an exercise: what is right, which equation is wrong, a hint, points",
        description="Grade what npstack exercise began, stage by stage.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=path, nargs="?", metavar="FILE.py")
    several = "grade every .py file of a folder, and print a table"
    parser.add_argument("--all", type=path, metavar="FOLDER", dest="folder", help=several)
    parser.add_argument("--json", type=path, metavar="FILE", help="write the grades to a file, too")
    parser.add_argument("--overwrite", action="store_true", help="replace a --json file")
    limit = "of a single call of a function (default 10)"
    parser.add_argument("--seconds", type=number(0, 3600), default=10.0, metavar="S", help=limit)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Grade, print, and write JSON if it is wanted."""
    from npstack.lessons.sheet import table
    from npstack.lessons.submissions import grade_file, grade_folder

    if (given.file is None) == (given.folder is None):
        got = "neither" if given.file is None else "both"
        advice = "For example: npstack grade lstm.py"
        fail(ArgumentError, WHERE, "give FILE.py, or --all FOLDER", got, advice)
    if given.file is not None and given.file.is_dir():
        advice = f"For all its files: npstack grade --all {given.file}"
        fail(DataError, WHERE, "FILE.py must be a file", "a folder", advice)
    _check_json(given)
    if given.file is not None:
        grades = [grade_file(given.file, seconds=given.seconds)]
        print(harmless(str(grades[0])))
    else:
        grades = []
        for found in grade_folder(given.folder, seconds=given.seconds):
            grades.append(found)
            _show_progress(f"{len(grades)}: {found.name}")
        _show_progress("")
        print(harmless(table(grades)))
    if given.json is not None:
        text = json.dumps([grade.as_dict() for grade in grades], indent=1)
        write(given.json, f"{text}\n".encode(), new=not given.overwrite)
    return OK if all(grade.passed for grade in grades) else FAILED


def _show_progress(text: str) -> None:
    """Say what was graded last, on a terminal."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{harmless(text)}", end="", file=sys.stderr, flush=True)


def _check_json(given: argparse.Namespace) -> None:
    """Check the file for the grades before the work, not after it."""
    if given.json is None:
        if given.overwrite:
            expected, advice = "--overwrite must go with --json", "Leave it out."
            fail(ArgumentError, WHERE, expected, "it without --json", advice)
        return
    check_target(WHERE, given.json, "--json")
    check_new(WHERE, "the --json file", given.json, given.overwrite)
