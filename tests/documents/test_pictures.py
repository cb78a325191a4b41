"""The pictures of docs/pictures.md are drawn by the code that stands above them."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pictures

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs/img"
TEXT = pictures.PAGE.read_text(encoding="utf-8")


def pixels(png) -> np.ndarray:
    return np.asarray(Image.open(png).convert("RGB"), dtype=int)


@pytest.fixture(scope="module")
def drawn():
    """Every picture of the page, made from its text."""
    return {name: pictures.as_png(picture) for name, picture in pictures.pictures(TEXT)}


@pytest.mark.slow
def test_the_code_of_the_page_gives_the_pictures_beside_it(drawn):
    assert list(drawn) == re.findall(r"\(img/(\w+)\.png\)", TEXT)
    for name, png in drawn.items():
        made, kept = pixels(BytesIO(png)), pixels(FOLDER / f"{name}.png")
        assert made.shape == kept.shape, name
        # Another processor rounds otherwise, and some colours change by a step.
        differ = np.abs(made - kept).max(axis=-1) > 24
        assert differ.mean() < 0.01, name


def test_every_picture_in_the_folder_is_shown_in_a_document():
    shown = set()
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        shown |= set(re.findall(r"img/(\w+\.png)\)", page.read_text(encoding="utf-8")))
    assert {path.name for path in FOLDER.iterdir()} == shown


def test_pictures_are_small_files():
    assert max(path.stat().st_size for path in FOLDER.iterdir()) < 80_000


BLOCK = "```python\n{}\n```\n\n"


def test_a_picture_belongs_to_the_block_before_it():
    page = BLOCK.format("import numpy as np\nfrom npstack import LSTM, plots\nk = 1")
    page += BLOCK.format("plots.diagram(LSTM(k, 2, rng=np.random.default_rng(0)))")
    page += "![one](img/one.png)\n\n"
    (found,) = pictures.pictures(page)
    assert found[0] == "one"
    assert pictures.as_png(found[1])[:8] == b"\x89PNG\r\n\x1a\n"
    for wrong in ("![two](img/two.png)\n", BLOCK.format("k = 3") + "![two](img/two.png)\n"):
        with pytest.raises(SystemExit, match="two: the block before it"):
            list(pictures.pictures(page + wrong))
