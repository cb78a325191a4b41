"""A random order for the hidden units of every recurrent layer of a model, and its effects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from npstack.core.numerics import Array
from npstack.core.params import Params
from npstack.core.trees import mapped
from npstack.layers.base import Layer
from npstack.layers.chain import Chain
from npstack.layers.dense import Dense
from npstack.layers.embedding import Embedding
from npstack.layers.parallel import Branches
from npstack.layers.recurrent import Recurrent
from npstack.layers.reversed import Reversed
from npstack.layers.skip import SkipConnected
from npstack.layers.time_distributed import TimeDistributed
from npstack.verify.laws.trial import Trial, needs


@dataclass
class Permutation:
    """The indices of all arrays when hidden units are permuted.

    Attributes
    ----------
    plan : dict
        For each parameter, one index array per axis.
    orders : list of states of arrays
        For each recurrent layer, bottom first: the order of every field of its state.
    last : array, or None
        The order of the features of the outputs; None if it does not change.
    noise : tree
        The noise of the trial, in the new order.
    """

    rng: np.random.Generator
    layer: Layer
    plan: dict[str, tuple[Array, ...]] = field(default_factory=dict)
    orders: list[Any] = field(default_factory=list)
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
        tree = self.layer.pack_states(tuple(self.orders))
        return mapped(lambda a, order: a[:, order], states, tree)

    def add(self, layer: Layer, prefix: str, noise: Any) -> Any:
        """Plan for one more layer, which reads the features in the order ``self.last``."""
        if isinstance(layer, Recurrent):
            return self._add_recurrent(layer, prefix, noise)
        if isinstance(layer, Branches):
            return self._add_branches(layer, prefix, noise)
        if isinstance(layer, SkipConnected):
            return self._add_skips(layer, prefix, noise)
        if isinstance(layer, Chain):
            pairs = zip(layer.children.items(), noise, strict=True)
            return tuple(self.add(part, f"{prefix}{name}.", own) for (name, part), own in pairs)
        if isinstance(layer, Reversed | TimeDistributed):
            return self.add(layer.layer, prefix, noise)
        if not layer.params and layer.output_size is None:  # each feature separately: Dropout
            return mapped(self.outgoing, noise)
        known = isinstance(layer, Dense | Embedding)
        needs(known, f"how the units of {type(layer).__name__} are wired is unknown")
        orders = {name: [np.arange(n) for n in a.shape] for name, a in layer.params.items()}
        if self.last is not None:
            orders["W"][0] = self.last
        self.last = None
        self.plan |= {f"{prefix}{name}": tuple(axes) for name, axes in orders.items()}
        return noise

    def _add_branches(self, layer: Branches, prefix: str, noise: Any) -> Any:
        """Plan for layers that read the same features, with outputs joined one after another."""
        needs(layer.merge == "concat", "branches that are joined element by element have one order")
        before, own, drawn = self.last, self.orders, []
        groups: list[tuple[Any, ...]] = []
        rows: list[Array] = []
        for (name, part), draws in zip(layer.children.items(), noise, strict=True):
            self.last, self.orders = before, []
            drawn.append(self.add(part, f"{prefix}{name}.", draws))
            size = part.output_size or layer.input_size or 0
            rows.append(np.arange(size) if self.last is None else self.last)
            groups.append(tuple(self.orders))
        self.orders = [*own, *layer.gather(groups)]
        self.last = _in_a_row(rows)
        return tuple(drawn)

    def _add_skips(self, layer: SkipConnected, prefix: str, noise: Any) -> Any:
        """Plan for layers that read ``[h_below, x]``, with outputs one after another."""
        x = np.arange(layer.input_size or 0) if self.last is None else self.last
        rows: list[Array] = []
        drawn = []
        for (name, part), draws in zip(layer.children.items(), noise, strict=True):
            below = rows[-1:]
            if layer.from_input or not rows:
                below = [*below, x]
            self.last = _in_a_row(below)
            drawn.append(self.add(part, f"{prefix}{name}.", draws))
            rows.append(np.arange(part.output_size or 0) if self.last is None else self.last)
        self.last = _in_a_row(rows) if layer.to_output else rows[-1]
        return tuple(drawn)

    def _add_recurrent(self, layer: Recurrent, prefix: str, noise: Any) -> Any:
        """Plan for a cell over time, from the axes of its parameters."""
        cell, H = layer.cell, layer.hidden_size
        own = {name for name in layer.params if not name.startswith("initial.")}
        known = cell.axes.keys() == own
        needs(known, f"how the units of {type(cell).__name__} are wired is unknown")
        units = self.rng.permutation(H)
        projected = any({"units", "h"} <= set(axes) for axes in cell.axes.values())
        h = self.rng.permutation(cell.output_size) if projected else units
        x = np.arange(layer.input_size or 0) if self.last is None else self.last
        order = {"x": x, "h": h, "units": units}

        def along(axis: Any) -> Array:
            if isinstance(axis, tuple):  # gates, each of all units
                return np.concatenate([k * H + units for k in range(len(axis))])
            return order[axis]

        state = cell.state_type(**{f: h if f == "h" else units for f in cell.state_sizes._fields})
        self.orders.append(state)
        for name, axes in cell.axes.items():
            self.plan[f"{prefix}{name}"] = tuple(map(along, axes))
        if layer.learn_initial:
            self.plan |= {f"{prefix}initial.{f}": (own,) for f, own in state._asdict().items()}
        self.last = h
        return mapped(lambda a, axis: a[..., order[axis]], noise, cell.noise_axes)


def _in_a_row(orders: list[Array]) -> Array:
    """The order of features in several groups, one after another."""
    ends = np.cumsum([0, *map(len, orders)])
    return np.concatenate([end + own for end, own in zip(ends, orders, strict=False)])


def draw_permutation(trial: Trial) -> Permutation:
    """Draw an order for the units of every recurrent layer of a trial's layer."""
    permutation = Permutation(trial.rng, trial.layer)
    permutation.noise = permutation.add(trial.layer, "", trial.noise)
    return permutation
