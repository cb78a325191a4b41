"""One recurrent cell as blocks by gate and a few facts: what stands between layouts and cells.

`Weights.cell` builds the cell, `weights_of` takes one apart. Blocks have npstack's orientation:
``W (D, H)``, ``U (P, H)``, ``b (H,)`` for each gate; the update gate of a GRU is the share of the
old state that is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from npstack.cells import LSTMCell, LSTMVariantCell, RNNCell
from npstack.cells.base import Cell
from npstack.cells.biases import NoBias, TwoBiases
from npstack.cells.gru import GRUCell
from npstack.cells.gru_reset_before import GRUResetBeforeCell
from npstack.cells.parts import (
    Activations,
    CellClip,
    Coupled,
    ForgetBias,
    Part,
    Peepholes,
    PreactivationClip,
    Projection,
)
from npstack.core.activations import Activation
from npstack.core.clipped import Clipped
from npstack.core.numerics import Array
from npstack.interop.layout import LETTERS, USUAL, Blocks, activation_of

GATES = {kind: tuple(letters.values()) for kind, letters in LETTERS.items()}
PEEPING = ("input", "forget", "output")


@dataclass(frozen=True)
class Weights:
    """The parameters of one cell, and what it computes with them.

    Attributes
    ----------
    kind : str
        lstm, gru or rnn.
    blocks : dict
        By role and gate. ``b`` and ``b_recurrent`` may be missing.
    activations : dict
        By gate, and ``cell`` of an LSTM.
    forget_bias : float
        Added at run time.
    clip, cell_clip, projection_clip : float or None
    coupled : bool
    reset : str
        Of a GRU: after or before the product.
    two_biases : bool
        The two biases are kept apart, and missing ones stay missing.
    """

    kind: str
    blocks: Blocks
    activations: Mapping[str, Any] = field(default_factory=dict)
    forget_bias: float = 0.0
    clip: float | None = None
    cell_clip: float | None = None
    projection_clip: float | None = None
    coupled: bool = False
    reset: str = "after"
    two_biases: bool = False

    @property
    def gates(self) -> tuple[str, ...]:
        """The gates that have weights."""
        left_out = ("forget",) if self.coupled else ()
        return tuple(gate for gate in GATES[self.kind] if gate not in left_out)

    def has(self, role: str) -> bool:
        """Whether there is an array of a role."""
        return any(own == role for own, _ in self.blocks)

    @property
    def input_size(self) -> int:
        """D."""
        return len(self.blocks["W", self.gates[0]])

    @property
    def hidden_size(self) -> int:
        """H."""
        return int(self.blocks["W", self.gates[0]].shape[1])

    @property
    def dtype(self) -> Any:
        """Of the parameters."""
        return self.blocks["W", self.gates[0]].dtype

    def without(self, *roles: str) -> Weights:
        """The same without the blocks of some roles."""
        return replace(self, blocks={k: v for k, v in self.blocks.items() if k[0] not in roles})

    def astype(self, dtype: Any) -> Weights:
        """The same with numbers of another type."""
        return replace(self, blocks={k: np.asarray(b, dtype) for k, b in self.blocks.items()})

    def packed(self, role: str, gates: tuple[str, ...] | None = None) -> Array:
        """The blocks of a role side by side; zeros where one is missing."""
        zeros = np.zeros(self.hidden_size, self.dtype)
        chosen = self.gates if gates is None else gates
        return np.concatenate([self.blocks.get((role, gate), zeros) for gate in chosen], axis=-1)

    def merged(self, gate: str) -> Array:
        """The sum of both biases of a gate; zeros where there are none."""
        one, two = self.blocks.get(("b", gate)), self.blocks.get(("b_recurrent", gate))
        if one is None or two is None:
            found = two if one is None else one
            return np.zeros(self.hidden_size, self.dtype) if found is None else found
        return np.asarray(one + two)

    def cell(self) -> Cell:
        """The cell that has these parameters."""
        inner_bias = self.kind == "gru" and self.reset == "after"
        own = [gate for gate in self.gates if not (inner_bias and gate == "candidate")]
        b = {gate: self.merged(gate) for gate in own}
        if inner_bias:
            zeros = np.zeros(self.hidden_size, self.dtype)
            b["candidate"] = self.blocks.get(("b", "candidate"), zeros)
        given = {"W": self.packed("W"), "U": self.packed("U")}
        given["b"] = np.concatenate([b[gate] for gate in self.gates])
        if inner_bias:
            given["b_recurrent"] = self.packed("b_recurrent", ("candidate",))
        made = {"lstm": self._lstm, "gru": self._gru, "rnn": self._rnn}[self.kind](given)
        if not self.two_biases:
            return made
        if not self.has("b") and not self.has("b_recurrent"):
            return NoBias(made)
        complete = all(("b_recurrent", gate) in self.blocks for gate in self.gates)
        if not complete:  # one bias, as npstack has it
            return made
        two = TwoBiases(made)
        apart = {"b": self.packed("b"), "b_recurrent": self.packed("b_recurrent")}
        two.params = {**two.params, **apart}
        return two

    def activation(self, gate: str) -> Activation:
        """The activation of a gate, without the clip of all."""
        value = {**USUAL[self.kind], **self.activations}[gate]
        return activation_of(value)

    def _lstm(self, given: dict[str, Array]) -> Cell:
        parts: list[Part] = []
        if self.forget_bias and not self.coupled:
            parts.append(ForgetBias(self.forget_bias))
        if self.has("P"):
            parts.append(Peepholes())
            given["P"] = self.packed("P", tuple(g for g in PEEPING if g in self.gates))
        if self.clip is not None:
            parts.append(PreactivationClip(self.clip))
        if self.coupled:
            parts.append(Coupled())
        chosen = {name: self.activation(name) for name in USUAL["lstm"]}
        if chosen != {name: Activation(value) for name, value in USUAL["lstm"].items()}:
            parts.append(Activations(**chosen))
        if self.cell_clip is not None:
            parts.append(CellClip(self.cell_clip))
        if self.has("R"):
            given["R"] = self.blocks["R", ""]
            parts.append(Projection(given["R"].shape[1], self.projection_clip))
        W, U, b = (given.pop(name) for name in ("W", "U", "b"))
        if not parts:
            return LSTMCell.from_params(W, U, b)
        return LSTMVariantCell.from_params(W, U, b, *parts, **given)

    def _chosen(self, gate: str) -> Activation:
        """An activation, behind a clip if there is one."""
        own = self.activation(gate)
        return own if self.clip is None else Clipped(own, self.clip)

    def _gru(self, given: dict[str, Array]) -> Cell:
        kind: Any = GRUCell if self.reset == "after" else GRUResetBeforeCell
        how = {"gate": self._chosen("update"), "candidate": self._chosen("candidate")}
        return kind.from_params(**given, **how)  # type: ignore[no-any-return]

    def _rnn(self, given: dict[str, Array]) -> Cell:
        return RNNCell.from_params(**given, activation=self._chosen("hidden"))


def complementary(activation: Activation) -> bool:
    """Whether ``1 - y(a) = y(-a)``, so that one minus a gate is the gate of the negated sum."""
    if isinstance(activation, Clipped):
        assert isinstance(activation.activation, Activation)
        return complementary(activation.activation)
    if activation.name in ("affine", "hard_sigmoid_fifth"):
        return activation.beta == 0.5
    return activation.name in ("sigmoid", "hard_sigmoid_sixth")


def turned_update(weights: Weights) -> Weights:
    """The same GRU with the other meaning of its update gate, if it is `complementary`."""
    blocks = {
        (role, gate): -block if gate == "update" else block
        for (role, gate), block in weights.blocks.items()
    }
    return replace(weights, blocks=blocks)
