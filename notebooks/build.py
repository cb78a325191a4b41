"""Make the notebooks from their text: ``python notebooks/build.py --overwrite``.

A notebook is written as Markdown, ``01_one_step.md``, which jupytext reads: fenced Python blocks
become code cells, the text between them Markdown cells. This script executes it and stores it with
its outputs as ``01_one_step.ipynb``, which is what a reader opens. Edit the Markdown only;
`tests/documents/test_notebooks.py` compares the two.
"""

from __future__ import annotations

import argparse
import base64
import io
import sys
from pathlib import Path

import jupytext
import nbclient
import nbformat
from PIL import Image  # which matplotlib brings

HERE = Path(__file__).parent
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


def read(text: str) -> nbformat.NotebookNode:
    """The notebook of a Markdown text, without outputs."""
    notebook = jupytext.reads(text, fmt="md")
    notebook.metadata = KERNEL
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02}"  # the same from build to build
    return notebook


def execute(notebook: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    """Run all cells in a folder; an error in a cell is an error here."""
    resources = {"metadata": {"path": str(folder)}}
    nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources=resources, record_timing=False
    ).execute()
    notebook.metadata = KERNEL
    for output in (one for cell in notebook.cells for one in cell.get("outputs", ())):
        if "image/png" in output.get("data", {}):
            output.data["image/png"] = smaller(output.data["image/png"])
    return notebook


def smaller(picture: str) -> str:
    """A picture with 256 colours, close to all that occur in it, in base64."""
    made = io.BytesIO()
    image = Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB")
    image.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=2).save(made, "png", optimize=True)
    return base64.b64encode(made.getvalue()).decode()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--overwrite", action="store_true", help="replace notebooks that are there")
    given = parser.parse_args()
    targets = {source: source.with_suffix(".ipynb") for source in sorted(HERE.glob("[0-9]*.md"))}
    taken = [] if given.overwrite else [path for path in targets.values() if path.exists()]
    if taken:
        parser.error(f"{taken[0].name} exists; --overwrite replaces it")
    for source, target in targets.items():
        nbformat.write(execute(read(source.read_text(encoding="utf-8")), HERE), target)
        print(f"{target.name}: {target.stat().st_size:,} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
