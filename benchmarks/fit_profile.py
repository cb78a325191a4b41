"""Where the time of ``fit`` goes: ``python benchmarks/fit_profile.py [--json]`` prints the shares.

``model.forward`` and ``model.backward`` are timed, and the whole of ``fit``; the share is the first
time over the second. The rest is what `fit` adds: choosing rows, the loss, norms and clipping, the
optimiser, setting parameters, history and checkpoints. At least 85 % of a usual job must be spent
in forward and backward.

One BLAS thread, set before NumPy is imported. Each share is taken within one run, so a busy machine
slows both times down; the median and the smallest share of several runs are printed.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # tests.tools.provenance

import numpy as np  # noqa: E402  after the number of threads

from npstack import Adam, Dense, Sequential, StackedLSTM, fit  # noqa: E402
from npstack.cli import demo  # noqa: E402
from npstack.data import Scale, load_sunspots  # noqa: E402
from npstack.losses.samples import Samples  # noqa: E402
from tests.tools.full_run import add_overwrite, check_free, parser_of  # noqa: E402
from tests.tools.provenance import EVIDENCE, provenance, write_figures  # noqa: E402

BAR = 0.85
SMALL = ("truncate=(10, 10)", "one layer of 8")  # many small updates: not usual jobs
Job = tuple[Sequential, Samples, dict[str, Any]]


def forecaster(B: int, T: int, H: int, L: int, **options: Any) -> Job:
    """A stack with a head at every step, eight batches to the epoch."""
    rng = np.random.default_rng(0)
    stack = StackedLSTM(1, H, L, dropout=0.1, rng=rng)
    x = rng.standard_normal((8 * B, T, 1))
    options = {"epochs": 2, "batch_size": B, "optimiser": Adam(0.003), "clip_norm": 1.0, **options}
    return Sequential(stack, Dense(H, 1, rng=rng)), Samples(x, np.cumsum(x, axis=1)), options


def sunspots() -> Job:
    """The demo's three layers, for two epochs, with validation."""
    series, settings = load_sunspots(), demo.Settings()
    z = Scale.fit(series.values[: demo.SPLIT.train]).apply(series.values)
    options = {
        "epochs": 2,
        "batch_size": settings.batch_size,
        "optimiser": Adam(settings.learning_rate),
        "clip_norm": settings.clip_norm,
        "validation": demo.validation_rows(z),
        "keep_best": True,
    }
    model = demo.build(settings.sizes, settings, np.random.default_rng(0))
    return model, demo.training_rows(z, settings), options


def with_checkpoints(folder: str) -> Job:
    """The usual job, and a checkpoint after every epoch."""
    return forecaster(32, 50, 32, 2, checkpoint=f"{folder}/run.npz")


JOBS: dict[str, Callable[[str], Job]] = {
    "two layers of 32, B=32, T=50": lambda folder: forecaster(32, 50, 32, 2),
    "the same, a checkpoint per epoch": with_checkpoints,
    "the same, truncate=(10, 10)": lambda folder: forecaster(32, 50, 32, 2, truncate=(10, 10)),
    "two layers of 128, B=32, T=50": lambda folder: forecaster(32, 50, 128, 2),
    "one layer of 8, B=8, T=20": lambda folder: forecaster(8, 20, 8, 1),
    "the demo: three layers of 12, B=18, T=216": lambda folder: sunspots(),
}


def share(job: Job) -> tuple[float, float]:
    """Seconds of forward and backward, and of all of ``fit``."""
    model, samples, options = job
    spent = 0.0

    def clocked(method: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **named: Any) -> Any:
            nonlocal spent
            began = time.perf_counter()
            try:
                return method(*arguments, **named)
            finally:
                spent += time.perf_counter() - began

        return run

    model.forward = clocked(model.forward)  # type: ignore[method-assign]
    model.backward = clocked(model.backward)  # type: ignore[method-assign]
    began = time.perf_counter()
    fit(model, samples, rng=np.random.default_rng(1), **options)
    return spent, time.perf_counter() - began


def measure(runs: int) -> dict[str, dict[str, Any]]:
    """Every job, several times."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, build in JOBS.items():
            share(build(folder))  # warm caches
            times = [share(build(folder)) for _ in range(runs)]
            shares = sorted(spent / whole for spent, whole in times)
            found[name] = {
                "usual": not any(words in name for words in SMALL),
                "share": round(statistics.median(shares), 4),
                "least": round(shares[0], 4),
                "seconds": round(statistics.median(whole for _, whole in times), 3),
            }
    return found


def main(words: list[str] | None = None) -> int:
    """Print the shares; 1 if a usual job is under the bar."""
    parser = parser_of(str(__doc__), "python benchmarks/fit_profile.py")
    parser.add_argument("--runs", type=int, default=7, help="of every job (default 7)")
    parser.add_argument("--json", action="store_true", help="write tests/evidence/fit_profile.json")
    add_overwrite(parser)
    given = parser.parse_args(words)
    check_free(parser, [EVIDENCE / "fit_profile.json"] if given.json else [], given.overwrite)
    origin = provenance("python benchmarks/fit_profile.py --json")
    found = measure(given.runs)
    wide = max(map(len, found))
    print(f"{'job':<{wide}}  share  least  seconds")
    for name, row in found.items():
        note = "" if row["usual"] else "  (no usual job)"
        figures = f"{row['share']:5.1%}  {row['least']:5.1%}  {row['seconds']:7.2f}"
        print(f"{name:<{wide}}  {figures}{note}")
    if given.json:
        write_figures("fit_profile", origin, {"bar": BAR, "runs": given.runs, "jobs": found})
    return int(any(row["share"] < BAR for row in found.values() if row["usual"]))


if __name__ == "__main__":
    sys.exit(main())
