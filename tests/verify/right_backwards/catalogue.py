"""Every problem by its number: 0, 1, 2, …; of ten in a row, four are layers of this package."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.verify.right_backwards import edges, extremes, invariant, own, pytorch, styles
from tests.verify.right_backwards.problem import Problem, Rng

Draw = Callable[[int, Rng], Problem]
TEN: tuple[Draw, ...] = (
    own.draw,
    styles.draw,
    pytorch.draw,
    own.draw,
    styles.draw,
    invariant.draw,
    own.draw,
    styles.draw,
    own.draw,
    edges.draw,
)


def draw_problem(number: int) -> Problem:
    """The same problem for the same number; every second one of `edges` is one of `extremes`."""
    ten, place = divmod(number, len(TEN))
    draw = extremes.draw if TEN[place] is edges.draw and ten % 2 else TEN[place]
    # Each family counts its own, and so goes through its shares evenly.
    count = (
        ten // 2 if TEN[place] is edges.draw else ten * TEN.count(draw) + TEN[:place].count(draw)
    )
    with np.errstate(all="ignore"):
        return draw(count, np.random.default_rng([number, 13]))
