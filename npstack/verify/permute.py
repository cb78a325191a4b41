"""A random order for the hidden units of every recurrent layer of a model, and what follows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from npstack.layers.base import Layer
from npstack.layers.composite import Composite
from npstack.layers.dense import Dense
from npstack.layers.embedding import Embedding
from npstack.layers.recurrent import Recurrent
from npstack.numerics import Array
from npstack.params import Params
from npstack.verify.trial import Trial, mapped, needs


@dataclass
class Permutation:
    """How everything is to be indexed when hidden units change places.

    Attributes
    ----------
    plan : dict
        For each parameter, one index array per axis.
    units : list of arrays (H,)
        The order of the units of each recurrent layer, bottom first.
    last : array, or None
        The order in which the features of the outputs come; None: as ever.
    noise : tree
        The trial's noise, in the new order.
    """

    rng: np.random.Generator
    plan: dict[str, tuple[Array, ...]] = field(default_factory=dict)
    units: list[Array] = field(default_factory=list)
    last: Array | None = None
    noise: Any = None

    def params(self, params: Params) -> dict[str, Array]:
        """Parameters, or their gradients, in the new order."""
        return {name: value[np.ix_(*self.plan[name])] for name, value in params.items()}

    def outgoing(self, outputs: Array) -> Array:
        """Outputs, or their gradients, in the new order."""
        return outputs if self.last is None else outputs[..., self.last]

    def states(self, states: Any) -> Any:
        """States in the new order: one per recurrent layer, or the one of a single layer."""
        if hasattr(states, "_fields"):
            return mapped(lambda a: a[:, self.units[0]], states)
        return tuple(
            mapped(lambda a, order=order: a[:, order], state)
            for state, order in zip(states, self.units, strict=True)
        )

    def add(self, layer: Layer, prefix: str, noise: Any) -> Any:
        """Plan for one more layer, which reads the features in the order ``self.last``."""
        if isinstance(layer, Composite):
            pairs = zip(layer.children.items(), noise, strict=True)
            return tuple(self.add(part, f"{prefix}{name}.", own) for (name, part), own in pairs)
        if not layer.params and layer.output_size is None:  # each feature for itself: Dropout
            return mapped(self.outgoing, noise)
        known = isinstance(layer, Recurrent | Dense | Embedding)
        needs(known, f"how the units of {type(layer).__name__} are wired is unknown")
        orders = {name: [np.arange(n) for n in a.shape] for name, a in layer.params.items()}
        if self.last is not None:
            orders["W"][0] = self.last
        self.last = None
        if isinstance(layer, Recurrent):
            H, gates = layer.hidden_size, len(layer.cell.record_type._fields)
            self.last = self.rng.permutation(H)
            self.units.append(self.last)
            orders["U"][0] = self.last
            for axes in orders.values():  # the last axis holds the gates, each of all units
                axes[-1] = np.concatenate([k * H + self.last for k in range(gates)])
        self.plan |= {f"{prefix}{name}": tuple(axes) for name, axes in orders.items()}
        return noise


def draw_permutation(trial: Trial) -> Permutation:
    """Draw an order for the units of every recurrent layer of a trial's layer."""
    permutation = Permutation(trial.rng)
    permutation.noise = permutation.add(trial.layer, "", trial.noise)
    return permutation
