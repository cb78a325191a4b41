"""The table of verdicts: one line per function, valid as long as the function is the same.

A line holds the digest of the function, how many mutants it has and how many the core tests
noticed, the others by name, and which tests were the first to notice. ``"noticed by": null`` says
that the verdicts were carried over from an older table, which did not name the tests.
"""

from __future__ import annotations

import ast
import datetime
import functools
import json
import os
import platform
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.mutation.operators import PACKAGE

TESTS = PACKAGE.parent / "tests"
TABLE = TESTS / "evidence" / "mutation.json"
REASONS = Path(__file__).with_name("equivalent.json")
FATES = ("core", "rest", "identity", "identical bits", "survived")


def reasons() -> dict[str, str]:
    """Why a mutant computes the same as the original: an algebraic identity, by key."""
    return dict(json.loads(REASONS.read_text(encoding="utf-8"))) if REASONS.exists() else {}


def with_reason(fate: str, has_reason: bool) -> str:
    """Who gives a survivor a reason makes it an identity; who takes it away makes it survive."""
    if fate in ("identity", "survived"):
        return "identity" if has_reason else "survived"
    return fate


@dataclass
class Entry:
    """What is known of the mutants of one function; an accident is one of itself."""

    digest: str
    mutants: int
    others: dict[str, str] = field(default_factory=dict)  # fate of what core did not notice
    noticed: list[str] | None = None
    alike: dict[str, str] = field(default_factory=dict)  # names exchanged: "a": "b c"

    def fate(self, text: str) -> str:
        """Of one of its mutants, by its text."""
        return self.others.get(text, "core")

    def add(self, fates: dict[str, str], noticed: list[str | None]) -> None:
        """New verdicts on its mutants, by their texts; who noticed, unless that is not known."""
        self.others = {text: end for text, end in self.others.items() if text not in fates}
        self.others |= {text: end for text, end in fates.items() if end != "core"}
        if self.noticed is not None:
            tests = {test_of(name) for name in noticed if name}
            self.noticed = sorted({test for test in tests if test} | {*self.noticed})

    def counts(self) -> dict[str, int]:
        found = {end: sum(fate == end for fate in self.others.values()) for end in FATES}
        return {**found, "core": self.mutants - len(self.others)}

    def row(self, unit: str, why: dict[str, str]) -> dict[str, Any]:
        """As it stands in the table."""
        row: dict[str, Any] = {"digest": self.digest, "mutants": self.mutants}
        row["core"] = self.mutants - len(self.others)
        for end in FATES[1:]:
            texts = [text for text, fate in self.others.items() if fate == end]
            if texts and end == "identity":
                row[end] = {text: why[f"{unit} | {text}"] for text in texts}
            elif texts:
                row[end] = texts
        row["noticed by"] = self.noticed
        if self.alike:
            row["alike"] = self.alike
        return row

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Entry:
        others = {text: end for end in FATES[1:] for text in row.get(end, ())}
        alike = row.get("alike", {})
        return cls(row["digest"], row["mutants"], others, row["noticed by"], alike)


def read() -> dict[str, Any]:
    return dict(json.loads(TABLE.read_text(encoding="utf-8"))) if TABLE.exists() else {}


def entries(table: dict[str, Any], kind: str = "functions") -> dict[str, Entry]:
    return {name: Entry.from_row(row) for name, row in table.get(kind, {}).items()}


def write(table: dict[str, Any]) -> None:
    """Write the table, a function a line."""
    parts = []
    for name, value in table.items():
        text = json.dumps(value, indent=1, ensure_ascii=False).replace("\n", "\n ")
        if name in ("functions", "accidents") and value:
            rows = (
                f"  {json.dumps(unit)}: {json.dumps(row, ensure_ascii=False)}"
                for unit, row in value.items()
            )
            text = "{\n" + ",\n".join(rows) + "\n }"
        parts.append(f" {json.dumps(name)}: {text}")
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


def provenance(command: str) -> dict[str, str]:
    git = ["git", "-C", str(PACKAGE), "rev-parse", "HEAD"]
    found = subprocess.run(git, capture_output=True, text=True, check=False)
    return {
        "command": command,
        "commit": found.stdout.strip(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


# ---- the tests that noticed ---------------------------------------------------------------------


def test_of(noticed: str) -> str | None:
    """The test, without its parameters; None for what no test noticed, but the import or time."""
    return noticed.split("[")[0] if "::" in noticed else None


def stands(test: str) -> bool:
    """Whether a test still exists, in a file of its name, in whatever folder that is now."""
    file, first, *rest = test.split("::")
    return any(first in names and {*rest} <= names for names in _names(Path(file).name))


@functools.cache
def _names(file: str) -> list[set[str]]:
    """The names that the test files of a name define, import or assign."""
    found = []
    for path in TESTS.rglob(file):
        names: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.ImportFrom):
                names |= {alias.asname or alias.name for alias in node.names}
            elif isinstance(node, ast.Assign):
                names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        found.append(names)
    return found
