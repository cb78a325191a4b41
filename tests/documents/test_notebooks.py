"""The stored notebooks run, are what their text says, and carry their outputs."""

from __future__ import annotations

import importlib.util
import re
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2] / "notebooks"
SOURCES = sorted(ROOT.glob("[0-9]*.md"))
NUMBER = re.compile(r"-?\d+(?:\.\d*)?(?:e[+-]?\d+)?")
LARGEST = 300_000  # bytes

pytestmark = pytest.mark.notebooks


def stored(source: Path) -> Any:
    nbformat = pytest.importorskip("nbformat")
    return nbformat.read(source.with_suffix(".ipynb"), as_version=4)


@pytest.fixture(scope="module")
def build() -> ModuleType:
    pytest.importorskip("nbclient")
    pytest.importorskip("jupytext")
    spec = importlib.util.spec_from_file_location("build", ROOT / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def contents(notebook: Any) -> list[tuple[Any, ...]]:
    return [(cell.cell_type, cell.source, dict(cell.metadata)) for cell in notebook.cells]


def text_of(output: Any) -> str:
    """What is printed or shown as text."""
    if output.output_type == "stream":
        return str(output.text)
    return "" if "image/png" in output.data else str(output.data.get("text/plain", ""))


def printed(notebook: Any) -> list[str]:
    """What the cells print; pictures are left out, since fonts differ between machines."""
    return [
        "".join(map(text_of, cell.outputs)) for cell in notebook.cells if cell.cell_type == "code"
    ]


def test_every_notebook_has_a_text_and_every_text_a_notebook():
    assert SOURCES
    assert [path.with_suffix(".ipynb") for path in SOURCES] == sorted(ROOT.glob("*.ipynb"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_the_stored_notebook_is_what_its_text_says(source, build):
    assert contents(stored(source)) == contents(build.read(source.read_text(encoding="utf-8")))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_the_stored_notebook_is_small_and_complete(source):
    assert source.with_suffix(".ipynb").stat().st_size < LARGEST
    code = [cell for cell in stored(source).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    for cell in code:
        last = cell.source.splitlines()[-1]
        shows = "print(" in cell.source or last.startswith(("plots.", "check("))
        assert bool(cell.outputs) == shows, cell.source
        assert all(output.output_type != "error" for output in cell.outputs)
        if last.startswith("plots."):
            assert "image/png" in cell.outputs[-1].data


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_the_notebook_runs_and_prints_what_is_stored(source, build, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the machinery here; the kernel is another process
        fresh = build.execute(build.read(source.read_text(encoding="utf-8")), tmp_path)
    for now, then in zip(printed(fresh), printed(stored(source)), strict=True):
        assert NUMBER.sub("#", now).split() == NUMBER.sub("#", then).split()
        numbers = [[float(number) for number in NUMBER.findall(text)] for text in (now, then)]
        assert numbers[0] == pytest.approx(numbers[1], rel=1e-6, abs=1e-9)  # other BLAS, other ulp


def test_a_failing_cell_is_noticed(build, tmp_path):
    import nbclient

    with pytest.raises(nbclient.exceptions.CellExecutionError):
        build.execute(build.read("text\n\n```python\nassert 1 == 2\n```\n"), tmp_path)
