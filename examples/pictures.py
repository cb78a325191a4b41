"""Draw the pictures of ``docs/pictures.md`` by running the code of that page.

    python examples/pictures.py docs/img --overwrite

A picture is the value of the last line of the block of code before it. Takes about 20 seconds.
"""

import argparse
import ast
import re
from io import BytesIO
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image  # comes with matplotlib

from common import check_free

PAGE = Path(__file__).parents[1] / "docs/pictures.md"
PART = re.compile(r"^```python\n(?P<code>.*?)^```$|\]\(img/(?P<name>\w+)\.png\)", re.M | re.S)


def pictures(text):
    """Run the blocks of a page in order; yield the name and the figure of each picture."""
    names, value = {"__name__": "__main__"}, None
    for part in PART.finditer(text):
        if part["name"]:
            if not isinstance(value, Figure):
                raise SystemExit(f"{part['name']}: the block before it does not end in a picture")
            yield part["name"], value
            value = None
        elif not part["code"].startswith(">>>"):
            value = run(part["code"], names)


def run(code, names):
    """Run a block; return the value of its last line if that is an expression."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, str(PAGE), "exec"), names)
    return last and eval(compile(ast.Expression(last.value), str(PAGE), "eval"), names)


def as_png(picture):
    """A small file: 256 colours, close to all that occur in it."""
    buffer = BytesIO()
    picture.savefig(buffer, dpi=130)
    whole = Image.open(buffer).convert("RGB")
    buffer = BytesIO()
    small = whole.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=2)
    small.save(buffer, "png", optimize=True)
    return buffer.getvalue()


def main():
    """Write all pictures to a folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="new or empty")
    parser.add_argument("--overwrite", action="store_true", help="replace pictures in it")
    given = parser.parse_args()
    folder = given.folder
    if not given.overwrite:
        check_free(parser, folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures(PAGE.read_text(encoding="utf-8")):
        (folder / f"{name}.png").write_bytes(as_png(picture))


if __name__ == "__main__":
    main()
