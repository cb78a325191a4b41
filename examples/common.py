"""What the examples share: options, seeds, the table of systems and baselines, results as JSON.

An example is one function from seeds to an `Outcome`, and ``run(__doc__, function)``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parents[1]
DPI = 130  # of the pictures in documents


class Row(NamedTuple):
    """A line of a table.

    Attributes
    ----------
    name : str
        The system with its sizes, or the baseline with its source.
    values : list of float
        One per seed, or a single one if nothing is random.
    """

    name: str
    values: list[float]


class Table(NamedTuple):
    """Systems and baselines, in one measure.

    Attributes
    ----------
    title : str
        What is measured, on which data, in which unit, and whether lower or higher is better.
    systems, baselines : list of Row
    digits : int
        After the decimal point.
    """

    title: str
    systems: list[Row]
    baselines: list[Row]
    digits: int = 3

    def text(self, seeds: list[int]) -> str:
        """Markdown: seeds, mean ± sample deviation over them; baselines below the systems."""

        def number(value: float) -> str:
            return f"{value:.{self.digits}f}"

        head = ["", *(f"seed {seed}" for seed in seeds), "mean ± deviation"]
        lines = [head, ["---"] * len(head)]
        for name, values in [*self.systems, *self.baselines]:
            drawn = len(values) == len(seeds) > 1
            mean = number(float(np.mean(values)))
            spread = f" ± {number(float(np.std(values, ddof=1)))}" if drawn else ""
            cells = map(number, values) if len(values) == len(seeds) else [""] * len(seeds)
            lines.append([name, *cells, mean + spread])
        return f"{self.title}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def figures(self) -> dict[str, Any]:
        """The same for a JSON file."""
        parts = {"systems": self.systems, "baselines": self.baselines}
        rows = {part: dict(found) for part, found in parts.items()}
        return {"title": self.title, **rows}


class Outcome(NamedTuple):
    """What an example returns.

    Attributes
    ----------
    tables : list of Table
    settings : dict
        Sizes, splits, choices: plain JSON.
    pictures : callable
        Draws; yields the name and the figure of each picture. Called only with ``--out``.
    """

    tables: list[Table]
    settings: dict[str, Any]
    pictures: Callable[[], Iterator[tuple[str, Figure]]]


def say(line: str) -> None:
    """Print a line of progress to standard error, apart from the table."""
    print(line, file=sys.stderr, flush=True)


def check_free(
    parser: argparse.ArgumentParser, folder: Path | None, file: Path | None = None
) -> None:
    """Nothing is replaced that is there: a folder for pictures is new or empty, a file new."""
    if folder is not None and folder.exists() and any(folder.iterdir()):
        parser.error(f"{folder} holds files; --overwrite replaces those that are drawn anew")
    if file is not None and file.exists():
        parser.error(f"{file} exists; --overwrite replaces it")


def run(
    description: str,
    example: Callable[[list[int]], Outcome],
    arguments: list[str] | None = None,
    packages: tuple[str, ...] = (),
) -> Outcome:
    """Read the options, run the example, print its tables, write what is asked for.

    Parameters
    ----------
    description : str
        The example's docstring.
    example : callable
        From a list of seeds to an `Outcome`.
    arguments : list of str, optional
        Those of the command line by default.
    packages : tuple of str
        Whose versions matter besides NumPy's.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="the first seed")
    parser.add_argument("--seeds", type=int, default=5, metavar="K", help="how many (default: 5)")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="draw pictures into it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the tables, with origin")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace FILE, and pictures in FOLDER"
    )
    options = parser.parse_args(arguments)
    if options.seed < 0 or options.seeds < 1:
        parser.error("--seed counts from 0, --seeds from 1")
    if not options.overwrite:
        check_free(parser, options.out, options.json)
    seeds = list(range(options.seed, options.seed + options.seeds))
    origin = {}
    for folder in (options.out, options.json and options.json.parent):
        if folder is not None:  # made now, not after minutes of work
            folder.mkdir(parents=True, exist_ok=True)
    if options.json is not None:  # taken now: later edits are not part of the run
        sys.path.insert(0, str(ROOT))
        from tests.tools.provenance import provenance

        script = Path(example.__code__.co_filename).resolve().relative_to(ROOT)
        words = ["--seed", options.seed] * (options.seed != 0)
        words += ["--seeds", options.seeds] * (options.seeds != 5) + ["--json", options.json]
        origin = provenance(" ".join(map(str, ["python", script, *words])), packages)
    began = time.perf_counter()
    outcome = example(seeds)
    seconds = time.perf_counter() - began
    for table in outcome.tables:
        print(table.text(seeds), end="\n\n")
    if options.json is not None:
        figures = {
            "seeds": seeds,
            "seconds": round(seconds),
            "settings": outcome.settings,
            "tables": [table.figures() for table in outcome.tables],
        }
        options.json.write_text(json.dumps({**origin, **figures}, indent=1) + "\n")
    if options.out is not None:
        for name, picture in outcome.pictures():
            picture.savefig(options.out / f"{name}.png", dpi=DPI)
    return outcome
