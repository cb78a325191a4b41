"""Make the notebooks from their text: ``python notebooks/build.py --overwrite``.

A notebook is written as Markdown, ``01_stacked_lstm.md``: fenced Python blocks become code cells
(a block marked ``python hidden`` one with its code folded away), the text between them Markdown
cells. This script executes it and stores it with its outputs as ``01_stacked_lstm.ipynb``, which is
what a reader opens. Edit the Markdown only; `tests/documents/test_notebooks.py` compares the
two.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import nbclient
import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

HERE = Path(__file__).parent
FENCE = re.compile(r"^```python(?P<hidden> hidden)?\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


def read(text: str) -> nbformat.NotebookNode:
    """The notebook of a Markdown text, without outputs."""
    cells, end = [], 0
    for block in FENCE.finditer(text):
        cells.append(new_markdown_cell(text[end : block.start()].strip()))
        folded = {"jupyter": {"source_hidden": True}} if block["hidden"] else {}
        cells.append(new_code_cell(block["code"].rstrip(), metadata=folded))
        end = block.end()
    cells.append(new_markdown_cell(text[end:].strip()))
    cells = [cell for cell in cells if cell.source]
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number:02}"  # the same from build to build
    return new_notebook(cells=cells, metadata=KERNEL)


def execute(notebook: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    """Run all cells in a folder; an error in a cell is an error here."""
    resources = {"metadata": {"path": str(folder)}}
    nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources=resources, record_timing=False
    ).execute()
    notebook.metadata = KERNEL
    return notebook


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
