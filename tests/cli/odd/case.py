"""A case: a command in a prepared folder, the exit code that is expected, and what is right."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

OK, FAILED, USAGE, BAD_DATA = 0, 1, 2, 3
SECONDS, MEMORY = 20, 10**9  # at most; of memory, beyond what the program has when it begins
MESSAGE = re.compile(r"npstack( [\w-]+)*: \S.*\n")
TYPED_WRONG = re.compile(r"usage: npstack.*\nnpstack[\w ]*: error: [^\n]+\n", re.DOTALL)
PROGRESS = re.compile(r"^epoch \d.*\n", re.MULTILINE)
INSIDE = ("Traceback", "fault in npstack", "Exception ignored", "Warning:", '.py"')


def nothing(place: Path) -> None:
    """No preparation."""


class Case(NamedTuple):
    """A command line, and what must become of it.

    Attributes
    ----------
    line : str or list of str
        Behind ``npstack``; a string is split as a shell does it.
    code : int
        The exit code.
    words : str
        Some that the message must have; or the output, where all is fine.
    prepare : callable
        Is given the folder in which the command runs.
    makes : tuple of str
        Names in that folder, of what the command may make or change.
    how : dict
        ``stdout``, ``stderr``: "full", "closed", "gone" (nobody reads it); ``encoding``; ``files``
        (most bytes of a file); ``memory``; ``user``: one without special rights; ``home``;
        ``gone``: the folder is removed.
    """

    line: Any
    code: int
    words: str = ""
    prepare: Callable[[Path], None] = nothing
    makes: tuple[str, ...] = ()
    how: dict[str, Any] = {}  # noqa: RUF012 (never changed)

    @property
    def name(self) -> str:
        """The command, and how the folder is prepared."""
        line = self.line if isinstance(self.line, str) else " ".join(self.line)
        parts = [line if len(line) < 120 else f"{line[:120]}…"]
        if self.prepare is not nothing:
            parts.append(getattr(self.prepare, "says", self.prepare.__name__))
        parts += [f"{key}={value}" for key, value in self.how.items()]
        return ascii(" | ".join(parts))[1:-1]


class Met(NamedTuple):
    """What became of a case."""

    code: int | None  # None: it had to be stopped
    out: str
    err: str
    seconds: float
    memory: int
    changed: list[str]


def faults(case: Case, met: Met) -> list[str]:
    """What is not as it must be; empty if all is."""
    found = []
    if met.code != case.code:
        found.append(f"exit code {met.code}, not {case.code}: {met.err[-300:]!r}")
    found += [f"shows the inside: {met.err[-300:]!r}" for part in INSIDE if part in met.err]
    seen = "stderr" not in case.how
    if case.code in (USAGE, BAD_DATA) and seen:
        said = PROGRESS.sub("", met.err)
        if not MESSAGE.fullmatch(said) and not TYPED_WRONG.fullmatch(said):
            found.append(f"not one message: {met.err[-300:]!r}")
        if met.out:
            found.append(f"output beside it: {met.out[:100]!r}")
    if case.words not in (met.err if case.code else met.out + met.err) and seen:
        found.append(f"{case.words!r} is not in {met.err[-300:]!r}")
    is_data = case.line[:7] == "predict" or case.line[:1] == ["predict"]
    shown = met.err if is_data else met.err + met.out
    if any(not c.isprintable() and c != "\n" for c in shown):
        found.append(f"letters that a terminal obeys: {shown!r}")
    if met.seconds > SECONDS:
        found.append(f"{met.seconds:.0f} s")
    if met.memory > MEMORY:
        found.append(f"{met.memory:,} bytes of memory")
    if met.changed:
        found.append(f"changed: {met.changed}")
    return found
