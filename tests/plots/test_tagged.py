"""Tagged text: every character in the colour of what was said, red where that is wrong."""

import numpy as np
import pytest

from npstack import plots
from npstack.core.errors import ArgumentError, ShapeError
from npstack.plots.frame import TRUTH
from npstack.plots.tagged import INK

CLASSES = ["space", "name", "number"]


def shown(picture):
    """Character, colour and place of everything that is written below the legend."""
    texts = picture.axes[0].texts[len(CLASSES) :]
    return {
        (t.get_position()[1], t.get_position()[0]): (t.get_text(), t.get_color()) for t in texts
    }


def test_characters_stand_in_their_colours_and_mistakes_on_red():
    texts, said = ["a 1", "$2"], [np.array([1, 0, 2, 0, 0]), np.array([2, 1])]
    right = np.array([[1, 0, 1], [2, 1, 7]])  # behind the end of a text anything may stand
    picture = plots.tagged_text(texts, said, CLASSES, right)
    assert shown(picture) == {
        (0, 0): ("a", INK[0]),
        (0, 1): (" ", TRUTH),
        (0, 2): ("1", INK[1]),
        (1, 0): (r"\$", INK[1]),
        (1, 1): ("2", INK[0]),
    }
    (red,) = picture.axes[0].patches
    assert (red.get_x(), red.get_y(), red.get_width()) == (1.5, -0.5, 1)
    assert not plots.tagged_text(texts, said, CLASSES).axes[0].patches


@pytest.mark.parametrize(
    ("texts", "said", "classes", "error", "words"),
    [
        (["ab"], [[0]], CLASSES, ShapeError, r"said\[0\] must hold a tag for each of 2"),
        (["ab", "c"], [[0, 1]], CLASSES, ShapeError, "one for each of 2 texts"),
        (["ab"], [[0, 3]], CLASSES, ArgumentError, "from 0 to 2"),
        (["ab"], [[0, -1]], CLASSES, ArgumentError, "from 0 to 2"),
        (["ab"], [[0.0, 1.0]], CLASSES, ArgumentError, "float64"),
        (["a\nb"], [[0, 0, 0]], CLASSES, ArgumentError, "printable"),
        (["a" * 201], [[0] * 201], CLASSES, ArgumentError, "1 to 200"),
        ([""], [[0]], CLASSES, ArgumentError, "1 to 200"),
        ([], [], CLASSES, ArgumentError, "got 0 lines"),
        (["ab"], [[0, 1]], list("abcdefgh"), ArgumentError, "1 to 7 names"),
    ],
)
def test_wrong_calls(texts, said, classes, error, words):
    with pytest.raises(error, match=words):
        plots.tagged_text(texts, said, classes)
