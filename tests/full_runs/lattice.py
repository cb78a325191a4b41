"""The full runs of the lattices: ``python -m tests.full_runs.lattice [pytorch …]``.

Random configurations over all options that npstack and a framework both have. ``--json`` keeps the
figures, a file for each framework; ``--count N`` runs only the first N, and keeps nothing.
What fails is reduced to the smallest configuration that still fails, and printed.
"""

from __future__ import annotations

import importlib
import json
from typing import Any

import numpy as np

from tests.agreement.lattice.judging import Framework, figures, require, run
from tests.tools.full_run import begin

NAMES = ("pytorch", "onnxruntime", "keras", "flax")


def framework(name: str) -> Framework:
    """One lattice; its framework is imported when it first runs."""
    found: Framework = importlib.import_module(f"tests.agreement.lattice.{name}").FRAMEWORK
    return found


def summary(found: dict[str, Any]) -> str:
    """A few lines of figures."""
    lines = [f"{found['configurations']} configurations, {found['redrawn']} redrawn"]
    for name, own in {"held to the bar": found, "unbounded": found["unbounded"]}.items():
        if not own["blocks"]:
            continue
        quantiles = own["quantiles_eps"]
        lines.append(
            f"  {name}: {own['blocks']} blocks; "
            f"half within {quantiles['0.5']:.3g} eps, "
            f"99.9 % within {quantiles['0.999']:.3g}, worst {quantiles['1']:.4g}; "
            f"{own['above_bar']} above {found['bar_eps']:.3g}, "
            f"{own['above_bar_not_explained']} of them not explained"
        )
        lines += [f"  {json.dumps(reduced)}" for reduced in own["reduced"]]
    return "\n".join(lines)


def main() -> None:
    """Run the named lattices, and fail if a bar is not met."""
    full = begin(
        __doc__,
        "tests.full_runs.lattice",
        {name: f"lattice_{name}" for name in NAMES},
        packages=lambda name: framework(name).packages,
        add=lambda parser: parser.add_argument("--count", type=int, metavar="N"),
    )
    for name in full.chosen:
        lattice = framework(name)
        with np.errstate(all="raise", under="ignore"):
            found = figures(lattice, list(run(lattice, full.given.count or lattice.count)))
        print(f"{name}: {summary(found)}", flush=True)
        if full.given.count is None:
            full.keep(found, name)
        require(found)


if __name__ == "__main__":
    main()
