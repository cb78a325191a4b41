"""Files of other frameworks, made to do harm: ``python -m tests.full_runs.hostile``.

Every kind of `tests.interop.hostile`, `hostile_libraries` and `hostile_torch` is drawn a number of
times, at least 100 files of each format, and read by `read_file` in a process of its own. Each must
give a `DataError` that says what to do, or, where the damage does not matter, the right arrays;
formats without a checksum cannot tell changed numbers, and these are counted. In less than 20
seconds of the processor (the child's, too) and 1 GB, with the folder as it was: nothing executed,
nothing written.
Prints a table per kind, and keeps it in ``tests/evidence/hostile.json``.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import re
import resource
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from npstack.core.errors import DataError
from npstack.interop.files.by_suffix import read_file
from tests.files.bad_reader import snapshot
from tests.interop import hostile
from tests.interop.hostile import COMMON, NPZ, ST, ZIPS, Arrays, Good, Kind
from tests.tools.full_run import begin

SECONDS, BYTES, FILES = 20, 10**9, 100
WORDING = re.compile(
    r"(read_file|recurrent_parts|arrays_of)\('.*/bad\.[\w.]+'\).*: .+, got .+\. \S.+", re.DOTALL
)


class Format(NamedTuple):
    """A format: how its names end, how a right file is made, and how it is spoilt."""

    suffix: str
    good: Callable[[Any, str], Good]
    kinds: tuple[Kind, ...]


@functools.cache
def formats() -> dict[str, Format]:
    """All formats; those that need no framework first."""
    h5 = import_module("tests.interop.hostile_libraries")
    pt = import_module("tests.interop.hostile_torch")
    onnx = import_module("tests.interop.hostile_onnx")
    return {
        **plain_formats(),
        "hdf5": Format(".h5", h5.good_h5, (*COMMON, *h5.H5)),
        "keras": Format(".keras", h5.good_keras, (*COMMON, *ZIPS, *h5.KERAS)),
        "pytorch": Format(".pt", pt.good_pt, (*COMMON, zip_of(pt), *pt.PT)),
        "onnx": Format(".onnx", onnx.good_onnx, onnx.ONNX),
    }


def plain_formats() -> dict[str, Format]:
    """The formats that npstack reads by itself."""
    return {
        "safetensors": Format(".safetensors", hostile.good_safetensors, (*COMMON, *ST)),
        "npz": Format(".npz", hostile.good_npz, (*COMMON, *ZIPS, *NPZ)),
    }


def zip_of(pt: Any) -> Kind:
    """A trick with the zip file of a checkpoint."""

    def zip_file(rng: Any, good: Good) -> hostile.Case:
        return hostile.pick(rng, ZIPS)(rng, pt.as_zip(rng, good))

    return zip_file


class Met(NamedTuple):
    """What `read_file` did."""

    error: str  # the name of the exception's class; empty if there was none
    message: str
    ours: bool
    arrays: Arrays
    seconds: float  # of the processor, children included
    most: tuple[int, int]  # bytes: the largest memory, until now, of this process and of children


def read(path: str) -> Met:
    """Read a file from within its folder."""
    os.chdir(Path(path).parent)
    error, message, ours = "", "", False
    arrays: Arrays = {}
    began = sum(os.times()[:4])
    try:
        if path.endswith(".onnx"):
            arrays = import_module("tests.interop.hostile_onnx").read_model(path)
        else:
            arrays = read_file(path).arrays
    except BaseException as raised:
        error, message = type(raised).__name__, str(raised)
        ours = isinstance(raised, DataError)
    seconds = sum(os.times()[:4]) - began
    status = Path("/proc/self/status").read_text()
    own = int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) * 1024
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return Met(error, message, ours, arrays, seconds, (own, children))


class Result(NamedTuple):
    """One file, and what became of it."""

    kind: str
    seed: int
    size: int
    outcome: str
    met: Met
    faults: list[str]


def judged(case: hostile.Case, met: Met, same_folder: bool) -> tuple[str, list[str]]:
    """The outcome, and what is not as it must be."""
    faults, right = [], case.right
    if met.error:
        outcome = "refused"
        if not met.ours:
            faults.append(f"no DataError, but {met.error}: {met.message[:300]}")
        elif not WORDING.fullmatch(met.message) or len(met.message) > 900:
            faults.append(f"not where, what, and what to do: {met.message[:400]}")
        elif not met.message.isprintable():
            faults.append(f"no plain text: {met.message[:300]!r}")
    elif right is None or not met.arrays:  # of an ONNX file: a part that is listed as refused
        outcome = "not told"
    else:
        outcome = "right"
        numbers = {name: value for name, value in right.items() if value.dtype.kind in "biufc"}
        if not equal(met.arrays, numbers):
            faults.append(f"other arrays: {list(met.arrays)[:5]} for {list(right)[:5]}")
        if case.refused:
            faults.append("read, and not refused")
    if not same_folder:
        faults.append("the folder has changed")
    if met.seconds > SECONDS or max(met.most) > BYTES:
        faults.append(f"{met.seconds:.1f} seconds, {met.most} bytes")
    return outcome, faults


def equal(one: Arrays, other: Arrays) -> bool:
    """Whether the names are the same, and every array is, bit for bit."""
    return one.keys() == other.keys() and all(
        (one[name].dtype, one[name].shape) == (value.dtype.newbyteorder("="), value.shape)
        and one[name].tobytes() == value.astype(one[name].dtype).tobytes()
        for name, value in other.items()
    )


class Reader:
    """The process that reads; a new one for each format, so that memory is told apart."""

    def __enter__(self) -> Reader:
        self.pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.shutdown()

    def read(self, path: Path) -> Met:
        """What came; a process that ended is an error like any other."""
        try:
            return self.pool.submit(read, str(path)).result()
        except BrokenProcessPool as gone:
            self.pool.shutdown()
            self.__enter__()
            return Met("the process ended", str(gone), False, {}, 0.0, (0, 0))


def one(name: str, form: Format, kind: Kind, seed: int, reader: Reader) -> Result:
    """Draw a bad file of a kind, and let it be read."""
    rng = np.random.default_rng([seed, *f"{name} {kind.__name__}".encode()])
    with tempfile.TemporaryDirectory() as folder:
        good = form.good(rng, folder)
        case = kind(rng, good)
        path = Path(folder, f"bad{form.suffix}")
        path.write_bytes(case.content)
        before = snapshot(Path(folder))
        met = reader.read(path)
        same = snapshot(Path(folder)) == before
        outcome, faults = judged(case, met, same)
    return Result(kind.__name__, seed, len(case.content), outcome, met._replace(arrays={}), faults)


def run(name: str, form: Format, seeds: Iterable[int], kinds: Iterable[Kind]) -> list[Result]:
    """All seeds of some kinds of one format."""
    seeds = list(seeds)
    with Reader() as reader:
        return [one(name, form, kind, seed, reader) for kind in kinds for seed in seeds]


def figures(results: list[Result]) -> dict[str, Any]:
    """Of one format: how many files, what became of them, memory and time; per kind an example."""
    table = {}
    for kind in dict.fromkeys(result.kind for result in results):
        rows = [result for result in results if result.kind == kind]
        refused = [row.met.message for row in rows if row.outcome == "refused"]
        table[kind] = {
            "files": len(rows),
            **{k: sum(row.outcome == k for row in rows) for k in ("refused", "right", "not told")},
            "slowest_seconds": round(max(row.met.seconds for row in rows), 2),
            "example": re.sub(r"'/[^']*/", "'", refused[0]) if refused else "",
        }
    return {
        "files": len(results),
        "as_they_must": sum(not result.faults for result in results),
        "slowest_seconds": round(max(row.met.seconds for row in results), 2),
        "most_memory": max(row.met.most[0] for row in results),
        "most_memory_of_a_child": max(row.met.most[1] for row in results),
        "kinds": table,
        "faults": [[row.kind, row.seed, row.faults] for row in results if row.faults],
    }


def table(found: dict[str, Any]) -> str:
    """Markdown, one row per format and kind."""
    head = ["format", "kind", "files", "refused", "right", "not told", "slowest"]
    lines = ["| " + " | ".join(head) + " |", "|---|---|" + "---:|" * (len(head) - 2)]
    for name, own in found.items():
        for kind, row in own["kinds"].items():
            counts = [row[key] for key in ("files", "refused", "right", "not told")]
            cells = [name, kind.replace("_", " "), *counts, f"{row['slowest_seconds']} s"]
            lines.append("| " + " | ".join(map(str, cells)) + " |")
        told = (
            f"{own['most_memory'] / 1e6:,.0f} MB, child {own['most_memory_of_a_child'] / 1e6:,.0f}"
        )
        lines.append(f"| {name} | all | {own['files']} | | | | {told} MB |")
    return "\n".join(lines)


def main() -> None:
    """Run, print."""
    packages = ("h5py", "torch", "onnx")
    full = begin(__doc__, "tests.full_runs.hostile", "hostile", packages=lambda part: packages)
    found = {}
    for name, form in formats().items():
        seeds = range(-(-FILES // len(form.kinds)))
        found[name] = figures(run(name, form, seeds, form.kinds))
        print(table({name: found[name]}), flush=True)
        for fault in found[name]["faults"]:
            print(fault)
    full.keep({"formats": found})
    require(found)


def require(found: dict[str, Any]) -> None:
    """The bar: at least 100 files of every format, each as it must be, in time and memory."""
    for name, own in found.items():
        assert own["as_they_must"] == own["files"] >= FILES, (name, own["faults"])
        assert own["slowest_seconds"] < SECONDS, name
        assert max(own["most_memory"], own["most_memory_of_a_child"]) < BYTES, name


if __name__ == "__main__":
    main()
