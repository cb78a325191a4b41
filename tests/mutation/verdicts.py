"""The table of all mutants: what became of each, by operator and by file, with provenance."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import platform
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from tests.mutation.accidents import Accident
from tests.mutation.operators import PACKAGE, Edit

TABLE = PACKAGE.parent / "tests" / "evidence" / "mutation.json"
REASONS = Path(__file__).with_name("equivalent.json")
FATES = ("core", "rest", "identity", "identical bits", "survived")
Mutant = Edit | Accident
Verdicts = dict[str, dict[str, Any]]


def short(key: str) -> str:
    """A mutant's key in eight letters: thousands of them are listed in the table."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def reasons() -> dict[str, str]:
    """Why a mutant computes the same as the original: an algebraic identity, by key."""
    return dict(json.loads(REASONS.read_text(encoding="utf-8"))) if REASONS.exists() else {}


def read() -> dict[str, Any]:
    return dict(json.loads(TABLE.read_text(encoding="utf-8"))) if TABLE.exists() else {}


def known_fates(table: dict[str, Any]) -> dict[str, str]:
    """Fate by short key."""
    killed = {name: end for end in FATES[:2] for name in table.get(end, "").split()}
    return killed | {short(key): end for end in FATES[2:] for key in table.get(end, ())}


def fate(key: str, verdict: dict[str, Any], why: dict[str, str]) -> str:
    """Killed by core or by the rest; equivalent by identity or by identical bits; or survived."""
    if verdict["killed"]:
        return str(verdict["killed"])
    if key in why:
        return "identity"
    return "identical bits" if verdict.get("identical") else "survived"


def operator_of(mutant: Mutant) -> str:
    return mutant.operator if isinstance(mutant, Edit) else "accident"


def counts(mutants: list[Mutant], fates: dict[str, str], by: Any) -> dict[str, dict[str, int]]:
    """How many mutants there are, and what became of them, by operator or by file."""
    found: dict[str, Counter[str]] = {}
    for mutant in mutants:
        found.setdefault(by(mutant), Counter())[fates[mutant.key]] += 1
    return {
        name: {"mutants": sum(ends.values()), **{end: ends[end] for end in FATES}}
        for name, ends in sorted(found.items())
    }


def write(
    mutants: list[Mutant], fates: dict[str, str], first: Counter[str], kept: int
) -> dict[str, Any]:
    """Write the table; ``first`` counts which test file noticed first.

    ``kept`` is how many of the fates are those of the table before: the run was of new mutants,
    and what noticed first is counted over both runs.
    """
    why = reasons()
    git = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    by_fate: dict[str, list[str]] = {end: [] for end in FATES}
    for mutant in mutants:
        by_fate[fates[mutant.key]].append(mutant.key)
    table = {
        "made": {
            "command": "python -m tests.mutation run" + " --new" * bool(kept),
            "kept from the table before": kept,
            "commit": git.stdout.strip(),
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
        "mutants": len(mutants),
        **{f"count {end}": len(keys) for end, keys in by_fate.items()},
        "by operator": counts(mutants, fates, operator_of),
        "by file": counts(mutants, fates, lambda mutant: mutant.file),
        "noticed first by": dict(first.most_common()),
        "identity": {key: why[key] for key in by_fate["identity"]},
        "identical bits": by_fate["identical bits"],
        "survived": by_fate["survived"],
        **{end: " ".join(map(short, by_fate[end])) for end in FATES[:2]},
    }
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return table


def shown(table: dict[str, Any]) -> str:
    """The table as text."""
    lines = []
    for kind in ("by operator", "by file"):
        rows = table[kind]
        total = {key: sum(row[key] for row in rows.values()) for key in ("mutants", *FATES)}
        lines.append(f"{kind[3:]:<22}" + "".join(f"{key:>16}" for key in total))
        for name, row in {**rows, "all": total}.items():
            lines.append(f"{name:<22}" + "".join(f"{row[key]:>16}" for key in total))
        lines.append("")
    return "\n".join([*lines, *(f"SURVIVED {key}" for key in table["survived"])])
