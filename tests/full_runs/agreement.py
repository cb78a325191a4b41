"""The full runs of the agreement bar: ``python -m tests.full_runs.agreement``.

Without arguments, all four comparisons run (some minutes); names on the command line choose some,
and ``--json`` keeps the figures. The tests repeat the first stacks of each run and hold their
figures against the evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.tools import other_programs
from tests.tools.full_run import begin
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


def main() -> None:
    """Run the chosen comparisons, and fail if a bar is not met."""
    files = {name: f"agreement_{name}" for name in RUNS}
    program = "tests.full_runs.agreement"
    full = begin(__doc__, program, files, packages=lambda name: RUNS[name].packages)
    for name in full.chosen:
        figures = RUNS[name].figures(RUNS[name].stacks)
        print(f"{name}: {summary(figures)}", flush=True)
        full.keep(figures, name)
        require(figures)


if __name__ == "__main__":
    main()
