"""Following the advice of an error of a reader gives the right value, or another error.

A machine reads odd files, does what the errors advise, in every way that is left open, and reads
again. Every advice that stands in the source of the readers is met on the way.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from npstack import NpstackError
from tests.data.advice import others, tables
from tests.data.advice.harvest import ROOT, harvest, sites
from tests.data.advice.machine import Case, State, Task, read
from tests.data.advice.rules import RULES

ROUNDS = 6
CASES = {
    f"{kind}: {name}": case
    for kind, cases in {
        "table": tables.TABLES,
        "sequences": others.SEQUENCES,
        ".ts": others.TS_FILES,
        "text": others.TEXTS,
        ".npz": others.NPZ_FILES,
        "labelled .npz": others.LABELLED,
        "path": others.PATHS,
    }.items()
    for name, case in cases.items()
}


class Met(NamedTuple):
    """An error that a reader raised on the way, and where."""

    error: NpstackError
    site: tuple[str, int] | None


def follow(case: Case, folder: Path) -> Iterator[Met]:
    """Every error on every way that advice opens; what is read at the end of one is right."""
    content = case.content.encode() if isinstance(case.content, str) else case.content
    waiting = [(State(case.reader, content, case.options), ROUNDS)]
    known: set[str] = set()
    while waiting:
        state, rounds = waiting.pop()
        if repr(state) in known:
            continue
        known.add(repr(state))
        try:
            found = read(state, folder)
        except NpstackError as error:
            yield Met(error, site_of(error))
            for advice in {error.advice, error.typed or error.advice} if rounds else ():
                waiting += [(way, rounds - 1) for way in obeyed(case, state, error, advice)]
        else:
            assert case.right(found, state), f"{found} of {state}"


def site_of(error: NpstackError) -> tuple[str, int] | None:
    """File and line of the call of ``fail``."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.name != "fail":
            name = Path(frame.filename)
            inside = name.is_relative_to(ROOT)
            return (name.relative_to(ROOT).as_posix(), frame.lineno or 0) if inside else None
    return None


def obeyed(case: Case, state: State, error: NpstackError, advice: str) -> list[State]:
    """What comes of doing as advised, in every way; an advice that nobody understands is none."""
    for pattern, rule in RULES.items():
        if match := re.fullmatch(pattern, advice, re.DOTALL):
            ways = rule(Task(case, state, error, advice, match))
            return [way for way in ways if way is not None]
    raise AssertionError(f"nobody can do this: {advice}")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "good.csv").write_text(tables.GOOD)
    return tmp_path


MET: dict[str, list[Met]] = {}


def met(name: str, folder: Path) -> list[Met]:
    """Every error of a case, which is followed once."""
    if name not in MET:
        MET[name] = list(follow(CASES[name], folder))
    return MET[name]


@pytest.mark.parametrize("name", CASES)
def test_doing_as_advised_gives_the_right_value_or_another_error(name, folder):
    assert met(name, folder), "there was no error"


def test_every_advice_of_the_readers_is_met(folder):
    errors = [one for name in CASES for one in met(name, folder)]
    said = {text for one in errors for text in (one.error.advice, one.error.typed or "")}
    silent = {
        pattern.replace("\\", ""): name
        for pattern, name in harvest().items()
        if not any(re.fullmatch(pattern, text, re.DOTALL) for text in said)
    }
    assert not silent
    reached = {one.site for one in errors}
    assert not {site: words for site, words in sites().items() if site not in reached}


def test_an_advice_that_makes_numbers_wrong_is_found(folder, monkeypatch):
    monkeypatch.setattr("npstack.data.table.THOUSANDS", re.compile("never"))
    with pytest.raises(AssertionError, match=r"1\.234"):
        list(follow(CASES["table: cell 1,234 in quotes"], folder))
