"""Text in the colours of the predicted tags of its characters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from npstack.core.arrays import as_array
from npstack.core.errors import ArgumentError, ShapeError, describe, fail
from npstack.core.numerics import Array
from npstack.plots.frame import TRUTH, Picture, new_picture
from npstack.plots.given import names
from npstack.plots.text import FONT, MOST, drawable

MOST_LINES = 200
WRONG = "#FFB3B3"
# Of the classes after the first: dark enough for small text (contrast of 4.5 and more on white),
# and in different weights and slants, which also differ in grey.
INK = ("#1B66C2", "#B84A00", "#7B1450", "#1F7A50", "#4A3300", "#1E7A8C")
PLAIN, BOLD = ("normal", "normal"), ("bold", "normal")
SLANTED = ("normal", "italic")
STYLES = (PLAIN, PLAIN, BOLD, SLANTED, BOLD, SLANTED, ("bold", "italic"))
PER_LINE, PER_CHARACTER = 0.25, 0.085  # inches


def tagged_text(
    texts: Sequence[str],
    said: Sequence[Array],
    classes: Sequence[str],
    right: Sequence[Array] | None = None,
) -> Picture:
    """Lines of text, every character in the looks of its tag; wrong tags on a red background.

    Parameters
    ----------
    texts : sequence of str
        One per line, at most 200 of at most 200 printable characters.
    said : sequence of int arrays (T,)
        The predicted tag of each character; padding after the end of a text is left out.
    classes : sequence of str (K,)
        Names of the tags, at most seven. The first is black and upright, each of the others has a
        colour, a weight and a slant.
    right : sequence of int arrays (T,), optional
        The true tags; where they differ, the background is red.

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
    most = len(INK) + 1
    classes = names(where, "classes", classes)
    if not 1 <= len(classes) <= most:
        expected, advice = f"classes must be 1 to {most} names", "There are no more colours."
        fail(ArgumentError, where, expected, len(classes), advice)
    if isinstance(texts, str) or not isinstance(texts, Iterable):
        advice = "Use [text] for one line."
        fail(ArgumentError, where, "texts must be a list of texts", describe(texts), advice)
    texts = list(texts)
    odd = [t for t in texts if not isinstance(t, str) or not 1 <= len(t) <= MOST]
    odd += [t for t in texts if isinstance(t, str) and not t.isprintable()]
    if odd or not 1 <= len(texts) <= MOST_LINES:
        expected = f"texts must be 1 to {MOST_LINES} lines of 1 to {MOST} printable characters"
        got = describe(odd[0]) if odd else f"{len(texts)} lines"
        fail(ArgumentError, where, expected, got, "Leave texts with line breaks out.")
    K = len(classes)
    rows = _tags(where, "said", said, texts, K)
    truth = rows if right is None else _tags(where, "right", right, texts, K)
    legend = sum(map(len, classes)) + 3 * len(classes)
    width = max(legend, *map(len, texts)) + 1
    picture = new_picture(PER_LINE * (len(texts) + 2), PER_CHARACTER * (width + 1))
    picture.set_layout_engine("none")
    ax = picture.add_axes((0, 0, 1, 1))
    ax.set(xlim=(-1, width), ylim=(len(texts) + 0.3, -1.7))
    ax.axis("off")
    style: dict[str, Any] = {"family": FONT, "fontsize": 9.5, "va": "center"}
    colours = (TRUTH, *INK)
    place = 0
    for name, colour, (weight, slant) in zip(classes, colours, STYLES, strict=False):
        ax.text(place, -1, name, color=colour, weight=weight, fontstyle=slant, **style)
        place += len(name) + 3
    for line, text in enumerate(texts):
        for t, (character, tag) in enumerate(zip(drawable(text, {}), rows[line], strict=True)):
            if tag != truth[line][t]:
                ax.barh(line, 1, height=1, left=t - 0.5, color=WRONG, zorder=0)
            weight, slant = STYLES[tag]
            looks: dict[str, Any] = {"color": colours[tag], "weight": weight, "fontstyle": slant}
            ax.text(t, line, character, ha="center", **looks, **style)
    return picture


def _tags(
    where: str, name: str, tags: Sequence[Array], texts: Sequence[str], classes: int
) -> list[list[int]]:
    """The tags of the characters of every line."""
    if not isinstance(tags, list | tuple | np.ndarray) or len(tags) < len(texts):
        expected = f"{name} must be a list of arrays, one for each of {len(texts)} texts"
        got = f"{len(tags)} of them" if isinstance(tags, list | tuple) else describe(tags)
        fail(ShapeError, where, expected, got, "One number for each character.")
    found = []
    for line, text in enumerate(texts):
        row = as_array(where, f"{name}[{line}]", tags[line])
        if row.ndim != 1 or len(row) < len(text):
            expected = f"{name}[{line}] must hold a tag for each of {len(text)} characters"
            fail(ShapeError, where, expected, row.shape, "What follows a text is left out.")
        row = row[: len(text)]
        if row.dtype.kind not in "iu" or row.min() < 0 or row.max() >= classes:
            expected = f"{name}[{line}] must be numbers of classes from 0 to {classes - 1}"
            got = describe(row) if row.dtype.kind not in "iu" else f"{row.min()} to {row.max()}"
            fail(ArgumentError, where, expected, got, "They are positions in classes.")
        found.append([int(tag) for tag in row])
    return found
