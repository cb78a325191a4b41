"""Five seeds of the demo, nothing else changed: ``python -m tests.full_runs.skill``.

Prints the table that docs/systems.md shows; and what ``npstack demo --fast`` comes to.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from npstack.cli import demo
from tests.tools.full_run import begin

SEEDS = range(5)
BEATS = "every_seed_beats"


def one(seed: int, epochs: int) -> dict[str, Any]:
    """The demo's own metrics for a seed."""
    with tempfile.TemporaryDirectory() as folder:
        return demo.run(Path(folder), seed=seed, settings=demo.Settings(epochs=epochs))


def figures(runs: list[dict[str, Any]], fast: list[dict[str, Any]]) -> dict[str, Any]:
    """What full demos come to, and beside it fast ones."""
    quick = compared(fast)
    of_fast = {"epochs": demo.FAST, **{name: quick[name] for name in ("stacks", BEATS)}}
    return {**compared(runs), "fast": of_fast}


def compared(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean squared errors by seed, and whether every seed beats what it must."""
    baselines = {name: row["mse"] for name, row in runs[0]["baselines"].items()}
    stacks = {
        name: {
            "sizes": row["sizes"],
            "parameters": row["parameters"],
            "mse": [run["stacks"][name]["mse"] for run in runs],
        }
        for name, row in runs[0]["stacks"].items()
    }
    three = stacks["3 layers"]["mse"]
    return {
        "seeds": [run["seed"] for run in runs],
        "settings": runs[0]["settings"],
        "baselines": baselines,
        "stacks": stacks,
        BEATS: {name: max(three) < mse for name, mse in baselines.items()},
        "gradients_right": all(run["gradient_check"]["passed"] for run in runs),
    }


def table(found: dict[str, Any]) -> str:
    """Markdown, one row per opponent and stack."""
    seeds = found["seeds"]
    lines = [
        "| | " + " | ".join(f"seed {seed}" for seed in seeds) + " |",
        "|---|" + "---|" * len(seeds),
    ]
    for name, row in found["stacks"].items():
        sizes = "-".join(map(str, row["sizes"]))
        cells = " | ".join(f"{mse:.3f}" for mse in row["mse"])
        lines.append(f"| {name} ({sizes}; {row['parameters']:,} parameters) | {cells} |")
    for name, mse in found["baselines"].items():
        lines.append(f"| {name} | " + " | ".join([f"{mse:.3f}"] * len(seeds)) + " |")
    return "\n".join(lines)


def main() -> None:
    """Run, print."""
    full = begin(__doc__, "tests.full_runs.skill", "skill")
    epochs = (demo.Settings().epochs, demo.FAST)
    found = figures(*([one(seed, count) for seed in SEEDS] for count in epochs))
    print(table(found))
    for what, part in {"the demo": found, "the fast demo": found["fast"]}.items():
        print(f"every seed of the three-layer stack of {what} beats:", part[BEATS])
    full.keep(found)


if __name__ == "__main__":
    main()
