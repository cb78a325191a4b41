"""Where a committed figure comes from: command, commit, date, machine, versions."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

EVIDENCE = Path(__file__).parents[1] / "evidence"


def provenance(command: str, packages: Iterable[str] = ()) -> dict[str, Any]:
    """The origin of a figure, and what is needed to reproduce it."""

    def git(*words: str) -> str:
        root = Path(__file__).parents[2]
        return subprocess.run(
            ["git", *words], cwd=root, capture_output=True, text=True, check=True
        ).stdout

    changed = git("diff", "--name-only", "HEAD", "--", "npstack", "tests", "examples").split()
    return {
        "command": command,
        "commit": git("rev-parse", "HEAD").strip(),
        "changed_since_commit": changed,
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "machine": f"{platform.system()} {platform.machine()}",
        "versions": {
            "python": platform.python_version(),
            **{package: importlib.metadata.version(package) for package in ("numpy", *packages)},
        },
    }


def write_figures(name: str, origin: dict[str, Any], figures: dict[str, Any]) -> Path:
    """Write figures, behind the provenance taken before the run, to ``tests/evidence``."""
    path = EVIDENCE / f"{name}.json"
    path.write_text(json.dumps({**origin, **figures}, indent=1) + "\n")
    return path


def read_evidence(name: str) -> dict[str, Any]:
    """Figures that were committed."""
    found: dict[str, Any] = json.loads((EVIDENCE / f"{name}.json").read_text())
    return found
