"""The full runs of the agreement bar: ``python -m tests.full_runs.agreement``.

Without arguments, all four comparisons run (some minutes) and each leaves its evidence in
``tests/evidence``; names on the command line choose some. The tests repeat the first stacks of each
run and hold their figures against the evidence.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.tools import other_programs
from tests.tools.provenance import provenance, write_figures
from tests.tools.random_stacks import Arrays, Case, draw_case, judge, require
from tests.tools.rounding import explain

FLOAT32_BAR = 1e-6 / float(np.finfo(np.float32).eps)  # the bar 1e-6 in eps of float32


@dataclass(frozen=True)
class Run:
    """One bar: which stacks, who computes them too, how far the two may differ (in eps)."""

    other: Callable[[Case], Arrays]
    stacks: int
    bar: float
    options: dict[str, Any]
    packages: tuple[str, ...] = ()

    def cases(self, count: int) -> Iterator[Case]:
        """The first ``count`` stacks."""
        return (draw_case(seed, **self.options) for seed in range(count))

    def figures(self, count: int) -> dict[str, Any]:
        """Compare the first ``count`` stacks."""
        return judge(self.cases(count), self.other, self.bar, explain)


RUNS = {
    "oracle": Run(
        other_programs.oracle_results,
        300,
        64,
        {
            "padding": "holes",
            "ends": True,
            "dropout": True,
            "junk": np.nan,
            "max_layers": 3,
            "max_size": 6,
            "max_steps": 5,
        },
    ),
    "pytorch": Run(
        other_programs.pytorch_results,
        300,
        64,
        {"padding": "lengths", "junk": np.nan, "wide": True},
        ("torch",),
    ),
    "keras": Run(
        other_programs.keras_results,
        100,
        FLOAT32_BAR,
        {"padding": "holes", "junk": 7.0, "dtype": np.float32},
        ("keras", "torch"),
    ),
    "onnxruntime": Run(
        other_programs.onnxruntime_results,
        300,
        FLOAT32_BAR,
        {"padding": "lengths", "junk": 7.0, "dtype": np.float32},
        ("onnx", "onnxruntime"),
    ),
}


def summary(figures: dict[str, Any]) -> str:
    """One line of figures."""
    worst, quantiles = figures["worst"], figures["quantiles_eps"]
    return (
        f"{figures['stacks']} stacks, {figures['blocks']} blocks; half within "
        f"{quantiles['0.5']:.3g} eps, 99.9 % within {quantiles['0.999']:.3g}, worst "
        f"{worst['error']:.4g} ({worst['block']}, seed {worst['seed']}); "
        f"{figures['above_bar']} above {figures['bar_eps']:.3g}, "
        f"{figures['above_bar_not_explained']} of them not explained"
    )


def main(names: list[str]) -> None:
    """Run the named comparisons, write their evidence, and fail if a bar is not met."""
    for name in names or RUNS:
        run = RUNS[name]
        origin = provenance(f"python -m tests.full_runs.agreement {name}", run.packages)
        figures = run.figures(run.stacks)
        path = write_figures(f"agreement_{name}", origin, figures)
        print(f"{name}: {summary(figures)} -> {path.name}", flush=True)
        require(figures)


if __name__ == "__main__":
    main(sys.argv[1:])
