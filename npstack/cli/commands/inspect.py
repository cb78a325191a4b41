"""``npstack inspect``: the recurrent layers of another framework's model, and what is inside."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from npstack.cli.folders import check_folder, make
from npstack.cli.program import FAILED, OK
from npstack.cli.tasks.common import path
from npstack.core.errors import ArgumentError, NonFiniteError, fail

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
    from npstack.cli.other_models import as_command, listing, opened
    from npstack.interop.inspection import inspect_parts

    folder: Path | None = given.out
    if folder is not None:
        check_folder(WHERE, "--out", folder)
    feed = None if given.feed is None else _feed(given.model, given.feed)
    model = opened(WHERE, "MODEL", given.model)
    if not model.parts:
        print(f"There is no recurrent layer in {given.model} that npstack knows by its names.")
        print("In Python, npstack.interop.read takes its arrays in a list, if you know the layout.")
        return FAILED
    chosen = [part for part in model.parts if given.part in (None, part.name)]
    if not chosen:
        with as_command(WHERE, part="--part"):
            model.part(WHERE, given.part)
    if folder is None and feed is None:
        print(*map(listing, chosen), sep="\n")
        return OK
    refused = [part for part in chosen if part.refused]
    if len(refused) == len(chosen):
        print(*refused, sep="\n\n")
        return FAILED
    try:
        with as_command(WHERE, feed="--feed"):
            found = inspect_parts(given.model, model, chosen, feed)
    except NonFiniteError as error:
        error.typed = "Are they in FILE, or does the model compute them before this layer?"
        raise
    print(*found, *refused, sep="\n\n")
    if folder is not None:
        make(folder)
        advice = "Choose another --out, or replace it with --overwrite."
        with as_command(WHERE, advice):
            for one in found:
                print(*one.draw(folder, overwrite=given.overwrite), sep="\n")
    judged = [one.agreement.explained for one in found if one.agreement is not None]
    return OK if all(judged) else FAILED


def _feed(model: Path, path: Path) -> dict[str, Any]:
    """The inputs of the graph by name."""
    from npstack.interop.files.by_suffix import read_file

    if model.suffix.lower() != ".onnx":
        expected = "--feed must go with a model that npstack can run, an .onnx file"
        advice = (
            "Leave --feed out: the layers get a drawn input. Or run the live model in Python: "
            "npstack.interop.inspect(model, x)."
        )
        fail(ArgumentError, WHERE, expected, repr(str(model)), advice)
    if path.suffix.lower() != ".npz":
        expected = "--feed must be an .npz file with the inputs of the graph by name"
        fail(ArgumentError, WHERE, expected, repr(str(path)), "np.savez('x.npz', x=x) makes one.")
    return dict(read_file(path).arrays)
