"""Run the tests on every mutant, each in a separate process, forked after collection.

The tests are collected once; a child is forked for every mutant, gets the mistake, and runs those
tests that execute its line (known from one traced run), the likeliest to notice first. What is
decided when the package is imported (defaults, class attributes) gets a fresh import instead.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import sys
import threading
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tests.mutation.install import into_next_import, into_running_functions
from tests.mutation.operators import PACKAGE, Edit

ROOT = PACKAGE.parent
CPU_SECONDS, WALL_SECONDS, BYTES = 120, 3600, 8 * 2**30
IDLE_SECONDS = 5.0  # twice so long without working: it waits for what never comes
Lines = dict[str, set[str]]  # "file:line" -> names of the tests that execute it


def in_child(
    work: Callable[[], Any],
    cpu_seconds: float = CPU_SECONDS,
    idle_seconds: float = WALL_SECONDS,
) -> dict[str, Any]:
    """Run something in a forked process, silently, with limits; return what it returns."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(read)
            sink = os.open(os.devnull, os.O_WRONLY)
            os.dup2(sink, 1)
            os.dup2(sink, 2)
            resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
            signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
            os.write(write, json.dumps(work()).encode())
        except BaseException:
            os.write(write, json.dumps({"trouble": traceback.format_exc()}).encode())
        finally:
            os._exit(0)
    os.close(write)
    parts, used, deadline = [], -1.0, time.monotonic() + WALL_SECONDS
    while time.monotonic() < deadline:
        if select.select([read], [], [], idle_seconds)[0]:
            part = os.read(read, 65536)
            if not part:
                break
            parts.append(part)
        elif used == (used := _processor_time(pid)):  # it waits for something that never comes
            os.kill(pid, signal.SIGKILL)
            break
    else:
        os.kill(pid, signal.SIGKILL)
    os.close(read)
    os.waitpid(pid, 0)
    found = dict(json.loads(b"".join(parts))) if parts else {"by": "it does not come to an end"}
    if "trouble" in found:  # not the mutant is to blame, but this tool
        raise RuntimeError(found["trouble"])
    return found


def _processor_time(pid: int) -> float:
    """Of a process and of its children that ended, in ticks; 0 where it cannot be read."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return float(sum(map(int, fields[11:15])))


class CollectionFailed(Exception):
    """The tests could not even be imported."""


class Session:
    """A pytest plugin: once the tests are collected, `work` is called instead of running them."""

    def __init__(self, work: Callable[[Session], None]) -> None:
        self.work = work
        self.items: dict[str, pytest.Item] = {}
        self.failed: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            raise session.Interrupted("collection failed")
        self.items = {item.nodeid: item for item in session.items}
        try:
            self.work(self)
        except Exception:
            traceback.print_exc()  # pytest would swallow it
            raise
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.append(report.nodeid)

    def run(self, names: list[str], after: Callable[[str], None] | None = None) -> str | None:
        """Run tests in this order; the name of the first that fails."""
        self.failed.clear()
        for k, name in enumerate(names):
            following = self.items[names[k + 1]] if k + 1 < len(names) else None
            item = self.items[name]
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.failed:
                return self.failed[0]
            if after:
                after(name)
        return None


def collect(selection: list[str], work: Callable[[Session], None]) -> None:
    """Collect tests, then work."""
    options = ["-q", "-p", "no:cacheprovider", "--hypothesis-profile=mutation", "--tb=no"]
    options += ["-W", "ignore:Module already imported"]  # for speed: once, before any fork
    code = pytest.main([*options, *selection], plugins=[Session(work)])
    ran = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)
    if code not in ran:
        raise CollectionFailed(code)


def executed_lines(session: Session, files: set[str]) -> dict[str, Any]:
    """Run everything once, unchanged: how long each test takes, and which lines it executes."""
    spans = {str(PACKAGE / file): file for file in files}
    seen: dict[str, set[str]] = defaultdict(set)
    now: set[str] = set()

    def local(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            now.add(f"{spans[frame.f_code.co_filename]}:{frame.f_lineno}")
        return local

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename not in spans:
            return None
        now.add(f"{spans[frame.f_code.co_filename]}:{frame.f_code.co_firstlineno}")
        return local

    seconds, start = {}, time.process_time()

    def after(name: str) -> None:
        nonlocal start
        seconds[name] = max(time.process_time() - start, 1e-3)
        for line in list(now):  # another thread may add to it
            seen[line].add(name)
        now.clear()
        start = time.process_time()

    threading.settrace(trace)
    sys.settrace(trace)
    failed = session.run(list(session.items), after)
    sys.settrace(None)
    threading.settrace(None)  # type: ignore[arg-type]
    if failed:
        raise RuntimeError(f"{failed} fails without any mutant")
    return {"seconds": seconds, "lines": {line: sorted(names) for line, names in seen.items()}}


def in_session(
    edits: list[Edit], report: Callable[[Edit, dict[str, Any]], None], traced: bool = True
) -> Any:
    """The work of one collected session: every edit meets the tests that execute its lines.

    Without tracing, which takes half a minute, every edit meets all of them.
    """

    def work(session: Session) -> None:
        baseline = (
            in_child(lambda: executed_lines(session, {edit.file for edit in edits}), 3600)
            if traced
            else {}
        )
        kills: Counter[str] = Counter()
        nearby: defaultdict[str, Counter[str]] = defaultdict(Counter)  # by function

        def promise(name: str, unit: str) -> tuple[float, str]:
            noticed = kills[name] + 20 * nearby[unit][name] + 0.1
            return -noticed / baseline["seconds"][name], name

        for edit in edits:
            order = list(session.items)
            if traced:
                first, last = edit.span
                lines = [f"{edit.file}:{n}" for n in range(first, last + 1)]
                seen = {name for line in lines for name in baseline["lines"].get(line, ())}
                order = sorted(seen, key=lambda name: promise(name, edit.unit))

            def meet(edit: Edit = edit, order: list[str] = order) -> dict[str, Any]:
                try:
                    into_running_functions(edit)
                except SyntaxError as error:
                    return {"by": f"SyntaxError: {error}"}
                return {"by": session.run(order)}

            verdict = in_child(meet, idle_seconds=IDLE_SECONDS)
            if verdict["by"] in session.items:
                kills[verdict["by"]] += 1
                nearby[edit.unit][verdict["by"]] += 1
            report(edit, {**verdict, "tests": len(order)})

    return work


def with_fresh_import(edit: Any, selection: list[str]) -> dict[str, Any]:
    """Import the package with the mistake in it (None: without), and run the tests."""

    def meet() -> dict[str, Any]:
        try:
            if edit:
                into_next_import(edit)
        except SyntaxError as error:
            return {"by": f"SyntaxError: {error}"}
        found: dict[str, Any] = {"by": "collection"}

        def work(session: Session) -> None:
            found["by"] = session.run(list(session.items))

        with suppress(CollectionFailed):  # noticed at import
            collect(selection, work)
        return found

    return in_child(meet, idle_seconds=IDLE_SECONDS)
