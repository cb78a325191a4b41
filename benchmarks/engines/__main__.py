"""Times and memory of npstack's engines beside PyTorch, JAX, onnxruntime and a NumPy package.

    python -m benchmarks.engines                        every part; prints Markdown
    python -m benchmarks.engines passes --cases A --dtypes float32 --modes train --sides auto torch
    python -m benchmarks.engines --json --overwrite     keeps the figures in benchmarks/results
    python -m benchmarks.engines --show                 prints kept figures, measures nothing
    python -m benchmarks.engines --draw FOLDER          pictures of the kept curves
    python -m benchmarks.engines --page                 fills in docs/benchmarks.md

Parts: passes (single forward and backward passes), fits (training, end to end), memory, growth
(time in T and in layers), curves (time in T, B, H and L, memory in T).

Each side has a process of its own; only one works at a time, in rounds. Its outputs and gradients
are first compared with PyTorch in float64 (or the readable path); a side that is wrong is not
timed, and the exit code is 1. A side whose package is not installed is left out. docs/benchmarks.md
says more.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

from benchmarks.engines import curves
from benchmarks.engines.cases import CASES, DTYPES, MODES
from benchmarks.engines.page import PARTS, RESULTS, file_of, stored, text, write
from benchmarks.engines.processes import references
from benchmarks.engines.sides.base import SPECS
from tests.tools.full_run import add_overwrite, check_free, parser_of
from tests.tools.provenance import provenance

COMMAND = "python -m benchmarks.engines"
PACKAGES = ("torch", "jax", "jaxlib", "onnxruntime", "onnx", "neuralnetworknumpy", "threadpoolctl")


def say(line: str) -> None:
    """Progress, apart from the tables."""
    print(line, file=sys.stderr, flush=True)


def origin(words: list[str]) -> dict[str, Any]:
    """Where, when, on what and with how many threads."""
    from npstack.layers.twins import libraries

    installed = []
    for name in PACKAGES:
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        installed.append(name)
    found = provenance(" ".join([COMMAND, *words]), installed)
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    processor = names[0] if names else platform.processor()
    return found | {
        "machine": f"{processor}, {os.cpu_count()} processors, {found['machine']}",
        "load": f"{os.getloadavg()[0]:.1f}",
        "blas": libraries()[1],
        "threads": "npstack: BLAS 1, and the engine's own helper; products alone: 1; "
        "others: the better of 1 and 2",
    }


def wrong(figures: Any) -> bool:
    """Whether a side was wrong anywhere."""
    if not isinstance(figures, dict):
        return False
    return bool(figures.get("wrong")) or any(map(wrong, figures.values()))


def options(words: list[str] | None) -> Any:
    """What is asked for."""
    parser = parser_of(str(__doc__), COMMAND)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (all)")
    for name, known in (("cases", CASES), ("dtypes", DTYPES), ("modes", MODES), ("sides", SPECS)):
        names = list(known)
        parser.add_argument(f"--{name}", nargs="+", choices=names, default=names, metavar=name[:-1])
    parser.add_argument("--rounds", type=int, help="of every cell (each part has its own number)")
    parser.add_argument("--json", nargs="?", type=Path, const=RESULTS, metavar="FOLDER")
    parser.add_argument("--show", action="store_true", help="print kept figures, no more")
    parser.add_argument("--page", action="store_true", help="fill in docs/benchmarks.md, no more")
    parser.add_argument("--draw", type=Path, metavar="FOLDER", help="draw kept curves, no more")
    add_overwrite(parser)
    given = parser.parse_args(words)
    given.parts = given.parts or list(PARTS)
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"there is no part {unknown.pop()}, but {', '.join(PARTS)}")
    if given.rounds is not None and given.rounds < 1:
        parser.error("--rounds counts from 1")
    if given.draw is not None:
        if not file_of("curves").exists():
            parser.error("no curves are kept; measure them with: curves --json")
        check_free(parser, [given.draw / name for name in curves.PICTURES], given.overwrite)
    elif given.json is not None and not (given.show or given.page):
        files = [file_of(part, given.json) for part in given.parts]
        check_free(parser, files, given.overwrite)
    return given


def main(words: list[str] | None = None) -> int:
    """Measure and print, or show, draw, fill in; 1 if a side was wrong."""
    given = options(words)
    if given.page:
        write()
    elif given.draw is not None:
        given.draw.mkdir(parents=True, exist_ok=True)
        kept = json.loads(file_of("curves").read_text(encoding="utf-8"))
        curves.draw(kept["figures"], given.draw)
    elif given.show:
        for part in given.parts:
            print(f"### {part}\n\n{stored(part)}\n")
    else:
        return measure(given, sys.argv[1:] if words is None else words)
    return 0


def measure(given: Any, words: list[str]) -> int:
    """All parts that are asked for."""
    if given.json is not None:
        given.json.mkdir(parents=True, exist_ok=True)  # now, not after minutes of work
    failed = 0
    for part in given.parts:
        kept = origin(words)
        with references() as right:
            kept["figures"] = PARTS[part].measure(given, right, say)
        failed |= wrong(kept["figures"])
        print(f"### {part}\n\n{text(part, kept)}\n", flush=True)
        if given.json is not None:
            path = file_of(part, given.json)
            path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return failed


if __name__ == "__main__":
    sys.exit(main())
