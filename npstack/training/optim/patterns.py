"""Parameters chosen by their names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from fnmatch import fnmatchcase

from npstack.core.errors import ArgumentError, DtypeError, describe, fail


def check_patterns(where: str, name: str, patterns: object) -> tuple[str, ...]:
    """Check for a tuple of patterns; one string is refused, as it would be a tuple of letters."""
    if not isinstance(patterns, tuple | list) or not all(isinstance(p, str) for p in patterns):
        expected, advice = f"{name} must be a tuple of patterns", f"Use {name}=('*.b',)."
        fail(DtypeError, where, expected, describe(patterns), advice)
    return tuple(patterns)


def matching(where: str, what: str, patterns: tuple[str, ...], names: Iterable[str]) -> set[str]:
    """The names that match any of the patterns; every pattern must match one."""
    found: set[str] = set()
    names = list(names)
    for pattern in patterns if names else ():
        matches = [name for name in names if fnmatchcase(name, pattern)]
        if not matches:
            near = difflib.get_close_matches(pattern, names, n=3, cutoff=0.3) or names[:3]
            advice = f"Near it: {', '.join(near)}."
            expected = f"every pattern in {what} must match a parameter"
            fail(ArgumentError, where, expected, repr(pattern), advice)
        found.update(matches)
    return found
