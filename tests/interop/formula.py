"""What other frameworks compute with their arrays, stated without npstack.

Each `Formula` has the table of its arrays and one time step in the words of the framework's own
source or documentation. Nothing here is imported from npstack: if a layout of npstack is wrong, its
numbers differ from these.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

Arrays = dict[str, np.ndarray]


class Formula(NamedTuple):
    """How one framework stores and computes one kind of cell.

    Attributes
    ----------
    table : str
        A line for each array of a layer: name, shape, and the group of those that come together.
    step : callable
        From the arrays, ``x (B, D)``, ``h`` and ``c`` to the new ``h`` and ``c``. An array that is
        not there is 0.
    options : dict
        Further arguments of ``read``.
    """

    table: str
    step: Callable[..., tuple[Any, Any]]
    options: dict[str, Any] = {}  # noqa: RUF012

    def shapes(self, D: int, H: int, P: int) -> dict[str, tuple[tuple[int, ...], str]]:
        """Shape and group of each array."""
        found = {}
        for line in self.table.strip().splitlines():
            name, shape, *group = line.split()
            sizes = [re.sub(r"(\d)([A-Z])", r"\1*\2", size) for size in shape.split(",")]
            values = tuple(int(eval(size, {"D": D, "H": H, "P": P})) for size in sizes)
            found[name] = values, (group[0] if group else "")
        return found

    def choices(self) -> Iterator[tuple[str, ...]]:
        """Every set of groups of optional arrays."""
        groups = list(dict.fromkeys(group for _, group in self.shapes(1, 1, 1).values() if group))
        for count in range(len(groups) + 1):
            for chosen in combinations(groups, count):
                if "second" not in chosen or "bias" in chosen:
                    yield chosen

    def drawn(self, rng: np.random.Generator, D: int, H: int, groups: tuple[str, ...]) -> Arrays:
        """Arrays of one layer in one direction, in the shapes of the framework."""
        P = H - 1 if "projection" in groups else H
        return {
            name: rng.uniform(-0.6, 0.6, shape)
            for name, (shape, group) in self.shapes(D, H, P).items()
            if not group or group in groups
        }

    def width(self, H: int, groups: tuple[str, ...]) -> int:
        """Of the outputs."""
        return H - 1 if "projection" in groups else H

    def outputs(self, arrays: Arrays, x: np.ndarray, H: int, P: int) -> np.ndarray:
        """``(B, T, P)``."""
        a = Stored(arrays)
        h, c = np.zeros((len(x), P)), np.zeros((len(x), H))
        found = []
        for t in range(x.shape[1]):
            h, c = self.step(a, x[:, t], h, c)
            found.append(h)
        return np.stack(found, axis=1)


class Stored(dict[str, Any]):
    def __missing__(self, name: str) -> float:
        return 0.0
