"""``npstack lessons``: copy the notebooks into a folder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from npstack.cli.folders import check_folder, check_new, make, write
from npstack.cli.program import OK
from npstack.cli.tasks.common import path
from npstack.core.errors import ArgumentError, fail

WHERE = "npstack lessons"
EXAMPLES = """\
examples:
  npstack lessons course                 copies eight notebooks into the folder course
  npstack lessons course --solutions     and the solutions of their exercises
"""


def add(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser(
        "lessons",
        help="copy the notebooks of the course into a folder",
        description="Copy the notebooks of the course into a folder, to read and to work on.\n"
        "Their exercises check themselves. To open them: pip install jupyterlab.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=path, metavar="DIR", help="made if it is not there")
    parser.add_argument("--solutions", action="store_true", help="copy the solutions, too")
    parser.add_argument("--overwrite", action="store_true", help="replace notebooks that are there")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Copy all, or nothing."""
    from npstack.lessons.notebooks import notebooks

    folder: Path = given.folder
    check_folder(WHERE, "DIR", folder)
    found = notebooks(solutions=given.solutions)
    for name in found:
        check_new(WHERE, "a notebook", folder / name, given.overwrite)
    for within in {(folder / name).parent for name in found} - {folder}:
        if within.is_symlink():
            expected = f"{within.name} in DIR must be a folder, or new"
            fail(ArgumentError, WHERE, expected, "a link to elsewhere", "Choose another DIR.")
        check_folder(WHERE, "DIR", within)
    for name, content in found.items():
        target = folder / name
        make(target.parent)
        write(target, content, new=not given.overwrite)
    first = next(iter(found))
    print(f"{len(found)} files are in {folder}. Begin with {first}.")
    return OK
