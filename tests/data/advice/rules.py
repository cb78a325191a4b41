"""What a machine does with an advice of a reader: by rule, or with what the case knows."""

from __future__ import annotations

import ast
import gzip
import io
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.data.advice.machine import State, Task


def columns_of(task: Task) -> str:
    return "features" if "labelled" in task.state.reader else "columns"


def correct_or_leave_out(task: Task) -> list[State | None]:
    return [task.corrected(), task.without_column(columns_of(task))]


def mask_or_leave_out(task: Task) -> list[State | None]:
    return [task.state.with_options(missing="mask"), task.without_column("columns")]


def mask_or_remove_line(task: Task) -> list[State | None]:
    if task.is_so("Is a value missing?"):
        return [task.state.with_options(missing="mask")]
    return [task.without_line()] if task.is_so("Is it an empty line?") else []


def one_of_both(task: Task) -> list[State | None]:
    """A cell that could mean two numbers: the person knows which, and finds it among them."""
    way = task.corrected()
    if way is not None:
        right = way.content.decode().split("\n")[task.line()]
        assert task.match[1] in right or task.match[2] in right, right
    return [way]


def without_separators(task: Task) -> list[State | None]:
    """By rule: the sign that comes last, if it is another one, is the decimal sign."""
    field = ast.literal_eval(task.error.got)
    first = re.search(r"[^\d+-]", field)
    assert first
    return [
        task.state._replace(
            content=task.state.content.replace(field.encode(), field.replace(first[0], "").encode())
        )
    ]


def decimal_sign(task: Task) -> list[State | None]:
    if not task.is_so("Is every"):
        return [task.corrected()]
    return [task.state.with_options(decimal=task.match[1])]


def near_name(task: Task) -> list[State | None]:
    option = columns_of(task)
    wrong, right = map(ast.literal_eval, (task.error.got, task.match[1]))
    given = task.state.options[option]
    given = [given] if isinstance(given, str) else given
    return [task.state.with_options(**{option: [right if n == wrong else n for n in given]})]


def by_question(question: str, *ways: Callable[[Task], State | None]) -> Any:
    """The first way if the question is answered by yes, else the second, if there is one."""

    def rule(task: Task) -> list[State | None]:
        chosen = ways[0] if task.is_so(question) else (*ways, None)[1]
        return [] if chosen is None else [chosen(task)]

    return rule


def sort_lines(task: Task) -> list[State | None]:
    """By sequence, and by step if that is said; in a stable order."""
    head = task.state.content.decode().split("\n")[0].split(",")
    keys = [head.index("sequence")] + ([head.index("step")] if "step" in task.advice else [])

    def key(line: str) -> list[Any]:
        fields = line.split(",")
        return [fields[keys[0]], *(float(fields[k]) for k in keys[1:])]

    return [
        task.state.edited(lambda lines: [lines[0], *sorted(filter(None, lines[1:]), key=key), ""])
    ]


def number_steps(task: Task) -> list[State | None]:
    """New numbers for the steps, or no such column."""
    at = task.state.content.decode().split("\n")[0].split(",").index("step")

    def put(lines: list[str], new: Callable[[int], list[str]]) -> list[str]:
        rows = [line.split(",") for line in lines if line]
        return [",".join([*r[:at], *new(k), *r[at + 1 :]]) for k, r in enumerate(rows)]

    return [
        task.state.edited(lambda lines: put(lines, lambda k: [str(k - 1) if k else "step"])),
        task.state.edited(lambda lines: put(lines, lambda k: [])),
    ]


def without_sequence(task: Task) -> list[State | None]:
    """All lines of the sequence whose label is unknown; a row of arrays."""
    if isinstance(task.state.content, dict):
        row = int(re.search(r"y\[(\d+)", task.error.where)[1])  # type: ignore[index]
        kept = [k for k in range(len(task.state.content["x"])) if k != row]
        return [
            task.arrays(
                lambda a: {k: v[kept] if k != "features" else v for k, v in a.items()}
            )._replace(left_out=("a sequence",))
        ]
    n = task.line()
    name = task.state.content.decode().split("\n")[n].split(",")[0]
    if task.state.reader == "load_ts":
        return [task.without_line()._replace(left_out=("a sequence",))]
    return [
        task.state.edited(
            lambda lines: [own for own in lines if own.split(",")[0] != name]
        )._replace(left_out=("a sequence",))
    ]


def fill_in_or_leave_out(task: Task) -> list[State | None]:
    """Fill in a value; or leave out the step, in every dimension; or the column."""
    ways = [task.corrected()]
    if task.state.reader == "load_ts":
        step = int(re.search(r"step (\d+)", task.error.where)[1])  # type: ignore[index]
        n = task.line()

        def cut(lines: list[str]) -> list[str]:
            *series, name = lines[n].split(":")
            kept = (",".join(np.delete(own.split(","), step).tolist()) for own in series)
            return [*lines[:n], ":".join([*kept, name]), *lines[n + 1 :]]

        return [*ways, task.state.edited(cut)._replace(left_out=("a step",))]
    return [
        *ways,
        task.without_line()._replace(left_out=("a step",)),
        task.without_column("features"),
    ]


def more_bytes(task: Task) -> list[State | None]:
    ways: list[State | None] = [task.option("most_bytes", task.match[task.match.lastindex or 1])]
    if "divide the file" in task.advice:
        ways.append(
            task.arrays(lambda a: {k: v[:1] if k != "features" else v for k, v in a.items()})
        )
        ways[-1] = ways[-1]._replace(left_out=("a sequence",))  # type: ignore[union-attr]
    return ways


def as_utf_8(task: Task) -> list[State | None]:
    encoding = task.case.knows.get("encoding")
    if encoding is None:
        return []
    return [task.state._replace(content=task.state.content.decode(encoding).encode())]


def unpacked(task: Task) -> list[State | None]:
    packed = task.state.content.startswith(b"\x1f\x8b")
    return [task.state._replace(content=gzip.decompress(task.state.content))] if packed else []


def another_path(task: Task) -> list[State | None]:
    """A path in another form, or that of a file."""
    path = task.state.content[0]
    if "fsdecode" in task.advice:
        return [task.state._replace(content=(os.fsdecode(path),))]
    if "expanduser" in task.advice:
        return [task.state._replace(content=(Path(path).expanduser(),))]
    if "Take it out" in task.advice:
        return [task.state._replace(content=(path.replace("\0", ""),))]
    return [task.corrected()]


def other_option(task: Task) -> list[State | None]:
    """An option as the advice writes it."""
    return [task.option(task.match[1], task.match[2])]


def compressed(task: Task) -> list[State | None]:
    """The same arrays, as np.savez_compressed writes them."""
    stream = io.BytesIO()
    np.savez_compressed(stream, **task.case.knows["whole"])
    return [task.state._replace(content=stream.getvalue())]


def nothing(task: Task) -> list[State | None]:
    """There is nothing that a machine could do: the error stays."""
    return []


def right_file(task: Task) -> list[State | None]:
    return [task.corrected()]


RULES: dict[str, Callable[[Task], list[State | None]]] = {
    # tables
    r"Correct it, or leave the column out: .*\.": correct_or_leave_out,
    r"Mask what is missing, by .*, or leave the column out: .*": mask_or_leave_out,
    r"Is a value missing\? Then use .*\. Is it an empty line\? Take it out\.": mask_or_remove_line,
    r"Is a value missing there\? Write NA\. If not, take the empty line out\.": by_question(
        "Is a value missing there?", Task.corrected, Task.without_line
    ),
    r"Nothing can be computed with infinity: .*": right_file,
    r"It could mean (.*) or (.*): write the one that it means\.": one_of_both,
    r"Leave separators of thousands out\.": without_separators,
    r"Is every '.' a decimal sign\? Then use (?:decimal=|--decimal )'?(.)'?\. If .*": decimal_sign,
    r"Did you mean ('.*')\?": near_name,
    r"Pick one of these\.": lambda task: [task.known("columns", "features", "decimal")],
    r"Use (\w+)=(\[?'[^']*'\]?)\.": other_option,
    r"Use (header)=True or header=False\.": lambda task: [task.known("header")],
    r"Use comment='#', or comment='' if there are none\.": lambda task: [
        task.option("comment", "'#'"),
        task.option("comment", "''"),
    ],
    r"Are these lines records\? Then use comment=''\.": by_question(
        "Are these lines records?", lambda task: task.option("comment", "''")
    ),
    r"Are these lines records\? Then begin none of them with '#'\.": by_question(
        "Are these lines records?", Task.corrected
    ),
    r"Is it a comment\? Take it out\. Are these the names\? Take the next line out\.": (
        lambda task: [
            task.without_line() if task.is_so("Is it a comment?") else task.without_line(1)
        ]
    ),
    r"A field that begins with a quotation mark ends .*": right_file,
    r"Is '(.)' the delimiter\? A decimal comma needs another\.": by_question(
        "the delimiter?", Task.corrected, lambda task: task.known("delimiter")
    ),
    r"Is it a comment\? Take it out: comments come before the first record\.": by_question(
        "Is it a comment?", Task.without_line
    ),
    r"Were files joined\? Take the line out\.": by_question(
        "Were files joined?", Task.without_line
    ),
    r"Give every column a name, .*in the first line\.|Rename one\.": lambda task: [
        task.with_header()
    ],
    r"Is ',' no decimal sign here\? Use decimal='\.'\. Is it one column\? Use delimiter=';'\.": (
        by_question(
            "no decimal sign here?",
            lambda task: task.option("decimal", "'.'"),
            lambda task: task.option("delimiter", "';'"),
        )
    ),
    r"Is ',' no decimal sign here\? Use --decimal \. instead\.": by_question(
        "no decimal sign here?", lambda task: task.option("decimal", "'.'")
    ),
    r"Are these names\? Use header=True\. Are they values\? Use header=False\.": lambda task: [
        task.option("header", str(task.is_so("Are these names?")))
    ],
    # bytes, lines, paths
    r"Save the file with line feeds\.": lambda task: [
        task.state._replace(content=task.state.content.replace(b"\r", b"\n"))
    ],
    r"Save the file as UTF-8 text\.": as_utf_8,
    r"Unpack or convert it first\.": unpacked,
    r".*most_bytes=(\d+)\.": more_bytes,
    r"Use os\.fsdecode.*|For your home folder, .*|Take it out: no file .*|Give .*": another_path,
    # sequences
    r"Add it, or say what it is called in the file: .*": lambda task: [task.known("called")],
    r"Use called=\{'label': 'weather'\}, for example\.": lambda task: [task.known("called")],
    r"Sort the file by sequence( and step)?\.": sort_lines,
    r"Number the steps 0, 1, 2, …, or take the column out\.": number_steps,
    r"Is a line there twice\? Take one out\.": by_question("there twice?", Task.without_line),
    r"Does each step have its own label\? Use labels='step'\. If not, correct it\.": by_question(
        "Has each step", lambda task: task.option("labels", "'step'"), Task.corrected
    ),
    r"Leave its sequence out: .*": without_sequence,
    r"Fill it in, or leave .*": fill_in_or_leave_out,
    # arrays
    r"Leave empty sequences out\.": lambda task: [
        task.arrays(
            lambda a: {k: v[a["lengths"] > 0] if k != "features" else v for k, v in a.items()}
        )
    ],
    r"Is it padding\? Give lengths, too\. Is a value missing\? Fill it in\.": right_file,
    r"Use np\.savez_compressed\.": compressed,
    # the person mends it; what it should have been is known
    r"Correct it\.|Correct it: .*|Correct one\.|Fill it in\.|Is the line complete\?": right_file,
    r"Leave one of the two out\.": lambda task: [task.without_line()],
    r"Rename them, and leave out all others: .*|Put what belongs together .*": right_file,
    r"Add columns of numbers, .*|Is it one table, .*\?|np\.savez writes th.*": right_file,
    r"Objects would have to be unpickled, .*: save numbers or texts\.": right_file,
    r"There are N sequences of T steps and D features; .*": right_file,
    r"Resample the sequences to equal steps first\.": right_file,
    r"Is it a \.ts file\? load_csv reads tables\.": by_question(
        "load_csv reads", lambda task: task.state._replace(reader="load_csv")
    ),
    r"Use load_weights, load_model or load_checkpoint\.": nothing,
    r"Is (it|the file) complete\?|Is it the right file, and complete\?": right_file,
    r"Is it a binary file\?|Do not trust this file\.|The file is damaged.*": nothing,
    r"Make it smaller\.": nothing,
    r"np\.savez writes such files\..*|Cut the longest sequences, or .*": right_file,
}
