"""Text in the colours of the predicted tags of its characters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npstack.core.errors import ArgumentError, ShapeError, fail
from npstack.core.numerics import Array
from npstack.plots.frame import COLOURS, TRUTH, Picture, new_picture
from npstack.plots.text import FONT, MOST

WRONG = "#FFB3B3"
PER_LINE, PER_CHARACTER = 0.25, 0.085  # inches


def tagged_text(
    texts: Sequence[str],
    said: Sequence[Array],
    classes: Sequence[str],
    right: Sequence[Array] | None = None,
) -> Picture:
    """Lines of text, every character in the colour of its tag; what is wrong has a red ground.

    Parameters
    ----------
    texts : sequence of str
        One per line, of at most 200 printable characters.
    said : sequence of int arrays (T,)
        The predicted tag of each character; padding after the end of a text is left out.
    classes : sequence of str (K,)
        Names of the tags. The first is black, the others have colours: at most seven.
    right : sequence of int arrays (T,), optional
        The tags that are true; where they differ, the ground is red.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ArgumentError
        Too many classes, a tag that is not a class, no text, or one that cannot be shown.
    ShapeError
        Fewer tags than characters.

    Examples
    --------
    >>> picture = tagged_text(["x = 1"], [np.array([1, 0, 0, 0, 2])], ["other", "name", "number"])
    >>> [text.get_text() for text in picture.axes[0].texts][:3]
    ['other', 'name', 'number']
    """
    where = "plots.tagged_text"
    most = len(COLOURS) + 1
    if not 1 <= len(classes) <= most:
        fail(ArgumentError, where, f"classes must be 1 to {most} names", len(classes))
    if not len(texts) or not all(t.isprintable() and 1 <= len(t) <= MOST for t in texts):
        expected = f"texts must be lines of 1 to {MOST} printable characters"
        got = next((repr(t) for t in texts if not t.isprintable()), "none, or other lengths")
        fail(ArgumentError, where, expected, got, "Leave texts with line breaks out.")
    K = len(classes)
    rows = [_tags(where, "said", said, line, text, K) for line, text in enumerate(texts)]
    truth = rows
    if right is not None:
        truth = [_tags(where, "right", right, line, text, K) for line, text in enumerate(texts)]
    legend = sum(map(len, classes)) + 3 * len(classes)
    width = max(legend, *map(len, texts)) + 1
    picture = new_picture(PER_LINE * (len(texts) + 2), PER_CHARACTER * (width + 1))
    picture.set_layout_engine("none")
    ax = picture.add_axes((0, 0, 1, 1))
    ax.set(xlim=(-1, width), ylim=(len(texts) + 0.3, -1.7))
    ax.axis("off")
    style = {"family": FONT, "fontsize": 9.5, "va": "center"}
    colours = (TRUTH, *COLOURS)
    place = 0
    for name, colour in zip(classes, colours, strict=False):
        ax.text(place, -1, name, color=colour, weight="bold", **style)  # type: ignore[arg-type]
        place += len(name) + 3
    for line, text in enumerate(texts):
        for t, (character, tag) in enumerate(zip(text, rows[line], strict=True)):
            if tag != truth[line][t]:
                ax.barh(line, 1, height=1, left=t - 0.5, color=WRONG, zorder=0)
            shown = character.replace("$", r"\$")
            ax.text(t, line, shown, color=colours[tag], ha="center", **style)  # type: ignore[arg-type]
    return picture


def _tags(
    where: str, name: str, tags: Sequence[Array], line: int, text: str, classes: int
) -> list[int]:
    """The tags of the characters of one line."""
    row = np.asarray(tags[line]) if line < len(tags) else np.zeros(0, int)
    if row.ndim != 1 or len(row) < len(text):
        expected = f"{name}[{line}] must hold a tag for each of {len(text)} characters"
        fail(ShapeError, where, expected, row.shape)
    row = row[: len(text)]
    if row.dtype.kind not in "iu" or row.min() < 0 or row.max() >= classes:
        expected = f"{name}[{line}] must be numbers of classes from 0 to {classes - 1}"
        fail(ArgumentError, where, expected, f"{row.dtype} from {row.min()} to {row.max()}")
    return [int(tag) for tag in row]
