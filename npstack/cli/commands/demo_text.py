"""``npstack demo text``: what ``npstack train`` makes of Python's help topics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from npstack.cli import runs
from npstack.cli.commands import train
from npstack.cli.commands.options import with_defaults
from npstack.cli.tasks import TASKS
from npstack.data import load
from npstack.text import without_repeats

SETTINGS: dict[str, Any] = {
    "layers": [96, 96],
    "epochs": 2,
    "batch_size": 64,
    "span": 16,
    "learning_rate": 0.015,
}


def run(out: Path, *, seed: int, fast: bool, quiet: bool) -> int:
    """Write the text into the run folder and train on it; a run that is there is refused."""
    runs.check_free(out)
    found = load("pydoc")
    if not quiet:
        print(f"The text: {found.source}, every paragraph once.")
    out.mkdir(parents=True, exist_ok=True)
    path = out / "pydoc.txt"
    path.write_text(without_repeats(found.text), encoding="utf-8")
    chosen = SETTINGS | {"seed": seed} | ({"layers": [64], "epochs": 1} if fast else {})
    begun, problem = runs.new_run(out, "text", path, with_defaults(chosen, TASKS["text"].OPTIONS))
    return train.learn(begun, problem, quiet=quiet)
