"""The base of laws: a statement about layers, and the code that tests it on a `Trial`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from npstack.core.numerics import Array
from npstack.layers.base import Layer
from npstack.verify.laws.trial import Trial, draw_trial


@dataclass(frozen=True)
class Law:
    """One law: callable on a layer and an input; ``statement`` is the law as a sentence."""

    name: str
    statement: str
    body: Callable[[Trial], None]

    def __call__(
        self,
        layer: Layer,
        x: Array,
        states: Any = None,
        *,
        mask: Array | None = None,
        resets: Array | None = None,
        rng: np.random.Generator,
        tolerance: float = 64.0,
    ) -> None:
        """Test the law.

        Parameters
        ----------
        layer : Layer
        x, states, mask, resets
            As for ``layer.forward``; states are random if absent.
        rng : numpy.random.Generator
            Draws cotangents, dropout, and the parameters: the layer's own, each changed a little.
        tolerance : float
            In eps, for laws that hold to rounding.

        Raises
        ------
        LawBroken
            With the place of the first difference.
        NotApplicable
            With the reason.
        """
        given: dict[str, Any] = {"mask": mask, "resets": resets}
        self.body(draw_trial(layer, x, states, **given, rng=rng, tolerance=tolerance))


def law(body: Callable[[Trial], None]) -> Law:
    """Make a law from a function of a `Trial`; its docstring is the statement."""
    return Law(body.__name__, " ".join((body.__doc__ or "").split()), body)
