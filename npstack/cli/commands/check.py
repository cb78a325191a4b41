"""``npstack check``: gradients and laws of a stack of a given shape."""

from __future__ import annotations

import argparse
import sys
from typing import Any

import numpy as np

from npstack.cli.memory import afford, lstm_numbers
from npstack.cli.program import FAILED, OK
from npstack.cli.tasks.common import SEED, number, sizes, whole
from npstack.core.errors import ArgumentError, fail

WHERE = "npstack check"
MOST_SECONDS, PATIENCE = 3600, 10
CALL, PRODUCT = 2e-4, 2e-9  # seconds: of one step of a layer, and of a product in it


def add(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser(
        "check",
        help="check gradients and laws of a stack of a given shape",
        description="Build a stack, check every gradient by complex step, and every law.",
        epilog="example: npstack check --input-size 3 --hidden-sizes 4,3 --steps 5",
    )
    parser.add_argument("--input-size", type=whole(1), default=2, help="D (default 2)")
    parser.add_argument(
        "--hidden-sizes", type=sizes, default=[4, 3], help="H of each layer (default 4,3)"
    )
    parser.add_argument("--batch", type=whole(1), default=2, help="B (default 2)")
    parser.add_argument("--steps", type=whole(1), default=5, help="T (default 5)")
    parser.add_argument(
        "--dropout", type=number(0, 1, True), default=0.2, help="between layers (default 0.2)"
    )
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float64")
    parser.add_argument("--last-step", action="store_true", help="return_sequences=False")
    seed = "of all random numbers (default 0)"
    parser.add_argument("--seed", type=whole(0, SEED), default=0, help=seed)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Build, check, print; nothing is written."""
    from npstack.layers.stacked import StackedLSTM
    from npstack.verify import check_gradients, check_laws

    _check_cost(given)
    rng = np.random.default_rng(given.seed)
    dtype: Any = np.dtype(given.dtype)
    stack = StackedLSTM(
        given.input_size,
        given.hidden_sizes,
        return_sequences=not given.last_step,
        dropout=given.dropout,
        rng=rng,
        dtype=dtype,
    )
    x = rng.standard_normal((given.batch, given.steps, given.input_size)).astype(dtype)
    mask = rng.random((given.batch, given.steps)) < 0.8
    mask[0, 0] = True  # with every step masked, all gradients would be zero, and nothing checked
    gradients = check_gradients(stack, x, mask=mask, noise_rng=rng, rng=rng)
    laws = check_laws(stack, rng=rng, batch=given.batch, steps=given.steps)
    print(stack.summary(given.batch, given.steps))
    print()
    print(gradients)
    print()
    print(laws)
    return OK if gradients.passed and laws.passed else FAILED


def _check_cost(given: argparse.Namespace) -> None:
    """Refuse what does not fit into memory, or into an hour: each number costs a forward pass."""
    B, T, layers = given.batch, given.steps, given.hidden_sizes
    parameters = lstm_numbers(given.input_size, layers)
    numbers = parameters + B * T * given.input_size + 2 * B * sum(layers)
    advice = "Take a smaller stack, or fewer steps or rows."
    what = f"{numbers:,} parameters, inputs and states, with gradients,"
    afford(WHERE, what, 2 * 16 * numbers, advice)
    tape = 16 * B * T * 8 * sum(layers)  # complex; states, gates and outputs of every step
    afford(WHERE, f"the tape of {B:,} rows of {T:,} steps", tape, advice)
    seconds = numbers * T * (len(layers) * CALL + B * parameters * PRODUCT)
    work = f"about {seconds:,.0f} s, for {numbers:,} forward passes of {T:,} steps"
    if seconds > MOST_SECONDS:
        advice = f"{advice} In Python, check_gradients(…, entries=5) checks a sample."
        fail(ArgumentError, WHERE, f"the check may take {MOST_SECONDS:,} s", work, advice)
    if seconds > PATIENCE:
        print(f"This takes {work}.", file=sys.stderr)
