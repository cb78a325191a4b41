"""The table as it is written and shown: how many are judged, what became of them, what awaits."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.mutation import verdicts
from tests.mutation.census import Census, Mutant
from tests.mutation.operators import Edit
from tests.mutation.verdicts import FATES, Entry

AWAITING = "await judgement"
COLUMNS = ("mutants", *FATES, AWAITING)


def operator_of(mutant: Mutant) -> str:
    return mutant.operator if isinstance(mutant, Edit) else "accident"


def counted(now: Census, by: Callable[[Mutant], str]) -> dict[str, dict[str, int]]:
    """How many mutants there are, and what became of them, by operator or by file."""
    found: dict[str, Counter[str]] = {}
    for mutant in now.mutants:
        found.setdefault(by(mutant), Counter())[now.fate(mutant) or AWAITING] += 1
    return {
        name: {"mutants": sum(ends.values()), **{end: ends[end] for end in COLUMNS[1:]}}
        for name, ends in sorted(found.items())
    }


def summary(now: Census) -> dict[str, Any]:
    """The numbers at the head of the table."""
    rows = counted(now, operator_of)
    total = {end: sum(row[end] for row in rows.values()) for end in COLUMNS}
    carried = sum(now.is_carried(mutant) for mutant in now.mutants)
    return {
        "mutants": total["mutants"],
        "judged": total["mutants"] - total[AWAITING],
        "of these carried over": carried,
        AWAITING: total[AWAITING],
        "fates": {end: total[end] for end in FATES},
        "by operator": rows,
        "awaiting": now.awaiting(),
    }


def write(now: Census, command: str | None, table: dict[str, Any]) -> dict[str, Any]:
    """Write the table of now; what else stands in the table of before stays."""
    why = verdicts.reasons()

    def rows(entries: dict[str, Entry]) -> dict[str, Any]:
        return {unit: entry.row(unit, why) for unit, entry in sorted(entries.items())}

    made = {
        "made": verdicts.provenance(command) if command else table["made"],
        **summary(now),
        "carried over from": table.get("carried over from"),
        "confirmed": table.get("confirmed", []),
        "accidents": rows(now.kept_accidents),
        "functions": rows(now.kept),
    }
    verdicts.write(made)
    return made


def stale_reasons(now: Census) -> dict[str, str]:
    """The reasons that belong to no mutant as the code is now, with what to do about each."""
    keys = {mutant.key for mutant in now.mutants}
    return {key: _advice(key, now) for key in verdicts.reasons() if key not in keys}


def _advice(key: str, now: Census) -> str:
    """The same mutant where it stands now, or one that is much like it."""
    unit, _, text = key.partition(" | ")
    same = [e.key for found in now.functions.values() for e in found if e.text == text]
    near = [edit.text for edit in now.functions.get(unit, [])]
    like = [f"{unit} | {other}" for other in difflib.get_close_matches(text, near, n=1, cutoff=0.8)]
    kind = "mutant" if near else "function"
    found = [*same[:3], *like]
    return "\n  ".join([f"no such {kind}; now perhaps:" if found else f"no such {kind}", *found])


def shown(now: Census) -> str:
    """All of it as text."""
    lines = []
    for kind, by in (("operator", operator_of), ("file", lambda mutant: mutant.file)):
        rows = counted(now, by)
        total = {end: sum(row[end] for row in rows.values()) for end in COLUMNS}
        lines.append(f"{kind:<34}" + "".join(f"{end:>16}" for end in COLUMNS))
        for name, row in {**rows, "all": total}.items():
            lines.append(f"{name:<34}" + "".join(f"{row[end]:>16}" for end in COLUMNS))
        lines.append("")
    for unit, count in now.awaiting().items():
        lines.append(f"AWAITS JUDGEMENT {unit}: {count}")
    lines += (f"CANNOT HAPPEN {text}" for text in now.cannot_happen.values())
    lines += (f"SURVIVED {m.key}" for m in now.mutants if now.fate(m) == "survived")
    lines += (f"REASON OF NOTHING {key}\n  {what}" for key, what in stale_reasons(now).items())
    head = summary(now)
    carried = head["of these carried over"]
    lines.append(
        f"\n{head['judged']} of {head['mutants']} mutants are judged, {carried} of them carried"
        f" over from an older table; {head[AWAITING]} await judgement in"
        f" {len(head['awaiting'])} functions: python -m tests.mutation run --new --overwrite"
    )
    return "\n".join(lines)
