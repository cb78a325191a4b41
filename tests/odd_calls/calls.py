"""A usual call of every public function, and the kind of each of its arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from tests.odd_calls.kinds import KINDS, Odd


class Call(NamedTuple):
    """A usual call.

    Attributes
    ----------
    function : callable
    arguments : callable
        Makes them anew: they may be changed, or used up, by a call.
    kinds : dict
        By argument, the name of its kind; more than one word where it may be None, too.
    but : dict
        Outcomes that differ from those of the kind, by argument and what is odd; None where it is
        a usual value here.
    """

    function: Callable[..., Any]
    arguments: Callable[[], dict[str, Any]]
    kinds: Mapping[str, str]
    but: Mapping[tuple[str, str], str | None] = {}

    def odd(self) -> list[tuple[str, str, str]]:
        """Argument, what is odd about it, and the expected outcome."""
        usual = self.arguments()
        wanted = [
            (name, what, self.but.get((name, what), outcome))
            for name, kind in self.kinds.items()
            for what, _, outcome in odd_values(kind, usual[name])
        ]
        return [(name, what, outcome) for name, what, outcome in wanted if outcome]

    def value(self, name: str, what: str, usual: Any) -> Any:
        """An odd value, made anew."""
        found = {own: value for own, value, _ in odd_values(self.kinds[name], usual)}
        return found[what]


def odd_values(kind: str, usual: Any) -> list[Odd]:
    """All odd values of a kind; None is usual where the kind says so."""
    name, *optional = kind.split(" or ")
    return [odd for odd in KINDS[name](usual) if not (optional and odd[0] == "None")]


def draw() -> np.random.Generator:
    return np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal(shape)
