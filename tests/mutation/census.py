"""The mutants that there are now, and which of them the table has judged already.

A verdict is kept while the digest of its function is the same and the tests that noticed still
stand. Where a function stands plays no part, nor which names look alike elsewhere: the names that
were exchanged are written in the table, so that a function has the same mutants as long as it is
the same. Only where a function is new are names traced.
"""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.mutation import verdicts
from tests.mutation.accidents import ACCIDENTS, Accident, CannotHappen
from tests.mutation.digests import digests
from tests.mutation.install import module_name
from tests.mutation.mistakes import edits
from tests.mutation.operators import FILES, MODULE, PACKAGE, Alike, Edit
from tests.mutation.runner import in_child
from tests.mutation.verdicts import Entry

Mutant = Edit | Accident
Place = tuple[str, str]  # file, qualified name
Alikes = dict[str, Alike]  # file -> function -> name -> names that look the same


@dataclass
class Census:
    """All mutants by function, and the entries of the table that are valid for them."""

    functions: dict[str, list[Edit]]
    kept: dict[str, Entry]
    accidents: dict[str, Accident] = field(default_factory=dict)
    kept_accidents: dict[str, Entry] = field(default_factory=dict)
    cannot_happen: dict[str, str] = field(default_factory=dict)

    @property
    def mutants(self) -> list[Mutant]:
        edits_ = (edit for found in self.functions.values() for edit in found)
        return [*edits_, *self.accidents.values()]

    def entry(self, mutant: Mutant) -> Entry | None:
        """What is known of its function."""
        if isinstance(mutant, Accident):
            return self.kept_accidents.get(mutant.name)
        return self.kept.get(mutant.unit)

    def fate(self, mutant: Mutant) -> str | None:
        """What became of a mutant, if its verdict is kept."""
        entry = self.entry(mutant)
        return entry.fate(mutant.text) if entry else None

    def is_carried(self, mutant: Mutant) -> bool:
        """Whether the verdict comes from a table without the names of the tests that noticed."""
        entry = self.entry(mutant)
        return entry is not None and entry.noticed is None

    def forget(self, mutant: Mutant) -> None:
        """The function of this mutant awaits judgement again."""
        if isinstance(mutant, Accident):
            self.kept_accidents.pop(mutant.name, None)
        else:
            self.kept.pop(mutant.unit, None)

    def to_judge(self) -> list[Mutant]:
        """What no verdict is kept of, and what survived."""
        left = [mutant for mutant in self.mutants if self.fate(mutant) in (None, "survived")]
        return [m for m in left if isinstance(m, Edit) or m.name not in self.cannot_happen]

    def add(self, fates: dict[str, str], by: dict[str, str | None]) -> None:
        """New verdicts, by key, and who noticed: of whole functions, or of survivors in them."""
        for unit, edits_ in self.functions.items():
            new = [edit for edit in edits_ if edit.key in fates]
            if new:
                entry = self.kept.get(unit) or Entry(
                    new[0].digest, len(edits_), noticed=[], alike=exchanged(edits_)
                )
                entry.add({e.text: fates[e.key] for e in new}, [by[e.key] for e in new])
                self.kept[unit] = entry
        for name, accident in self.accidents.items():
            if accident.key in fates:
                entry = Entry(accident.digest, 1, noticed=[])
                entry.add({accident.text: fates[accident.key]}, [by[accident.key]])
                self.kept_accidents[name] = entry

    def awaiting(self) -> dict[str, int]:
        """How many mutants of each function await judgement."""
        found = {unit: len(e) for unit, e in self.functions.items() if unit not in self.kept}
        for name in self.accidents.keys() - self.kept_accidents.keys():
            found[f"accident | {name}"] = 1
        return dict(sorted(found.items()))


def take(table: dict[str, Any] | None = None, anew: bool = False) -> Census:
    """Look at the code as it is; `anew` keeps no verdict, and traces all names."""
    table = verdicts.read() if table is None else table
    known = {} if anew else verdicts.entries(table)
    functions, same = enumerated(known, {})
    kept = {unit: entry for unit, entry in same.items() if holds(entry, functions.get(unit, []))}
    if len(kept) < len(functions):
        functions, kept = enumerated(kept, traced())
    why = verdicts.reasons()
    for unit, entry in kept.items():
        entry.others = {
            text: verdicts.with_reason(end, f"{unit} | {text}" in why)
            for text, end in entry.others.items()
        }
    census = Census(functions, kept, {accident.name: accident for accident in ACCIDENTS})
    happened = {} if anew else verdicts.entries(table, "accidents")
    for name, accident in census.accidents.items():
        try:
            digest = accident.digest
        except CannotHappen as message:
            census.cannot_happen[name] = str(message)
            continue
        if name in happened and happened[name].digest == digest and tests_stand(happened[name]):
            census.kept_accidents[name] = happened[name]
    return census


def traced() -> Alikes:
    """Which names look alike; found in a child, so that nothing is imported here."""

    def trace() -> Any:
        from tests.mutation.traces import names_alike

        return names_alike()

    return in_child(trace)


def enumerated(
    known: dict[str, Entry], alikes: Alikes
) -> tuple[dict[str, list[Edit]], dict[str, Entry]]:
    """Every mutant by its function, and the entries of the functions that are as they were.

    Names are exchanged as the entry says, or else as traced.
    """
    trees = {file: ast.parse((PACKAGE / file).read_text(encoding="utf-8")) for file in FILES}
    digest = {(f, path): d for f, tree in trees.items() for path, d in digests(tree).items()}
    called = names(list(digest))
    same = matched(called, digest, known)
    found: dict[str, list[Edit]] = {}
    for file, tree in trees.items():
        alike = dict(alikes.get(file, {}))
        for of, path in same:
            if of == file:
                exchanged = same[of, path].alike.items()
                alike[path] = {name: others.split() for name, others in exchanged}
        for edit in edits(file, alike, tree):
            place = file, edit.site.unit
            edit.unit, edit.digest = called[place], digest[place]
            found.setdefault(edit.unit, []).append(edit)
    return found, {called[place]: entry for place, entry in same.items()}


def names(places: list[Place]) -> dict[Place, str]:
    """What the table calls each: its name, with the module where several have the same."""
    often = Counter(path for _, path in places)
    return {
        (file, path): path
        if often[path] == 1 and path != MODULE
        else f"{module_name(file).removeprefix('npstack.')}:{path}"
        for file, path in places
    }


def matched(
    called: dict[Place, str], digest: dict[Place, str], known: dict[str, Entry]
) -> dict[Place, Entry]:
    """The entry of each function that is as it was; or one that was called with another module."""
    at_home = {p for p, name in called.items() if name in known and known[name].digest == digest[p]}
    free = known.keys() - {called[place] for place in at_home}
    moved = {(name.rpartition(":")[2], known[name].digest): known[name] for name in sorted(free)}
    found = {place: known[called[place]] for place in at_home}
    for place in called.keys() - at_home:
        if (place[1], digest[place]) in moved:
            found[place] = moved[place[1], digest[place]]
    return dict(sorted(found.items()))


def exchanged(edits_: list[Edit]) -> dict[str, str]:
    """The names that look alike in a function, as the table writes them."""
    found: dict[str, list[str]] = {}
    for edit in edits_:
        if edit.operator == "name" and edit.after not in found.setdefault(edit.before, []):
            found[edit.before].append(edit.after)
    return {name: " ".join(others) for name, others in sorted(found.items())}


def fits(entry: Entry, mutants: list[Edit]) -> bool:
    """Whether an entry is of these mutants."""
    return len(mutants) == entry.mutants and entry.others.keys() <= {e.text for e in mutants}


def holds(entry: Entry, mutants: list[Edit]) -> bool:
    """Whether an entry of the same function is of these mutants, and its tests still stand."""
    return fits(entry, mutants) and tests_stand(entry)


def tests_stand(entry: Entry) -> bool:
    return all(map(verdicts.stands, entry.noticed or ()))
