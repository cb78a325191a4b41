"""Options of all tasks on one command line, with their defaults."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from npstack.cli.tasks import Option
from npstack.core.errors import ArgumentError, fail

Tables = Mapping[str, tuple[Option, ...]]  # by the name of the task


def flag(name: str) -> str:
    """The name of an option on the command line."""
    return f"--{name.replace('_', '-')}"


def shown(value: Any) -> str:
    """A value in the form for the command line."""
    if isinstance(value, list):
        return ",".join(map(str, value))
    return repr(value) if value == "" or str(value).isspace() else str(value)


def add_options(parser: argparse.ArgumentParser, tables: Tables) -> None:
    """Add every option once, grouped by the tasks that have it; None if it is not given."""
    having: dict[str, dict[str, Option]] = {}
    for task, options in tables.items():
        for option in options:
            having.setdefault(option.name, {})[task] = option
    groups: dict[tuple[str, ...], Any] = {}
    for name, uses in having.items():
        tasks = tuple(uses)
        if tasks not in groups:
            every = len(tasks) == len(tables) > 1
            title = "training" if every else f"for --task {' and '.join(tasks)}"
            groups[tasks] = parser.add_argument_group(title)
        first = next(iter(uses.values()))
        texts = {option.help for option in uses.values()}
        text = first.help
        if len(texts) > 1:
            text = "; ".join(f"{task}: {option.help}" for task, option in uses.items())
        groups[tasks].add_argument(
            flag(name), type=first.read, metavar=first.metavar, help=text + _default(uses)
        )


def _default(uses: Mapping[str, Option]) -> str:
    """The default of most tasks, then those of the others by name."""
    values = {task: shown(option.default) for task, option in uses.items()}
    told = [value for value in values.values() if value != shown(None)]
    if not told:
        return ""
    usual = max(told, key=told.count)
    others = [f"{task}: {v}" for task, v in values.items() if v not in (usual, shown(None))]
    only = [task for task, value in values.items() if value == usual]
    first = usual if len(told) == len(values) else f"{' and '.join(only)}: {usual}"
    return f" (default {'; '.join([first, *others])})"


def given_options(given: argparse.Namespace, tables: Tables, task: str) -> dict[str, Any]:
    """The given options of one task; an option of another task is refused."""
    names = {option.name for options in tables.values() for option in options}
    typed = {name: value for name in names if (value := getattr(given, name)) is not None}
    own = {option.name for option in tables[task]}
    for name in sorted(typed.keys() - own):
        tasks = [t for t, options in tables.items() if name in {o.name for o in options}]
        expected = f"{flag(name)} must go with a task that has it, {' or '.join(tasks)}"
        fail(ArgumentError, "npstack", expected, f"it with {task}", "Leave it out.")
    return typed


def with_defaults(typed: Mapping[str, Any], options: tuple[Option, ...]) -> dict[str, Any]:
    """Every option of a task, given or by default."""
    return {option.name: typed.get(option.name, option.default) for option in options}
