"""What a machine needs that does as an error advises: an odd file, and what a person knows."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from npstack import NpstackError, data

SUFFIXES = {"load_npz": ".npz", "load_labelled_npz": ".npz", "load_ts": ".ts"}


class Case(NamedTuple):
    """An odd file, what it should give, and what the person knows who has to answer an error.

    Attributes
    ----------
    content : bytes, str, dict of arrays, or what is given for a path
    right : callable
        ``right(found, state)``: whether what was read is right.
    lines : dict
        What lines of the file should have been.
    yes : str
        Words of the questions that are answered by yes; all others are answered by no.
    knows : dict
        Options that the person can name (a header, a delimiter, names), and ``whole``, the file as
        it should have been.
    """

    reader: str
    content: Any
    right: Callable[[Any, State], bool]
    options: dict[str, Any] = {}  # noqa: RUF012 (never changed)
    lines: dict[str, str] = {}  # noqa: RUF012
    yes: str = ""
    knows: dict[str, Any] = {}  # noqa: RUF012


class State(NamedTuple):
    """What is read next, how, and what has been left out as advised."""

    reader: str
    content: Any
    options: dict[str, Any]
    left_out: tuple[str, ...] = ()

    def with_options(self, **options: Any) -> State:
        return self._replace(options={**self.options, **options})

    def edited(self, change: Callable[[list[str]], list[str]]) -> State:
        """Another list of lines."""
        lines = self.content.decode().split("\n")
        return self._replace(content="\n".join(change(lines)).encode())


class Met(NamedTuple):
    """An error that a reader raised on the way."""

    error: NpstackError
    state: State


def read(state: State, folder: Path) -> Any:
    """What the reader makes of a content."""
    path: Any = state.content
    if isinstance(path, bytes | dict):
        path = folder / f"file{SUFFIXES.get(state.reader, '.csv')}"
        if isinstance(state.content, dict):
            np.savez(path, **state.content)
        else:
            path.write_bytes(state.content)
    else:
        path = path[0]
    with np.errstate(all="raise"):
        return getattr(data, state.reader)(path, **state.options)


class Task(NamedTuple):
    """An advice to be followed, and all that is known."""

    case: Case
    state: State
    error: NpstackError
    advice: str
    match: re.Match[str]

    def line(self) -> int:
        """The line that the error names, from 0."""
        found = re.search(r"line (\d+)", self.error.where)
        assert found, self.error
        return int(found[1]) - 1

    def is_so(self, question: str) -> bool:
        return question in self.case.yes

    # ---- ways to go on ---------------------------------------------------------------------------

    def known(self, *names: str) -> State | None:
        """Options that the person can name."""
        has = {name: self.case.knows[name] for name in names if name in self.case.knows}
        return self.state.with_options(**has) if has else None

    def option(self, name: str, text: str) -> State:
        return self.state.with_options(**{name: ast.literal_eval(text)})

    def corrected(self) -> State | None:
        """The line as it should have been; or the whole file."""
        if "whole" in self.case.knows:
            return self.state._replace(content=self.case.knows["whole"])
        if not self.case.lines:
            return None
        n = self.line()
        right = self.case.lines.get(self.state.content.decode().split("\n")[n])
        if right is None:
            return None
        return self.state.edited(lambda lines: [*lines[:n], right, *lines[n + 1 :]])

    def without_line(self, more: int = 0) -> State:
        n = self.line() + more
        return self.state.edited(lambda lines: lines[:n] + lines[n + 1 :])

    def without_column(self, option: str) -> State | None:
        """All other columns, by name."""
        found = re.search(r"column \d+ \('(.*)'\)", self.error.where)
        assert found, self.error
        names = self.state.options.get(option) or self.case.knows.get("names", ())
        rest = [name for name in names if name != found[1]]
        return self.state.with_options(**{option: rest}) if rest else None

    def with_header(self) -> State | None:
        """The first line as it should have been, or one more in front."""
        header = self.case.knows.get("header line")
        has_names = self.case.knows.get("has names", False)
        if header is None:
            return None
        return self.state.edited(lambda lines: [header, *lines[has_names:]])

    def arrays(self, change: Callable[[dict[str, Any]], dict[str, Any]]) -> State:
        return self.state._replace(content=change(dict(self.state.content)))
