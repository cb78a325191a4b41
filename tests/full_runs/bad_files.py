"""Files that were damaged, or made to do harm: ``python -m tests.full_runs.bad_files``.

Every kind of `tests.files.bad_zips`, `bad_contents`, `bad_data` and `bad_arrays` is drawn a number
of times, written to a folder, and read by a process with little memory. What must come each time is
a `DataError` that names the file and ends with what to do; the folder must stay as it was, to the
byte, and nothing in the file may run: pickles and headers hold code that would leave a trace.
Prints a table per kind, and keeps it in ``tests/evidence/bad_files.json``.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from npstack import fit, save_weights
from npstack.files.atomic import previous_of
from tests.files import bad_arrays, bad_contents, bad_data, bad_zips
from tests.files.bad_reader import Met, Reader, job, snapshot
from tests.files.forged import pick
from tests.tools.full_run import begin

PER_KIND, FILES = 14, 500
ROOM, TIMES = 50_000_000, 16  # memory: 16 times the size of the file, and 50 MB
ARCHIVES = (*bad_zips.ACCIDENTS, *bad_zips.TRICKS, *bad_contents.ARRAYS, *bad_contents.TEXTS)
WORDING = re.compile(
    r"(load_\w+\(|fit, resuming from )'.*/bad\.\w+'.*: .+, got .+\. \S.+[.?]", re.DOTALL
)
DATA = (*bad_data.KINDS, *bad_arrays.KINDS)
KINDS = (*ARCHIVES, *bad_contents.OF_CHECKPOINTS, *bad_contents.OF_RUNS, *DATA)


class Result(NamedTuple):
    """One bad file, and what became of it."""

    kind: str
    seed: int
    loader: str
    size: int
    met: Met
    folder_same: bool

    @property
    def faults(self) -> list[str]:
        """What is not as it must be; empty if all is."""
        met, message = self.met, self.met.message
        found = []
        if not met.ours:
            found.append(f"no DataError, but {met.error or 'nothing'}: {message[:200]}")
        elif not WORDING.fullmatch(message):
            found.append(f"not where, what, and what to do: {message[:300]}")
        elif len(message) > 900 or not message.isprintable():
            found.append(f"a message that is too long, or no plain text: {message[:300]!r}")
        if not self.folder_same:
            found.append("the folder has changed")
        if met.peak > TIMES * self.size + ROOM:
            found.append(f"{met.peak:,} bytes of memory for a file of {self.size:,}")
        return found


def spoilt(kind: Any, folder: Path, rng: np.random.Generator) -> tuple[Path, str, dict[str, Any]]:
    """A bad file in a folder, its reader, and the options."""
    if kind in DATA:
        bad = kind(rng)
        path = folder / f"bad{bad.suffix}"
        path.write_bytes(bad.content)
        return path, bad.loader, bad.options
    sizes, seed = [int(n) for n in rng.integers(1, 7, rng.integers(1, 4))], int(rng.integers(99))
    model, options = job(sizes, seed)
    path = folder / "bad.npz"
    fit(model, epochs=2, checkpoint=path, **options)
    loader = pick(rng, ["load_checkpoint", "load_weights", "fit"])
    if kind in bad_contents.OF_CHECKPOINTS and loader == "load_weights":
        loader = "load_checkpoint"
    if kind in bad_contents.OF_RUNS:
        loader = "fit"
    if loader == "load_weights":
        save_weights(path, model.params, {"sizes": sizes})
    whole = path.read_bytes()
    content = kind(rng, whole)
    assert content != whole, kind.__name__
    path.write_bytes(content)
    if rng.random() < 0.5:
        previous_of(path).unlink(missing_ok=True)
    own = {"sizes": sizes, "seed": seed}
    return path, loader, own if loader == "fit" else {"model_params": dict(model.params)}


def one(kind: Any, seed: int, reader: Reader) -> Result:
    """Draw a bad file of a kind, and let it be read."""
    index = [k.__name__ for k in KINDS].index(kind.__name__)
    with tempfile.TemporaryDirectory() as folder:
        path, loader, options = spoilt(kind, Path(folder), np.random.default_rng([seed, index]))
        before = snapshot(Path(folder))
        met = reader.read(loader, path, **options)
        same = snapshot(Path(folder)) == before
        return Result(kind.__name__, seed, loader, path.stat().st_size, met, same)


def run(kinds: Iterable[Any], seeds: Iterable[int]) -> list[Result]:
    """All seeds of some kinds."""
    with Reader() as reader:
        return [one(kind, seed, reader) for kind in kinds for seed in seeds]


def figures(results: list[Result]) -> dict[str, Any]:
    """Per kind: how many, how many were refused as they must be, memory, time, an example."""
    table = {}
    for kind in dict.fromkeys(result.kind for result in results):
        rows = [result for result in results if result.kind == kind]
        table[kind] = {
            "files": len(rows),
            "refused_clearly": sum(not row.faults for row in rows),
            "loaders": sorted({row.loader for row in rows}),
            "largest_file": max(row.size for row in rows),
            "most_memory": max(row.met.peak for row in rows),
            "slowest_seconds": round(max(row.met.seconds for row in rows), 3),
            "different_refusals": len({_without_numbers(row.met.message) for row in rows}),
            "example": re.sub(r"'/[^']*/", "'", rows[0].met.message),  # without the folder
        }
    return {
        "files": len(results),
        "refused_clearly": sum(not result.faults for result in results),
        "memory_bound": f"{TIMES} times the size of the file and {ROOM:,} bytes",
        "kinds": table,
        "faults": [
            {"kind": result.kind, "seed": result.seed, "faults": result.faults}
            for result in results
            if result.faults
        ],
    }


def _without_numbers(message: str) -> str:
    """A message without what differs from file to file."""
    return re.sub(r"'[^']*'|0x\w+|\b[0-9a-f]{8}\b|[\d,]+", "…", message)


def table(found: dict[str, Any]) -> str:
    """Markdown, one row per kind."""
    head = ["kind", "files", "refused clearly", "different refusals", "largest file", "most memory"]
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    for kind, row in found["kinds"].items():
        sizes = f"{row['largest_file'] / 1e3:,.0f} kB | {row['most_memory'] / 1e3:,.0f} kB"
        counts = f"{row['files']} | {row['refused_clearly']} | {row['different_refusals']}"
        lines.append(f"| {kind.replace('_', ' ')} | {counts} | {sizes} |")
    return "\n".join(lines)


def main() -> None:
    """Run, print."""
    full = begin(__doc__, "tests.full_runs.bad_files", "bad_files")
    found = figures(run(KINDS, range(PER_KIND)))
    print(table(found))
    for fault in found["faults"]:
        print(fault)
    print(f"{found['refused_clearly']} of {found['files']} refused clearly")
    full.keep(found)
    require(found)


def require(found: dict[str, Any]) -> None:
    """The bar: at least 500 files, every one refused as it must be."""
    assert found["refused_clearly"] == found["files"] >= FILES, found["faults"]


if __name__ == "__main__":
    main()
