"""What the readable path costs for different T, H and L, compared with its matrix products alone.

    python benchmarks/readable.py [--json FILE] [--threads N] [--repeats N] [--dtype float32]
    python benchmarks/readable.py --show FILE

One row is one stack, forward and backward. The reference runs the matrix products of the same pass,
in the same number, shapes and order, and nothing else: no activations, no sums of gradients, no
mask, no tape. Code that multiplies step by step cannot be faster on this BLAS (joining the products
of steps that do not depend on each other can be), and the ratio says what everything else costs.
Its memory is that of the operands: ``x``, ``h`` and ``da`` of every step and layer.

Both are timed in one run, alternately, and the ratio is taken within each pair before the median
over the pairs, so that other load on the machine affects both.

One BLAS thread unless ``--threads`` says otherwise. The products here are small, (32, 64) times
(64, 256) and similar: several threads spend more time on synchronisation than on multiplication,
and on a busy machine the same run then varies by a factor of several. The number of threads is read
once, when NumPy loads its BLAS, and is therefore set before NumPy is imported.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

BASE = {"B": 32, "T": 50, "H": 64, "L": 2}
GRID = [
    BASE,
    *({**BASE, "T": T} for T in (10, 200)),
    *({**BASE, "H": H} for H in (8, 32, 128, 256)),
    *({**BASE, "L": L} for L in (1, 4)),
]
MEASURED = [f"npstack/{name}" for name in ("cells", "layers", "numerics.py", "stack.py", "tape.py")]
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def products(B: int, T: int, H: int, L: int, dtype: str) -> tuple[Callable[[], None], ...]:
    """Forward and backward of the reference."""
    import numpy as np

    W, U, x, h, da = operands(B, T, H, L, dtype, np.random.default_rng(0))

    def forward() -> None:
        for k in range(L):
            for t in range(T):
                x[k, t] @ W, h[k, t] @ U

    def backward() -> None:
        for k in reversed(range(L)):
            for t in reversed(range(T)):
                x[k, t].T @ da[k, t], h[k, t].T @ da[k, t], da[k, t] @ W.T, da[k, t] @ U.T

    return forward, backward


def operands(B: int, T: int, H: int, L: int, dtype: str, rng: Any) -> list[Any]:
    """What the products multiply: W, U, then x, h and da of every layer and step."""
    shapes = (H, 4 * H), (H, 4 * H), (L, T, B, H), (L, T, B, H), (L, T, B, 4 * H)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def seconds(run: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """Time of one call, and its result."""
    start = time.perf_counter()
    result = run(*arguments)
    return time.perf_counter() - start, result


def peak(run: Callable[[], Any]) -> int:
    """Most bytes held at once during one call, beyond what was held before it."""
    tracemalloc.start()
    run()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def measure(B: int, T: int, H: int, L: int, dtype: str, repeats: int) -> dict[str, Any]:
    """One row: times in milliseconds, memory in megabytes, and their ratios."""
    import numpy as np

    from npstack import StackedLSTM

    rng = np.random.default_rng(0)
    stack = StackedLSTM(H, H, L, rng=rng, dtype=dtype)
    x, doutputs = rng.standard_normal((2, B, T, H)).astype(dtype)
    bare_passes = products(B, T, H, L, dtype)

    def readable() -> tuple[float, float]:
        forward, tape = seconds(stack.forward, x)
        return forward, seconds(stack.backward, tape, doutputs)[0]

    def bare() -> tuple[float, ...]:
        return tuple(seconds(run)[0] for run in bare_passes)

    readable(), bare()  # the first call of each allocates memory that later calls reuse
    turns = []
    for turn in range(repeats):
        if turn % 2:  # neither always goes first
            turns.append((*readable(), *bare()))
        else:
            second = bare()
            turns.append((*readable(), *second))
    forward, backward, bare_forward, bare_backward = np.array(turns).T
    times = {
        "forward_ms": 1e3 * forward,
        "bare_forward_ms": 1e3 * bare_forward,
        "forward_ratio": forward / bare_forward,
        "backward_ms": 1e3 * backward,
        "bare_backward_ms": 1e3 * bare_backward,
        "backward_ratio": backward / bare_backward,
        "time_ratio": (forward + backward) / (bare_forward + bare_backward),
    }
    most = peak(lambda: stack.backward(stack.forward(x), doutputs))
    bare_bytes = sum(array.nbytes for array in operands(B, T, H, L, dtype, rng)[2:])
    return {
        **dict(zip("BTHL", (B, T, H, L), strict=True)),
        **{name: float(np.median(values)) for name, values in times.items()},
        "tape_mb": stack.forward(x).nbytes / 1e6,
        "peak_mb": most / 1e6,
        "bare_mb": bare_bytes / 1e6,
        "memory_ratio": most / bare_bytes,
    }


COLUMNS = (  # key, heading, format
    *((letter, letter, "{:d}") for letter in "BTHL"),
    ("forward_ms", "fwd ms", "{:.1f}"),
    ("bare_forward_ms", "bare", "{:.1f}"),
    ("forward_ratio", "ratio", "{:.2f}"),
    ("backward_ms", "bwd ms", "{:.1f}"),
    ("bare_backward_ms", "bare", "{:.1f}"),
    ("backward_ratio", "ratio", "{:.2f}"),
    ("time_ratio", "both", "{:.2f}"),
    ("tape_mb", "tape MB", "{:.1f}"),
    ("peak_mb", "peak MB", "{:.1f}"),
    ("bare_mb", "bare MB", "{:.1f}"),
    ("memory_ratio", "ratio", "{:.2f}"),
)


def line(row: dict[str, Any] | None = None) -> str:
    """One row of the table as text; the headings if there is none."""
    cells = (head if row is None else form.format(row[key]) for key, head, form in COLUMNS)
    return "".join(f"{cell:>4}" if k < 4 else f"{cell:>9}" for k, cell in enumerate(cells))


def header(about: dict[str, Any]) -> str:
    """What was measured on, and the headings of the table."""
    return "\n".join([*(f"{key}: {value}" for key, value in about.items()), "", line()])


def provenance(threads: int, dtype: str, repeats: int) -> dict[str, Any]:
    """Where, when and on what the figures were measured."""
    import numpy as np

    root = Path(__file__).parents[1]

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=root, capture_output=True, text=True, check=True
        ).stdout.strip()

    cpuinfo = Path("/proc/cpuinfo")
    models = [
        line.split(":", 1)[1].strip()
        for line in (cpuinfo.read_text().splitlines() if cpuinfo.exists() else [])
        if line.startswith("model name")
    ]
    return {
        "machine": f"{models[0] if models else platform.processor()}, {os.cpu_count()} cores",
        "load": f"{os.getloadavg()[0]:.1f} processes before the run",
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"],
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "commit": git("rev-parse", "HEAD"),
        "clean": not git("status", "--porcelain", "--", *MEASURED),
        "threads": threads,
        "dtype": dtype,
        "repeats": repeats,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    parser.add_argument("--threads", type=int, default=1, help="BLAS threads (1)")
    parser.add_argument("--repeats", type=int, default=15, help="turns per row (15)")
    parser.add_argument("--dtype", default="float64", choices=["float32", "float64"])
    parser.add_argument("--show", type=Path, metavar="FILE", help="print a stored run, no more")
    parser.add_argument("--overwrite", action="store_true", help="replace FILE if it is there")
    options = parser.parse_args()
    if options.json and options.json.exists() and not options.overwrite:
        parser.error(f"{options.json} exists; --overwrite replaces it")
    if options.show:
        stored = json.loads(options.show.read_text())
        print(header(stored["provenance"]), *map(line, stored["rows"]), sep="\n")
        return
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(options.threads)))
    about = provenance(options.threads, options.dtype, options.repeats)
    print(header(about))
    rows = []
    for shape in GRID:
        rows.append(measure(**shape, dtype=options.dtype, repeats=options.repeats))
        print(line(rows[-1]), flush=True)
    if options.json:
        options.json.write_text(json.dumps({"provenance": about, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
