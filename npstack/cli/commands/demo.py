"""``npstack demo``: sunspots a year ahead, or a character model of Python's help topics."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from npstack.cli import folders
from npstack.cli.commands import demo_text
from npstack.cli.program import FAILED, OK
from npstack.cli.tasks.common import SEED, path, whole
from npstack.core.errors import ArgumentError, fail

WHERE = "npstack demo"
EXAMPLES = """\
examples:
  npstack demo
  npstack demo --seed 3 --out sunspots
  npstack demo text
"""


def add(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser(
        "demo",
        help="train stacks on sunspots or on a text, compare, draw every layer",
        description="sunspots: forecast sunspots a year ahead with stacked LSTMs, check their\n"
        "gradients; write pictures, weights and metrics.json to a folder.\n"
        "text: a character model of Python's help topics, in a run folder.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "what",
        nargs="?",
        choices=["sunspots", "text"],
        default="sunspots",
        help="(default sunspots)",
    )
    seed = "of all random numbers (default 0)"
    parser.add_argument("--seed", type=whole(0, SEED), default=0, help=seed)
    parser.add_argument(
        "--out", type=path, help="folder (default npstack-demo; of text, npstack-demo-text)"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="sunspots: replace an older demo in the folder"
    )
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    parser.add_argument(
        "--fast", action="store_true", help="fewer epochs; of text, a smaller stack, too"
    )
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Train, compare, check, draw; a folder with other files is refused."""
    if given.what == "text":
        if given.overwrite:
            expected, advice = "--overwrite goes with sunspots", "Choose another --out."
            fail(ArgumentError, WHERE, expected, "it with text", advice)
        out = Path("npstack-demo-text") if given.out is None else given.out
        return demo_text.run(out, seed=given.seed, fast=given.fast, quiet=given.quiet)
    from npstack.cli import demo

    out = Path("npstack-demo") if given.out is None else given.out
    if not given.overwrite or not out.is_dir():
        folders.check_empty(WHERE, out, advice=f"{folders.OVERWRITE}.")
    settings = demo.Settings(epochs=demo.FAST) if given.fast else demo.Settings()
    talkative = sys.stderr.isatty() and not given.quiet

    def say(line: str) -> None:
        if talkative:
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)

    with folders.claimed(WHERE, out):
        try:
            metrics = demo.run(out, seed=given.seed, settings=settings, say=say)
        finally:
            say("")
    if not given.quiet:
        print(demo.table(metrics))
        print(f"Pictures (activations.png first), weights.npz and metrics.json: {out}")
    return OK if metrics["gradient_check"]["passed"] else FAILED
