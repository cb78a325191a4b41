"""The figures of docs/benchmarks.md, from the files that are kept.

Between ``<!-- PART -->`` and ``<!-- end of PART -->`` stands what the file of that part says.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.engines import curves, fits, growth, memory, passes
from benchmarks.engines.processes import ROOT

PARTS: dict[str, ModuleType] = {
    "passes": passes,
    "fits": fits,
    "memory": memory,
    "growth": growth,
    "curves": curves,
}
RESULTS, PAGE = ROOT / "benchmarks/results", ROOT / "docs/benchmarks.md"
NOT_MEASURED = "Not yet measured."


def file_of(part: str, folder: Path = RESULTS) -> Path:
    """Where the figures of a part are kept."""
    return folder / f"engines_{part}.json"


def head(kept: dict[str, Any]) -> str:
    """On what it was measured, and how."""
    versions = ", ".join(f"{name} {number}" for name, number in kept["versions"].items())
    lines = [
        f"- {kept['machine']}; load before the run {kept['load']}; {kept['date']}",
        f"- {versions}; BLAS: {kept['blas']}",
        f"- threads: {kept['threads']}",
        f"- {kept['figures']['rounds']} rounds; commit {kept['commit'][:10]}; `{kept['command']}`",
    ]
    if kept["changed_since_commit"]:
        lines.append(f"- changed since that commit: {', '.join(kept['changed_since_commit'])}")
    return "\n".join(lines)


def text(part: str, kept: dict[str, Any]) -> str:
    """What a run found, in Markdown."""
    return f"{head(kept)}\n\n{PARTS[part].tables(kept['figures'])}"


def stored(part: str, folder: Path = RESULTS) -> str:
    """What the file of a part says."""
    path = file_of(part, folder)
    if not path.exists():
        return NOT_MEASURED
    return text(part, json.loads(path.read_text(encoding="utf-8")))


def filled(page: str, folder: Path = RESULTS) -> str:
    """A page with the figures of all parts in their places."""
    for part in PARTS:
        between = re.compile(rf"(<!-- {part} -->\n).*?(<!-- end of {part} -->)", re.DOTALL)
        assert between.search(page), f"the page has no place for {part}"
        found = "\n\n".join([*(pictures() if part == "curves" else []), stored(part, folder)])
        found = found.replace("\\", r"\\")
        page = between.sub(rf"\1\n{found}\n\n\2", page)
    return page


def pictures() -> list[str]:
    """The curves that have been drawn into docs/img, as the page shows them."""
    words = ("float32, time", "float64, time", "float32, memory")
    return [
        f"![Curves: {what}](img/{name})"
        for name, what in zip(curves.PICTURES, words, strict=True)
        if (PAGE.parent / "img" / name).exists()
    ]


def write() -> None:
    """Fill in docs/benchmarks.md."""
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
