"""``npstack inspect``: the recurrent layers of another framework's model, and what is inside."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from npstack.cli.folders import check_folder, make
from npstack.cli.program import FAILED, OK
from npstack.cli.tasks.common import path
from npstack.core.errors import ArgumentError, fail

WHERE = "npstack inspect"
EXAMPLES = """\
examples:
  npstack inspect model.onnx                          lists the recurrent layers
  npstack inspect model.onnx --feed x.npz --out look  runs the model, compares, draws
  npstack inspect weights.safetensors --part encoder.lstm --out look
"""


def add(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser(
        "inspect",
        help="see inside the recurrent layers of another framework's model",
        description="List the LSTMs, GRUs and RNNs of a model, bring them in, compare their\n"
        "outputs with those of the model, and draw their gates and states over time.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "model",
        type=path,
        metavar="MODEL",
        help=".onnx, .safetensors, .pt, .keras, .h5, .weights.h5 or .npz",
    )
    parser.add_argument(
        "--feed", type=path, metavar="FILE", help="inputs of an .onnx model by name (.npz)"
    )
    parser.add_argument("--part", metavar="NAME", help="only this layer (default: all)")
    parser.add_argument("--out", type=path, metavar="FOLDER", help="draw the pictures there")
    parser.add_argument("--overwrite", action="store_true", help="replace pictures that are there")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """List, compare, draw; exit 1 unless rounding explains every difference."""
    from npstack.interop import inspect, recurrent_parts
    from npstack.interop.files.by_suffix import read_file

    folder: Path | None = given.out
    if folder is not None:
        check_folder(WHERE, "--out", folder)
    parts = recurrent_parts(given.model)
    if not parts:
        print(f"There is no recurrent layer in {given.model} that npstack knows by its names.")
        print("In Python, npstack.interop.read takes its arrays in a list, if you know the layout.")
        return FAILED
    chosen = [part for part in parts if given.part in (None, part.name)]
    if not chosen:
        expected = f"--part must be one of {', '.join(repr(part.name) for part in parts)}"
        fail(ArgumentError, WHERE, expected, repr(given.part), "Choose one.")
    if folder is None and given.feed is None:
        print(*chosen, sep="\n")
        return OK
    feed = None if given.feed is None else dict(read_file(given.feed).arrays)
    found = inspect(given.model, feed, part=given.part)
    print(*found, *(part for part in chosen if part.refused), sep="\n\n")
    if not found:
        return FAILED
    if folder is not None:
        make(folder)
        for one in found:
            print(*one.draw(folder, overwrite=given.overwrite), sep="\n")
    judged = [one.agreement.explained for one in found if one.agreement is not None]
    return OK if all(judged) else FAILED
