"""How good is the gradient check? ``python -m tests.full_runs.checker_power`` prints a table.

Every wrong backward of `tests.verify.wrong_backwards` meets four routes: every entry by complex
step, every entry by central differences, one random direction, and torch-style central differences
with a fixed step and fixed tolerances (step 1e-6, 1e-5 absolute, 1e-3 relative), which is what most
tools do. Then a one-entry error meets many random directions, to see how often one misses it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from npstack import LSTM, gradcheck
from npstack.verify.gradients.layer_function import gate_blocks
from tests.tools.full_run import begin
from tests.verify.wrong_backwards import WRONG, Wrong

ROUTES = ("complex", "difference", "direction")


class Problem:
    """One layer, right or spoilt, as a function with a backward."""

    def __init__(self, wrong: Wrong | None, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.dtype = np.dtype(np.float64 if wrong is None else wrong.dtype)
        self.scale = 1.0 if wrong is None else wrong.scale
        self.layer = LSTM(
            2, 3, rng=rng, kernel_init="uniform", bias_init="uniform", dtype=self.dtype
        )
        self.inputs = {
            **self.layer.params,
            "x": rng.standard_normal((2, 4, 2)).astype(self.dtype),
            "h": rng.uniform(-1, 1, (2, 3)).astype(self.dtype),
            "c": rng.uniform(-1, 1, (2, 3)).astype(self.dtype),
        }
        if wrong is not None:
            wrong.spoil(self.layer)

    def _forward(self, inputs: dict[str, Any]) -> Any:
        params = {name: inputs[name] for name in "WUb"}
        state = self.layer.cell.state_type(inputs["h"], inputs["c"])
        return self.layer.forward(inputs["x"], state, params=params)

    def f(self, **inputs: Any) -> Any:
        """Outputs and final state, times the scale."""
        tape = self._forward(inputs)
        return {
            "y": tape.outputs * self.scale,
            "h": tape.final.h * self.scale,
            "c": tape.final.c * self.scale,
        }

    def backward(self, d: Any, **inputs: Any) -> dict[str, Any]:
        """The layer's own, with the scale on its way."""
        final = self.layer.cell.state_type(d["h"] * self.scale, d["c"] * self.scale)
        grads = self.layer.backward(self._forward(inputs), d["y"] * self.scale, final)
        return {**grads.params, "x": grads.x, **grads.initial_states._asdict()}

    def check(self, route: str, seed: int = 0) -> bool:
        """Whether the check passes."""
        report = gradcheck(
            self.f,
            self.backward,
            self.inputs,
            route=route,
            blocks=gate_blocks(self.layer),
            rng=np.random.default_rng(seed),
        )
        return report.passed

    def fixed_tolerances(self) -> bool:
        """Whether central differences with fixed step and tolerances find nothing wrong."""
        rng = np.random.default_rng(0)
        exact = {name: value.astype(float) for name, value in self.inputs.items()}
        cotangents = {
            name: rng.standard_normal(y.shape).astype(y.dtype)
            for name, y in self.f(**self.inputs).items()
        }

        def loss(inputs: dict[str, Any]) -> float:
            return float(sum((cotangents[k] * y).sum() for k, y in self.f(**inputs).items()))

        grads = self.backward(cotangents, **self.inputs)
        for name, value in exact.items():
            for index in np.ndindex(value.shape):
                up, down = value.copy(), value.copy()
                up[index] += 1e-6
                down[index] -= 1e-6
                slope = (loss({**exact, name: up}) - loss({**exact, name: down})) / 2e-6
                if not abs(grads[name][index] - slope) <= 1e-5 + 1e-3 * abs(slope):
                    return False
        return True


def caught(wrong: Wrong | None) -> dict[str, bool]:
    """Which routes notice."""
    problem = Problem(wrong)
    found = {route: not problem.check(route) for route in ROUTES}
    found["fixed tolerances"] = not problem.fixed_tolerances()
    return found


def miss_probability(error: float, tolerance: float) -> float:
    """Chance that one random direction misses an error in a single entry.

    The direction multiplies the error by one standard normal number, so the error goes unseen when
    that number is smaller than ``tolerance / error``; both relative to the norm that the products
    of gradient and direction have.
    """
    return math.erf(tolerance / error / math.sqrt(2))


def measured_misses(errors: list[float], draws: int) -> list[dict[str, float]]:
    """The same by doing it: a gradient of 100 entries, one of them wrong."""
    rng = np.random.default_rng(0)
    gradient = rng.standard_normal(100)
    tolerance = 64 * np.finfo(float).eps
    rows = []
    for error in errors:
        spoilt = gradient.copy()
        spoilt[7] += error * np.linalg.norm(gradient)
        missed = 0
        for seed in range(draws):
            report = gradcheck(
                lambda x: (gradient * x).sum(),
                lambda d, x, spoilt=spoilt: d * spoilt,
                [np.zeros(100)],
                route="direction",
                rng=np.random.default_rng(seed),
            )
            missed += report.passed
        rows.append(
            {
                "relative error of the entry": error,
                "predicted": miss_probability(error, tolerance),
                "measured": missed / draws,
            }
        )
    return rows


def main() -> None:
    """Print the table."""
    full = begin(__doc__, "tests.full_runs.checker_power", "checker")
    right = caught(None)
    table = {"nothing wrong": right, **{wrong.name: caught(wrong) for wrong in WRONG}}
    columns = list(right)
    print(f"{'wrong backward':<48}" + "".join(f"{c:>18}" for c in columns))
    for name, found in table.items():
        print(f"{name:<48}" + "".join(f"{'caught' if found[c] else '-':>18}" for c in columns))
    total = {c: sum(found[c] for found in table.values()) for c in columns}
    print(f"{f'caught, of {len(WRONG)}':<48}" + "".join(f"{total[c]:>18}" for c in columns))
    misses = measured_misses([1e-14, 3e-14, 1e-13, 1e-12], 2000)
    for row in misses:
        print("one direction:", ", ".join(f"{key} {value:.3g}" for key, value in row.items()))
    figures = {"wrong backwards": len(WRONG), "caught": total, "table": table, "misses": misses}
    full.keep(figures)


if __name__ == "__main__":
    main()
