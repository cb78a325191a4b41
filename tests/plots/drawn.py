"""A stack to draw, and what stands on a picture."""

import numpy as np

from npstack import StackedLSTM

T = 12
MASK = np.ones((2, T), dtype=bool)
MASK[1, [0, 1, 5, 6, 11]] = False


def stack_and_tape(**options):
    rng = np.random.default_rng(0)
    stack = StackedLSTM(3, [5, 4], rng=rng, **options)
    return stack, stack.forward(rng.standard_normal((2, T, 3)), mask=MASK)


def titles(picture):
    return [ax.get_title(loc="left") for ax in picture.axes]


def panels(picture):
    """All axes but colour bars."""
    return [ax for ax in picture.axes if ax.get_label() != "<colorbar>"]


def cells(ax):
    """The numbers that a heat map shows, as (T, H)."""
    (mesh,) = ax.collections
    return mesh.get_array().T


def assert_shown(found, values, mask):
    """A heat map shows these numbers at valid steps, and nothing at masked ones."""
    hidden = np.broadcast_to(~mask[:, np.newaxis], found.shape)
    np.testing.assert_array_equal(np.ma.getmaskarray(found), hidden)
    np.testing.assert_array_equal(found.data[mask], values[mask])


def assert_named(picture):
    """Each panel has a name for its vertical axis; the lowest of each column for the other."""
    for ax in panels(picture):
        assert ax.get_ylabel(), ax
    assert panels(picture)[-1].get_xlabel()


def assert_drawable(picture):
    """It can be laid out, and nothing lies outside the paper."""
    picture.draw_without_rendering()
    paper = picture.bbox.padded(1)
    for ax in picture.axes:
        box = ax.get_tightbbox()
        assert box is None or (paper.contains(*box.min) and paper.contains(*box.max)), ax
