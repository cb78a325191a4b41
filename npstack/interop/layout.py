"""How a framework stores the parameters of a recurrent layer, as data.

A `Layout` has a `Column` for each kind of cell, and a column a list of `Entry`, one for each array
that is stored. `Entry.split` cuts an array into blocks, one for each gate, in npstack's
orientation; `Entry.join` is its mirror image. Everything that is known of a framework is in
`known_layouts`; nothing here knows one.

Roles of arrays, with the shapes of their blocks:

============ ================================================= ===================
role         what it is                                        a gate's block
============ ================================================= ===================
W            input kernel                                      (D, H)
U            recurrent kernel                                  (P, H), P = H
WU           one kernel for x and h' joined                    (D, H) and (P, H)
b            bias, or that of the input if there are two       (H,)
b_recurrent  bias of the recurrent product                     (H,)
b_both       both, one after the other                         twice (H,)
P            peephole weights                                  (H,)
R            projection                                        (H, P), of no gate
============ ================================================= ===================
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from npstack.core.activations import Activation
from npstack.core.numerics import Array

Blocks = dict[tuple[str, str], Array]  # (role, gate) -> block

LSTM_USUAL = {
    **dict.fromkeys(("input", "forget", "output"), "sigmoid"),
    **dict.fromkeys(("candidate", "cell"), "tanh"),
}
USUAL = {
    "lstm": LSTM_USUAL,
    "gru": {"reset": "sigmoid", "update": "sigmoid", "candidate": "tanh"},
    "rnn": {"hidden": "tanh"},
}
LETTERS = {
    "lstm": dict(zip("ifgo", ("input", "forget", "candidate", "output"), strict=True)),
    "gru": dict(zip("rzn", ("reset", "update", "candidate"), strict=True)),
    "rnn": {"h": "hidden"},
}


class Entry(NamedTuple):
    """One array that a framework stores.

    Attributes
    ----------
    name : str
        Its name, where ``{layer}`` is the number of the layer and ``{direction}`` what the layout
        writes for a direction.
    role : str
        See the head of this module.
    gates : tuple of str
        The gates whose blocks it holds, in this order.
    turned : bool
        The gates lie along the first axis: ``y = W x``.
    optional : str
        A layer may be without it, and then without all others of the same word; empty if it must
        be there.
    reshaped : bool
        Each block has the shape (D, H), and the numbers of (H, D), row by row.
    axis : bool
        ``b_both`` has two rows, instead of two halves.
    reset : str
        Of a GRU of this form only.
    """

    name: str
    role: str
    gates: tuple[str, ...]
    turned: bool = False
    optional: str = ""
    reshaped: bool = False
    axis: bool = False
    reset: str = ""

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return 2 if self.role in ("W", "U", "WU", "R") or self.axis else 1

    def units(self, shape: tuple[int, ...]) -> int | None:
        """H, from the shape of the array; None if the shape cannot be right."""
        if len(shape) != self.ndim or 0 in shape:
            return None
        if self.role == "R":
            return shape[1 if self.turned else 0]
        size, count = shape[0 if self.turned else -1], len(self.gates)
        if self.role == "b_both" and not self.axis:
            count *= 2
        if self.axis and shape[0] != 2:
            return None
        return size // count if size % count == 0 else None

    def split(self, array: Array, units: int, width: int) -> Blocks:
        """The blocks of an array, by role and gate; ``width`` is that of ``h``."""
        if self.role == "R":
            return {("R", ""): array.T if self.turned else array}
        if self.role == "b_both":
            two = list(array) if self.axis else np.split(array, 2)
            return {
                (role, gate): block
                for role, half in zip(("b", "b_recurrent"), two, strict=True)
                for gate, block in zip(self.gates, np.split(half, len(self.gates)), strict=True)
            }
        whole = array.T if self.turned else array
        found: Blocks = {}
        for gate, block in zip(self.gates, np.split(whole, len(self.gates), axis=-1), strict=True):
            if self.reshaped:
                D, H = block.shape
                block = np.ascontiguousarray(block).reshape(H, D).T
            if self.role == "WU":
                found |= {("W", gate): block[:-width], ("U", gate): block[-width:]}
            else:
                found[self.role, gate] = block
        return found

    def join(self, blocks: Blocks) -> Array:
        """The array that holds these blocks: the mirror image of `split`."""
        if self.role == "R":
            whole = blocks["R", ""]
            return np.ascontiguousarray(whole.T if self.turned else whole)
        if self.role == "b_both":
            rows = [
                np.concatenate([blocks[role, gate] for gate in self.gates])
                for role in ("b", "b_recurrent")
            ]
            return np.stack(rows) if self.axis else np.concatenate(rows)
        made = []
        for gate in self.gates:
            if self.role == "WU":
                block = np.concatenate([blocks["W", gate], blocks["U", gate]])
            else:
                block = blocks[self.role, gate]
            if self.reshaped:
                block = np.ascontiguousarray(block.T).reshape(block.shape)
            made.append(block)
        whole = np.concatenate(made, axis=-1)
        return np.ascontiguousarray(whole.T if self.turned else whole)

    def done(self) -> str:
        """What is done with the array to bring it into npstack, in words."""
        words = []
        if self.turned:
            words.append("transposed")
        if self.reshaped:
            words.append("blocks reshaped")
        if self.role == "WU":
            words.append("cut into W and U")
        if self.role == "b_both":
            words.append("cut into two biases")
        return ", ".join(words)


@dataclass(frozen=True)
class Column:
    """How a layout stores one kind of cell.

    Attributes
    ----------
    entries : tuple of Entry
        In the order of the framework.
    clauses : dict of str
        Of docs/specification.md, by what they are about.
    directions : tuple of str
        What ``{direction}`` is replaced by: forward, backward.
    alone : str or None
        The same of a layer with one direction, if it differs from forward.
    stacked : bool
        The first axis of every array is that of the directions.
    forget_bias : float
        Added to the forget gate at run time, and stored nowhere.
    reset : tuple of str
        Forms of the GRU that it has: after or before the product; the first is usual.
    keeps : bool
        The update gate is the share of the old state that is kept; else, that is replaced.
    activations : dict of str
        Usual activations, by gate.
    choosable : bool
        Whether other activations can be chosen.
    fixed : tuple of str
        Gates whose activations cannot, though those of others can.
    has : frozenset of str
        What else it can do: clip, coupled, cell_clip, projection_clip, backwards.
    offers : frozenset of str
        The activations that can be chosen; empty for any.
    groups : tuple of tuple of str
        Gates that share one activation.
    merges : tuple of str
        How two directions are joined.
    inner_bias : bool
        Whether a GRU that resets after the product has a bias inside it.
    same_size : bool
        All layers of a stack have the same number of units.
    joints : str
        The characters that may stand between a prefix and a name: of ``encoder.kernel`` the dot.
    """

    entries: tuple[Entry, ...]
    directions: tuple[str, ...] = ("",)
    alone: str | None = None
    stacked: bool = False
    forget_bias: float = 0.0
    reset: tuple[str, ...] = ()
    keeps: bool = True
    activations: Mapping[str, str | Activation] = field(default_factory=dict)
    choosable: bool = False
    fixed: tuple[str, ...] = ()
    has: frozenset[str] = frozenset()
    offers: frozenset[str] = frozenset()
    groups: tuple[tuple[str, ...], ...] = ()
    merges: tuple[str, ...] = ("concat",)
    inner_bias: bool = True
    same_size: bool = False
    joints: str = "./:"
    clauses: Mapping[str, str] = field(default_factory=dict)

    @property
    def many(self) -> bool:
        """Whether names have the number of a layer."""
        return any("{layer}" in entry.name for entry in self.entries)

    @property
    def roles(self) -> set[str]:
        """What is stored; ``b_both`` counts as both biases, ``WU`` as both kernels."""
        found = {entry.role for entry in self.entries}
        return (
            found
            | ({"b", "b_recurrent"} if "b_both" in found else set())
            | ({"W", "U"} if "WU" in found else set())
        )

    def named(self, layer: int, direction: int, ways: int) -> Iterator[tuple[str, Entry]]:
        """The entries with their names in a layer and direction, of so many."""
        said = self.directions[direction]
        if ways == 1 and self.alone is not None:
            said = self.alone
        for entry in self.entries:
            yield entry.name.format(layer=layer, direction=said), entry

    def match(self, name: str, ndim: int) -> tuple[str, int | None, int, Entry] | None:
        """Prefix, layer, direction and entry of a name; None if it is not one of these arrays."""
        found = []
        for entry in sorted(self.entries, key=lambda entry: entry.ndim != ndim - self.stacked):
            said = [*enumerate(self.directions), *([] if self.alone is None else [(0, self.alone)])]
            for k, direction in said:
                pattern = re.escape(entry.name)
                pattern = pattern.replace(r"\{layer\}", r"(?P<layer>\d+)")
                pattern = pattern.replace(r"\{direction\}", re.escape(direction))
                prefix = rf"(?P<prefix>(?:.*[{re.escape(self.joints)}])?)"
                hit = re.fullmatch(rf"{prefix}{pattern}(?::0)?", name)
                if hit:
                    layer = hit.groupdict().get("layer")
                    number = None if layer is None else int(layer)
                    found.append((hit["prefix"], number, k, entry))
        # "backward/kernel" also ends in "kernel": the shortest prefix is that of the longest name
        return min(found, key=lambda own: len(own[0]), default=None)


@dataclass(frozen=True)
class Layout:
    """Everything about the storage of one framework's recurrent layers.

    ``print(layout)`` says it in words.

    Attributes
    ----------
    name : str
    what : str
        Which layers of which versions are meant.
    lstm, gru, rnn : Column or None
    live : bool
        Whether a test holds it against the running framework.
    """

    name: str
    what: str
    lstm: Column | None = None
    gru: Column | None = None
    rnn: Column | None = None
    live: bool = False

    def column(self, cell: str) -> Column | None:
        """The column of a kind of cell."""
        found: Column | None = getattr(self, cell)
        return found

    def __str__(self) -> str:
        from npstack.interop.layout_text import paragraph

        return paragraph(self)


def activation_of(value: str | Activation) -> Activation:
    """An activation, which may be given by its name."""
    return value if isinstance(value, Activation) else Activation(value)


def with_default(cell: str, column: Column, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """The activation of every gate: those given, else those of the layout, else the usual ones."""
    own = {**USUAL[cell], **column.activations}
    for name, value in (given or {}).items():
        if name == "gates":
            own |= {gate: value for gate in own if gate not in ("candidate", "cell", "hidden")}
    return own | {name: value for name, value in (given or {}).items() if name != "gates"}
