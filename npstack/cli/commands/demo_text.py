"""``npstack demo text``: ``npstack train`` on Python's help topics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from npstack.cli import folders, runs
from npstack.cli.commands import train
from npstack.cli.commands.options import with_defaults
from npstack.cli.tasks import TASKS
from npstack.core.errors import ArgumentError, fail
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
    """Write the text into the run folder and train on it; an existing run is refused."""
    path = out / "pydoc.txt"
    runs.check_free(out, path)
    found = load("pydoc")
    chosen = SETTINGS | {"seed": seed} | ({"layers": [64], "epochs": 1} if fast else {})
    options = with_defaults(chosen, TASKS["text"].OPTIONS)
    with folders.claimed("npstack demo text", out):
        _put(path, without_repeats(found.text).encode())
        if not quiet:
            print(f"The text: {found.source}, every paragraph once.")
        read = runs.prepare("text", path, options)
        begun = runs.new_run(out, "text", path, options, read)
        return train.learn(begun, read[0], quiet=quiet)


def _put(path: Path, content: bytes) -> None:
    """Write the text, unless a demo that was killed has already written it."""
    there = path.is_file() and not path.is_symlink() and path.read_bytes() == content
    if not there:
        try:
            folders.write(path, content, new=True)
        except FileExistsError:
            got = f"{str(path)!r} with other bytes"
            advice = "Choose another --out."
            fail(ArgumentError, "npstack demo text", "the text must be new", got, advice)
