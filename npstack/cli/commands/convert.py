"""``npstack convert``: a recurrent layer from one framework's file into another's."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from npstack.cli.folders import check_new
from npstack.cli.program import OK
from npstack.cli.tasks.common import path
from npstack.core.errors import ArgumentError, fail

WHERE = "npstack convert"
PYTORCH = "For PyTorch, take .safetensors: safetensors.torch.load_file gives its state_dict."
KERAS = "For Keras, take .weights.h5."
OTHER = {
    **dict.fromkeys((".pt", ".pth", ".bin", ".ckpt"), PYTORCH),
    **dict.fromkeys((".h5", ".hdf5", ".keras"), KERAS),
}
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
    from npstack.cli.other_models import as_command, opened
    from npstack.interop import save
    from npstack.interop.loading import bring_in

    target: Path = given.target
    _check_target(target, given.overwrite)
    model = opened(WHERE, "IN", given.model)
    with as_command(WHERE, part="--part", layout="--layout", biases="--biases"):
        part = model.part(WHERE, given.part)
        biases = "kept" if given.biases == "kept" else "sum"
        imported = bring_in(given.model, model, part, biases=biases)
        report = save(imported, target, given.layout, biases=given.biases)
    print(imported, "", f"{target}:", report, sep="\n")
    return OK


def _check_target(target: Path, overwrite: bool) -> None:
    """Check that the new file has a kind that is written, and a folder."""
    from npstack.interop.files.by_suffix import WRITERS

    check_new(WHERE, "OUT", target, overwrite)
    suffixes = (*WRITERS, ".onnx")
    if not target.name.lower().endswith(suffixes):
        kind = OTHER.get(target.suffix.lower(), "")
        expected = f"OUT must end with one of {', '.join(suffixes)}"
        fail(ArgumentError, WHERE, expected, repr(str(target)), kind or "Choose one of them.")
    if not target.resolve().parent.is_dir():
        expected, got = "the folder of OUT must exist", f"{str(target.parent)!r}, which does not"
        fail(ArgumentError, WHERE, expected, got, "Make it first.")
