"""The command line: ``npstack demo``, ``check``, ``train``, ``predict``, ``plot``.

Exit codes: 0 fine, 1 a check failed, 2 usage, 3 bad data, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from npstack.cli.commands import demo_text, plot, predict, train
from npstack.cli.tasks.common import sizes, whole
from npstack.core.errors import DataError, NpstackError
from npstack.version import __version__

OK, FAILED, USAGE, BAD_DATA, INTERRUPTED = 0, 1, 2, 3, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        return int(given.run(given))
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:
        print(f"npstack: {error}", file=sys.stderr)
        return BAD_DATA
    except NpstackError as error:
        error.advice = error.typed or error.advice  # as options, not as a call
        print(f"npstack: {error}", file=sys.stderr)
        return BAD_DATA if isinstance(error, DataError) else USAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="npstack", description="Stacked LSTMs, read and proved.")
    parser.add_argument("--version", action="version", version=f"npstack {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (train, predict, plot):
        command.add(commands)

    demo = commands.add_parser(
        "demo",
        help="train stacks on sunspots or on a text, compare, draw every layer",
        description="sunspots: forecast sunspots a year ahead with stacked LSTMs, check their "
        "gradients; write pictures, weights and metrics.json to a folder. text: a character "
        "model of Python's help topics, in a run folder.",
        epilog="examples: npstack demo --seed 3 --out sunspots; npstack demo text",
    )
    demo.add_argument(
        "what",
        nargs="?",
        choices=["sunspots", "text"],
        default="sunspots",
        help="(default sunspots)",
    )
    demo.add_argument("--seed", type=whole(0), default=0, help="of all random numbers (default 0)")
    demo.add_argument(
        "--out", type=Path, help="folder (default npstack-demo; of text, npstack-demo-text)"
    )
    demo.add_argument("--quiet", action="store_true", help="print nothing but errors")
    demo.add_argument("--fast", action="store_true", help="two epochs: a look at how it works")
    demo.set_defaults(run=_demo)

    check = commands.add_parser(
        "check",
        help="check gradients and laws of a stack of a given shape",
        description="Build a stack, check every gradient by complex step, and every law.",
        epilog="example: npstack check --input-size 3 --hidden-sizes 4,3 --steps 5",
    )
    check.add_argument("--input-size", type=whole(1), default=2, help="D (default 2)")
    check.add_argument(
        "--hidden-sizes", type=sizes, default=[4, 3], help="H of each layer (default 4,3)"
    )
    check.add_argument("--batch", type=whole(1), default=2, help="B (default 2)")
    check.add_argument("--steps", type=whole(1), default=5, help="T (default 5)")
    check.add_argument("--dropout", type=float, default=0.2, help="between layers (default 0.2)")
    check.add_argument("--dtype", choices=["float32", "float64"], default="float64")
    check.add_argument("--last-step", action="store_true", help="return_sequences=False")
    check.add_argument("--seed", type=whole(0), default=0, help="of all random numbers (default 0)")
    check.set_defaults(run=_check)
    return parser


def _demo(given: argparse.Namespace) -> int:
    if given.what == "text":
        out = Path("npstack-demo-text") if given.out is None else given.out
        return demo_text.run(out, seed=given.seed, fast=given.fast, quiet=given.quiet)
    from npstack.cli import demo

    out = Path("npstack-demo") if given.out is None else given.out
    settings = demo.Settings(epochs=2) if given.fast else demo.Settings()
    talkative = sys.stderr.isatty() and not given.quiet

    def say(line: str) -> None:
        if talkative:
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)

    try:
        metrics = demo.run(out, seed=given.seed, settings=settings, say=say)
    finally:
        say("")
    if not given.quiet:
        print(demo.table(metrics))
        print(f"Pictures (activations.png first), weights.npz and metrics.json: {out}")
    return OK if metrics["gradient_check"]["passed"] else FAILED


def _check(given: argparse.Namespace) -> int:
    from npstack.layers.stacked import StackedLSTM
    from npstack.verify import check_gradients, check_laws

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
    gradients = check_gradients(stack, x, mask=mask, noise_rng=rng, rng=rng)
    laws = check_laws(stack, rng=rng, batch=given.batch, steps=given.steps)
    print(stack.summary(given.batch, given.steps))
    print()
    print(gradients)
    print()
    print(laws)
    return OK if gradients.passed and laws.passed else FAILED
