"""``npstack exercise``: write a file with holes, or one with a mistake to find."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from npstack.cli.folders import check_new, write
from npstack.cli.program import OK
from npstack.cli.tasks.common import SEED, path, whole
from npstack.core.errors import ArgumentError, fail
from npstack.files.paths import check_target

WHERE = "npstack exercise"
NAMES = ("lstm", "gru", "bug")
STAGES = ("forward", "backward", "time", "masks", "stack")
EXAMPLES = """\
examples:
  npstack exercise lstm                           writes lstm.py; then: npstack grade lstm.py
  npstack exercise lstm masks.py --stage masks    one stage; those before it are there
  npstack exercise bug --seed 3                   a complete file with one wrong line
"""


def add(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser(
        "exercise",
        help="write an exercise: an LSTM or a GRU to complete, or a mistake to find",
        description="Write a Python file with holes, and with the equations beside them; or a\n"
        "complete file with one wrong line. The file needs NumPy only.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names, what = f"{{{','.join(NAMES)}}}", "a cell to write, or a mistake to find"
    parser.add_argument("what", choices=NAMES, metavar=names, help=what)
    parser.add_argument(
        "file",
        type=path,
        nargs="?",
        metavar="FILE.py",
        help="(default lstm.py, gru.py, bug_SEED.py; in a folder, if one is given)",
    )
    stage = "this stage only; those before it are there (default: all)"
    parser.add_argument("--stage", choices=STAGES, help=stage)
    seed = "of a mistake: each gives another one (default 0)"
    parser.add_argument("--seed", type=whole(0, SEED), metavar="N", help=seed)
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Write the file; an older one is replaced only if that is said."""
    from npstack.lessons import exercise

    _check_options(given)
    number = "" if given.what != "bug" else f"_{given.seed or 0}"
    name = f"{given.what}{number}.py"
    file = Path(name) if given.file is None else given.file
    file = check_target(WHERE, file / name if file.is_dir() else file, "FILE.py")
    if file.suffix != ".py":
        expected, got = "FILE.py must have a name that ends in .py", repr(file.name)
        fail(ArgumentError, WHERE, expected, got, f"For example: {name}.")
    check_new(WHERE, "FILE.py", file, given.overwrite)
    text = exercise(given.what, stage=given.stage, seed=given.seed, file=file.name)
    write(file, text.encode(), new=not given.overwrite)
    todo = "Find the wrong line" if given.what == "bug" else "Write what is missing"
    print(f"{file} is written. {todo}, then: npstack grade {file}")
    return OK


def _check_options(given: argparse.Namespace) -> None:
    """Refuse options that do not go with the exercise."""
    from npstack.lessons.stages import COURSES

    if given.seed is not None and given.what != "bug":
        expected = "--seed must go with bug"
        fail(ArgumentError, WHERE, expected, f"it with {given.what}", "Leave it out.")
    if given.stage is not None and given.what == "bug":
        expected = "--stage must go with a cell, lstm or gru"
        fail(ArgumentError, WHERE, expected, "it with bug", "Leave it out.")
    if given.stage is not None and given.stage not in COURSES[given.what].stages:
        expected = f"--stage of {given.what} must be {', '.join(COURSES[given.what].stages)}"
        fail(ArgumentError, WHERE, expected, given.stage, "Pick one of these.")
