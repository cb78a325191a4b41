"""``npstack convert``: a recurrent layer from one framework's file into another's."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from npstack.cli.folders import check_new
from npstack.cli.program import OK
from npstack.cli.tasks.common import path

WHERE = "npstack convert"
EXAMPLES = """\
examples:
  npstack convert model.onnx weights.safetensors         ONNX to PyTorch's names
  npstack convert model.pt layer.onnx --part encoder.lstm
  npstack convert old.h5 new.weights.h5 --layout keras
"""


def add(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser(
        "convert",
        help="convert a recurrent layer from one framework's file into another's",
        description="Bring one recurrent layer in and write it in the layout of another\n"
        "framework, with a table of what was done with every array.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", type=path, metavar="IN", help="as for npstack inspect")
    parser.add_argument(
        "target", type=path, metavar="OUT", help=".safetensors, .onnx, .weights.h5 or .npz"
    )
    parser.add_argument("--part", metavar="NAME", help="which layer, if there are several")
    parser.add_argument("--layout", default="", help="(default: that of the file OUT)")
    parser.add_argument(
        "--biases", choices=("input", "halves", "kept"), default="kept", help="(default: kept)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace OUT if it is there")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Read, write, print both tables."""
    from npstack.interop import load, save

    target: Path = given.target
    check_new(WHERE, "OUT", target, given.overwrite)
    imported = load(given.model, given.part, biases="kept" if given.biases == "kept" else "sum")
    report = save(imported, target, given.layout, biases=given.biases)
    print(imported, "", f"{target}:", report, sep="\n")
    return OK
