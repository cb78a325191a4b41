"""A training run that can be killed: ``… killed_run JOB FOLDER [EPOCH MODULE LINE]``.

It trains with ``fit(…, checkpoint=FOLDER/checkpoint.npz, resume=True)``. In the end all that it has
learned stands in ``FOLDER/final.npz``, times excepted, so that two runs that are the same have the
same bytes there. With EPOCH, MODULE and LINE it kills itself (SIGKILL, which nothing can catch) in
the save after that epoch, before the LINE-th line that runs in MODULE: ``plain_zip``, which writes,
or ``atomic``, which puts the new file in the place of the old one.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from npstack import Checkpoint, Dense, Samples, Sequential, StackedLSTM, fit, save_checkpoint
from npstack.training import resume
from npstack.training.optim import SGD, Adam, AdamW, RMSprop
from npstack.training.schedules import Cosine, StepDecay, WarmUp
from tests.tools.fatal_line import count_lines

EPOCHS = 6
JOBS: dict[str, dict[str, Any]] = {
    "Adam, best weights": {"optimiser": lambda: Adam(0.01), "keep_best": True},
    "momentum, warm-up and cosine": {
        "optimiser": lambda: SGD(WarmUp(Cosine(0.1, 20), 5), momentum=0.9, nesterov=True),
        "clip_norm": 1.0,
    },
    "RMSprop by steps, early stopping": {
        "optimiser": lambda: RMSprop(StepDecay(0.01, 8, 0.5), momentum=0.5),
        "patience": 3,
    },
    "AdamW, frozen, truncated, stateful": {
        "optimiser": lambda: AdamW(0.02, decayed=("*W",), weight_decay=0.1, frozen=("0.*0.*",)),
        "truncate": (3, 4),
        "stateful": True,
    },
}


def train(job: str, path: Path | None) -> Checkpoint:
    """Build everything again, as a restarted script does, and train to the end."""
    options = dict(JOBS[job])
    rng = np.random.default_rng(3)
    stack = StackedLSTM(2, [64, 48], dropout=0.3, kernel_init="orthogonal", rng=rng)
    model = Sequential(stack, Dense(48, 2, rng=rng))
    x = rng.standard_normal((16, 8, 2))
    y = 0.5 * np.cumsum(x, axis=1)
    learnt, held_out = Samples(x[:12], y[:12]), Samples(x[12:], y[12:])
    optimiser, draws = options.pop("optimiser")(), np.random.default_rng(5)
    options |= {"epochs": EPOCHS, "batch_size": 4, "rng": draws, "optimiser": optimiser}
    options |= {"checkpoint": path, "resume": path is not None}
    history = fit(model, learnt, validation=held_out, **options)
    return Checkpoint(
        model.params,
        optimiser.config(),
        optimiser.steps,
        optimiser.state(),
        dict(draws.bit_generator.state),
        replace(history, seconds=[]),
    )


def main(job: str, folder: str, epoch: str = "0", module: str = "", line: str = "0") -> None:
    """Train, unless a line is fatal."""

    def save(path: Path, checkpoint: Checkpoint) -> None:
        if len(checkpoint.history.epochs) == int(epoch):
            count_lines(
                (f"npstack/files/{module}.py",),
                lambda: save_checkpoint(path, checkpoint),
                int(line),
            )
        else:
            save_checkpoint(path, checkpoint)

    resume.save_checkpoint = save
    print("ready", flush=True)
    learned = train(job, Path(folder, "checkpoint.npz"))
    save_checkpoint(Path(folder, "final.npz"), learned)


if __name__ == "__main__":
    main(*sys.argv[1:])
