"""Optimisers on one small problem, ours and PyTorch's: ``python -m tests.full_runs.optimisers``.

Prints the largest difference in 50 steps, for each setting. ``--json`` keeps PyTorch's parameters
after 1, 2, 3, 10 and 50 steps, so that the default tests need no framework.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from npstack import SGD, Adam, AdamW, Constant, Cosine, Optimiser, RMSprop, StepDecay, WarmUp
from npstack.training.schedules import Schedule
from tests.tools.full_run import begin

STEPS = (1, 2, 3, 10, 50)
WEIGHTS = ("*.W", "*.U")

# name -> type and options; the same options make PyTorch's optimiser
SETTINGS: dict[str, tuple[type[Optimiser], dict[str, Any]]] = {
    "SGD": (SGD, {"learning_rate": 0.05}),
    "SGD, momentum": (SGD, {"learning_rate": 0.05, "momentum": 0.9}),
    "SGD, Nesterov": (SGD, {"learning_rate": 0.02, "momentum": 0.8, "nesterov": True}),
    "SGD, decay": (SGD, {"learning_rate": 0.05, "weight_decay": 0.3}),
    "SGD, Nesterov, decay of weights": (
        SGD,
        {
            "learning_rate": 0.02,
            "momentum": 0.95,
            "nesterov": True,
            "weight_decay": 0.1,
            "decayed": WEIGHTS,
        },
    ),
    "RMSprop": (RMSprop, {}),
    "RMSprop, large epsilon": (RMSprop, {"learning_rate": 0.03, "alpha": 0.9, "epsilon": 0.1}),
    "RMSprop, momentum": (RMSprop, {"learning_rate": 0.003, "alpha": 0.95, "momentum": 0.7}),
    "RMSprop, centred": (RMSprop, {"learning_rate": 0.01, "alpha": 0.8, "centered": True}),
    "RMSprop, all of it": (
        RMSprop,
        {
            "learning_rate": 0.002,
            "alpha": 0.9,
            "epsilon": 1e-3,
            "momentum": 0.5,
            "centered": True,
            "weight_decay": 0.2,
        },
    ),
    "Adam": (Adam, {}),
    "Adam, other means": (
        Adam,
        {"learning_rate": 0.03, "beta1": 0.5, "beta2": 0.9, "epsilon": 1e-2},
    ),
    "Adam, decay": (Adam, {"learning_rate": 0.02, "weight_decay": 0.2}),
    "Adam, decay of weights, frozen": (
        Adam,
        {
            "learning_rate": 0.02,
            "weight_decay": 0.5,
            "decayed": WEIGHTS,
            "frozen": ("0.*",),
        },
    ),
    "AdamW": (AdamW, {}),
    "AdamW, decay": (AdamW, {"learning_rate": 0.02, "weight_decay": 0.4}),
    "AdamW, decay of weights": (
        AdamW,
        {
            "learning_rate": 0.05,
            "beta1": 0.8,
            "beta2": 0.99,
            "epsilon": 1e-4,
            "weight_decay": 0.3,
            "decayed": WEIGHTS,
        },
    ),
    "SGD, steps down": (
        SGD,
        {"learning_rate": StepDecay(0.1, every=7, factor=0.5), "momentum": 0.5},
    ),
    "RMSprop, cosine": (RMSprop, {"learning_rate": Cosine(0.05, steps=50, final=0.001)}),
    "AdamW, warm-up": (
        AdamW,
        {"learning_rate": WarmUp(Constant(0.05), steps=8), "weight_decay": 0.1},
    ),
    "Adam, warm-up and cosine": (
        Adam,
        {"learning_rate": WarmUp(Cosine(0.05, steps=42), steps=8)},
    ),
}
NAMES = {"learning_rate": "lr", "epsilon": "eps"}  # ours -> theirs; the rest are the same


def start() -> dict[str, np.ndarray[Any, Any]]:
    """Parameters to begin with."""
    rng = np.random.default_rng(7)
    shapes = {"0.W": (3, 2), "0.b": (2,), "1.U": (2, 2), "1.b": (2,)}
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def gradients(params: dict[str, Any], step: int) -> dict[str, np.ndarray[Any, Any]]:
    """Gradients that depend on where one is, and on the step: a curved bowl that is shaken."""
    rng = np.random.default_rng([11, step])
    found = {}
    for name, value in params.items():
        curvature = 0.5 + np.arange(value.size).reshape(value.shape)
        found[name] = curvature * (value - 0.3) + 0.5 * rng.standard_normal(value.shape)
    return found


def made(name: str) -> Optimiser:
    """The optimiser of one of the settings, new."""
    kind, options = SETTINGS[name]
    return kind(**options)


def run(optimiser: Optimiser, params: dict[str, Any], first: int, last: int) -> dict[str, Any]:
    """Some steps on the problem."""
    for step in range(first, last):
        params = optimiser.update(params, gradients(params, step))
    return params


def bits(params: dict[str, Any]) -> dict[str, Any]:
    """What two runs must share if they are one to the last bit."""
    return {name: (value.dtype, value.tobytes()) for name, value in params.items()}


def ours(name: str) -> Iterator[dict[str, np.ndarray[Any, Any]]]:
    """Parameters after every one of 50 steps."""
    optimiser, params = made(name), start()
    for step in range(max(STEPS)):
        params = run(optimiser, params, step, step + 1)
        yield params


def theirs(name: str) -> Iterator[dict[str, np.ndarray[Any, Any]]]:
    """The same by PyTorch."""
    import torch

    kind, options = SETTINGS[name]
    options = dict(options)
    decayed, frozen = options.pop("decayed", ("*",)), options.pop("frozen", ())
    if "beta1" in options:
        options["betas"] = (options.pop("beta1"), options.pop("beta2"))
    schedule = options.get("learning_rate")
    if isinstance(schedule, Schedule):
        inner = schedule.schedule if isinstance(schedule, WarmUp) else schedule
        options["learning_rate"] = inner.rate  # type: ignore[attr-defined]
    options = {NAMES.get(key, key): value for key, value in options.items()}
    values = {key: torch.tensor(value) for key, value in start().items()}
    groups = [
        {"params": [value], **({} if matches(key, decayed) else {"weight_decay": 0.0})}
        for key, value in values.items()
        if not matches(key, frozen)
    ]
    optimiser = getattr(torch.optim, kind.__name__)(groups, **options)
    scheduler = scheduler_of(optimiser, schedule) if isinstance(schedule, Schedule) else None
    for step in range(max(STEPS)):
        arrays = {key: value.numpy().copy() for key, value in values.items()}
        for key, g in gradients(arrays, step).items():
            values[key].grad = torch.tensor(g)
        optimiser.step()
        if scheduler is not None:
            scheduler.step()
        yield {key: value.numpy().copy() for key, value in values.items()}


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a name matches any pattern."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def scheduler_of(optimiser: Any, schedule: Schedule) -> Any:
    """PyTorch's scheduler for one of our schedules."""
    from torch.optim import lr_scheduler as lr

    if isinstance(schedule, WarmUp):
        n = schedule.steps
        rise = lr.LinearLR(optimiser, start_factor=1 / n, total_iters=n - 1)
        after = scheduler_of(optimiser, schedule.schedule)
        return lr.SequentialLR(optimiser, [rise, after], milestones=[n])
    if isinstance(schedule, StepDecay):
        return lr.StepLR(optimiser, schedule.every, schedule.factor)
    if isinstance(schedule, Cosine):
        return lr.CosineAnnealingLR(optimiser, schedule.steps, schedule.final)
    return lr.ConstantLR(optimiser, factor=1.0)


def distance(name: str) -> float:
    """The largest difference from PyTorch of any parameter after any step."""
    pairs = zip(ours(name), theirs(name), strict=True)
    return max(float(abs(a[key] - b[key]).max()) for a, b in pairs for key in a)


def at_steps(run: Iterator[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Parameters at the steps that are kept, as lists."""
    return {
        str(step): {name: value.tolist() for name, value in params.items()}
        for step, params in enumerate(run, start=1)
        if step in STEPS
    }


def main() -> None:
    """Run both, print how far they are apart."""
    program = "tests.full_runs.optimisers"
    full = begin(__doc__, program, "optimisers", packages=lambda part: ["torch"])
    apart = {name: distance(name) for name in SETTINGS}
    for name, largest in apart.items():
        print(f"{name:<32} {largest:.1e}")
    worst = max(apart.values())
    print(f"{len(SETTINGS)} settings, {max(STEPS)} steps each: at most {worst:.1e} from PyTorch")
    full.keep({"parameters": {name: at_steps(theirs(name)) for name in SETTINGS}})


if __name__ == "__main__":
    main()
