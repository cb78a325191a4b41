"""What a checkpoint costs: ``python benchmarks/checkpoint.py [--json FILE]``.

Median times of a save and of a load, the peak memory of each, and the size of the file. They are
compared with simple code: `np.savez` of the same arrays, also flushed to the disk (fsync) before it
replaces the old file, but without digest and checks.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # tests.tools.provenance

import numpy as np  # noqa: E402  after the number of threads

from npstack import Checkpoint, History, StackedLSTM, load_checkpoint, save_checkpoint  # noqa: E402
from npstack.core.params import count  # noqa: E402
from tests.tools.full_run import add_overwrite, check_free, parser_of  # noqa: E402
from tests.tools.provenance import provenance  # noqa: E402

SIZES = ([12, 12, 12], [64, 64], [256, 256], [512, 512, 512])
EPOCHS, REPEATS = 100, 9


def checkpoint(sizes: list[int]) -> Checkpoint:
    """A run with Adam that keeps its best weights, after a hundred epochs."""
    rng = np.random.default_rng(0)
    params = dict(StackedLSTM(8, sizes, rng=rng).params)
    state = {f"{kind}.{name}": 0.1 * value for kind in "mv" for name, value in params.items()}
    numbers = rng.random(EPOCHS).tolist()
    history = History([*range(1, EPOCHS + 1)], *([numbers] * 5), best_epoch=EPOCHS)
    return Checkpoint(params, {}, 10, state, rng.bit_generator.state, history, params)


def by_hand(path: Path, whole: Checkpoint) -> None:
    """The arrays alone, with `np.savez`."""
    parts = {"params": whole.params, "best": whole.best or {}, "state": whole.state}
    arrays = {f"{part}/{n}": v for part, named in parts.items() for n, v in named.items()}
    part = path.with_name("part.npz")
    with open(part, "wb") as file:
        np.savez(file, **arrays)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def median_ms(call: Callable[[], Any]) -> float:
    """Median time of a call in milliseconds."""

    def once() -> float:
        began = time.perf_counter()
        call()
        return 1e3 * (time.perf_counter() - began)

    once()
    return statistics.median(once() for _ in range(REPEATS))


def peak(call: Callable[[], Any]) -> int:
    """Most bytes held at once during a call, beyond what was held before."""
    tracemalloc.start()
    call()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def measure(sizes: list[int], folder: Path) -> dict[str, Any]:
    """One row of the table."""
    whole = checkpoint(sizes)
    path, plain = folder / "c.npz", folder / "plain.npz"
    row: dict[str, Any] = {"sizes": sizes, "parameters": count(whole.params)}
    row["save_ms"] = median_ms(lambda: save_checkpoint(path, whole))
    row["savez_ms"] = median_ms(lambda: by_hand(plain, whole))
    row["load_ms"] = median_ms(lambda: load_checkpoint(path, whole.params))
    row["file_mb"] = path.stat().st_size / 1e6
    row["save_peak_mb"] = peak(lambda: save_checkpoint(path, whole)) / 1e6
    row["load_peak_mb"] = peak(lambda: load_checkpoint(path, whole.params)) / 1e6
    return row


def table(rows: list[dict[str, Any]]) -> str:
    """Text, one line per stack."""
    heads = ("parameters", "file MB", "save ms", "savez ms", "load ms", "save peak", "load peak")
    lines = [f"{'sizes':>12}" + "".join(f"{head:>12}" for head in heads)]
    for row in rows:
        cells = [f"{row['parameters']:,}", f"{row['file_mb']:.2f}"]
        cells += [f"{row[name]:.1f}" for name in ("save_ms", "savez_ms", "load_ms")]
        cells += [f"{row[name]:.2f}" for name in ("save_peak_mb", "load_peak_mb")]
        sizes = "-".join(map(str, row["sizes"]))
        lines.append(f"{sizes:>12}" + "".join(f"{cell:>12}" for cell in cells))
    return "\n".join(lines)


def main() -> None:
    parser = parser_of(__doc__, "python benchmarks/checkpoint.py")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    add_overwrite(parser)
    given = parser.parse_args()
    check_free(parser, [given.json] if given.json else [], given.overwrite)
    origin = provenance("python benchmarks/checkpoint.py")
    load = f"{os.getloadavg()[0]:.1f} processes before the run"
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure(sizes, Path(folder)) for sizes in SIZES]
    print(f"load: {load}\n{table(rows)}")
    if given.json:
        given.json.write_text(json.dumps({**origin, "load": load, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
